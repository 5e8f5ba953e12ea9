//! Sends the events of an export in the order in which they can be imported.

use std::collections::HashMap;

use tokio::sync::mpsc;

use super::versions::by_version;
use super::{chats, messages};
use crate::error::{Error, Kind};
use crate::ids::{AddressKind, ChatAddress, OrgId, SessionId};
use crate::pb::IngestEvent;
use crate::pb::ingest_event::{
    Address, Alias, Contact, DeleteMessage, Edit, Event, Label, MemberChange, MessageReference, Number,
    OrganizationMember, Property, Reaction, Read, Receipt, Status, Unread,
};
use crate::pb::ingest_json::{connection_status, receipt_kind};
use crate::store::export::{self as rows, SessionRow};
use crate::store::ingest::{Contact as ContactRow, MEMBER, READ_MARK, UNREAD, WaitingUpdate};
use crate::store::{Connection, StoreResult, labels, members, properties};

/// Events that are sent together.
const CHUNK: usize = 32;
/// Chats that are read together.
const PAGE: i64 = 200;

pub(super) struct Exporter {
    org: OrgId,
    session: Option<SessionId>,
    events: mpsc::Sender<Vec<IngestEvent>>,
    chunk: Vec<IngestEvent>,
    /// Events name sessions by their digits, which identify them in another organization too.
    digits: HashMap<SessionId, String>,
}

impl Exporter {
    pub(super) fn new(
        org: OrgId,
        session: Option<SessionId>,
        events: mpsc::Sender<Vec<IngestEvent>>,
    ) -> Self {
        Self { org, session, events, chunk: Vec::with_capacity(CHUNK), digits: HashMap::new() }
    }

    pub(super) fn run(mut self, connection: &mut Connection) -> StoreResult<()> {
        let (org, session) = (self.org, self.session);
        let sessions = rows::sessions(connection, org, session)?;
        self.digits =
            sessions.iter().map(|session| (session.session_id, session.phone.as_str().to_owned())).collect();
        for session in &sessions {
            self.send_session(session)?;
        }
        self.send_organization(connection)?;
        // Contacts belong to no session; any one may name them. Without a session there are no chats that show them.
        if let Some(digits) = sessions.first().map(|session| session.phone.as_str().to_owned()) {
            rows::each_link(connection, org, |(address, person)| {
                self.send(&digits, link(&address, &person))
            })?;
            rows::each_contact(connection, org, session, |row| {
                contact(row)?.into_iter().try_for_each(|contact| self.send(&digits, Event::Contact(contact)))
            })?;
        }
        self.send_chats(connection)?;
        for session in &sessions {
            let digits = session.phone.as_str();
            rows::each_message(connection, org, session.session_id, |(chat, row)| {
                messages::events(&chat, row)?.into_iter().try_for_each(|event| self.send(digits, event))
            })?;
            rows::each_waiting(connection, org, session.session_id, |row| self.send(digits, update(row)))?;
            self.send_unread(connection, session)?;
        }
        self.flush()
    }

