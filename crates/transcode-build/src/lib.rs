//! Generates REST routes and an OpenAPI document from annotated protos, in a build script.
//!
//! [`compile`] reads the protos, with their `google.api.http` annotations and the options of `transcode/v1/options.proto`,
//! and checks them. The [`Model`] that it returns is the one source of the routes ([`Model::routes`]), which the crate
//! `transcode` serves, and of the OpenAPI document ([`openapi`]). It is public, so that a service can generate code from
//! options of its own; [`names`] spells the types and fields that prost and tonic generate.

mod error;
mod expressions;
mod messages;
mod model;
pub mod names;
pub mod openapi;
mod options;
mod read;
mod routes;
mod rules;
mod status;
mod validate;

use std::path::{Path, PathBuf};

use prost_reflect::DescriptorPool;

pub use error::Error;
pub use model::{Api, Binding, Body, Method, Route, Service};
pub use options::{
    Behavior, Constraints, Dialect, ErrorEnvelope, FieldJson, FieldNames, PatchNull, RequestHeader,
    StatusOverride,
};
/// The descriptors that the model refers to, and the reading of options that this crate does not know.
pub use prost_reflect;

/// The directory with `transcode/v1/options.proto` and `google/api/annotations.proto`, for other proto compilers.
pub const PROTO_DIR: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/proto");

/// The services of compiled protos, with their REST routes.
pub struct Model {
    descriptors: Vec<u8>,
    pool: DescriptorPool,
    services: Vec<Service>,
}

/// Compiles protos and reads their annotations.
///
/// `files` are paths below one of the directories `includes`; [`PROTO_DIR`] is searched last. Fails with the proto file
/// and line of the first annotation that cannot be served.
pub fn compile(files: &[impl AsRef<Path>], includes: &[impl AsRef<Path>]) -> Result<Model, Error> {
    let shipped = std::iter::once(PathBuf::from(PROTO_DIR));
    let includes = includes.iter().map(|include| include.as_ref().to_owned()).chain(shipped);
    let mut compiler = protox::Compiler::new(includes)?;
    compiler.include_imports(true).include_source_info(true).open_files(files)?;
    // Encoded at once: a decoded `FileDescriptorSet` has lost the options that are extensions.
    Model::read(compiler.encode_file_descriptor_set())
}

/// Every `.proto` file below a directory, sorted by path.
pub fn proto_files(directory: impl AsRef<Path>) -> std::io::Result<Vec<PathBuf>> {
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

impl Model {
    fn read(descriptors: Vec<u8>) -> Result<Self, Error> {
        let pool = DescriptorPool::decode(descriptors.as_slice())?;
        let services = read::services(&pool)?;
        rules::check(&services)?;
        Ok(Self { descriptors, pool, services })
    }

    /// The encoded `FileDescriptorSet`, with imports, comments and all options.
    pub fn descriptors(&self) -> &[u8] {
        &self.descriptors
    }

    /// All services, in the order of their files.
    pub fn services(&self) -> &[Service] {
        &self.services
    }

    /// The services with REST routes, grouped by the prefix of their dialect.
    pub fn apis(&self) -> Vec<Api<'_>> {
        Api::group(&self.services)
    }

    /// Rust source with the routes of every service, to be served by the crate `transcode`.
    ///
    /// `messages` is the path of the module that holds what prost and tonic generate, such as `crate::pb`. The source has a
    /// function `<service>_routes` and a static `<SERVICE>` (its dialect) for each service with REST routes.
    pub fn routes(&self, messages: &str) -> Result<String, Error> {
        routes::write(&self.services, messages)
    }

    /// Rust source that checks the requests of every service against their constraints, for gRPC and REST alike.
    ///
    /// It implements the trait of each service for `transcode::Validated<S, C>`, where `S` implements it, and `C` the trait
    /// `Checks` of the source: a function for each name in [`Constraints::check`].
    pub fn validators(&self, messages: &str) -> Result<String, Error> {
        validate::write(&self.services, messages)
    }
}
