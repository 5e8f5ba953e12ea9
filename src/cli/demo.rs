//! `switchboard demo`: an organization with two numbers and a few hundred lively chats to try everything on.

mod conversations;
mod inbox;
mod key;
mod people;
mod serving;
mod story;

use std::fmt::Write;

use clap::Args;
use serde::Serialize;

use self::story::Story;
use super::{Context, Failure, healthcheck, output};
use crate::actions::idempotency::IdempotentWrite;
use crate::actions::ingest::{IngestEvent, SessionScope};
use crate::actions::members::{Manager, NewMember, Role};
use crate::actions::orgs::{self, OrgRow};
use crate::actions::properties::{NewProperty, PropertyKind};
use crate::actions::sessions::NewSession;
use crate::actions::{ingest, members, properties, sessions};
use crate::config::{Config, EffectiveSettings, Secret};
use crate::error::{Error, Kind, Result};
use crate::ids::OrgId;
use crate::instant::Instant;
use crate::store::Store;

/// The demo organization. Fixed, as are its sessions, so that running the command again finds them.
const ORG: &str = "019b0000-0000-7000-8000-00000000de30";
const NAME: &str = "Acme";
const NUMBERS: [Number; 2] = [
    Number { phone: "15550100400", label: "Support", session: "01KAN0000000000000000DEM01" },
    Number { phone: "15550100401", label: "Sales", session: "01KAN0000000000000000DEM02" },
];
const MEMBERS: [(&str, &str, Role); 4] = [
    ("owner@acme.example", "Olivia Owner", Role::Owner),
    ("agent@acme.example", "Arun Agent", Role::Member),
    ("maria@acme.example", "Maria Lopes", Role::Member),
    ("sam@acme.example", "Sam Adeyemi", Role::Admin),
];
const BATCH_EVENTS: usize = 1000;

struct Number {
    phone: &'static str,
    label: &'static str,
    session: &'static str,
}

/// What `demo` is told.
#[derive(Args)]
pub(super) struct Arguments {
    /// Print the key and the ids as JSON
    #[arg(long)]
    json: bool,
    /// Print no line that serves it, because whoever asks does so next
    #[arg(long)]
    served_next: bool,
}

/// Makes the organization, unless it is there already, and prints how to look at it.
pub(super) async fn run(
    arguments: &Arguments,
    effective: &EffectiveSettings,
    settings: &Config,
    context: &Context,
) -> std::result::Result<(), Failure> {
    let store = &context.store;
    let org: OrgId = ORG.parse().map_err(|error| Failure::new(format!("{error}")))?;
    refuse_disabled(store, org).await?;
    furnish(store, org).await?;
    load(store, org).await?;
    let key = key::find_or_create(store, org, &context.data_dir).await?;
    if arguments.json {
        return output::json(&Shown::new(&key));
    }
    let mut text = about(&key);
    if !arguments.served_next {
        let program = std::env::args_os().next().unwrap_or_else(|| "switchboard".into());
        let serving = serving::line(&program.to_string_lossy(), effective);
        let _ = write!(text, "\n# Serve it (in another terminal)\n{serving}\n");
    }
    // Where `serve` listens with the same settings.
    text += &instructions(&key, &healthcheck::root(settings.scheme(), &settings.listen));
    output::text(&text)
}

/// No key of a disabled organization works.
async fn refuse_disabled(store: &Store, org: OrgId) -> std::result::Result<(), Failure> {
    let is_disabled = |row: &OrgRow| row.org_id == org && row.disabled_at.is_some();
    if orgs::list(store).await?.iter().any(is_disabled) {
        let remedy = format!("`switchboard org enable {ORG}` accepts its keys again");
        return Err(Failure::new(format!("the demo organization is disabled; {remedy}")));
    }
    Ok(())
}

/// Organization, numbers, members and properties; those that exist stay as they are.
async fn furnish(store: &Store, org: OrgId) -> Result<()> {
    unless_there(orgs::create(store, Some(org), NAME).await)?;
    for number in &NUMBERS {
        let id = Some(number.session.parse().map_err(Error::internal)?);
        let phone = number.phone.parse().map_err(Error::internal)?;
        let new = NewSession { id, phone, label: Some(number.label.to_owned()) };
        unless_there(sessions::create(store, org, new, IdempotentWrite::unkeyed()).await)?;
    }
    for (email, name, role) in MEMBERS {
        let new = NewMember { email: email.to_owned(), name: Some(name.to_owned()), role: Some(role) };
        unless_there(members::add(store, Manager::operator(org), new, IdempotentWrite::unkeyed()).await)?;
    }
    let stages = ["new", "quoted", "won", "lost"];
    for (name, kind, options) in [
        ("customer number", PropertyKind::Text, &[] as &[&str]),
        ("next visit", PropertyKind::Date, &[]),
        ("stage", PropertyKind::Dropdown, &stages),
    ] {
        let options = options.iter().map(|&option| option.to_owned()).collect();
        let new = NewProperty { id: None, name: name.to_owned(), kind, options };
        unless_there(properties::create(store, org, new, IdempotentWrite::unkeyed()).await)?;
    }
    Ok(())
}

