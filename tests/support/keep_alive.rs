//! REST over raw HTTP/1.1 with keep-alive: minimal work per call, because the client shares the
//! machine with the server.

use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Far longer than an exchange takes.
const TIMEOUT: Duration = Duration::from_secs(120);

/// One connection.
pub struct KeepAlive {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl KeepAlive {
    /// Opens one.
    pub async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, answer: Vec::with_capacity(16 * 1024) })
    }

    /// Sends a request and reads its answer to the end: the status and the body.
    pub async fn exchange(&mut self, request: &[u8]) -> Result<(u16, &[u8])> {
        let answer = timeout(TIMEOUT, self.answer_to(request)).await;
        let line = || request.split(|byte| *byte == b'\r').next().unwrap_or_default().escape_ascii();
        answer.unwrap_or_else(|_| Err(Error::new(ErrorKind::TimedOut, format!("no answer to {}", line()))))
    }

    async fn answer_to(&mut self, request: &[u8]) -> Result<(u16, &[u8])> {
        self.stream.write_all(request).await?;
        self.answer.clear();
        let (head, length) = loop {
            self.read().await?;
            if let Some(head) = find(&self.answer, b"\r\n\r\n") {
                break (head + 4, content_length(&self.answer[..head])?);
            }
        };
        while self.answer.len() < head + length {
            self.read().await?;
        }
        Ok((status(&self.answer)?, &self.answer[head..]))
    }

    async fn read(&mut self) -> Result<()> {
        match self.stream.read_buf(&mut self.answer).await? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

/// The length of the body that follows the head.
fn content_length(head: &[u8]) -> Result<usize> {
    let at =
        find(head, b"content-length: ").ok_or_else(|| Error::other("an answer without content-length"))?;
    let digits = head[at + 16..].iter().take_while(|byte| byte.is_ascii_digit());
    Ok(digits.fold(0, |length, digit| length * 10 + usize::from(digit - b'0')))
}

/// The three digits after `HTTP/1.1 `.
fn status(head: &[u8]) -> Result<u16> {
    let digits = head.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
    digits.ok_or_else(|| Error::other("an answer without a status"))
}
