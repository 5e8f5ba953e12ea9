//! Who is calling: finds the token of a request, checks it, and labels the request with what it found out.

mod api_key;
mod credential_check;
mod jwks;
mod keys;
mod layer;
mod login;
mod orgs;
mod token;

pub use api_key::ApiKey;
pub use credential_check::CredentialCheck;
pub use layer::{Auth, AuthLayer};

use std::time::Duration;

use http::HeaderMap;

use self::keys::Keys;
use self::login::Logins;
use self::orgs::Orgs;
use self::token::Token;
use crate::caller::Identity;
use crate::config::JwtConfig;
use crate::digest::sha256;
use crate::store::Store;

/// How long an answer of the database about a key or an organization is used. Revoking and disabling take effect
/// within 5 seconds; this leaves the rest for the call that is just loading.
const FRESH: Duration = Duration::from_secs(3);

/// How long a call waits for the database to say who is calling.
const LOAD_TIMEOUT: Duration = Duration::from_secs(2);

/// Entries a cache holds at most. What is asked for often stays, so a flood of made-up tokens does not push out real ones.
const CACHE_CAPACITY: u64 = 10_000;

/// Checks tokens. Normally answers from memory.
pub struct Authenticator {
    logins: Option<Logins>,
    keys: Keys,
}

impl Authenticator {
    /// An authenticator on that database. With login tokens it also begins to fetch their keys in the background, so
    /// it must be called inside a runtime.
    pub fn new(store: &Store, jwt: Option<&JwtConfig>) -> Self {
        let logins = jwt.map(|config| Logins::new(config, Orgs::new(store.clone())));
        Self { logins, keys: Keys::new(store.clone()) }
    }

    /// Who these headers speak for.
    pub async fn identify(&self, headers: &HeaderMap) -> Identity {
        self.judge(token::presented(headers)).await
    }

    async fn judge(&self, token: Token<'_>) -> Identity {
        match token {
            Token::None => Identity::Anonymous,
            Token::Malformed => Identity::Refused,
            Token::ApiKey(text) => self.keys.identify(text).await,
            Token::Login(text) => match &self.logins {
                Some(logins) => logins.identify(text).await,
                None => Identity::Refused,
            },
        }
    }
}

/// Fetches the keys of login tokens once, from a URL or a file, and says how many there are that can be used.
///
/// # Errors
///
/// Why they cannot be had, for the operator.
pub async fn count_login_keys(location: &str) -> Result<usize, String> {
    jwks::count(location).await
}

/// What a token is remembered by: a memory dump of the cache holds no token.
type TokenHash = [u8; 32];

fn hash(token: &str) -> TokenHash {
    sha256(token.as_bytes())
}

/// Why a token could not be accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rejection {
    /// It is not a good one.
    Refused,
    /// What is needed to check it is not there right now.
    Unverified,
}

impl From<Rejection> for Identity {
    fn from(rejection: Rejection) -> Self {
        match rejection {
            Rejection::Refused => Self::Refused,
            Rejection::Unverified => Self::Unverified,
        }
    }
}
