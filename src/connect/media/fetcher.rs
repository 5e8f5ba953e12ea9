//! Fetches pending media files, each connection's on their own: a slow gateway delays no other one.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt, StreamExt};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant as Clock, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::kinds;
use super::media_store::MediaStore;
use super::objects::WriteError;
use super::places::Places;
use crate::actions::media::{self, DueFile, FetchOutcome, StoredBytes};
use crate::connect::gateway::{Gateway, MediaBody, MediaError, MediaSource};
use crate::digest::hex;
use crate::error::Result;
use crate::ids::{MediaId, OrgId, SessionId};
use crate::store::{Lane, Store};
use crate::telemetry::{causes, metrics};

/// Files of one connection that are fetched at a time.
const MAX_CONCURRENT_PER_CONNECTION: usize = 4;

/// Pause between polls for due files.
const POLL_INTERVAL: Duration = Duration::from_secs(5);

/// The longest pause of a gateway before and between the bytes of a file.
const STALL_TIMEOUT: Duration = Duration::from_secs(30);
/// The bytes a second that a gateway must send on average, so that nobody keeps a place with a trickle.
const MIN_RATE: u64 = 16 * 1024;
/// The longest time that a file may take.
const FETCH_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// Pauses before a file is fetched again: doubled after each attempt.
const INITIAL_BACKOFF: Duration = Duration::from_secs(5);
const MAX_BACKOFF: Duration = Duration::from_secs(30 * 60);

/// Fetches media files. One for a process; cheap to clone.
#[derive(Clone)]
pub struct Fetcher {
    store: Store,
    /// Where the files go.
    pub media: MediaStore,
    places: Arc<Places>,
}

impl Fetcher {
    /// Fetches into that media store.
    pub fn new(store: &Store, media: MediaStore) -> Self {
        let store = store.with_lane(Lane::Background);
        Self { store, media, places: Arc::new(Places::new()) }
    }

    /// Fetches the files of a session's messages from its gateway at that URL until `closing` is cancelled. Wakes early when
    /// `wake` is notified.
    pub async fn serve(
        self,
        (org, session): (OrgId, SessionId),
        (gateway, url): (Arc<dyn Gateway>, String),
        wake: Arc<Notify>,
        closing: CancellationToken,
    ) {
        let host = host(&url);
        let mut fetching: JoinSet<MediaId> = JoinSet::new();
        let mut ids: BTreeSet<MediaId> = BTreeSet::new();
        while !closing.is_cancelled() {
            match self.due(org, session, &ids).await {
                Ok(files) => {
                    for file in files {
                        ids.insert(file.id.clone());
                        let (fetcher, gateway, host) = (self.clone(), Arc::clone(&gateway), host.clone());
                        fetching.spawn(async move {
                            // It takes none of the time that the file may take.
                            let _place = fetcher.places.take(org, &host).await;
                            fetcher.fetch(org, file, &*gateway).await
                        });
                    }
                }
                Err(error) => tracing::warn!(reason = causes(&error), "polling for media files failed"),
            }
            tokio::select! {
                () = closing.cancelled() => {}
                () = wake.notified() => {}
                () = sleep(POLL_INTERVAL) => {}
                Some(ended) = fetching.join_next() => {
                    match ended {
                        Ok(id) => drop(ids.remove(&id)),
                        // It panicked. The others end, too, and are fetched again.
                        Err(_) => {
                            fetching.shutdown().await;
                            ids.clear();
                            sleep(POLL_INTERVAL).await;
                        }
                    }
                }
            }
        }
        fetching.shutdown().await;
    }

    async fn due(
        &self,
        org: OrgId,
        session: SessionId,
        fetching: &BTreeSet<MediaId>,
    ) -> Result<Vec<DueFile>> {
        let free = MAX_CONCURRENT_PER_CONNECTION.saturating_sub(fetching.len());
        if free == 0 {
            return Ok(Vec::new());
        }
        media::due(&self.store, org, session, fetching.iter().cloned().collect(), free).await
    }

    /// Fetches one file, and stores what became of it. Returns its id.
    async fn fetch(&self, org: OrgId, file: DueFile, gateway: &dyn Gateway) -> MediaId {
        let (id, attempts) = (file.id.clone(), file.attempts);
        let attempt = self.attempt(org, file, gateway);
        let result = timeout(FETCH_TIMEOUT, attempt).await;
        let result = result.unwrap_or_else(|_| Err(MediaError::Unavailable("it took too long".to_owned())));
        let (outcome, name) = outcome(result, attempts);
        metrics::media_fetched(name);
        if let Err(error) = media::fetched(&self.store, org, id.clone(), outcome).await {
            tracing::warn!(reason = causes(&error), "could not store the state of a media file");
            // It is still due.
            sleep(INITIAL_BACKOFF).await;
        }
        id
    }

    async fn attempt(
        &self,
        org: OrgId,
        file: DueFile,
        gateway: &dyn Gateway,
    ) -> Result<StoredBytes, MediaError> {
        let source = source(&file);
        let opened = timeout(STALL_TIMEOUT, gateway.media(&source, self.media.max_file_bytes)).await;
        let body = opened.map_err(|_| stalled())??;
        if body.size.is_some_and(|size| size > self.media.max_file_bytes) {
            return Err(MediaError::TooLarge);
        }
        let declared_type = file.mime_type.or(body.mime_type.clone());
        self.store(org, declared_type.as_deref(), file.declared_sha256.as_deref(), body).await
    }

