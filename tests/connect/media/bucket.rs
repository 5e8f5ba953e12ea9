//! An S3-compatible bucket in memory that checks the signature of every request (AWS Signature Version 4).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use aws_lc_rs::{digest, hmac};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// The credentials of the bucket.
pub const KEY_ID: &str = "AKIDEXAMPLE";
pub const SECRET: &str = "an example of a secret";
pub const REGION: &str = "eu-central-1";

/// The bucket `acme-media`.
#[derive(Default)]
pub struct Bucket {
    objects: Mutex<BTreeMap<String, Bytes>>,
    parts: Mutex<BTreeMap<String, BTreeMap<u32, Bytes>>>,
    /// Requests that were rejected.
    rejected: Mutex<Vec<String>>,
}

impl Bucket {
    /// Serves the bucket until the runtime ends.
    pub async fn start() -> (Arc<Self>, SocketAddr) {
        let bucket = Arc::new(Self::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let (served, address) = (bucket.clone(), listener.local_addr().expect("an address"));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let bucket = served.clone();
                let service = service_fn(move |request| {
                    let bucket = bucket.clone();
                    async move { Ok::<_, std::convert::Infallible>(bucket.respond(request).await) }
                });
                let connection = hyper::server::conn::http1::Builder::new();
                tokio::spawn(connection.serve_connection(TokioIo::new(stream), service));
            }
        });
        (bucket, address)
    }

    /// The keys of all objects.
    pub fn keys(&self) -> Vec<String> {
        self.objects.lock().unwrap().keys().cloned().collect()
    }

    /// The requests that were rejected.
    pub fn rejected(&self) -> Vec<String> {
        self.rejected.lock().unwrap().clone()
    }

    async fn respond(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        let (path, query) = (parts.uri.path().to_owned(), parts.uri.query().unwrap_or_default().to_owned());
        if let Err(reason) = check(&parts.method, &path, &query, &parts.headers, &body) {
            self.rejected.lock().unwrap().push(format!("{} {path}?{query}: {reason}", parts.method));
            return response(StatusCode::FORBIDDEN, "");
        }
        let key = path.trim_start_matches("/acme-media/").to_owned();
        let query: BTreeMap<&str, &str> =
            query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, ""))).collect();
        self.handle(&parts.method, key, &query, &parts.headers, body)
    }

    fn handle(
        &self,
        method: &Method,
        key: String,
        query: &BTreeMap<&str, &str>,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Response<Full<Bytes>> {
        let mut objects = self.objects.lock().unwrap();
        let mut uploads = self.parts.lock().unwrap();
        match (method.as_str(), query.get("uploadId")) {
            ("POST", None) if query.contains_key("uploads") => {
                uploads.insert(key.clone(), BTreeMap::new());
                let id = format!(
                    "<InitiateMultipartUploadResult><UploadId>{}</UploadId></InitiateMultipartUploadResult>",
                    key.len()
                );
                response(StatusCode::OK, &id)
            }
            ("PUT", Some(_)) => {
                let number = query["partNumber"].parse().expect("a number");
                uploads.get_mut(&key).expect("an upload").insert(number, body);
                response(StatusCode::OK, "")
            }
            ("POST", Some(_)) => {
                let parts = uploads.remove(&key).expect("an upload");
                let sizes: Vec<usize> = parts.values().map(Bytes::len).collect();
                assert!(sizes[..sizes.len() - 1].iter().all(|size| *size >= 5 << 20), "{sizes:?}");
                objects.insert(key, parts.into_values().flatten().collect());
                response(
                    StatusCode::OK,
                    "<CompleteMultipartUploadResult><ETag>\"1\"</ETag></CompleteMultipartUploadResult>",
                )
            }
            ("DELETE", Some(_)) => {
                uploads.remove(&key);
                response(StatusCode::NO_CONTENT, "")
            }
            ("PUT", None) => {
                let source = headers.get("x-amz-copy-source").map(|source| source.to_str().expect("text"));
                let bytes = match source {
                    Some(source) => {
                        objects[source.trim_start_matches('/').trim_start_matches("acme-media/")].clone()
                    }
                    None => body,
                };
                objects.insert(key, bytes);
                response(StatusCode::OK, "<CopyObjectResult><ETag>\"1\"</ETag></CopyObjectResult>")
            }
            ("DELETE", None) => {
                objects.remove(&key);
                response(StatusCode::NO_CONTENT, "")
            }
            ("GET", None) if query.contains_key("list-type") => response(
                StatusCode::OK,
                "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>",
            ),
            ("GET", None) => get(objects.get(&key), headers),
            other => panic!("{other:?} {key}"),
        }
    }
}

