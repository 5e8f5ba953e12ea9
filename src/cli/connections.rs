//! `switchboard connection`: what holds the WhatsApp lines of an organization's sessions.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::arguments::{JsonArgument, ListArguments, OrgArgument};
use super::context::Context;
use super::failure::Failure;
use super::output::{self, Row};
use super::{note::note, signing_key};
use crate::actions::Precondition;
use crate::actions::connections::{
    ConnectionChange, ConnectionRow, ConnectionScope, Connections, InboundEventRow, InboundEvents, Line,
    NewConnection, SyncProgress,
};
use crate::actions::idempotency::IdempotentWrite;
use crate::config::Config;
use crate::connect::kinds::{self, Kinds};
use crate::connect::probe::{self, status_name};
use crate::cursor::SigningKeys;
use crate::ids::{ConnectionId, OrgId, Phone, SessionId};
use crate::instant::Instant;
use crate::patch::Patch;

/// Rows that are read at a time.
const PAGE: i64 = 200;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Connect a session to a gateway and print the connection id and the webhook URL
    Create(CreateArguments),
    /// List connections, oldest first: connection id, kind, session id, status, reason
    List(ListArguments),
    /// Ask the gateway for the state of the line and print it: status, reason
    Test {
        /// Connection id
        #[arg(value_name = "CONNECTION_ID")]
        connection: ConnectionId,
        /// Set the webhook at the gateway, too
        #[arg(long)]
        set_webhook: bool,
    },
    /// Read from the gateway what is missing; the service does so, and `list --json` shows the progress
    Sync {
        /// Connection id
        #[arg(value_name = "CONNECTION_ID")]
        connection: ConnectionId,
    },
    /// List what the gateway sent, newest first: number, state, time, what it became or why it failed
    Events {
        /// Connection id
        #[arg(value_name = "CONNECTION_ID")]
        connection: ConnectionId,
        /// Only events in this state
        #[arg(long, value_parser = ["received", "mapped", "ignored", "failed"])]
        state: Option<String>,
        /// Maximum number of events, from 1 to 200
        #[arg(long, default_value = "50", value_parser = clap::value_parser!(i64).range(1..=PAGE))]
        limit: i64,
        #[command(flatten)]
        output: JsonArgument,
    },
    /// Map one event again, or all that failed, and print their number
    Replay {
        /// Connection id
        #[arg(value_name = "CONNECTION_ID")]
        connection: ConnectionId,
        /// Number of the event; without it, all that failed
        #[arg(long, value_name = "NUMBER")]
        event: Option<i64>,
    },
    /// Delete a connection with its events; the session and its chats stay
    Delete {
        /// Connection id
        #[arg(value_name = "CONNECTION_ID")]
        connection: ConnectionId,
    },
}

#[derive(Args)]
pub(super) struct CreateArguments {
    /// Kind of gateway: waha, cloud_api, simulator or external
    #[arg(value_name = "KIND")]
    kind: String,
    #[command(flatten)]
    of: OrgArgument,
    /// Session id, or a phone number, which is attached if it is not yet
    #[arg(long, value_name = "SESSION_ID|DIGITS", value_parser = line)]
    session: Line,
    /// Base URL of the gateway
    #[arg(long)]
    url: Option<String>,
    /// Key of the gateway's API
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// The gateway's name of the line: the session of a WAHA server, the phone number id of the Cloud API
    #[arg(long)]
    account: Option<String>,
    /// WhatsApp Business Account of the Cloud API
    #[arg(long)]
    business_account: Option<String>,
    /// Key of webhook signatures: the HMAC key of WAHA, random by default; the app secret of the Cloud API
    #[arg(long, value_name = "SECRET")]
    webhook_secret: Option<String>,
    /// Token of the Cloud API's verification requests; random by default
    #[arg(long, value_name = "TOKEN")]
    verify_token: Option<String>,
    #[command(flatten)]
    output: JsonArgument,
}

fn line(text: &str) -> Result<Line, &'static str> {
    let session = text.parse::<SessionId>().map(Line::Session);
    session.or_else(|_| text.parse::<Phone>().map(Line::Phone)).map_err(|_| "must be a session id or digits")
}

/// What the commands work with.
struct Tools {
    connections: Connections,
    kinds: Kinds,
}

impl Tools {
    fn new(config: &Config, context: &Context) -> Result<Self, Failure> {
        let current = signing_key::find_or_create(config)?;
        let keys = SigningKeys::new(current, config.previous_signing_key.clone());
        let hosts = kinds::destinations(&config.connections);
        let kinds = Kinds::new(&config.connections, keys.clone())?;
        let store = context.store.clone();
        let connections = Connections::new(store, keys, kinds::RULES, hosts, &config.connections);
        Ok(Self { connections, kinds })
    }

