//! The three protocols: how to recognize each, and how each reports an error.

use axum::body::Body;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Version};
use tonic::Status;

use super::private;
use crate::error::{Error, unreadable};
use crate::server::types::{Request, Response};

/// The protocol of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// gRPC over HTTP/2.
    Grpc,
    /// gRPC-Web, over any HTTP version.
    GrpcWeb,
    /// JSON over HTTP, and everything that is neither of the others.
    Rest,
}

impl Protocol {
    /// The protocol by content type.
    /// What only resembles gRPC gets an error in JSON: a GET, or gRPC over HTTP/1.1, which cannot carry its trailers.
    pub fn of(request: &Request) -> Self {
        let content_type = request.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
        if !content_type.starts_with(b"application/grpc") || *request.method() != Method::POST {
            return Self::Rest;
        }
        match &content_type[b"application/grpc".len()..] {
            b"-web" | b"-web+proto" | b"-web-text" | b"-web-text+proto" => Self::GrpcWeb,
            b"" | b"+proto" if request.version() == Version::HTTP_2 => Self::Grpc,
            [b';', ..] if request.version() == Version::HTTP_2 => Self::Grpc,
            _ => Self::Rest,
        }
    }

    /// The protocol's name in logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::GrpcWeb => "grpc-web",
            Self::Rest => "rest",
        }
    }

    /// The response to a request that failed before it reached its service.
    /// `rest` writes the REST envelope.
    pub fn error(self, error: Error, rest: impl FnOnce(&Error) -> Response) -> Response {
        match self {
            Self::Rest => {
                let mut response = rest(&error);
                private::write_headers(response.headers_mut());
                // As tonic does for the other two: the log line needs the cause.
                response.extensions_mut().insert(Status::from(error));
                response
            }
            Self::Grpc => Status::from(error).into_http(),
            Self::GrpcWeb => {
                let mut response = Status::from(error).into_http::<Body>();
                let content_type = HeaderValue::from_static("application/grpc-web+proto");
                response.headers_mut().insert(CONTENT_TYPE, content_type);
                private::write_headers(response.headers_mut());
                response
            }
        }
    }
}

/// Replaces tonic's error for a message that it could not decode by the API's own.
pub fn describe_unreadable(response: http::Response<tonic::body::Body>) -> http::Response<tonic::body::Body> {
    match response.extensions().get::<Status>().and_then(unreadable) {
        Some(error) => Status::from(error).into_http(),
        None => response,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn protocol(method: Method, version: Version, content_type: &str) -> Protocol {
        let request = http::Request::builder().method(method).version(version);
        let request = request.header(CONTENT_TYPE, content_type).body(Body::empty());
        Protocol::of(&request.expect("a request"))
    }

    #[test]
    fn content_type_selects_the_protocol() {
        let post = |version, content_type| protocol(Method::POST, version, content_type);
        assert_eq!(post(Version::HTTP_2, "application/grpc"), Protocol::Grpc);
        assert_eq!(post(Version::HTTP_2, "application/grpc+proto"), Protocol::Grpc);
        assert_eq!(post(Version::HTTP_11, "application/grpc-web+proto"), Protocol::GrpcWeb);
        assert_eq!(post(Version::HTTP_2, "application/grpc-web-text"), Protocol::GrpcWeb);
        assert_eq!(post(Version::HTTP_2, "application/json"), Protocol::Rest);
    }

    #[test]
    fn requests_that_cannot_be_grpc_are_rest() {
        assert_eq!(protocol(Method::GET, Version::HTTP_2, "application/grpc"), Protocol::Rest);
        assert_eq!(protocol(Method::POST, Version::HTTP_11, "application/grpc"), Protocol::Rest);
        assert_eq!(protocol(Method::POST, Version::HTTP_2, "application/grpc+json"), Protocol::Rest);
        assert_eq!(protocol(Method::POST, Version::HTTP_2, "application/grpcx"), Protocol::Rest);
    }
}
