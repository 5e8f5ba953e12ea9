//! Creating, listing, changing and deleting connections.

use guarded_http::Destinations;

use super::checks::{checked_account, checked_rate, checked_text, checked_url, rules_of, visible};
use super::kind_rules::{KindRules, SecretRule};
use super::lines::{check_line, session_of};
use super::model::{ConnectionChange, ConnectionScope, NewConnection};
use super::secrets::{ConnectionSecrets, GivenSecrets};
use crate::actions::Precondition;
use crate::actions::idempotency::IdempotentWrite;
use crate::actions::page::{CursorList, Page};
use crate::config::ConnectionConfig;
use crate::cursor::{Encrypted, Scope, SigningKeys};
use crate::error::{Error, Kind, Result};
use crate::ids::ConnectionId;
use crate::instant::Instant;
use crate::patch::Patch;
use crate::store::connections::{self, ConnectionChanges, ConnectionRow, NewConnectionRow};
use crate::store::sessions::SessionRow;
use crate::store::{Connection, Store, StoreResult, Transaction};

/// Requests a minute that read history, unless another number is given.
const SYNC_BUDGET: i32 = 3000;

/// Manages connections.
#[derive(Clone)]
pub struct Connections {
    pub(super) store: Store,
    pub(super) keys: SigningKeys,
    kinds: &'static [KindRules],
    hosts: Destinations,
    allow_simulator: bool,
}

impl Connections {
    /// Connections of these kinds, to these hosts, whose secrets are encrypted under the signing keys.
    pub fn new(
        store: Store,
        keys: SigningKeys,
        kinds: &'static [KindRules],
        hosts: Destinations,
        config: &ConnectionConfig,
    ) -> Self {
        Self { store, keys, kinds, hosts, allow_simulator: config.allow_simulator }
    }

