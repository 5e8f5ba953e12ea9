//! The media store: the objects with the bytes of files, and the rows that say which organization has which.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};

use super::kinds;
use super::objects::{Objects, Unnamed, WriteError};
use crate::actions::media::StoredBytes;
use crate::config::Config;
use crate::error::{Error, Kind, Result};
use crate::ids::OrgId;
use crate::store::{Lane, Store, Transaction, media_objects};
use crate::telemetry::causes;

/// How long to wait, and how often, for an object of the same name that is being deleted.
const PAUSE: Duration = Duration::from_millis(100);
const MAX_PAUSES: u32 = 50;

/// Objects that are checked at a time.
const BATCH: i64 = 200;

/// How long the deletion of a batch may take: half of its lease.
const DELETE_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// Stores and reads media files. Cheap to clone.
#[derive(Clone)]
pub struct MediaStore {
    store: Store,
    objects: Objects,
    /// The most bytes of a file.
    pub max_file_bytes: u64,
    /// The most bytes of an organization's objects with which a file of a request is stored: as many as those of messages
    /// may have, and as many of objects that no message has yet, or no longer.
    max_bytes: Option<i64>,
}

impl MediaStore {
    /// The media store in the settings.
    pub fn new(store: &Store, config: &Config) -> Self {
        let max_bytes = config.media.max_bytes.map(|bytes| bytes.saturating_mul(2));
        Self {
            store: store.with_lane(Lane::Background),
            objects: Objects::new(config),
            max_file_bytes: config.media.max_file_bytes as u64,
            max_bytes: max_bytes.map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX)),
        }
    }

    /// Stores bytes of a gateway as [`Self::put`] does.
    ///
    /// # Errors
    ///
    /// TOO_LARGE when they are more than a file may have; UNAVAILABLE when the store fails.
    pub async fn put_bytes(&self, org: OrgId, declared: Option<&str>, bytes: Bytes) -> Result<StoredBytes> {
        self.put(org, declared, once(bytes)).await.map_err(error)
    }

    /// Stores bytes of a request as [`Self::put`] does.
    ///
    /// # Errors
    ///
    /// Those of [`Self::put_bytes`]; QUOTA_EXCEEDED when the organization has too many bytes. Files of gateways have no such
    /// limit: older files of messages expire instead.
    pub async fn put_sent(&self, org: OrgId, declared: &str, bytes: Bytes) -> Result<StoredBytes> {
        let put = self.put_within(org, Some(declared), once(bytes), self.max_bytes);
        put.await.map_err(error)
    }

    /// Stores bytes, which are kept for a day without a message. Those that are not of the declared MIME type get the one that
    /// they have.
    pub async fn put<E>(
        &self,
        org: OrgId,
        declared: Option<&str>,
        source: BoxStream<'_, std::result::Result<Bytes, E>>,
    ) -> std::result::Result<StoredBytes, WriteError<E>> {
        self.put_within(org, declared, source, None).await
    }

    async fn put_within<E>(
        &self,
        org: OrgId,
        declared: Option<&str>,
        source: BoxStream<'_, std::result::Result<Bytes, E>>,
        max_bytes: Option<i64>,
    ) -> std::result::Result<StoredBytes, WriteError<E>> {
        let unnamed = self.write(source).await?;
        let mime_type =
            kinds::checked(declared, &unnamed.head).or_else(|_| kinds::checked(None, &unnamed.head));
        let mime_type = mime_type.map_err(|reason| WriteError::Store(Error::internal(reason)))?;
        self.keep_within(org, unnamed, mime_type, max_bytes).await.map_err(WriteError::Store)
    }

    /// Reads bytes that may then be kept or discarded.
    pub(super) async fn write<E>(
        &self,
        source: BoxStream<'_, std::result::Result<Bytes, E>>,
    ) -> std::result::Result<Unnamed, WriteError<E>> {
        self.objects.write(source, self.max_file_bytes).await
    }

    /// Removes bytes that are not wanted.
    pub(super) async fn discard(&self, unnamed: Unnamed) {
        self.objects.discard(unnamed).await;
    }

    /// Stores bytes that were read.
    pub(super) async fn keep(&self, org: OrgId, unnamed: Unnamed, mime_type: String) -> Result<StoredBytes> {
        self.keep_within(org, unnamed, mime_type, None).await
    }

    async fn keep_within(
        &self,
        org: OrgId,
        unnamed: Unnamed,
        mime_type: String,
        max_bytes: Option<i64>,
    ) -> Result<StoredBytes> {
        match self.reserve(org, &unnamed, max_bytes).await {
            Ok((sha256, size)) => {
                self.objects.name(org, unnamed).await.map_err(Error::unavailable)?;
                Ok(StoredBytes { sha256: sha256.to_vec(), size, mime_type })
            }
            Err(error) => {
                self.discard(unnamed).await;
                Err(error)
            }
        }
    }

    /// Inserts the row of an object. Returns its SHA-256 and its size.
    async fn reserve(
        &self,
        org: OrgId,
        unnamed: &Unnamed,
        max_bytes: Option<i64>,
    ) -> Result<([u8; 32], i64)> {
        let (sha256, size) = (unnamed.sha256, i64::try_from(unnamed.size).unwrap_or(i64::MAX));
        for _ in 0..MAX_PAUSES {
            let reserve =
                move |tx: &mut Transaction<'_>| media_objects::reserve(tx, &sha256, size, max_bytes);
            if self.store.write(org, reserve).await? {
                return Ok((sha256, size));
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(Error::unavailable("an object with the same name is being deleted"))
    }

    /// The number of bytes of a stored file, and the bytes.
    ///
    /// # Errors
    ///
    /// GONE when they are missing, UNAVAILABLE when the store fails.
    pub async fn open(
        &self,
        org: OrgId,
        file: &StoredBytes,
    ) -> Result<(u64, BoxStream<'static, Result<Bytes>>)> {
        let size = u64::try_from(file.size).unwrap_or_default();
        let pieces = self.stream(org, &file.sha256, 0..size).await?;
        Ok((size, pieces.map_err(Error::unavailable).boxed()))
    }

    /// That range of the bytes of a file: its start, and the byte after its end.
    ///
    /// # Errors
    ///
    /// GONE when the object is missing, UNAVAILABLE when the store fails.
    pub async fn stream(
        &self,
        org: OrgId,
        sha256: &[u8],
        range: std::ops::Range<u64>,
    ) -> Result<BoxStream<'static, object_store::Result<Bytes>>> {
        self.objects.read(org, sha256, range).await.map_err(|error| {
            if matches!(error, object_store::Error::NotFound { .. }) {
                Error::new(Kind::Gone, "the file is missing in the media store").caused_by(error)
            } else {
                Error::unavailable(error)
            }
        })
    }

    /// Deletes a batch of the objects that no message has. Returns whether there may be more.
    pub async fn delete_unused(&self) -> Result<bool> {
        let due = self.store.read(|connection| media_objects::due(connection, BATCH)).await?;
        let is_full = i64::try_from(due.len()) == Ok(BATCH);
        for of_org in due.chunk_by(|one, other| one.0 == other.0) {
            let Some((org, _)) = of_org.first() else { continue };
            self.delete_unused_of(*org, of_org.iter().map(|(_, object)| object.clone()).collect()).await?;
        }
        Ok(is_full)
    }

    async fn delete_unused_of(&self, org: OrgId, objects: Vec<Vec<u8>>) -> Result<()> {
        let take = move |tx: &mut Transaction<'_>| media_objects::take_unused(tx, org, &objects);
        let mut unused = self.store.write(org, take).await?;
        let delete = async {
            for (place, object) in unused.iter().enumerate() {
                if let Err(error) = self.objects.delete(org, object).await {
                    tracing::warn!(reason = causes(&error), "could not delete a media object");
                    return place;
                }
            }
            unused.len()
        };
        let deleted = tokio::time::timeout(DELETE_TIMEOUT, delete).await.unwrap_or_default();
        // Those that were not deleted are taken again when the lease has expired.
        unused.truncate(deleted);
        if unused.is_empty() {
            return Ok(());
        }
        self.store.write(org, move |tx: &mut Transaction<'_>| media_objects::delete(tx, &unused)).await
    }

    /// Deletes what processes left in the store that were killed while they wrote.
    pub async fn delete_abandoned(&self) -> Result<()> {
        self.objects.delete_abandoned().await.map_err(Error::unavailable)
    }
}

fn once(bytes: Bytes) -> BoxStream<'static, std::result::Result<Bytes, Infallible>> {
    stream::iter([Ok(bytes)]).boxed()
}

/// Why bytes in memory were not stored.
fn error(error: WriteError<Infallible>) -> Error {
    match error {
        WriteError::Source(never) => match never {},
        WriteError::TooLarge => Error::new(Kind::TooLarge, "the file is larger than --media-max-file-bytes"),
        WriteError::Store(error) => error,
    }
}
