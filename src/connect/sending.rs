//! What the connections of sessions can send, before anything is stored.

use std::sync::Arc;

use super::kinds::Kinds;
use super::outbox::without_file;
use crate::actions::sends::{Rules, SendContent, SendRules, new_message_id, no_connection, unsupported};
use crate::caller::Caller;
use crate::ids::SessionId;
use crate::store::{Connection, StoreResult, connections};

/// The rules of the kinds of gateways.
struct KindRules(Kinds);

/// The rules of the kinds of gateways.
pub fn rules(kinds: Kinds) -> Rules {
    Arc::new(KindRules(kinds))
}

impl SendRules for KindRules {
    fn check(
        &self,
        connection: &mut Connection,
        caller: &Caller,
        session: SessionId,
        content: &SendContent,
    ) -> StoreResult<Option<String>> {
        let row = connections::of_session(connection, caller.org, session)?.ok_or_else(no_connection)?;
        // Connectors get ids of ours, too.
        let Some(gateway) = self.0.draft(&row) else { return Ok(Some(new_message_id())) };
        let content = without_file(content);
        match gateway.refusal(&content) {
            Some(reason) => Err(unsupported(reason).into()),
            None => Ok(gateway.new_message_id(&content)),
        }
    }
}
