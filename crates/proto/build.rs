//! Compiles `proto/` without protoc, and generates the REST routes, the validation of requests and the OpenAPI documents.

#[path = "build/failures.rs"]
mod failures;
#[path = "build/ingest_json.rs"]
mod ingest_json;
#[path = "build/media.rs"]
mod media;
#[path = "build/message_types.rs"]
mod message_types;
#[path = "build/methods.rs"]
mod methods;
#[path = "build/openapi.rs"]
mod openapi;
#[path = "build/secrets.rs"]
mod secrets;
#[path = "build/webhooks.rs"]
mod webhooks;

use std::error::Error;
use std::path::PathBuf;

use transcode_build::prost_reflect::DescriptorPool;
use transcode_build::prost_reflect::prost_types::FileDescriptorSet;
use transcode_build::prost_reflect::prost_types::field_descriptor_proto::Type;

/// The protos, as other compilers see them.
const PROTO: &str = "../../proto";

fn main() {
    for input in [PROTO, "build"] {
        println!("cargo:rerun-if-changed={input}");
    }
    if let Err(error) = generate() {
        // Printed rather than returned: `main` would show it with Debug.
        eprintln!("{error}");
        std::process::exit(1);
    }
}

fn generate() -> Result<(), Box<dyn Error>> {
    let out_dir = PathBuf::from(std::env::var("OUT_DIR")?);
    let write = |name: &str, content: &[u8]| std::fs::write(out_dir.join(name), content);
    let model =
        transcode_build::compile(&transcode_build::proto_files(format!("{PROTO}/switchboard"))?, &[PROTO])?;
    write("descriptors.bin", model.descriptors())?;
    write("methods.rs", methods::write(&model)?.as_bytes())?;
    write("redact.rs", secrets::write(&model)?.as_bytes())?;
    write("validation.rs", model.validators("crate")?.as_bytes())?;
    write("transcode.rs", model.routes("crate")?.as_bytes())?;
    for (name, content) in openapi::write(&model)? {
        write(&name, content.as_bytes())?;
    }
    let mut set = prost::Message::decode(model.descriptors())?;
    read_as_bytes(&mut set, "IngestRequest", "event")?;
    let mut config = prost_build::Config::new();
    // The name of a request's type is part of its idempotency key.
    config.enable_type_names();
    config.bytes([".switchboard.v1.IngestRequest.event"]);
    let pool = DescriptorPool::decode(model.descriptors())?;
    let notices = message_types::write(&pool).ok_or("there are no (switchboard.v1.message_types)")?;
    write("message_types.rs", notices.as_bytes())?;
    ingest_json::configure(&mut config, &pool);
    tonic_prost_build::configure().build_client(true).btree_map(".").compile_fds_with_config(set, config)?;
    Ok(())
}

/// Generates a message field as bytes, which have the same encoding: the service decodes each event by itself, so that an
/// invalid event does not fail the stream.
fn read_as_bytes(set: &mut FileDescriptorSet, message: &str, field: &str) -> Result<(), Box<dyn Error>> {
    let messages = set.file.iter_mut().flat_map(|file| &mut file.message_type);
    let fields = messages.filter(|found| found.name() == message).flat_map(|message| &mut message.field);
    let found = fields.into_iter().find(|found| found.name() == field);
    let found = found.ok_or_else(|| format!("there is no {message}.{field}"))?;
    found.set_type(Type::Bytes);
    found.type_name = None;
    Ok(())
}
