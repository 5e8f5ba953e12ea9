//! TLS on the listener: reloaded certificates, and client certificates.

use std::path::Path;
use std::process::Command;

use prost::Message;
use switchboard::pb::GetChatRequest;

use crate::cli::harness::Place;
use crate::clients::must_be_ok;
use crate::support::{Certificates, Chat, Pair, World, clients, frame, python_tool, text, until};

/// 2040-01-01 and 2041-01-01, in seconds since 1970.
const YEAR_2040: &str = "2208988800";
const YEAR_2041: &str = "2240611200";

#[tokio::test]
async fn every_protocol_is_served_over_tls() {
    let files = Certificates::new();
    let authority = files.authority("authority");
    let world = serve(&files, &authority.sign(2040), &[]).await;
    let chat = world.chat("Asha Rao").await;
    for (flag, version) in [("--http1.1", "1.1"), ("--http2", "2")] {
        let body = curl(&world, &authority.file, &chat.path, &[flag, "--write-out", " %{http_version}"]);
        let body = body.unwrap_or_else(|error| panic!("{flag}: {error}"));
        assert!(body.contains("Asha Rao") && body.ends_with(&format!(" {version}")), "{body}");
    }
    let message = files.path("message");
    let request = GetChatRequest { chat_id: chat.id.clone() };
    std::fs::write(&message, frame(&request.encode_to_vec())).expect("a file");
    let body = format!("@{}", text(&message));
    let of_web =
        ["--data-binary", &body, "--header", "content-type: application/grpc-web+proto", "--http1.1"];
    let body = curl(&world, &authority.file, "/switchboard.v1.ChatService/GetChat", &of_web);
    assert!(
        body.as_ref().is_ok_and(|body| body.contains("Asha Rao") && body.contains("grpc-status:0")),
        "{body:?}"
    );
    must_be_ok(&python(&world, &chat, &authority.file, None).output().expect("python: run make test"));

    // Without TLS there is no response.
    assert_eq!(world.anonymous().raw("GET", b"/livez", b"").await.status, 0);
    let healthcheck = |authority_of: &Path| {
        let mut command = world.command(&["healthcheck"]);
        command.env("SWITCHBOARD_LISTEN", world.address().to_string());
        command.env("SWITCHBOARD_TLS_CERT", authority_of).env("SWITCHBOARD_TLS_KEY", files.path("key"));
        command.output().expect("the binary").status.code()
    };
    assert_eq!(healthcheck(&files.path("cert")), Some(0));
    assert_eq!(healthcheck(&authority.file), Some(1), "the certificate of another server");
    assert_eq!(world.stop().await, 0, "{}", world.log());
}

#[tokio::test]
async fn new_certificate_is_reloaded_and_an_invalid_one_ignored() {
    let files = Certificates::new();
    let (first, second) = (files.authority("first"), files.authority("second"));
    let old = first.sign(2040);
    let world = serve(&files, &old, &["--metrics-address", "127.0.0.1:0"]).await;
    let chat = world.chat("Asha Rao").await;
    curl(&world, &first.file, &chat.path, &[]).expect("the first certificate");
    assert_eq!(metric(&world, "switchboard_tls_certificate_expiry_timestamp_seconds").await, YEAR_2040);

    let new = second.sign(2041);
    files.put(&new);
    until("the second certificate is used", async || curl(&world, &second.file, &chat.path, &[]).is_ok())
        .await;
    assert!(curl(&world, &first.file, &chat.path, &[]).is_err());
    assert_eq!(metric(&world, "switchboard_tls_certificate_expiry_timestamp_seconds").await, YEAR_2041);

    let valid = "switchboard_tls_files_valid";
    let bad = [
        Pair { key: old.key.clone(), ..new.clone() },
        Pair { cert: "no certificate".to_owned(), ..new.clone() },
        Pair { key: String::new(), ..new.clone() },
    ];
    for pair in bad {
        files.put(&pair);
        until("the files are invalid", async || metric(&world, valid).await == "0").await;
        curl(&world, &second.file, &chat.path, &[]).expect("the certificate before");
        files.put(&new);
        until("the files are valid again", async || metric(&world, valid).await == "1").await;
    }
    std::fs::remove_file(files.path("key")).expect("it was there");
    until("a file is missing", async || metric(&world, valid).await == "0").await;
    files.put(&old);
    until("the first certificate is used", async || curl(&world, &first.file, &chat.path, &[]).is_ok()).await;
    assert_eq!(metric(&world, valid).await, "1");
    let secret = old.key.lines().nth(1).expect("a key");
    assert!(!world.log().contains(secret), "the key is in the log");
}

