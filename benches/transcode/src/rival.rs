//! `rest_over_grpc` with a handler that returns a prepared reply.

use std::sync::Arc;

use rest_over_grpc::handling::{Context, Status};
use rest_over_grpc::serving::RestService;

use super::Replies;

#[allow(warnings, clippy::all, clippy::pedantic, reason = "generated")]
mod generated {
    pub mod bench {
        include!(concat!(env!("OUT_DIR"), "/bench.rs"));
        include!(concat!(env!("OUT_DIR"), "/bench.serde.rs"));
        include!(concat!(env!("OUT_DIR"), "/bench.rest.rs"));
    }
    pub mod switchboard {
        pub mod v1 {
            include!(concat!(env!("OUT_DIR"), "/switchboard.v1.rs"));
            include!(concat!(env!("OUT_DIR"), "/switchboard.v1.serde.rs"));
        }
    }
    include!(concat!(env!("OUT_DIR"), "/transcoder.rest.rs"));
}

pub use generated::switchboard::v1::Chat;
use generated::{Transcoder, bench};

/// The handler behind every route.
#[derive(Clone)]
pub struct Handler(Arc<Replies<Chat>>);

impl Handler {
    fn reply(&self) -> Result<Chat, Status> {
        self.0.take().ok_or_else(|| Status::internal("no reply left"))
    }
}

impl bench::Bench for Handler {
    async fn get_chat(&self, _: bench::GetChatRequest, _: &mut Context) -> Result<Chat, Status> {
        self.reply()
    }

    async fn update_chat(&self, _: bench::UpdateChatRequest, _: &mut Context) -> Result<Chat, Status> {
        self.reply()
    }
}

/// Its tower service.
pub fn service(replies: &Arc<Replies<Chat>>) -> RestService<Transcoder<Handler>> {
    RestService::new(Transcoder::new(Handler(Arc::clone(replies))))
}
