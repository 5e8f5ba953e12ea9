//! The ready-made clients and tools in `tests/clients/`, whose versions are pinned there.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;

use super::ROOT;

/// The folder of the clients.
pub fn clients() -> PathBuf {
    Path::new(ROOT).join("tests/clients")
}

/// A program among the pinned Python packages, such as `python`. They are brought up to date first, which takes no time
/// when they are: a test that came with a new tool must not fail where the tests ran before.
pub fn python_tool(program: &str) -> Command {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let make = Command::new("make")
            .args(["--silent", "tests/clients/.venv/.installed"])
            .current_dir(ROOT)
            .status();
        assert!(make.is_ok_and(|status| status.success()), "run make test");
    });
    Command::new(clients().join(".venv/bin").join(program))
}
