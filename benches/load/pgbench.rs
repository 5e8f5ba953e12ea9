//! `pgbench`, PostgreSQL's load generator: the rate of the bare statement on this machine.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::Outcome;
use crate::database::Database;
use crate::seed::{self, World};
use crate::statement::Statement;

/// Time for opening connections and planning the statement, which is not counted.
const WARM_UP_SECONDS: u32 = 2;
/// The session settings of the service.
const SESSION_OPTIONS: &str =
    "-c plan_cache_mode=force_generic_plan -c max_parallel_workers_per_gather=0 -c jit=off";

/// The contacts whose chats a statement reads.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Contacts {
    /// Those of the logged statement.
    AsLogged,
    /// A random one each time.
    Random,
}

/// A script that `pgbench` runs with prepared statements.
pub struct Baseline {
    script: PathBuf,
    variables: Vec<(String, String)>,
}

impl Baseline {
    /// A script with the statement, reading those contacts' chats.
    pub fn new(name: &str, statement: &Statement, contacts: Contacts, world: &World) -> Outcome<Self> {
        let last = seed::FIRST_CONTACT + seed::CONTACTS - 1;
        let (sql, variables) = to_script(statement, contacts);
        let script = format!("\\set digits random({}, {last})\n{sql};\n", seed::FIRST_CONTACT);
        Self::write(name, &script, variables, world)
    }

    /// One row by its primary key, all columns.
    pub fn one_row(world: &World) -> Outcome<Self> {
        let (first, last) = world.chat_keys;
        let script = format!(
            "\\set chat_key random({first}, {last})\nSELECT * FROM session_chats \
             WHERE org_id = :org_id AND session_id = :session_id AND chat_key = :chat_key;\n"
        );
        let variables = [("org_id", &world.org), ("session_id", &world.sessions[0])];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.clone()));
        Self::write("one row", &script, variables.to_vec(), world)
    }

    fn write(name: &str, script: &str, variables: Vec<(String, String)>, world: &World) -> Outcome<Self> {
        let path = world.folder.join(format!("{}.sql", name.replace(' ', "-")));
        fs::write(&path, script)?;
        Ok(Self { script: path, variables })
    }

    /// Runs it and returns transactions per second.
    pub fn run(&self, database: &Database, connections: usize, length: Duration) -> Outcome<f64> {
        let seconds = length.as_secs_f64().round().max(1.0) as u32 + WARM_UP_SECONDS;
        let mut command = Command::new(program()?);
        command.args(["-n", "-M", "prepared", "-P", "1", "-T", &seconds.to_string()]);
        command.args(["-c", &connections.to_string(), "-j", &connections.min(2).to_string()]);
        command.arg("-f").arg(&self.script);
        for (name, value) in &self.variables {
            command.args(["-D", &format!("{name}={value}")]);
        }
        let output = command.env("PGOPTIONS", SESSION_OPTIONS).arg(&database.url).output()?;
        let (summary, progress) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        // The last progress line may be missing, so the warm-up is subtracted from the total.
        let warm_up = progress.lines().filter_map(rate_of).take(WARM_UP_SECONDS as usize).sum::<f64>();
        let transactions = summary.lines().find_map(|line| {
            line.strip_prefix("number of transactions actually processed: ")?.parse::<f64>().ok()
        });
        let transactions = transactions.filter(|_| output.status.success());
        let transactions = transactions.ok_or_else(|| format!("pgbench: {progress}{summary}"))?;
        Ok((transactions - warm_up) / f64::from(seconds - WARM_UP_SECONDS))
    }
}

/// The statement with pgbench variables as parameters, and their values. `:digits` is a contact's phone number.
fn to_script(statement: &Statement, contacts: Contacts) -> (String, Vec<(String, String)>) {
    let mut sql = statement.sql.clone();
    let mut variables = Vec::new();
    // From the last, so that $1 does not match in $10.
    for (index, value) in statement.values.iter().enumerate().rev() {
        let placeholder = format!("${}", index + 1);
        let replacement = match value {
            None => "NULL".to_owned(),
            // `pgbench` rejects empty variables.
            Some(value) if value.is_empty() => "''".to_owned(),
            Some(address) if contacts == Contacts::Random && address.ends_with("@c.us") => {
                "(:digits || '@c.us')".to_owned()
            }
            Some(value) => {
                let name = format!("p{}", index + 1);
                variables.push((name.clone(), value.clone()));
                // The service declares parameter types; here the cast does.
                sql = sql.replace(&format!("{placeholder} IS NULL"), &format!(":{name}::text IS NULL"));
                format!(":{name}")
            }
        };
        sql = sql.replace(&placeholder, &replacement);
    }
    (sql, variables)
}

/// `progress: 1.0 s, 1555.0 tps, lat …`
fn rate_of(line: &str) -> Option<f64> {
    line.strip_prefix("progress: ")?.split(", ").nth(1)?.strip_suffix(" tps")?.parse().ok()
}

/// The path of `pgbench`, which on Debian is not in `PATH`.
fn program() -> Outcome<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let folders = env::split_paths(&path).chain(debian.map(|version| version.path().join("bin")));
    let mut programs = folders.map(|folder| folder.join("pgbench"));
    programs.find(|program| program.exists()).ok_or_else(|| "pgbench: apt-get install postgresql".into())
}
