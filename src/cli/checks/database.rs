//! The database: whether it is fit for the service.

use super::{Finding, Verdict};
use crate::config::Config;
use crate::server;
use crate::store::preflight::Preflight;
use crate::store::readiness::Schema;

/// In microseconds: half of what tokens are allowed to be off.
const MUCH: i64 = 30_000_000;
/// In microseconds: what clocks that are kept differ by at most.
const LITTLE: i64 = 1_000_000;

/// All that a database says of itself. The private one belongs to this program, and its role may do everything.
pub(in crate::cli) fn of_database(
    settings: &Config,
    is_private: bool,
    preflight: &Preflight,
) -> Vec<Finding> {
    let mut findings = vec![schema(preflight.schema)];
    if !is_private {
        findings.push(of_role(preflight.row_security));
        let ours = server::database_pool_size(settings.database_pool_size);
        findings.push(connections(ours, preflight.connections));
    }
    findings.extend([indexes(&preflight.invalid_indexes), clock(preflight.clock_ahead)]);
    findings
}

/// Whether row level security binds the role.
pub(in crate::cli) fn of_role(row_security: Option<bool>) -> Finding {
    const CHECK: &str = "database role";
    match row_security {
        Some(true) => Finding::ok(CHECK, "row level security holds for it"),
        Some(false) => Finding::bad(
            CHECK,
            Verdict::Refused,
            "the role in --database-url is a superuser or has BYPASSRLS: row level security, the second wall around each \
             organization, does not hold for it",
            "give a role that has neither; `ALTER ROLE … NOSUPERUSER NOBYPASSRLS` takes them away",
        ),
        None => Finding::bad(
            CHECK,
            Verdict::Warning,
            "there are no tables yet to try it with",
            "run `switchboard migrate up`",
        ),
    }
}

fn schema(schema: Schema) -> Finding {
    const CHECK: &str = "schema";
    match schema {
        Schema::Current => Finding::ok(CHECK, "is the one this program needs"),
        Schema::Missing | Schema::Behind | Schema::Ahead | Schema::Foreign => {
            let told = schema.remedy();
            let (detail, remedy) =
                told.split_once(": ").unwrap_or((told, "see `switchboard migrate status`"));
            Finding::bad(CHECK, Verdict::Failed, detail, remedy)
        }
    }
}

/// While the service is rolled out there is one instance more.
fn connections(ours: u32, theirs: u32) -> Finding {
    const CHECK: &str = "connections";
    const REMEDY: &str = "lower --database-pool-size, or raise max_connections";
    let detail = format!("one instance uses up to {ours} of the {theirs} that the database has for all");
    if ours > theirs {
        Finding::bad(CHECK, Verdict::Failed, detail, REMEDY)
    } else if ours.saturating_mul(2) > theirs {
        Finding::bad(CHECK, Verdict::Warning, detail + ", which leaves none for a second one", REMEDY)
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
    let remedy = "if they are not just being built, `REINDEX INDEX CONCURRENTLY` each of them";
    Finding::bad(CHECK, Verdict::Failed, detail, remedy)
}

fn clock(ahead: i64) -> Finding {
    const CHECK: &str = "clock";
    const REMEDY: &str = "keep the clocks of both machines with NTP";
    let seconds = ahead as f64 / 1e6;
    let detail = match ahead {
        0.. => format!("the database is {seconds:.3} s ahead of this machine"),
        _ => format!("the database is {:.3} s behind this machine", -seconds),
    };
    match ahead.unsigned_abs() {
        off if off >= MUCH.unsigned_abs() => Finding::bad(CHECK, Verdict::Failed, detail, REMEDY),
        off if off >= LITTLE.unsigned_abs() => Finding::bad(CHECK, Verdict::Warning, detail, REMEDY),
        _ => Finding::ok(CHECK, detail),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_that_no_wall_binds_is_refused() {
        assert_eq!(of_role(Some(false)).verdict, Verdict::Refused);
        assert_eq!(of_role(Some(true)).verdict, Verdict::Ok);
        assert_eq!(of_role(None).verdict, Verdict::Warning);
    }

    #[test]
    fn connections_are_enough_for_two_instances() {
        for (ours, theirs, expected) in [
            (9, 97, Verdict::Ok),
            (9, 18, Verdict::Ok),
            (9, 17, Verdict::Warning),
            (9, 9, Verdict::Warning),
            (9, 8, Verdict::Failed),
            (u32::MAX, 97, Verdict::Failed),
        ] {
            assert_eq!(connections(ours, theirs).verdict, expected, "{ours} of {theirs}");
        }
    }

    #[test]
    fn clocks_may_differ_by_a_little_either_way() {
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
    fn what_is_wrong_with_a_schema_comes_with_what_mends_it() {
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
