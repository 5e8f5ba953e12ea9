//! Verifies login tokens: JWTs signed by the frontend.

use std::sync::Arc;

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use moka::future::Cache;
use serde_json::{Map, Value};

use super::jwks::{Jwks, Lookup};
use super::lookup::{self, AuthError};
use super::orgs::Orgs;
use super::token::{TokenHash, hash};
use crate::caller::{Caller, Capabilities, Capability, Principal};
use crate::config::JwtConfig;
use crate::instant::Instant;

/// The accepted clock skew of the signer, in seconds.
const SKEW_SECONDS: u64 = 60;

/// A token with a valid signature and valid claims.
#[derive(Clone)]
struct Login {
    caller: Arc<Caller>,
    expires_at: Instant,
}

/// Verifies login tokens.
/// The signature is verified every few seconds, the expiry and the organization at every request.
pub(super) struct Logins {
    config: JwtConfig,
    jwks: Arc<Jwks>,
    orgs: Orgs,
    verified: Cache<TokenHash, Login>,
}

impl Logins {
    pub(super) fn new(config: &JwtConfig, orgs: Orgs) -> Self {
        let jwks = Jwks::start(&config.jwks_url);
        Self { config: config.clone(), jwks, orgs, verified: lookup::cache() }
    }

    /// The caller of a token that is valid now.
    pub(super) async fn verify(&self, token: &str) -> Result<Arc<Caller>, AuthError> {
        let login = lookup::get_or_load(&self.verified, hash(token), self.decode(token)).await?;
        if login.expires_at <= Instant::now() {
            return Err(AuthError::Invalid);
        }
        self.orgs.check(login.caller.org).await?;
        Ok(login.caller)
    }

    async fn decode(&self, token: &str) -> Result<Login, AuthError> {
        let header = decode_header(token).map_err(|_| AuthError::Invalid)?;
        // RFC 7515, 4.1.11: a critical extension that is not supported must be rejected, and none is supported.
        if header.crit.is_some() {
            return Err(AuthError::Invalid);
        }
        match self.jwks.find(header.kid.as_deref()).await {
            Lookup::Found(key) if key.algorithm == header.alg => {
                let claims = self.claims(token, &key.key, key.algorithm);
                claims.and_then(|claims| self.login(&claims)).ok_or(AuthError::Invalid)
            }
            Lookup::Found(_) | Lookup::Unknown => Err(AuthError::Invalid),
            Lookup::NoKeys => Err(AuthError::Unavailable),
        }
    }

    /// The claims, if the signature and the registered claims are valid.
    fn claims(&self, token: &str, key: &DecodingKey, algorithm: Algorithm) -> Option<Map<String, Value>> {
        let mut validation = Validation::new(algorithm);
        validation.leeway = SKEW_SECONDS;
        validation.validate_nbf = true;
        validation.set_issuer(&[&self.config.issuer]);
        validation.set_audience(&[&self.config.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        let claims = decode::<Map<String, Value>>(token, key, &validation).ok()?.claims;
        // The library accepts a list of issuers that contains the expected one.
        claims.get("iss")?.as_str()?;
        // The library does not check when the token was issued.
        if let Some(issued_at) = claims.get("iat") {
            let now = Instant::now().micros() / 1_000_000;
            if issued_at.as_f64()? > (now as f64) + (SKEW_SECONDS as f64) {
                return None;
            }
        }
        Some(claims)
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
        // A float that is too large becomes the largest integer, which means the same.
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
