//! The public documents: OpenAPI, `/docs` and `/inbox`.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use switchboard::pb::openapi::{APIS, WHOLE};

use crate::support::{ROOT, Rest, World, processor_time};

const DOCUMENTS: [&str; 7] = [
    "/openapi.json",
    "/docs",
    "/docs/docs.js",
    "/docs/scalar.js",
    "/inbox",
    "/inbox/inbox.css",
    "/inbox/inbox.js",
];

#[tokio::test]
async fn documents_equal_those_of_the_command_line() {
    let world = World::shared().await;
    let whole = world.anonymous().get("/openapi.json").await.expect(200);
    assert_eq!(whole.header("content-type"), "application/json");
    assert_eq!(whole.json(), serde_json::from_str::<Value>(WHOLE).expect("JSON"));
    let printed: Value = serde_json::from_str(&world.cli(&["openapi"])).expect("JSON");
    assert_eq!(printed, whole.json());
    assert!(!APIS.is_empty());
    for api in APIS {
        let alone = world.anonymous().get(format!("/openapi/{}.json", api.name)).await.expect(200).json();
        let printed: Value = serde_json::from_str(&world.cli(&["openapi", "--api", api.name])).expect("JSON");
        assert_eq!(alone, printed, "{}", api.name);
        assert!(alone["tags"].as_array().is_some_and(|tags| !tags.is_empty()), "{}", api.name);
    }
}

#[tokio::test]
async fn paths_beside_the_documents_return_404() {
    let world = World::shared().await;
    for path in
        ["/openapi", "/openapi/nonsense.json", "/docs/index.html", "/inbox/index.html", "/inbox/src/main.ts"]
    {
        let answer = world.anonymous().get(path).await.expect(404);
        assert_eq!(answer.json()["status"], json!(404), "{path}");
    }
}

#[tokio::test]
async fn page_with_a_slash_at_its_end_is_redirected() {
    let world = World::shared().await;
    for page in ["/docs", "/inbox"] {
        let answer = world.anonymous().get(format!("{page}/")).await.expect(308);
        assert_eq!(answer.header("location"), format!("..{page}"));
    }
}

#[tokio::test]
async fn unchanged_document_returns_304() {
    let world = World::shared().await;
    for path in DOCUMENTS {
        let first = world.anonymous().get(path).await.expect(200);
        let again = world.anonymous().with("if-none-match", first.header("etag")).get(path).await.expect(304);
        assert_eq!((again.body.len(), again.header("etag")), (0, first.header("etag")), "{path}");
        assert_eq!(first.header("cache-control"), "no-cache");
        let other = world.anonymous().with("if-none-match", "W/\"0\"").get(path).await.expect(200);
        assert_eq!(other.body, first.body);
    }
}

#[tokio::test]
async fn documents_are_read_only() {
    let world = World::shared().await;
    for path in DOCUMENTS {
        let whole = world.anonymous().get(path).await.expect(200);
        let head = world.anonymous().send("HEAD", path, "").await.expect(200);
        assert_eq!(head.body.len(), 0);
        for name in ["content-type", "content-length", "etag", "content-security-policy"] {
            assert_eq!(head.header(name), whole.header(name), "{path} {name}");
        }
        let options = world.anonymous().send("OPTIONS", path, "").await.expect(204);
        assert_eq!(options.header("allow"), "GET, HEAD, OPTIONS");
        for method in ["POST", "PUT", "PATCH", "DELETE"] {
            let refused = world.anonymous().send(method, path, "").await.expect(405);
            assert_eq!(refused.header("allow"), "GET, HEAD, OPTIONS");
            assert_eq!(refused.json()["code"], json!("METHOD_NOT_ALLOWED_ERROR"), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn pages_load_nothing_from_other_origins() {
    let world = World::shared().await;
    for path in DOCUMENTS {
        let answer = world.anonymous().get(path).await.expect(200);
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
        assert!(!policy.contains("http") && !policy.contains('*') && !policy.contains("eval"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
    for path in ["/docs", "/docs/docs.js", "/inbox", "/inbox/inbox.css"] {
        let text = world.anonymous().get(path).await.text();
        assert!(!text.contains("http://") && !text.contains("https://"), "{text}");
    }
    let inbox = world.anonymous().get("/inbox").await.expect(200);
    let policy = inbox.header("content-security-policy");
    assert!(!policy.contains("unsafe"), "{policy}");
    assert!(policy.ends_with("require-trusted-types-for 'script'; trusted-types 'none'"), "{policy}");
}

#[tokio::test]
async fn large_documents_are_compressed_on_request() {
    let world = World::shared().await;
    for path in ["/openapi.json", "/docs/scalar.js", "/inbox/inbox.js"] {
        let plain = world.anonymous().get(path).await.expect(200);
        assert_eq!(plain.header("content-encoding"), "");
        let gzip = world.anonymous().with("accept-encoding", "gzip").get(path).await.expect(200);
        assert_eq!(gzip.header("content-encoding"), "gzip", "{path}");
        assert!(gzip.header("vary").contains("accept-encoding"), "{path}");
        assert!(gzip.body.len() < plain.body.len() / 3, "{path}");
        let refused = world.anonymous().with("accept-encoding", "gzip;q=0").get(path).await.expect(200);
        assert_eq!((refused.header("content-encoding"), &refused.body), ("", &plain.body), "{path}");
    }
}

#[tokio::test]
async fn head_of_a_document_costs_no_more_than_an_unchanged_one() {
    let world = World::start().await;
    let spent = async |caller: &Rest| {
        let before = processor_time(world.process_id());
        for _ in 0..200 {
            caller.send("HEAD", "/docs/scalar.js", "").await;
        }
        processor_time(world.process_id()) - before
    };
    let head = world.anonymous().send("HEAD", "/docs/scalar.js", "").await.expect(200);
    let whole = world.anonymous().get("/docs/scalar.js").await.expect(200);
    assert_eq!(head.header("content-length"), whole.body.len().to_string());
    let unchanged = spent(&world.anonymous().with("if-none-match", "*")).await;
    let plain = spent(&world.anonymous()).await;
    // Decompressing the script 200 times takes seconds.
    assert!(plain < 2 * unchanged + Duration::from_millis(500), "{plain:?} {unchanged:?}");
}

#[tokio::test]
async fn served_scripts_match_their_checksums() {
    let world = World::shared().await;
    for (folder, file, path) in
        [("docs", "scalar.js", "/docs/scalar.js"), ("inbox", "inbox.js", "/inbox/inbox.js")]
    {
        let folder = format!("{ROOT}/assets/{folder}");
        let mut check = Command::new("sha256sum");
        check.args(["--strict", "--check", "SHA256SUMS"]).current_dir(&folder);
        let output = check.output().expect("sha256sum");
        let output_text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && output_text.contains(&format!("{file}: OK")), "{output_text}");
        let kept = std::fs::read(format!("{folder}/{file}")).expect("the file");
        assert_eq!(world.anonymous().get(path).await.expect(200).body, kept);
    }
}
