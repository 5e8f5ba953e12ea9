//! Statements of ingest that add missing sessions, members, labels and properties.

use diesel::prelude::*;

use crate::connection::StoreResult;
use crate::members::NewMemberRow;
use crate::properties::NewPropertyRow;
use crate::schema::{labels, members, properties, sessions};
use crate::transaction::Transaction;
use switchboard_core::config::Quota;
use switchboard_core::ids::{LabelId, OrgId, Phone, PhoneId, SessionId};
use switchboard_core::instant::Instant;

/// A session to attach.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = sessions)]
#[allow(missing_docs)] // the columns of sessions, described there
pub struct NewSession {
    pub session_id: SessionId,
    pub phone: Phone,
    pub phone_id: PhoneId,
    pub lid: Option<String>,
    pub label: Option<String>,
    pub created_at: Instant,
}

/// A member to add.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = members)]
pub struct NewMember {
    /// Its columns.
    #[diesel(embed)]
    pub row: NewMemberRow,
    /// When it was added.
    pub created_at: Instant,
}

/// A label to create.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = labels)]
#[allow(missing_docs)] // the columns of labels, described there
pub struct NewLabel {
    pub label_id: LabelId,
    pub name: String,
    pub label_key: String,
    pub color: Option<String>,
    pub created_at: Instant,
}

/// A property to define.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = properties)]
pub struct NewProperty {
    /// Its columns.
    #[diesel(embed)]
    pub row: NewPropertyRow,
    /// When it was defined.
    pub created_at: Instant,
}

/// Inserts rows that do not conflict with existing ones. Sorted, so that concurrent transactions cannot deadlock.
macro_rules! add {
    ($tx:expr, $quota:expr, $org:expr, $rows:expr, $table:ident, $key:expr) => {{
        let mut rows = $rows.to_vec();
        rows.sort_by_key($key);
        let values: Vec<_> = rows.into_iter().map(|row| ($table::org_id.eq($org), row)).collect();
        if !values.is_empty() {
            $tx.added($quota);
            diesel::insert_into($table::table).values(values).on_conflict_do_nothing().execute(&mut **$tx)?;
        }
        Ok(())
    }};
}

/// Attaches sessions.
pub fn add_sessions(tx: &mut Transaction<'_>, org: OrgId, rows: &[&NewSession]) -> StoreResult<()> {
    add!(tx, Quota::Sessions, org, rows, sessions, |row| row.phone.clone())
}

/// Adds members.
pub fn add_members(tx: &mut Transaction<'_>, org: OrgId, rows: &[&NewMember]) -> StoreResult<()> {
    add!(tx, Quota::Members, org, rows, members, |row| row.row.member_key.clone())
}

/// Creates labels.
pub fn add_labels(tx: &mut Transaction<'_>, org: OrgId, rows: &[&NewLabel]) -> StoreResult<()> {
    add!(tx, Quota::Labels, org, rows, labels, |row| row.label_key.clone())
}

/// Defines properties.
pub fn add_properties(tx: &mut Transaction<'_>, org: OrgId, rows: &[&NewProperty]) -> StoreResult<()> {
    add!(tx, Quota::Properties, org, rows, properties, |row| row.row.name.clone())
}
