//! The organization's labels.

use tonic::{Request, Response};

use super::{Answer, unlimited};
use crate::actions::labels::{self, LabelChange, LabelRow, NewLabel};
use crate::api::etag::{if_match, versioned};
use crate::api::mask::Mask;
use crate::error::{Error, Result};
use crate::ids::LabelId;
use crate::pb::{CreateLabelRequest, DeleteLabelRequest, Label, UpdateLabelRequest};
use crate::store::Store;

pub(super) async fn create(store: &Store, request: Request<CreateLabelRequest>) -> Answer<Label> {
    let caller = unlimited(&request)?;
    let request = request.into_inner();
    let new = NewLabel { name: request.name, color: request.color };
    let row = labels::create(store, caller.org, new).await?;
    Ok(versioned(label(row)))
}

pub(super) async fn update(store: &Store, request: Request<UpdateLabelRequest>) -> Answer<Label> {
    let caller = unlimited(&request)?;
    let precondition = if_match(request.metadata(), label);
    let request = request.into_inner();
    let id = id(&request.label_id)?;
    let row = labels::update(store, caller.org, id, change(request)?, precondition).await?;
    Ok(versioned(label(row)))
}

pub(super) async fn delete(store: &Store, request: Request<DeleteLabelRequest>) -> Answer<()> {
    let caller = unlimited(&request)?;
    let request = request.into_inner();
    labels::delete(store, caller.org, id(&request.label_id)?).await?;
    Ok(Response::new(()))
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
