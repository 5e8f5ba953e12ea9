//! Which login tokens are accepted.

mod keys;

use jsonwebtoken::jwk::{Jwk, PublicKeyUse};
use jsonwebtoken::{EncodingKey, Header, encode};
use proptest::prelude::*;
use serde_json::json;

use self::keys::{ED25519, P256, RSA};
use super::*;
use crate::config::Secret;
use crate::ids::OrgId;
use crate::store::{PoolOptions, Store};

const ISSUER: &str = "https://login.acme.example";
const AUDIENCE: &str = "switchboard";
const ORG: &str = "019aa5e4-7c2b-7d10-9c4e-3f1b2a6d8e90";

/// A signer of login tokens.
struct Signer {
    id: Option<&'static str>,
    algorithm: Algorithm,
    key: EncodingKey,
}

impl Signer {
    fn new(id: &'static str, algorithm: Algorithm) -> Self {
        let key = if algorithm == Algorithm::EdDSA {
            EncodingKey::from_ed_pem(ED25519.as_bytes())
        } else if algorithm == Algorithm::ES256 {
            EncodingKey::from_ec_pem(P256.as_bytes())
        } else {
            EncodingKey::from_rsa_pem(RSA.as_bytes())
        };
        Self { id: Some(id), algorithm, key: key.expect("a key") }
    }

    fn jwk(&self) -> Jwk {
        let mut jwk = Jwk::from_encoding_key(&self.key, self.algorithm).expect("a key");
        jwk.common.key_id = self.id.map(str::to_owned);
        jwk
    }

    fn sign(&self, claims: &Value) -> String {
        let mut header = Header::new(self.algorithm);
        header.kid = self.id.map(str::to_owned);
        encode(&header, claims, &self.key).expect("a token")
    }
}

fn good_claims() -> Value {
    json!({"iss": ISSUER, "aud": AUDIENCE, "exp": seconds_from_now(600), "iat": seconds_from_now(0),
        "sub": "u-1", "org_id": ORG, "role": "member"})
}

fn with(change: Value) -> Value {
    let mut claims = good_claims();
    for (name, value) in change.as_object().expect("an object") {
        claims[name] = value.clone();
    }
    claims
}

fn without(claim: &str) -> Value {
    let mut claims = good_claims();
    claims.as_object_mut().expect("an object").remove(claim);
    claims
}

fn seconds_from_now(seconds: i64) -> i64 {
    Instant::now().micros() / 1_000_000 + seconds
}

/// Verifies against these keys. Decoding needs no database.
fn logins(keys: &[Value]) -> Logins {
    logins_with(Jwks::of(&json!({"keys": keys}).to_string()))
}

fn logins_with(jwks: Arc<Jwks>) -> Logins {
    let config = JwtConfig {
        jwks_url: String::new(),
        issuer: ISSUER.to_owned(),
        audience: AUDIENCE.to_owned(),
        org_claim: "org_id".to_owned(),
        role_claim: "role".to_owned(),
    };
    let orgs = Orgs::new(Store::new(Secret::new("postgres://127.0.0.1:1/none"), PoolOptions::background(1)));
    Logins { config, jwks, orgs, verified: Cache::new(10) }
}

fn jwk(signer: &Signer) -> Value {
    serde_json::to_value(signer.jwk()).expect("JSON")
}

async fn outcome(logins: &Logins, token: &str) -> Result<Arc<Caller>, AuthError> {
    logins.decode(token).await.map(|login| login.caller)
}

#[tokio::test]
async fn all_three_algorithms_are_accepted() {
    for algorithm in [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA] {
        let signer = Signer::new("k1", algorithm);
        let caller = outcome(&logins(&[jwk(&signer)]), &signer.sign(&good_claims())).await.expect("accepted");
        assert_eq!(caller.org, ORG.parse::<OrgId>().expect("an id"));
        assert_eq!(caller.principal, Principal::Member("u-1".to_owned()));
    }
}

