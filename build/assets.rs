//! Compresses assets that the binary carries for browsers, so that nothing is compressed per request.

use std::fs;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

/// Writes `<out_dir>/<name>.gz`.
pub fn compress(file: &Path, out_dir: &Path) -> std::io::Result<()> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let mut compressed = GzEncoder::new(Vec::new(), Compression::best());
    compressed.write_all(&fs::read(file)?)?;
    fs::write(out_dir.join(format!("{name}.gz")), compressed.finish()?)
}
