//! Quotas: the most rows that one organization may have of each kind.

use super::units;

/// What a quota limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quota {
    /// API keys, revoked ones included.
    ApiKeys,
    /// Connections.
    Connections,
    /// Responses that are stored under idempotency keys, in bytes.
    IdempotencyBytes,
    /// Names under which connectors resume.
    IngestSenders,
    /// Labels.
    Labels,
    /// Members.
    Members,
    /// Notes of chats.
    Notes,
    /// Definitions of custom properties.
    Properties,
    /// Sends that are not finished.
    Sends,
    /// Sessions.
    Sessions,
    /// Webhooks.
    Webhooks,
}

impl Quota {
    /// Every quota with its name and its default.
    const ALL: [(Self, &str, usize); 11] = [
        (Self::ApiKeys, "api-keys", 1000),
        (Self::Connections, "connections", 1000),
        (Self::IdempotencyBytes, "idempotency-bytes", 1 << 30),
        (Self::IngestSenders, "ingest-senders", 10_000),
        (Self::Labels, "labels", 1000),
        (Self::Members, "members", 10_000),
        (Self::Notes, "notes", 100_000),
        (Self::Properties, "properties", 200),
        (Self::Sends, "sends", 10_000),
        (Self::Sessions, "sessions", 1000),
        (Self::Webhooks, "webhooks", 100),
    ];

    /// The name in the setting and in errors.
    pub const fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }
}

/// The quotas of every organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotas([usize; Quota::ALL.len()]);

impl Quotas {
    /// No limits, for operators.
    pub const NONE: Self = Self([usize::MAX; Quota::ALL.len()]);

    /// The most rows of that kind.
    pub const fn of(&self, quota: Quota) -> usize {
        self.0[quota as usize]
    }
}

/// Parses quotas such as `labels=500,webhooks=20`. Those that are not named have their defaults.
pub(super) fn quotas(text: &str) -> Result<Quotas, String> {
    let mut quotas = Quotas(Quota::ALL.map(|(_, _, default)| default));
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let named =
            |(_, name, _): &&(Quota, &str, usize)| part.split_once('=').is_some_and(|(of, _)| of == *name);
        let limit = part.split_once('=').and_then(|(_, limit)| units::bytes(limit).ok());
        match (Quota::ALL.iter().find(named), limit) {
            (Some((quota, ..)), Some(limit)) => quotas.0[*quota as usize] = limit,
            _ => {
                let names = Quota::ALL.map(|(_, name, _)| name).join(", ");
                return Err(format!("must be quotas such as labels=500,webhooks=20, each one of {names}"));
            }
        }
    }
    Ok(quotas)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unnamed_quotas_have_their_defaults() {
        assert!(Quota::ALL.iter().enumerate().all(|(index, (quota, ..))| *quota as usize == index));
        let given = quotas("labels=5, idempotency-bytes=1MiB").unwrap();
        assert_eq!((given.of(Quota::Labels), given.of(Quota::IdempotencyBytes)), (5, 1 << 20));
        assert_eq!((given.of(Quota::Webhooks), Quota::Webhooks.name()), (100, "webhooks"));
        for bad in ["labels", "labels=", "labels=0", "label=1", "labels=-1"] {
            assert!(quotas(bad).is_err(), "{bad}");
        }
    }
}
