//! Media files of gateways.

use bytes::Bytes;
use futures_util::stream::BoxStream;
use serde_json::Value;

use crate::actions::media::StoredBytes;

/// Where a media file can be fetched.
#[derive(Clone, Debug, PartialEq)]
pub struct MediaSource {
    /// The message, as its events name it.
    pub chat: String,
    /// WhatsApp's id of the message.
    pub message_id: String,
    /// Whether the session sent the message.
    pub from_me: bool,
    /// Who sent it, in a group.
    pub author: Option<String>,
    /// What the gateway needs to find it: a URL, an id. Stored until the file is fetched.
    pub locator: Value,
    /// MIME type, if known.
    pub mime_type: Option<String>,
    /// Name of the file, if it has one.
    pub file_name: Option<String>,
    /// Size in bytes, if known.
    pub size: Option<u64>,
    /// SHA-256 of the file in hexadecimal digits, if known.
    pub sha256: Option<String>,
    /// Its bytes, if the event contained them.
    pub stored: Option<Box<StoredBytes>>,
}

/// A media file.
pub struct MediaBody {
    /// MIME type, if the response names one.
    pub mime_type: Option<String>,
    /// Size in bytes, if the response names one.
    pub size: Option<u64>,
    /// The bytes, in pieces.
    pub body: BoxStream<'static, Result<Bytes, MediaError>>,
}

/// Why a media file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MediaError {
    /// The gateway no longer has it.
    Expired,
    /// It is larger than allowed.
    TooLarge,
    /// It is at an address from which nothing is fetched, or not what it should be.
    Rejected(&'static str),
    /// It may succeed later.
    Unavailable(String),
}
