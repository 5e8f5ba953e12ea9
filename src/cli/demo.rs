//! `switchboard demo`: an organization with two sessions and a few hundred chats to try everything on.

mod data;
mod examples;
mod instructions;
mod key;
mod line;
mod serve_command;

use clap::Args;
use serde::Serialize;

use self::data::{Demo, DemoSession, GROUP, NAME, ORG, PERSON_ID, SESSIONS};
use super::{Context, Failure, healthcheck, output, signing_key};
use crate::actions::ingest::{self, IngestEvent, SessionScope};
use crate::actions::orgs::{self, OrgRow};
use crate::actions::{session_chats, sessions};
use crate::caller::{Caller, Capability, Principal};
use crate::config::{Config, EffectiveSettings};
use crate::cursor::SigningKeys;
use crate::error::{Error, Kind, Result};
use crate::ids::OrgId;
use crate::instant::Instant;
use crate::store::Store;

const BATCH_EVENTS: usize = 1000;

/// Arguments of `demo`.
#[derive(Args)]
pub(super) struct Arguments {
    /// Print the key and the ids as JSON
    #[arg(long)]
    json: bool,
    /// Leave out the command that serves the demo, for a caller that runs it next
    #[arg(long)]
    served_next: bool,
}

/// Creates what is missing of the demo organization, and prints how to use it.
pub(super) async fn run(
    arguments: &Arguments,
    effective: &EffectiveSettings,
    settings: &Config,
    context: &Context,
) -> std::result::Result<(), Failure> {
    let store = &context.store;
    let org: OrgId = ORG.parse().map_err(|error| Failure::new(format!("{error}")))?;
    let created_at = find_or_create_org(store, org).await?;
    load(store, org, created_at).await?;
    context.analyze().await?;
    let (key, caller) = key::find_or_create(store, org, &context.data_dir).await?;
    let signing_keys =
        SigningKeys::new(signing_key::find_or_create(settings)?, settings.previous_signing_key.clone());
    line::connect(store, org, settings, signing_keys.clone()).await?;
    examples::create(store, &caller, settings, signing_keys).await?;
    if arguments.json {
        return output::json(&Created { org_id: ORG, api_key: key.expose(), sessions: SESSIONS });
    }
    let mut text = instructions::summary(&key);
    if !arguments.served_next {
        let program = std::env::args_os().next().unwrap_or_else(|| "switchboard".into());
        let command = serve_command::line(&program.to_string_lossy(), effective);
        text += &format!("\n# Serve it (in another terminal)\n{command}\n");
    }
    // The address on which `serve` listens with the same settings.
    text += &instructions::commands(&key, &healthcheck::root(settings.scheme(), &settings.listen));
    output::text(&text)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Created<'a> {
    org_id: &'static str,
    api_key: &'a str,
    sessions: [DemoSession; 2],
}

/// Returns when the organization was created. Fails when it is disabled, since its keys are rejected then.
async fn find_or_create_org(store: &Store, org: OrgId) -> std::result::Result<Instant, Failure> {
    match orgs::create(store, Some(org), NAME).await {
        Err(error) if error.kind() != Kind::Conflict => return Err(error.into()),
        _ => {}
    }
    let row = orgs::list(store).await?.into_iter().find(|row| row.org_id == org);
    match row {
        Some(OrgRow { disabled_at: Some(_), .. }) => {
            let remedy = format!("`switchboard org enable {ORG}` accepts its keys again");
            Err(Failure::new(format!("the demo organization is disabled; {remedy}")))
        }
        row => Ok(row.map_or_else(Instant::now, |row| row.created_at)),
    }
}

/// Loads the demo data. Its last events, the status of the sessions, mark it as complete.
///
/// Complete data is left as it is, apart from the chats of the instructions: these are restored. An interrupted load is
/// completed by the next run.
async fn load(store: &Store, org: OrgId, created_at: Instant) -> Result<()> {
    let mut demo = Demo::read(created_at)?;
    apply(store, org, demo.setup).await?;
    if is_complete(store, org).await? {
        let missing = missing_chats(store, org).await?;
        let is_missing = |event: &IngestEvent| {
            let address = event.event.as_ref().and_then(|event| event.address());
            event.session == SESSIONS[0].session_id
                && address.is_some_and(|address| missing.contains(&address))
        };
        demo.content.retain(is_missing);
        return apply(store, org, demo.content).await;
    }
    apply(store, org, demo.content).await?;
    apply(store, org, demo.status).await
}

async fn apply(store: &Store, org: OrgId, events: Vec<IngestEvent>) -> Result<()> {
    for batch in events.chunks(BATCH_EVENTS) {
        let outcomes = ingest::apply(store, &SessionScope::all(org), batch.to_vec()).await?;
        outcomes.into_iter().collect::<Result<()>>()?;
    }
    Ok(())
}

/// Whether all demo data is loaded. Fails when another session has one of the demo's phone numbers.
async fn is_complete(store: &Store, org: OrgId) -> Result<bool> {
    let attached = sessions::list(store, org).await?;
    let mut is_complete = true;
    for DemoSession { session_id, phone, .. } in SESSIONS {
        let session = attached.iter().find(|session| session.session_id.to_string() == session_id);
        let session = session.ok_or_else(|| {
            let problem =
                format!("the phone number {phone} has another session than {session_id}; remove it");
            Error::new(Kind::Conflict, problem)
        })?;
        is_complete &= session.last_connected_at.is_some();
    }
    Ok(is_complete)
}

/// The addresses of the instructions without a chat in the first session.
async fn missing_chats(store: &Store, org: OrgId) -> Result<Vec<&'static str>> {
    let owner = Principal::Member("owner@acme.example".to_owned());
    let caller = Caller { capabilities: [Capability::Send].into_iter().collect(), ..Caller::new(org, owner) };
    let session = SESSIONS[0].session_id.parse().map_err(Error::internal)?;
    let mut missing = Vec::new();
    for chat in [PERSON_ID, GROUP] {
        let address = chat.parse().map_err(Error::internal)?;
        match session_chats::get(store, &caller, session, address).await {
            Err(error) if error.kind() == Kind::NotFound => missing.push(chat),
            found => drop(found?),
        }
    }
    Ok(missing)
}
