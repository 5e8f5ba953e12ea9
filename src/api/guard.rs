//! Who may call what: asked at every protocol before an RPC is run or its request is even read.

use std::sync::Arc;

use tonic::{Extensions, Request};

use crate::auth::CredentialCheck;
use crate::caller::{Caller, Identity, capability_name};
use crate::error::{Error, Kind, Result};
use crate::pb::METHODS;

/// Lets a call pass, or says why not: 401 without a good token, 503 when it could not be checked, 403 when it lacks
/// the capability that the method declares. `rpc` is the method's path, `/switchboard.v1.ChatService/GetChat`.
pub fn guard(extensions: &Extensions, rpc: &str) -> Result<()> {
    let caller = known(extensions)?;
    let method = METHODS.iter().find(|method| method.path == rpc);
    let required =
        method.ok_or_else(|| Error::new(Kind::Unimplemented, "there is no such method"))?.capability;
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

/// Whether that is still so, for calls that last.
pub(super) fn credential_check<T>(request: &Request<T>) -> Result<CredentialCheck> {
    let credential_check = request.extensions().get::<CredentialCheck>().cloned();
    credential_check.ok_or_else(|| Error::internal("the request passed no authentication layer"))
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
    use crate::caller::{Capabilities, Capability, Principal};
    use crate::ids::{KeyId, OrgId};

    const READS: &str = "/switchboard.v1.ChatService/GetChat";

    fn kind_for(identity: Option<Identity>, rpc: &str) -> Option<Kind> {
        let mut extensions = Extensions::new();
        identity.map(|identity| extensions.insert(identity));
        guard(&extensions, rpc).err().map(|error| error.kind())
    }

    fn known(capability: Capability) -> Option<Identity> {
        Some(Identity::Known(Arc::new(Caller {
            org: OrgId::generate(),
            principal: Principal::ApiKey(KeyId::generate()),
            capabilities: Capabilities::from_iter([capability]),
            sessions: None,
            manages_owners: false,
        })))
    }

    #[test]
    fn a_caller_with_the_capability_passes() {
        assert_eq!(kind_for(known(Capability::Read), READS), None);
    }

    #[test]
    fn everyone_else_is_told_why_not() {
        assert_eq!(kind_for(known(Capability::Send), READS), Some(Kind::Forbidden));
        assert_eq!(kind_for(known(Capability::Read), "/a/B"), Some(Kind::Unimplemented));
        assert_eq!(kind_for(Some(Identity::Anonymous), READS), Some(Kind::Unauthenticated));
        assert_eq!(kind_for(Some(Identity::Refused), "/a/B"), Some(Kind::Unauthenticated));
        assert_eq!(kind_for(Some(Identity::Unverified), READS), Some(Kind::Unavailable));
        assert_eq!(kind_for(None, READS), Some(Kind::Internal));
    }
}
