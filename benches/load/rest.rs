//! REST over raw HTTP/1.1 with keep-alive: as little work per call as can be, for the client shares the machine.

use std::io::Write;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Outcome;
use crate::calls::{Call, Client, Numbers, Target};

/// One keep-alive connection.
pub struct Connection {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Connection {
    /// Opens one.
    pub async fn open(address: SocketAddr) -> Outcome<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, answer: Vec::with_capacity(16 * 1024) })
    }

    /// Sends a request and reads its answer to the end: the body. Any status but 200 is an error.
    pub async fn exchange(&mut self, request: &[u8]) -> Outcome<&[u8]> {
        self.stream.write_all(request).await?;
        self.answer.clear();
        let (head, length) = loop {
            if self.stream.read_buf(&mut self.answer).await? == 0 {
                return Err("the service hung up".into());
            }
            if let Some(head) = find(&self.answer, b"\r\n\r\n") {
                break (head + 4, content_length(&self.answer[..head])?);
            }
        };
        while self.answer.len() < head + length {
            if self.stream.read_buf(&mut self.answer).await? == 0 {
                return Err("the service hung up in an answer".into());
            }
        }
        match self.answer.get(9..12) {
            Some(b"200") => Ok(&self.answer[head..]),
            _ => Err(String::from_utf8_lossy(&self.answer).into_owned().into()),
        }
    }
}

/// A GET of that path, as it goes over the wire.
pub fn get(target: &Target, path: &str) -> Vec<u8> {
    let Target { key, phone, .. } = target;
    format!("GET {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {key}\r\nx-phone: {phone}\r\n\r\n")
        .into()
}

/// A caller of its own about one chat after the other.
pub struct Rest {
    target: Target,
    call: Call,
    connection: Connection,
    numbers: Numbers,
    request: Vec<u8>,
}

/// That many connections, open.
pub async fn clients(target: &Target, call: Call, connections: usize) -> Outcome<Vec<Rest>> {
    let mut clients = Vec::with_capacity(connections);
    for number in 0..connections {
        clients.push(Rest {
            target: target.clone(),
            call,
            connection: Connection::open(target.address).await?,
            numbers: Numbers::new(number as u64 + 1),
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
        let digits = self.numbers.next_digits();
        let flag = self.numbers.next_bool();
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

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

/// The length of the body that follows the head.
fn content_length(head: &[u8]) -> Outcome<usize> {
    let at = find(head, b"content-length: ").ok_or("an answer without content-length")?;
    let digits = head[at + 16..].iter().take_while(|byte| byte.is_ascii_digit());
    Ok(digits.fold(0, |length, digit| length * 10 + usize::from(digit - b'0')))
}
