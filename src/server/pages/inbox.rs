//! The web inbox at `/inbox`; its source is in `assets/inbox/`.

use http::HeaderValue;

use super::document::{Document, HTML, SCRIPT, STYLE};

/// Compressed by the build, like the script. The page itself is small.
const STYLES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/inbox.css.gz"));
const PROGRAM: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/inbox.js.gz"));
const PAGE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/inbox/index.html"));

/// Only the page's own script and styles, and calls to this service.
/// No text can become markup: the page shows messages of strangers beside a token that reads all of them.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
);

/// The page, its script and its styles, by path.
pub fn documents() -> [(String, Document); 3] {
    [
        ("/inbox".to_owned(), Document::new(HTML, POLICY, PAGE)),
        ("/inbox/inbox.css".to_owned(), Document::gzip(STYLE, POLICY, STYLES)),
        ("/inbox/inbox.js".to_owned(), Document::gzip(SCRIPT, POLICY, PROGRAM)),
    ]
}
