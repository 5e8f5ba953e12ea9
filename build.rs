//! Compresses assets that the binary carries for browsers, so that nothing is compressed per request.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

/// The viewer of the OpenAPI document, and the inbox.
const COMPRESSED: [&str; 3] = ["assets/docs/scalar.js", "assets/inbox/inbox.css", "assets/inbox/inbox.js"];

fn main() -> std::io::Result<()> {
    let out_dir = PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default());
    COMPRESSED.iter().try_for_each(|asset| {
        println!("cargo:rerun-if-changed={asset}");
        compress(Path::new(asset), &out_dir)
    })
}

/// Writes `<out_dir>/<name>.gz`.
fn compress(file: &Path, out_dir: &Path) -> std::io::Result<()> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let mut compressed = GzEncoder::new(Vec::new(), Compression::best());
    compressed.write_all(&fs::read(file)?)?;
    fs::write(out_dir.join(format!("{name}.gz")), compressed.finish()?)
}
