//! Whose numbers somebody may tell of, and what.

use std::sync::Arc;

use super::event::Event;
use crate::caller::{Caller, Capabilities, Capability, capability_name};
use crate::error::{Error, Kind, Result};
use crate::ids::{OrgId, SessionId};

/// What somebody who tells events may tell.
#[derive(Clone, Debug)]
pub struct SessionScope {
    /// The organization.
    pub org: OrgId,
    /// The only sessions; `None` for all of the organization's. What all numbers share of a chat or a person is anybody's
    /// who tells of it.
    sessions: Option<Arc<[SessionId]>>,
    capabilities: Capabilities,
    manages_owners: bool,
}

impl SessionScope {
    /// That of an operator: every number of the organization, and everything about it.
    pub fn all(org: OrgId) -> Self {
        let capabilities = [Capability::Ingest, Capability::Send, Capability::Manage].into_iter().collect();
        Self { org, sessions: None, capabilities, manages_owners: true }
    }

    pub(super) fn contains(&self, session: SessionId) -> bool {
        self.sessions.as_ref().is_none_or(|sessions| sessions.contains(&session))
    }

    /// Refuses an event that takes more than being a connector.
    pub(super) fn check(&self, event: &Event) -> Result<()> {
        match event {
            Event::Contact(_)
            | Event::Chat(_)
            | Event::Message(_)
            | Event::Receipt(_)
            | Event::Read(_)
            | Event::Unread(_)
            | Event::Address(_)
            | Event::DeleteMessage(_)
            | Event::Status(_) => Ok(()),
            Event::Inbox(_) => self.must(Capability::Send, "inbox"),
            Event::Number(_) => self.may_manage("number"),
            Event::Label(_) => self.may_manage("label"),
            Event::Property(_) => self.may_manage("property"),
            Event::Member(member) => {
                self.may_manage("member")?;
                if member.role.as_deref() == Some("owner") && !self.manages_owners {
                    return Err(forbidden(
                        "member.role",
                        "owner takes an owner, or a key that may change owners",
                    ));
                }
                Ok(())
            }
        }
    }

    /// What changes here shows in every session's chats.
    fn may_manage(&self, field: &str) -> Result<()> {
        self.must(Capability::Manage, field)?;
        if self.sessions.is_some() {
            return Err(forbidden(field, "cannot be told with a key limited to some sessions"));
        }
        Ok(())
    }

    fn must(&self, capability: Capability, field: &str) -> Result<()> {
        if self.capabilities.contains(capability) {
            return Ok(());
        }
        let name = capability_name(capability);
        Err(Error::forbidden(name).with_field(field, format_args!("takes the capability {name}")))
    }
}

impl From<&Caller> for SessionScope {
    fn from(caller: &Caller) -> Self {
        Self {
            org: caller.org,
            sessions: caller.sessions.clone(),
            capabilities: caller.capabilities,
            manages_owners: caller.manages_owners,
        }
    }
}

fn forbidden(field: &str, problem: &str) -> Error {
    Error::new(Kind::Forbidden, format!("{field} {problem}")).with_field(field, problem)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::ingest::OrganizationMemberEvent;

    #[test]
    fn an_owner_takes_an_owner() {
        let member = |role: &str| {
            Event::Member(OrganizationMemberEvent {
                role: Some(role.to_owned()),
                ..OrganizationMemberEvent::default()
            })
        };
        let operator = SessionScope::all(OrgId::generate());
        assert!(operator.check(&member("owner")).is_ok());
        let admin = SessionScope { manages_owners: false, ..operator };
        assert!(admin.check(&member("admin")).is_ok());
        assert_eq!(admin.check(&member("owner")).unwrap_err().fields()[0].field, "member.role");
    }
}
