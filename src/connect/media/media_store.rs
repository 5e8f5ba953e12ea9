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
}

impl MediaStore {
    /// The media store in the settings.
    pub fn new(store: &Store, config: &Config) -> Self {
        let max_file_bytes = config.media.max_file_bytes as u64;
        Self { store: store.with_lane(Lane::Background), objects: Objects::new(config), max_file_bytes }
    }

    /// Stores bytes as [`Self::put`] does.
    ///
    /// # Errors
    ///
    /// TOO_LARGE when they are more than a file may have; UNAVAILABLE when the store fails.
    pub async fn put_bytes(&self, org: OrgId, declared: Option<&str>, bytes: Bytes) -> Result<StoredBytes> {
        let source = Box::pin(stream::iter([Ok::<_, Infallible>(bytes)]));
        self.put(org, declared, source).await.map_err(|error| match error {
            WriteError::Source(never) => match never {},
            WriteError::TooLarge => {
                Error::new(Kind::TooLarge, "the file is larger than --media-max-file-bytes")
            }
            WriteError::Store(error) => error,
        })
    }

    /// Stores bytes, which are kept for a day without a message. Those that are not of the declared MIME type get the one that
    /// they have.
    pub async fn put<E>(
        &self,
        org: OrgId,
        declared: Option<&str>,
        source: BoxStream<'_, std::result::Result<Bytes, E>>,
    ) -> std::result::Result<StoredBytes, WriteError<E>> {
        let unnamed = self.write(source).await?;
        let mime_type =
            kinds::checked(declared, &unnamed.head).or_else(|_| kinds::checked(None, &unnamed.head));
        let mime_type = mime_type.map_err(|reason| WriteError::Store(Error::internal(reason)))?;
        self.keep(org, unnamed, mime_type).await.map_err(WriteError::Store)
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
        let (sha256, size) = (unnamed.sha256, i64::try_from(unnamed.size).unwrap_or(i64::MAX));
        for _ in 0..MAX_PAUSES {
            let reserve = move |tx: &mut Transaction<'_>| media_objects::reserve(tx, &sha256, size);
            if self.store.write(org, reserve).await? {
                self.objects.name(org, unnamed).await.map_err(Error::unavailable)?;
                return Ok(StoredBytes { sha256: sha256.to_vec(), size, mime_type });
            }
            tokio::time::sleep(PAUSE).await;
        }
        self.discard(unnamed).await;
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
