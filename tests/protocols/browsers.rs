//! CORS: only pages of listed origins may call, and can read the headers.

use crate::support::{Protocol, World};

const ALLOWED: &str = "https://inbox.acme.example";

#[tokio::test]
async fn only_pages_of_listed_origins_may_call() {
    let world = World::start_with("127.0.0.1:0", &["--cors-allowed-origin", ALLOWED]).await;
    let chat = world.chat("Alice").await;
    for (origin, allowed) in [
        (ALLOWED, true),
        ("https://elsewhere.acme.example", false),
        ("http://inbox.acme.example", false),
        ("https://inbox.acme.example.evil.example", false),
        ("null", false),
    ] {
        let page = world.anonymous().with("origin", origin);
        for (path, method) in [
            (chat.path.as_str(), "PATCH"),
            (chat.session_path.as_str(), "DELETE"),
            ("/switchboard.v1.ChatService/GetChat", "POST"),
        ] {
            let preflight = page.with("access-control-request-method", method);
            let preflight = preflight
                .with("access-control-request-headers", "authorization,content-type,x-phone,x-grpc-web");
            let preflight = preflight.send("OPTIONS", path, "").await;
            assert!(preflight.status < 300, "{path}: {}", preflight.status);
            let granted = preflight.header("access-control-allow-origin");
            assert_eq!(granted, if allowed { origin } else { "" }, "{origin} {path}");
            if allowed {
                let value = |name: &str| preflight.header(name).to_lowercase();
                let methods = value("access-control-allow-methods");
                assert!(methods == "*" || methods.contains(&method.to_lowercase()), "{methods}");
                let headers = value("access-control-allow-headers");
                // `*` does not cover `authorization`.
                assert!(headers.contains("authorization"), "{headers}");
                for header in ["x-grpc-web", "x-phone", "last-event-id"] {
                    assert!(headers.contains(header), "{headers}");
                }
            }
        }
        let answer = page.token(&world.org.key).get(&chat).await.expect(200);
        assert_eq!(answer.header("access-control-allow-origin"), if allowed { origin } else { "" });
        let refused = page.get(&chat).await.expect(401);
        assert_eq!(refused.header("access-control-allow-origin"), if allowed { origin } else { "" });
        assert!(refused.headers.get_all("vary").iter().any(|name| name == "origin"), "{refused:?}");
        // A route's own OPTIONS is not a preflight.
        let options = page.send("OPTIONS", &chat.path, "").await.expect(204);
        assert!(options.header("allow").contains("PATCH"), "{options:?}");
    }
    let call = world.rpc(Protocol::GrpcWeb).with("origin", ALLOWED);
    let answer = call.call("/switchboard.v1.ChatService/GetChat", "").await;
    let exposed =
        answer.headers.get("access-control-expose-headers").map(|value| value.to_str().expect("ASCII"));
    let exposed = exposed.unwrap_or_default().to_lowercase();
    assert!(exposed.contains("grpc-status") && exposed.contains("grpc-message"), "{exposed}");
}
