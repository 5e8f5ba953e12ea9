//! Generates messages, services and REST routes.

use std::error::Error;
use std::path::PathBuf;

const PROTOS: [(&str, &str, &str); 2] = [
    ("library", "../../../transcode-build/examples", "library/v1/library.proto"),
    ("echo", "proto", "echo/v1/echo.proto"),
];

fn main() -> Result<(), Box<dyn Error>> {
    let out_dir = PathBuf::from(std::env::var("OUT_DIR")?);
    for (name, root, file) in PROTOS {
        let file = PathBuf::from(root).join(file);
        println!("cargo:rerun-if-changed={}", file.display());
        let model = transcode_build::compile(&[file], &[root])?;
        std::fs::write(out_dir.join(format!("{name}.routes.rs")), model.routes("super::pb")?)?;
        let descriptors = prost::Message::decode(model.descriptors())?;
        tonic_prost_build::configure()
            .build_client(false)
            .build_transport(false)
            .btree_map(".")
            .compile_fds(descriptors)?;
    }
    Ok(())
}
