//! Tests of the command line with the real program.

mod doctor;
mod embedded;
pub mod harness;
mod nouns;
mod secrets;
mod settings;