    async fn create(&self, arguments: CreateArguments) -> Result<(), Failure> {
        let patch = |text: Option<String>| text.map_or(Patch::Keep, Patch::Set);
        let settings = ConnectionChange {
            url: patch(arguments.url),
            account: patch(arguments.account),
            business_account: patch(arguments.business_account),
            api_key: arguments.key,
            webhook_secret: arguments.webhook_secret,
            verify_token: arguments.verify_token,
            ..ConnectionChange::default()
        };
        let (kind, line) = (arguments.kind, arguments.session);
        let new = NewConnection { published_id: None, kind, line, enabled: true, settings };
        let created = self
            .connections
            .create(ConnectionScope::operator(arguments.of.org), new, IdempotentWrite::unkeyed())
            .await?;
        let url = self.kinds.webhook_url(&created);
        if !url.is_empty() && !self.kinds.has_public_url() {
            note(format_args!("with --public-url, the service sets the webhook at the gateway itself"));
        }
        if arguments.output.json {
            return output::json(&self.json(&created));
        }
        output::value(&created.connection_id)?;
        if url.is_empty() { Ok(()) } else { output::value(url) }
    }

    async fn list(&self, org: OrgId) -> Result<Vec<Row>, Failure> {
        let (mut rows, mut cursor) = (Vec::new(), Some(String::new()));
        while let Some(after) = cursor {
            let page = self.connections.page(ConnectionScope::operator(org), Some(PAGE), &after).await?;
            rows.extend(page.items.into_iter().map(|row| self.row(row)));
            cursor = page.next;
        }
        Ok(rows)
    }

    fn row(&self, row: ConnectionRow) -> Row {
        let json = self.json(&row);
        let (id, session) = (row.connection_id.to_string(), row.session_id.to_string());
        Row { columns: vec![id, row.kind, session, row.status, row.reason], json }
    }

    fn json(&self, row: &ConnectionRow) -> Value {
        let progress = SyncProgress::parse(&row.sync_progress);
        json!({
            "connectionId": row.connection_id.to_string(),
            "kind": row.kind,
            "sessionId": row.session_id.to_string(),
            "webhookUrl": self.kinds.webhook_url(row),
            "url": row.url,
            "account": row.account,
            "enabled": row.enabled,
            "status": row.status,
            "reason": row.reason,
            "lastEventAt": row.last_event_at.map(Instant::millis),
            "failedEvents": row.failed_events,
            "completeUntil": row.complete_until.map(Instant::millis),
            "sync": {
                "startedAt": row.sync_started_at.map(Instant::millis),
                "finishedAt": row.sync_finished_at.map(Instant::millis),
                "chats": progress.chats,
                "totalChats": progress.total_chats,
                "messages": progress.messages,
                "error": progress.error,
            },
            "createdAt": row.created_at.millis(),
        })
    }
}

fn of(connection: ConnectionId) -> InboundEvents {
    InboundEvents { scope: ConnectionScope::operator(connection.org()), connection }
}

fn event(row: InboundEventRow) -> Row {
    let id = row.arrival.to_string();
    let json = json!({
        "id": id,
        "key": row.event_key,
        "chat": row.chat,
        "state": row.state,
        "body": row.body,
        "became": row.became.lines().collect::<Vec<_>>(),
        "error": row.error,
        "receivedAt": row.received_at.millis(),
    });
    let outcome = row.error.unwrap_or_else(|| row.became.replace('\n', ", "));
    Row { columns: vec![id, row.state, output::timestamp(row.received_at), outcome], json }
}

pub(super) async fn run(command: Command, config: &Config, context: &Context) -> Result<(), Failure> {
    let tools = Tools::new(config, context)?;
    let connections = &tools.connections;
    match command {
        Command::Create(arguments) => tools.create(arguments).await,
        Command::List(ListArguments { of, output }) => {
            output::list(tools.list(of.org).await?.into_iter(), output.json)
        }
        Command::Test { connection, set_webhook } => {
            if set_webhook && !tools.kinds.has_public_url() {
                return Err(Failure::Usage("--set-webhook requires --public-url".to_owned()));
            }
            let row = connections.get(ConnectionScope::operator(connection.org()), connection).await?;
            let tested = probe::test(&tools.kinds, &row, set_webhook).await;
            output::text(&format!("{}\t{}\n", status_name(tested.state.status), tested.state.reason))?;
            match tested.is_reachable {
                true => Ok(()),
                false => Err(Failure::new("the gateway did not answer")),
            }
        }
        Command::Sync { connection } => {
            let scope = ConnectionScope::operator(connection.org());
            Ok(connections.request_sync(scope, connection, IdempotentWrite::unkeyed()).await.map(drop)?)
        }
        Command::Events { connection, state, limit, output } => {
            let page = connections.events(of(connection), state, Some(limit), "").await?;
            output::list(page.items.into_iter().map(event), output.json)
        }
        Command::Replay { connection, event: Some(event) } => {
            connections.replay(of(connection), event, IdempotentWrite::unkeyed()).await?;
            output::value(1)
        }
        Command::Replay { connection, event: None } => {
            output::value(connections.replay_failed(of(connection), IdempotentWrite::unkeyed()).await?)
        }
        Command::Delete { connection } => {
            let (scope, write) = (ConnectionScope::operator(connection.org()), IdempotentWrite::unkeyed());
            Ok(connections.delete(scope, connection, Precondition::NONE, write).await?)
        }
    }
}
