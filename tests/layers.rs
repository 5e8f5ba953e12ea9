//! The shape of the source: who may use whom, how long a file may be, and that what the documents name is there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::support::{ROOT, files_under};

/// Which layer a module stands on. A file uses its own layer and those below it.
const RANKS: [(&str, u8); 21] = [
    ("main", 8),
    ("cli", 8),
    ("server", 7),
    ("rest", 6),
    ("api", 5),
    ("actions", 4),
    ("auth", 3),
    ("store", 2),
    ("config", 1),
    ("http_client", 1),
    ("telemetry", 1),
    ("caller", 1),
    ("cursor", 1),
    ("postgres", 1),
    ("deadline", 0),
    ("error", 0),
    ("ids", 0),
    ("patch", 0),
    ("reloading", 0),
    ("instant", 0),
    ("pb", 0),
];

/// What a layer never names, beside the layers above it.
const NEVER: [(&str, &[&str]); 4] = [
    ("server", &["diesel::"]),
    ("api", &["diesel::", "http::", "serde_json::"]),
    ("actions", &["diesel::", "http::", "tonic::"]),
    ("auth", &["crate::api", "crate::actions", "diesel::"]),
];

const LONGEST_FILE: usize = 300;

#[test]
fn no_file_uses_a_layer_above_its_own() {
    let mut upward = Vec::new();
    for (file, module, text) in sources() {
        for used in crate_modules(&text) {
            if rank(&used) > rank(&module) {
                upward.push(format!("{file} uses {used}"));
            }
        }
    }
    assert_eq!(upward, Vec::<String>::new());
}

#[test]
fn modules_use_each_other_without_circles() {
    let mut uses: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (_, module, text) in sources() {
        let others = crate_modules(&text).into_iter().filter(|used| *used != module);
        uses.entry(module.clone()).or_default().extend(others);
    }
    for start in uses.keys() {
        let mut reached = BTreeSet::new();
        let mut next = vec![start];
        while let Some(module) = next.pop() {
            for used in uses.get(module).into_iter().flatten() {
                assert_ne!(used, start, "{start} and {module} use each other");
                if reached.insert(used) {
                    next.push(used);
                }
            }
        }
    }
}

#[test]
fn layers_do_not_name_what_is_not_theirs() {
    let mut named = Vec::new();
    for (file, module, text) in sources() {
        let never = NEVER.iter().find(|(layer, _)| *layer == module).map_or(&[][..], |(_, names)| names);
        let foreign = never.iter().filter(|name| mentions(&text, name));
        named.extend(foreign.map(|name| format!("{file} names {name}")));
        if mentions(&text, "diesel::") && !["store", "cli"].contains(&module.as_str()) {
            named.push(format!("{file} names diesel"));
        }
    }
    assert_eq!(named, Vec::<String>::new());
}

#[test]
fn files_are_short_and_open_with_a_sentence() {
    let mut wrong = Vec::new();
    let mut files: Vec<_> = ["src", "tests", "benches", "build"]
        .into_iter()
        .flat_map(|folder| files_under(folder, "rs"))
        .collect();
    files.push(Path::new(ROOT).join("build.rs"));
    for file in files {
        let text = fs::read_to_string(&file).expect("a source file");
        let lines = text.lines().count();
        if lines > LONGEST_FILE {
            wrong.push(format!("{} has {lines} lines", file.display()));
        }
        if !text.starts_with("//! ") {
            wrong.push(format!("{} does not say what it is", file.display()));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn the_readme_names_only_files_that_exist() {
    let readme = fs::read_to_string(Path::new(ROOT).join("README.md")).expect("README.md");
    let quoted = readme.split('`').skip(1).step_by(2);
    let paths = quoted.filter(|word| {
        ["src/", "tests/", "proto/", "helm/", "migrations/", "benches/"]
            .iter()
            .any(|top| word.starts_with(top))
    });
    let missing: Vec<_> = paths.filter(|path| !Path::new(ROOT).join(path).exists()).collect();
    assert_eq!(missing, Vec::<&str>::new());
}

#[test]
fn every_promise_names_a_test_that_exists() {
    let page = fs::read_to_string(Path::new(ROOT).join("docs/operations.md")).expect("docs/operations.md");
    let (_, promises) = page.split_once("| promise ").expect("a table of promises");
    let rows: Vec<_> = promises.lines().skip(2).take_while(|line| line.starts_with('|')).collect();
    assert!(!rows.is_empty());
    let names =
        rows.iter().flat_map(|row| row.rsplit("| ").next()).map(|name| name.trim_matches([' ', '|', '`']));
    let missing: Vec<_> = names.filter(|name| !is_test(name)).collect();
    assert_eq!(missing, Vec::<&str>::new());
}

/// Whether `module::function` or `module` is one of these tests, or `function` a unit test.
fn is_test(name: &str) -> bool {
    let tests = Path::new(ROOT).join("tests");
    let contains = |file: &Path, function: &str| {
        fs::read_to_string(file).is_ok_and(|text| text.contains(&format!("fn {function}(")))
    };
    match name.rsplit_once("::") {
        _ if tests.join(name.replace("::", "/")).with_extension("rs").exists() => true,
        Some((module, function)) => {
            contains(&tests.join(module.replace("::", "/")).with_extension("rs"), function)
        }
        None => files_under("src", "rs").iter().any(|file| contains(file, name)),
    }
}

/// Every file of `src/`: its path, the top module it belongs to and its text without comments and unit tests.
fn sources() -> Vec<(String, String, String)> {
    let files = files_under("src", "rs").into_iter();
    let files = files.map(|file| {
        let path = file.strip_prefix(ROOT).expect("a path in the repository").display().to_string();
        let module = path.trim_start_matches("src/").split(['/', '.']).next().unwrap_or_default().to_owned();
        let text = fs::read_to_string(&file).expect("a source file");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let code = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>();
        (path, module, code.join("\n"))
    });
    files.filter(|(_, module, _)| module != "lib").collect()
}

/// The top modules of this crate that a text names: `crate::x`, `switchboard::x` and `use crate::{x, y::z}`.
fn crate_modules(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for root in ["crate::", "switchboard::"] {
        for (at, _) in text.match_indices(root) {
            let rest = &text[at + root.len()..];
            match rest.strip_prefix('{') {
                Some(list) => found.extend(list_heads(list)),
                None => found.extend([word(rest)]),
            }
        }
    }
    found.retain(|name| RANKS.iter().any(|(module, _)| module == name));
    found
}

/// The first words of a `{…}` list's items, whatever is nested in them.
fn list_heads(list: &str) -> Vec<String> {
    let mut heads = Vec::new();
    let mut depth = 0;
    let mut item_starts = true;
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => item_starts = true,
            c if c.is_alphabetic() && item_starts => {
                heads.push(word(&list[at..]));
                item_starts = false;
            }
            _ => {}
        }
    }
    heads
}

fn word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// Whether the text names that path, not as the end of a longer name.
fn mentions(text: &str, path: &str) -> bool {
    text.match_indices(path)
        .any(|(at, _)| !text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':'))
}

fn rank(module: &str) -> u8 {
    let known = RANKS.iter().find(|(name, _)| *name == module);
    known.unwrap_or_else(|| panic!("src/{module} stands on no layer: name it in tests/layers.rs")).1
}
