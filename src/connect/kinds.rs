//! The kinds of gateways: the only file that lists them.

use std::sync::Arc;

use guarded_http::{AllowedHost, Destinations, HttpClient, Trust};

use super::gateway::Gateway;
use super::settings::ConnectionSettings;
use super::{cloud_api, simulator, waha};
use crate::actions::connections::{ConnectionRow, ConnectionSecrets, KindRules, SecretRule, UrlRule};
use crate::config::{ConnectionConfig, Secret, USER_AGENT};
use crate::cursor::{Encrypted, SigningKeys};
use crate::error::{Error, Kind, Result};

const MIB: usize = 1024 * 1024;

/// What connections of each kind consist of.
pub const RULES: &[KindRules] = &[
    KindRules {
        name: "waha",
        url: UrlRule::Required,
        account: Some("default"),
        account_is_unique: false,
        needs_api_key: false,
        webhook_secret: SecretRule::Random,
        sends_per_minute: Some(20),
        is_served: true,
        is_simulated: false,
        // Media files may be in webhooks.
        max_body: 64 * MIB,
    },
    KindRules {
        name: "cloud_api",
        url: UrlRule::Default("https://graph.facebook.com"),
        account: None,
        account_is_unique: true,
        needs_api_key: true,
        webhook_secret: SecretRule::Required,
        sends_per_minute: None,
        is_served: true,
        is_simulated: false,
        max_body: 4 * MIB,
    },
    KindRules {
        name: "simulator",
        url: UrlRule::None,
        account: Some(""),
        account_is_unique: false,
        needs_api_key: false,
        webhook_secret: SecretRule::None,
        sends_per_minute: None,
        is_served: true,
        is_simulated: true,
        max_body: 0,
    },
    KindRules {
        name: "external",
        url: UrlRule::None,
        account: Some(""),
        account_is_unique: false,
        needs_api_key: false,
        webhook_secret: SecretRule::None,
        sends_per_minute: None,
        is_served: false,
        is_simulated: false,
        max_body: 0,
    },
];

/// Hosts of Meta's API, which every service may use.
const META_HOSTS: [&str; 2] = ["graph.facebook.com", "lookaside.fbsbx.com"];

/// How long a request to a gateway may take, its response included.
const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(60);

/// Makes the gateways of connections. Cheap to clone.
#[derive(Clone)]
pub struct Kinds {
    http: HttpClient,
    /// Fetches the files of sends from their URLs: from public addresses only.
    pub public_http: HttpClient,
    keys: SigningKeys,
    public_url: Option<Arc<str>>,
}

/// The hosts that connections may use.
pub fn destinations(config: &ConnectionConfig) -> Destinations {
    let meta = META_HOSTS.iter().filter_map(|host| host.parse::<AllowedHost>().ok());
    Destinations::Hosts(config.hosts.iter().cloned().chain(meta).collect())
}

impl Kinds {
    /// Gateways whose secrets are decrypted with these keys.
    ///
    /// # Errors
    ///
    /// The system's root certificates cannot be loaded.
    pub fn new(config: &ConnectionConfig, keys: SigningKeys) -> Result<Self> {
        let client = |destinations| {
            let client = HttpClient::new(USER_AGENT, destinations, TIMEOUT, Trust::System);
            client.map_err(|error| Error::internal(error.to_string()))
        };
        let (http, public_http) = (client(destinations(config))?, client(Destinations::Public)?);
        Ok(Self { http, public_http, keys, public_url: config.public_url.as_deref().map(Arc::from) })
    }

    /// The gateway of a connection; `None` for a connection that no gateway serves.
    ///
    /// # Errors
    ///
    /// The signing key of its secrets was removed.
    pub fn gateway(&self, row: &ConnectionRow) -> Result<Option<Arc<dyn Gateway>>> {
        Ok(self.open(row, self.secrets(row)?))
    }

    /// The secrets of a connection.
    ///
    /// # Errors
    ///
    /// Their signing key was removed.
    pub(super) fn secrets(&self, row: &ConnectionRow) -> Result<ConnectionSecrets> {
        let encrypted = Encrypted { key_id: row.key_id.clone(), bytes: row.secrets.clone() };
        ConnectionSecrets::decrypt(&self.keys, &row.connection_id, &encrypted).ok_or_else(|| {
            let message = "the signing key of the connection's secrets was removed: set them again";
            Error::new(Kind::FailedPrecondition, message)
        })
    }

    /// The gateway of a connection without its secrets: it says what it can send, and cannot be asked.
    pub fn draft(&self, row: &ConnectionRow) -> Option<Arc<dyn Gateway>> {
        let [api_key, webhook_secret, verify_token] = [(); 3].map(|()| Secret::new(""));
        self.open(row, ConnectionSecrets { api_key, webhook_secret, verify_token })
    }

    fn open(&self, row: &ConnectionRow, secrets: ConnectionSecrets) -> Option<Arc<dyn Gateway>> {
        let settings = ConnectionSettings {
            url: row.url.clone(),
            account: row.account.clone(),
            phone: row.phone.clone(),
            api_key: secrets.api_key,
            webhook_secret: secrets.webhook_secret,
            verify_token: secrets.verify_token,
            business_account: row.business_account.clone(),
        };
        let http = self.http.clone();
        match row.kind.as_str() {
            "waha" => Some(waha::open(settings, http)),
            "cloud_api" => Some(cloud_api::open(settings, http)),
            "simulator" => Some(simulator::open(&settings)),
            _ => None,
        }
    }

    /// Where the gateway must send its webhooks: only the path while the public URL is not known, empty for a kind without
    /// webhooks.
    pub fn webhook_url(&self, row: &ConnectionRow) -> String {
        let has_webhooks = rules(&row.kind).is_some_and(|rules| rules.webhook_secret != SecretRule::None);
        let base = self.public_url.as_deref().unwrap_or_default();
        if has_webhooks {
            format!("{base}/connect/{}/{}", row.kind, row.connection_id)
        } else {
            String::new()
        }
    }

    /// Whether the service knows the URL by which gateways reach it.
    pub fn has_public_url(&self) -> bool {
        self.public_url.is_some()
    }
}

/// What connections of that kind consist of.
pub fn rules(kind: &str) -> Option<&'static KindRules> {
    RULES.iter().find(|rules| rules.name == kind)
}