    /// Creates a connection, whose first sync is due.
    ///
    /// # Errors
    ///
    /// When the caller may not use the session, or the session or the account has a connection, or a setting is invalid.
    pub async fn create<R: Send + 'static>(
        &self,
        scope: ConnectionScope,
        new: NewConnection,
        idempotent: IdempotentWrite<ConnectionRow, R>,
    ) -> Result<R> {
        let rules = rules_of(self.kinds, &new.kind, self.allow_simulator)?;
        let settings = new.settings;
        let url = checked_url(rules, &self.hosts, settings.url.or_default().as_deref())?;
        let account = checked_account(rules, settings.account.or_default())?;
        let business_account =
            checked_text("business_account", settings.business_account.or_default().unwrap_or_default())?;
        let sync_budget = settings.sync_budget.or_default().unwrap_or(SYNC_BUDGET);
        let sync_budget = checked_rate("sync_requests_per_minute", sync_budget)?;
        let sends = settings.sends_per_minute.or_default().or(rules.sends_per_minute);
        let sends_per_minute = sends.map(|rate| checked_rate("sends_per_minute", rate)).transpose()?;
        let sets_webhook = settings.sets_webhook.or_default().unwrap_or(true);
        let given = GivenSecrets {
            api_key: settings.api_key,
            webhook_secret: settings.webhook_secret,
            verify_token: settings.verify_token,
        };
        let secrets = ConnectionSecrets::new(rules, given)?;
        // With its id, webhooks of a kind that has them can be forged, but for their signature.
        let published_id = new.published_id.filter(|_| rules.webhook_secret == SecretRule::None);
        let connection_id = published_id.unwrap_or_else(|| ConnectionId::generate(scope.org));
        let Encrypted { key_id, bytes } = secrets.encrypt(&self.keys, &connection_id)?;
        let row = move |session: SessionRow| NewConnectionRow {
            connection_id: connection_id.clone(),
            session_id: session.session_id,
            phone: session.phone,
            kind: rules.name.to_owned(),
            url: url.clone(),
            account: account.clone(),
            business_account: business_account.clone(),
            secrets: bytes.clone(),
            key_id: key_id.clone(),
            enabled: new.enabled,
            sets_webhook,
            sync_budget,
            sends_per_minute,
        };
        let (org, line) = (scope.org, new.line);
        let write = move |tx: &mut Transaction<'_>| {
            scope.recheck(tx)?;
            let row = row(session_of(tx, &scope, &line)?);
            check_line(tx, scope.org, rules, (&row.connection_id, &row.url, &row.account), row.enabled)?;
            connections::insert(tx, scope.org, &row)?
                .ok_or_else(|| Error::new(Kind::Conflict, "the session has a connection already").into())
        };
        idempotent.write(&self.store, org, write).await
    }

    /// A page of the connections, oldest first.
    pub async fn page(
        &self,
        scope: ConnectionScope,
        limit: Option<i64>,
        cursor: &str,
    ) -> Result<Page<ConnectionRow>> {
        let ConnectionScope { org, sessions, .. } = scope;
        let list = CursorList { store: &self.store, keys: &self.keys, org, scope: Scope::of("connections") };
        let position = |row: &ConnectionRow| (row.created_at.micros(), row.connection_id.to_string());
        let read = move |connection: &mut Connection, after: Option<(i64, String)>, limit| {
            let (micros, id) = after.unwrap_or_default();
            let after = (Instant::from_micros(micros), id.as_str());
            connections::page(connection, org, sessions.as_deref(), after, limit)
        };
        list.page(limit, cursor, position, read).await
    }

    /// The connection.
    pub async fn get(&self, scope: ConnectionScope, id: ConnectionId) -> Result<ConnectionRow> {
        let org = scope.org;
        let found = self.store.read(move |connection| connections::find(connection, org, &id)).await?;
        visible(found, scope.sessions.as_deref())
    }

    /// Changes the connection and returns it. An empty change succeeds.
    ///
    /// # Errors
    ///
    /// When a setting is invalid, or the account has another connection.
    pub async fn update<R: Send + 'static>(
        &self,
        scope: ConnectionScope,
        id: ConnectionId,
        change: ConnectionChange,
        precondition: Precondition<ConnectionRow>,
        idempotent: IdempotentWrite<ConnectionRow, R>,
    ) -> Result<R> {
        let (org, own) = (scope.org, self.clone());
        let write = move |tx: &mut Transaction<'_>| {
            let row = lock(tx, &scope, &id)?;
            precondition.check(&row)?;
            let changes = own.changes(&row, change.clone())?;
            if changes == ConnectionChanges::default() {
                return Ok(row);
            }
            let changed = connections::update(tx, org, &id, &changes)?;
            if (&row.url, &row.account, row.enabled) != (&changed.url, &changed.account, changed.enabled) {
                // It exists already, so it may stay.
                let rules = rules_of(own.kinds, &row.kind, true)?;
                check_line(tx, org, rules, (&id, &changed.url, &changed.account), changed.enabled)?;
            }
            Ok(changed)
        };
        idempotent.write(&self.store, org, write).await
    }

    /// Deletes the connection with its events.
    pub async fn delete<R: Send + 'static>(
        &self,
        scope: ConnectionScope,
        id: ConnectionId,
        precondition: Precondition<ConnectionRow>,
        idempotent: IdempotentWrite<(), R>,
    ) -> Result<R> {
        let org = scope.org;
        let write = move |tx: &mut Transaction<'_>| {
            precondition.check(&lock(tx, &scope, &id)?)?;
            connections::delete(tx, org, &id)
        };
        idempotent.write(&self.store, org, write).await
    }

    /// Requests a sync.
    pub async fn request_sync<R: Send + 'static>(
        &self,
        scope: ConnectionScope,
        id: ConnectionId,
        idempotent: IdempotentWrite<ConnectionRow, R>,
    ) -> Result<R> {
        let org = scope.org;
        let write = move |tx: &mut Transaction<'_>| {
            lock(tx, &scope, &id)?;
            connections::request_sync(tx, org, &id)
        };
        idempotent.write(&self.store, org, write).await
    }

    /// The response that was stored for the idempotency key, or else this output, which is stored; `None` when no such
    /// connection exists.
    pub async fn answer<V, R>(
        &self,
        scope: &ConnectionScope,
        output: Option<V>,
        idempotent: IdempotentWrite<V, R>,
    ) -> Result<R>
    where
        V: Clone + Send + 'static,
        R: Send + 'static,
    {
        let output = move || output.clone().ok_or_else(|| Error::not_found("connection not found"));
        idempotent.read(&self.store, scope.org, move |_| Ok(output()?)).await
    }

    fn changes(&self, row: &ConnectionRow, change: ConnectionChange) -> Result<ConnectionChanges> {
        // It exists already, so it may stay.
        let rules = rules_of(self.kinds, &row.kind, true)?;
        let given = GivenSecrets {
            api_key: change.api_key,
            webhook_secret: change.webhook_secret,
            verify_token: change.verify_token,
        };
        let encrypted = if given.is_empty() { None } else { Some(self.encrypted(row, rules, given)?) };
        let (key_id, secrets) = encrypted.map(|new| (new.key_id, new.bytes)).unzip();
        let url = change.url.or_default();
        let account = change.account.or_default();
        let budget = change.sync_budget.into_changeset().map(|budget| budget.unwrap_or(SYNC_BUDGET));
        let business_account = change.business_account.or_default();
        Ok(ConnectionChanges {
            url: url.map(|url| checked_url(rules, &self.hosts, Some(&url))).transpose()?,
            account: account.map(|account| checked_account(rules, Some(account))).transpose()?,
            business_account: business_account
                .map(|account| checked_text("business_account", account))
                .transpose()?,
            secrets,
            key_id,
            enabled: required("enabled", change.enabled)?,
            sets_webhook: required("sets_webhook", change.sets_webhook)?,
            sync_budget: budget.map(|rate| checked_rate("sync_requests_per_minute", rate)).transpose()?,
            sends_per_minute: change
                .sends_per_minute
                .try_map(|rate| checked_rate("sends_per_minute", rate))?
                .into_changeset(),
        })
    }

    /// The present secrets with those that are given. When their signing key was removed, all must be given again.
    fn encrypted(&self, row: &ConnectionRow, rules: &KindRules, given: GivenSecrets) -> Result<Encrypted> {
        let stored = Encrypted { key_id: row.key_id.clone(), bytes: row.secrets.clone() };
        let secrets = match ConnectionSecrets::decrypt(&self.keys, &row.connection_id, &stored) {
            Some(secrets) => secrets.with(given)?,
            None => ConnectionSecrets::new(rules, given)?,
        };
        secrets.encrypt(&self.keys, &row.connection_id)
    }
}

/// The value of a field that cannot be cleared.
fn required(field: &str, patch: Patch<bool>) -> Result<Option<bool>> {
    match patch {
        Patch::Clear => Err(Error::invalid(field, "must be true or false")),
        Patch::Keep | Patch::Set(_) => Ok(patch.or_default()),
    }
}

/// Locks a connection that the caller may see and change: the credential is still accepted.
pub(super) fn lock(
    connection: &mut Connection,
    scope: &ConnectionScope,
    id: &ConnectionId,
) -> StoreResult<ConnectionRow> {
    scope.recheck(connection)?;
    Ok(visible(connections::lock(connection, scope.org, id)?, scope.sessions.as_deref())?)
}
