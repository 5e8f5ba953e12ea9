//! Generates the types of the options that the crate reads.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let files = protox::compile(["transcode/v1/options.proto", "google/api/annotations.proto"], ["proto"])?;
    // The comments of google/api show YAML and protobuf, which rustdoc would compile as Rust.
    prost_build::Config::new().disable_comments([".google"]).compile_fds(files)?;
    Ok(())
}
