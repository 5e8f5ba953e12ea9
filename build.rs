//! Compiles `proto/` without protoc.

use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let out_dir = std::env::var("OUT_DIR")?;
    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_imports(true).include_source_info(true);
    compiler.open_files(["switchboard/v1/chat.proto", "switchboard/v1/session.proto"])?;
    let encoded = compiler.encode_file_descriptor_set();
    std::fs::write(Path::new(&out_dir).join("descriptors.bin"), &encoded)?;
    let set = prost::Message::decode(encoded.as_slice())?;
    tonic_prost_build::configure().build_client(true).btree_map(".").compile_fds(set)?;
    println!("cargo:rerun-if-changed=proto");
    Ok(())
}
