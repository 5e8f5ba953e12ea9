//! gRPC calls over one HTTP/2 connection per client, without a full gRPC client; checks every `grpc-status`.

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Request, Uri};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use prost_types::FieldMask;
use switchboard::pb;
use tokio::net::TcpStream;

use crate::Outcome;
use crate::calls::{Call, ChatSequence, Client, Target};

/// One connection.
pub struct Grpc {
    target: Target,
    call: Call,
    sender: SendRequest<Full<Bytes>>,
    chats: ChatSequence,
    uri: Uri,
    headers: HeaderMap,
}

/// Opens connections.
pub async fn clients(target: &Target, call: Call, connections: usize) -> Outcome<Vec<Grpc>> {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/grpc"));
    headers.insert("te", HeaderValue::from_static("trailers"));
    headers.insert("authorization", format!("Bearer {}", target.key).parse()?);
    headers.insert("x-phone", target.phone.parse()?);
    let mut clients = Vec::with_capacity(connections);
    for number in 0..connections {
        let stream = TcpStream::connect(target.address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
        // It ends with its sender; a failure is an error of the next call.
        tokio::spawn(connection);
        clients.push(Grpc {
            target: target.clone(),
            call,
            sender,
            chats: ChatSequence::new(number as u64 + 1),
            uri: format!("http://{}/switchboard.v1.{}", target.address, path(call)).parse()?,
            headers: headers.clone(),
        });
    }
    Ok(clients)
}

fn path(call: Call) -> &'static str {
    match call {
        Call::GetChat => "ChatService/GetChat",
        Call::UpdateChat => "ChatService/UpdateChat",
        Call::GetSessionChat => "SessionService/GetSessionChat",
        Call::UpdateSessionChat => "SessionService/UpdateSessionChat",
    }
}

impl Client for Grpc {
    async fn call(&mut self) -> Outcome<()> {
        let mut request = Request::post(self.uri.clone()).body(Full::new(self.message()?))?;
        request.headers_mut().clone_from(&self.headers);
        let response = self.sender.send_request(request).await?;
        let (parts, mut body) = response.into_parts();
        let mut trailers = parts.headers;
        let mut length = 0;
        while let Some(frame) = body.frame().await.transpose()? {
            match frame.into_data() {
                Ok(data) => length += data.len(),
                Err(frame) => trailers = frame.into_trailers().unwrap_or_default(),
            }
        }
        // An empty message has five bytes.
        match trailers.get("grpc-status") {
            Some(status) if status == "0" && length > 5 => Ok(()),
            _ => Err(format!("{}: {trailers:?}, {length} bytes", path(self.call)).into()),
        }
    }
}

impl Grpc {
    /// The next request as a gRPC frame.
    fn message(&mut self) -> Outcome<Bytes> {
        let digits = self.chats.next_digits();
        let flag = self.chats.next_bool();
        let chat_id = format!("{digits}@c.us");
        let jid = format!("{digits}@s.whatsapp.net");
        let session_id = self.target.session.clone();
        match self.call {
            Call::GetChat => frame(&pb::GetChatRequest { chat_id }),
            Call::GetSessionChat => frame(&pb::GetSessionChatRequest { session_id, jid }),
            Call::UpdateChat => frame(&pb::UpdateChatRequest {
                chat_id,
                chat: Some(pb::Chat {
                    assigned_to: flag.then(|| self.target.assignee.clone()),
                    ..pb::Chat::default()
                }),
                update_mask: Some(FieldMask { paths: vec!["assigned_to".to_owned()] }),
            }),
            Call::UpdateSessionChat => frame(&pb::UpdateSessionChatRequest {
                session_id,
                jid,
                chat: Some(pb::SessionChat { archived: Some(flag), ..pb::SessionChat::default() }),
                update_mask: Some(FieldMask { paths: vec!["archived".to_owned()] }),
                ..pb::UpdateSessionChatRequest::default()
            }),
        }
    }
}

fn frame(message: &impl Message) -> Outcome<Bytes> {
    let length = message.encoded_len();
    let mut bytes = BytesMut::with_capacity(5 + length);
    bytes.put_u8(0);
    bytes.put_u32(u32::try_from(length)?);
    message.encode(&mut bytes)?;
    Ok(bytes.freeze())
}
