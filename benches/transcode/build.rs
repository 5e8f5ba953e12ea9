//! Generates the other transcoder's glue for `bench.proto`, as its documentation says.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=bench.proto");
    println!("cargo:rerun-if-changed=../../proto");
    let mut compiler = protox::Compiler::new([".", "../../proto"])?;
    compiler.include_imports(true).include_source_info(true);
    compiler.open_file("bench.proto")?;
    let descriptors = compiler.encode_file_descriptor_set();
    tonic_prost_build::configure()
        .build_client(false)
        .build_transport(false)
        .compile_well_known_types(true)
        .extern_path(".google.protobuf", "::pbjson_types")
        .compile_fds(prost::Message::decode(descriptors.as_slice())?)?;
    pbjson_build::Builder::new()
        .register_descriptors(&descriptors)?
        .emit_fields()
        .preserve_proto_field_names()
        .build(&[".bench", ".switchboard.v1"])?;
    rest_over_grpc::build::compile_fds(&descriptors, std::env::var("OUT_DIR")?)?;
    Ok(())
}
