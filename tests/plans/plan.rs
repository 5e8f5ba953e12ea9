//! Queries over a JSON plan.

use serde_json::Value;

/// Tables that the plan scans sequentially.
pub fn sequential_scans(plan: &Value) -> Vec<String> {
    let mut tables = Vec::new();
    walk(&plan["Plan"], &mut |node| {
        if node["Node Type"] == "Seq Scan" {
            tables.push(node["Relation Name"].as_str().unwrap_or_default().to_owned());
        }
    });
    tables
}

/// Whether the plan uses parallel workers.
pub fn starts_workers(plan: &Value) -> bool {
    let mut starts = false;
    walk(&plan["Plan"], &mut |node| starts |= node["Workers Planned"].is_u64());
    starts
}

/// Number of blocks touched, in memory or on disk: a cost that does not depend on the machine's load.
pub fn blocks(plan: &Value) -> u64 {
    let of = |name: &str| plan["Plan"][name].as_u64().unwrap_or_default();
    of("Shared Hit Blocks") + of("Shared Read Blocks")
}

/// Maximum number of rows of a node in one loop.
pub fn rows(plan: &Value) -> u64 {
    let mut most = 0;
    walk(&plan["Plan"], &mut |node| most = most.max(node["Actual Rows"].as_u64().unwrap_or_default()));
    most
}

/// Number of rows, or pairs of rows, that filters discarded.
pub fn discarded_rows(plan: &Value) -> u64 {
    let mut sum = 0;
    walk(&plan["Plan"], &mut |node| {
        let of = |name: &str| node[name].as_u64().unwrap_or_default();
        let removed = of("Rows Removed by Filter") + of("Rows Removed by Join Filter");
        sum += removed * of("Actual Loops");
    });
    sum
}

/// Tables whose rows are filtered by `= ANY` instead of being looked up.
pub fn filtered_by_array(plan: &Value) -> Vec<&str> {
    let mut tables = Vec::new();
    walk(&plan["Plan"], &mut |node| {
        if node["Filter"].as_str().is_some_and(|filter| filter.contains("= ANY (")) {
            tables.extend(node["Relation Name"].as_str());
        }
    });
    tables
}

/// The plan's nodes with their tables and indexes, as one line.
pub fn outline(plan: &Value) -> String {
    let mut nodes = Vec::new();
    walk(&plan["Plan"], &mut |node| {
        let names =
            ["Node Type", "Relation Name", "Index Name"].map(|name| node[name].as_str().unwrap_or_default());
        nodes.push(names.join(" ").trim_end().to_owned());
    });
    nodes.join(" < ")
}

fn walk<'p>(node: &'p Value, visit: &mut impl FnMut(&'p Value)) {
    visit(node);
    for child in node["Plans"].as_array().into_iter().flatten() {
        walk(child, visit);
    }
}
