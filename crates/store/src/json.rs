//! `jsonb` columns, deserialized without an intermediate `serde_json::Value`.

use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::pg::{Pg, PgValue};
use diesel::sql_types::Jsonb;
use serde::de::DeserializeOwned;

/// A `jsonb` value, deserialized from the bytes PostgreSQL sends.
#[derive(Clone, Debug, PartialEq, Eq, FromSqlRow)]
pub struct Json<T>(pub T);

/// The first byte of a `jsonb` value is its format version; 1, text, is the only one.
const JSONB_VERSION: u8 = 1;

impl<T: DeserializeOwned + std::fmt::Debug> FromSql<Jsonb, Pg> for Json<T> {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        match value.as_bytes().split_first() {
            Some((&JSONB_VERSION, text)) => Ok(Self(serde_json::from_slice(text)?)),
            _ => Err("unsupported jsonb version".into()),
        }
    }
}
