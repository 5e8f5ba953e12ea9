//! `switchboard completion`: completion scripts for shells.

use clap::{Args, Command};
use clap_complete::Shell;

use super::failure::Failure;
use super::output;

#[derive(Args)]
pub(super) struct Arguments {
    /// The shell
    shell: Shell,
}

/// Prints the script for that command line.
pub(super) fn run(arguments: &Arguments, mut command_line: Command) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command_line, "switchboard", &mut script);
    output::text(&String::from_utf8_lossy(&script))
}
