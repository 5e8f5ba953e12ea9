//! The metrics, alerts and dashboard of the Helm chart.

use serde_json::{Value, json};

use super::rendered::{all, container, the};

#[test]
fn service_monitor_selects_the_metrics_port() {
    assert_eq!(the("default", "ConfigMap")["data"]["SWITCHBOARD_METRICS_ADDRESS"], "0.0.0.0:9464");
    assert!(the("smallest", "ConfigMap")["data"]["SWITCHBOARD_METRICS_ADDRESS"].is_null());
    assert_eq!(the("observed", "ConfigMap")["data"]["SWITCHBOARD_METRICS_ADDRESS"], "0.0.0.0:9100");
    let pod = &the("observed", "Deployment")["spec"]["template"]["spec"];
    assert_eq!(container(pod)["ports"][1], json!({"name": "metrics", "containerPort": 9100}));
    let monitor = the("observed", "ServiceMonitor");
    assert_eq!(monitor["metadata"]["labels"]["release"], "prometheus");
    let wanted = &monitor["spec"]["selector"]["matchLabels"];
    let found = all("Service").filter(|(shape, service)| {
        let labels = &service["metadata"]["labels"];
        *shape == "observed"
            && wanted.as_object().expect("labels").iter().all(|(name, value)| labels[name] == *value)
    });
    let found: Vec<_> = found.map(|(_, service)| service).collect();
    assert_eq!(found.len(), 1, "the metrics service, not that of clients");
    assert_eq!(found[0]["spec"]["ports"][0]["name"], monitor["spec"]["endpoints"][0]["port"]);
    let from = &the("observed", "NetworkPolicy")["spec"]["ingress"][1];
    assert_eq!((&from["ports"][0]["port"], from["from"].as_array().map(Vec::len)), (&json!(9100), Some(1)));
}

#[test]
fn alerts_use_existing_metrics_and_are_in_the_runbook() {
    let runbook = include_str!("../../docs/operations.md");
    let rules = the("observed", "PrometheusRule")["spec"]["groups"][0]["rules"].as_array().expect("rules");
    assert!(rules.len() >= 5);
    for rule in rules {
        let (alert, query) = (text(&rule["alert"]), text(&rule["expr"]));
        assert!(runbook.contains(&format!("### {alert}\n")), "{alert} is not in the runbook");
        assert!(!text(&rule["annotations"]["summary"]).is_empty(), "{alert}");
        assert_eq!(
            query.matches('{').count(),
            query.matches(r#"{job="demo-switchboard-metrics""#).count(),
            "{query}"
        );
        assert_eq!(unknown_metrics(query), Vec::<&str>::new(), "{alert}");
    }
}

#[test]
fn dashboard_uses_existing_metrics() {
    let maps: Vec<_> =
        all("ConfigMap").filter(|(_, map)| map["data"]["switchboard.json"].is_string()).collect();
    let [("shown", map)] = maps[..] else { panic!("{maps:?}") };
    assert_eq!(map["metadata"]["labels"]["grafana_dashboard"], "1");
    let dashboard: Value = serde_json::from_str(text(&map["data"]["switchboard.json"])).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let queries: Vec<_> =
        panels.iter().flat_map(|panel| panel["targets"].as_array().into_iter().flatten()).collect();
    assert!(queries.len() >= 12);
    for query in queries {
        let query = text(&query["expr"]);
        assert_eq!(query.matches('{').count(), query.matches(r#"{job=~"$job""#).count(), "{query}");
        assert!(query.contains("switchboard_"), "{query}");
        assert_eq!(unknown_metrics(query), Vec::<&str>::new(), "{query}");
    }
    let ids: std::collections::BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64()).collect();
    assert_eq!(ids.len(), panels.len(), "an id comes twice");
}

/// The `switchboard_` metrics in a query that the program does not record.
fn unknown_metrics(query: &str) -> Vec<&str> {
    let known = include_str!("../../crates/core/src/telemetry/metrics.rs");
    let words = query.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let names = words.filter_map(|word| word.strip_prefix("switchboard_"));
    let is_unknown = |name: &&str| {
        let name = ["_total", "_seconds_count", "_seconds_bucket", "_seconds_sum", "_seconds"]
            .iter()
            .fold(*name, |name, suffix| name.strip_suffix(suffix).unwrap_or(name));
        !known
            .split('"')
            .any(|word| word.strip_prefix("switchboard.").is_some_and(|word| word.replace('.', "_") == name))
    };
    names.filter(is_unknown).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
