//! The command line, tried with the real program.

mod embedded;
mod harness;
mod nouns;
mod settings;