#[tokio::test]
async fn clients_need_a_certificate_of_the_configured_authority() {
    let files = Certificates::new();
    let (servers, callers) = (files.authority("servers"), files.authority("callers"));
    let args = ["--tls-client-ca", text(&callers.file), "--metrics-address", "127.0.0.1:0"];
    let world = serve(&files, &servers.sign(2040), &args).await;
    let chat = world.chat("Asha Rao").await;
    let written = |name: &str, pair: &Pair| {
        let paths = [files.path(&format!("{name}.crt")), files.path(&format!("{name}.key"))];
        std::fs::write(&paths[0], &pair.cert)
            .and_then(|()| std::fs::write(&paths[1], &pair.key))
            .expect("files");
        paths
    };
    let [cert, key] = written("caller", &callers.sign(2040));
    let [strange_cert, strange_key] = written("stranger", &servers.sign(2040));
    let call = |args: &[&str]| curl(&world, &servers.file, &chat.path, args);
    assert!(call(&["--cert", text(&cert), "--key", text(&key)]).is_ok_and(|body| body.contains("Asha Rao")));
    assert!(call(&["--cert", text(&strange_cert), "--key", text(&strange_key)]).is_err());
    assert!(call(&[]).is_err());
    let client = python(&world, &chat, &servers.file, Some([&cert, &key])).output();
    must_be_ok(&client.expect("python: run make test"));

    // Probes have no client certificate.
    let metrics = world.metrics_rest();
    assert_eq!(metrics.get("/livez").await.expect(200).json()["status"], "ok");
    assert_eq!(metrics.get("/readyz").await.expect(200).json()["status"], "ready");
    let mut healthcheck = world.command(&["healthcheck"]);
    healthcheck.env("SWITCHBOARD_METRICS_ADDRESS", metrics.address().to_string());
    healthcheck.env("SWITCHBOARD_TLS_CERT", files.path("cert")).env("SWITCHBOARD_TLS_KEY", files.path("key"));
    assert!(healthcheck.status().expect("the binary").success());
}

#[test]
fn invalid_tls_files_prevent_the_start() {
    let (place, files) = (Place::new(), Certificates::new());
    let authority = files.authority("authority");
    let (pair, other) = (authority.sign(2040), authority.sign(2040));
    let refused = |pair: &Pair, more: &[&str]| {
        let [cert, key] = files.put(pair);
        let database = "postgres://user@127.0.0.1:1/db";
        let serve = ["serve", "--database-url", database, "--signing-key", crate::support::SIGNING_KEY];
        let tls = ["--listen", "127.0.0.1:0", "--tls-cert", text(&cert), "--tls-key", text(&key)];
        let answer = place.run(&[&serve[..], &tls, more].concat());
        assert_eq!(answer.code, Some(64), "{}", answer.stderr);
        answer.stderr
    };
    assert!(refused(&Pair { key: other.key, ..pair.clone() }, &[]).contains("/cert: "));
    assert!(refused(&Pair { cert: String::new(), ..pair.clone() }, &[]).contains("contains no certificate"));
    assert!(refused(&Pair { key: "none".to_owned(), ..pair.clone() }, &[]).contains("/key: "));
    assert!(refused(&pair, &["--tls-client-ca", "/nonexistent/ca"]).contains("/nonexistent/ca: "));
    for (given, lacking) in [("cert", "key"), ("key", "cert"), ("client-ca", "cert")] {
        let answer = place.run(&["config", &format!("--tls-{given}"), "/some/file"]);
        assert_eq!(answer.code, Some(64));
        assert!(answer.stderr.contains(&format!("--tls-{given} needs --tls-{lacking}")), "{}", answer.stderr);
    }
}

/// Starts a server with that certificate.
async fn serve(files: &Certificates, pair: &Pair, args: &[&str]) -> World {
    let [cert, key] = files.put(pair);
    let tls = ["--tls-cert", text(&cert), "--tls-key", text(&key)];
    World::start_with("127.0.0.1:0", &[&tls, args].concat()).await
}

/// The response body that curl gets when it trusts that authority, or curl's error.
fn curl(world: &World, authority: &Path, path: &str, args: &[&str]) -> Result<String, String> {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--fail", "--max-time", "30", "--cacert"]).arg(authority);
    command.args(["--header", &format!("authorization: Bearer {}", world.org.key)]).args(args);
    let url = format!("https://localhost:{}{path}", world.address().port());
    let output = command.arg(url).output().expect("curl: run make test");
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

/// A Python client over TLS, with a client certificate if one is given.
fn python(world: &World, chat: &Chat, authority: &Path, certificate: Option<[&Path; 2]>) -> Command {
    let mut client = python_tool("python");
    client.arg(clients().join("python/chats.py")).env("AUTHORITY", authority);
    if let Some([cert, key]) = certificate {
        client.env("CLIENT_CERTIFICATE", cert).env("CLIENT_KEY", key);
    }
    client.env("ADDRESS", format!("localhost:{}", world.address().port())).env("TOKEN", &world.org.key);
    client.env("SESSION", &world.org.sessions[0]).env("CHAT", &chat.id).env("JID", &chat.jid);
    client.env("EMAIL", &world.org.members[0]);
    client
}

/// The value of a metric without labels.
async fn metric(world: &World, name: &str) -> String {
    let metrics = world.metrics().await;
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{name} in {metrics}")).to_owned()
}
