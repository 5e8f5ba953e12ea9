//! What the APIs offer, for everyone to read: the OpenAPI documents for programs, and a page at `/docs` for people.

use std::collections::BTreeMap;

use http::HeaderValue;

use super::document::{Document, HTML, JSON, SCRIPT};
use crate::rest::openapi;

const PAGE: &str = include_str!("page.html");
/// Compressed by the build.
const EXPLORER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/openapi-explorer.min.js.gz"));

/// Nothing but our own script, and calls to this service. The explorer puts styles where they are needed; they can load
/// nothing.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; img-src data:; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// All of them by path: `/openapi.json` of everything, `/openapi/<api>.json` of each API, and the page.
pub fn compose() -> BTreeMap<String, Document> {
    let mut documents = BTreeMap::new();
    documents.insert("/openapi.json".to_owned(), Document::new(JSON, POLICY, openapi::WHOLE));
    for api in openapi::APIS {
        let path = format!("/openapi/{}.json", api.name);
        documents.insert(path, Document::new(JSON, POLICY, api.document));
    }
    documents.insert("/docs".to_owned(), Document::new(HTML, POLICY, PAGE));
    documents.insert("/docs/openapi-explorer.js".to_owned(), Document::gzip(SCRIPT, POLICY, EXPLORER));
    documents
}