    async fn store(
        &self,
        org: OrgId,
        declared_type: Option<&str>,
        declared_sha256: Option<&[u8]>,
        body: MediaBody,
    ) -> Result<StoredBytes, MediaError> {
        let unnamed = self.media.write(without_stalls(body.body)).await.map_err(|error| match error {
            WriteError::Source(error) => error,
            WriteError::TooLarge => MediaError::TooLarge,
            WriteError::Store(error) => MediaError::Unavailable(causes(&error)),
        })?;
        let checked = match kinds::checked(declared_type, &unnamed.head) {
            Ok(_) if declared_sha256.is_some_and(|declared| declared != unnamed.sha256) => {
                Err("the file does not have the declared SHA-256")
            }
            checked => checked,
        };
        let mime_type = match checked {
            Ok(mime_type) => mime_type,
            Err(reason) => {
                self.media.discard(unnamed).await;
                return Err(MediaError::Rejected(reason));
            }
        };
        let kept = self.media.keep(org, unnamed, mime_type).await;
        kept.map_err(|error| MediaError::Unavailable(causes(&error)))
    }
}

/// What becomes of a file after a further attempt, and its name in metrics.
fn outcome(result: Result<StoredBytes, MediaError>, attempts: i32) -> (FetchOutcome, &'static str) {
    match result {
        Ok(bytes) => (FetchOutcome::Stored(bytes), media::STORED),
        Err(MediaError::Expired) => {
            (FetchOutcome::Failed(media::EXPIRED, "the gateway no longer has it"), media::EXPIRED)
        }
        Err(MediaError::TooLarge) => {
            (FetchOutcome::Failed(media::TOO_LARGE, "it is larger than allowed"), media::TOO_LARGE)
        }
        Err(MediaError::Rejected(reason)) => (FetchOutcome::Failed(media::REJECTED, reason), media::REJECTED),
        Err(MediaError::Unavailable(reason)) => {
            let doublings = u32::try_from(attempts).unwrap_or_default().min(16);
            let backoff = INITIAL_BACKOFF.saturating_mul(1 << doublings).min(MAX_BACKOFF);
            let jittered = backoff.mul_f64(rand::random_range(0.8..1.2));
            (FetchOutcome::Deferred(jittered, reason), "deferred")
        }
    }
}

fn source(file: &DueFile) -> MediaSource {
    MediaSource {
        chat: file.chat.to_string(),
        message_id: file.message_id.clone(),
        from_me: file.from_me,
        author: Some(file.author.clone()).filter(|author| !author.is_empty()),
        locator: file.locator.clone().unwrap_or_default(),
        mime_type: file.mime_type.clone(),
        file_name: file.file_name.clone(),
        size: file.size.and_then(|size| u64::try_from(size).ok()),
        sha256: file.declared_sha256.as_deref().map(hex),
        stored: None,
    }
}

fn stalled() -> MediaError {
    MediaError::Unavailable("the gateway stopped sending it".to_owned())
}

/// The bytes with an error where the gateway pauses for too long, or sends too slowly.
fn without_stalls(
    body: BoxStream<'static, Result<Bytes, MediaError>>,
) -> BoxStream<'static, Result<Bytes, MediaError>> {
    let next = |(mut body, mut progress): (BoxStream<'static, _>, Progress)| {
        async move {
            let asked = Clock::now();
            let piece = timeout(STALL_TIMEOUT, body.next()).await;
            progress.waited += asked.elapsed();
            match piece {
                Ok(Some(Ok(piece))) => {
                    progress.bytes += Bytes::len(&piece) as u64;
                    let piece = if progress.is_too_slow() { Err(too_slow()) } else { Ok(piece) };
                    Some((piece, (body, progress)))
                }
                Ok(piece) => piece.map(|piece| (piece, (body, progress))),
                Err(_) => Some((Err(stalled()), (stream::empty().boxed(), progress))),
            }
        }
        .boxed()
    };
    stream::unfold((body, Progress::default()), next).boxed()
}

/// How much of a file has come, and how long its gateway was waited for.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    bytes: u64,
    waited: Duration,
}

impl Progress {
    fn is_too_slow(self) -> bool {
        self.waited > STALL_TIMEOUT + Duration::from_secs(self.bytes / MIN_RATE)
    }
}

fn too_slow() -> MediaError {
    MediaError::Unavailable("the gateway sends it too slowly".to_owned())
}

/// Whom the places of files from a gateway at that URL count for.
fn host(url: &str) -> String {
    let authority = url.parse::<http::Uri>().ok().and_then(|url| url.authority().map(ToString::to_string));
    authority.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_must_come_at_a_minimum_rate() {
        for (bytes, seconds, expected) in
            [(1, 30, false), (1, 31, true), (MIN_RATE * 60, 89, false), (MIN_RATE * 60, 91, true)]
        {
            let progress = Progress { bytes, waited: Duration::from_secs(seconds) };
            assert_eq!(progress.is_too_slow(), expected, "{progress:?}");
        }
    }
}
