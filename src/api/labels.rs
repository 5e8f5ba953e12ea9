//! `switchboard.v1.LabelService`.

use tonic::{Request, Response};

use super::etag::with_etag;
use super::guard::caller;
use super::idempotency::idempotent;
use super::mask::Mask;
use super::parse::parse;
use super::state::{Api, RpcResult};
use super::write::{deletion, update};
use crate::actions::labels::{self, LabelChange, LabelRow, NewLabel};
use crate::error::Result;
use crate::pb::label_service_server::LabelService;
use crate::pb::{
    CreateLabelRequest, DeleteLabelRequest, Label, ListLabelsRequest, ListLabelsResponse, UpdateLabelRequest,
};

#[tonic::async_trait]
impl LabelService for Api {
    async fn list_labels(&self, request: Request<ListLabelsRequest>) -> RpcResult<ListLabelsResponse> {
        let caller = caller(&request)?;
        let ListLabelsRequest { limit, cursor } = request.into_inner();
        let page = labels::page(&self.store, &self.signing_keys, caller.org, limit, &cursor).await?;
        let data = page.items.into_iter().map(label).collect();
        Ok(Response::new(ListLabelsResponse { data, next_cursor: page.next }))
    }

    async fn create_label(&self, request: Request<CreateLabelRequest>) -> RpcResult<Label> {
        let caller = caller(&request)?;
        let write = idempotent(&request, with_etag, label)?;
        let CreateLabelRequest { name, color } = request.into_inner();
        Ok(labels::create(&self.store, caller.org, NewLabel { name, color }, write).await?)
    }

    async fn update_label(&self, request: Request<UpdateLabelRequest>) -> RpcResult<Label> {
        let caller = caller(&request)?;
        let (precondition, write) = update(&request, label)?;
        let id = parse("label_id", &request.get_ref().label_id)?;
        let change = label_change(request.into_inner())?;
        Ok(labels::update(&self.store, caller.org, id, change, precondition, write).await?)
    }

    async fn delete_label(&self, request: Request<DeleteLabelRequest>) -> RpcResult<()> {
        let caller = caller(&request)?;
        let (precondition, write) = deletion(&request, label)?;
        let id = parse("label_id", &request.get_ref().label_id)?;
        Ok(labels::delete(&self.store, caller.org, id, precondition, write).await?)
    }
}

fn label_change(request: UpdateLabelRequest) -> Result<LabelChange> {
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
