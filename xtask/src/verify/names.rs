//! Names of call sites that survive moving lines: `RawMutex::lock#compare_exchange.0` is the first such call in that function.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use proc_macro2::{LineColumn, Span};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// Where a function is, and what it is called.
struct Function {
    name: String,
    start: LineColumn,
    end: LineColumn,
}

/// The functions of one file, outer ones before those within them.
struct Functions {
    found: Vec<Function>,
    /// Modules, types and functions around the place that is being visited.
    around: Vec<String>,
}

impl Functions {
    fn within(&mut self, name: String, visit: impl FnOnce(&mut Self)) {
        self.around.push(name);
        visit(self);
        self.around.pop();
    }

    fn function(&mut self, name: &syn::Ident, whole: Span, visit: impl FnOnce(&mut Self)) {
        self.within(name.to_string(), |this| {
            let name = this.around.join("::");
            this.found.push(Function { name, start: whole.start(), end: whole.end() });
            visit(this);
        });
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.within(item.ident.to_string(), |this| visit::visit_item_mod(this, item));
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        let of = type_name(&item.self_ty);
        // Two traits of one type may have methods of one name.
        let name = match &item.trait_ {
            Some((_, path, _)) => format!("{of} as {}", last(path)),
            None => of,
        };
        self.within(name, |this| visit::visit_item_impl(this, item));
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.within(item.ident.to_string(), |this| visit::visit_item_trait(this, item));
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.sig.ident, item.span(), |this| visit::visit_item_fn(this, item));
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.sig.ident, item.span(), |this| visit::visit_impl_item_fn(this, item));
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        self.function(&item.sig.ident, item.span(), |this| visit::visit_trait_item_fn(this, item));
    }

    /// Functions that a macro declares (`const_in_normal_builds!`) are functions too, where its input reads as items.
    fn visit_macro(&mut self, mac: &'ast syn::Macro) {
        each_function_of(mac, |function| self.visit_impl_item_fn(function));
    }
}

/// Calls `look` with each function that a macro is given, if it is given nothing else.
pub fn each_function_of(mac: &syn::Macro, mut look: impl FnMut(&syn::ImplItemFn)) {
    if let Ok(functions) = mac.parse_body_with(Members::parse) {
        functions.0.iter().for_each(&mut look);
    }
}

/// The input of a macro, if it is a list of functions.
struct Members(Vec<syn::ImplItemFn>);

impl Members {
    fn parse(input: syn::parse::ParseStream<'_>) -> syn::Result<Self> {
        let mut functions = Vec::new();
        while !input.is_empty() {
            functions.push(input.parse()?);
        }
        Ok(Self(functions))
    }
}

fn type_name(of: &syn::Type) -> String {
    match of {
        syn::Type::Path(path) => last(&path.path),
        syn::Type::Reference(reference) => format!("&{}", type_name(&reference.elem)),
        _ => "_".into(),
    }
}

fn last(path: &syn::Path) -> String {
    path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default()
}

/// A call site as the program under test reports it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Site {
    /// The file, relative to the workspace's root.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
    /// What is called there.
    pub operation: String,
}

/// Names all `sites`, whose files lie under `root`. Two sites never share a name.
///
/// # Errors
/// If a file cannot be read, or is no Rust.
pub fn name_all(root: &Path, sites: &[Site]) -> Result<BTreeMap<Site, String>> {
    let mut by_file: BTreeMap<&str, Vec<&Site>> = BTreeMap::new();
    for site in sites {
        by_file.entry(&site.file).or_default().push(site);
    }
    let mut names = BTreeMap::new();
    for (file, mut sites) in by_file {
        let path = root.join(file);
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let functions = functions(&text).with_context(|| path.display().to_string())?;
        sites.sort();
        sites.dedup();
        let mut ordinals: BTreeMap<String, usize> = BTreeMap::new();
        for site in sites {
            let function = innermost(&functions, site).unwrap_or(file);
            let kind = format!("{function}#{}", site.operation);
            let ordinal = ordinals.entry(kind.clone()).or_default();
            names.insert(site.clone(), format!("{kind}.{ordinal}"));
            *ordinal += 1;
        }
    }
    make_unique(&mut names);
    Ok(names)
}

fn functions(text: &str) -> Result<Vec<Function>> {
    let mut functions = Functions { found: Vec::new(), around: Vec::new() };
    functions.visit_file(&syn::parse_file(text)?);
    Ok(functions.found)
}

/// The last of those around a site is the innermost, since outer ones are found first.
fn innermost<'a>(functions: &'a [Function], site: &Site) -> Option<&'a str> {
    let at = (site.line, site.column.saturating_sub(1));
    let around =
        |it: &&Function| (it.start.line, it.start.column) <= at && at <= (it.end.line, it.end.column);
    functions.iter().rfind(around).map(|it| it.name.as_str())
}

/// Types of one name in two files: their module tells them apart.
fn make_unique(names: &mut BTreeMap<Site, String>) {
    let mut count: BTreeMap<String, usize> = BTreeMap::new();
    for name in names.values() {
        *count.entry(name.clone()).or_default() += 1;
    }
    for (site, name) in names {
        if count[name] > 1 {
            let module = site.file.rsplit_once("src/").map_or(site.file.as_str(), |(_, module)| module);
            *name = format!("{}::{name}", module.trim_end_matches(".rs").replace('/', "::"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "impl Lock {
    fn lock(&self) { self.word.swap(1, Acquire); self.word.swap(2, Acquire); }
    const_in_normal_builds! {
        /// Documented.
        pub const fn new() -> Self { Self::with(|| word.swap(3, Relaxed)) }
    }
}
impl Drop for Lock { fn drop(&mut self) { self.word.swap(0, Release); } }
";

    fn names(text: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.rs"), text).unwrap();
        let sites: Vec<_> = text
            .lines()
            .enumerate()
            .flat_map(|(n, line)| line.match_indices("swap").map(move |(column, _)| (n + 1, column + 1)))
            .map(|(line, column)| Site { file: "a.rs".into(), line, column, operation: "swap".into() })
            .collect();
        name_all(folder.path(), &sites).unwrap().into_values().collect()
    }

    #[test]
    fn sites_are_named_by_function_and_ordinal() {
        let expected =
            ["Lock::lock#swap.0", "Lock::lock#swap.1", "Lock::new#swap.0", "Lock as Drop::drop#swap.0"];
        assert_eq!(names(TEXT), expected);
    }

    #[test]
    fn moving_lines_changes_no_name() {
        let moved =
            format!("// A comment.\n\nfn other() {{}}\n{}", TEXT.replace("{ self", "{\n\n        self"));
        assert_eq!(names(&moved), names(TEXT));
    }
}
