//! WAHA, against a fake server on this machine.

mod client;
mod convergence;
mod files;
mod fill;
mod groups;
mod judge;
mod kills;
mod noweb;
mod outbox;
mod routes;
mod sends;
pub mod server;
pub mod service;
mod syncs;
mod unreadable;

use std::sync::Arc;
use std::time::Duration;

use guarded_http::{Destinations, HttpClient, Trust};
use switchboard::config::Secret;
use switchboard::connect::gateway::{Gateway, QuotedMessage};
use switchboard::connect::settings::ConnectionSettings;
use switchboard::connect::waha;

use server::{KEY, PHONE, Waha};

pub const ASHA: &str = "15550101844@c.us";
const TEAM: &str = "120363300000000001@g.us";

/// A gateway of that phone number to the server under that base URL.
fn gateway_of(url: String, key: &str, phone: &str, time: Duration) -> Arc<dyn Gateway> {
    let hosts = Destinations::Hosts(["127.0.0.1".parse().expect("a host")].into());
    let http = HttpClient::new("test", hosts, time, Trust::System).expect("a client");
    let settings = ConnectionSettings {
        url,
        account: "default".to_owned(),
        phone: phone.parse().expect("a number"),
        api_key: Secret::new(key),
        webhook_secret: Secret::new("0123456789abcdef0123456789abcdef"),
        verify_token: Secret::new(""),
        business_account: String::new(),
    };
    waha::open(settings, http)
}

fn gateway(waha: &Waha) -> Arc<dyn Gateway> {
    gateway_at(waha.url(), KEY, Duration::from_secs(5))
}

fn incoming(id: &str) -> QuotedMessage {
    QuotedMessage { id: id.to_owned(), from_me: false, author: None }
}

fn gateway_at(url: String, key: &str, time: Duration) -> Arc<dyn Gateway> {
    gateway_of(url, key, PHONE, time)
}
