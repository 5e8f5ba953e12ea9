//! The caller of a request, as plain data for every layer.

mod role;

use std::fmt;
use std::sync::Arc;

pub use self::role::Role;

use crate::ids::{KeyId, OrgId, SessionId};
use crate::instant::Instant;
pub use switchboard_proto::Capability;

/// The authenticated caller of a request. Nothing else in a request selects the organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The organization of the caller.
    pub org: OrgId,
    /// The login or key.
    pub principal: Principal,
    /// The capabilities of the caller.
    pub capabilities: Capabilities,
    /// The sessions in the caller's scope; `None` for all sessions of the organization.
    pub sessions: Option<Arc<[SessionId]>>,
    /// Whether the caller may add, change and remove owners, if it has the capability `manage`.
    pub manages_owners: bool,
    /// The normalized email of the member who logged in; `None` for api-keys and for people who are not members.
    pub member: Option<Arc<str>>,
    /// The claimant that the caller is, or with which its key was created.
    pub claimant: Option<Claimant>,
    /// The role of the login; `None` for api-keys, and for logins without a known role.
    pub role: Option<Role>,
    /// When the login token was issued; `None` for api-keys, and for tokens that do not say it.
    pub issued_at: Option<Instant>,
    /// When the key or the login token expires; `None` for never.
    pub expires_at: Option<Instant>,
}

impl Caller {
    /// A caller without capabilities, limits and expiry.
    pub fn new(org: OrgId, principal: Principal) -> Self {
        Self {
            org,
            principal,
            capabilities: Capabilities::default(),
            sessions: None,
            manages_owners: false,
            member: None,
            claimant: None,
            role: None,
            issued_at: None,
            expires_at: None,
        }
    }

    /// The key of the claimant.
    pub fn claimant_key(&self) -> Option<KeyId> {
        self.claimant.as_ref().map(|claimant| claimant.key.clone())
    }

    /// The member from whom `chat_access` may hide chats; `None` when the caller sees all chats in its scope.
    pub fn viewer(&self) -> Option<Arc<str>> {
        self.member.clone().filter(|_| !self.capabilities.contains(Capability::Manage))
    }
}

/// A key that is limited to some sessions and may ingest.
///
/// Its own report that they hold a chat, too, gives no access to what other sessions share of the chat: not to the key, nor to
/// the keys and webhooks that are created with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimant {
    /// The key.
    pub key: KeyId,
    /// The sessions of the caller.
    pub sessions: Arc<[SessionId]>,
}

/// The result of authentication. The auth layer attaches it; the guard of each protocol rejects the request.
#[derive(Clone, Debug)]
pub enum Identity {
    /// A valid token.
    Known(Arc<Caller>),
    /// No token.
    Anonymous,
    /// An invalid token.
    Refused,
    /// The token could not be verified because a dependency is unavailable.
    Unverified,
}

/// The person or key that a token identifies.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Principal {
    /// A person, by the `sub` claim of the login token.
    Member(String),
    /// An api-key.
    ApiKey(KeyId),
}

/// The actor of a change event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A caller of the API.
    Principal(Principal),
    /// A connector that reports an event of WhatsApp.
    Connector,
    /// The command line, or the service itself.
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

    /// The capabilities of the set.
    pub fn iter(self) -> impl Iterator<Item = Capability> {
        ALL.into_iter().filter(move |capability| self.contains(*capability))
    }
}

impl From<Role> for Capabilities {
    /// The capabilities of a login token with that role.
    fn from(role: Role) -> Self {
        let granted: &[Capability] = match role {
            Role::Owner | Role::Admin => &[Capability::Read, Capability::Send, Capability::Manage],
            Role::Member => &[Capability::Read, Capability::Send],
        };
        granted.iter().copied().collect()
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

/// The name of a capability on the command line, in the database and in responses.
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
