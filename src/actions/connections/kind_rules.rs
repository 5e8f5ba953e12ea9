//! What connections of a kind of gateway consist of.

/// The settings and secrets of connections of one kind.
#[derive(Debug)]
pub struct KindRules {
    /// The name in the API.
    pub name: &'static str,
    /// The base URL.
    pub url: UrlRule,
    /// The account unless one is given; `None` where one is required.
    pub account: Option<&'static str>,
    /// Whether the account alone names a line; otherwise an account of each URL is another line.
    pub account_is_unique: bool,
    /// Whether the key of the gateway's API is required.
    pub needs_api_key: bool,
    /// The key of webhook signatures.
    pub webhook_secret: SecretRule,
    /// Messages sent a minute unless another limit is given; `None` for no limit.
    pub sends_per_minute: Option<i32>,
    /// Whether a worker serves its connections: not those of programs that use `IngestService`.
    pub is_served: bool,
    /// Whether the operator must allow it.
    pub is_simulated: bool,
    /// Maximum size of a webhook request, in bytes.
    pub max_body: usize,
}

/// The base URL of a kind's connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlRule {
    /// There is none.
    None,
    /// This one unless another is given.
    Default(&'static str),
    /// One must be given.
    Required,
}

/// A secret of a kind's connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretRule {
    /// There is none.
    None,
    /// A random one unless one is given.
    Random,
    /// One must be given.
    Required,
}
