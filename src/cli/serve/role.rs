//! Refuses to serve with a database role that row level security does not bind, or with an undeclared connection pooler.

use std::time::Duration;

use crate::cli::checks;
use crate::cli::failure::Failure;
use crate::config::Secret;
use crate::store::preflight;

/// How often the role is checked while the database or its tables do not exist yet.
const POLL: Duration = Duration::from_secs(1);

/// Whether the role could be checked. It cannot without a database or tables.
///
/// # Errors
///
/// The role or the URL must not be used.
pub(super) async fn is_checked(database_url: &Secret, is_pooled: bool) -> Result<bool, Failure> {
    if !is_pooled && let Ok(false) = preflight::is_direct(database_url).await {
        checks::refuse(&[checks::of_pooler(false)])?;
    }
    match preflight::row_security(database_url).await {
        Ok(known @ Some(_)) => checks::refuse(&[checks::of_role(known)]).map(|()| true),
        Ok(None) | Err(_) => Ok(false),
    }
}

/// Completes when the role, which could not be checked at the start, must not be used.
pub(super) async fn refused(unchecked: Option<Secret>, is_pooled: bool) -> Failure {
    if let Some(database_url) = unchecked {
        loop {
            tokio::time::sleep(POLL).await;
            match is_checked(&database_url, is_pooled).await {
                Ok(true) => break,
                Ok(false) => {}
                Err(failure) => return failure,
            }
        }
    }
    std::future::pending().await
}
