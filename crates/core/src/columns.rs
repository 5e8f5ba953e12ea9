//! Conversion of ids and times from and to columns. Here and not in the store, because only the crate of a type may implement it for diesel.

use std::io::Write;

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, Queryable};
use diesel::expression::AsExpression;
use diesel::internal::derives::as_expression::Bound;
use diesel::pg::data_types::PgTimestamp;
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::{Nullable, SingleValue, Text, Timestamptz, Uuid as SqlUuid};

use crate::ids::{
    ChatAddress, ConnectionId, KeyId, LabelId, MediaId, NoteId, OrgId, Phone, PhoneId, PropertyId,
    ReceiverUrl, SessionId, WebhookId,
};
use crate::instant::Instant;

/// Implements what `#[derive(FromSqlRow, AsExpression)]` would: this way diesel stands in this file only.
macro_rules! column_type {
    ($type:ty, $sql:ty) => {
        impl<DB: Backend, ST: SingleValue> Queryable<ST, DB> for $type
        where
            Self: FromSql<ST, DB>,
        {
            type Row = Self;

            fn build(value: Self) -> deserialize::Result<Self> {
                Ok(value)
            }
        }

        column_type!(@expression $type, $type, $sql);
        column_type!(@expression $type, $type, Nullable<$sql>);
        column_type!(@expression &'e $type, $type, $sql);
        column_type!(@expression &'e $type, $type, Nullable<$sql>);

        impl ToSql<Nullable<$sql>, Pg> for $type {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
                ToSql::<$sql, Pg>::to_sql(self, out)
            }
        }
    };
    (@expression $bound:ty, $type:ty, $sql:ty) => {
        impl<'e> AsExpression<$sql> for $bound {
            type Expression = Bound<$sql, Self>;

            fn as_expression(self) -> Self::Expression {
                Bound::new(self)
            }
        }
    };
}

macro_rules! text_column_type {
    ($($type:ty),+) => {$(
        column_type!($type, Text);

        impl FromSql<Text, Pg> for $type {
            fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
                Ok(std::str::from_utf8(value.as_bytes())?.parse()?)
            }
        }

        impl ToSql<Text, Pg> for $type {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
                write!(out, "{self}")?;
                Ok(IsNull::No)
            }
        }
    )+};
}

text_column_type!(
    ChatAddress,
    ConnectionId,
    KeyId,
    LabelId,
    MediaId,
    NoteId,
    Phone,
    PhoneId,
    PropertyId,
    ReceiverUrl,
    SessionId,
    WebhookId
);
column_type!(OrgId, SqlUuid);
column_type!(Instant, Timestamptz);

impl FromSql<SqlUuid, Pg> for OrgId {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        <uuid::Uuid as FromSql<SqlUuid, Pg>>::from_sql(value).map(Self::from)
    }
}

impl ToSql<SqlUuid, Pg> for OrgId {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        ToSql::<SqlUuid, Pg>::to_sql(self.as_uuid(), out)
    }
}

/// Microseconds from the Unix epoch to 2000-01-01, PostgreSQL's epoch.
const POSTGRES_EPOCH_MICROS: i64 = 946_684_800_000_000;

impl FromSql<Timestamptz, Pg> for Instant {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let PgTimestamp(micros) = FromSql::<Timestamptz, Pg>::from_sql(value)?;
        Ok(Self::from_micros(micros.saturating_add(POSTGRES_EPOCH_MICROS)))
    }
}

impl ToSql<Timestamptz, Pg> for Instant {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        let timestamp = PgTimestamp(self.micros().saturating_sub(POSTGRES_EPOCH_MICROS));
        ToSql::<Timestamptz, Pg>::to_sql(&timestamp, &mut out.reborrow())
    }
}
