//! `switchboard.v1.MemberService`.

use tonic::{Request, Response};

use super::etag::with_etag;
use super::guard::caller;
use super::idempotency::idempotent;
use super::mask::Mask;
use super::state::{Api, RpcResult};
use super::write::{deletion, update};
use crate::actions::members::{self, Manager, MemberChange, MemberRow, NewMember};
use crate::error::Result;
use crate::pb::member_service_server::MemberService;
use crate::pb::{
    AddMemberRequest, ListMembersRequest, ListMembersResponse, Member, RemoveMemberRequest,
    UpdateMemberRequest,
};

#[tonic::async_trait]
impl MemberService for Api {
    async fn list_members(&self, request: Request<ListMembersRequest>) -> RpcResult<ListMembersResponse> {
        let caller = caller(&request)?;
        let ListMembersRequest { limit, cursor } = request.into_inner();
        let page = members::page(&self.store, &self.signing_keys, caller.org, limit, &cursor).await?;
        let data = page.items.into_iter().map(member).collect();
        Ok(Response::new(ListMembersResponse { data, next_cursor: page.next }))
    }

    async fn add_member(&self, request: Request<AddMemberRequest>) -> RpcResult<Member> {
        let caller = caller(&request)?;
        let write = idempotent(&request, with_etag, member)?;
        let new = new_member(request.into_inner())?;
        Ok(members::add(&self.store, Manager::from(caller), new, write).await?)
    }

    async fn update_member(&self, request: Request<UpdateMemberRequest>) -> RpcResult<Member> {
        let caller = caller(&request)?;
        let (precondition, write) = update(&request, member)?;
        let (email, change) = member_change(request.into_inner())?;
        let manager = Manager::from(caller);
        Ok(members::update(&self.store, manager, &email, change, precondition, write).await?)
    }

    async fn remove_member(&self, request: Request<RemoveMemberRequest>) -> RpcResult<()> {
        let caller = caller(&request)?;
        let (precondition, write) = deletion(&request, member)?;
        let email = &request.get_ref().email;
        Ok(members::remove(&self.store, Manager::from(caller), email, precondition, write).await?)
    }
}

fn new_member(request: AddMemberRequest) -> Result<NewMember> {
    let role = request.role.map(|role| role.parse()).transpose()?;
    Ok(NewMember { email: request.email, name: request.name, role })
}

fn member_change(request: UpdateMemberRequest) -> Result<(String, MemberChange)> {
    let mask = Mask::new(request.update_mask, ["name", "role"])?;
    let member = request.member.unwrap_or_default();
    let role = mask.patch("role", member.role).try_map(|role| role.parse())?;
    Ok((request.email, MemberChange { name: mask.patch("name", member.name), role }))
}

fn member(row: MemberRow) -> Member {
    Member { email: row.email, name: row.name, role: Some(row.role), created_at: row.created_at.millis() }
}
