//! The container image without a container engine: its files in a root directory of their own, as the image's user.

use std::path::Path;
use std::process::Command;

use tokio::net::{TcpListener, UnixStream};

use crate::support::{Cluster, Database, ROOT, Rest, SIGNING_KEY, Server, output_of};

/// `USER` in the Dockerfile.
pub const USER: &str = "65532";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "requires the image's files, which `make image-test` builds"]
async fn image_serves_from_its_files_alone() {
    assert_eq!(files(&root()), ["etc/ssl/certs/ca-certificates.crt", "switchboard"]);
    let database = over_tcp(&Cluster::get().await.empty_database()).await;
    let ask = |args: &[&str]| {
        let output = contained(&database, args).output().expect("env");
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    ask(&["migrate", "up"]);
    let org = ask(&["org", "create", "--name", "Acme"]);
    let key = ask(&["key", "create", "--org", &org, "--name", "test", "--can", "read"]);

    let server = Server::run(&contained(&database, &["serve", "--listen", "127.0.0.1:0"])).await;
    ask(&["healthcheck", &format!("http://{}", server.address)]);
    Rest::new(server.address).get("/v1/chats/15550101844@c.us").await.expect(401);
    Rest::new(server.address).token(&key).get("/v1/chats/15550101844@c.us").await.expect(404);
    assert_eq!(server.process.terminate().await, 0, "{}", server.process.log());
}

fn root() -> std::path::PathBuf {
    Path::new(ROOT).join("target/image-root")
}

/// The executable as a container runs it: with its own root directory, unprivileged user and environment.
fn contained(database: &str, args: &[&str]) -> Command {
    let mut command = Command::new("env");
    command.args(["--ignore-environment", &format!("SWITCHBOARD_DATABASE_URL={database}")]);
    command.arg(format!("SWITCHBOARD_SIGNING_KEY={SIGNING_KEY}"));
    command.args(["unshare", &format!("--root={}", root().display())]);
    if output_of("id", &["-u"]).as_deref() == Some("0") {
        command.args(["--setgid", USER, "--setuid", USER]);
    } else {
        // Changing the root directory without root requires a user namespace.
        command.arg("--map-root-user");
    }
    command.arg("/switchboard").args(args);
    command
}

/// Forwards a TCP port to the socket of the database, which is outside of the root directory. Ends with the test.
async fn over_tcp(database: &Database) -> String {
    let url = database.owner_url();
    let (address, folder) = url.split_once("?host=").expect("a socket");
    let socket = Path::new(folder).join(".s.PGSQL.5432");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let socket = socket.clone();
            tokio::spawn(async move {
                let mut server = UnixStream::connect(socket).await?;
                tokio::io::copy_bidirectional(&mut client, &mut server).await
            });
        }
    });
    address.replace("@/", &format!("@127.0.0.1:{port}/"))
}

/// All files below a directory, sorted by name.
fn files(root: &Path) -> Vec<String> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path.strip_prefix(root).expect("below it").display().to_string());
            }
        }
    }
    files.sort();
    files
}
