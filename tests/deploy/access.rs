//! Replicas, services, network policies and ingress of the Helm chart.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use guarded_http::Destinations;
use serde_json::{Value, json};

use super::rendered::{all, container, the};

#[test]
fn selectors_match_the_server_pods() {
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
        // Only the metrics service exposes the metrics port.
        let is_metrics = |name: &Value, target: &Value| (name == "metrics") == (target == "metrics");
        assert!(ports.iter().all(|(name, target)| is_there(target) && is_metrics(name, target)), "{shape}");
    }
}

#[test]
fn replicas_are_set_by_deployment_or_autoscaler() {
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
fn pods_spread_over_nodes_and_zones() {
    for (shape, when) in [("default", "ScheduleAnyway"), ("placed", "DoNotSchedule")] {
        let template = &the(shape, "Deployment")["spec"]["template"];
        let spread = template["spec"]["topologySpreadConstraints"].as_array().expect("constraints");
        let keys: Vec<_> = spread.iter().map(|constraint| &constraint["topologyKey"]).collect();
        assert_eq!(keys, ["kubernetes.io/hostname", "topology.kubernetes.io/zone"]);
        for constraint in spread {
            assert_eq!((&constraint["whenUnsatisfiable"], &constraint["maxSkew"]), (&json!(when), &json!(1)));
            let selected = constraint["labelSelector"]["matchLabels"].as_object().expect("labels");
            let of_pod = &template["metadata"]["labels"];
            assert!(!selected.is_empty() && selected.iter().all(|(name, value)| of_pod[name] == *value));
        }
    }
    assert!(the("smallest", "Deployment")["spec"]["template"]["spec"]["topologySpreadConstraints"].is_null());
}

#[test]
fn network_policy_allows_only_required_egress() {
    let ports = |shape: &str| -> Vec<u64> {
        let rules = the(shape, "NetworkPolicy")["spec"]["egress"].as_array().expect("rules");
        rules.iter().filter_map(|rule| rule["ports"][0]["port"].as_u64()).collect()
    };
    assert_eq!(ports("default"), [53, 5432, 443, 8080]);
    assert_eq!(ports("settings"), [53, 5432, 443, 443, 8080]);
    assert_eq!(ports("network"), [53, 6432, 8080]);
    assert_eq!(ports("observed"), [53, 5432, 4317, 443, 8080]);
    assert_eq!(ports("inside"), [53, 5432, 8443, 8080]);
    let from = the("network", "NetworkPolicy")["spec"]["ingress"][0]["from"].as_array().expect("peers");
    assert_eq!(from.len(), 2, "the configured peer, and `helm test`");
    assert!(the("smallest", "NetworkPolicy").is_null());
}

#[test]
fn network_policy_opens_the_addresses_of_webhooks() {
    let peers = |shape: &str, rule: usize| {
        let rules = the(shape, "NetworkPolicy")["spec"]["egress"].as_array().expect("rules");
        rules[rule]["to"].as_array().expect("peers").iter().map(|peer| &peer["ipBlock"]).collect::<Vec<_>>()
    };
    let public = peers("default", 2);
    let block = |cidr: &Value| Block::of(cidr.as_str().expect("a block"));
    let open: Vec<(Block, Vec<Block>)> = public
        .iter()
        .map(|peer| {
            let except = peer["except"].as_array().expect("exceptions");
            (block(&peer["cidr"]), except.iter().map(block).collect())
        })
        .collect();
    let is_open = |address| {
        open.iter().any(|(block, except)| {
            block.contains(address) && !except.iter().any(|block| block.contains(address))
        })
    };
    let edges = open.iter().flat_map(|(block, except)| except.iter().chain([block])).flat_map(Block::edges);
    let edges: Vec<_> = edges.collect();
    assert!(edges.len() > 60, "{edges:?}");
    for edge in edges {
        assert_eq!(is_open(edge), Destinations::Public.allows(edge), "{edge}");
    }
    // All addresses are open when private networks are allowed.
    let cidrs: Vec<_> = peers("any", 2).iter().map(|block| block["cidr"].clone()).collect();
    assert_eq!(cidrs, ["::/0", "0.0.0.0/0"]);
    assert_eq!(peers("inside", 2)[0], &json!({"cidr": "10.1.0.0/16"}));
}

/// An address block as 128-bit numbers; IPv4 is mapped to IPv6.
struct Block {
    first: u128,
    last: u128,
    is_v4: bool,
}

impl Block {
    /// Of `10.0.0.0/8` or `2000::/3`.
    fn of(cidr: &str) -> Self {
        let (address, length) = cidr.split_once('/').expect("a length");
        let (address, length): (IpAddr, u32) = (address.parse().expect(cidr), length.parse().expect(cidr));
        let free = if address.is_ipv4() { 32 - length } else { 128 - length };
        let first = bits(address);
        Self {
            first,
            last: first + (1_u128.checked_shl(free).unwrap_or(0).wrapping_sub(1)),
            is_v4: address.is_ipv4(),
        }
    }

    fn contains(&self, address: IpAddr) -> bool {
        address.is_ipv4() == self.is_v4 && (self.first..=self.last).contains(&bits(address))
    }

    /// The first and last addresses, and their neighbours outside.
    fn edges(&self) -> Vec<IpAddr> {
        let beside = [self.first.wrapping_sub(1), self.first, self.last, self.last.wrapping_add(1)];
        let address = |bits: u128| match self.is_v4 {
            true => u32::try_from(bits).ok().map(|bits| Ipv4Addr::from_bits(bits).into()),
            false => Some(Ipv6Addr::from_bits(bits).into()),
        };
        beside.into_iter().filter_map(address).collect()
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

#[test]
fn http_and_grpc_have_an_ingress_each() {
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
