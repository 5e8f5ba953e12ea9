//! Shares of a limited resource, so that no organization takes what others need.

mod refusal;
mod share;
mod unprocessed;

pub use self::refusal::{Resource, refusal};
pub use self::share::{Exhausted, FairShare, Share, ShareLimits};
pub use self::unprocessed::Unprocessed;
