//! The Helm chart with TLS in the pods.

use serde_json::{Value, json};

use super::rendered::{container, is_mounted, the};

#[test]
fn ports_probes_and_test_use_the_scheme_of_the_pods() {
    let plain = ["http", "kubernetes.io/h2c"];
    for (shape, protocols, port, scheme) in [
        ("default", plain, json!("all"), Value::Null),
        ("tls", ["https"; 2], json!("all"), json!("HTTPS")),
        ("mutual", ["https"; 2], json!("metrics"), Value::Null),
    ] {
        let ports = &the(shape, "Service")["spec"]["ports"];
        assert_eq!([&ports[0]["appProtocol"], &ports[1]["appProtocol"]], protocols, "{shape}");
        let container = container(&the(shape, "Deployment")["spec"]["template"]["spec"]);
        for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
            let get = &container[probe]["httpGet"];
            assert_eq!((&get["port"], &get["scheme"]), (&port, &scheme), "{shape} {probe}");
        }
    }
    let test = |shape: &str| container(&the(shape, "Pod")["spec"])["args"].clone();
    assert_eq!(test("default"), json!(["healthcheck", "http://demo-switchboard:80"]));
    assert_eq!(test("tls"), json!(["healthcheck"]));
    assert!(the("mutual", "Pod").is_null(), "it has no client certificate");
}

#[test]
fn tls_files_are_mounted_at_their_settings() {
    for (shape, expected) in [("default", 0), ("tls", 2), ("mutual", 3)] {
        let pod = &the(shape, "Deployment")["spec"]["template"]["spec"];
        let data = the(shape, "ConfigMap")["data"].as_object().expect("settings");
        let files = data.iter().filter(|(name, _)| name.starts_with("SWITCHBOARD_TLS_"));
        let files: Vec<_> = files.map(|(_, file)| file.as_str().expect("a path")).collect();
        assert_eq!(files.len(), expected, "{shape}: {files:?}");
        assert!(files.iter().all(|file| is_mounted(pod, file)), "{shape}: {files:?}");
    }
}
