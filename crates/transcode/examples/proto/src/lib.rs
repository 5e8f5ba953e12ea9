//! Generated code of the protos that the examples and tests of `transcode` serve.

#![allow(missing_docs, clippy::all, clippy::pedantic, reason = "generated code")]

/// A service to look at: books and their loans.
pub mod library {
    pub mod pb {
        tonic::include_proto!("library.v1");
    }

    #[allow(unused_imports, reason = "depends on the proto")]
    pub mod routes {
        include!(concat!(env!("OUT_DIR"), "/library.routes.rs"));
    }
}

/// A service for tests: it returns what it receives, of every type.
pub mod echo {
    pub mod pb {
        tonic::include_proto!("echo.v1");
    }

    #[allow(unused_imports, reason = "depends on the proto")]
    pub mod routes {
        include!(concat!(env!("OUT_DIR"), "/echo.routes.rs"));
    }
}
