//! Resolves host names, and rejects names with an address that is not allowed.

use std::net::SocketAddr;
use std::pin::Pin;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::destinations::Destinations;
use crate::error::NotAllowed;

pub(crate) type Lookup = Pin<Box<dyn Future<Output = std::io::Result<Vec<SocketAddr>>> + Send>>;

/// Resolves names, and checks the addresses that it returns.
pub(crate) struct Resolver {
    lookup: Box<dyn Fn(String) -> Lookup + Send + Sync>,
    destinations: Destinations,
}

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
        let (lookup, destinations) = ((self.lookup)(name.as_str().to_owned()), self.destinations.clone());
        Box::pin(async move {
            let addresses = lookup.await?;
            if !addresses.iter().all(|address| destinations.allows_named(name.as_str(), address.ip())) {
                return Err(NotAllowed.into());
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}
