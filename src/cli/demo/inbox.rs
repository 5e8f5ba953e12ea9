//! What the demo's team made of the chats: assignees, labels, values of properties.

use std::collections::BTreeMap;
use std::str::FromStr;

use super::{MEMBERS, NUMBERS, people};
use crate::actions::chat_properties::PropertyInput;
use crate::actions::chats::{self, ChatChange};
use crate::actions::idempotency::IdempotentWrite;
use crate::actions::{Precondition, session_chats};
use crate::caller::{Caller, Capability, Principal};
use crate::error::{Error, Kind, Result};
use crate::ids::{ChatAddress, OrgId};
use crate::patch::Patch;
use crate::store::Store;

const LABELS: [&str; 6] =
    ["VIP", "Follow-up", "Complaint", "New customer", "Waiting for payment", "Reseller"];
const STAGES: [&str; 4] = ["new", "quoted", "won", "lost"];

/// Organizes about a third of the chats with people, as a member would through the API.
pub(super) async fn organize(store: &Store, org: OrgId) -> Result<()> {
    let caller = member(org);
    for person in (0..people::COUNT).step_by(3) {
        let address = format!("{}@c.us", people::digits(person));
        let address = ChatAddress::from_str(&address).map_err(Error::internal)?;
        let change = change(person);
        chats::update(store, &caller, address, None, change, Precondition::NONE, IdempotentWrite::unkeyed())
            .await?;
    }
    Ok(())
}

/// Those of the chats that the first number does not hold.
pub(super) async fn missing(store: &Store, org: OrgId, chats: &[String]) -> Result<Vec<String>> {
    let (caller, mut missing) = (member(org), Vec::new());
    let session = NUMBERS[0].session.parse().map_err(Error::internal)?;
    for chat in chats {
        let address = chat.parse().map_err(Error::internal)?;
        match session_chats::get(store, &caller, session, address).await {
            Err(error) if error.kind() == Kind::NotFound => missing.push(chat.clone()),
            found => drop(found?),
        }
    }
    Ok(missing)
}

fn member(org: OrgId) -> Caller {
    Caller {
        org,
        principal: Principal::Member(MEMBERS[0].0.to_owned()),
        capabilities: [Capability::Send].into_iter().collect(),
        sessions: None,
        manages_owners: false,
    }
}

fn change(person: usize) -> ChatChange {
    let assigned_to = match person % 4 {
        0 => Patch::Keep,
        _ => Patch::Set(MEMBERS[person % MEMBERS.len()].0.to_owned()),
    };
    let labels = (0..=person % 2).map(|other| LABELS[(person / 3 + other * 2) % LABELS.len()].to_owned());
    let stage = PropertyInput::Text(STAGES[person / 6 % STAGES.len()].to_owned());
    let number = PropertyInput::Text(format!("C-{:05}", 20_000 + person * 7));
    let values = BTreeMap::from([("stage".to_owned(), stage), ("customer number".to_owned(), number)]);
    ChatChange { assigned_to, labels: Patch::Set(labels.collect()), custom_properties: Patch::Set(values) }
}
