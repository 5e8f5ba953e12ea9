//! The Helm chart when the pods themselves speak TLS.

use serde_json::{Value, json};

use super::rendered::{container, is_mounted, the};

#[test]
fn whoever_talks_to_the_pods_knows_how_they_speak() {
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
            let asked = &container[probe]["httpGet"];
            assert_eq!((&asked["port"], &asked["scheme"]), (&port, &scheme), "{shape} {probe}");
        }
    }
    let test = |shape: &str| container(&the(shape, "Pod")["spec"])["args"].clone();
    assert_eq!(test("default"), json!(["healthcheck", "http://demo-switchboard:80"]));
    assert_eq!(test("tls"), json!(["healthcheck"]));
    assert!(the("mutual", "Pod").is_null(), "it has no certificate to show");
}

#[test]
fn the_files_of_the_certificate_are_where_the_service_looks_for_them() {
    for (shape, expected) in [("default", 0), ("tls", 2), ("mutual", 3)] {
        let pod = &the(shape, "Deployment")["spec"]["template"]["spec"];
        let data = the(shape, "ConfigMap")["data"].as_object().expect("settings");
        let files = data.iter().filter(|(name, _)| name.starts_with("SWITCHBOARD_TLS_"));
        let files: Vec<_> = files.map(|(_, file)| file.as_str().expect("a path")).collect();
        assert_eq!(files.len(), expected, "{shape}: {files:?}");
        assert!(files.iter().all(|file| is_mounted(pod, file)), "{shape}: {files:?}");
    }
}
