//! Pages of every list and search over REST: the first, and one from the middle of long lists. The lists are found in the
//! proto descriptors.

use serde_json::Value;

use crate::Outcome;
use crate::calls::{Client, Target};
use crate::methods::{Binding, Method, methods};
use crate::rest::{self, Connection};
use crate::seed;

/// Page size.
pub const ITEMS: usize = 50;
/// Search terms: in every message, and in those of one chat.
const QUERIES: [&str; 2] = ["house", "50000"];

/// One page.
#[derive(Clone)]
pub struct Page {
    /// Name in the report.
    pub name: String,
    /// The HTTP request.
    pub request: Vec<u8>,
}

/// All measured pages.
pub async fn all(target: &Target) -> Outcome<Vec<Page>> {
    let mut connection = Connection::open(target.address).await?;
    let mut pages = Vec::new();
    for method in methods() {
        let bindings = method.bindings.iter().filter(|binding| binding.method == "GET");
        for binding in bindings.filter(|_| method.input.get_field_by_name("limit").is_some()) {
            for path in paths(&method, binding, target) {
                pages.extend(of_list(&mut connection, &method, &path, target).await?);
            }
        }
    }
    Ok(pages)
}

/// The paths of a list, without offset and cursor.
fn paths(method: &Method, binding: &Binding, target: &Target) -> Vec<String> {
    let contact = seed::FIRST_CONTACT;
    let path = binding.template.replace("{session_id}", &target.session);
    let path = path.replace("{chat_id}", &format!("{contact}@c.us"));
    let path = path.replace("{webhook_id}", seed::WEBHOOK);
    let path = path.replace("{jid}", &format!("{contact}@s.whatsapp.net"));
    let path = format!("{path}?limit={ITEMS}");
    match method.input.get_field_by_name("query") {
        None => vec![path],
        Some(_) => QUERIES.iter().map(|word| format!("{path}&query={word}")).collect(),
    }
}

async fn of_list(
    connection: &mut Connection,
    method: &Method,
    path: &str,
    target: &Target,
) -> Outcome<Vec<Page>> {
    let rpc = method.path.rsplit('/').next().unwrap_or_default();
    let words = path.split_once("query=").map(|(_, words)| format!(" “{words}”")).unwrap_or_default();
    let page = |place: &str, more: &str| Page {
        name: format!("{rpc}{words}, {place}"),
        request: rest::get(target, &format!("{path}{more}")),
    };
    let first = page("first page", "");
    let response: Value = serde_json::from_slice(connection.exchange(&first.request).await?)?;
    let mut pages = vec![first];
    if let Some(count) = response["count"].as_u64().filter(|count| *count > 4 * ITEMS as u64) {
        let offset = count / 2;
        pages.push(page(&format!("from {offset}"), &format!("&offset={offset}")));
    } else if response["nextCursor"].is_string() {
        let cursors = cursors(connection, path, response, target).await?;
        let middle = cursors.len() / 2;
        pages.push(page(&format!("page {}", middle + 2), &format!("&cursor={}", cursors[middle])));
    }
    Ok(pages)
}

/// The cursors of all pages after the first.
async fn cursors(
    connection: &mut Connection,
    path: &str,
    mut response: Value,
    target: &Target,
) -> Outcome<Vec<String>> {
    let mut cursors = Vec::new();
    while let Some(cursor) = response["nextCursor"].as_str().map(str::to_owned) {
        let request = rest::get(target, &format!("{path}&cursor={cursor}"));
        cursors.push(cursor);
        response = serde_json::from_slice(connection.exchange(&request).await?)?;
    }
    Ok(cursors)
}

/// A client that requests the same page repeatedly.
pub struct Reader {
    connection: Connection,
    request: Vec<u8>,
}

/// Opens connections.
pub async fn readers(target: &Target, page: &Page, connections: usize) -> Outcome<Vec<Reader>> {
    let mut readers = Vec::with_capacity(connections);
    for _ in 0..connections {
        let connection = Connection::open(target.address).await?;
        readers.push(Reader { connection, request: page.request.clone() });
    }
    Ok(readers)
}

impl Client for Reader {
    async fn call(&mut self) -> Outcome<()> {
        self.connection.exchange(&self.request).await.map(drop)
    }
}
