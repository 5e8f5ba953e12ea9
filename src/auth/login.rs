//! Verifies login tokens: JWTs signed by the frontend.

use std::sync::Arc;

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use moka::future::Cache;
use serde_json::{Map, Value};

use super::jwks::{Jwks, Lookup};
use super::lookup::{self, AuthError};
use super::token::{TokenHash, hash};
use crate::caller::{Caller, Capabilities, Principal, Role};
use crate::config::JwtConfig;
use crate::ids::OrgId;
use crate::instant::Instant;
use crate::store::Store;
use crate::store::logins::{self, LoginRecord};
use crate::text_key::text_key;

/// The accepted clock skew of the signer, in seconds.
const SKEW_SECONDS: u64 = 60;

/// A valid login.
#[derive(Clone)]
struct ValidLogin {
    caller: Arc<Caller>,
    /// The expiry plus the clock skew.
    accepted_until: Instant,
}

/// Verifies login tokens.
/// The signature, the organization and the member are verified every few seconds, the expiry at every request.
pub(super) struct Logins {
    config: JwtConfig,
    jwks: Arc<Jwks>,
    store: Store,
    /// `None` is a valid token that the organization does not accept.
    verified: Cache<TokenHash, Option<ValidLogin>>,
}

impl Logins {
    pub(super) fn new(config: &JwtConfig, store: Store) -> Self {
        let jwks = Jwks::start(&config.jwks_url);
        Self { config: config.clone(), jwks, store, verified: lookup::cache() }
    }

    /// The caller of a token that is valid now.
    pub(super) async fn verify(&self, token: &str) -> Result<Arc<Caller>, AuthError> {
        let found = lookup::get_or_load(&self.verified, hash(token), self.load(token)).await?;
        let is_current = |login: &ValidLogin| Instant::now() < login.accepted_until;
        found.filter(is_current).map(|login| login.caller).ok_or(AuthError::Invalid)
    }

    async fn load(&self, token: &str) -> Result<Option<ValidLogin>, AuthError> {
        let claims = self.decode(token).await?;
        let (org, member_key) = (claims.org, claims.member_key.clone().unwrap_or_default());
        let record =
            lookup::read(&self.store, "login", move |connection| logins::find(connection, org, &member_key));
        Ok(record.await?.and_then(|record| check(claims, &record)))
    }

    async fn decode(&self, token: &str) -> Result<Claims, AuthError> {
        let header = decode_header(token).map_err(|_| AuthError::Invalid)?;
        // RFC 7515, 4.1.11: a critical extension that is not supported must be rejected, and none is supported.
        if header.crit.is_some() {
            return Err(AuthError::Invalid);
        }
        match self.jwks.find(header.kid.as_deref()).await {
            Lookup::Found(key) if key.algorithm == header.alg => {
                let claims = self.claims(token, &key.key, key.algorithm);
                claims.and_then(|claims| Claims::read(&self.config, &claims)).ok_or(AuthError::Invalid)
            }
            Lookup::Found(_) | Lookup::Unknown => Err(AuthError::Invalid),
            Lookup::NotFetched => Err(AuthError::Unavailable),
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
        Some(claims)
    }
}

/// The claims that matter beyond the signature.
struct Claims {
    org: OrgId,
    subject: String,
    role: Option<Role>,
    /// The normalized email.
    member_key: Option<String>,
    issued_at: Option<Instant>,
    expires_at: Instant,
    accepted_until: Instant,
}

impl Claims {
    /// Reads the claims of a token whose issuer, audience and expiry are valid; `None` if one of them is not acceptable.
    fn read(config: &JwtConfig, claims: &Map<String, Value>) -> Option<Self> {
        let text = |claim: &str| claims.get(claim).and_then(Value::as_str);
        let seconds = |claim: &str| claims.get(claim).map(|value| value.as_f64().ok_or(()));
        let now = Instant::now().micros() as f64 / 1e6;
        let skew = SKEW_SECONDS as f64;
        // The library checks neither when the token was issued nor how long it lives.
        let issued_at = seconds("iat").transpose().ok()?;
        let expires_at = seconds("exp")?.ok()?;
        let lifetime = expires_at - issued_at.unwrap_or(now + skew);
        if issued_at.is_some_and(|at| at > now + skew) || lifetime > config.max_lifetime.as_secs_f64() {
            return None;
        }
        let subject = text("sub").filter(|subject| !subject.is_empty())?.to_owned();
        // PostgreSQL has no text with NUL.
        let member_key = text("email").map(|email| text_key(email.trim())).filter(|key| !key.contains('\0'));
        Some(Self {
            org: text(&config.org_claim)?.parse().ok()?,
            subject,
            role: text(&config.role_claim).and_then(|role| role.parse().ok()),
            member_key,
            issued_at: issued_at.map(instant),
            expires_at: instant(expires_at),
            accepted_until: instant(expires_at + skew),
        })
    }
}

/// A float that is too large becomes the largest integer, which means the same.
fn instant(seconds: f64) -> Instant {
    Instant::from_micros((seconds * 1e6) as i64)
}

/// The login, if the organization accepts it. Of the claimed role and the member's the lower one counts.
fn check(claims: Claims, record: &LoginRecord) -> Option<ValidLogin> {
    let Claims { org, subject, role, member_key, issued_at, expires_at, accepted_until } = claims;
    let is_removed = record.role.is_none() && record.removed_at.is_some();
    if record.org_disabled_at.is_some() || record.is_revoked(issued_at) || is_removed {
        return None;
    }
    let member = record.role.as_ref().and(member_key).map(Arc::from);
    let role = match &record.role {
        Some(stored) => role.min(stored.parse().ok()),
        None => role,
    };
    let caller = Caller {
        org,
        principal: Principal::Member(subject),
        capabilities: role.map(Capabilities::from).unwrap_or_default(),
        sessions: None,
        manages_owners: role == Some(Role::Owner),
        member,
        claimant: None,
        role,
        issued_at,
        expires_at: Some(expires_at),
    };
    Some(ValidLogin { caller: Arc::new(caller), accepted_until })
}
