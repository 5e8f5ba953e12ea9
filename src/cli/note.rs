//! Remarks of commands on standard error.

use std::fmt::Display;
use std::io::{self, Write};

/// Prints a line to standard error. A reader that has closed it is not a failure.
pub(super) fn note(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}
