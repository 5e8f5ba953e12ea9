//! Validation of connections, and their visibility.

use guarded_http::{Destinations, HttpError};

use super::kind_rules::{KindRules, UrlRule};
use crate::error::{Error, Kind, Result};
use crate::ids::{ReceiverUrl, SessionId};
use crate::store::connections::ConnectionRow;

/// The longest name of a line, in characters.
const MAX_ACCOUNT: usize = 200;
/// The highest rate of requests or messages a minute.
const MAX_RATE: i32 = 60_000;

/// The rules of that kind.
pub(super) fn rules_of(
    kinds: &'static [KindRules],
    name: &str,
    allow_simulator: bool,
) -> Result<&'static KindRules> {
    let names = kinds.iter().map(|kind| kind.name).collect::<Vec<_>>().join(", ");
    let kind = kinds.iter().find(|kind| kind.name == name);
    let kind = kind.ok_or_else(|| Error::invalid("kind", format_args!("must be one of {names}")))?;
    if kind.is_simulated && !allow_simulator {
        let message = "the service allows no simulated connections: see --allow-simulator";
        return Err(Error::new(Kind::FailedPrecondition, message).with_field("kind", message));
    }
    Ok(kind)
}

/// The base URL, without slashes at its end.
pub(super) fn checked_url(rules: &KindRules, hosts: &Destinations, given: Option<&str>) -> Result<String> {
    let given = given.map(str::trim).filter(|url| !url.is_empty());
    let text = match (rules.url, given) {
        (UrlRule::None, None) => return Ok(String::new()),
        (UrlRule::None, Some(_)) => return Err(Error::invalid("url", "must be empty for this kind")),
        (UrlRule::Default(url), None) => url,
        (UrlRule::Required, None) => return Err(Error::invalid("url", "must be set for this kind")),
        (UrlRule::Default(_) | UrlRule::Required, Some(url)) => url,
    };
    let url: ReceiverUrl = text.parse().map_err(|expected| Error::invalid("url", expected))?;
    if url.uri().query().is_some() {
        return Err(Error::invalid("url", "must have no query"));
    }
    match hosts.check(text) {
        Ok(()) => Ok(text.trim_end_matches('/').to_owned()),
        Err(HttpError::InvalidUrl(_)) => Err(Error::invalid("url", "must be an http or https URL")),
        Err(_) => Err(Error::invalid("url", "must be on the service's list of hosts: see --connection-host")),
    }
}

/// The gateway's name of a line.
pub(super) fn checked_account(rules: &KindRules, given: Option<String>) -> Result<String> {
    let given = given.filter(|account| !account.is_empty());
    match given.or_else(|| rules.account.map(str::to_owned)) {
        Some(account) => checked_text("account", account),
        None => Err(Error::invalid("account", "must be set for this kind")),
    }
}

/// A name that is part of URLs.
pub(super) fn checked_text(field: &str, text: String) -> Result<String> {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.' | '@');
    if text.len() <= MAX_ACCOUNT && text.chars().all(is_plain) {
        return Ok(text);
    }
    let expected = format_args!("must be at most {MAX_ACCOUNT} letters, digits, dots, dashes or underscores");
    Err(Error::invalid(field, expected))
}

/// A number of requests or messages a minute.
pub(super) fn checked_rate(field: &str, rate: i32) -> Result<i32> {
    let is_valid = (1..=MAX_RATE).contains(&rate);
    is_valid
        .then_some(rate)
        .ok_or_else(|| Error::invalid(field, format_args!("must be from 1 to {MAX_RATE}")))
}

/// The connection if it exists and its session is in `allowed`.
pub(super) fn visible(found: Option<ConnectionRow>, allowed: Option<&[SessionId]>) -> Result<ConnectionRow> {
    let is_visible = |row: &ConnectionRow| allowed.is_none_or(|allowed| allowed.contains(&row.session_id));
    found.filter(is_visible).ok_or_else(|| Error::not_found("connection not found"))
}
