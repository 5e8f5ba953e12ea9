//! What a connection is made of, as its gateway needs it.

use crate::config::Secret;
use crate::ids::Phone;

/// What an organization configured for a connection, with its secrets decrypted.
#[derive(Clone, Debug)]
pub struct ConnectionSettings {
    /// Base URL of the gateway, without a slash at the end.
    pub url: String,
    /// The gateway's name of the line: the session of a WAHA server, the phone number id of the Cloud API.
    pub account: String,
    /// The phone number of the session.
    pub phone: Phone,
    /// The key of the gateway's API: `X-Api-Key` of WAHA, the access token of the Cloud API.
    pub api_key: Secret,
    /// The key of webhook signatures: the HMAC key of WAHA, the app secret of the Cloud API.
    pub webhook_secret: Secret,
    /// The token of verification requests of the Cloud API.
    pub verify_token: Secret,
    /// The WhatsApp Business Account of the Cloud API, for its webhook set-up; empty otherwise.
    pub business_account: String,
}
