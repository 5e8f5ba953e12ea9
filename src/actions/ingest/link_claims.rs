//! Links by a key that is limited to some sessions: they give it no access to chats of other sessions, and join none of theirs.

use std::collections::BTreeMap;

use super::scope::SessionScope;
use crate::error::{Error, Kind, Result};
use crate::ids::ChatAddress;
use crate::store::claims::{self, Holders};
use crate::store::{StoreResult, Transaction};

const ONLY_OF_OTHERS: &str = "must not join chats that only sessions out of the key's scope hold";

/// Who holds the chats that joins change, as the key sees it; empty for everyone else.
pub(super) struct LinkClaims(BTreeMap<ChatAddress, Holders>);

impl LinkClaims {
    pub(super) fn find(
        tx: &mut Transaction<'_>,
        scope: &SessionScope,
        addresses: &[&ChatAddress],
    ) -> StoreResult<Self> {
        Ok(Self(claims::holders(tx, scope.org, scope.claimant(), addresses)?))
    }

    /// Rejects a link that joins only chats of other sessions.
    pub(super) fn check(&self, field: &str, from: &ChatAddress, to: &ChatAddress) -> Result<()> {
        match self.is_claimed(from) && !self.0.get(to).is_some_and(|holders| holders.is_proven) {
            true => Err(Error::new(Kind::Forbidden, format!("{field} {ONLY_OF_OTHERS}"))
                .with_field(field, ONLY_OF_OTHERS)),
            false => Ok(()),
        }
    }

    /// Whether the key may not share the chat of the address.
    pub(super) fn is_claimed(&self, address: &ChatAddress) -> bool {
        self.0.get(address).is_some_and(|holders| holders.is_claimed())
    }
}

/// Makes chats that were joined with chats of other sessions claims of the key.
pub(super) fn claim(
    tx: &mut Transaction<'_>,
    scope: &SessionScope,
    joined: &[&ChatAddress],
) -> StoreResult<()> {
    match scope.claimant() {
        Some(claimant) if !joined.is_empty() => claims::claim(tx, claimant, joined),
        Some(_) | None => Ok(()),
    }
}
