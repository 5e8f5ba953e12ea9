//! Webhooks: setting them up, and what became of telling them of changes.

mod addresses;
mod deliveries;
mod dispatcher;
mod round;
mod rules;

pub use self::addresses::is_public;
pub use self::deliveries::{lag, remove_expired};
pub use self::dispatcher::{AttemptResult, DeliveryRequest, Dispatcher, WebhookSender};
use self::rules::{check_owned, check_reader, checked_kinds, checked_sessions, salt, secret, visible};
use super::Precondition;
use super::idempotency::IdempotentWrite;
use super::page::{self, Page};
use crate::caller::Caller;
use crate::config::{Secret, WebhookConfig};
use crate::cursor::{Scope, SigningKeys};
use crate::error::{Error, Kind, Result};
use crate::ids::{OrgId, ReceiverUrl, SessionId, WebhookId};
use crate::instant::Instant;
use crate::patch::Patch;
use crate::store::webhooks::{self, NewWebhookRow, WebhookChanges};
use crate::store::{Connection, Store};

pub use crate::store::webhook_deliveries::DeliveryRow;
pub use crate::store::webhooks::WebhookRow;

/// How many webhooks an organization may have: each costs a look at every one of its changes.
const MAX_WEBHOOKS: i64 = 100;

/// What setting up webhooks takes.
#[derive(Clone)]
pub struct Webhooks {
    store: Store,
    keys: SigningKeys,
    settings: WebhookConfig,
}

/// A webhook to create.
#[derive(Clone, Debug)]
pub struct NewWebhook {
    /// Where changes are posted to.
    pub url: String,
    /// The kinds of change that are told; all when empty.
    pub kinds: Vec<String>,
    /// The only sessions whose chats' changes are told; `None` for all.
    pub sessions: Option<Vec<SessionId>>,
    /// Whether changes are told at all.
    pub enabled: bool,
}

/// What changes of a webhook.
#[derive(Clone, Debug, Default)]
pub struct WebhookChange {
    /// Where changes are posted to; it cannot be cleared.
    pub url: Patch<String>,
    /// The kinds of change that are told; cleared, all are.
    pub kinds: Patch<Vec<String>>,
    /// The only sessions whose chats' changes are told; cleared, those of all.
    pub sessions: Patch<Vec<SessionId>>,
    /// Whether changes are told at all; it cannot be cleared.
    pub enabled: Patch<bool>,
}

/// A webhook with the secret that it just got: this is the only time it can be shown.
#[derive(Debug)]
pub struct SecretWebhook {
    /// What may be seen of it at any time.
    pub row: WebhookRow,
    /// What posts are signed with.
    pub secret: Secret,
}

impl Webhooks {
    /// Webhooks whose secrets are made of these keys.
    pub fn new(store: Store, keys: SigningKeys, settings: WebhookConfig) -> Self {
        Self { store, keys, settings }
    }

