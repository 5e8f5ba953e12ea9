//! The report in Markdown: measurements, and expected figures.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use crate::calls::{Call, Protocol};
use crate::pages::ITEMS;
use crate::timing::Slice;
use crate::usage::percentile;
use crate::{PAGE_CONNECTIONS, ROUNDS};

/// The measurements of all slices.
#[derive(Default)]
pub struct Report {
    baselines: BTreeMap<(Call, usize), Vec<f64>>,
    fastify: BTreeMap<(Call, usize), Vec<Slice>>,
    slices: BTreeMap<(Call, usize, Protocol), Vec<Slice>>,
    /// Name of the page, the service's slice, and `pgbench`'s rate.
    pages: Vec<(String, Slice, f64)>,
}

/// One row of the table.
struct Row {
    call: Call,
    connections: usize,
    protocol: Protocol,
    rate: f64,
    p50: Duration,
    p99: Duration,
    /// Processor time per call in µs, of the service and this client.
    service: f64,
    client: f64,
    /// `pgbench`'s rate, for compared calls.
    baseline: Option<f64>,
    /// Processor time per call of the Node.js service in µs, for compared calls.
    fastify: Option<f64>,
}

impl Report {
    /// Adds `pgbench`'s rate for a call.
    pub fn baseline(&mut self, call: Call, connections: usize, rate: f64) {
        self.baselines.entry((call, connections)).or_default().push(rate);
    }

    /// Adds a slice of the Node.js service.
    pub fn fastify(&mut self, call: Call, connections: usize, slice: Slice) {
        self.fastify.entry((call, connections)).or_default().push(slice);
    }

    /// Adds a slice of the service under test.
    pub fn slice(&mut self, protocol: Protocol, call: Call, connections: usize, slice: Slice) {
        self.slices.entry((call, connections, protocol)).or_default().push(slice);
    }

    /// Adds a page of a list or search, with `pgbench`'s rate.
    pub fn page(&mut self, name: &str, slice: Slice, baseline: f64) {
        self.pages.push((name.to_owned(), slice, baseline));
    }

    /// The whole report.
    pub fn markdown(&self, postgres_version: &str, length: Duration) -> String {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let rows = self.rows();
        let table = rows.iter().map(line).collect::<String>();
        format!(
            "# Load\n\n\
             {cores} cores shared by PostgreSQL {postgres_version}, the service and this client; {ROUNDS} rounds of \
             {:.1} s each, `pgbench` right before the calls compared with it. Rates are medians of the rounds, latencies \
             are of all calls. `pgbench` runs the service's statement for GET chat, and reads one row by primary key \
             for GET session chat. Fastify is a small Node.js service that runs the service's statement and sends the \
             row.\n\n\
             | call | connections | protocol | requests/s | p50 ms | p99 ms | service µs/call | Fastify µs/call | client µs/call | pgbench/s | ratio |\n\
             |---|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|\n\
             {table}\n{}\n{}",
            length.as_secs_f64(),
            expectations(&rows),
            self.page_table(),
        )
    }

