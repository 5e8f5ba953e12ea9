//! Login tokens, verified against a JWKS, with the capabilities of their role.

use std::env::temp_dir;
use std::fs;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::support::World;

const ISSUER: &str = "https://login.acme.example";

/// Used only in these tests.
const FRONTEND: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----
";

/// A frontend: its signing key, and the file with its JWKS.
pub(super) struct Frontend {
    key: EncodingKey,
    jwks: PathBuf,
}

impl Frontend {
    pub(super) fn new() -> Self {
        let key = EncodingKey::from_ed_pem(FRONTEND.as_bytes()).unwrap();
        let mut jwk = Jwk::from_encoding_key(&key, Algorithm::EdDSA).unwrap();
        jwk.common.key_id = Some("frontend".to_owned());
        let jwks = temp_dir().join(format!("sb-jwks-{}.json", uuid::Uuid::now_v7().simple()));
        fs::write(&jwks, json!({ "keys": [jwk] }).to_string()).unwrap();
        Self { key, jwks }
    }

    pub(super) async fn world(&self) -> World {
        let jwks = self.jwks.to_str().unwrap();
        let flags = [
            "--jwks-url",
            jwks,
            "--jwt-issuer",
            ISSUER,
            "--jwt-audience",
            "inbox",
            "--jwt-org-claim",
            "tenant",
        ];
        World::start_with("127.0.0.1:0", &flags).await
    }

    /// A token with that role, valid for ten minutes, with these claims changed.
    pub(super) fn token(&self, org: &str, role: &str, changed: Value) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let mut claims = json!({"iss": ISSUER, "aud": "inbox", "exp": now + 600, "sub": "asha", "tenant": org, "role": role});
        claims.as_object_mut().unwrap().extend(changed.as_object().cloned().unwrap_or_default());
        let header = Header { kid: Some("frontend".to_owned()), ..Header::new(Algorithm::EdDSA) };
        encode(&header, &claims, &self.key).unwrap()
    }
}

impl Drop for Frontend {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.jwks);
    }
}

#[tokio::test]
async fn login_has_the_capabilities_of_its_role() {
    let frontend = Frontend::new();
    let world = frontend.world().await;
    let chat = world.chat("Alice").await;
    for (role, reads, changes) in
        [("owner", 200, 200), ("admin", 200, 200), ("member", 200, 200), ("guest", 403, 403), ("", 403, 403)]
    {
        let caller = world.anonymous().token(&frontend.token(&world.org.id, role, json!({})));
        caller.get(&chat).await.expect(reads);
        caller.patch(&chat, json!({"labels": role})).await.expect(changes);
    }
}

#[tokio::test]
async fn invalid_login_returns_401() {
    let frontend = Frontend::new();
    let world = frontend.world().await;
    let chat = world.chat("Alice").await;
    let refused = [
        frontend.token(&world.org.id, "owner", json!({"exp": 1})),
        frontend.token(&world.org.id, "owner", json!({"iss": "https://login.other.example"})),
        frontend.token(&world.org.id, "owner", json!({"aud": "another"})),
        frontend.token("019b0000-0000-7000-8000-000000000000", "owner", json!({})),
        frontend.token("not an organization", "owner", json!({})),
        frontend.token(&world.org.id, "owner", json!({})) + "x",
    ];
    for token in refused {
        world.anonymous().token(&token).get(&chat).await.expect(401);
    }
    let stranger = frontend.token(&world.other.id, "owner", json!({}));
    world.anonymous().token(&stranger).get(&chat).await.expect(404);
}
