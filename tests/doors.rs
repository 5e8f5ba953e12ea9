//! What everyone outside sees, tried through REST, gRPC and gRPC-Web.
