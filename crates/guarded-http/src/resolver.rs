//! Resolves host names, and rejects names with an address that is not allowed.

use std::fmt;
use std::net::SocketAddr;
use std::pin::Pin;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::addresses::Destinations;

pub(crate) type Lookup = Pin<Box<dyn Future<Output = std::io::Result<Vec<SocketAddr>>> + Send>>;

/// Resolves names, and checks the addresses that it returns.
pub(crate) struct Resolver {
    lookup: Box<dyn Fn(String) -> Lookup + Send + Sync>,
    destinations: Destinations,
}

/// A name has an address to which requests may not be sent.
/// None of its addresses is used, or success would be a matter of luck.
#[derive(Debug)]
pub(crate) struct NotAllowed;

impl fmt::Display for NotAllowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name resolves to an address that is not allowed")
    }
}

impl std::error::Error for NotAllowed {}

impl Resolver {
    /// The system's resolver.
    pub(crate) fn of_system(destinations: Destinations) -> Self {
        let lookup = |name: String| -> Lookup {
            Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.collect()) })
        };
        Self::new(lookup, destinations)
    }

    pub(crate) fn new(
        lookup: impl Fn(String) -> Lookup + Send + Sync + 'static,
        destinations: Destinations,
    ) -> Self {
        Self { lookup: Box::new(lookup), destinations }
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (lookup, destinations) = ((self.lookup)(name.as_str().to_owned()), self.destinations);
        Box::pin(async move {
            let addresses = lookup.await?;
            if !addresses.iter().all(|address| destinations.allows(address.ip())) {
                return Err(NotAllowed.into());
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}
