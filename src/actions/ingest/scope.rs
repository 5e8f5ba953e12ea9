//! The sessions and kinds of events that a caller may ingest.

use std::sync::Arc;

use crate::caller::{Caller, Capabilities, Capability, Claimant, capability_name};
use crate::error::{Error, Kind, Result};
use crate::ids::{OrgId, SessionId};
use crate::instant::Instant;
use crate::pb::ingest_event::Event;

/// The sessions and kinds of events that a caller may ingest.
#[derive(Clone, Debug)]
pub struct SessionScope {
    /// The organization.
    pub org: OrgId,
    /// The only sessions; `None` for all of the organization's. What all sessions share of a person, or of a chat that is not
    /// only claimed, may change through any of them.
    sessions: Option<Arc<[SessionId]>>,
    capabilities: Capabilities,
    manages_owners: bool,
    /// Whether change events keep the text of deleted messages, for the audit log.
    pub(super) keeps_deleted_text: bool,
    /// Messages that were sent before are history, which is stored without events of them; `None` for no message.
    history_until: Option<Instant>,
    /// See [`Self::claimant`].
    claimant: Option<Claimant>,
    /// Whether messages that are not stored were stored under other ids: their events say that they changed.
    pub(super) renames_messages: bool,
    /// See [`Self::of_lists`].
    pub(super) is_of_lists: bool,
}

impl SessionScope {
    /// An operator's scope: all sessions and all kinds of events.
    pub fn all(org: OrgId) -> Self {
        let capabilities = [Capability::Ingest, Capability::Send, Capability::Manage].into_iter().collect();
        Self {
            org,
            sessions: None,
            capabilities,
            manages_owners: true,
            keeps_deleted_text: false,
            history_until: None,
            claimant: None,
            renames_messages: false,
            is_of_lists: false,
        }
    }

    /// What a gateway reports of one session. Messages that were sent before `history_until` are history.
    pub fn of_session(org: OrgId, session: SessionId, history_until: Instant) -> Self {
        Self {
            org,
            sessions: Some([session].into()),
            capabilities: [Capability::Ingest].into_iter().collect(),
            manages_owners: false,
            keeps_deleted_text: false,
            history_until: Some(history_until),
            claimant: None,
            renames_messages: false,
            is_of_lists: false,
        }
    }

    /// The same scope, of what a gateway lists and not of what just happened.
    ///
    /// That a chat is listed does not bring it back after a caller deleted it. Flags that only lists report count when they
    /// differ from the previous list.
    pub fn of_lists(&self) -> Self {
        Self { is_of_lists: true, ..self.clone() }
    }

    /// Whether a message that was sent then is history.
    pub(super) fn is_history(&self, sent_at: Instant) -> bool {
        self.history_until.is_some_and(|until| sent_at < until)
    }

    /// The key whose report that a session holds a chat proves nothing to itself.
    pub(super) fn claimant(&self) -> Option<&Claimant> {
        self.claimant.as_ref()
    }

    /// The same scope, of events whose deletions keep the text for the audit log, or not.
    pub fn keeping_deleted_text(self, keeps_deleted_text: bool) -> Self {
        Self { keeps_deleted_text, ..self }
    }

    /// The same scope, of messages that get other ids.
    pub(super) fn renaming_messages(self) -> Self {
        Self { renames_messages: true, ..self }
    }

    /// The same scope for all sessions of the organization.
    pub(super) fn of_all_sessions(&self) -> Self {
        Self { sessions: None, ..self.clone() }
    }

    pub(super) fn contains(&self, session: SessionId) -> bool {
        self.sessions.as_ref().is_none_or(|sessions| sessions.contains(&session))
    }

    /// Rejects an event that requires more than the capability `ingest`.
    pub(super) fn check(&self, event: Option<&Event>) -> Result<()> {
        match event {
            Some(Event::Inbox(_)) => self.require(Capability::Send, "inbox"),
            Some(Event::Number(_)) => self.require_manage("number"),
            Some(Event::Label(_)) => self.require_manage("label"),
            Some(Event::Property(_)) => self.require_manage("property"),
            Some(Event::Member(member)) => {
                self.require_manage("member")?;
                if member.role.as_deref() == Some("owner") && !self.manages_owners {
                    let problem =
                        "must not be owner: that requires an owner, or a key that may manage owners";
                    return Err(forbidden("member.role", problem));
                }
                Ok(())
            }
            Some(
                Event::Contact(_)
                | Event::Chat(_)
                | Event::Message(_)
                | Event::Receipt(_)
                | Event::Edit(_)
                | Event::Reaction(_)
                | Event::MemberChange(_)
                | Event::Read(_)
                | Event::Unread(_)
                | Event::Address(_)
                | Event::Alias(_)
                | Event::DeleteMessage(_)
                | Event::Status(_),
            )
            | None => Ok(()),
        }
    }

    /// These events affect every session's chats.
    fn require_manage(&self, field: &str) -> Result<()> {
        self.require(Capability::Manage, field)?;
        match self.sessions {
            Some(_) => Err(forbidden(field, "requires a key that is not limited to some sessions")),
            None => Ok(()),
        }
    }

    fn require(&self, capability: Capability, field: &str) -> Result<()> {
        if self.capabilities.contains(capability) {
            return Ok(());
        }
        let name = capability_name(capability);
        Err(Error::forbidden(name).with_field(field, format_args!("requires the capability {name}")))
    }
}

impl From<&Caller> for SessionScope {
    fn from(caller: &Caller) -> Self {
        Self {
            org: caller.org,
            sessions: caller.sessions.clone(),
            capabilities: caller.capabilities,
            manages_owners: caller.manages_owners,
            keeps_deleted_text: false,
            history_until: None,
            claimant: caller.claimant.clone(),
            renames_messages: false,
            is_of_lists: false,
        }
    }
}

fn forbidden(field: &str, problem: &str) -> Error {
    Error::new(Kind::Forbidden, format!("{field} {problem}")).with_field(field, problem)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pb::ingest_event::OrganizationMember;

    #[test]
    fn owner_requires_a_caller_that_manages_owners() {
        let member = |role: &str| {
            Event::Member(OrganizationMember { role: Some(role.to_owned()), ..OrganizationMember::default() })
        };
        let operator = SessionScope::all(OrgId::generate());
        assert!(operator.check(Some(&member("owner"))).is_ok());
        let admin = SessionScope { manages_owners: false, ..operator };
        assert!(admin.check(Some(&member("admin"))).is_ok());
        let error = admin.check(Some(&member("owner"))).unwrap_err();
        assert_eq!(error.fields()[0].field, "member.role");
    }
}
