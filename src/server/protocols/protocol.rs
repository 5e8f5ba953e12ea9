//! Which of the three protocols a request comes through, and how that protocol says that a call failed.

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Version};
use tonic::Status;

use crate::error::{Error, unreadable};
use crate::server::types::{Request, Response};

/// A way in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// gRPC over HTTP/2.
    Grpc,
    /// gRPC-Web, over any HTTP.
    GrpcWeb,
    /// JSON over HTTP, and everything that is none of the others.
    Rest,
}

impl Protocol {
    /// The protocol a request comes through: its content type says so. What only looks like gRPC (a GET, or gRPC proper
    /// over HTTP/1.1, which cannot carry it) is answered by the REST protocol, in words.
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

    /// The protocol's name in logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::GrpcWeb => "grpc-web",
            Self::Rest => "rest",
        }
    }

    /// The answer for a call that failed before it reached its service. `rest` writes the REST envelope for the path.
    pub fn error(self, error: Error, rest: impl FnOnce(&Error) -> Response) -> Response {
        match self {
            Self::Rest => {
                let mut response = rest(&error);
                // As tonic does for the other two: who writes the log finds the cause here.
                response.extensions_mut().insert(Status::from(error));
                response
            }
            Self::Grpc => Status::from(error).into_http(),
            Self::GrpcWeb => {
                let mut response = Status::from(error).into_http::<axum::body::Body>();
                let content_type = HeaderValue::from_static("application/grpc-web+proto");
                response.headers_mut().insert(CONTENT_TYPE, content_type);
                response
            }
        }
    }
}

/// The answer of gRPC, with our words where tonic could not read the message.
pub fn in_our_words(answer: http::Response<tonic::body::Body>) -> http::Response<tonic::body::Body> {
    match answer.extensions().get::<Status>().and_then(unreadable) {
        Some(error) => Status::from(error).into_http(),
        None => answer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn protocol(method: Method, version: Version, content_type: &str) -> Protocol {
        let request = http::Request::builder().method(method).version(version);
        let request = request.header(CONTENT_TYPE, content_type).body(axum::body::Body::empty());
        Protocol::of(&request.expect("a request"))
    }

    #[test]
    fn the_content_type_names_the_door() {
        let post = |version, content_type| protocol(Method::POST, version, content_type);
        assert_eq!(post(Version::HTTP_2, "application/grpc"), Protocol::Grpc);
        assert_eq!(post(Version::HTTP_2, "application/grpc+proto"), Protocol::Grpc);
        assert_eq!(post(Version::HTTP_11, "application/grpc-web+proto"), Protocol::GrpcWeb);
        assert_eq!(post(Version::HTTP_2, "application/grpc-web-text"), Protocol::GrpcWeb);
        assert_eq!(post(Version::HTTP_2, "application/json"), Protocol::Rest);
    }

    #[test]
    fn what_cannot_be_grpc_is_answered_in_words() {
        assert_eq!(protocol(Method::GET, Version::HTTP_2, "application/grpc"), Protocol::Rest);
        assert_eq!(protocol(Method::POST, Version::HTTP_11, "application/grpc"), Protocol::Rest);
        assert_eq!(protocol(Method::POST, Version::HTTP_2, "application/grpc+json"), Protocol::Rest);
        assert_eq!(protocol(Method::POST, Version::HTTP_2, "application/grpcx"), Protocol::Rest);
    }
}
