//! The rendered Helm chart.

use std::io::Write;
use std::process::Stdio;
use std::sync::LazyLock;

use serde_json::{Value, json};

use super::shapes::shapes;
use crate::support::{ROOT, clients, python_tool};

/// The chart's own values and schema, and each shape rendered.
pub static CHART: LazyLock<Value> = LazyLock::new(|| render(&json!(shapes())));

pub fn render(sets: &Value) -> Value {
    let mut command = python_tool("python");
    command.arg(clients().join("helm/render.py")).arg(format!("{ROOT}/helm/switchboard"));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("python");
    child.stdin.take().expect("piped").write_all(sets.to_string().as_bytes()).expect("it reads the values");
    let output = child.wait_with_output().expect("python");
    assert!(output.status.success(), "tests/clients/helm/render.py: {}", output.status);
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Every manifest of a kind, in every shape.
pub fn all(kind: &str) -> impl Iterator<Item = (&'static str, &'static Value)> {
    let sets = CHART["sets"].as_object().expect("shapes").iter();
    let manifests = sets.flat_map(|(name, set)| {
        let manifests = set["manifests"].as_array().unwrap_or_else(|| panic!("{name}: {set}"));
        manifests.iter().map(|manifest| (name.as_str(), manifest))
    });
    let kind = kind.to_owned();
    manifests.filter(move |(_, manifest)| manifest["kind"] == *kind)
}

/// The only manifest of a kind in a shape; `null` when there is none.
pub fn the(shape: &str, kind: &str) -> &'static Value {
    let mut found = all(kind).filter(|(name, _)| *name == shape);
    let manifest = found.next().map_or(&Value::Null, |(_, manifest)| manifest);
    assert!(found.next().is_none(), "two of {kind} in {shape}");
    manifest
}

/// The pods of every shape, with the name of their controller.
pub fn pods() -> impl Iterator<Item = (String, &'static Value)> {
    let templates = ["Deployment", "Job"]
        .into_iter()
        .flat_map(all)
        .map(|(shape, manifest)| (shape, manifest, "/spec/template/spec"));
    templates.chain(all("Pod").map(|(shape, manifest)| (shape, manifest, "/spec"))).map(
        |(shape, manifest, path)| {
            (format!("{} of {shape}", manifest["kind"]), manifest.pointer(path).expect("a pod"))
        },
    )
}

pub fn container(pod: &Value) -> &Value {
    assert_eq!(pod["containers"].as_array().map(Vec::len), Some(1), "{pod}");
    &pod["containers"][0]
}

/// Whether a file is mounted in a pod's container with restricted permissions.
pub fn is_mounted(pod: &'static Value, file: &str) -> bool {
    let Some((folder, name)) = file.rsplit_once('/') else { return false };
    let find = |list: &'static Value, key: &str, wanted: &Value| {
        list.as_array().into_iter().flatten().find(|item| item[key] == *wanted)
    };
    let mount = find(&container(pod)["volumeMounts"], "mountPath", &json!(folder));
    // A `subPath` mount is not updated with its volume.
    let Some(mount) = mount.filter(|mount| mount["subPath"].is_null()) else { return false };
    let volume =
        find(&pod["volumes"], "name", &mount["name"]).map_or(&Value::Null, |volume| &volume["projected"]);
    let sources = volume["sources"].as_array().into_iter().flatten();
    let items = sources.flat_map(|source| [&source["secret"]["items"], &source["configMap"]["items"]]);
    let mut paths = items.filter_map(Value::as_array).flatten().map(|item| &item["path"]);
    volume["defaultMode"] == 0o440 && paths.any(|path| path == name)
}
