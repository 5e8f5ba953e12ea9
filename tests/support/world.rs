//! The test environment: two organizations with sessions, members and properties, and a server.

use std::collections::HashMap;
use std::io::Write;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};
use switchboard::pb::api_key_service_client::ApiKeyServiceClient;
use switchboard::pb::chat_service_client::ChatServiceClient;
use switchboard::pb::member_service_client::MemberServiceClient;
use switchboard::pb::session_service_client::SessionServiceClient;
use tokio::sync::{Mutex, OnceCell};
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;

use super::chat::Chat;
use super::cluster::Cluster;
use super::database::Database;
use super::furnish::{Org, furnish};
use super::pooler::Pooler;
use super::rest::Rest;
use super::rpc::{Protocol, Rpc};
use super::server::{Server, address_in};
use super::sql::Sql;
use super::token::Token;

static FURNISHED: OnceCell<(Database, [Org; 2])> = OnceCell::const_new();
static SHARED: OnceCell<World> = OnceCell::const_new();
static NEXT: AtomicU32 = AtomicU32::new(0);

/// A running server with test data.
pub struct World {
    /// The organization of the default callers.
    pub org: Org,
    /// Another organization of the same shape, which the first one must not see.
    pub other: Org,
    /// Its database.
    pub database: Database,
    server: Server,
    keys: Mutex<HashMap<(String, String), String>>,
}

impl World {
    /// A separate environment, for tests that count rows or change shared data.
    pub async fn start() -> Self {
        Self::start_with("127.0.0.1:0", &[]).await
    }

