//! Who is calling, as plain data that every layer may look at.

use std::fmt;
use std::sync::Arc;

use crate::ids::{KeyId, OrgId, SessionId};
pub use crate::pb::Capability;

/// The authenticated caller of a request. Nothing else in a request says whose data it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The organization whose data the caller may see.
    pub org: OrgId,
    /// The member or key.
    pub principal: Principal,
    /// What the caller may do.
    pub capabilities: Capabilities,
    /// The only sessions the caller reaches; `None` for all of the organization's.
    pub sessions: Option<Arc<[SessionId]>>,
    /// Whether the caller may add, change and remove owners of the organization, if it may manage at all.
    pub manages_owners: bool,
}

/// What the auth layer found out about a request. It only labels: the guard of each protocol answers.
#[derive(Clone, Debug)]
pub enum Identity {
    /// A good token.
    Known(Arc<Caller>),
    /// No token at all.
    Anonymous,
    /// A token that is not accepted.
    Refused,
    /// The token could not be checked, because something needed for it is not there right now.
    Unverified,
}

/// The member or key a token stands for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Principal {
    /// A person, by the subject of the login token.
    Member(String),
    /// An api-key.
    ApiKey(KeyId),
}

/// Whoever changes a chat, as the log of changes names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A caller of the API.
    Principal(Principal),
    /// A connector telling what WhatsApp did.
    Connector,
    /// Whoever works at the command line, or the service itself.
    Operator,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Principal(Principal::Member(subject)) => write!(f, "member:{subject}"),
            Self::Principal(Principal::ApiKey(id)) => write!(f, "key:{id}"),
            Self::Connector => f.write_str("connector"),
            Self::Operator => f.write_str("operator"),
        }
    }
}

/// A set of [`Capability`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities(u8);

impl Capabilities {
    /// Whether the capability is in the set.
    pub fn contains(self, capability: Capability) -> bool {
        capability != Capability::Unspecified && self.0 & bit(capability) != 0
    }

    /// Whether every capability of the other set is in this one.
    pub fn contains_all(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The members of the set.
    pub fn iter(self) -> impl Iterator<Item = Capability> {
        ALL.into_iter().filter(move |capability| self.contains(*capability))
    }
}

impl FromIterator<Capability> for Capabilities {
    fn from_iter<I: IntoIterator<Item = Capability>>(capabilities: I) -> Self {
        Self(capabilities.into_iter().fold(0, |set, capability| set | bit(capability)))
    }
}

const ALL: [Capability; 4] = [Capability::Read, Capability::Send, Capability::Ingest, Capability::Manage];

fn bit(capability: Capability) -> u8 {
    1 << (capability as u8)
}

/// The word for a capability on the command line, in the database and in answers.
pub fn capability_name(capability: Capability) -> &'static str {
    match capability {
        Capability::Unspecified => "",
        Capability::Read => "read",
        Capability::Send => "send",
        Capability::Ingest => "ingest",
        Capability::Manage => "manage",
    }
}

/// The capability of that name.
pub fn capability_from_name(name: &str) -> Option<Capability> {
    ALL.into_iter().find(|capability| capability_name(*capability) == name)
}