    /// Creates a webhook, to be told of what changes from now on.
    ///
    /// # Errors
    ///
    /// When it would tell of something that the caller may not see, or the URL is none that is posted to.
    pub async fn create<R: Send + 'static>(
        &self,
        caller: &Caller,
        new: NewWebhook,
        once: IdempotentWrite<SecretWebhook, R>,
    ) -> Result<R> {
        check_reader(caller)?;
        let org = caller.org;
        let row = NewWebhookRow {
            url: self.checked_url(&new.url)?,
            kinds: checked_kinds(new.kinds)?,
            sessions: checked_sessions(caller, new.sessions)?,
            enabled: new.enabled,
            salt: salt(),
            key_id: self.keys.current_id()?,
        };
        let webhooks = self.clone();
        let write = move |connection: &mut Connection| {
            check_owned(connection, org, row.sessions.as_deref())?;
            if webhooks::count(connection, org)? >= MAX_WEBHOOKS {
                let message = "the organization has as many webhooks as it may have";
                return Err(Error::new(Kind::FailedPrecondition, message).into());
            }
            let row = webhooks::insert(connection, org, &row)?;
            Ok(webhooks.with_secret(org, row)?)
        };
        once.write(&self.store, org, write).await
    }

    /// A page of the webhooks that the caller may see, oldest first: those that tell of no session it does not reach.
    pub async fn page(&self, caller: &Caller, limit: Option<i64>, cursor: &str) -> Result<Page<WebhookRow>> {
        let (org, size, scope) = (caller.org, page::size(limit), Scope::of("webhooks"));
        let (micros, id): (i64, String) = page::after(cursor, (&self.keys, org, &scope))?;
        let (after, reachable) = ((Instant::from_micros(micros), id), caller.sessions.clone());
        let read = move |connection: &mut _| {
            webhooks::page(connection, org, reachable.as_deref(), (after.0, &after.1), size + 1)
        };
        let rows = self.store.read(read).await?;
        let position = |row: &WebhookRow| (row.created_at.micros(), row.webhook_id.to_string());
        page::cut(rows, size, position, (&self.keys, org, &scope))
    }

    /// The webhook.
    pub async fn get(&self, caller: &Caller, id: WebhookId) -> Result<WebhookRow> {
        let (org, reachable) = (caller.org, caller.sessions.clone());
        let found = self.store.read(move |connection| webhooks::find(connection, org, &id)).await?;
        visible(found, reachable.as_deref())
    }

    /// Changes the webhook, and answers it. A change of nothing is no error.
    ///
    /// # Errors
    ///
    /// When it would tell of something that the caller may not see, or the URL is none that is posted to.
    pub async fn update<R: Send + 'static>(
        &self,
        caller: &Caller,
        id: WebhookId,
        change: WebhookChange,
        precondition: Precondition<WebhookRow>,
        once: IdempotentWrite<WebhookRow, R>,
    ) -> Result<R> {
        check_reader(caller)?;
        let (org, reachable) = (caller.org, caller.sessions.clone());
        let changes = self.changes(caller, change)?;
        let is_nothing = changes.is_nothing();
        let write = move |connection: &mut Connection| {
            let webhook = visible(webhooks::lock(connection, org, &id)?, reachable.as_deref())?;
            precondition.check(&webhook)?;
            if is_nothing {
                return Ok(webhook);
            }
            check_owned(connection, org, changes.sessions.as_ref().and_then(Option::as_deref))?;
            webhooks::update(connection, org, &id, &changes)
        };
        once.write(&self.store, org, write).await
    }

    /// Gives the webhook another secret.
    pub async fn rotate<R: Send + 'static>(
        &self,
        caller: &Caller,
        id: WebhookId,
        precondition: Precondition<WebhookRow>,
        once: IdempotentWrite<SecretWebhook, R>,
    ) -> Result<R> {
        let (org, reachable, webhooks) = (caller.org, caller.sessions.clone(), self.clone());
        let (salt, key_id) = (salt(), self.keys.current_id()?);
        let write = move |connection: &mut Connection| {
            let webhook = visible(webhooks::lock(connection, org, &id)?, reachable.as_deref())?;
            precondition.check(&webhook)?;
            let row = webhooks::resalt(connection, org, &id, &salt, &key_id)?;
            Ok(webhooks.with_secret(org, row)?)
        };
        once.write(&self.store, org, write).await
    }

    /// Deletes the webhook with its deliveries.
    pub async fn delete<R: Send + 'static>(
        &self,
        caller: &Caller,
        id: WebhookId,
        precondition: Precondition<WebhookRow>,
        once: IdempotentWrite<(), R>,
    ) -> Result<R> {
        let (org, reachable) = (caller.org, caller.sessions.clone());
        let write = move |connection: &mut Connection| {
            let webhook = visible(webhooks::lock(connection, org, &id)?, reachable.as_deref())?;
            precondition.check(&webhook)?;
            webhooks::delete(connection, org, &id)
        };
        once.write(&self.store, org, write).await
    }

    fn changes(&self, caller: &Caller, change: WebhookChange) -> Result<WebhookChanges> {
        let url = match change.url {
            Patch::Keep => None,
            Patch::Clear => Some(self.checked_url("")?),
            Patch::Set(url) => Some(self.checked_url(&url)?),
        };
        let enabled = match change.enabled {
            Patch::Keep => None,
            Patch::Clear => return Err(Error::invalid("enabled", "must be true or false")),
            Patch::Set(enabled) => Some(enabled),
        };
        let kinds = change.kinds.try_map(checked_kinds)?.into_changeset().map(Option::unwrap_or_default);
        let sessions = change.sessions.into_changeset();
        let sessions = sessions.map(|sessions| checked_sessions(caller, sessions)).transpose()?;
        Ok(WebhookChanges { url, kinds, sessions, enabled })
    }

    /// A URL that is posted to, if it is one. What a name leads to is looked up, and checked, at each connection.
    fn checked_url(&self, text: &str) -> Result<ReceiverUrl> {
        let url: ReceiverUrl = text.trim().parse().map_err(|expected| Error::invalid("url", expected))?;
        if self.settings.allow_private_networks {
            return Ok(url);
        }
        if !url.is_https() {
            return Err(Error::invalid("url", "must be an https URL"));
        }
        if url.is_this_machine() || url.address().is_some_and(|address| !is_public(address)) {
            return Err(Error::invalid("url", "must not be a private address"));
        }
        Ok(url)
    }

    fn with_secret(&self, org: OrgId, row: WebhookRow) -> Result<SecretWebhook> {
        let secret =
            secret(&self.keys, org, &row).ok_or_else(|| Error::internal("no key for a new secret"))?;
        Ok(SecretWebhook { row, secret })
    }
}

impl WebhookChanges {
    fn is_nothing(&self) -> bool {
        self.url.is_none() && self.kinds.is_none() && self.sessions.is_none() && self.enabled.is_none()
    }
}
