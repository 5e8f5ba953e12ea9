//! Checks of the database.

use super::finding::{Finding, Verdict};
use crate::config::Config;
use crate::store::lanes;
use crate::store::preflight::Preflight;
use crate::store::readiness::{Schema, ServerRole};

/// Half of the clock skew that tokens may have, in microseconds.
const FAILED_SKEW: i64 = 30_000_000;
/// The largest skew of synchronized clocks, in microseconds.
const WARNING_SKEW: i64 = 1_000_000;

/// Checks the database. The role and connections of the embedded one are our own.
pub(crate) fn of_database(config: &Config, is_embedded: bool, preflight: &Preflight) -> Vec<Finding> {
    let mut findings = vec![schema(preflight.schema), server_role(preflight.role)];
    if !is_embedded {
        findings.push(of_role(preflight.row_security));
        let ours = lanes::connections(config.database_pool_size);
        findings.push(connections(ours, preflight.connections));
    }
    findings.extend([indexes(&preflight.invalid_indexes), clock(preflight.clock_ahead)]);
    findings
}

/// Whether row level security applies to the role.
pub(crate) fn of_role(row_security: Option<bool>) -> Finding {
    const CHECK: &str = "database role";
    match row_security {
        Some(true) => Finding::ok(CHECK, "row level security applies to it"),
        Some(false) => Finding::bad(
            CHECK,
            Verdict::Refused,
            "the role in --database-url is a superuser or has BYPASSRLS: row level security, the second check of each \
             write, does not apply to it",
            "use a role that has neither: `ALTER ROLE … NOSUPERUSER NOBYPASSRLS`",
        ),
        None => Finding::bad(
            CHECK,
            Verdict::Warning,
            "cannot be checked without tables",
            "run `switchboard migrate up`",
        ),
    }
}

/// Whether `--database-direct-url`, or `--database-url` without it, leads to a server.
pub(crate) fn of_pooler(is_direct: bool) -> Finding {
    const CHECK: &str = "connection pooler";
    match is_direct {
        true => Finding::ok(CHECK, "migrations and notifications use a direct connection"),
        false => Finding::bad(
            CHECK,
            Verdict::Refused,
            "--database-url leads to a connection pooler: prepared statements, settings and notifications of a connection \
             do not hold",
            "set --database-direct-url to a URL of the database itself",
        ),
    }
}

fn schema(schema: Schema) -> Finding {
    const CHECK: &str = "schema";
    match schema {
        Schema::Current => Finding::ok(CHECK, "is current"),
        Schema::Missing | Schema::Behind | Schema::Ahead | Schema::Foreign => {
            let remedy = schema.remedy();
            let (detail, remedy) =
                remedy.split_once(": ").unwrap_or((remedy, "see `switchboard migrate status`"));
            Finding::bad(CHECK, Verdict::Failed, detail, remedy)
        }
    }
}

fn server_role(role: ServerRole) -> Finding {
    const CHECK: &str = "server role";
    match role {
        ServerRole::Primary => Finding::ok(CHECK, "accepts writes"),
        ServerRole::Standby | ServerRole::ReadOnly => Finding::bad(
            CHECK,
            Verdict::Failed,
            role.text(),
            "name all servers in the URL, with `target_session_attrs=read-write`, or only the primary",
        ),
    }
}

/// A rollout runs one more instance for a while.
fn connections(used: u32, available: u32) -> Finding {
    const CHECK: &str = "connections";
    const REMEDY: &str = "lower --database-pool-size, or raise max_connections";
    let detail = format!("one instance uses up to {used} of the {available} connections of the database");
    if used > available {
        Finding::bad(CHECK, Verdict::Failed, detail, REMEDY)
    } else if used.saturating_mul(2) > available {
        Finding::bad(CHECK, Verdict::Warning, detail + ", too many for a second instance", REMEDY)
    } else {
        Finding::ok(CHECK, detail)
    }
}

fn indexes(invalid: &[String]) -> Finding {
    const CHECK: &str = "indexes";
    if invalid.is_empty() {
        return Finding::ok(CHECK, "all are valid");
    }
    let detail = format!("not valid: {}", invalid.join(", "));
    let remedy = "unless they are being built now, run `REINDEX INDEX CONCURRENTLY` for each";
    Finding::bad(CHECK, Verdict::Failed, detail, remedy)
}

fn clock(ahead: i64) -> Finding {
    const CHECK: &str = "clock";
    const REMEDY: &str = "synchronize the clocks of both machines with NTP";
    let seconds = ahead as f64 / 1e6;
    let detail = match ahead {
        0.. => format!("the database is {seconds:.3} s ahead of this machine"),
        _ => format!("the database is {:.3} s behind this machine", -seconds),
    };
    match ahead.unsigned_abs() {
        off if off >= FAILED_SKEW.unsigned_abs() => Finding::bad(CHECK, Verdict::Failed, detail, REMEDY),
        off if off >= WARNING_SKEW.unsigned_abs() => Finding::bad(CHECK, Verdict::Warning, detail, REMEDY),
        _ => Finding::ok(CHECK, detail),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn role_that_bypasses_row_security_is_refused() {
        assert_eq!(of_role(Some(false)).verdict, Verdict::Refused);
        assert_eq!(of_role(Some(true)).verdict, Verdict::Ok);
        assert_eq!(of_role(None).verdict, Verdict::Warning);
    }

    #[test]
    fn connections_must_suffice_for_two_instances() {
        for (used, available, expected) in [
            (9, 97, Verdict::Ok),
            (9, 18, Verdict::Ok),
            (9, 17, Verdict::Warning),
            (9, 9, Verdict::Warning),
            (9, 8, Verdict::Failed),
            (u32::MAX, 97, Verdict::Failed),
        ] {
            assert_eq!(connections(used, available).verdict, expected, "{used} of {available}");
        }
    }

    #[test]
    fn clock_skew_is_judged_in_both_directions() {
        for (ahead, expected) in [
            (0, Verdict::Ok),
            (-999_999, Verdict::Ok),
            (1_000_000, Verdict::Warning),
            (-29_999_999, Verdict::Warning),
            (30_000_000, Verdict::Failed),
            (i64::MIN, Verdict::Failed),
        ] {
            assert_eq!(clock(ahead).verdict, expected, "{ahead}");
        }
    }

    #[test]
    fn schema_problem_has_a_remedy() {
        assert!(schema(Schema::Current).is_passed());
        for wrong in [Schema::Missing, Schema::Behind, Schema::Ahead, Schema::Foreign] {
            let found = schema(wrong);
            assert!(
                !found.is_passed() && found.remedy.is_some_and(|remedy| remedy.contains('`')),
                "{wrong:?}"
            );
        }
    }
}
