//! The store of media objects: a directory, or a bucket of an S3-compatible store.
//!
//! An object is the bytes of one file, under `organization/SHA-256`. Its name is known when all bytes are: until then they are
//! in memory, or beyond a few of them under a temporary name. Memory does not depend on the size of the file.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_lc_rs::digest::{Context, SHA256};
use bytes::{Bytes, BytesMut};
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{Error, GetOptions, GetRange, ObjectStore, ObjectStoreExt, Result, WriteMultipart};
use tokio::sync::OnceCell;
use uuid::Uuid;

use crate::config::Config;
use crate::digest::hex;
use crate::ids::OrgId;

/// Bytes in memory of a file that is written to a directory, and to a bucket, which accepts no smaller parts.
const DIRECTORY_PART: usize = 256 * 1024;
const BUCKET_PART: usize = 5 * 1024 * 1024;

/// Bytes at the start of a file, by which its type is detected.
const HEAD: usize = 512;

/// What is older under a temporary name is what a process left that was killed.
const MAX_WRITE_DURATION: Duration = Duration::from_secs(60 * 60);

/// The store of media objects. It is opened when it is first used. Cheap to clone.
#[derive(Clone)]
pub struct Objects(Arc<Inner>);

struct Inner {
    place: Place,
    opened: OnceCell<Opened>,
}

/// Where objects are stored.
enum Place {
    Directory(PathBuf),
    Bucket { url: String, endpoint: Option<String> },
}

struct Opened {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    part: usize,
}

/// Bytes that are not in the store under their name yet.
pub struct Unnamed {
    /// SHA-256 of the bytes.
    pub sha256: [u8; 32],
    /// How many they are.
    pub size: u64,
    /// The first of them.
    pub head: Bytes,
    bytes: UnnamedBytes,
}

enum UnnamedBytes {
    Memory(Bytes),
    Temporary(Path),
}

/// Why a file was not written.
#[derive(Debug)]
pub enum WriteError<E> {
    /// Its bytes could not be read.
    Source(E),
    /// It has more bytes than allowed.
    TooLarge,
    /// The store failed.
    Store(crate::error::Error),
}

impl<E> From<Error> for WriteError<E> {
    fn from(error: Error) -> Self {
        Self::Store(crate::error::Error::unavailable(error))
    }
}

impl Objects {
    /// The store in the settings.
    pub fn new(config: &Config) -> Self {
        let media = &config.media;
        let place = match &media.url {
            Some(url) => Place::Bucket { url: url.clone(), endpoint: media.endpoint.clone() },
            None => Place::Directory(media.dir.clone().unwrap_or_else(|| config.data_dir.join("media"))),
        };
        Self(Arc::new(Inner { place, opened: OnceCell::new() }))
    }

    async fn opened(&self) -> Result<&Opened> {
        self.0.opened.get_or_try_init(|| async { self.0.place.open() }).await
    }

    /// Reads at most `max` bytes to a place from which [`Self::name`] or [`Self::discard`] takes them.
    pub async fn write<E>(
        &self,
        mut source: BoxStream<'_, std::result::Result<Bytes, E>>,
        max: u64,
    ) -> std::result::Result<Unnamed, WriteError<E>> {
        let opened = self.opened().await?;
        let mut written = Written { hash: Context::new(&SHA256), size: 0, head: BytesMut::new() };
        let mut memory = BytesMut::new();
        let mut upload: Option<(Path, WriteMultipart)> = None;
        while let Some(piece) = source.next().await {
            let outcome = match piece {
                Ok(piece) if written.add(&piece) > max => Err(WriteError::TooLarge),
                Ok(piece) => opened.add(piece, &mut memory, &mut upload).await.map_err(WriteError::from),
                Err(error) => Err(WriteError::Source(error)),
            };
            if let Err(error) = outcome {
                if let Some((_, upload)) = upload {
                    // What cannot be removed is a temporary object.
                    let _ = upload.abort().await;
                }
                return Err(error);
            }
        }
        let bytes = match upload {
            None => UnnamedBytes::Memory(memory.freeze()),
            Some((path, upload)) => {
                upload.finish().await?;
                UnnamedBytes::Temporary(path)
            }
        };
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(written.hash.finish().as_ref());
        Ok(Unnamed { sha256, size: written.size, head: written.head.freeze(), bytes })
    }

    /// Puts the bytes into the store under their name, also when it has them.
    pub async fn name(&self, org: OrgId, unnamed: Unnamed) -> Result<()> {
        let opened = self.opened().await?;
        let path = opened.path(org, &unnamed.sha256);
        match unnamed.bytes {
            UnnamedBytes::Memory(bytes) => opened.store.put(&path, bytes.into()).await.map(drop),
            UnnamedBytes::Temporary(temporary) => opened.store.rename(&temporary, &path).await,
        }
    }

    /// Removes bytes that are not wanted.
    pub async fn discard(&self, unnamed: Unnamed) {
        if let (Ok(opened), UnnamedBytes::Temporary(path)) = (self.opened().await, unnamed.bytes) {
            // What cannot be removed is removed with what killed processes left.
            let _ = opened.store.delete(&path).await;
        }
    }

