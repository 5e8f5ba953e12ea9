//! Generates the code of `rest_over_grpc` for `bench.proto`.

use std::error::Error;

use prost_reflect::{DescriptorPool, DynamicMessage, Value};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=bench.proto");
    println!("cargo:rerun-if-changed=../../proto");
    let mut compiler = protox::Compiler::new([".", "../../proto"])?;
    compiler.include_imports(true).include_source_info(true);
    compiler.open_file("bench.proto")?;
    let descriptors = without_imported_services("bench.proto", &compiler.encode_file_descriptor_set())?;
    let descriptors = descriptors.as_slice();
    tonic_prost_build::configure()
        .build_client(false)
        .build_transport(false)
        .compile_well_known_types(true)
        .extern_path(".google.protobuf", "::pbjson_types")
        .compile_fds(prost::Message::decode(descriptors)?)?;
    pbjson_build::Builder::new()
        .register_descriptors(descriptors)?
        .emit_fields()
        .preserve_proto_field_names()
        .build(&[".bench", ".switchboard.v1"])?;
    rest_over_grpc::build::compile_fds(descriptors, std::env::var("OUT_DIR")?)?;
    Ok(())
}

/// Removes the services of imported files from the descriptors.
/// Reflection keeps the options that it does not know.
fn without_imported_services(file: &str, descriptors: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    let set = DescriptorPool::global().get_message_by_name("google.protobuf.FileDescriptorSet");
    let mut set = DynamicMessage::decode(set.ok_or("FileDescriptorSet has no descriptor")?, descriptors)?;
    let files = set.get_field_by_name_mut("file").and_then(Value::as_list_mut).ok_or("no files")?;
    for other in files.iter_mut().filter_map(Value::as_message_mut) {
        if other.get_field_by_name("name").is_none_or(|name| name.as_str() != Some(file)) {
            other.clear_field_by_name("service");
        }
    }
    Ok(prost::Message::encode_to_vec(&set))
}
