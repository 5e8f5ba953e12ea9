//! Decides about presented login tokens: JWTs signed by the frontend.

use std::sync::Arc;

use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use moka::future::Cache;
use serde_json::{Map, Value};

use super::jwks::{Jwks, Lookup};
use super::orgs::Orgs;
use super::{CACHE_CAPACITY, FRESH, Rejection, TokenHash, hash};
use crate::caller::{Caller, Capabilities, Capability, Identity, Principal};
use crate::config::JwtConfig;
use crate::instant::Instant;

/// How far the signer's clock may be off, in seconds.
const SKEW_SECONDS: u64 = 60;

/// A login token whose signature and claims were found good.
#[derive(Clone)]
struct Login {
    caller: Arc<Caller>,
    expires_at: Instant,
}

/// Verifies login tokens. The signature of a token is checked once every few seconds, its expiry and its organization
/// at every call.
pub(super) struct Logins {
    verifier: Verifier,
    jwks: Arc<Jwks>,
    orgs: Orgs,
    seen: Cache<TokenHash, Login>,
}

impl Logins {
    pub(super) fn new(config: &JwtConfig, orgs: Orgs) -> Self {
        let seen = Cache::builder().max_capacity(CACHE_CAPACITY).time_to_live(FRESH).build();
        Self { verifier: Verifier::new(config), jwks: Jwks::start(&config.jwks_url), orgs, seen }
    }

    pub(super) async fn identify(&self, token: &str) -> Identity {
        self.check(token).await.map_or_else(Identity::from, Identity::Known)
    }

    async fn check(&self, token: &str) -> Result<Arc<Caller>, Rejection> {
        let hash = hash(token);
        let login = match self.seen.get(&hash).await {
            Some(login) => login,
            None => {
                let verifying = self.verify(token);
                self.seen.try_get_with(hash, verifying).await.map_err(|rejection| *rejection)?
            }
        };
        if login.expires_at <= Instant::now() {
            return Err(Rejection::Refused);
        }
        self.orgs.check(login.caller.org).await?;
        Ok(login.caller)
    }

    async fn verify(&self, token: &str) -> Result<Login, Rejection> {
        let header = decode_header(token).map_err(|_| Rejection::Refused)?;
        // RFC 7515, 4.1.11: an extension that is not understood must be refused, and none is.
        if header.crit.is_some() {
            return Err(Rejection::Refused);
        }
        match self.jwks.find(header.kid.as_deref()).await {
            Lookup::Found(key) if key.algorithm == header.alg => {
                self.verifier.verify(token, &key.key, key.algorithm).ok_or(Rejection::Refused)
            }
            Lookup::Found(_) | Lookup::Unknown => Err(Rejection::Refused),
            Lookup::NoKeys => Err(Rejection::Unverified),
        }
    }
}

/// What a token must say, and where in it the organization and the role are.
struct Verifier {
    config: JwtConfig,
}

impl Verifier {
    fn new(config: &JwtConfig) -> Self {
        Self { config: config.clone() }
    }

    fn verify(&self, token: &str, key: &jsonwebtoken::DecodingKey, algorithm: Algorithm) -> Option<Login> {
        let mut validation = Validation::new(algorithm);
        validation.leeway = SKEW_SECONDS;
        validation.validate_nbf = true;
        validation.set_issuer(&[&self.config.issuer]);
        validation.set_audience(&[&self.config.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        let claims = decode::<Map<String, Value>>(token, key, &validation).ok()?.claims;
        // The library would take a list of issuers, of which one is ours.
        claims.get("iss")?.as_str()?;
        // And it does not look at when the token was issued.
        if let Some(issued_at) = claims.get("iat") {
            let now = Instant::now().micros() / 1_000_000;
            if issued_at.as_f64()? > (now as f64) + (SKEW_SECONDS as f64) {
                return None;
            }
        }
        self.login(&claims)
    }

    fn login(&self, claims: &Map<String, Value>) -> Option<Login> {
        let text = |claim: &str| claims.get(claim).and_then(Value::as_str);
        let expires_at = claims.get("exp")?.as_f64()? + SKEW_SECONDS as f64;
        let role = text(&self.config.role_claim);
        let caller = Caller {
            org: text(&self.config.org_claim)?.parse().ok()?,
            principal: Principal::Member(text("sub").unwrap_or_default().to_owned()),
            capabilities: capabilities_of(role),
            sessions: None,
            manages_owners: role == Some("owner"),
        };
        // A float too large for the integer becomes its largest value, which is what is meant.
        Some(Login { caller: Arc::new(caller), expires_at: Instant::from_micros((expires_at * 1e6) as i64) })
    }
}

fn capabilities_of(role: Option<&str>) -> Capabilities {
    let granted: &[Capability] = match role {
        Some("owner" | "admin") => &[Capability::Read, Capability::Send, Capability::Manage],
        Some("member") => &[Capability::Read, Capability::Send],
        _ => &[],
    };
    granted.iter().copied().collect()
}

#[cfg(test)]
mod tests;
