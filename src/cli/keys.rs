//! `switchboard key`: API keys of an organization.

use std::time::Duration;

use clap::Subcommand;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde_json::json;

use super::arguments::{JsonArgument, ListArguments, OrgArgument};
use super::context::Context;
use super::failure::Failure;
use super::note::note;
use super::output::{self, Row};
use crate::actions::Precondition;
use crate::actions::idempotency::IdempotentWrite;
use crate::actions::keys::{self, KeyRow, KeyState, NewKey, Revocation};
use crate::caller::{Capabilities, Capability, capability_from_name, capability_name};
use crate::config::units;
use crate::ids::{KeyId, SessionId};
use crate::instant::Instant;

/// The capabilities of a key, in the order of the help text.
const CAPABILITIES: [Capability; 4] =
    [Capability::Read, Capability::Send, Capability::Ingest, Capability::Manage];

#[derive(Subcommand)]
pub(super) enum Command {
    /// Create an API key and print it; it cannot be shown again
    Create {
        #[command(flatten)]
        of: OrgArgument,
        /// Name of the key
        #[arg(long)]
        name: String,
        /// Capabilities, separated by commas
        #[arg(long, required = true, value_delimiter = ',', value_name = "CAPABILITY", value_parser = capability_parser())]
        can: Vec<Capability>,
        /// Lifetime, such as 12h or 90d; unlimited by default
        #[arg(long, value_name = "DURATION", value_parser = units::duration)]
        expires_in: Option<Duration>,
        /// Session that the key may use; repeatable. By default, all present and future sessions
        #[arg(long = "session", value_name = "SESSION_ID")]
        sessions: Vec<SessionId>,
        #[command(flatten)]
        output: JsonArgument,
    },
    /// List API keys, oldest first: key id, name, capabilities, and active, expired or revoked
    List(ListArguments),
    /// Revoke an API key; takes effect within 5 seconds
    Revoke {
        /// Key id: the part of the key between its underscores
        #[arg(value_name = "KEY_ID")]
        key: KeyId,
        /// Revoke the keys that it created, too, and those that they created
        #[arg(long)]
        with_created: bool,
    },
}

fn capability_parser() -> impl TypedValueParser<Value = Capability> {
    PossibleValuesParser::new(CAPABILITIES.map(capability_name))
        .try_map(|name| capability_from_name(&name).ok_or("must be a capability"))
}

fn row(key: KeyRow) -> Row {
    let state = match keys::state_of(&key) {
        KeyState::Revoked => "revoked",
        KeyState::Expired => "expired",
        KeyState::Active => "active",
    };
    let (id, capabilities) = (key.id.to_string(), key.capabilities.join(","));
    let sessions = key.sessions.map(|ids| ids.iter().map(ToString::to_string).collect::<Vec<_>>());
    let json = json!({
        "keyId": id,
        "name": key.name,
        "capabilities": key.capabilities,
        "sessionIds": sessions,
        "expiresAt": key.expires_at.map(Instant::millis),
        "revokedAt": key.revoked_at.map(Instant::millis),
        "createdAt": key.created_at.millis(),
        "createdBy": key.created_by,
    });
    Row { columns: vec![id, key.name, capabilities, state.to_owned()], json }
}

pub(super) async fn run(command: Command, context: &Context) -> Result<(), Failure> {
    let store = &context.store;
    match command {
        Command::Create { of, name, can, expires_in, sessions, output } => {
            let new = NewKey {
                id: None,
                name,
                capabilities: can.into_iter().collect::<Capabilities>(),
                expires_at: expires_in.map(from_now).transpose()?,
                sessions: Some(sessions).filter(|sessions| !sessions.is_empty()),
            };
            let created = keys::create(store, of.org, new).await?;
            let key = created.token.expose();
            match output.json {
                true => output::json(&json!({"keyId": created.row.id.to_string(), "key": key})),
                false => output::value(key),
            }
        }
        Command::List(ListArguments { of, output }) => {
            output::list(keys::list(store, of.org).await?.into_iter().map(row), output.json)
        }
        Command::Revoke { key, with_created } => {
            let org = keys::owner(store, key.clone()).await?;
            let revocation = Revocation { id: key.clone(), with_created, allowed: None };
            let created =
                keys::revoke(store, org, revocation, Precondition::NONE, IdempotentWrite::unkeyed()).await?;
            if !created.is_empty() {
                let count = created.len();
                let command = format!("switchboard key revoke {key} --with-created");
                note(format_args!("{count} active keys were created by this one; `{command}` revokes them"));
            }
            Ok(())
        }
    }
}

fn from_now(duration: Duration) -> Result<Instant, Failure> {
    let millis = i64::try_from(duration.as_millis()).ok();
    let expires_at = millis.and_then(|millis| Instant::now().millis().checked_add(millis));
    let expires_at = expires_at.and_then(Instant::from_millis);
    expires_at.ok_or_else(|| Failure::Usage("--expires-in must be a time before the year 10000".to_owned()))
}
