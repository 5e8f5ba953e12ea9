//! Compiles `proto/` without protoc, generates what serves its REST routes (see `crates/transcode`), and compresses what
//! the binary carries for browsers.

#[path = "build/assets.rs"]
mod assets;
#[path = "build/generate.rs"]
mod generate;
#[path = "build/messages.rs"]
mod messages;
#[path = "build/model.rs"]
mod model;
#[path = "build/read.rs"]
mod read;
#[path = "build/rules.rs"]
mod rules;
#[path = "build/rust.rs"]
mod rust;
#[path = "build/secrets.rs"]
mod secrets;

use std::error::Error;
use std::path::{Path, PathBuf};

use prost_reflect::DescriptorPool;
use prost_reflect::prost_types::FileDescriptorSet;
use prost_reflect::prost_types::field_descriptor_proto::Type;

/// What the binary carries for browsers: what shows the OpenAPI document to people, and the inbox.
const COMPRESSED: [&str; 3] =
    ["assets/openapi-explorer/openapi-explorer.min.js", "assets/inbox/inbox.css", "assets/inbox/inbox.js"];

fn main() {
    println!("cargo:rerun-if-changed=proto");
    println!("cargo:rerun-if-changed=crates/transcode-build/proto");
    for asset in COMPRESSED {
        println!("cargo:rerun-if-changed={asset}");
    }
    println!("cargo:rerun-if-changed=build");
    // Embedded by a macro, which cannot tell cargo of a file that is new.
    println!("cargo:rerun-if-changed=migrations");
    if let Err(error) = generate() {
        // Printed rather than returned: `main` would show it with Debug.
        eprintln!("{error}");
        std::process::exit(1);
    }
}

fn generate() -> Result<(), Box<dyn Error>> {
    let out_dir = PathBuf::from(std::env::var("OUT_DIR")?);
    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_imports(true).include_source_info(true);
    compiler.open_files(proto_files(Path::new("proto/switchboard"))?)?;
    // Encoded at once: the decoded set would have lost the options that are extensions.
    let encoded = compiler.encode_file_descriptor_set();
    std::fs::write(out_dir.join("descriptors.bin"), &encoded)?;

    let services = read::services(&DescriptorPool::decode(encoded.as_slice())?)?;
    rules::check(&services)?;
    std::fs::write(out_dir.join("methods.rs"), generate::methods(&services))?;
    std::fs::write(out_dir.join("redact.rs"), secrets::redactions(&services)?)?;
    std::fs::write(out_dir.join("transcode.rs"), generate::routes(&services)?)?;

    let mut set = prost::Message::decode(encoded.as_slice())?;
    read_as_bytes(&mut set, "IngestRequest", "event")?;
    let mut config = prost_build::Config::new();
    // A request's name is what an idempotency key's use is told apart by.
    config.enable_type_names();
    config.bytes([".switchboard.v1.IngestRequest.event"]);
    tonic_prost_build::configure().build_client(true).btree_map(".").compile_fds_with_config(set, config)?;
    for asset in COMPRESSED {
        assets::compress(Path::new(asset), &out_dir)?;
    }
    Ok(())
}

/// Has the field, a message, generated as bytes: the two are the same on the wire, and whoever reads it can tell what is
/// wrong inside of it from what is wrong around it.
fn read_as_bytes(set: &mut FileDescriptorSet, message: &str, field: &str) -> Result<(), Box<dyn Error>> {
    let messages = set.file.iter_mut().flat_map(|file| &mut file.message_type);
    let fields = messages.filter(|found| found.name() == message).flat_map(|message| &mut message.field);
    let found = fields.into_iter().find(|found| found.name() == field);
    let found = found.ok_or_else(|| format!("there is no {message}.{field}"))?;
    found.set_type(Type::Bytes);
    found.type_name = None;
    Ok(())
}

/// Every `.proto` below a directory, in the order of their names.
fn proto_files(directory: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(proto_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