    fn send(&mut self, session: &str, event: Event) -> StoreResult<()> {
        self.chunk.push(IngestEvent { sequence: 0, session: session.to_owned(), event: Some(event) });
        if self.chunk.len() >= CHUNK { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> StoreResult<()> {
        let chunk = std::mem::replace(&mut self.chunk, Vec::with_capacity(CHUNK));
        let sent = self.events.blocking_send(chunk);
        Ok(sent.map_err(|_| Error::new(Kind::Cancelled, "the receiver of the export is gone"))?)
    }

    fn send_session(&mut self, row: &SessionRow) -> StoreResult<()> {
        let digits = row.phone.as_str();
        let number = Number {
            id: Some(row.session_id.to_string()),
            phone_id: Some(row.phone_id.as_str().to_owned()),
            lid: row.lid.clone(),
            label: row.label.clone(),
            created_at: Some(row.created_at.into()),
        };
        self.send(digits, Event::Number(number))?;
        let connected = row.last_connected_at.map(|at| ("connected", at));
        let current = row.status_at.map(|at| (row.status.as_str(), at));
        for (status, at) in connected.into_iter().chain(current) {
            let status = connection_status::value(status).unwrap_or_default();
            self.send(digits, Event::Status(Status { status, at: Some(at.into()) }))?;
        }
        Ok(())
    }

    fn send_organization(&mut self, connection: &mut Connection) -> StoreResult<()> {
        for row in members::list(connection, self.org)? {
            let (role, created_at) = (Some(row.role), Some(row.created_at.into()));
            let member = OrganizationMember { email: row.email, name: row.name, role, created_at };
            self.send("", Event::Member(member))?;
        }
        for row in labels::page(connection, self.org, "", i64::MAX)? {
            let (id, created_at) = (Some(row.label_id.to_string()), Some(row.created_at.into()));
            self.send("", Event::Label(Label { id, name: row.name, color: row.color, created_at }))?;
        }
        for row in properties::page(connection, self.org, "", i64::MAX)? {
            let (id, created_at) = (Some(row.property_id.to_string()), Some(row.created_at.into()));
            let property = Property { id, name: row.name, kind: row.kind, options: row.options, created_at };
            self.send("", Event::Property(property))?;
        }
        Ok(())
    }

    fn send_chats(&mut self, connection: &mut Connection) -> StoreResult<()> {
        let mut after = i64::MIN;
        loop {
            let page = chats::Page::load(connection, self.org, self.session, after, PAGE)?;
            let Some(last) = page.last_key() else { return Ok(()) };
            after = last;
            for (session, event) in page.into_events() {
                let digits = self.digits.get(&session).cloned();
                let digits = digits.ok_or_else(|| Error::internal("a chat belongs to a missing session"))?;
                self.send(&digits, event)?;
            }
        }
    }

    /// Sends the marks as unread: the other unread counts follow from messages and read marks.
    fn send_unread(&mut self, connection: &mut Connection, row: &SessionRow) -> StoreResult<()> {
        let mut after = i64::MIN;
        loop {
            let page = rows::marked_unread_after(connection, self.org, row.session_id, after, PAGE)?;
            let Some((last, ..)) = page.last() else { return Ok(()) };
            after = *last;
            for (_, chat, count) in page {
                self.send(row.phone.as_str(), Event::Unread(Unread { chat, count: Some(count) }))?;
            }
        }
    }
}

fn link(address: &ChatAddress, person: &ChatAddress) -> Event {
    if address.kind() == person.kind() {
        return Event::Alias(Alias { jid: address.to_string(), same_as: person.to_string() });
    }
    let of_kind = |kind| [address, person].into_iter().find(|address| address.kind() == kind);
    let text = |kind| of_kind(kind).map(ToString::to_string).unwrap_or_default();
    Event::Address(Address {
        lid: text(AddressKind::Lid),
        jid: text(AddressKind::Person),
        user_id: text(AddressKind::UserId),
    })
}

fn contact(row: ContactRow) -> StoreResult<Vec<Contact>> {
    let contact = Contact {
        id: row.id.as_str().to_owned(),
        name: row.name,
        color: row.color,
        image: row.image,
        is_internal: Some(row.is_internal),
        ..Contact::default()
    };
    let versions = by_version(&contact, "id", Contact::CLEARABLE, &row.field_times.0)?.into_iter();
    Ok(versions.map(|(at, contact)| Contact { updated_at: Some(at.into()), ..contact }).collect())
}

/// The event that an update arrived with.
fn update(row: WaitingUpdate) -> Event {
    let WaitingUpdate { awaited, sender, kind, contact: by, at, value } = row;
    let (id, chat, at) = (awaited.id, awaited.address.to_string(), Some(at.into()));
    let (from_me, author) = match sender.as_str() {
        "" => (None, None),
        "me" => (Some(true), None),
        "others" => (Some(false), None),
        _ => (Some(false), Some(sender)),
    };
    let message = Some(MessageReference { id, chat: chat.clone(), from_me, author });
    match (kind.as_str(), receipt_kind::value(&kind)) {
        (_, Some(kind)) => Event::Receipt(Receipt { message, by, kind, at, reason: value }),
        ("edit", None) => Event::Edit(Edit { message, body: value.unwrap_or_default(), at }),
        ("reaction", None) => Event::Reaction(Reaction { message, by, emoji: value.unwrap_or_default(), at }),
        (READ_MARK, None) => Event::Read(Read { chat, up_to: at }),
        (MEMBER, None) => {
            let list =
                |wanted: &str| if value.as_deref() == Some(wanted) { vec![by.clone()] } else { Vec::new() };
            let (removed, added, promoted) = (list("0"), list("1"), list("2"));
            Event::MemberChange(MemberChange { chat, at, removed, added, promoted, demoted: Vec::new() })
        }
        (UNREAD, None) => Event::Unread(Unread { chat, count: value.and_then(|count| count.parse().ok()) }),
        (_, None) => Event::DeleteMessage(DeleteMessage { message }),
    }
}
