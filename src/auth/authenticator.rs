//! Verifies tokens, normally from memory.

use http::HeaderMap;

use super::keys::Keys;
use super::login::Logins;
use super::lookup::AuthError;
use super::token::{self, Token};
use crate::caller::Identity;
use crate::config::JwtConfig;
use crate::store::Store;

/// Verifies api-keys and login tokens.
pub struct Authenticator {
    logins: Option<Logins>,
    keys: Keys,
}

impl Authenticator {
    /// Verifies against that database.
    /// Needs a runtime: the keys of login tokens are fetched in the background.
    pub fn new(store: &Store, jwt: Option<&JwtConfig>) -> Self {
        let logins = jwt.map(|config| Logins::new(config, store.clone()));
        Self { logins, keys: Keys::new(store.clone()) }
    }

    /// The identity in the headers of a request.
    pub async fn identify(&self, headers: &HeaderMap) -> Identity {
        self.verify(token::presented(headers)).await
    }

    /// The identity that a token stands for.
    pub(super) async fn verify(&self, token: Token<'_>) -> Identity {
        let verified = match (token, &self.logins) {
            (Token::None, _) => return Identity::Anonymous,
            (Token::ApiKey(text), _) => self.keys.verify(text).await,
            (Token::Login(text), Some(logins)) => logins.verify(text).await,
            (Token::Login(_), None) | (Token::Malformed, _) => Err(AuthError::Invalid),
        };
        match verified {
            Ok(caller) => Identity::Known(caller),
            Err(AuthError::Invalid) => Identity::Refused,
            Err(AuthError::Unavailable) => Identity::Unverified,
        }
    }
}
