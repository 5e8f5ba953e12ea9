//! `switchboard completion`: completion scripts for shells.

use clap::Args;
use clap_complete::Shell;

use super::{Failure, command_line, output};

#[derive(Args)]
pub(super) struct Arguments {
    /// The shell
    shell: Shell,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command_line(), "switchboard", &mut script);
    output::text(&String::from_utf8_lossy(&script))
}
