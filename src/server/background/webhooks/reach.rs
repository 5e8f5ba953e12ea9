//! Looks names up for posts, and lets none pass that leads where they must not go.
//!
//! The connection is made to the very addresses that were checked: what the name leads to a moment later does not matter.

use std::error::Error as StdError;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::vec;

use hyper_util::client::legacy::connect::dns::Name;
use tower::Service;

use crate::actions::webhooks::is_public;

type BoxError = Box<dyn StdError + Send + Sync>;

/// What looks up names.
pub trait Resolver:
    Service<Name, Response: Iterator<Item = SocketAddr> + Send, Error: Into<BoxError>, Future: Send>
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<R> Resolver for R where
    R: Service<Name, Response: Iterator<Item = SocketAddr> + Send, Error: Into<BoxError>, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static
{
}

/// A resolver whose answers are checked.
#[derive(Clone, Debug)]
pub(super) struct AddressPolicy<R> {
    resolver: R,
    any_address: bool,
}

/// One of a name's addresses is not allowed, so none is used: it would be a matter of luck.
#[derive(Debug)]
pub(super) struct NotAllowed;

impl fmt::Display for NotAllowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name leads to an address that is not a public one")
    }
}

impl StdError for NotAllowed {}

impl<R> AddressPolicy<R> {
    pub(super) fn new(resolver: R, any_address: bool) -> Self {
        Self { resolver, any_address }
    }

    /// Whether posts may go there.
    pub(super) fn allows(&self, address: IpAddr) -> bool {
        self.any_address || is_public(address)
    }

    /// Whether posts may go anywhere.
    pub(super) fn allows_all(&self) -> bool {
        self.any_address
    }
}

impl<R: Resolver> Service<Name> for AddressPolicy<R> {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.resolver.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let looking = self.resolver.call(name);
        let any_address = self.any_address;
        Box::pin(async move {
            let addresses: Vec<_> = looking.await.map_err(Into::into)?.collect();
            if any_address || addresses.iter().all(|address| is_public(address.ip())) {
                Ok(addresses.into_iter())
            } else {
                Err(NotAllowed.into())
            }
        })
    }
}
