//! Login tokens, verified against a JWKS, with the capabilities of their role.

mod frontend;
mod key_sets;
mod memberships;
mod signing_keys;
mod stale;

pub(super) use frontend::Frontend;

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::support::{Answer, Chat, Rest, World, until};
use frontend::{ISSUER, Signer, now};

/// A server that accepts the tokens of a frontend, and a chat that members may read.
struct Login {
    frontend: Frontend,
    world: World,
    chat: Chat,
}

impl Login {
    async fn of(frontend: Frontend) -> Self {
        let world = frontend.world().await;
        let chat = world.chat("Alice").await;
        Self { frontend, world, chat }
    }

    /// The claims of a member, with these changed; `null` removes one.
    fn claims(&self, changed: Value) -> Value {
        frontend::claims(&self.world.org.id, "member", changed)
    }

    fn token(&self, changed: Value) -> String {
        self.frontend.sign(&self.claims(changed))
    }

    /// Reads the chat with that token.
    async fn expect(&self, token: &str, status: u16) {
        let response = once_fetched(&self.world.anonymous().token(token), &self.chat).await;
        assert_eq!(response.status, status, "{token}: {}", response.text());
    }
}

/// The response when no fetch of the keys is running, which may take longer than a call waits for it.
async fn once_fetched(caller: &Rest, chat: &Chat) -> Answer {
    until("the fetch has ended", async || caller.get(chat).await.status != 503).await;
    caller.get(chat).await
}

#[tokio::test]
async fn login_has_the_capabilities_of_its_role() {
    let login = Login::of(Frontend::new()).await;
    for (role, reads, sends, manages) in [
        (json!("owner"), 200, 200, 200),
        (json!("admin"), 200, 200, 200),
        (json!("member"), 200, 200, 403),
        (json!("guest"), 403, 403, 403),
        (json!("Owner"), 403, 403, 403),
        (json!(["owner"]), 403, 403, 403),
        (json!(""), 403, 403, 403),
        (Value::Null, 403, 403, 403),
    ] {
        let caller = login.world.anonymous().token(&login.token(json!({"role": role})));
        caller.get(&login.chat).await.expect(reads);
        caller.patch(&login.chat, json!({"labels": "vip"})).await.expect(sends);
        caller.get("/api/v1/organization/api-keys").await.expect(manages);
    }
}

#[tokio::test]
async fn invalid_claims_return_401() {
    let login = Login::of(Frontend::new()).await;
    for claims in [
        json!({"iss": "https://login.other.example"}),
        json!({"iss": [ISSUER]}),
        json!({"iss": null}),
        json!({"aud": "another"}),
        json!({"aud": ["another", "third"]}),
        json!({"aud": null}),
        json!({"exp": now() - 61}),
        json!({"exp": "tomorrow"}),
        json!({"exp": null}),
        json!({"nbf": now() + 120}),
        json!({"nbf": "soon"}),
        json!({"iat": now() + 120}),
        json!({"iat": "now"}),
        json!({"sub": null}),
        json!({"sub": ""}),
        json!({"sub": 7}),
        json!({"exp": now() + 24 * 3600 + 120}),
        json!({"exp": now() + 3600, "iat": now() - 24 * 3600}),
        json!({"tenant": "019b0000-0000-7000-8000-000000000000"}),
        json!({"tenant": "not an organization"}),
        json!({"tenant": 7}),
        json!({"tenant": null}),
    ] {
        login.expect(&login.token(claims), 401).await;
    }
    login.expect(&login.token(json!({"tenant": login.world.other.id})), 404).await;
}

#[tokio::test]
async fn clock_skew_and_one_of_several_audiences_are_accepted() {
    let login = Login::of(Frontend::new()).await;
    for claims in [
        json!({"exp": now() - 50}),
        json!({"nbf": now() + 50, "iat": now() + 50}),
        json!({"aud": ["another", "inbox"]}),
        json!({"iat": now()}),
    ] {
        login.expect(&login.token(claims), 200).await;
    }
}

#[tokio::test]
async fn changed_or_malformed_token_returns_401() {
    let login = Login::of(Frontend::new()).await;
    let token = login.token(json!({}));
    for position in (0..token.len()).step_by(7).filter(|position| token.as_bytes()[*position] != b'.') {
        let byte = if token.as_bytes()[position] == b'A' { 'B' } else { 'A' };
        login.expect(&format!("{}{byte}{}", &token[..position], &token[position + 1..]), 401).await;
    }
    for malformed in ["..", "a.b.c", "e30.e30.e30", &format!("{token}x"), &token[..token.len() - 4]] {
        login.expect(malformed, 401).await;
    }
}

#[tokio::test]
async fn three_algorithms_are_accepted() {
    let signers = [Signer::rsa("r"), Signer::p256("p"), Signer::ed25519("e")];
    let undeclared = Signer::p256("u");
    let mut keys = signers.each_ref().map(Signer::jwk).to_vec();
    keys.push(undeclared.jwk());
    // The type of a key determines its algorithm.
    keys[3].as_object_mut().unwrap().remove("alg").unwrap();
    let login = Login::of(Frontend::with_keys(&keys)).await;
    let claims = login.claims(json!({}));
    for signer in signers.iter().chain([&undeclared]) {
        login.expect(&signer.sign(&claims), 200).await;
    }
    let nameless = Signer { id: None, ..Signer::rsa("r") };
    login.expect(&nameless.sign(&claims), 401).await;
}

#[tokio::test]
async fn token_cannot_choose_its_key_or_algorithm() {
    let signer = Signer::rsa("r");
    let jwk = signer.jwk();
    let login = Login::of(Frontend::with_keys(std::slice::from_ref(&jwk))).await;
    let claims = login.claims(json!({}));
    let token = signer.sign(&claims);
    login.expect(&token, 200).await;
    login.expect(&Signer { id: None, ..Signer::rsa("r") }.sign(&claims), 200).await;
    login.expect(&Signer::rsa("unknown").sign(&claims), 401).await;
    login.expect(&Signer::p256("r").sign(&claims), 401).await;
    let header = |algorithm| Header { kid: Some("r".to_owned()), ..Header::new(algorithm) };
    // A verifier that used the public key as an HMAC secret would accept forged tokens.
    for secret in [jwk["n"].as_str().unwrap(), &jwk.to_string()] {
        let key = EncodingKey::from_secret(secret.as_bytes());
        login.expect(&encode(&header(Algorithm::HS256), &claims, &key).unwrap(), 401).await;
    }
    login.expect(&encode(&header(Algorithm::RS512), &claims, &signer.key).unwrap(), 401).await;
    // {"alg":"none","kid":"r"}
    let payload = token.split('.').nth(1).unwrap();
    login.expect(&format!("eyJhbGciOiJub25lIiwia2lkIjoiciJ9.{payload}."), 401).await;
}
