//! The structure of the source: layers, circles, the size of files, and that documents name files that exist.

mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use self::source::{File, Module, files, opening};
use crate::support::{ROOT, files_under};

/// The layer of each top module. A file uses its own layer and those below it.
const RANKS: [(&str, u8); 25] = [
    ("main", 9),
    ("cli", 9),
    ("server", 8),
    ("rest", 7),
    ("api", 7),
    ("connect", 6),
    ("actions", 5),
    ("auth", 4),
    ("store", 3),
    ("config", 2),
    ("telemetry", 2),
    ("caller", 2),
    ("columns", 2),
    ("cursor", 2),
    ("fair_share", 2),
    ("deadline", 1),
    ("digest", 1),
    ("error", 1),
    ("folding", 1),
    ("full_text", 1),
    ("ids", 1),
    ("instant", 1),
    ("patch", 1),
    ("reloading", 1),
    ("text_key", 1),
];

/// The crates that a layer never names.
const FORBIDDEN: [(&str, &[&str]); 6] = [
    ("server", &["diesel"]),
    ("api", &["diesel", "http", "serde_json"]),
    ("connect", &["diesel", "tonic"]),
    ("actions", &["diesel", "http", "tonic"]),
    ("auth", &["diesel"]),
    ("cli", &["diesel"]),
];

const MAX_LINES: usize = 300;

#[test]
fn files_use_their_own_layer_and_those_below() {
    let mut upward = Vec::new();
    for file in files() {
        for used in file.uses.iter().filter(|used| rank(&used[0]) > rank(file.top())) {
            upward.push(format!("{} uses {}", file.path, used.join("::")));
        }
    }
    assert_eq!(upward, Vec::<String>::new());
}

#[test]
fn files_use_each_other_without_circles() {
    let files = files();
    let graph = files.iter().map(|file| (file.module.clone(), file.uses.clone())).collect();
    assert_eq!(circles(&graph), Vec::<String>::new());
}

#[test]
fn modules_use_each_other_without_circles() {
    let mut graph: BTreeMap<Module, BTreeSet<Module>> = BTreeMap::new();
    for file in files() {
        let top = vec![file.top().to_owned()];
        let others = file.uses.iter().map(|used| used[..1].to_vec()).filter(|used| *used != top);
        graph.entry(top.clone()).or_default().extend(others);
    }
    assert_eq!(circles(&graph), Vec::<String>::new());
}

#[test]
fn layers_do_not_name_crates_of_other_layers() {
    let mut named = Vec::new();
    for file in files() {
        let forbidden = FORBIDDEN.iter().find(|(layer, _)| *layer == file.top());
        let crates = forbidden.map_or(&[][..], |(_, crates)| crates);
        let found = crates.iter().filter(|name| file.crates.contains(**name));
        named.extend(found.map(|name| format!("{} names {name}", file.path)));
        if file.crates.contains("diesel") && !["store", "columns"].contains(&file.top()) {
            named.push(format!("{} names diesel", file.path));
        }
    }
    assert_eq!(named, Vec::<String>::new());
}

#[test]
fn the_reader_sees_code_after_tests_and_circles_of_files() {
    let graph = [("a", "b"), ("b", "c"), ("c", "a"), ("d", "a")];
    let module = |name: &str| vec![name.to_owned()];
    let graph = graph.map(|(from, to)| (module(from), BTreeSet::from([module(to)])));
    assert_eq!(circles(&graph.into()), ["a, b, c"]);
    let all = files();
    assert!(all.iter().any(|file| file.uses.len() > 3), "no file uses others: the reader is blind");
    assert!(all.iter().any(|file: &File| file.crates.contains("diesel")), "nobody names diesel");
}

