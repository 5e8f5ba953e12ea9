//! Everything the service promises, tried from outside.

mod transcode;
