//! The very statement that the service sends for one call, as PostgreSQL's log has it.

use std::fs;
use std::path::PathBuf;

use crate::Outcome;
use crate::calls::{Call, Client, Target};
use crate::cluster::Database;
use crate::rest;
use crate::seed::{self, World};
use crate::server::Server;

/// A statement in `pgbench`'s form: `:digits` is a person's number, drawn anew each time.
pub struct Statement {
    pub sql: String,
    /// Its other parameters, by name.
    pub variables: Vec<(String, String)>,
}

/// What `GET /v1/chats/{chat_id}` reads with.
pub async fn whole_chat(database: &Database, world: &World) -> Outcome<Statement> {
    let mut admin = seed::admin(database);
    admin.run("ALTER ROLE switchboard SET log_statement = 'all'");
    // A service of its own: the setting holds for connections that are opened after it.
    let server = Server::start(database, "127.0.0.1:0", &[]).await;
    let target = Target::new(server.address, server.process.id().ok_or("no process id")?, world);
    for mut client in rest::clients(&target, Call::GetChat, 1).await? {
        client.call().await?;
    }
    drop(server);
    admin.run("ALTER ROLE switchboard RESET log_statement");
    let log = fs::read_to_string(log_file(database)?)?;
    last_read(&log).ok_or_else(|| "PostgreSQL's log has no statement that reads a chat".into())
}

/// The log stands beside the socket.
fn log_file(database: &Database) -> Outcome<PathBuf> {
    let folder = database.url.split("host=").nth(1).ok_or("a database URL without a folder")?;
    Ok(PathBuf::from(folder).join("log"))
}

/// The last logged `SELECT` that was given a chat's address.
fn last_read(log: &str) -> Option<Statement> {
    let lines = log.lines().collect::<Vec<_>>();
    lines.windows(2).rev().find_map(|pair| {
        let (_, sql) = pair[0].split_once("LOG:  execute ")?.1.split_once(": ")?;
        let (_, values) = pair[1].split_once("DETAIL:  parameters: ")?;
        (sql.starts_with("SELECT") && values.contains("@c.us")).then(|| statement(sql, &parameters(values)))
    })
}

/// `$1 = 'a', $2 = NULL`: the values in order. A quote inside of one is doubled.
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

fn statement(sql: &str, values: &[Option<String>]) -> Statement {
    let mut sql = sql.to_owned();
    let mut variables = Vec::new();
    // From the last, so that $1 is not found in $10.
    for (index, value) in values.iter().enumerate().rev() {
        let placeholder = format!("${}", index + 1);
        let replacement = match value {
            None => "NULL".to_owned(),
            Some(address) if address.ends_with("@c.us") => "(:digits || '@c.us')".to_owned(),
            Some(value) => {
                let name = format!("p{}", index + 1);
                variables.push((name.clone(), value.clone()));
                format!(":{name}")
            }
        };
        sql = sql.replace(&placeholder, &replacement);
    }
    Statement { sql, variables }
}
