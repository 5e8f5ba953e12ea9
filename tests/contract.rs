//! The proto files as clients use them: no breaking changes, and code generation with Debian's protoc.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use prost_reflect::DescriptorPool;

use crate::support::{ROOT, clients, python_tool};

/// The contract that `buf breaking` compares with. `make proto-baseline` replaces it.
const BASELINE: &str = "tests/data/proto.baseline.binpb";

/// A directory that is removed at the end of the test.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("contract-{}", uuid::Uuid::now_v7().simple()));
        fs::create_dir(&path).expect("a directory");
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// `buf breaking` of the module in that directory.
fn buf_breaking(module: &Path) -> Output {
    let mut buf = Command::new(clients().join("node_modules/.bin/buf"));
    buf.arg("breaking").arg("--against").arg(Path::new(ROOT).join(BASELINE)).current_dir(module);
    buf.output().expect("buf: run make test")
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-rL").args([from, to]).status().expect("cp");
    assert!(copied.success());
}

#[test]
fn proto_files_are_compatible_with_the_baseline() {
    let output = buf_breaking(Path::new(ROOT));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn renumbered_field_breaks_the_baseline() {
    let module = Directory::new();
    copy(&Path::new(ROOT).join("buf.yaml"), &module.0.join("buf.yaml"));
    copy(&Path::new(ROOT).join("proto"), &module.0.join("proto"));
    let file = module.0.join("proto/switchboard/v1/label.proto");
    let text = fs::read_to_string(&file).expect("label.proto");
    fs::write(&file, text.replace("optional string color = 3", "optional string color = 9")).expect("a file");
    let output = buf_breaking(&module.0);
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success() && report.contains("label.proto"), "{report}");
}

#[test]
fn every_proto_file_has_a_go_package() {
    let pool = DescriptorPool::decode(switchboard::pb::DESCRIPTORS).expect("descriptors");
    let files = pool.files().map(|file| (file.name().to_owned(), file.file_descriptor_proto().clone()));
    let without =
        files.filter(|(_, file)| file.options.as_ref().is_none_or(|options| options.go_package().is_empty()));
    assert_eq!(without.map(|(name, _)| name).collect::<Vec<_>>(), Vec::<String>::new());
}

#[test]
fn protoc_generates_python_that_imports_beside_googleapis() {
    let generated = Directory::new();
    let proto = Path::new(ROOT).join("proto");
    let mut protoc = Command::new("protoc");
    protoc.arg("--proto_path").arg(&proto).arg("--python_out").arg(&generated.0);
    for folder in ["switchboard/v1", "transcode/v1", "google/api"] {
        let files = fs::read_dir(proto.join(folder)).expect("proto files");
        protoc.args(files.map(|file| file.expect("a file").path()));
    }
    let output = protoc.output().expect("protoc: run make test");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let mut python = python_tool("python");
    python.arg(clients().join("python/generated.py")).args([&proto, &generated.0]);
    let output = python.output().expect("python: run make test");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
