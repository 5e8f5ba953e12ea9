//! PostgreSQL's types for full-text search: the words of a text, and queries for them.

use std::collections::BTreeMap;
use std::io::Write;

use diesel::pg::Pg;
use diesel::query_builder::QueryId;
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::SqlType;
use serde_json::Value;

use switchboard_core::folding::compose;
use switchboard_core::full_text::{Clause, Lexeme, Query, Step, index_terms, searched_text};
use switchboard_core::ids::OrgId;

/// `tsvector`.
#[derive(Clone, Copy, Debug, QueryId, SqlType)]
#[diesel(postgres_type(oid = 3614, array_oid = 3643))]
pub struct Tsvector;

/// `tsquery`.
#[derive(Clone, Copy, Debug, QueryId, SqlType)]
#[diesel(postgres_type(oid = 3615, array_oid = 3645))]
pub struct Tsquery;

/// A value of `messages.search`: the places of each word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchVector(BTreeMap<String, Vec<u16>>);

/// The last place that a `tsvector` distinguishes.
const MAX_POSITION: u16 = (1 << 14) - 1;
/// Maximum number of places of a word.
const MAX_POSITIONS: usize = 255;

/// What search looks through of a message; `None` when it has no words.
pub fn search_vector(org: OrgId, body: Option<&str>, details: &Value) -> Option<SearchVector> {
    let file_name = details.pointer("/media/filename").and_then(Value::as_str);
    let shard = shard(org);
    let mut words: BTreeMap<String, Vec<u16>> = BTreeMap::new();
    for term in index_terms(&compose(&searched_text(body, file_name))) {
        let position = u16::try_from(term.position()).unwrap_or(u16::MAX).min(MAX_POSITION);
        let positions = words.entry(format!("{shard}{}", term.text)).or_default();
        if positions.len() < MAX_POSITIONS && positions.last() != Some(&position) {
            positions.push(position);
        }
    }
    (!words.is_empty()).then_some(SearchVector(words))
}

/// What all words of an organization begin with: a digit of its id.
fn shard(org: OrgId) -> char {
    org.to_string().pop().unwrap_or_default()
}

impl ToSql<Tsvector, Pg> for SearchVector {
    /// The format of PostgreSQL's `tsvectorrecv`.
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(&u32::try_from(self.0.len())?.to_be_bytes())?;
        for (word, positions) in &self.0 {
            out.write_all(word.as_bytes())?;
            out.write_all(&[0])?;
            out.write_all(&u16::try_from(positions.len())?.to_be_bytes())?;
            for position in positions {
                out.write_all(&position.to_be_bytes())?;
            }
        }
        Ok(IsNull::No)
    }
}

/// A query for the words of an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchQuery {
    nodes: Vec<Node>,
}

/// A part of a query in Polish notation, the right operand before the left one.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Node {
    Word {
        text: String,
        is_prefix: bool,
    },
    Not,
    And,
    Or,
    /// The left operand is this number of places before the right one.
    Phrase(u16),
}

impl SearchQuery {
    /// Translates a query.
    pub fn new(org: OrgId, query: &Query) -> Self {
        let shard = shard(org);
        let word = |Lexeme { text, is_prefix }: &Lexeme| {
            vec![Node::Word { text: format!("{shard}{text}"), is_prefix: *is_prefix }]
        };
        let step = |step: &Step| joined(step.lexemes.iter().map(word), |_| Node::Or);
        let clause = |clause: &Clause| {
            let distance = |index: usize| Node::Phrase(clause.steps[index].distance);
            let phrase = joined(clause.steps.iter().map(step), distance);
            if clause.is_excluded { [vec![Node::Not], phrase].concat() } else { phrase }
        };
        let group = |group: &Vec<Clause>| joined(group.iter().map(clause), |_| Node::And);
        let nodes = joined(query.groups.iter().map(group), |_| Node::Or);
        // PostgreSQL rejects an empty query in this format. No text has this word.
        let nothing = || vec![Node::Word { text: " ".to_owned(), is_prefix: false }];
        Self { nodes: if nodes.is_empty() { nothing() } else { nodes } }
    }
}

/// Operands with an operator before each but the first, which `operator` returns for the index of its right operand.
fn joined(operands: impl Iterator<Item = Vec<Node>>, operator: impl Fn(usize) -> Node) -> Vec<Node> {
    let mut all = Vec::new();
    for (index, operand) in operands.enumerate() {
        let left = std::mem::take(&mut all);
        if index > 0 {
            all.push(operator(index));
        }
        all.extend(operand);
        all.extend(left);
    }
    all
}

impl ToSql<Tsquery, Pg> for SearchQuery {
    /// The format of PostgreSQL's `tsqueryrecv`.
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        const WORD: u8 = 1;
        const OPERATOR: u8 = 2;
        out.write_all(&u32::try_from(self.nodes.len())?.to_be_bytes())?;
        for node in &self.nodes {
            match node {
                Node::Word { text, is_prefix } => {
                    // Without weights.
                    out.write_all(&[WORD, 0, u8::from(*is_prefix)])?;
                    out.write_all(text.as_bytes())?;
                    out.write_all(&[0])?;
                }
                Node::Not => out.write_all(&[OPERATOR, 1])?,
                Node::And => out.write_all(&[OPERATOR, 2])?,
                Node::Or => out.write_all(&[OPERATOR, 3])?,
                Node::Phrase(distance) => {
                    out.write_all(&[OPERATOR, 4])?;
                    out.write_all(&distance.to_be_bytes())?;
                }
            }
        }
        Ok(IsNull::No)
    }
}
