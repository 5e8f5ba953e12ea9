//! Reads media files: the id leads to a URL of five minutes, the URL to the file.

use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use guarded_http::HttpError;
use http::header::CONTENT_TYPE;
use http::{Method, StatusCode, Uri};

use super::fields::{owned, text};
use super::graph::{Graph, GraphError};
use crate::connect::gateway::{GatewayError, MediaBody, MediaError, MediaSource};
use crate::connect::settings::ConnectionSettings;

/// Meta's hosts of media files.
const META_HOSTS: [&str; 2] = ["graph.facebook.com", "lookaside.fbsbx.com"];
/// The longest pause within a file.
const IDLE: Duration = Duration::from_secs(30);

/// Opens a media file.
///
/// # Errors
///
/// See [`MediaError`].
pub(super) async fn open(
    graph: &Graph,
    settings: &ConnectionSettings,
    source: &MediaSource,
    max_bytes: u64,
) -> Result<MediaBody, MediaError> {
    let id = text(&source.locator, "/id").filter(|id| id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let id = id.ok_or(MediaError::Rejected("the message names no file"))?;
    let path = format!("{id}?phone_number_id={}", settings.account);
    let file = graph.call(graph.request(Method::GET, &path)).await.map_err(lookup_error)?;
    let size = file.get("file_size").and_then(|size| size.as_u64().or_else(|| size.as_str()?.parse().ok()));
    if size.is_some_and(|size| size > max_bytes) {
        return Err(MediaError::TooLarge);
    }
    let url = text(&file, "/url").ok_or_else(|| MediaError::Unavailable("the file has no URL".to_owned()))?;
    if !is_trusted(url, settings) {
        return Err(MediaError::Rejected("the file is at another host than Meta's"));
    }
    let response = graph.open(url).await.map_err(error)?;
    match response.status() {
        StatusCode::OK => {}
        StatusCode::NOT_FOUND | StatusCode::GONE => return Err(MediaError::Expired),
        status => return Err(MediaError::Unavailable(format!("the host of the file responds {status}"))),
    }
    let mime_type = owned(&file, "/mime_type");
    let header = || response.headers().get(CONTENT_TYPE)?.to_str().ok().map(str::to_owned);
    Ok(MediaBody {
        mime_type: mime_type.or_else(header),
        size: response.content_length().or(size),
        body: response.stream(max_bytes, IDLE).map_err(error).boxed(),
    })
}

/// Whether the access token may be sent to the URL: to Meta over TLS, or to the host of the connection.
fn is_trusted(url: &str, settings: &ConnectionSettings) -> bool {
    let (Ok(url), Ok(own)) = (url.parse::<Uri>(), settings.url.parse::<Uri>()) else { return false };
    let is_own = url.authority() == own.authority() && url.scheme() == own.scheme();
    let is_meta = url.scheme_str() == Some("https") && url.port().is_none();
    is_own || is_meta && url.host().is_some_and(|host| META_HOSTS.contains(&host))
}

fn lookup_error(error: GraphError) -> MediaError {
    // Not code 100 with subcode 33: the token may only lack the permission, which a person can grant while Meta has the file.
    if matches!(&error, GraphError::Status(failure) if matches!(failure.status, StatusCode::NOT_FOUND | StatusCode::GONE))
    {
        return MediaError::Expired;
    }
    MediaError::Unavailable(GatewayError::from(error).to_string())
}

fn error(error: HttpError) -> MediaError {
    match error {
        HttpError::NotAllowed | HttpError::NotHttps | HttpError::InvalidUrl(_) => {
            MediaError::Rejected("the file is at an address from which nothing is fetched")
        }
        HttpError::TooLarge(_) => MediaError::TooLarge,
        HttpError::Timeout
        | HttpError::Tls(_)
        | HttpError::Connect(_)
        | HttpError::Failed(_)
        | HttpError::Body(_) => MediaError::Unavailable(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_meta_and_the_own_host_are_trusted() {
        let settings = super::super::tests::settings("http://localhost:8080/v25.0");
        for (url, expected) in [
            ("https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1&ext=2&hash=x", true),
            ("http://localhost:8080/file", true),
            ("http://lookaside.fbsbx.com/", false),
            ("https://lookaside.fbsbx.com.acme.example/", false),
            ("https://lookaside.fbsbx.com:8443/", false),
            ("https://acme.example@lookaside.fbsbx.com/", true),
            ("https://lookaside.fbsbx.com@acme.example/", false),
            ("http://localhost:8081/file", false),
            ("https://localhost:8080/file", false),
            ("file:///etc/passwd", false),
        ] {
            assert_eq!(is_trusted(url, &settings), expected, "{url}");
        }
    }
}
