//! Arguments that several commands have.

use clap::Args;

use crate::ids::OrgId;

#[derive(Args)]
pub(super) struct OrgArgument {
    /// Organization id
    #[arg(long, value_name = "ORG_ID")]
    pub(super) org: OrgId,
}

#[derive(Args)]
pub(super) struct JsonArgument {
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// What a command that lists an organization's resources takes.
#[derive(Args)]
pub(super) struct ListArguments {
    #[command(flatten)]
    pub(super) of: OrgArgument,
    #[command(flatten)]
    pub(super) output: JsonArgument,
}
