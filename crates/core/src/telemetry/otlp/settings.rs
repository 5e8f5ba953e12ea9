//! The standard `OTEL_*` variables of an exporter.

/// Whether the variable is set and not empty.
pub(super) fn is_set(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| !value.is_empty())
}

/// The setting of one signal, or else the one of all signals: its variable and value.
pub(super) fn signal_setting(signal: &str, name: &str) -> Option<(String, String)> {
    let own = format!("OTEL_EXPORTER_OTLP_{signal}_{name}");
    let variable = if is_set(&own) { own } else { format!("OTEL_EXPORTER_OTLP_{name}") };
    let value = std::env::var(&variable).ok().filter(|value| !value.is_empty())?;
    Some((variable, value))
}

/// The URL of the signal's collector, if the connection uses TLS.
pub(super) fn secure_endpoint(signal: &str) -> Option<String> {
    let (_, url) = signal_setting(signal, "ENDPOINT")?;
    let is_insecure =
        || signal_setting(signal, "INSECURE").is_some_and(|(_, value)| value.eq_ignore_ascii_case("true"));
    match url.split_once("://") {
        Some(("https", _)) => Some(url),
        None if !is_insecure() => Some(format!("https://{url}")),
        _ => None,
    }
}
