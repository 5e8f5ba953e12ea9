//! The token of a generated client.

use std::sync::Arc;

use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;

/// Puts the token into the metadata of each call.
#[derive(Clone)]
pub struct Token(Arc<MetadataValue<Ascii>>);

impl Token {
    /// That token.
    pub fn new(token: &str) -> Self {
        Self(Arc::new(format!("Bearer {token}").parse().expect("a header value")))
    }
}

impl Interceptor for Token {
    fn call(&mut self, mut request: tonic::Request<()>) -> Result<tonic::Request<()>, tonic::Status> {
        request.metadata_mut().insert("authorization", self.0.as_ref().clone());
        Ok(request)
    }
}
