//! Opens media files.
//!
//! WAHA keeps a file for minutes only, under a URL whose host is what it takes for its own. The path is asked for at the
//! connection's URL instead. When the file is gone, WAHA is asked once to download it from WhatsApp again.

use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use guarded_http::{HttpError, HttpRequest, HttpResponse};
use http::Method;
use http::header::CONTENT_TYPE;

use super::client::{Client, FILE, Failure, LONG};
use super::fields::text;
use super::message_id;
use crate::connect::gateway::{GatewayError, MediaBody, MediaError, MediaSource};

/// How long a piece of a file may take.
const PIECE: Duration = Duration::from_secs(30);

impl Client {
    /// Opens the file.
    pub(super) async fn media(&self, source: &MediaSource, max_bytes: u64) -> Result<MediaBody, MediaError> {
        if let Some(url) = text(&source.locator, &["/url"]) {
            match self.open(&url).await {
                Err(Failure::Status { status, .. }) if matches!(status.as_u16(), 404 | 410 | 504) => {}
                Ok(response) => return body(response, max_bytes),
                Err(failure) => return Err(error(failure)),
            }
        }
        let id = text(&source.locator, &["/message"]).ok_or(MediaError::Expired)?;
        let chat = message_id::parse(&id)
            .map(|id| id.chat)
            .ok_or(MediaError::Rejected("the message has no valid id"))?;
        let path = self.path(&["chats", chat, "messages", &id]);
        let query = [("downloadMedia", "true".to_owned())];
        let message = self.get(&path, &query, LONG).await.map_err(error)?;
        let url = text(&message, &["/media/url"]).ok_or(MediaError::Expired)?;
        body(self.open(&url).await.map_err(error)?, max_bytes)
    }

    /// Asks for the file at the connection's own URL.
    async fn open(&self, url: &str) -> Result<HttpResponse, Failure> {
        let not_allowed = || Failure::None(HttpError::NotAllowed);
        let path = url.find("/api/").map(|at| &url[at..]).ok_or_else(not_allowed)?;
        // A path that climbs would leave the files.
        if path.split(['/', '?']).any(|part| part == ".." || part.to_ascii_lowercase().contains("%2e")) {
            return Err(not_allowed());
        }
        self.send(HttpRequest::new(Method::GET, self.url(path)).timeout(FILE)).await
    }
}

fn body(response: HttpResponse, max_bytes: u64) -> Result<MediaBody, MediaError> {
    let size = response.content_length();
    if size.is_some_and(|size| size > max_bytes) {
        return Err(MediaError::TooLarge);
    }
    let mime_type =
        response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let body = response.stream(max_bytes, PIECE).map_err(|failure| error(Failure::None(failure))).boxed();
    Ok(MediaBody { mime_type, size, body })
}

fn error(failure: Failure) -> MediaError {
    if failure.is_not_found() {
        return MediaError::Expired;
    }
    if let Failure::None(HttpError::TooLarge(_)) = failure {
        return MediaError::TooLarge;
    }
    let error = failure.into_gateway_error();
    if error == GatewayError::NotAllowed {
        return MediaError::Rejected("the file is not at the connection's own host");
    }
    MediaError::Unavailable(error.to_string())
}
