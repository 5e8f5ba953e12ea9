//! Settings, exit codes and redaction. None of these needs a database.

use super::harness::Place;

#[test]
fn usage_error_exits_2_and_configuration_error_64() {
    let place = Place::new();
    for usage in [&["org", "create"] as &[_], &["nonsense"], &["org", "disable", "not-a-uuid"], &[]] {
        assert_eq!(place.run(usage).code, Some(2), "{usage:?}");
    }
    assert_eq!(place.run(&["config", "--listen", "nowhere"]).code, Some(64));
    assert_eq!(place.run(&["--help"]).code, Some(0));
}

#[test]
fn all_mistakes_are_reported_together() {
    let place = Place::new();
    let mut command = place.command(&["config", "--drain-timeout", "soon"]);
    command.env("SWITCHBOARD_REQUEST_TIMOUT", "1s").env("SWITCHBOARD_MAX_BODY_BYTES", "much");
    command.env("SWITCHBOARD_JWKS_URL", "https://login.acme.example/jwks.json");
    command.env("SWITCHBOARD_DATABASE_URL", "postgres://").env("SWITCHBOARD_DATABASE_URL_FILE", "/x");
    // Only secrets have files.
    command.env("SWITCHBOARD_LISTEN_FILE", "/x").env("SWITCHBOARD_PORT", "tcp://10.0.0.1:80");
    let output = command.output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(64), 0), "{stderr}");
    for expected in [
        "SWITCHBOARD_REQUEST_TIMOUT; did you mean SWITCHBOARD_REQUEST_TIMEOUT?",
        "SWITCHBOARD_MAX_BODY_BYTES must be",
        "--drain-timeout must be",
        "--jwks-url needs --jwt-issuer",
        "--jwks-url needs --jwt-audience",
        "SWITCHBOARD_DATABASE_URL and SWITCHBOARD_DATABASE_URL_FILE must not both be set",
        "unknown variable SWITCHBOARD_LISTEN_FILE",
        "SWITCHBOARD_PORT; in Kubernetes, set `enableServiceLinks: false`",
    ] {
        assert!(stderr.contains(expected), "{expected} in {stderr}");
    }
}

#[test]
fn invalid_otlp_setting_is_reported_with_its_variable() {
    const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector.acme.example:4317");
    let place = Place::new();
    for (variable, value, expected) in [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json", "OTEL_EXPORTER_OTLP_PROTOCOL must be grpc"),
        (
            "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
            "http/json",
            "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL must be grpc",
        ),
        (
            "OTEL_EXPORTER_OTLP_CERTIFICATE",
            "/not/there",
            "OTEL_EXPORTER_OTLP_CERTIFICATE: cannot read /not/there",
        ),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/etc/hostname", "OTEL_EXPORTER_OTLP_CERTIFICATE: no certificate"),
        (
            "OTEL_EXPORTER_OTLP_CLIENT_KEY",
            "/etc/hostname",
            "OTEL_EXPORTER_OTLP_CLIENT_KEY must be given together",
        ),
    ] {
        let mut command = place.command(&["serve"]);
        let output = command.env(ENDPOINT.0, ENDPOINT.1).env(variable, value).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{variable}: {stderr}");
        assert!(stderr.contains(expected), "{stderr}");
    }
}

#[test]
fn database_url_requires_a_signing_key() {
    let place = Place::new();
    let serve = ["serve", "--database-url", "postgres://user@127.0.0.1:1/db"];
    let missing = place.run(&serve);
    assert_eq!(missing.code, Some(64), "{}", missing.stderr);
    assert!(missing.stderr.contains("--signing-key") && missing.stderr.contains("openssl rand -base64 32"));
    for weak in ["secret", &"changeme".repeat(8)] {
        let rejected = place.run(&[&serve[..], &["--signing-key", weak]].concat());
        assert_eq!(rejected.code, Some(64), "{}", rejected.stderr);
        assert!(rejected.stderr.contains("--signing-key must be") && !rejected.stderr.contains(weak));
    }
}

#[test]
fn flag_overrides_environment_which_overrides_default() {
    let place = Place::new();
    let mut command = place.command(&["config", "--json", "--listen", "127.0.0.1:1"]);
    command.env("SWITCHBOARD_LISTEN", "127.0.0.1:2").env("SWITCHBOARD_DRAIN_TIMEOUT", "3s");
    // An empty variable counts as unset.
    command.env("SWITCHBOARD_REQUEST_TIMEOUT", "");
    let output = command.output().unwrap();
    let settings: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let of = |name: &str| {
        let found = settings.as_array().unwrap().iter().find(|setting| setting["name"] == name).unwrap();
        (found["value"].as_str().unwrap().to_owned(), found["origin"].as_str().unwrap().to_owned())
    };
    assert_eq!(of("listen"), ("127.0.0.1:1".to_owned(), "flag".to_owned()));
    assert_eq!(of("drain-timeout"), ("3s".to_owned(), "environment".to_owned()));
    assert_eq!(of("request-timeout"), ("5s".to_owned(), "default".to_owned()));
}

