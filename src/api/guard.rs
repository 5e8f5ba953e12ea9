//! Authorization of RPCs. Every protocol checks it before it reads the request.

use std::sync::Arc;

use tonic::{Extensions, Request};

use crate::auth::CredentialCheck;
use crate::caller::{Caller, Capability, Identity, capability_name};
use crate::error::{Error, Kind, Result};
use crate::fair_share::Unprocessed;
use crate::pb::Method;

/// Checks that the caller is authenticated and may call the method.
///
/// `rpc` is the method's path, such as `/switchboard.v1.ChatService/GetChat`. Fails with 401 without a valid token, 503
/// when the token cannot be verified, 403 when a capability is missing or a key limited to some sessions is rejected.
pub fn guard(extensions: &Extensions, rpc: &str) -> Result<()> {
    let caller = authenticated(extensions)?;
    let method = Method::of(rpc);
    let method = method.ok_or_else(|| Error::new(Kind::Unimplemented, "there is no such method"))?;
    if let Some(lacking) =
        method.capabilities.iter().find(|required| !caller.capabilities.contains(**required))
    {
        return Err(Error::forbidden(capability_name(*lacking)));
    }
    if method.all_sessions && caller.sessions.is_some() {
        let message = "a key that is limited to some sessions cannot change data that all sessions share";
        return Err(Error::new(Kind::Forbidden, message));
    }
    Ok(())
}

/// The caller of a request that is no RPC, if it has the capability `read`.
pub fn reader(extensions: &Extensions) -> Result<Arc<Caller>> {
    let caller = authenticated(extensions)?;
    match caller.capabilities.contains(Capability::Read) {
        true => Ok(caller.clone()),
        false => Err(Error::forbidden(capability_name(Capability::Read))),
    }
}

/// The caller of a request.
pub(super) fn caller<T>(request: &Request<T>) -> Result<Arc<Caller>> {
    authenticated(request.extensions()).cloned()
}

/// Rechecks the credential of a request while a stream is open.
pub(super) fn credential_check<T>(request: &Request<T>) -> Result<CredentialCheck> {
    let credential_check = request.extensions().get::<CredentialCheck>().cloned();
    credential_check.ok_or_else(|| Error::internal("the request passed no authentication layer"))
}

/// Counts the bytes of a request stream.
pub(super) fn unprocessed<T>(request: &Request<T>) -> Result<Unprocessed> {
    let unprocessed = request.extensions().get::<Unprocessed>().cloned();
    unprocessed.ok_or_else(|| Error::internal("the request passed no admission layer"))
}

fn authenticated(extensions: &Extensions) -> Result<&Arc<Caller>> {
    match extensions.get::<Identity>() {
        Some(Identity::Known(caller)) => Ok(caller),
        Some(Identity::Anonymous) => Err(Error::new(Kind::Unauthenticated, "a token is required")),
        Some(Identity::Refused) => Err(Error::new(Kind::Unauthenticated, "the token is not accepted")),
        Some(Identity::Unverified) => Err(Error::unavailable("the token could not be checked")),
        None => Err(Error::internal("the request passed no authentication layer")),
    }
}
