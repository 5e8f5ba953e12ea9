//! Members of the organization.

use tonic::{Request, Response};

use super::{Answer, unlimited};
use crate::actions::members::{self, Manager, MemberChange, MemberRow, NewMember};
use crate::api::etag::{condition, versioned};
use crate::api::guard::caller;
use crate::api::idempotency::once;
use crate::api::mask::Mask;
use crate::cursor::SigningKeys;
use crate::error::Result;
use crate::pb::{
    AddMemberRequest, ListMembersRequest, ListMembersResponse, Member, RemoveMemberRequest,
    UpdateMemberRequest,
};
use crate::store::Store;

pub(super) async fn list(
    store: &Store,
    cursors: &SigningKeys,
    request: Request<ListMembersRequest>,
) -> Answer<ListMembersResponse> {
    let caller = caller(&request)?;
    let ListMembersRequest { limit, cursor } = request.into_inner();
    let page = members::page(store, cursors, caller.org, limit, &cursor).await?;
    let data = page.items.into_iter().map(member).collect();
    Ok(Response::new(ListMembersResponse { data, next_cursor: page.next }))
}

pub(super) async fn add(store: &Store, request: Request<AddMemberRequest>) -> Answer<Member> {
    let caller = unlimited(&request)?;
    let once = once(&request, versioned, member)?;
    let request = request.into_inner();
    let role = request.role.map(|role| role.parse()).transpose()?;
    let new = NewMember { email: request.email, name: request.name, role };
    Ok(members::add(store, Manager::from(&*caller), new, once).await?)
}

pub(super) async fn update(store: &Store, request: Request<UpdateMemberRequest>) -> Answer<Member> {
    let caller = unlimited(&request)?;
    let precondition = condition(request.metadata(), member);
    let once = once(&request, versioned, member)?;
    let request = request.into_inner();
    let email = request.email.clone();
    let change = change(request)?;
    Ok(members::update(store, Manager::from(&*caller), &email, change, precondition, once).await?)
}

pub(super) async fn remove(store: &Store, request: Request<RemoveMemberRequest>) -> Answer<()> {
    let caller = unlimited(&request)?;
    let precondition = condition(request.metadata(), member);
    let once = once(&request, Response::new, |()| ())?;
    let email = &request.get_ref().email;
    Ok(members::remove(store, Manager::from(&*caller), email, precondition, once).await?)
}

fn change(request: UpdateMemberRequest) -> Result<MemberChange> {
    let mask = Mask::new(request.update_mask, ["name", "role"])?;
    let member = request.member.unwrap_or_default();
    let role = mask.patch("role", member.role).try_map(|role| role.parse())?;
    Ok(MemberChange { name: mask.patch("name", member.name), role })
}

fn member(row: MemberRow) -> Member {
    Member { email: row.email, name: row.name, role: Some(row.role), created_at: row.created_at.millis() }
}