    /// Reads that range of an object: its start, and the byte after its end.
    pub async fn read(
        &self,
        org: OrgId,
        sha256: &[u8],
        range: std::ops::Range<u64>,
    ) -> Result<BoxStream<'static, Result<Bytes>>> {
        let opened = self.opened().await?;
        if range.is_empty() {
            return Ok(futures_util::stream::empty().boxed());
        }
        let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
        let read = opened.store.get_opts(&opened.path(org, sha256), options).await?;
        Ok(read.into_stream())
    }

    /// Deletes an object, if there is one.
    pub async fn delete(&self, org: OrgId, sha256: &[u8]) -> Result<()> {
        let opened = self.opened().await?;
        match opened.store.delete(&opened.path(org, sha256)).await {
            Err(Error::NotFound { .. }) => Ok(()),
            outcome => outcome,
        }
    }

    /// Deletes what processes left under temporary names. Parts of an object that was not completed in a bucket have no name:
    /// a lifecycle rule of the bucket deletes them.
    pub async fn delete_abandoned(&self) -> Result<()> {
        if let Place::Directory(directory) = &self.0.place {
            let directory = directory.join(TEMPORARY);
            let delete = move || delete_old_files(&directory);
            return tokio::task::spawn_blocking(delete).await.map_err(Error::from);
        }
        let opened = self.opened().await?;
        let oldest = SystemTime::now() - MAX_WRITE_DURATION;
        let abandoned = opened.store.list(Some(&opened.prefix.clone().join(TEMPORARY)));
        let abandoned = abandoned
            .try_filter(|object| std::future::ready(SystemTime::from(object.last_modified) < oldest));
        abandoned.try_for_each(|object| async move { opened.store.delete(&object.location).await }).await
    }
}

/// Where objects are until their names are known.
const TEMPORARY: &str = "tmp";

/// What is known of a file while it is read.
struct Written {
    hash: Context,
    size: u64,
    head: BytesMut,
}

impl Written {
    /// Adds bytes, and returns how many there are.
    fn add(&mut self, piece: &Bytes) -> u64 {
        self.hash.update(piece);
        self.size += piece.len() as u64;
        let missing = HEAD.saturating_sub(self.head.len()).min(piece.len());
        self.head.extend_from_slice(&piece[..missing]);
        self.size
    }
}

impl Opened {
    fn path(&self, org: OrgId, sha256: &[u8]) -> Path {
        self.prefix.clone().join(org.to_string()).join(hex(sha256))
    }

    /// Adds bytes to those in memory, or beyond a part to an upload.
    async fn add(
        &self,
        piece: Bytes,
        memory: &mut BytesMut,
        upload: &mut Option<(Path, WriteMultipart)>,
    ) -> Result<()> {
        if upload.is_none() && memory.len() + piece.len() <= self.part {
            memory.extend_from_slice(&piece);
            return Ok(());
        }
        if upload.is_none() {
            let path = self.prefix.clone().join(TEMPORARY).join(Uuid::now_v7().to_string());
            let parts = self.store.put_multipart(&path).await?;
            let mut parts = WriteMultipart::new_with_chunk_size(parts, self.part);
            parts.put(std::mem::take(memory).freeze());
            *upload = Some((path, parts));
        }
        if let Some((_, upload)) = upload {
            // One part is written while the next one is read.
            upload.wait_for_capacity(1).await?;
            upload.write(&piece);
        }
        Ok(())
    }
}

impl Place {
    fn open(&self) -> Result<Opened> {
        match self {
            Self::Directory(directory) => {
                let failed = |source| Error::Generic { store: "directory", source: Box::new(source) };
                DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed)?;
                let store = LocalFileSystem::new_with_prefix(directory)?.with_fsync(true);
                Ok(Opened { store: Arc::new(store), prefix: Path::default(), part: DIRECTORY_PART })
            }
            Self::Bucket { url, endpoint } => {
                let mut bucket =
                    AmazonS3Builder::from_env().with_url(url.clone()).with_disable_bulk_delete(true);
                if let Some(endpoint) = endpoint {
                    bucket = bucket.with_endpoint(endpoint.clone());
                    bucket = bucket.with_allow_http(endpoint.starts_with("http://"));
                }
                let prefix = url.trim_start_matches("s3://").split_once('/').map_or("", |(_, prefix)| prefix);
                let store = Arc::new(bucket.build()?);
                Ok(Opened { store, prefix: Path::parse(prefix)?, part: BUCKET_PART })
            }
        }
    }
}

/// Deletes the files of a directory that were not written to for long; they may be gone.
fn delete_old_files(directory: &FilePath) {
    let is_old = |entry: &fs::DirEntry| {
        let written = entry.metadata().and_then(|metadata| metadata.modified());
        let age = written.ok().and_then(|written| written.elapsed().ok());
        age.is_some_and(|age| age > MAX_WRITE_DURATION)
    };
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.filter(is_old).for_each(|entry| drop(fs::remove_file(entry.path())));
}
