//! The organization's custom properties of chats.

use tonic::{Request, Response};

use super::{Answer, unlimited};
use crate::actions::properties::{self, NewProperty, PropertyChange, PropertyRow};
use crate::api::etag::{condition, versioned};
use crate::api::guard::caller;
use crate::api::idempotency::once;
use crate::api::mask::Mask;
use crate::cursor::SigningKeys;
use crate::error::{Error, Result};
use crate::ids::PropertyId;
use crate::pb::{
    CreatePropertyRequest, DeletePropertyRequest, ListPropertiesRequest, ListPropertiesResponse, Property,
    UpdatePropertyRequest,
};
use crate::store::Store;

pub(super) async fn list(
    store: &Store,
    cursors: &SigningKeys,
    request: Request<ListPropertiesRequest>,
) -> Answer<ListPropertiesResponse> {
    let caller = caller(&request)?;
    let ListPropertiesRequest { limit, cursor } = request.into_inner();
    let page = properties::page(store, cursors, caller.org, limit, &cursor).await?;
    let data = page.items.into_iter().map(property).collect();
    Ok(Response::new(ListPropertiesResponse { data, next_cursor: page.next }))
}

pub(super) async fn create(store: &Store, request: Request<CreatePropertyRequest>) -> Answer<Property> {
    let caller = unlimited(&request)?;
    let once = once(&request, versioned, property)?;
    let request = request.into_inner();
    let kind = request.kind.parse()?;
    let new = NewProperty { id: None, name: request.name, kind, options: request.options };
    Ok(properties::create(store, caller.org, new, once).await?)
}

pub(super) async fn update(store: &Store, request: Request<UpdatePropertyRequest>) -> Answer<Property> {
    let caller = unlimited(&request)?;
    let precondition = condition(request.metadata(), property);
    let once = once(&request, versioned, property)?;
    let request = request.into_inner();
    let id = id(&request.property_id)?;
    Ok(properties::update(store, caller.org, id, change(request)?, precondition, once).await?)
}

pub(super) async fn delete(store: &Store, request: Request<DeletePropertyRequest>) -> Answer<()> {
    let caller = unlimited(&request)?;
    let precondition = condition(request.metadata(), property);
    let once = once(&request, Response::new, |()| ())?;
    Ok(properties::delete(store, caller.org, id(&request.get_ref().property_id)?, precondition, once).await?)
}

fn id(text: &str) -> Result<PropertyId> {
    text.parse().map_err(|expected| Error::invalid("property_id", expected))
}

fn change(request: UpdatePropertyRequest) -> Result<PropertyChange> {
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
