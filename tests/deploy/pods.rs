//! The pods of the Helm chart: their security, probes, shutdown and configuration.

use serde_json::{Value, json};

use super::rendered::{CHART, all, container, is_mounted, pods, the};

#[test]
fn every_shape_passes_helm_and_kubernetes_schemas() {
    for (name, set) in CHART["sets"].as_object().expect("shapes") {
        let complaints = set["complaints"].as_array().unwrap_or_else(|| panic!("{name}: {set}"));
        // The Gateway API and the Prometheus operator are extensions: Kubernetes has no schemas of them.
        const EXTENSIONS: [&str; 4] = ["GRPCRoute", "HTTPRoute", "ServiceMonitor", "PrometheusRule"];
        let real = complaints.iter().filter(|complaint| {
            let text = complaint.as_str().unwrap_or_default();
            !EXTENSIONS.iter().any(|kind| text.starts_with(&format!("{kind} is unknown")))
        });
        assert_eq!(real.collect::<Vec<_>>(), Vec::<&Value>::new(), "{name}");
    }
    assert_eq!(CHART["metadata"]["appVersion"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn every_pod_meets_the_restricted_standard() {
    for (name, pod) in pods() {
        let of_pod = &pod["securityContext"];
        assert_eq!(of_pod["runAsNonRoot"], true, "{name}");
        assert!(of_pod["runAsUser"].as_u64().is_some_and(|user| user >= 10_000), "{name}");
        assert_eq!(of_pod["seccompProfile"]["type"], "RuntimeDefault", "{name}");
        assert_eq!(
            (&pod["automountServiceAccountToken"], &pod["enableServiceLinks"]),
            (&json!(false), &json!(false)),
            "{name}"
        );
        let container = container(pod);
        let expected = json!({
            "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]},
        });
        assert_eq!(container["securityContext"], expected, "{name}");
        assert!(container["resources"]["limits"]["memory"].is_string(), "{name}");
        for what in ["hostNetwork", "hostPID", "hostIPC", "initContainers"] {
            assert!(pod[what].is_null(), "{name}");
        }
    }
}

#[test]
fn termination_grace_period_covers_the_drain() {
    for (shape, drain) in [("default", 10), ("settings", 120), ("smallest", 1)] {
        let pod = &the(shape, "Deployment")["spec"]["template"]["spec"];
        let sleep = container(pod)["lifecycle"]["preStop"]["sleep"]["seconds"].as_u64().expect("a sleep");
        let period = pod["terminationGracePeriodSeconds"].as_u64().expect("a period");
        assert!(sleep >= 1 && period > sleep + drain && period < sleep + drain + 30, "{shape}: {period}");
    }
}

#[test]
fn liveness_probe_does_not_depend_on_the_database() {
    for (shape, deployment) in all("Deployment") {
        let container = container(&deployment["spec"]["template"]["spec"]);
        let path = |probe: &str| container[probe]["httpGet"]["path"].as_str().unwrap_or_default().to_owned();
        let paths = ["startupProbe", "livenessProbe", "readinessProbe"].map(path);
        assert_eq!(paths, ["/livez", "/livez", "/readyz"], "{shape}");
    }
}

#[test]
fn secrets_are_mounted_as_files() {
    assert_eq!(all("Secret").count(), 0);
    for (name, pod) in pods() {
        let env = container(pod)["env"].as_array().cloned().unwrap_or_default();
        assert!(env.iter().all(|variable| variable["valueFrom"].is_null()), "{name}");
        let values = env.iter().filter(|variable| variable["name"] != "SWITCHBOARD_LISTEN");
        for file in values.filter_map(|variable| variable["value"].as_str()) {
            assert!(is_mounted(pod, file), "{name}: {file}");
        }
    }
}

#[test]
fn migration_job_runs_first_with_the_same_image() {
    for (shape, job) in all("Job") {
        assert_eq!(job["metadata"]["annotations"]["helm.sh/hook"], "pre-install,pre-upgrade", "{shape}");
        let pod = &job["spec"]["template"]["spec"];
        // A hook runs before the release's other resources exist.
        assert!(pod["serviceAccountName"].is_null() && container(pod)["envFrom"].is_null(), "{shape}");
        assert_eq!(container(pod)["args"], json!(["migrate", "up"]));
        let deployment = &the(shape, "Deployment")["spec"]["template"]["spec"];
        assert_eq!(container(pod)["image"], container(deployment)["image"], "{shape}");
    }
    assert!(the("smallest", "Job").is_null());
    let secret = |kind: &str| {
        let pod = &the("secrets", kind)["spec"]["template"]["spec"];
        let sources = pod["volumes"][0]["projected"]["sources"].as_array().expect("sources");
        let names = sources.iter().filter(|source| source["secret"]["items"][0]["path"] == "database-url");
        names.map(|source| source["secret"]["name"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(
        (secret("Deployment"), secret("Job")),
        (vec![json!("inbox-database")], vec![json!("inbox-owner")])
    );
}

#[test]
fn changed_setting_rolls_the_pods() {
    let checksum = |shape: &str| {
        the(shape, "Deployment")["spec"]["template"]["metadata"]["annotations"]["checksum/config"].clone()
    };
    assert!(checksum("default").is_string());
    assert_ne!(checksum("default"), checksum("settings"));
    assert_eq!(checksum("default"), checksum("scaled"));
    let config = &the("settings", "ConfigMap")["data"];
    assert_eq!(config["SWITCHBOARD_JWKS_URL"], "https://login.acme.example/jwks.json");
    assert_eq!(
        config["SWITCHBOARD_CORS_ALLOWED_ORIGIN"],
        "https://inbox.acme.example,https://admin.acme.example"
    );
}