fn unless_there<T>(created: Result<T>) -> Result<()> {
    match created {
        Err(error) if error.kind() != Kind::Conflict => Err(error),
        _ => Ok(()),
    }
}

/// Loads the chats. The last thing they tell is that the numbers are connected: when they are, everything was there, and
/// what was changed since is left alone, but for the chats that are shown: they come back. An interrupted run is finished by
/// the next one.
async fn load(store: &Store, org: OrgId) -> Result<()> {
    let created =
        orgs::list(store).await?.into_iter().find(|row| row.org_id == org).map(|row| row.created_at);
    let now = created.unwrap_or_else(Instant::now);
    if is_loaded(store, org).await? {
        let missing = inbox::missing(store, org, &[shown_person(), story::group_id(0)]).await?;
        let mut events = Story::tell(now).events;
        events.retain(|event| {
            event.session == NUMBERS[0].session && missing.iter().any(|chat| story::is_of(event, chat))
        });
        return tell(store, org, events).await;
    }
    for batch in Story::tell(now).events.chunks(BATCH_EVENTS) {
        tell(store, org, batch.to_vec()).await?;
    }
    inbox::organize(store, org).await?;
    tell(store, org, story::connected(now)).await
}

/// Whether the demo's numbers have told all they tell.
///
/// # Errors
///
/// When a number is attached under another session than the demo's.
async fn is_loaded(store: &Store, org: OrgId) -> Result<bool> {
    let attached = sessions::list(store, org).await?;
    let mut loaded = true;
    for number in &NUMBERS {
        let session = attached.iter().find(|session| session.session_id.to_string() == number.session);
        let session = session.ok_or_else(|| {
            let Number { phone, session, .. } = number;
            Error::new(
                Kind::Conflict,
                format!("the number {phone} has another session than {session}; remove it"),
            )
        })?;
        loaded &= session.last_connected_at.is_some();
    }
    Ok(loaded)
}

/// The person whose chat is shown.
fn shown_person() -> String {
    format!("{}@c.us", people::digits(0))
}

async fn tell(store: &Store, org: OrgId, events: Vec<IngestEvent>) -> Result<()> {
    ingest::apply(store, &SessionScope::all(org), events).await?.into_iter().collect()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    org_id: &'static str,
    api_key: String,
    sessions: Vec<ShownSession>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownSession {
    session_id: &'static str,
    phone: &'static str,
    label: &'static str,
}

impl Shown {
    fn new(key: &Secret) -> Self {
        let sessions = NUMBERS.iter().map(|number| ShownSession {
            session_id: number.session,
            phone: number.phone,
            label: number.label,
        });
        Self { org_id: ORG, api_key: key.expose().to_owned(), sessions: sessions.collect() }
    }
}

/// What there is.
fn about(key: &Secret) -> String {
    let mut text = format!("Organization {NAME}: {ORG}\nAPI key: {}\n", key.expose());
    for number in &NUMBERS {
        let _ = writeln!(text, "Session of {} ({}): {}", number.phone, number.label, number.session);
    }
    text
}

/// What to try, to be copied and pasted.
fn instructions(key: &Secret, url: &str) -> String {
    let key = key.expose();
    let [support, _] = &NUMBERS;
    let (person, group) = (people::digits(0), story::group_id(0));
    let auth = format!("-H 'Authorization: Bearer {key}'");
    let json = "-H 'Content-Type: application/json'";
    let chat = format!("{url}/v1/chats/{person}@c.us");
    let session_chat = format!("{url}/api/v1/sessions/{}/chats/{person}@s.whatsapp.net", support.session);
    let lines = [
        ("The inbox: open it in a browser, and sign in with the API key", format!("{url}/inbox")),
        ("A chat", format!("curl -s {chat} {auth} -H 'x-phone: {}'", support.phone)),
        (
            "Assign and label it",
            format!(
                "curl -s -X PATCH {chat} {auth} {json} \\\n  -d '{{\"assigned_to\":\"agent@acme.example\",\"labels\":\"vip, follow-up\",\"custom_properties\":{{\"stage\":\"quoted\"}}}}'"
            ),
        ),
        ("A group", format!("curl -s {url}/v1/chats/{group} {auth}")),
        ("The chat as its session sees it", format!("curl -s {session_chat} {auth}")),
        ("Pin it", format!("curl -s -X PATCH {session_chat} {auth} {json} \\\n  -d '{{\"pinned\":true}}'")),
        (
            "The chat over gRPC, with Node's npx",
            format!(
                "npx --yes @bufbuild/buf curl --protocol grpc --http2-prior-knowledge \\\n  -H 'authorization: Bearer {key}' -H 'x-phone: {}' -d '{{\"chatId\":\"{person}@c.us\"}}' \\\n  {url}/switchboard.v1.ChatService/GetChat",
                support.phone
            ),
        ),
    ];
    let mut text = String::new();
    for (what, command) in lines {
        let _ = write!(text, "\n# {what}\n{command}\n");
    }
    text
}
