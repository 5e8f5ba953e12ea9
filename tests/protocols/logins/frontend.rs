//! A frontend, which signs login tokens and publishes its keys.

use std::env::temp_dir;
use std::fs;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::signing_keys::{ED25519, P256, RSA};
use crate::support::World;

pub(super) const ISSUER: &str = "https://login.acme.example";

/// A signing key and its id.
pub(super) struct Signer {
    pub(super) id: Option<&'static str>,
    pub(super) key: EncodingKey,
    pub(super) algorithm: Algorithm,
}

impl Signer {
    pub(super) fn ed25519(id: &'static str) -> Self {
        let key = EncodingKey::from_ed_pem(ED25519.as_bytes()).unwrap();
        Self { id: Some(id), key, algorithm: Algorithm::EdDSA }
    }

    pub(super) fn p256(id: &'static str) -> Self {
        let key = EncodingKey::from_ec_pem(P256.as_bytes()).unwrap();
        Self { id: Some(id), key, algorithm: Algorithm::ES256 }
    }

    pub(super) fn rsa(id: &'static str) -> Self {
        let key = EncodingKey::from_rsa_pem(RSA.as_bytes()).unwrap();
        Self { id: Some(id), key, algorithm: Algorithm::RS256 }
    }

    /// The public key.
    pub(super) fn jwk(&self) -> Value {
        let mut jwk = Jwk::from_encoding_key(&self.key, self.algorithm).unwrap();
        jwk.common.key_id = self.id.map(str::to_owned);
        serde_json::to_value(jwk).unwrap()
    }

    pub(super) fn sign(&self, claims: &Value) -> String {
        let header = Header { kid: self.id.map(str::to_owned), ..Header::new(self.algorithm) };
        encode(&header, claims, &self.key).unwrap()
    }
}

/// A frontend: its signing key, and the file with its JWKS.
pub(crate) struct Frontend {
    signer: Signer,
    jwks: PathBuf,
}

impl Frontend {
    pub(crate) fn new() -> Self {
        Self::with_keys(&[Signer::ed25519("frontend").jwk()])
    }

    /// A frontend that publishes these keys.
    pub(super) fn with_keys(keys: &[Value]) -> Self {
        let jwks = temp_dir().join(format!("sb-jwks-{}.json", uuid::Uuid::now_v7().simple()));
        fs::write(&jwks, json!({ "keys": keys }).to_string()).unwrap();
        Self { signer: Signer::ed25519("frontend"), jwks }
    }

    pub(crate) async fn world(&self) -> World {
        self.world_with(&[]).await
    }

    /// A server with these flags, too.
    pub(crate) async fn world_with(&self, flags: &[&str]) -> World {
        world(self.jwks.to_str().unwrap(), flags).await
    }

    /// A token with that role, valid for ten minutes, with these claims changed.
    pub(crate) fn token(&self, org: &str, role: &str, changed: Value) -> String {
        self.sign(&claims(org, role, changed))
    }

    pub(super) fn sign(&self, claims: &Value) -> String {
        self.signer.sign(claims)
    }

    /// Removes the file with the keys.
    pub(super) fn unpublish(&self) {
        fs::remove_file(&self.jwks).unwrap();
    }
}

impl Drop for Frontend {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.jwks);
    }
}

/// A server that verifies login tokens with the keys at that location.
pub(super) async fn world(jwks: &str, flags: &[&str]) -> World {
    let login =
        ["--jwks-url", jwks, "--jwt-issuer", ISSUER, "--jwt-audience", "inbox", "--jwt-org-claim", "tenant"];
    World::start_with("127.0.0.1:0", &[&login, flags].concat()).await
}

/// The claims of a login, valid for ten minutes, with these changed; `null` removes one.
pub(super) fn claims(org: &str, role: &str, changed: Value) -> Value {
    let mut claims = json!({"iss": ISSUER, "aud": "inbox", "exp": now() + 600, "sub": "asha", "tenant": org, "role": role});
    let claims_object = claims.as_object_mut().unwrap();
    claims_object.extend(changed.as_object().cloned().unwrap_or_default());
    claims_object.retain(|_, value| !value.is_null());
    claims
}

/// Unix time in seconds.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}
