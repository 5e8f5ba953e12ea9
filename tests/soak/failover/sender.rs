//! A sender of ingest events that keeps a ledger, and opens another stream whenever one ends.

use std::time::{Duration, Instant};

use switchboard::pb::ingest_response::{Acknowledgement, Response};
use tokio_util::sync::CancellationToken;

use super::clients::is_unavailable;
use crate::ingest::stream::connector::Connector;
use crate::ingest::stream::{message, message_with_body, request};
use crate::soak::PAUSE;

/// Interval of the events.
const INTERVAL: Duration = Duration::from_millis(5);

/// Every such event is invalid, so that it is rejected.
const INVALID: i64 = 50;

/// The ledger of a sender.
#[derive(Default)]
pub struct Sent {
    /// The last acknowledged event.
    pub acknowledged: i64,
    /// When acknowledgements arrived.
    pub answered: Vec<Instant>,
    /// Events that were acknowledged and are not stored any more, so that they are sent again.
    pub repeated: i64,
    /// Rejections of valid events, and invalid events without a rejection.
    pub misjudged: usize,
    /// Streams that ended with another error than an unavailable database.
    pub failed: usize,
}

impl Sent {
    /// Sends events until `over` is cancelled.
    pub async fn send_until(url: String, key: String, over: CancellationToken) -> Self {
        let mut sent = Self::default();
        while !over.is_cancelled() {
            match Connector::open(&url, &key, "bridge").await {
                Ok((connector, resumed)) => {
                    sent.repeated += (sent.acknowledged - resumed).max(0);
                    sent.acknowledged = resumed;
                    sent.send(connector, &over).await;
                }
                Err(status) => sent.failed += usize::from(!is_unavailable(status.code())),
            }
            tokio::time::sleep(PAUSE).await;
        }
        sent
    }

    /// Sends events on one stream until it ends.
    async fn send(&mut self, mut connector: Connector, over: &CancellationToken) {
        let (requests, resumed) = (connector.requests.clone(), self.acknowledged);
        let sending = tokio::spawn(async move {
            for sequence in resumed + 1.. {
                let event = match sequence % INVALID {
                    0 => message_with_body("X", "a\0b"),
                    _ => message(&id(sequence)),
                };
                if requests.send(request(sequence, event)).await.is_err() {
                    return;
                }
                tokio::time::sleep(INTERVAL).await;
            }
        });
        loop {
            tokio::select! {
                () = over.cancelled() => break,
                answer = connector.answer() => match answer {
                    Ok(Some(Response::Acknowledgement(more))) => self.acknowledge(&more),
                    Ok(Some(Response::Opened(_))) => self.failed += 1,
                    Ok(None) => break,
                    Err(status) => {
                        self.failed += usize::from(!is_unavailable(status.code()));
                        break;
                    }
                }
            }
        }
        sending.abort();
    }

    fn acknowledge(&mut self, more: &Acknowledgement) {
        let expected = (self.acknowledged + 1..=more.sequence).filter(|sequence| sequence % INVALID == 0);
        let rejected = more.rejected.iter().map(|rejection| rejection.sequence);
        if !rejected.eq(expected) {
            self.misjudged += 1;
        }
        self.acknowledged = more.sequence;
        self.answered.push(Instant::now());
    }

    /// The ids of the messages that must be stored.
    pub fn stored(&self) -> impl Iterator<Item = String> {
        (1..=self.acknowledged).filter(|sequence| sequence % INVALID != 0).map(id)
    }
}

/// The id of the message of an event.
fn id(sequence: i64) -> String {
    format!("M{sequence}")
}
