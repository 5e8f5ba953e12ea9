//! Re-checks the credential of an open stream.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::authenticator::Authenticator;
use super::lookup::TIME_TO_LIVE;
use super::token;
use crate::caller::{Caller, Identity};
use crate::error::{Error, Kind};

/// How often the credential is checked.
const INTERVAL: Duration = Duration::from_secs(1);

// Revoking and disabling take effect within 5 seconds.
const _: () = assert!(INTERVAL.as_millis() + TIME_TO_LIVE.as_millis() < 5000);

/// The token of a request, for later checks.
/// Streams with one token share the cached result, so a thousand of them cost as many lookups as one.
#[derive(Clone)]
pub struct CredentialCheck {
    authenticator: Arc<Authenticator>,
    token: Arc<str>,
}

impl CredentialCheck {
    pub(super) fn new(authenticator: Arc<Authenticator>, token: &str) -> Self {
        Self { authenticator, token: token.into() }
    }

    /// Completes when the token is no longer valid, or its caller has changed.
    ///
    /// A token that cannot be verified now stays accepted: without a database it cannot be revoked either.
    pub async fn lost(&self, caller: &Caller) -> Error {
        loop {
            sleep(INTERVAL).await;
            match self.authenticator.verify(token::classify(&self.token)).await {
                Identity::Known(current) if *current == *caller => {}
                Identity::Unverified => {}
                Identity::Known(_) => {
                    let message = "the permissions of the token have changed, call again";
                    return Error::new(Kind::Unavailable, message);
                }
                Identity::Refused | Identity::Anonymous => {
                    return Error::new(Kind::Unauthenticated, "the token is no longer accepted");
                }
            }
        }
    }
}
