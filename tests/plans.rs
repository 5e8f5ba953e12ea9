//! Query plans: every read is one round trip, uses indexes only, and costs the same on every page of a list. The test calls
//! the service once for every read and filter, and reads the plans from PostgreSQL's log.
//!
//! `make plans` uses a large database, which takes minutes to fill. Otherwise the database is small, and cost settings make
//! sequential scans and parallel workers as attractive as in the large one.

mod growth;
pub mod log;
pub mod plan;
mod requests;
mod seed;
mod writes;

use std::collections::BTreeMap;

use serde_json::Value;
use tokio::sync::OnceCell;

use crate::support::{Answer, Cluster, Rest, Server, Sql, is_statement_of_a_request};
use log::{Entry, Log};
use requests::Request;
use seed::Seeded;

/// Number of chats, set by `PLANS_CHATS`; there are six times as many messages.
const CHATS: u64 = 20_000;
/// Number of chats in `make plans`.
const FULL_CHATS: f64 = 1_000_000.0;
/// Calls of each request: the first prepares the statement, the others reuse it.
const RUNS: usize = 2;
/// The largest page of a list with cursors.
const PAGE: usize = 200;
/// The read that needs no table: authentication has read what it returns.
const WITHOUT_STATEMENT: &str = "GetCaller";
/// Maximum relative difference of cost between the first and the last page.
const SPREAD: f64 = 0.2;

static OBSERVED: OnceCell<Observed> = OnceCell::const_new();

/// The observed calls.
struct Observed {
    /// [`RUNS`] calls of every request.
    calls: Vec<Call>,
    /// The first and the last full page of every list with several pages.
    ends: Vec<(Call, Call)>,
}

/// A request and PostgreSQL's log entries for it.
struct Call {
    request: Request,
    entries: Vec<Entry>,
}

#[tokio::test]
async fn no_read_scans_a_whole_table() {
    let observed = observe().await;
    let mut scans = BTreeMap::new();
    for call in &observed.calls {
        for plan in call.plans() {
            let tables = plan::sequential_scans(plan);
            if !tables.is_empty() {
                let text = plan["Query Text"].as_str().unwrap_or_default();
                scans.entry((text, tables)).or_insert((&call.request, plan::outline(plan)));
            }
        }
    }
    assert!(scans.is_empty(), "{scans:#?}");
}

#[tokio::test]
async fn every_read_is_one_statement_prepared_once() {
    let observed = observe().await;
    let mut parsed: BTreeMap<&str, usize> = BTreeMap::new();
    let mut executed: BTreeMap<&str, usize> = BTreeMap::new();
    for call in &observed.calls {
        let mut statements = Vec::new();
        for entry in &call.entries {
            match entry {
                Entry::Parse(sql) => *parsed.entry(sql).or_default() += 1,
                Entry::Execute(sql) if !is_statement_of_a_request(sql) => {}
                Entry::Execute(sql) => {
                    *executed.entry(sql).or_default() += 1;
                    statements.push(sql);
                }
                Entry::Text(sql) => statements.push(sql),
                Entry::Plan(_) => {}
            }
        }
        let expected = usize::from(call.request.rpc != WITHOUT_STATEMENT);
        assert_eq!(statements.len(), expected, "{:?}: {statements:#?}", call.request);
    }
    for (sql, runs) in executed {
        assert_eq!(parsed.get(sql), Some(&1), "not prepared exactly once for {runs} runs: {sql}");
    }
}

#[tokio::test]
async fn every_read_has_a_generic_plan_without_workers() {
    let observed = observe().await;
    let mut seen = 0;
    for call in &observed.calls {
        let is_in_function =
            |plan: &&Value| !plan["Query Text"].as_str().unwrap_or_default().contains("\"org_id\"");
        for plan in call.plans().filter(|plan| !is_in_function(plan)) {
            seen += 1;
            assert!(!plan::starts_workers(plan), "{:?}: {plan:#}", call.request);
            assert!(!plan["Plan"].to_string().contains(seed::ORG), "{:?}: {plan:#}", call.request);
        }
    }
    assert!(seen >= 100, "only {seen} plans were checked");
}

#[tokio::test]
async fn last_page_of_a_list_costs_as_much_as_the_first() {
    let observed = observe().await;
    for (first, last) in &observed.ends {
        let [of_first, of_last] = [first, last].map(|call| call.blocks() as f64);
        let spread = (of_last / of_first - 1.0).abs();
        let plans = [first, last].map(|call| call.plans().map(plan::outline).collect::<Vec<_>>());
        assert!(
            spread <= SPREAD,
            "{:?}: {of_first} blocks for the first page, {of_last} for the last: {plans:#?}",
            first.request
        );
    }
}

impl Call {
    fn plans(&self) -> impl Iterator<Item = &Value> {
        let plans = self.entries.iter().filter_map(Entry::plan);
        plans.filter(|plan| is_statement_of_a_request(plan["Query Text"].as_str().unwrap_or_default()))
    }

    /// Blocks of the statement, which include those of statements in its functions.
    fn blocks(&self) -> u64 {
        self.plans().map(plan::blocks).max().unwrap_or_default()
    }
}

/// Makes all calls, once for all tests.
async fn observe() -> &'static Observed {
    OBSERVED.get_or_init(call_everything).await
}