#[test]
fn secrets_are_masked_in_all_output() {
    let place = Place::new();
    std::fs::create_dir_all(&place.directory).unwrap();
    let file = place.directory.join("url");
    // Nothing listens there: the command fails after it has used the secret.
    std::fs::write(&file, "postgres://user:hunter2@127.0.0.1:1/db\n").unwrap();
    for arguments in [&["config"] as &[_], &["config", "--json"], &["org", "list"], &["serve", "--help"]] {
        let mut command = place.command(arguments);
        let output = command.env("SWITCHBOARD_DATABASE_URL_FILE", &file).output().unwrap();
        let all = [output.stdout, output.stderr].concat();
        assert!(!String::from_utf8_lossy(&all).contains("hunter2"), "{arguments:?}");
    }
    let bad = place.run(&["org", "list", "--database-url", "postgres://user:hun@ter2@127.0.0.1:1/db"]);
    assert_eq!(bad.code, Some(64));
    assert!(!bad.stderr.contains("ter2"), "{}", bad.stderr);
}

#[test]
fn help_lists_every_setting_with_its_variable() {
    let place = Place::new();
    let help = place.ask(&["serve", "--help"]);
    for setting in place.ask_json(&["config", "--json"]).as_array().unwrap() {
        let name = setting["name"].as_str().unwrap();
        let variable = format!("SWITCHBOARD_{}", name.to_uppercase().replace('-', "_"));
        assert!(help.contains(&format!("--{name}")), "{name}");
        assert!(help.contains(&variable), "{variable}");
    }
}

#[test]
fn healthcheck_fails_without_a_service() {
    let place = Place::new();
    assert_eq!(place.run(&["healthcheck", "http://127.0.0.1:1/readyz"]).code, Some(1));
    for wrong in ["ftp://127.0.0.1", "zz", ""] {
        let rejected = place.run(&["healthcheck", wrong]);
        assert_eq!(rejected.code, Some(2), "{wrong}");
        assert!(rejected.stderr.contains("must be a URL such as"), "{}", rejected.stderr);
    }
}

#[test]
fn completion_prints_a_script_per_shell() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish"] {
        assert!(place.ask(&["completion", shell]).contains("switchboard"), "{shell}");
    }
}

#[test]
fn readme_table_equals_settings_and_defaults() {
    let readme = include_str!("../../README.md");
    let rows: Vec<&str> = readme.lines().filter(|line| line.starts_with("| `--")).collect();
    let documented: Vec<(&str, &str)> = rows
        .iter()
        .flat_map(|row| {
            let cells: Vec<Vec<&str>> = row
                .trim_matches('|')
                .split('|')
                .map(|cell| cell.split(',').map(|item| item.trim().trim_matches('`')).collect())
                .collect();
            let defaults = cells[1].clone();
            cells[0].clone().into_iter().enumerate().map(move |(at, flag)| {
                (flag.trim_start_matches("--"), defaults.get(at).copied().unwrap_or_default())
            })
        })
        .collect();
    let settings = Place::new().ask_json(&["config", "--json"]);
    let settings = settings.as_array().unwrap();
    let names: Vec<&str> = settings.iter().map(|setting| setting["name"].as_str().unwrap()).collect();
    assert_eq!(documented.iter().map(|(name, _)| *name).collect::<Vec<_>>(), names);
    // The defaults of these depend on the machine.
    let fixed = |name: &str| !matches!(name, "data-dir" | "database-pool-size");
    for (setting, (name, default)) in settings.iter().zip(documented).filter(|(_, (name, _))| fixed(name)) {
        assert_eq!(setting["value"].as_str().unwrap_or_default(), default, "{name}");
    }
}

#[test]
fn credentials_in_urls_are_not_printed() {
    let place = Place::new();
    for (url, shown) in [
        (
            "https://user:secret@login.acme.example/jwks?key=secret",
            "https://****@login.acme.example/jwks?****",
        ),
        ("https://secret@login.acme.example", "https://****@login.acme.example"),
        ("https://login.acme.example/a@b", "https://login.acme.example/a@b"),
    ] {
        let mut command = place.command(&["config", "--jwt-issuer", "i", "--jwt-audience", "a"]);
        let output = command.env("SWITCHBOARD_JWKS_URL", url).output().unwrap();
        let stdout = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && stdout.contains(shown), "{stdout}");
        assert!(!stdout.contains("secret"), "{stdout}");
    }
}

#[test]
fn plain_http_jwks_is_rejected_outside_of_loopback() {
    let place = Place::new();
    let run = |url: &str, more: &[&str]| {
        let flags = ["config", "--jwt-issuer", "i", "--jwt-audience", "a", "--jwks-url", url];
        place.run(&[&flags, more].concat())
    };
    for local in
        ["127.0.0.1:8080", "127.1.2.3", "localhost", "LOCALHOST:3000", "[::1]:8080", "user@127.0.0.1"]
    {
        assert_eq!(run(&format!("http://{local}/jwks.json"), &[]).code, Some(0), "{local}");
    }
    for remote in
        ["login.acme.example", "10.0.0.1:80", "localhost.acme.example", "127.0.0.1@login.acme.example"]
    {
        let url = format!("http://{remote}/jwks.json");
        let rejected = run(&url, &[]);
        assert_eq!(rejected.code, Some(64), "{remote}");
        assert!(rejected.stderr.contains("--jwks-allow-http"), "{}", rejected.stderr);
        assert_eq!(run(&url, &["--jwks-allow-http"]).code, Some(0), "{remote}");
        assert_eq!(run(&url.replace("http:", "https:"), &[]).code, Some(0), "{remote}");
    }
}

#[test]
fn help_documents_exit_codes() {
    let help = Place::new().ask(&["--help"]);
    let (_, codes) = help.split_once("Exit codes:").expect("a section");
    for code in ["0 ", "1 ", "2 ", "64 "] {
        assert!(codes.lines().any(|line| line.trim_start().starts_with(code)), "{code} in {codes}");
    }
}
