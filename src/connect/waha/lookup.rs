//! Answers what an event leaves open: the members of a group, the phone number of a LID.

use serde_json::Value;

use super::client::{Client, Failure, LONG, SHORT};
use super::context::Context;
use super::{group, history};
use crate::connect::gateway::{GatewayError, Lookup, Mapped};
use crate::ids::ChatAddress;
use crate::instant::Instant;
use crate::pb::IngestEvent;

impl Client {
    /// Asks WAHA.
    pub(super) async fn look_up(&self, task: &Lookup) -> Result<Vec<IngestEvent>, GatewayError> {
        let mut mapped = Mapped::default();
        match task {
            Lookup::Lid(lid) => {
                let pair = self
                    .get(&self.path(&["lids", lid]), &[], SHORT)
                    .await
                    .map_err(Failure::into_gateway_error)?;
                history::lid(&pair, &mut mapped);
            }
            Lookup::Group(group) => {
                self.group(group, &mut mapped).await.map_err(Failure::into_gateway_error)?
            }
        }
        Ok(mapped.events)
    }

    async fn group(&self, id: &str, mapped: &mut Mapped) -> Result<(), Failure> {
        let own = ChatAddress::of_phone(&self.settings.phone);
        let context = Context { own, own_lid: None, at: Instant::now() };
        let group = self.get(&self.path(&["groups", id]), &[], LONG).await?;
        let members = self.get(&self.path(&["groups", id, "participants", "v2"]), &[], LONG).await;
        let members = match members {
            Err(failure) if failure.is_unsupported() => None,
            members => Some(members?).filter(Value::is_array),
        };
        group::map(&context, &group, members.as_ref(), mapped);
        Ok(())
    }
}
