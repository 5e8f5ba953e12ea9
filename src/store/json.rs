//! `jsonb` columns read straight into typed values.

use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::pg::{Pg, PgValue};
use diesel::sql_types::Jsonb;
use serde::de::DeserializeOwned;

/// A `jsonb` value, parsed from the bytes PostgreSQL sends, without a `serde_json::Value` in between.
#[derive(Clone, Debug, PartialEq, FromSqlRow)]
pub struct Json<T>(pub T);

/// The first byte of a `jsonb` value says how the rest is written; 1, text, is the only way there is.
const JSONB_TEXT: u8 = 1;

impl<T: DeserializeOwned + std::fmt::Debug> FromSql<Jsonb, Pg> for Json<T> {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        match value.as_bytes().split_first() {
            Some((&JSONB_TEXT, text)) => Ok(Self(serde_json::from_slice(text)?)),
            _ => Err("unsupported jsonb encoding".into()),
        }
    }
}
