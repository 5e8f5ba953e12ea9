//! What the APIs offer, for everyone to read: the OpenAPI documents for programs, and a page at `/docs` for people.

use std::collections::BTreeMap;

use http::HeaderValue;

use super::ServeError;
use super::documents::{Document, HTML, JSON, SCRIPT};
use crate::pb;
use crate::transcode::openapi::Apis;

const PAGE: &str = include_str!("docs/page.html");
/// Compressed by the build.
const EXPLORER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/openapi-explorer.min.js.gz"));

/// Nothing but our own script, and calls to this service. The explorer puts styles where they are needed; they can load
/// nothing.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; img-src data:; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// Writes all of them, by path: `/openapi.json` of everything, `/openapi/<api>.json` of each API, and the page.
pub fn compose() -> Result<BTreeMap<String, Document>, ServeError> {
    let apis = Apis::read(pb::DESCRIPTORS).map_err(ServeError::setup)?;
    let mut documents = BTreeMap::new();
    let whole = serde_json::to_vec(&apis.whole()).map_err(ServeError::setup)?;
    documents.insert("/openapi.json".to_owned(), Document::new(JSON, POLICY, whole));
    for api in pb::APIS {
        let alone = apis.of(api.service).map_err(ServeError::setup)?;
        let alone = serde_json::to_vec(&alone).map_err(ServeError::setup)?;
        documents.insert(format!("/openapi/{}.json", api.name), Document::new(JSON, POLICY, alone));
    }
    documents.insert("/docs".to_owned(), Document::new(HTML, POLICY, PAGE));
    documents.insert("/docs/openapi-explorer.js".to_owned(), Document::gzip(SCRIPT, POLICY, EXPLORER));
    Ok(documents)
}
