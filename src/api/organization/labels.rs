//! The organization's labels.

use tonic::{Request, Response};

use super::{Answer, unlimited};
use crate::actions::labels::{self, LabelChange, LabelRow, NewLabel};
use crate::api::etag::{condition, versioned};
use crate::api::guard::caller;
use crate::api::idempotency::once;
use crate::api::mask::Mask;
use crate::cursor::SigningKeys;
use crate::error::{Error, Result};
use crate::ids::LabelId;
use crate::pb::{
    CreateLabelRequest, DeleteLabelRequest, Label, ListLabelsRequest, ListLabelsResponse, UpdateLabelRequest,
};
use crate::store::Store;

pub(super) async fn list(
    store: &Store,
    cursors: &SigningKeys,
    request: Request<ListLabelsRequest>,
) -> Answer<ListLabelsResponse> {
    let caller = caller(&request)?;
    let ListLabelsRequest { limit, cursor } = request.into_inner();
    let page = labels::page(store, cursors, caller.org, limit, &cursor).await?;
    let data = page.items.into_iter().map(label).collect();
    Ok(Response::new(ListLabelsResponse { data, next_cursor: page.next }))
}

pub(super) async fn create(store: &Store, request: Request<CreateLabelRequest>) -> Answer<Label> {
    let caller = unlimited(&request)?;
    let once = once(&request, versioned, label)?;
    let request = request.into_inner();
    let new = NewLabel { name: request.name, color: request.color };
    Ok(labels::create(store, caller.org, new, once).await?)
}

pub(super) async fn update(store: &Store, request: Request<UpdateLabelRequest>) -> Answer<Label> {
    let caller = unlimited(&request)?;
    let precondition = condition(request.metadata(), label);
    let once = once(&request, versioned, label)?;
    let request = request.into_inner();
    let id = id(&request.label_id)?;
    Ok(labels::update(store, caller.org, id, change(request)?, precondition, once).await?)
}

pub(super) async fn delete(store: &Store, request: Request<DeleteLabelRequest>) -> Answer<()> {
    let caller = unlimited(&request)?;
    let precondition = condition(request.metadata(), label);
    let once = once(&request, Response::new, |()| ())?;
    Ok(labels::delete(store, caller.org, id(&request.get_ref().label_id)?, precondition, once).await?)
}

fn id(text: &str) -> Result<LabelId> {
    text.parse().map_err(|expected| Error::invalid("label_id", expected))
}

fn change(request: UpdateLabelRequest) -> Result<LabelChange> {
    let mask = Mask::new(request.update_mask, ["name", "color"])?;
    let label = request.label.unwrap_or_default();
    Ok(LabelChange { name: mask.patch("name", label.name), color: mask.patch("color", label.color) })
}

fn label(row: LabelRow) -> Label {
    Label {
        id: row.label_id.to_string(),
        name: Some(row.name),
        color: row.color,
        created_at: row.created_at.millis(),
    }
}