#[test]
fn files_are_short_and_open_with_a_sentence() {
    let mut wrong = Vec::new();
    let folders = ["src", "tests", "benches", "crates"];
    let mut files: Vec<_> = folders.into_iter().flat_map(|folder| files_under(folder, "rs")).collect();
    files.push(Path::new(ROOT).join("build.rs"));
    for file in files {
        let (first, lines) = opening(&file);
        if lines > MAX_LINES {
            wrong.push(format!("{} has {lines} lines", file.display()));
        }
        if !first.starts_with("//! ") {
            wrong.push(format!("{} does not open with what it is", file.display()));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn documents_name_files_that_exist() {
    let mut missing = Vec::new();
    for document in ["README.md", "docs/architecture.md", "docs/operations.md"] {
        let text = fs::read_to_string(Path::new(ROOT).join(document)).expect(document);
        let quoted = text.split('`').skip(1).step_by(2).map(str::to_owned);
        let tops =
            ["src/", "tests/", "proto/", "helm/", "migrations/", "benches/", "crates/", "assets/", "docs/"];
        let paths = quoted.filter(|word| tops.iter().any(|top| word.starts_with(top)));
        let absent = paths.filter(|path| !Path::new(ROOT).join(path).exists());
        missing.extend(absent.map(|path| format!("{document} names {path}")));
    }
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn a_request_passes_at_most_nine_files() {
    let text =
        fs::read_to_string(Path::new(ROOT).join("docs/architecture.md")).expect("docs/architecture.md");
    let (_, way) = text.split_once("## The way of one PATCH").expect("the way of a request");
    let way = way.split("\n## ").next().unwrap_or_default();
    let steps: Vec<_> = way.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit())).collect();
    let files: BTreeSet<_> = steps.iter().filter_map(|step| step.split('`').nth(1)).collect();
    assert_eq!(files.len(), steps.len(), "each step names its file first");
    assert!((3..=9).contains(&steps.len()), "{} files: {files:?}", steps.len());
}

#[test]
fn every_promise_names_a_test_that_exists() {
    let page = fs::read_to_string(Path::new(ROOT).join("docs/operations.md")).expect("docs/operations.md");
    let (_, promises) = page.split_once("| promise ").expect("a table of promises");
    let rows: Vec<_> = promises.lines().skip(2).take_while(|line| line.starts_with('|')).collect();
    assert!(!rows.is_empty());
    let names =
        rows.iter().flat_map(|row| row.rsplit("| ").next()).map(|name| name.trim_matches([' ', '|', '`']));
    let missing: Vec<_> = names.filter(|name| !is_promise_tested(name)).collect();
    assert_eq!(missing, Vec::<&str>::new());
}

/// Whether `module::function` or `module` is one of these tests, or `function` a unit test.
fn is_promise_tested(name: &str) -> bool {
    let tests = Path::new(ROOT).join("tests");
    let contains = |file: &Path, function: &str| {
        fs::read_to_string(file).is_ok_and(|text| text.contains(&format!("fn {function}(")))
    };
    match name.rsplit_once("::") {
        _ if tests.join(name.replace("::", "/")).with_extension("rs").exists() => true,
        Some((module, function)) => {
            contains(&tests.join(module.replace("::", "/")).with_extension("rs"), function)
        }
        None => {
            ["src", "crates"].iter().flat_map(|top| files_under(top, "rs")).any(|file| contains(&file, name))
        }
    }
}

/// The groups of modules that use each other in a circle.
fn circles(graph: &BTreeMap<Module, BTreeSet<Module>>) -> Vec<String> {
    let reached: BTreeMap<_, _> = graph.keys().map(|start| (start, reachable(graph, start))).collect();
    let mut groups = BTreeSet::new();
    for (start, from_start) in &reached {
        let group =
            from_start.iter().filter(|other| reached.get(other).is_some_and(|back| back.contains(*start)));
        let group: Vec<_> = group.map(|module| module.join("::")).collect();
        if !group.is_empty() {
            groups.insert(group.join(", "));
        }
    }
    groups.into_iter().collect()
}

fn reachable(graph: &BTreeMap<Module, BTreeSet<Module>>, start: &Module) -> BTreeSet<Module> {
    let mut reached = BTreeSet::new();
    let mut next = vec![start];
    while let Some(module) = next.pop() {
        let used = graph.get(module).into_iter().flatten();
        next.extend(used.filter(|used| reached.insert((*used).clone())));
    }
    reached
}

fn rank(module: &str) -> u8 {
    let known = RANKS.iter().find(|(name, _)| *name == module);
    known.unwrap_or_else(|| panic!("{module} has no layer: name it in tests/layers.rs")).1
}
