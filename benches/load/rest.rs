//! REST calls.

use std::io::Write;
use std::net::SocketAddr;

use crate::Outcome;
use crate::calls::{Call, ChatSequence, Client, Target};
use crate::keep_alive::KeepAlive;

/// One keep-alive connection.
pub struct Connection(KeepAlive);

impl Connection {
    /// Opens a connection.
    pub async fn open(address: SocketAddr) -> Outcome<Self> {
        Ok(Self(KeepAlive::open(address).await?))
    }

    /// Sends a request and returns the response body. Any status but 200 is an error.
    pub async fn exchange(&mut self, request: &[u8]) -> Outcome<&[u8]> {
        match self.0.exchange(request).await? {
            (200, body) => Ok(body),
            (status, body) => Err(format!("{status}: {}", String::from_utf8_lossy(body)).into()),
        }
    }
}

/// A GET request of that path.
pub fn get(target: &Target, path: &str) -> Vec<u8> {
    let Target { key, phone, .. } = target;
    format!("GET {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {key}\r\nx-phone: {phone}\r\n\r\n")
        .into()
}

/// A client that calls for one chat after the other.
pub struct Rest {
    target: Target,
    call: Call,
    connection: Connection,
    chats: ChatSequence,
    request: Vec<u8>,
}

/// Opens connections.
pub async fn clients(target: &Target, call: Call, connections: usize) -> Outcome<Vec<Rest>> {
    let mut clients = Vec::with_capacity(connections);
    for number in 0..connections {
        clients.push(Rest {
            target: target.clone(),
            call,
            connection: Connection::open(target.address).await?,
            chats: ChatSequence::new(number as u64 + 1),
            request: Vec::with_capacity(512),
        });
    }
    Ok(clients)
}

impl Client for Rest {
    async fn call(&mut self) -> Outcome<()> {
        self.write_request()?;
        self.connection.exchange(&self.request).await.map(drop)
    }
}

impl Rest {
    fn write_request(&mut self) -> Outcome<()> {
        let Target { key, phone, session, assignee, .. } = &self.target;
        let digits = self.chats.next_digits();
        let flag = self.chats.next_bool();
        let (method, body) = match (self.call, flag) {
            (Call::GetChat | Call::GetSessionChat, _) => ("GET", String::new()),
            (Call::UpdateChat, true) => ("PATCH", format!(r#"{{"assigned_to":"{assignee}"}}"#)),
            (Call::UpdateChat, false) => ("PATCH", r#"{"assigned_to":null}"#.to_owned()),
            (Call::UpdateSessionChat, archived) => ("PATCH", format!(r#"{{"archived":{archived}}}"#)),
        };
        let request = &mut self.request;
        request.clear();
        write!(request, "{method} ")?;
        match self.call {
            Call::GetChat | Call::UpdateChat => write!(request, "/v1/chats/{digits}@c.us")?,
            Call::GetSessionChat | Call::UpdateSessionChat => {
                write!(request, "/api/v1/sessions/{session}/chats/{digits}@s.whatsapp.net")?;
            }
        }
        write!(request, " HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {key}\r\nx-phone: {phone}\r\n")?;
        if !body.is_empty() {
            write!(request, "content-type: application/json\r\ncontent-length: {}\r\n", body.len())?;
        }
        write!(request, "\r\n{body}")?;
        Ok(())
    }
}