#[tokio::test]
async fn key_without_algorithm_uses_that_of_its_type() {
    let signer = Signer::new("k1", Algorithm::ES256);
    let mut undeclared = signer.jwk();
    undeclared.common.key_algorithm = None;
    let logins = logins(&[serde_json::to_value(undeclared).expect("JSON")]);
    assert!(outcome(&logins, &signer.sign(&good_claims())).await.is_ok());
}

#[tokio::test]
async fn invalid_claims_are_rejected() {
    let signer = Signer::new("k1", Algorithm::EdDSA);
    let logins = logins(&[jwk(&signer)]);
    let bad = [
        with(json!({"iss": "https://other.acme.example"})),
        with(json!({"iss": [ISSUER]})),
        with(json!({"aud": "another"})),
        with(json!({"aud": ["another", "third"]})),
        with(json!({"exp": seconds_from_now(-61)})),
        with(json!({"exp": "tomorrow"})),
        with(json!({"exp": null})),
        with(json!({"nbf": seconds_from_now(120)})),
        with(json!({"nbf": "soon"})),
        with(json!({"iat": seconds_from_now(120)})),
        with(json!({"iat": "now"})),
        with(json!({"org_id": "not-a-uuid"})),
        with(json!({"org_id": 7})),
        without("iss"),
        without("aud"),
        without("exp"),
        without("org_id"),
    ];
    for claims in bad {
        assert_eq!(outcome(&logins, &signer.sign(&claims)).await, Err(AuthError::Invalid), "{claims}");
    }
}

#[tokio::test]
async fn clock_skew_and_one_of_several_audiences_are_accepted() {
    let signer = Signer::new("k1", Algorithm::EdDSA);
    let logins = logins(&[jwk(&signer)]);
    let good = [
        with(json!({"exp": seconds_from_now(-50)})),
        with(json!({"nbf": seconds_from_now(50), "iat": seconds_from_now(50)})),
        with(json!({"aud": ["another", AUDIENCE]})),
        without("iat"),
    ];
    for claims in good {
        assert!(outcome(&logins, &signer.sign(&claims)).await.is_ok(), "{claims}");
    }
}

#[tokio::test]
async fn roles_grant_capabilities_and_unknown_roles_none() {
    let signer = Signer::new("k1", Algorithm::EdDSA);
    let logins = logins(&[jwk(&signer)]);
    let reads_and_sends = [Capability::Read, Capability::Send];
    let manages_too = [Capability::Read, Capability::Send, Capability::Manage];
    let cases: [(Value, &[Capability]); 5] = [
        (json!("owner"), &manages_too),
        (json!("admin"), &manages_too),
        (json!("member"), &reads_and_sends),
        (json!("Owner"), &[]),
        (json!(["owner"]), &[]),
    ];
    for (role, expected) in cases {
        let caller = outcome(&logins, &signer.sign(&with(json!({"role": role})))).await.expect("accepted");
        assert_eq!(caller.capabilities, expected.iter().copied().collect(), "{role}");
    }
    assert!(outcome(&logins, &signer.sign(&without("role"))).await.is_ok());
}

#[tokio::test]
async fn token_cannot_choose_its_algorithm() {
    let signer = Signer::new("k1", Algorithm::RS256);
    let key_set = jwk(&signer);
    let logins = logins(std::slice::from_ref(&key_set));
    let claims = good_claims();
    // A verifier that used the public key as an HMAC secret would accept forged tokens.
    let modulus = key_set["n"].as_str().expect("a modulus");
    for secret in [modulus, &key_set.to_string()] {
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some("k1".to_owned());
        let forged = encode(&header, &claims, &EncodingKey::from_secret(secret.as_bytes())).expect("a token");
        assert_eq!(outcome(&logins, &forged).await, Err(AuthError::Invalid));
    }
    let mut header = Header::new(Algorithm::RS512);
    header.kid = Some("k1".to_owned());
    let other_hash = encode(&header, &claims, &signer.key).expect("a token");
    assert_eq!(outcome(&logins, &other_hash).await, Err(AuthError::Invalid));
    // {"alg":"none","kid":"k1"}
    let token = signer.sign(&claims);
    let payload = token.split('.').nth(1).expect("claims");
    let unsigned = format!("eyJhbGciOiJub25lIiwia2lkIjoiazEifQ.{payload}.");
    assert_eq!(outcome(&logins, &unsigned).await, Err(AuthError::Invalid));
}

