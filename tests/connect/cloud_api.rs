//! The Cloud API, against a fake Graph API on this machine.

mod answers;
mod files;
mod graph;
mod judges;
mod line;
mod sends;
mod service;

use std::sync::Arc;
use std::time::Duration;

use guarded_http::{Destinations, HttpClient, Trust};
use switchboard::config::Secret;
use switchboard::connect::cloud_api;
use switchboard::connect::gateway::{Gateway, QuotedMessage};
use switchboard::connect::settings::ConnectionSettings;

use graph::{ACCOUNT, Graph, NUMBER, TOKEN};

fn gateway_with(graph: &Graph, token: &str, business_account: &str) -> Arc<dyn Gateway> {
    let hosts = ["127.0.0.1".parse().expect("a host"), "graph.facebook.com".parse().expect("a host")];
    let hosts = Destinations::Hosts(hosts.into());
    let http = HttpClient::new("test", hosts, Duration::from_secs(5), Trust::System).expect("a client");
    let settings = ConnectionSettings {
        url: graph.url(),
        account: NUMBER.to_owned(),
        phone: "15550100400".parse().expect("a number"),
        api_key: Secret::new(token),
        webhook_secret: Secret::new("app secret"),
        verify_token: Secret::new("verify me"),
        business_account: business_account.to_owned(),
    };
    cloud_api::open(settings, http)
}

fn gateway(graph: &Graph) -> Arc<dyn Gateway> {
    gateway_with(graph, TOKEN, ACCOUNT)
}

fn quoted(id: &str) -> QuotedMessage {
    QuotedMessage { id: id.to_owned(), from_me: false, author: None }
}
