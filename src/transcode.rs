//! REST ↔ RPC: serves and describes any annotated proto, and knows no chat.

pub mod openapi;
