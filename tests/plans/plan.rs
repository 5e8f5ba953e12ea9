//! A look through a plan.

use serde_json::Value;

/// The tables that a plan reads from end to end.
pub fn read_whole(plan: &Value) -> Vec<String> {
    let mut tables = Vec::new();
    walk(&plan["Plan"], &mut |node| {
        if node["Node Type"] == "Seq Scan" {
            tables.push(node["Relation Name"].as_str().unwrap_or_default().to_owned());
        }
    });
    tables
}

/// Whether other processes run a part of it.
pub fn starts_workers(plan: &Value) -> bool {
    let mut starts = false;
    walk(&plan["Plan"], &mut |node| starts |= node["Workers Planned"].is_u64());
    starts
}

/// How many blocks it touched, in memory or on disk: a cost that no other process on the machine changes.
pub fn blocks(plan: &Value) -> u64 {
    let of = |name: &str| plan["Plan"][name].as_u64().unwrap_or_default();
    of("Shared Hit Blocks") + of("Shared Read Blocks")
}

/// The most rows that a part of it had in one go.
pub fn rows(plan: &Value) -> u64 {
    let mut most = 0;
    walk(&plan["Plan"], &mut |node| most = most.max(node["Actual Rows"].as_u64().unwrap_or_default()));
    most
}

/// How many rows, or pairs of them, were looked at for nothing.
pub fn thrown_away(plan: &Value) -> u64 {
    let mut sum = 0;
    walk(&plan["Plan"], &mut |node| {
        let of = |name: &str| node[name].as_u64().unwrap_or_default();
        let removed = of("Rows Removed by Filter") + of("Rows Removed by Join Filter");
        sum += removed * of("Actual Loops");
    });
    sum
}

/// The tables whose rows are compared with each element of an array, and not looked up by them.
pub fn compared_with_an_array(plan: &Value) -> Vec<&str> {
    let mut tables = Vec::new();
    walk(&plan["Plan"], &mut |node| {
        if node["Filter"].as_str().is_some_and(|filter| filter.contains("= ANY (")) {
            tables.extend(node["Relation Name"].as_str());
        }
    });
    tables
}

/// The plan in short: its kinds of nodes and what they are about.
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
