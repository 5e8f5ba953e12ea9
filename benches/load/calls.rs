//! The calls under load, and where they go.

use std::net::SocketAddr;

use crate::seed::{self, World};

/// What is called, by the names of the RPCs.
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

    /// As the report names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::GetChat => "GET chat",
            Self::UpdateChat => "PATCH chat",
            Self::GetSessionChat => "GET session chat",
            Self::UpdateSessionChat => "PATCH session chat",
        }
    }
}

/// Through which protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    Rest,
    Grpc,
}

impl Protocol {
    pub const ALL: [Self; 2] = [Self::Rest, Self::Grpc];

    /// As the report names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rest => "REST",
            Self::Grpc => "gRPC",
        }
    }
}

/// The service under load and the words to call it with.
#[derive(Clone)]
pub struct Target {
    pub address: SocketAddr,
    /// The service's process.
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

/// One connection: makes one call at a time and waits for its answer.
pub trait Client: Send + 'static {
    /// Makes one call. Anything but success is an error.
    fn call(&mut self) -> impl Future<Output = crate::Outcome<()>> + Send;
}

/// Which chats are called, in an order that no cache knows and every run repeats.
pub struct Numbers(u64);

impl Numbers {
    /// A sequence of its own for each seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// The digits of a seeded person (xorshift64*).
    pub fn next_digits(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let spread = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        seed::FIRST_PERSON + spread % seed::PERSONS
    }

    /// True and false in turns of chance: what an update sets, so that it changes something.
    pub fn next_bool(&mut self) -> bool {
        self.0 & 0x4000 != 0
    }
}
