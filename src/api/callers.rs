//! `switchboard.v1.CallerService`.

use tonic::{Request, Response};

use super::guard::caller;
use super::state::{Api, RpcResult};
use crate::caller::{Principal, capability_name};
use crate::instant::Instant;
use crate::pb::caller_service_server::CallerService;
use crate::pb::{Caller, GetCallerRequest};

#[tonic::async_trait]
impl CallerService for Api {
    async fn get_caller(&self, request: Request<GetCallerRequest>) -> RpcResult<Caller> {
        Ok(Response::new(message(&*caller(&request)?)))
    }
}

fn message(caller: &crate::caller::Caller) -> Caller {
    let (kind, key_id, subject) = match &caller.principal {
        Principal::ApiKey(id) => ("api_key", Some(id.to_string()), None),
        Principal::Member(subject) => ("login", None, Some(subject.clone())),
    };
    Caller {
        org_id: caller.org.to_string(),
        r#type: kind.to_owned(),
        key_id,
        subject,
        email: caller.member.as_ref().map(ToString::to_string),
        role: caller.role.map(|role| role.to_string()),
        capabilities: caller.capabilities.iter().map(|one| capability_name(one).to_owned()).collect(),
        session_ids: caller
            .sessions
            .iter()
            .flat_map(|sessions| sessions.iter())
            .map(ToString::to_string)
            .collect(),
        expires_at: caller.expires_at.map(Instant::millis),
    }
}
