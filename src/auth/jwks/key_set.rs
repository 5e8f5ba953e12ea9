//! Parses a JSON Web Key Set (RFC 7517) into the keys that can verify login tokens.

use std::sync::Arc;

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;

/// A key and its algorithm.
pub struct Key {
    id: Option<String>,
    pub algorithm: Algorithm,
    pub key: DecodingKey,
}

/// The usable keys of a set.
pub struct KeySet {
    keys: Vec<Arc<Key>>,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<serde_json::Value>,
}

impl KeySet {
    /// Parses a set.
    /// Unsupported keys are skipped, as RFC 7517 (section 5) requires; a set without a usable key is an error.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let document: Document =
            serde_json::from_slice(bytes).map_err(|error| format!("not a JSON web key set: {error}"))?;
        let jwks = document.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok());
        let keys: Vec<_> = jwks.filter_map(|jwk| usable(&jwk)).map(Arc::new).collect();
        if keys.is_empty() {
            return Err("the key set has no usable key: RS256, ES256 or EdDSA, for signatures".to_owned());
        }
        Ok(Self { keys })
    }

    /// The number of keys; at least one.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// The key with that id; the only key, if no id is given or the key has none.
    pub fn find(&self, id: Option<&str>) -> Option<Arc<Key>> {
        match (id, self.keys.as_slice()) {
            (None, [only]) => Some(only.clone()),
            (Some(_), [only]) if only.id.is_none() => Some(only.clone()),
            (None, _) => None,
            (Some(id), keys) => keys.iter().find(|key| key.id.as_deref() == Some(id)).cloned(),
        }
    }
}

fn usable(jwk: &Jwk) -> Option<Key> {
    let common = &jwk.common;
    let for_signatures = common.public_key_use.as_ref().is_none_or(|usage| *usage == PublicKeyUse::Signature)
        && common
            .key_operations
            .as_ref()
            .is_none_or(|operations| operations.contains(&KeyOperations::Verify));
    let (algorithm, declared) = algorithm(&jwk.algorithm)?;
    let agrees = common.key_algorithm.is_none_or(|algorithm| algorithm == declared);
    if !for_signatures || !agrees {
        return None;
    }
    Some(Key { id: common.key_id.clone(), algorithm, key: DecodingKey::from_jwk(jwk).ok()? })
}

/// The one algorithm that is accepted for a key of that type.
fn algorithm(parameters: &AlgorithmParameters) -> Option<(Algorithm, KeyAlgorithm)> {
    use AlgorithmParameters::{EllipticCurve as Ec, OctetKeyPair, RSA};
    if let RSA(_) = parameters {
        Some((Algorithm::RS256, KeyAlgorithm::RS256))
    } else if let Ec(key) = parameters
        && key.curve == EllipticCurve::P256
    {
        Some((Algorithm::ES256, KeyAlgorithm::ES256))
    } else if let OctetKeyPair(key) = parameters
        && key.curve == EllipticCurve::Ed25519
    {
        Some((Algorithm::EdDSA, KeyAlgorithm::EdDSA))
    } else {
        None
    }
}
