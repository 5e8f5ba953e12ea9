//! Creating, listing, changing and deleting webhooks.

use guarded_http::Destinations;

use super::checks::{checked_kinds, checked_sessions, destinations, new_salt, secret, visible};
use super::router::delete_out_of_scope;
use crate::actions::Precondition;
use crate::actions::credentials;
use crate::actions::idempotency::IdempotentWrite;
use crate::actions::page::{CursorList, Page};
use crate::actions::session_ids::{check_exist, is_subset};
use crate::caller::Caller;
use crate::config::{Secret, WebhookConfig};
use crate::cursor::{Scope, SigningKeys};
use crate::error::{Error, Result};
use crate::ids::{OrgId, ReceiverUrl, SessionId, WebhookId};
use crate::instant::Instant;
use crate::patch::Patch;
use crate::store::webhooks::{self, NewWebhookRow, WebhookChanges, WebhookRow};
use crate::store::{Connection, Store, StoreResult, Transaction};

/// Manages webhooks and their deliveries.
#[derive(Clone)]
pub struct Webhooks {
    pub(super) store: Store,
    pub(super) keys: SigningKeys,
    settings: WebhookConfig,
}

/// A webhook to create.
#[derive(Clone, Debug)]
pub struct NewWebhook {
    /// The id; `None` for a random one.
    pub id: Option<WebhookId>,
    /// The endpoint.
    pub url: String,
    /// The kinds of change event to send; empty selects all.
    pub kinds: Vec<String>,
    /// The sessions whose events are sent; `None` selects all.
    pub sessions: Option<Vec<SessionId>>,
    /// Whether events are sent.
    pub enabled: bool,
}

/// A change of a webhook.
#[derive(Clone, Debug, Default)]
pub struct WebhookChange {
    /// The endpoint; it cannot be cleared.
    pub url: Patch<String>,
    /// The kinds of change event to send; cleared selects all.
    pub kinds: Patch<Vec<String>>,
    /// The sessions whose events are sent; cleared selects all.
    pub sessions: Patch<Vec<SessionId>>,
    /// Whether events are sent; it cannot be cleared.
    pub enabled: Patch<bool>,
}

/// A webhook with a new secret, which no other call returns.
#[derive(Debug)]
pub struct SecretWebhook {
    /// The webhook.
    pub row: WebhookRow,
    /// The key that signs deliveries.
    pub secret: Secret,
}

impl Webhooks {
    /// Derives the webhooks' secrets from these signing keys.
    pub fn new(store: Store, keys: SigningKeys, settings: WebhookConfig) -> Self {
        Self { store, keys, settings }
    }

