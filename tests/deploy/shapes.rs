//! Sets of values that cover all features of the Helm chart.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// Sets of values, by name.
pub fn shapes() -> BTreeMap<&'static str, Value> {
    BTreeMap::from([
        ("default", json!({})),
        ("smallest", smallest()),
        ("settings", settings()),
        ("secrets", secrets()),
        ("scaled", json!({"autoscaling": {"enabled": true, "minReplicas": 3, "maxReplicas": 9}})),
        ("placed", placed()),
        ("network", network()),
        ("ingress", ingress()),
        ("gateway", gateway()),
        ("observed", observed()),
        ("tls", json!({"tls": {"existingSecret": "inbox-tls"}})),
        ("mutual", mutual()),
        ("any", json!({"settings": {"webhookAllowPrivateNetworks": true}})),
        ("inside", inside()),
        ("shown", json!({"metrics": {"dashboard": {"enabled": true}}})),
    ])
}

fn smallest() -> Value {
    json!({
        "replicas": 1,
        "settings": {"drainTimeout": "500ms"},
        "endpointRemovalSeconds": 1,
        "migration": {"enabled": false},
        "podDisruptionBudget": {"enabled": false},
        "topologySpread": {"enabled": false},
        "networkPolicy": {"enabled": false},
        "metrics": {"enabled": false},
        "serviceAccount": {"create": false},
    })
}

fn settings() -> Value {
    json!({
        "listenAddress": "[::]",
        "settings": {
            "databasePoolSize": 1000,
            "logLevel": "info,switchboard=debug",
            "logFormat": "json",
            "jwksUrl": "https://login.acme.example/jwks.json",
            "jwtIssuer": "https://login.acme.example/",
            "jwtAudience": "inbox",
            "corsAllowedOrigin": ["https://inbox.acme.example", "https://admin.acme.example"],
            "requestTimeout": "1500ms",
            "maxBodyBytes": "2097152",
            "drainTimeout": "2m",
            "mediaUrl": "s3://acme-media/switchboard",
            "mediaEndpoint": "https://minio.acme.example",
            "mediaMaxFileBytes": "16MiB",
            "mediaRetention": "90d",
            "mediaMaxBytes": "100GiB",
            "eventRetention": "30d",
        },
    })
}

fn secrets() -> Value {
    json!({
        "image": {
            "repository": "images.acme.example/inbox/switchboard",
            "digest": format!("sha256:{}", "0123456789abcdef".repeat(4)),
            "pullPolicy": "Always",
            "pullSecrets": ["images"],
        },
        "secrets": {
            "databaseUrl": {"existingSecret": "inbox-database", "key": "url"},
            "databaseDirectUrl": {"existingSecret": "inbox-database", "key": "direct-url"},
            "signingKey": {"existingSecret": "inbox-cursors"},
            "previousSigningKey": {"existingSecret": "inbox-cursors"},
        },
        "migration": {"databaseUrl": {"existingSecret": "inbox-owner", "key": "url"}},
        "databaseAuthority": {"existingConfigMap": "database-authority"},
    })
}

fn placed() -> Value {
    json!({
        "nodeSelector": {"kubernetes.io/arch": "amd64"},
        "tolerations": [{"key": "inbox", "operator": "Exists", "effect": "NoSchedule"}],
        "priorityClassName": "inbox",
        "podAnnotations": {"acme.example/team": "inbox"},
        "podLabels": {"team": "inbox"},
        "topologySpread": {"whenUnsatisfiable": "DoNotSchedule"},
        "podDisruptionBudget": {"maxUnavailable": "25%"},
        "resources": {"requests": {"cpu": 1, "memory": "1Gi"}, "limits": {"memory": "1Gi"}},
        "serviceAccount": {"name": "inbox", "annotations": {"acme.example/team": "inbox"}},
    })
}

fn network() -> Value {
    json!({
        "service": {"type": "LoadBalancer", "port": 8443, "annotations": {"acme.example/internal": "true"}},
        "networkPolicy": {
            "from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress"}}}],
            "database": {"port": 6432, "to": [{"ipBlock": {"cidr": "10.0.0.0/24", "except": ["10.0.0.1/32"]}}]},
            "webhooks": {"enabled": false},
        },
    })
}

fn inside() -> Value {
    json!({
        "settings": {"webhookAllowPrivateNetworks": true},
        "networkPolicy": {"webhooks": {"ports": [8443, 443], "to": [{"ipBlock": {"cidr": "10.1.0.0/16"}}]}},
    })
}

fn ingress() -> Value {
    json!({
        "ingress": {
            "http": {
                "enabled": true, "className": "nginx", "host": "inbox.acme.example", "tlsSecret": "inbox-tls",
                "annotations": {"nginx.ingress.kubernetes.io/proxy-body-size": "1m"},
            },
            "grpc": {
                "enabled": true, "className": "nginx", "host": "grpc.acme.example", "tlsSecret": "grpc-tls",
                "annotations": {"nginx.ingress.kubernetes.io/backend-protocol": "GRPC"},
            },
        },
    })
}

fn observed() -> Value {
    json!({
        "metrics": {
            "port": 9100,
            "from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}],
            "serviceMonitor": {"enabled": true, "interval": "15s", "labels": {"release": "prometheus"}},
            "rules": {"enabled": true, "labels": {"release": "prometheus"}},
        },
        "environment": {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector.monitoring:4317"},
    })
}

fn mutual() -> Value {
    json!({
        "tls": {"existingSecret": "inbox-tls", "clientAuthority": {"existingConfigMap": "callers", "key": "bundle.crt"}},
        "metrics": {"port": 9100},
    })
}

fn gateway() -> Value {
    let parents = json!([{"name": "public", "namespace": "gateways"}]);
    json!({
        "service": {"port": 8080, "grpcPort": 9090},
        "gateway": {
            "http": {"enabled": true, "parentRefs": parents, "hostnames": ["inbox.acme.example"]},
            "grpc": {"enabled": true, "parentRefs": parents, "hostnames": ["grpc.acme.example"]},
        },
    })
}