    fn page_table(&self) -> String {
        let mut text = format!(
            "| {ITEMS} items over REST with {PAGE_CONNECTIONS} connections | requests/s | p50 ms | p99 ms | \
             service µs/call | pgbench/s | ratio |\n|---|--:|--:|--:|--:|--:|--:|\n"
        );
        for (name, slice, baseline) in &self.pages {
            let mut latencies = slice.latencies.clone();
            latencies.sort_unstable();
            let service = slice.service.as_secs_f64() * 1e6 / latencies.len().max(1) as f64;
            let [p50, p99] = [50, 99].map(|percent| milliseconds(percentile(&latencies, percent)));
            let (rate, ratio) = (slice.rate(), slice.rate() / baseline);
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "| {name} | {rate:.0} | {p50:.2} | {p99:.2} | {service:.0} | {baseline:.0} | {ratio:.2} |"
            );
        }
        text
    }

    fn rows(&self) -> Vec<Row> {
        let rows = self.slices.iter().map(|((call, connections, protocol), slices)| {
            let mut latencies = slices.iter().flat_map(|slice| &slice.latencies).copied().collect::<Vec<_>>();
            latencies.sort_unstable();
            let fastify = self.fastify.get(&(*call, *connections)).filter(|_| *protocol == Protocol::Rest);
            let baseline = self.baselines.get(&(*call, *connections));
            Row {
                call: *call,
                connections: *connections,
                protocol: *protocol,
                rate: median(slices.iter().map(Slice::rate).collect()),
                p50: percentile(&latencies, 50),
                p99: percentile(&latencies, 99),
                service: per_call(slices, |slice| slice.service),
                client: per_call(slices, |slice| slice.client),
                baseline: baseline.map(|rates| median(rates.clone())),
                fastify: fastify.map(|slices| per_call(slices, |slice| slice.service)),
            }
        });
        rows.collect()
    }
}

/// Processor time per call, in microseconds.
fn per_call(slices: &[Slice], used: fn(&Slice) -> Duration) -> f64 {
    let calls = slices.iter().map(|slice| slice.latencies.len()).sum::<usize>().max(1);
    slices.iter().map(used).sum::<Duration>().as_secs_f64() * 1e6 / calls as f64
}

fn line(row: &Row) -> String {
    let (baseline, ratio) = match row.baseline {
        Some(baseline) => (format!("{baseline:.0}"), format!("{:.2}", row.rate / baseline)),
        None => ("–".to_owned(), "–".to_owned()),
    };
    let fastify = row.fastify.map_or("–".to_owned(), |used| format!("{used:.0}"));
    format!(
        "| {} | {} | {} | {:.0} | {:.2} | {:.2} | {:.0} | {fastify} | {:.0} | {baseline} | {ratio} |\n",
        row.call.name(),
        row.connections,
        row.protocol.name(),
        row.rate,
        milliseconds(row.p50),
        milliseconds(row.p99),
        row.service,
        row.client,
    )
}

/// Expected figures on two shared cores. Reported, not enforced: a busy machine is no bug.
fn expectations(rows: &[Row]) -> String {
    let most = rows.iter().map(|row| row.connections).max().unwrap_or_default();
    let row = |call| {
        rows.iter().find(|row| (row.call, row.connections, row.protocol) == (call, most, Protocol::Rest))
    };
    let (Some(chat), Some(session_chat)) = (row(Call::GetChat), row(Call::GetSessionChat)) else {
        return String::new();
    };
    let ratio = |row: &Row| row.baseline.map_or(0.0, |baseline| row.rate / baseline);
    let of_fastify = |row: &Row| row.fastify.map_or(f64::INFINITY, |used| row.service / used);
    let spread = |row: &Row| row.p99.as_secs_f64() / row.p50.as_secs_f64();
    let expected = [
        ("GET chat against pgbench, at least", ratio(chat), 0.8, true),
        ("GET session chat against pgbench, at least", ratio(session_chat), 0.5, true),
        ("GET chat, p99 against p50, at most", spread(chat), 5.0, false),
        ("GET session chat, p99 against p50, at most", spread(session_chat), 5.0, false),
        ("GET chat, service µs/call, at most", chat.service, 25.0, false),
        // On the machine where 25 µs are the goal, Fastify takes 51.
        ("GET chat, service µs/call against Fastify's, at most", of_fastify(chat), 0.49, false),
    ];
    let mut text =
        format!("| over REST with {most} connections | expected | measured | |\n|---|--:|--:|---|\n");
    for (what, measured, bound, is_least) in expected {
        let met = if is_least { measured >= bound } else { measured <= bound };
        // Writing to a string cannot fail.
        let _ =
            writeln!(text, "| {what} | {bound} | {measured:.2} | {} |", if met { "met" } else { "missed" });
    }
    text
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
