//! Reads the crates of the layers with a Rust parser: every file, the modules it stands for and what its code outside of tests uses.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMod, ItemUse, Macro, UseTree, Visibility};

use crate::support::{ROOT, files_under};

/// A module path as `src/` names it, such as `["store", "queue"]`. The root is empty.
pub type Module = Vec<String>;

/// The crates that consist of layers: folder, name, and the module that its root is for `src/`.
const CRATES: [(&str, &str, &[&str]); 3] = [
    ("src/", "switchboard", &[]),
    ("crates/core/src/", "switchboard_core", &[]),
    ("crates/store/src/", "switchboard_store", &["store"]),
];

/// A file of a layer and what it uses.
pub struct File {
    /// Its path in the repository.
    pub path: String,
    /// The module that it stands for.
    pub module: Module,
    /// The other modules that it uses, by their files, re-exports resolved.
    pub uses: BTreeSet<Module>,
    /// The other crates that it names.
    pub crates: BTreeSet<String>,
}

impl File {
    /// The top module that the file belongs to.
    pub fn top(&self) -> &str {
        &self.module[0]
    }
}

/// Every file of the layers but the unit tests and the roots, which only name modules.
pub fn files() -> Vec<File> {
    let mut parsed = BTreeMap::new();
    for (folder, name, home) in CRATES {
        for file in files_under(folder, "rs") {
            let path = file.strip_prefix(ROOT).expect("a path in the repository").display().to_string();
            let module = module_of(path.trim_start_matches(folder), &owned(home));
            let text = fs::read_to_string(&file).expect("a source file");
            let syntax = syn::parse_file(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
            let mut names = Names { crate_name: name.to_owned(), at: module.clone(), ..Names::default() };
            names.visit_file(&syntax);
            parsed.insert(module, (path, names));
        }
    }
    parsed.remove(&Module::new());
    let tests: BTreeSet<Module> = parsed.values().flat_map(|(_, names)| names.tests.clone()).collect();
    parsed.retain(|module, _| !tests.iter().any(|test| module.starts_with(test)));
    let modules: BTreeSet<Module> = parsed.keys().cloned().collect();
    let exports: BTreeMap<Module, Module> =
        parsed.values().flat_map(|(_, names)| names.exports.clone()).collect();
    parsed
        .into_iter()
        .map(|(module, (path, names))| resolve(module, path, names, &modules, &exports))
        .collect()
}

fn resolve(
    module: Module,
    path: String,
    names: Names,
    modules: &BTreeSet<Module>,
    exports: &BTreeMap<Module, Module>,
) -> File {
    let mut file = File { path, module, uses: BTreeSet::new(), crates: BTreeSet::new() };
    for (at, path) in names.paths {
        match absolute(&at, &path, modules) {
            Some(path) => {
                file.uses.extend(owner(path, modules, exports).filter(|used| *used != file.module));
            }
            None => drop(file.crates.insert(path[0].clone())),
        }
    }
    file
}

/// The path from the crate's root, or `None` for a path into another crate.
fn absolute(at: &Module, path: &[String], modules: &BTreeSet<Module>) -> Option<Module> {
    let ups = path.iter().take_while(|segment| *segment == "super").count();
    match path[0].as_str() {
        name if of_crate(name, path).is_some() => of_crate(name, path),
        "self" => Some([at, &path[1..]].concat()),
        "super" => Some([&at[..at.len().saturating_sub(ups)], &path[ups..]].concat()),
        child => {
            let is_module = modules.contains(&[at, &[child.to_owned()][..]].concat());
            is_module.then(|| [at, path].concat())
        }
    }
}

/// The path in a crate of the layers, as `src/` names it.
fn of_crate(name: &str, path: &[String]) -> Option<Module> {
    let (_, _, home) = CRATES.iter().find(|(_, known, _)| *known == name)?;
    Some([&owned(home), &path[1..]].concat())
}

/// The module whose file defines what a path names, behind every re-export.
fn owner(
    mut path: Module,
    modules: &BTreeSet<Module>,
    exports: &BTreeMap<Module, Module>,
) -> impl Iterator<Item = Module> {
    for _ in 0..16 {
        let export = (1..=path.len()).rev().find(|length| exports.contains_key(&path[..*length]));
        let Some(length) = export else { break };
        let mut target = exports[&path[..length]].clone();
        target.extend_from_slice(&path[length..]);
        path = target;
    }
    let length = (0..=path.len()).rev().find(|length| modules.contains(&path[..*length]));
    length.map(|length| path[..length].to_vec()).filter(|module| !module.is_empty()).into_iter()
}

/// `queue.rs` of the store is `["store", "queue"]`, and its `lib.rs` is `["store"]`.
fn module_of(path: &str, home: &Module) -> Module {
    let names = path.trim_end_matches(".rs").split('/').filter(|name| *name != "lib");
    home.iter().cloned().chain(names.map(str::to_owned)).collect()
}

fn owned(path: &[&str]) -> Module {
    path.iter().map(|&name| name.to_owned()).collect()
}

/// What the code of a file names, outside of tests.
#[derive(Default)]
struct Names {
    /// What `crate` stands for.
    crate_name: String,
    /// The module that is being read.
    at: Module,
    /// Paths with the module in which they stand.
    paths: Vec<(Module, Vec<String>)>,
    /// Re-exports: the public path of each, and the path that it stands for.
    exports: Vec<(Module, Module)>,
    /// Modules of tests.
    tests: Vec<Module>,
}

impl Names {
    fn add(&mut self, mut path: Vec<String>) {
        if path[0] == "crate" {
            path[0].clone_from(&self.crate_name);
        }
        self.paths.push((self.at.clone(), path));
    }

    /// Adds each leaf of `use a::{b, c as d}` with the name that it has from then on.
    fn add_tree(&mut self, tree: &UseTree, prefix: &[String], is_export: bool) {
        let (name, path) = match tree {
            UseTree::Path(path) => {
                let prefix = [prefix, &[path.ident.to_string()]].concat();
                return self.add_tree(&path.tree, &prefix, is_export);
            }
            UseTree::Group(group) => {
                return group.items.iter().for_each(|item| self.add_tree(item, prefix, is_export));
            }
            UseTree::Name(name) if name.ident == "self" => (prefix.last().cloned(), prefix.to_vec()),
            UseTree::Name(name) => {
                (Some(name.ident.to_string()), [prefix, &[name.ident.to_string()]].concat())
            }
            UseTree::Rename(name) => {
                (Some(name.rename.to_string()), [prefix, &[name.ident.to_string()]].concat())
            }
            UseTree::Glob(_) => (None, prefix.to_vec()),
        };
        if let (true, Some(name)) = (is_export, name) {
            let target = match path[0].as_str() {
                "crate" => of_crate(&self.crate_name, &path).unwrap_or_default(),
                "self" => [&self.at[..], &path[1..]].concat(),
                "super" => [&self.at[..self.at.len() - 1], &path[1..]].concat(),
                _ => [&self.at[..], &path[..]].concat(),
            };
            self.exports.push(([&self.at[..], &[name]].concat(), target));
        }
        self.add(path);
    }
}

impl<'ast> Visit<'ast> for Names {
    fn visit_item(&mut self, item: &'ast Item) {
        if let Item::Mod(module) = item
            && is_test(&module.attrs)
        {
            self.tests.push([&self.at[..], &[module.ident.to_string()]].concat());
        } else if !attributes(item).is_some_and(is_test) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        if !is_test(&function.attrs) {
            visit::visit_impl_item_fn(self, function);
        }
    }

    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        self.at.push(module.ident.to_string());
        visit::visit_item_mod(self, module);
        self.at.pop();
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.add_tree(&item.tree, &[], !matches!(item.vis, Visibility::Inherited));
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.segments.len() > 1 {
            self.add(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, item: &'ast Macro) {
        let mut words = Vec::new();
        flatten(item.tokens.clone(), &mut words);
        for (at, word) in words.iter().enumerate().filter(|(_, word)| *word == "crate") {
            let rest = words[at + 1..].chunks(3).take_while(|step| step[..2.min(step.len())] == [":", ":"]);
            let path = rest.filter_map(|step| step.get(2).cloned());
            self.add([word.clone()].into_iter().chain(path).collect());
        }
        visit::visit_macro(self, item);
    }
}

/// The attributes of the items that tests consist of.
#[expect(clippy::wildcard_enum_match_arm, reason = "no other item is ever compiled for tests only")]
fn attributes(item: &Item) -> Option<&[Attribute]> {
    match item {
        Item::Fn(item) => Some(&item.attrs),
        Item::Impl(item) => Some(&item.attrs),
        Item::Use(item) => Some(&item.attrs),
        Item::Struct(item) => Some(&item.attrs),
        Item::Const(item) => Some(&item.attrs),
        _ => None,
    }
}

/// Whether an item is compiled for tests only.
fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("test")
            || attribute.path().is_ident("cfg")
                && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
    })
}

fn flatten(tokens: TokenStream, words: &mut Vec<String>) {
    for token in tokens {
        if let TokenTree::Group(group) = &token {
            flatten(group.stream(), words);
        } else {
            words.push(token.to_string());
        }
    }
}

/// The first line of a file and how many lines it has.
pub fn opening(file: &Path) -> (String, usize) {
    let text = fs::read_to_string(file).expect("a source file");
    (text.lines().next().unwrap_or_default().to_owned(), text.lines().count())
}
