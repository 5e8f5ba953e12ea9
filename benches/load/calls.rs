//! The measured calls and their target.

use std::net::SocketAddr;

use crate::seed::{self, World};

/// A call, named after its RPC.
#[allow(clippy::enum_variant_names, reason = "all are about a chat")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Call {
    GetChat,
    UpdateChat,
    GetSessionChat,
    UpdateSessionChat,
}

impl Call {
    pub const ALL: [Self; 4] =
        [Self::GetChat, Self::UpdateChat, Self::GetSessionChat, Self::UpdateSessionChat];

    /// Name in the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::GetChat => "GET chat",
            Self::UpdateChat => "PATCH chat",
            Self::GetSessionChat => "GET session chat",
            Self::UpdateSessionChat => "PATCH session chat",
        }
    }
}

/// The protocol of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    Rest,
    Grpc,
}

impl Protocol {
    pub const ALL: [Self; 2] = [Self::Rest, Self::Grpc];

    /// Name in the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rest => "REST",
            Self::Grpc => "gRPC",
        }
    }
}

/// The service under load, and the ids and credentials for its requests.
#[derive(Clone)]
pub struct Target {
    pub address: SocketAddr,
    /// Process id of the service.
    pub pid: u32,
    pub key: String,
    pub phone: String,
    pub session: String,
    pub assignee: String,
}

impl Target {
    pub fn new(address: SocketAddr, pid: u32, world: &World) -> Self {
        Self {
            address,
            pid,
            key: world.key.clone(),
            phone: seed::PHONES[0].to_owned(),
            session: world.sessions[0].clone(),
            assignee: seed::ASSIGNEE.to_owned(),
        }
    }
}

/// One connection that makes one call at a time.
pub trait Client: Send + 'static {
    /// Makes one call. Any status but success is an error.
    fn call(&mut self) -> impl Future<Output = crate::Outcome<()>> + Send;
}

/// Pseudo-random sequence of chats, the same in every run.
pub struct ChatSequence(u64);

impl ChatSequence {
    /// A different sequence for each seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// Phone number of a seeded contact (xorshift64*).
    pub fn next_digits(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let spread = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        seed::FIRST_CONTACT + spread % seed::CONTACTS
    }

    /// A pseudo-random value for an update, so that it often changes something.
    pub fn next_bool(&mut self) -> bool {
        self.0 & 0x4000 != 0
    }
}