    /// The shared environment of all tests that use only their own chats.
    pub async fn shared() -> &'static Self {
        SHARED.get_or_init(Self::start).await
    }

    /// A separate environment whose `serve` has these flags.
    pub async fn start_with(listen: &str, args: &[&str]) -> Self {
        let (database, [org, other]) = furnished().await;
        let server = Server::start(&database, listen, args).await;
        Self { org, other, database, server, keys: Mutex::default() }
    }

    /// A separate environment whose `serve` has these flags and these variables.
    pub async fn start_with_env(args: &[&str], variables: &[(&str, String)]) -> Self {
        let (database, [org, other]) = furnished().await;
        let mut command = database.command(&[&["serve", "--listen", "127.0.0.1:0"], args].concat());
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        let server = Server::run(&command).await;
        Self { org, other, database, server, keys: Mutex::default() }
    }

    /// A separate environment whose `serve` reaches the database through a connection pooler.
    pub async fn behind(pooler: &Pooler, args: &[&str]) -> Self {
        let (database, [org, other]) = furnished().await;
        let server = pooler.serve(&database, args).await;
        Self { org, other, database, server, keys: Mutex::default() }
    }

    /// The metrics in Prometheus format, of a server with a metrics address.
    pub async fn metrics(&self) -> String {
        self.metrics_rest().get("/metrics").await.expect(200).text()
    }

    /// A caller of the metrics listener, which needs no token.
    pub fn metrics_rest(&self) -> Rest {
        Rest::new(address_in(&self.log(), "serving metrics").expect("an address for metrics"))
    }

    /// An environment in the given cluster, whose `serve` has these flags.
    pub async fn alone_in(cluster: &Cluster, args: &[&str]) -> Self {
        let database = cluster.empty_database();
        database.migrate();
        let [org, other] = furnish(&database);
        let server = Server::start(&database, "127.0.0.1:0", args).await;
        Self { org, other, database, server, keys: Mutex::default() }
    }

    /// The same organizations in another database, with another server whose `serve` has these flags.
    pub async fn on(&self, database: Database, args: &[&str]) -> Self {
        let server = Server::start(&database, "127.0.0.1:0", args).await;
        Self { org: self.org.clone(), other: self.other.clone(), database, server, keys: Mutex::default() }
    }

    /// Another server on the same database, until the value is dropped.
    pub async fn another_server(&self) -> Server {
        Server::start(&self.database, "127.0.0.1:0", &[]).await
    }

    /// The URL of the server, such as `http://127.0.0.1:40123`.
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// The output of the server so far.
    pub fn log(&self) -> String {
        self.server.process.log()
    }

    /// The server's process.
    pub fn process_id(&self) -> u32 {
        self.server.process.id().expect("a process")
    }

    /// The address of the server.
    pub fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// Sends SIGTERM to the server.
    pub fn send_sigterm(&self) {
        self.server.process.send_sigterm();
    }

    /// Sends SIGTERM to the server and waits for its exit code.
    pub async fn stop(&self) -> i32 {
        self.server.process.terminate().await
    }

    /// A REST caller with the organization's key.
    pub fn rest(&self) -> Rest {
        self.anonymous().token(&self.org.key)
    }

    /// A REST caller without a token.
    pub fn anonymous(&self) -> Rest {
        Rest::new(self.server.address)
    }

    /// A caller of bytes through gRPC or gRPC-Web, with the organization's key.
    pub fn rpc(&self, protocol: Protocol) -> Rpc {
        self.anonymous_rpc(protocol).token(&self.org.key)
    }

    /// A caller of bytes through gRPC or gRPC-Web, without a token.
    pub fn anonymous_rpc(&self, protocol: Protocol) -> Rpc {
        Rpc::new(self.server.address, protocol)
    }

    /// The generated client of the chat API, with the organization's key.
    pub fn grpc_chat(&self) -> ChatServiceClient<InterceptedService<Channel, Token>> {
        ChatServiceClient::with_interceptor(self.channel(), Token::new(&self.org.key))
    }

    /// The generated client of the session API, with the organization's key.
    pub fn grpc_session(&self) -> SessionServiceClient<InterceptedService<Channel, Token>> {
        self.grpc_session_as(&self.org.key)
    }

    /// The generated client of the session API, with that key.
    pub fn grpc_session_as(&self, key: &str) -> SessionServiceClient<InterceptedService<Channel, Token>> {
        SessionServiceClient::with_interceptor(self.channel(), Token::new(key))
    }

    /// The generated client of the organization's members, with that key.
    pub fn grpc_members(&self, key: &str) -> MemberServiceClient<InterceptedService<Channel, Token>> {
        MemberServiceClient::with_interceptor(self.channel(), Token::new(key))
    }

    /// The generated client of the organization's api-keys, with that key.
    pub fn grpc_api_keys(&self, key: &str) -> ApiKeyServiceClient<InterceptedService<Channel, Token>> {
        ApiKeyServiceClient::with_interceptor(self.channel(), Token::new(key))
    }

    fn channel(&self) -> Channel {
        Channel::from_shared(self.url()).expect("a URL").connect_lazy()
    }

    /// A connection to the database.
    pub fn sql(&self) -> Sql {
        self.database.sql()
    }

    /// A connection as a superuser.
    pub fn admin(&self) -> Sql {
        self.database.admin()
    }

    /// Runs the binary on this database and returns its output.
    pub fn cli(&self, args: &[&str]) -> String {
        self.database.cli(args)
    }

    /// A command of the binary on this database.
    pub fn command(&self, args: &[&str]) -> Command {
        self.database.command(args)
    }

    /// A key of the organization with exactly these capabilities, such as `read` or `read,send`.
    pub async fn key(&self, can: &str) -> String {
        self.key_of(&self.org, can).await
    }

    /// A key of an organization with exactly these capabilities.
    pub async fn key_of(&self, org: &Org, can: &str) -> String {
        let mut keys = self.keys.lock().await;
        let key = keys.entry((org.id.clone(), can.to_owned()));
        key.or_insert_with(|| self.database.create_key(&org.id, can, &[])).clone()
    }

    /// A new key of the organization with these capabilities, limited to these sessions.
    pub fn limited_key(&self, can: &str, sessions: &[String]) -> String {
        self.database.create_key(&self.org.id, can, sessions)
    }

    /// A chat of the organization's first number with a new person of that name.
    pub async fn chat(&self, name: &str) -> Chat {
        self.chat_of(&self.org, name).await
    }

    /// A chat of an organization's first number with a new person of that name.
    pub async fn chat_of(&self, org: &Org, name: &str) -> Chat {
        let chat = self.missing_chat_of(org);
        let person = json!({"session": org.numbers[0], "contact": {"id": chat.id, "name": name}});
        let made = json!({"session": org.numbers[0], "chat": {"jid": chat.jid, "type": "dm", "name": name}});
        self.import(org, &[person, made]);
        chat
    }

    /// The address of a chat that does not exist, for the first session of that organization.
    pub fn missing_chat_of(&self, org: &Org) -> Chat {
        let digits = format!("1555010{:04}", 2000 + NEXT.fetch_add(1, Ordering::Relaxed));
        Chat::new(&digits, &org.sessions[0])
    }

    /// Imports events, in the form of `switchboard import`.
    pub fn import(&self, org: &Org, events: &[Value]) {
        let lines: Vec<_> = events.iter().map(Value::to_string).collect();
        import(&self.database, org, &lines.join("\n"));
    }
}

/// A database with both organizations: a copy of the template.
async fn furnished() -> (Database, [Org; 2]) {
    let (template, orgs) = FURNISHED.get_or_init(template).await.clone();
    (Cluster::get().await.copy_of(&template), orgs)
}

/// The template database with both organizations; environments are copies.
async fn template() -> (Database, [Org; 2]) {
    let database = Cluster::get().await.migrated_database().await;
    let orgs = furnish(&database);
    (database, orgs)
}

/// Runs `switchboard import -` on these lines. Panics when it reports any of them.
pub fn import(database: &Database, org: &Org, lines: &str) {
    let mut command = database.command(&["import", "-", "--org", &org.id]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary");
    child.stdin.take().expect("piped").write_all(lines.as_bytes()).expect("import reads its input");
    let output = child.wait_with_output().expect("the binary");
    assert!(output.status.success(), "import: {}\n{lines}", String::from_utf8_lossy(&output.stderr));
}
