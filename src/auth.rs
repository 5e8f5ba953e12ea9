//! Authentication: verifies a request's token and labels it with its caller.

mod api_key;
mod authenticator;
mod credential_check;
mod jwks;
mod keys;
mod login;
mod lookup;
mod token;

pub use api_key::ApiKey;
pub use authenticator::Authenticator;
pub use credential_check::CredentialCheck;

use std::sync::Arc;

use http::Request;

use crate::caller::Identity;
use crate::telemetry::current;

/// Labels a request with its [`Identity`] and its [`CredentialCheck`], if any.
///
/// It rejects nothing: each protocol's guard reads the label and responds in the protocol's format.
pub async fn label<B>(authenticator: Arc<Authenticator>, request: &mut Request<B>) {
    let token = token::presented(request.headers());
    let identity = authenticator.verify(token).await;
    let credential_check = token.text().map(|text| CredentialCheck::new(authenticator, text));
    if let Identity::Known(caller) = &identity {
        current::set_org(caller.org);
    }
    if let Some(key) = token.key_id() {
        current::set_key(key);
    }
    let extensions = request.extensions_mut();
    extensions.insert(identity);
    if let Some(credential_check) = credential_check {
        extensions.insert(credential_check);
    }
}

/// Fetches the keys of login tokens once, and counts the usable ones.
///
/// # Errors
///
/// Why the keys are not available, for the operator.
pub async fn count_login_keys(location: &str) -> Result<usize, String> {
    jwks::count(location).await
}
