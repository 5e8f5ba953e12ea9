//! The OpenAPI documents of the REST APIs.

pub mod openapi;
