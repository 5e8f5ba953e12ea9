//! The statements that the service executes for its calls, read from PostgreSQL's log.

use std::fs;
use std::path::PathBuf;

use crate::Outcome;
use crate::calls::{Call, Client, Target};
use crate::cluster::Cluster;
use crate::database::Database;
use crate::pages::Page;
use crate::rest::{self, Connection};
use crate::seed::World;
use crate::server::Server;
use crate::sql::{Sql, is_statement_of_a_request};

/// A statement with its parameters.
pub struct Statement {
    /// The text with `$1`, `$2` …
    pub sql: String,
    /// The parameters in order.
    pub values: Vec<Option<String>>,
}

/// The statement of each call.
pub async fn of_calls(database: &Database, world: &World, calls: &[Call]) -> Outcome<Vec<Statement>> {
    let logged = Logged::start(database, world).await?;
    let mut statements = Vec::with_capacity(calls.len());
    for call in calls {
        for mut client in rest::clients(&logged.target, *call, 1).await? {
            client.call().await?;
        }
        statements.push(logged.last_read()?);
    }
    Ok(statements)
}

/// The statement of each page.
pub async fn of_pages(database: &Database, world: &World, pages: &[Page]) -> Outcome<Vec<Statement>> {
    let logged = Logged::start(database, world).await?;
    let mut connection = Connection::open(logged.target.address).await?;
    let mut statements = Vec::with_capacity(pages.len());
    for page in pages {
        connection.exchange(&page.request).await?;
        statements.push(logged.last_read()?);
    }
    Ok(statements)
}

/// A separate instance of the service whose statements PostgreSQL logs.
struct Logged {
    admin: Sql,
    log: PathBuf,
    target: Target,
    _server: Server,
}

impl Logged {
    async fn start(database: &Database, world: &World) -> Outcome<Self> {
        let mut admin = database.admin();
        // Applies to connections opened afterwards.
        admin.run("ALTER ROLE switchboard SET log_statement = 'all'");
        let server = Server::start(database, "127.0.0.1:0", &[]).await;
        let target = Target::new(server.address, server.process.id().ok_or("no process id")?, world);
        Ok(Self { admin, log: Cluster::get().await.log_file(), target, _server: server })
    }

    /// The statement of the last call.
    fn last_read(&self) -> Outcome<Statement> {
        let log = fs::read_to_string(&self.log)?;
        let (sql, values) = last_read(&log).ok_or("PostgreSQL's log has no statement that reads")?;
        Ok(Statement { sql: sql.to_owned(), values: parameters(values) })
    }
}

impl Drop for Logged {
    fn drop(&mut self) {
        self.admin.run("ALTER ROLE switchboard RESET log_statement");
    }
}

/// The last logged `SELECT` of a request, and its parameters.
fn last_read(log: &str) -> Option<(&str, &str)> {
    let lines = log.lines().collect::<Vec<_>>();
    lines.windows(2).rev().find_map(|pair| {
        let (_, sql) = pair[0].split_once("LOG:  execute ")?.1.split_once(": ")?;
        let (_, values) = pair[1].split_once("DETAIL:  parameters: ")?;
        (sql.starts_with("SELECT") && is_statement_of_a_request(sql)).then_some((sql, values))
    })
}

/// Parses `$1 = 'a', $2 = NULL`. A quote within a value is doubled.
fn parameters(list: &str) -> Vec<Option<String>> {
    let mut values = Vec::new();
    let mut rest = list;
    while let Some((_, after)) = rest.split_once(" = ") {
        let Some(quoted) = after.strip_prefix('\'') else {
            values.push(None);
            rest = after;
            continue;
        };
        let mut value = String::new();
        let mut characters = quoted.char_indices().peekable();
        rest = "";
        while let Some((at, character)) = characters.next() {
            let doubled = character == '\'' && characters.next_if(|(_, next)| *next == '\'').is_some();
            if character == '\'' && !doubled {
                rest = &quoted[at + 1..];
                break;
            }
            value.push(character);
        }
        values.push(Some(value));
    }
    values
}
