//! The settings of media files.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::units;
use super::values::{media_url, path, positive_duration};

/// Where media files are stored, and how long.
#[derive(Args, Clone, Debug)]
pub struct MediaConfig {
    /// Directory of media files; all instances must share it [default: media in the data directory]
    #[arg(id = "media-dir", long, value_name = "DIRECTORY", value_parser = path)]
    pub dir: Option<PathBuf>,

    /// Bucket of an S3-compatible store for media files, with a prefix, such as `s3://acme-media/switchboard`; instead of a
    /// directory. Credentials and region come from the usual variables: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION,
    /// or the role of the machine or pod
    #[arg(id = "media-url", long, value_name = "URL", value_parser = media_url)]
    pub url: Option<String>,

    /// Endpoint of the bucket, where it is not that of AWS, such as `https://minio.acme.example`
    #[arg(id = "media-endpoint", long, value_name = "URL")]
    pub endpoint: Option<String>,

    /// Maximum size of a media file; a larger one is not stored
    #[arg(id = "media-max-file-bytes", long, value_name = "BYTES", default_value = "100MiB", value_parser = units::bytes)]
    pub max_file_bytes: usize,

    /// Time that media files are kept; without it, as long as their messages
    #[arg(id = "media-retention", long, value_name = "DURATION", value_parser = positive_duration)]
    pub retention: Option<Duration>,

    /// Maximum size of all media files of one organization: its oldest ones are deleted; unlimited by default
    #[arg(id = "media-max-bytes", long, value_name = "BYTES", value_parser = units::bytes)]
    pub max_bytes: Option<usize>,
}
