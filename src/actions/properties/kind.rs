//! The kinds of custom properties.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// The kind of a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PropertyKind {
    /// Any text.
    Text,
    /// An ISO 8601 date or date-time.
    Date,
    /// One of its options.
    Dropdown,
    /// Any of its options.
    Picklist,
}

impl PropertyKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Text, Self::Date, Self::Dropdown, Self::Picklist];

    /// The name of the kind in the database and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Date => "date",
            Self::Dropdown => "dropdown",
            Self::Picklist => "picklist",
        }
    }

    pub(super) const fn has_options(self) -> bool {
        matches!(self, Self::Dropdown | Self::Picklist)
    }
}

impl fmt::Display for PropertyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for PropertyKind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        found.ok_or_else(|| Error::invalid("kind", "must be text, date, dropdown or picklist"))
    }
}
