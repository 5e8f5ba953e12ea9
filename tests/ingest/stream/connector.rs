//! A connector's side of a stream.

use switchboard::pb::ingest_event::Event;
use switchboard::pb::ingest_request::{Open, Request};
use switchboard::pb::ingest_response::{Acknowledgement, Response};
use switchboard::pb::ingest_service_client::IngestServiceClient;
use switchboard::pb::{IngestRequest, IngestResponse};
use tokio::sync::mpsc;
use tonic::codegen::tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use super::request;
use crate::support::in_time;

/// A connector's side of a stream.
pub struct Connector {
    /// The client's half of the stream.
    pub requests: mpsc::Sender<IngestRequest>,
    answers: Streaming<IngestResponse>,
}

impl Connector {
    /// Opens a stream and returns the last acknowledged sequence number.
    pub async fn open(url: &str, key: &str, sender: &str) -> Result<(Self, i64), Status> {
        let mut connector = Self::connect(url, key).await?;
        connector.send(Request::Open(Open { sender: sender.to_owned() })).await;
        match connector.answer().await? {
            Some(Response::Opened(opened)) => Ok((connector, opened.acknowledged)),
            other => panic!("not opened: {other:?}"),
        }
    }

    /// A stream without an opening message.
    pub async fn connect(url: &str, key: &str) -> Result<Self, Status> {
        let (requests, sent) = mpsc::channel(1);
        let channel = tonic::transport::Channel::from_shared(url.to_owned()).expect("a URL").connect_lazy();
        let mut request = tonic::Request::new(ReceiverStream::new(sent));
        let token = format!("Bearer {key}").parse().expect("a header value");
        request.metadata_mut().insert("authorization", token);
        let answers = IngestServiceClient::new(channel).ingest(request).await?.into_inner();
        Ok(Self { requests, answers })
    }

    /// Sends a message, unless the stream has ended.
    pub async fn send(&self, request: Request) {
        let _ = self.requests.send(IngestRequest { request: Some(request) }).await;
    }

    /// Sends an event.
    pub async fn apply(&self, sequence: i64, event: Event) {
        let _ = self.requests.send(request(sequence, event)).await;
    }

    /// The next response; `None` at the end.
    pub async fn answer(&mut self) -> Result<Option<Response>, Status> {
        let answer = in_time("an answer", self.answers.message()).await?;
        Ok(answer.map(|answer| answer.response.expect("an answer")))
    }

    /// All acknowledgements up to the one of that event.
    pub async fn acknowledged(&mut self, sequence: i64) -> Result<Vec<Acknowledgement>, Status> {
        let mut acknowledged: Vec<Acknowledgement> = Vec::new();
        while acknowledged.last().is_none_or(|last| last.sequence < sequence) {
            match self.answer().await? {
                Some(Response::Acknowledgement(more)) => acknowledged.push(more),
                other => panic!("not acknowledged: {other:?}"),
            }
        }
        Ok(acknowledged)
    }

    /// Closes the client's half and reads to the end.
    pub async fn close(self) -> Result<i64, Status> {
        let Self { requests, mut answers } = self;
        drop(requests);
        let mut last = 0;
        while let Some(answer) = in_time("an answer or the end", answers.message()).await? {
            if let Some(Response::Acknowledgement(acknowledged)) = answer.response {
                last = acknowledged.sequence;
            }
        }
        Ok(last)
    }
}
