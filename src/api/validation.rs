//! Validation of requests against the constraints in the protos, as the build generates it from them.

#![allow(clippy::result_large_err, reason = "generated")]

include!(concat!(env!("OUT_DIR"), "/validation.rs"));
