//! `switchboard.v1.PropertyService`.

use tonic::{Request, Response};

use super::etag::with_etag;
use super::guard::caller;
use super::idempotency::idempotent;
use super::mask::Mask;
use super::parse::parse;
use super::state::{Api, RpcResult};
use super::write::{deletion, update};
use crate::actions::properties::{self, NewProperty, PropertyChange, PropertyRow};
use crate::error::Result;
use crate::pb::property_service_server::PropertyService;
use crate::pb::{
    CreatePropertyRequest, DeletePropertyRequest, ListPropertiesRequest, ListPropertiesResponse, Property,
    UpdatePropertyRequest,
};

#[tonic::async_trait]
impl PropertyService for Api {
    async fn list_properties(
        &self,
        request: Request<ListPropertiesRequest>,
    ) -> RpcResult<ListPropertiesResponse> {
        let caller = caller(&request)?;
        let ListPropertiesRequest { limit, cursor } = request.into_inner();
        let page = properties::page(&self.store, &self.signing_keys, caller.org, limit, &cursor).await?;
        let data = page.items.into_iter().map(property).collect();
        Ok(Response::new(ListPropertiesResponse { data, next_cursor: page.next }))
    }

    async fn create_property(&self, request: Request<CreatePropertyRequest>) -> RpcResult<Property> {
        let caller = caller(&request)?;
        let write = idempotent(&request, with_etag, property)?;
        let CreatePropertyRequest { name, kind, options } = request.into_inner();
        let new = NewProperty { id: None, name, kind: kind.parse()?, options };
        Ok(properties::create(&self.store, caller.org, new, write).await?)
    }

    async fn update_property(&self, request: Request<UpdatePropertyRequest>) -> RpcResult<Property> {
        let caller = caller(&request)?;
        let (precondition, write) = update(&request, property)?;
        let id = parse("property_id", &request.get_ref().property_id)?;
        let change = property_change(request.into_inner())?;
        Ok(properties::update(&self.store, caller.org, id, change, precondition, write).await?)
    }

    async fn delete_property(&self, request: Request<DeletePropertyRequest>) -> RpcResult<()> {
        let caller = caller(&request)?;
        let (precondition, write) = deletion(&request, property)?;
        let id = parse("property_id", &request.get_ref().property_id)?;
        Ok(properties::delete(&self.store, caller.org, id, precondition, write).await?)
    }
}

fn property_change(request: UpdatePropertyRequest) -> Result<PropertyChange> {
    let mask = Mask::new(request.update_mask, ["name", "options"])?;
    let property = request.property.unwrap_or_default();
    let options = Some(property.options).filter(|options| !options.is_empty());
    Ok(PropertyChange { name: mask.patch("name", property.name), options: mask.patch("options", options) })
}

fn property(row: PropertyRow) -> Property {
    Property {
        id: row.property_id.to_string(),
        name: Some(row.name),
        kind: row.kind,
        options: row.options,
        created_at: row.created_at.millis(),
    }
}