fn get(object: Option<&Bytes>, headers: &HeaderMap) -> Response<Full<Bytes>> {
    let Some(object) = object else { return response(StatusCode::NOT_FOUND, "") };
    let range = headers.get("range").map(|range| range.to_str().expect("text"));
    let range = range.and_then(|range| range.strip_prefix("bytes=")?.split_once('-'));
    let (first, last) = range.map_or((0, object.len() - 1), |(first, last)| {
        (first.parse().expect("a number"), last.parse::<usize>().expect("a number").min(object.len() - 1))
    });
    Response::builder()
        .status(StatusCode::PARTIAL_CONTENT)
        .header("content-range", format!("bytes {first}-{last}/{}", object.len()))
        .header("last-modified", "Sat, 28 Nov 2026 10:00:00 GMT")
        .header("etag", "\"1\"")
        .body(Full::new(object.slice(first..=last)))
        .expect("a response")
}

fn response(status: StatusCode, body: &str) -> Response<Full<Bytes>> {
    let response = Response::builder().status(status).header("etag", "\"1\"");
    response.body(Full::new(Bytes::copy_from_slice(body.as_bytes()))).expect("a response")
}

/// Checks the signature and the hash of the body.
fn check(method: &Method, path: &str, query: &str, headers: &HeaderMap, body: &[u8]) -> Result<(), String> {
    let header = |name: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.map(str::trim).ok_or_else(|| format!("no {name}"))
    };
    let hash = header("x-amz-content-sha256")?;
    if hash != hex(digest::digest(&digest::SHA256, body).as_ref()) {
        return Err("another body".to_owned());
    }
    let authorization = header("authorization")?;
    let part = |name: &str| {
        let part = authorization.split([' ', ',']).find_map(|part| part.strip_prefix(name));
        part.ok_or_else(|| format!("no {name}"))
    };
    let (scope, signed, signature) = (part("Credential=")?, part("SignedHeaders=")?, part("Signature=")?);
    let time = header("x-amz-date")?;
    let expected_scope = format!("{}/{REGION}/s3/aws4_request", &time[..8]);
    if scope != format!("{KEY_ID}/{expected_scope}") {
        return Err(format!("scope {scope}"));
    }
    let mut lines = String::new();
    for name in signed.split(';') {
        lines += &format!("{name}:{}\n", header(name)?);
    }
    let mut pairs: Vec<String> =
        query.split('&').filter(|pair| !pair.is_empty()).map(str::to_owned).collect();
    pairs.iter_mut().filter(|pair| !pair.contains('=')).for_each(|pair| pair.push('='));
    pairs.sort();
    let canonical = format!("{method}\n{path}\n{}\n{lines}\n{signed}\n{hash}", pairs.join("&"));
    let hashed = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
    let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{expected_scope}\n{hashed}");
    let mut key = format!("AWS4{SECRET}").into_bytes();
    for step in [&time[..8], REGION, "s3", "aws4_request"] {
        key = mac(&key, step);
    }
    if hex(&mac(&key, &to_sign)) == signature { Ok(()) } else { Err("another signature".to_owned()) }
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