    /// Creates a webhook that receives the events from now on.
    ///
    /// # Errors
    ///
    /// When the caller may not read the selected chats, or the URL or a kind is invalid.
    pub async fn create<R: Send + 'static>(
        &self,
        caller: &Caller,
        new: NewWebhook,
        idempotent: IdempotentWrite<SecretWebhook, R>,
    ) -> Result<R> {
        let org = caller.org;
        let row = NewWebhookRow {
            webhook_id: new.id.unwrap_or_else(WebhookId::generate),
            url: self.checked_url(&new.url)?,
            kinds: checked_kinds(new.kinds)?,
            sessions: checked_sessions(caller, new.sessions)?,
            enabled: new.enabled,
            salt: new_salt(),
            key_id: self.keys.current_id()?,
            claimant: caller.claimant_key(),
        };
        let (caller, webhooks) = (caller.clone(), self.clone());
        let write = move |tx: &mut Transaction<'_>| {
            credentials::recheck(tx, &caller)?;
            check_exist(tx, org, row.sessions.as_deref())?;
            let row = webhooks::insert(tx, org, &row)?;
            Ok(webhooks.with_secret(org, row)?)
        };
        idempotent.write(&self.store, org, write).await
    }

    /// A page of the webhooks that the caller may see, oldest first.
    pub async fn page(&self, caller: &Caller, limit: Option<i64>, cursor: &str) -> Result<Page<WebhookRow>> {
        let (org, allowed, claimant) = (caller.org, caller.sessions.clone(), caller.claimant_key());
        let list = CursorList { store: &self.store, keys: &self.keys, org, scope: Scope::of("webhooks") };
        let position = |row: &WebhookRow| (row.created_at.micros(), row.webhook_id.to_string());
        let read = move |connection: &mut Connection, after: Option<(i64, String)>, limit| {
            let (micros, id) = after.unwrap_or_default();
            let scope = (allowed.as_deref(), claimant.as_ref());
            webhooks::page(connection, org, scope, (Instant::from_micros(micros), &id), limit)
        };
        list.page(limit, cursor, position, read).await
    }

    /// The webhook.
    pub async fn get(&self, caller: &Caller, id: WebhookId) -> Result<WebhookRow> {
        let org = caller.org;
        let found = self.store.read(move |connection| webhooks::find(connection, org, &id)).await?;
        visible(found, caller)
    }

    /// Changes the webhook and returns it. An empty change succeeds.
    ///
    /// Deliveries of events that it does not select any more are deleted when it selects fewer sessions: keys that are
    /// limited to the others may see it from now on.
    ///
    /// # Errors
    ///
    /// When the caller may not read the selected chats, or the URL or a kind is invalid.
    pub async fn update<R: Send + 'static>(
        &self,
        caller: &Caller,
        id: WebhookId,
        change: WebhookChange,
        precondition: Precondition<WebhookRow>,
        idempotent: IdempotentWrite<WebhookRow, R>,
    ) -> Result<R> {
        let changes = self.changes(caller, change)?;
        let (caller, org) = (caller.clone(), caller.org);
        let write = move |tx: &mut Transaction<'_>| {
            let webhook = lock(tx, &caller, &id, &precondition)?;
            if changes.is_empty() {
                return Ok(webhook);
            }
            check_exist(tx, org, changes.sessions.as_ref().and_then(Option::as_deref))?;
            let changed = webhooks::update(tx, org, &id, &changes)?;
            if !is_subset(webhook.sessions.as_deref(), changed.sessions.as_deref()) {
                delete_out_of_scope(tx, org, &changed)?;
            }
            Ok(changed)
        };
        idempotent.write(&self.store, org, write).await
    }

    /// Replaces the webhook's secret.
    pub async fn rotate<R: Send + 'static>(
        &self,
        caller: &Caller,
        id: WebhookId,
        precondition: Precondition<WebhookRow>,
        idempotent: IdempotentWrite<SecretWebhook, R>,
    ) -> Result<R> {
        let (caller, webhooks, org) = (caller.clone(), self.clone(), caller.org);
        let (salt, key_id) = (Some(new_salt()), Some(self.keys.current_id()?));
        let changes = WebhookChanges { salt, key_id, ..WebhookChanges::default() };
        let write = move |tx: &mut Transaction<'_>| {
            lock(tx, &caller, &id, &precondition)?;
            let row = webhooks::update(tx, org, &id, &changes)?;
            Ok(webhooks.with_secret(org, row)?)
        };
        idempotent.write(&self.store, org, write).await
    }

    /// Deletes the webhook with its deliveries.
    pub async fn delete<R: Send + 'static>(
        &self,
        caller: &Caller,
        id: WebhookId,
        precondition: Precondition<WebhookRow>,
        idempotent: IdempotentWrite<(), R>,
    ) -> Result<R> {
        let (caller, org) = (caller.clone(), caller.org);
        let write = move |tx: &mut Transaction<'_>| {
            lock(tx, &caller, &id, &precondition)?;
            webhooks::delete(tx, org, &id)
        };
        idempotent.write(&self.store, org, write).await
    }

    fn changes(&self, caller: &Caller, change: WebhookChange) -> Result<WebhookChanges> {
        let url = change.url.or_default().map(|url| self.checked_url(&url)).transpose()?;
        let enabled = match change.enabled {
            Patch::Keep => None,
            Patch::Clear => return Err(Error::invalid("enabled", "must be true or false")),
            Patch::Set(enabled) => Some(enabled),
        };
        let kinds = change.kinds.or_default().map(checked_kinds).transpose()?;
        let sessions = change.sessions.into_changeset();
        let sessions = sessions.map(|sessions| checked_sessions(caller, sessions)).transpose()?;
        Ok(WebhookChanges {
            url,
            kinds,
            sessions,
            enabled,
            disabled_at: enabled.map(|_| None),
            ..WebhookChanges::default()
        })
    }

    /// A valid endpoint URL. The addresses of a host name are checked at each connection.
    fn checked_url(&self, text: &str) -> Result<ReceiverUrl> {
        let url: ReceiverUrl = text.trim().parse().map_err(|expected| Error::invalid("url", expected))?;
        let destinations = destinations(&self.settings);
        if destinations == Destinations::Public && !url.is_https() {
            return Err(Error::invalid("url", "must be an https URL"));
        }
        let is_this_machine = url.is_this_machine() && destinations != Destinations::Any;
        if is_this_machine || url.address().is_some_and(|address| !destinations.allows(address)) {
            let expected = match destinations {
                Destinations::Public => "must not be a private address",
                Destinations::Private | Destinations::Any | Destinations::Hosts(_) => {
                    "must not be a loopback or link-local address"
                }
            };
            return Err(Error::invalid("url", expected));
        }
        Ok(url)
    }

    fn with_secret(&self, org: OrgId, row: WebhookRow) -> Result<SecretWebhook> {
        let secret =
            secret(&self.keys, org, &row).ok_or_else(|| Error::internal("no key for a new secret"))?;
        Ok(SecretWebhook { row, secret })
    }
}

/// Locks a webhook that the caller may see and change: the credential is still accepted, and the precondition holds.
fn lock(
    connection: &mut Connection,
    caller: &Caller,
    id: &WebhookId,
    precondition: &Precondition<WebhookRow>,
) -> StoreResult<WebhookRow> {
    credentials::recheck(connection, caller)?;
    let webhook = visible(webhooks::lock(connection, caller.org, id)?, caller)?;
    precondition.check(&webhook)?;
    Ok(webhook)
}
