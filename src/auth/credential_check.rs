//! Whether a caller is still who it was when its call began: asked again and again while a stream lasts.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::{Authenticator, token};
use crate::caller::{Caller, Identity};
use crate::error::{Error, Kind};

/// How often it is asked. With what an answer is remembered for, that is less than the 5 seconds within which revoking and
/// disabling take effect.
const INTERVAL: Duration = Duration::from_secs(1);

/// The token of a call, to be judged again. Streams of one token share an answer, so a thousand of them ask the database
/// no more often than one does.
#[derive(Clone)]
pub struct CredentialCheck {
    authenticator: Arc<Authenticator>,
    token: Arc<str>,
}

impl CredentialCheck {
    pub(super) fn new(authenticator: Arc<Authenticator>, token: &str) -> Self {
        Self { authenticator, token: token.into() }
    }

    /// Completes when the token is no longer accepted, or no longer for the same, and says which.
    ///
    /// While it cannot be checked nothing is said: what can neither be read nor written cannot be revoked either.
    pub async fn lost(&self, caller: &Caller) -> Error {
        loop {
            sleep(INTERVAL).await;
            match self.authenticator.judge(token::classify(&self.token)).await {
                Identity::Known(now) if *now == *caller => {}
                Identity::Unverified => {}
                Identity::Known(_) => {
                    let message = "what the token is good for has changed, call again";
                    return Error::new(Kind::Unavailable, message);
                }
                Identity::Refused | Identity::Anonymous => {
                    return Error::new(Kind::Unauthenticated, "the token is no longer accepted");
                }
            }
        }
    }
}