#[tokio::test]
async fn wrong_key_and_unknown_id_are_rejected() {
    let ours = Signer::new("k1", Algorithm::EdDSA);
    let theirs = Signer::new("k1", Algorithm::ES256);
    let logins = logins(&[jwk(&ours)]);
    assert_eq!(outcome(&logins, &theirs.sign(&good_claims())).await, Err(AuthError::Invalid));
    let unknown = Signer { id: Some("k9"), ..Signer::new("k1", Algorithm::EdDSA) };
    assert_eq!(outcome(&logins, &unknown.sign(&good_claims())).await, Err(AuthError::Invalid));
}

#[tokio::test]
async fn id_is_optional_only_with_a_single_key() {
    let one = Signer::new("k1", Algorithm::EdDSA);
    let two = Signer::new("k2", Algorithm::ES256);
    let nameless = Signer { id: None, ..Signer::new("k1", Algorithm::EdDSA) }.sign(&good_claims());
    assert!(outcome(&logins(&[jwk(&one)]), &nameless).await.is_ok());
    assert_eq!(outcome(&logins(&[jwk(&one), jwk(&two)]), &nameless).await, Err(AuthError::Invalid));
}

#[tokio::test]
async fn keys_for_other_uses_are_ignored() {
    let signer = Signer::new("k1", Algorithm::EdDSA);
    let mut for_encryption = signer.jwk();
    for_encryption.common.public_key_use = Some(PublicKeyUse::Encryption);
    let for_encryption = serde_json::to_value(for_encryption).expect("JSON");
    let symmetric = json!({"kty": "oct", "k": "c2VjcmV0", "alg": "HS256", "kid": "k1"});
    let unknown = json!({"kty": "XYZ", "kid": "k1"});
    let useful = jwk(&Signer::new("k2", Algorithm::ES256));
    let logins = logins(&[for_encryption, symmetric, unknown, json!(7), useful]);
    assert_eq!(outcome(&logins, &signer.sign(&good_claims())).await, Err(AuthError::Invalid));
    assert!(outcome(&logins, &Signer::new("k2", Algorithm::ES256).sign(&good_claims())).await.is_ok());
}

#[tokio::test]
async fn token_without_any_keys_is_unverified() {
    let logins = logins_with(Jwks::start("/nonexistent/jwks.json"));
    let token = Signer::new("k1", Algorithm::EdDSA).sign(&good_claims());
    assert_eq!(outcome(&logins, &token).await, Err(AuthError::Unavailable));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn malformed_tokens_are_rejected(parts in proptest::collection::vec("[A-Za-z0-9_-]{0,40}", 3)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let token = parts.join(".");
        let accepted = runtime.block_on(async {
            let logins = logins(&[jwk(&Signer::new("k1", Algorithm::EdDSA))]);
            outcome(&logins, &token).await.is_ok()
        });
        prop_assert!(!accepted);
    }

    #[test]
    fn token_with_one_changed_byte_is_rejected(position in 0_usize..200, byte in "[A-Za-z0-9_-]") {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let signer = Signer::new("k1", Algorithm::ES256);
        let token = signer.sign(&good_claims());
        let position = position % token.len();
        let changed = format!("{}{byte}{}", &token[..position], &token[position + 1..]);
        // The last character of a part has unused bits.
        prop_assume!(token.as_bytes()[position] != b'.' && changed != token);
        let accepted = runtime.block_on(async { outcome(&logins(&[jwk(&signer)]), &changed).await.is_ok() });
        prop_assert!(!accepted);
    }
}
