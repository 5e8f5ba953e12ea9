//! The result of one check.

use serde::Serialize;
use serde_json::json;

use crate::cli::output::Row;

/// The result of one check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// The name of the check.
    pub(super) check: &'static str,
    pub(super) verdict: Verdict,
    /// The state that was found.
    detail: String,
    /// How to fix it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) remedy: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    Ok,
    /// Works, but should be improved.
    Warning,
    /// Does not work.
    Failed,
    /// Unsafe: `serve` does not start.
    Refused,
}

impl Verdict {
    const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
            Self::Refused => "refused",
        }
    }
}

impl Finding {
    pub(super) fn ok(check: &'static str, detail: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Ok, detail: detail.into(), remedy: None }
    }

    pub(super) fn bad(
        check: &'static str,
        verdict: Verdict,
        detail: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { check, verdict, detail: detail.into(), remedy: Some(remedy.into()) }
    }

    /// The state that was found, and how to fix it.
    pub(super) fn text(&self) -> String {
        self.remedy
            .as_ref()
            .map_or_else(|| self.detail.clone(), |remedy| format!("{}: {remedy}", self.detail))
    }

    pub(crate) fn row(&self) -> Row {
        let columns = vec![self.check.to_owned(), self.verdict.name().to_owned(), self.text()];
        Row { columns, json: json!(self) }
    }

    /// Whether the service works.
    pub(crate) fn is_passed(&self) -> bool {
        matches!(self.verdict, Verdict::Ok | Verdict::Warning)
    }
}
