//! Who may call what: asked at every door before an RPC is run or its request is even read.

use std::sync::Arc;

use tonic::{Extensions, Request};

use crate::caller::{Caller, Capability, Identity, capability_name};
use crate::error::{Error, Kind, Result};

/// Lets a call pass, or says why not: 401 without a good token, 503 when it could not be checked, 403 when it lacks
/// the capability that the method declares.
///
/// `capability_of` is the table of methods by their gRPC path, `/switchboard.v1.ChatService/GetChat`.
pub fn guard(
    extensions: &Extensions,
    rpc_path: &str,
    capability_of: impl FnOnce(&str) -> Option<Capability>,
) -> Result<()> {
    let caller = known(extensions)?;
    let method_missing = || Error::new(Kind::Unimplemented, "there is no such method");
    let required = capability_of(rpc_path).ok_or_else(method_missing)?;
    if caller.capabilities.contains(required) {
        Ok(())
    } else {
        Err(Error::forbidden(capability_name(required)))
    }
}

/// Who is calling.
pub(super) fn caller<T>(request: &Request<T>) -> Result<Arc<Caller>> {
    known(request.extensions()).cloned()
}

fn known(extensions: &Extensions) -> Result<&Arc<Caller>> {
    match extensions.get::<Identity>() {
        Some(Identity::Known(caller)) => Ok(caller),
        Some(Identity::Anonymous) => Err(Error::new(Kind::Unauthenticated, "a token is required")),
        Some(Identity::Refused) => Err(Error::new(Kind::Unauthenticated, "the token is not accepted")),
        Some(Identity::Unverified) => Err(Error::unavailable("the token could not be checked")),
        None => Err(Error::internal("the request passed no authentication layer")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caller::{Capabilities, Principal};
    use crate::ids::{KeyId, OrgId};

    fn kind_for(identity: Option<Identity>, required: Option<Capability>) -> Option<Kind> {
        let mut extensions = Extensions::new();
        identity.map(|identity| extensions.insert(identity));
        guard(&extensions, "/a/B", |_| required).err().map(|error| error.kind())
    }

    fn known(capability: Capability) -> Option<Identity> {
        Some(Identity::Known(Arc::new(Caller {
            org: OrgId::generate(),
            principal: Principal::ApiKey(KeyId::generate()),
            capabilities: Capabilities::from_iter([capability]),
            sessions: None,
        })))
    }

    #[test]
    fn a_caller_with_the_capability_passes() {
        assert_eq!(kind_for(known(Capability::Read), Some(Capability::Read)), None);
    }

    #[test]
    fn everyone_else_is_told_why_not() {
        let read = Some(Capability::Read);
        assert_eq!(kind_for(known(Capability::Send), read), Some(Kind::Forbidden));
        assert_eq!(kind_for(known(Capability::Read), None), Some(Kind::Unimplemented));
        assert_eq!(kind_for(Some(Identity::Anonymous), read), Some(Kind::Unauthenticated));
        assert_eq!(kind_for(Some(Identity::Refused), None), Some(Kind::Unauthenticated));
        assert_eq!(kind_for(Some(Identity::Unverified), read), Some(Kind::Unavailable));
        assert_eq!(kind_for(None, read), Some(Kind::Internal));
    }

    #[test]
    fn a_method_without_a_capability_is_open_to_nobody() {
        assert_eq!(kind_for(known(Capability::Read), Some(Capability::Unspecified)), Some(Kind::Forbidden));
    }
}
