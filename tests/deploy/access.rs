//! How many pods the Helm chart runs, and the ways to and from them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::rendered::{all, container, the};

#[test]
fn who_selects_pods_selects_the_servers() {
    let contains = |labels: &Value, selector: &Value| {
        let selector = selector.as_object().expect("a selector");
        !selector.is_empty() && selector.iter().all(|(name, value)| labels[name] == *value)
    };
    for (shape, deployment) in all("Deployment") {
        let labels = &deployment["spec"]["template"]["metadata"]["labels"];
        let services = || all("Service").filter(|(of, _)| *of == shape).map(|(_, service)| &service["spec"]);
        assert!(services().all(|service| contains(labels, &service["selector"])), "{shape}");
        for job in [the(shape, "Job"), the(shape, "Pod")].into_iter().filter(|other| !other.is_null()) {
            let other = job.pointer("/spec/template/metadata/labels").unwrap_or(&job["metadata"]["labels"]);
            assert!(services().all(|service| !contains(other, &service["selector"])), "{shape}");
        }
        for kind in ["PodDisruptionBudget", "NetworkPolicy"] {
            let manifest = the(shape, kind);
            let selector = manifest["spec"].get("selector").or(manifest["spec"].get("podSelector"));
            assert!(
                selector.is_none_or(|selector| contains(labels, &selector["matchLabels"])),
                "{shape} {kind}"
            );
        }
        let ports = services().flat_map(|service| service["ports"].as_array().expect("ports"));
        let ports: Vec<_> = ports.map(|port| (&port["name"], &port["targetPort"])).collect();
        let of_pods = container(&deployment["spec"]["template"]["spec"])["ports"].as_array().expect("ports");
        let is_there = |target: &Value| of_pods.iter().any(|port| port["name"] == *target);
        // Metrics are for those who are meant to have them.
        let is_metrics = |name: &Value, target: &Value| (name == "metrics") == (target == "metrics");
        assert!(ports.iter().all(|(name, target)| is_there(target) && is_metrics(name, target)), "{shape}");
    }
}

#[test]
fn pods_are_counted_by_one_of_two_and_kept_when_there_are_several() {
    assert_eq!(the("default", "Deployment")["spec"]["replicas"], 2);
    assert!(the("default", "HorizontalPodAutoscaler").is_null());
    assert!(the("scaled", "Deployment")["spec"]["replicas"].is_null());
    let scaler = &the("scaled", "HorizontalPodAutoscaler")["spec"];
    assert_eq!((&scaler["minReplicas"], &scaler["maxReplicas"]), (&json!(3), &json!(9)));
    for (shape, is_kept) in [("default", true), ("scaled", true), ("smallest", false)] {
        assert_eq!(the(shape, "PodDisruptionBudget").is_object(), is_kept, "{shape}");
    }
}

#[test]
fn pods_talk_to_whom_they_must_and_no_others() {
    let ports = |shape: &str| -> Vec<u64> {
        let rules = the(shape, "NetworkPolicy")["spec"]["egress"].as_array().expect("rules");
        rules.iter().filter_map(|rule| rule["ports"][0]["port"].as_u64()).collect()
    };
    assert_eq!(ports("default"), [53, 5432, 8080]);
    assert_eq!(ports("settings"), [53, 5432, 443, 8080]);
    assert_eq!(ports("network"), [53, 6432, 8080]);
    assert_eq!(ports("observed"), [53, 5432, 4317, 8080]);
    let from = the("network", "NetworkPolicy")["spec"]["ingress"][0]["from"].as_array().expect("peers");
    assert_eq!(from.len(), 2, "the one that is named, and `helm test`");
    assert!(the("smallest", "NetworkPolicy").is_null());
}

#[test]
fn http_and_grpc_each_have_their_way_in() {
    let ways: Vec<_> = all("Ingress")
        .map(|(_, ingress)| {
            let rule = &ingress["spec"]["rules"][0];
            (
                rule["host"].as_str().unwrap_or_default(),
                &rule["http"]["paths"][0]["backend"]["service"]["port"]["name"],
            )
        })
        .collect();
    assert_eq!(ways, [("grpc.acme.example", &json!("grpc")), ("inbox.acme.example", &json!("http"))]);
    let service: BTreeMap<_, _> = the("gateway", "Service")["spec"]["ports"]
        .as_array()
        .expect("ports")
        .iter()
        .map(|port| (port["name"].as_str().unwrap_or_default(), (&port["port"], &port["appProtocol"])))
        .collect();
    assert_eq!(service["grpc"].1, "kubernetes.io/h2c");
    for (kind, port) in [("HTTPRoute", "http"), ("GRPCRoute", "grpc")] {
        let route = the("gateway", kind);
        assert_eq!(route["apiVersion"], "gateway.networking.k8s.io/v1");
        assert_eq!(&route["spec"]["rules"][0]["backendRefs"][0]["port"], service[port].0);
        assert_eq!(route["spec"]["parentRefs"], json!([{"name": "public", "namespace": "gateways"}]));
    }
}