async fn call_everything() -> Observed {
    let configured = std::env::var("PLANS_CHATS").ok();
    let chats = configured.as_ref().map_or(CHATS, |text| text.parse().expect("PLANS_CHATS is a number"));
    let cluster = Cluster::start(&log::SETTINGS).await;
    let database = cluster.empty_database();
    database.migrate();
    let seeded = Seeded::fill(&database, chats);
    let cost = (FULL_CHATS / chats as f64).max(1.0);
    let settings = [
        format!("seq_page_cost = {cost}"),
        "min_parallel_table_scan_size = 0".to_owned(),
        "min_parallel_index_scan_size = 0".to_owned(),
        "parallel_setup_cost = 0".to_owned(),
        "parallel_tuple_cost = 0".to_owned(),
    ];
    for setting in settings {
        database.admin().run(&format!("ALTER ROLE switchboard SET {setting}"));
    }

    // One connection: every statement is prepared on it, and all log entries belong to the current call.
    let server = Server::start(&database, "127.0.0.1:0", &["--database-pool-size", "1"]).await;
    // Opens the connection before the first call, with a write that shares no statement with the reads.
    let unknown_label = "/api/v1/organization/labels/label-aaaaaaaaaaaaaaaa";
    assert_eq!(Rest::new(server.address).token(&seeded.key).delete(unknown_label).await.status, 404);
    let mut caller = Caller::new(&cluster, &server, &seeded);
    caller.check_log(&mut database.sql());
    let mut observed = Observed { calls: Vec::new(), ends: Vec::new() };
    for request in requests::all(&seeded) {
        let mut next = None;
        for _ in 0..RUNS {
            let (call, answer) = caller.call(&request).await;
            next = next_cursor(&answer).map(|cursor| request.following(cursor));
            observed.calls.push(call);
        }
        for request in next.iter().flat_map(|request| std::iter::repeat_n(request, RUNS)) {
            observed.calls.push(caller.call(request).await.0);
        }
        if next.is_some() && request.is_bare && !request.is_limited {
            observed.ends.extend(caller.ends(&request).await);
        }
        if request.is_bare {
            observed.ends.extend(caller.counted_ends(&request).await);
        }
    }
    if configured.is_some() {
        observed.print();
    }
    observed
}

/// Makes calls and reads PostgreSQL's log entries for them.
struct Caller {
    rest: Rest,
    log: Log,
    keys: [String; 2],
}

impl Caller {
    fn new(cluster: &Cluster, server: &Server, seeded: &Seeded) -> Self {
        Self {
            rest: Rest::new(server.address),
            log: Log::from_now(cluster.log_file()),
            keys: [seeded.key.clone(), seeded.limited_key.clone()],
        }
    }

    /// Checks that a sequential scan would be noticed.
    fn check_log(&mut self, sql: &mut Sql) {
        sql.run("SELECT FROM messages WHERE body = 'not in any message'");
        let entries = self.log.next();
        let mut plans = entries.iter().filter_map(Entry::plan);
        let seen = plans.any(|plan| plan::sequential_scans(plan) == ["messages"] && plan::blocks(plan) > 100);
        assert!(seen, "PostgreSQL's log does not show plans: {entries:?}");
    }

    async fn call(&mut self, request: &Request) -> (Call, Value) {
        let (call, answer) = self.observe(request).await;
        assert_eq!(answer.status, 200, "{request:?}: {}", answer.text());
        (call, answer.json())
    }

    /// Makes a call whose rows may be missing.
    async fn observe(&mut self, request: &Request) -> (Call, Answer) {
        let rest = self.rest.token(&self.keys[usize::from(request.is_limited)]);
        let rest = request.phone.iter().fold(rest, |rest, phone| rest.with("x-phone", phone));
        self.log.next();
        let answer = rest.get(&request.target).await;
        (Call { request: request.clone(), entries: self.log.next() }, answer)
    }

    /// The first and the last full page of a list with offset pagination, if it has several.
    async fn counted_ends(&mut self, request: &Request) -> Option<(Call, Call)> {
        let page = |offset: u64| {
            let paging = format!("limit={PAGE}&offset={offset}");
            Request { target: request.target.replace("limit=20", &paging), ..request.clone() }
        };
        let (_, answer) = self.call(request).await;
        let last = answer["count"].as_u64()?.checked_sub(PAGE as u64).filter(|last| *last > PAGE as u64)?;
        Some((self.call(&page(0)).await.0, self.call(&page(last)).await.0))
    }

    /// Reads a list with keyset pagination to its end: its first and its last full page, if it has several.
    async fn ends(&mut self, request: &Request) -> Option<(Call, Call)> {
        let target = request.target.replace("limit=20", &format!("limit={PAGE}"));
        let request = Request { target, ..request.clone() };
        let (first, mut answer) = self.call(&request).await;
        let mut last = None;
        while let Some(cursor) = next_cursor(&answer).map(str::to_owned) {
            let (call, next) = self.call(&request.following(&cursor)).await;
            if next["data"].as_array().is_some_and(|items| items.len() == PAGE) {
                last = Some(call);
            }
            answer = next;
        }
        last.map(|last| (first, last))
    }
}

impl Observed {
    /// Prints the blocks of each request.
    fn print(&self) {
        for call in self.calls.iter().step_by(RUNS) {
            let Request { rpc, target, phone, is_limited, .. } = &call.request;
            let phone = phone.as_deref().unwrap_or("–");
            println!(
                "{:>9} blocks  {rpc} {target} {phone}{}",
                call.blocks(),
                if *is_limited { " limited" } else { "" }
            );
        }
        for (first, last) in &self.ends {
            println!("{} from {} blocks to {}", first.request.target, first.blocks(), last.blocks());
        }
    }
}

/// The cursor of the next page, in either API's spelling.
fn next_cursor(answer: &Value) -> Option<&str> {
    answer["nextCursor"].as_str().or(answer["next_cursor"].as_str())
}
