//! Why a request has no response.

use std::error::Error as StdError;
use std::fmt;

use tokio_rustls::rustls;

use crate::body::Unreadable;

/// Why a request has no response.
#[derive(Debug)]
pub enum HttpError {
    /// The URL is invalid.
    InvalidUrl(String),
    /// The URL does not use TLS, which public destinations require.
    NotHttps,
    /// The host is, or resolves to, an address that the destinations exclude, or is not one of the listed hosts.
    NotAllowed,
    /// The time limit was exceeded after the connection was made.
    Timeout,
    /// The body of the response exceeds the limit, in bytes.
    TooLarge(u64),
    /// The TLS configuration is invalid.
    Tls(rustls::Error),
    /// No connection could be made, or not in time.
    Connect(reqwest::Error),
    /// The request failed on the connection.
    Failed(reqwest::Error),
    /// The body of the request could not be read to its end.
    Body(reqwest::Error),
}

impl HttpError {
    /// Whether the request was certainly not sent. Otherwise its outcome is unclear: the server may have carried it out.
    pub fn is_unsent(&self) -> bool {
        match self {
            Self::InvalidUrl(_) | Self::NotHttps | Self::NotAllowed | Self::Tls(_) | Self::Connect(_) => true,
            // Less arrives than the headers name, which no server takes for the request.
            Self::Body(_) => true,
            Self::Timeout | Self::TooLarge(_) | Self::Failed(_) => false,
        }
    }
}

impl From<reqwest::Error> for HttpError {
    fn from(error: reqwest::Error) -> Self {
        // A URL may contain credentials.
        let error = error.without_url();
        let mut source: Option<&(dyn StdError + 'static)> = Some(&error);
        while let Some(cause) = source {
            if cause.is::<NotAllowed>() {
                return Self::NotAllowed;
            }
            if cause.is::<Unreadable>() {
                return Self::Body(error);
            }
            source = cause.source();
        }
        match error {
            error if error.is_connect() => Self::Connect(error),
            error if error.is_timeout() => Self::Timeout,
            error => Self::Failed(error),
        }
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidUrl(error) => write!(f, "invalid URL: {error}"),
            Self::NotHttps => f.write_str("not an https URL"),
            Self::NotAllowed => f.write_str("not an allowed address"),
            Self::Timeout => f.write_str("no response in time"),
            Self::TooLarge(max) => write!(f, "the response is larger than {max} bytes"),
            Self::Tls(error) => error.fmt(f),
            Self::Connect(error) | Self::Failed(error) | Self::Body(error) => {
                error.fmt(f)?;
                let mut cause = error.source();
                while let Some(error) = cause {
                    write!(f, ": {error}")?;
                    cause = error.source();
                }
                Ok(())
            }
        }
    }
}

impl StdError for HttpError {}

/// A name has an address to which requests may not be sent.
/// None of its addresses is used, or success would be a matter of luck.
#[derive(Debug)]
pub(crate) struct NotAllowed;

impl fmt::Display for NotAllowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name resolves to an address that is not allowed")
    }
}

impl StdError for NotAllowed {}
