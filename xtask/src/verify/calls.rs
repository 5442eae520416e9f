//! Which calls a source file makes that a mutant could change, whether or not a test reaches them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use syn::visit::{self, Visit};

use super::names::Site;
use super::suite::Suite;

/// Orderings that can be weakened.
const STRONG: [&str; 4] = ["Acquire", "Release", "AcqRel", "SeqCst"];

/// Operations of the facade's atomics; others that take an ordering pass it on.
const OPERATIONS: [&str; 5] = ["load", "store", "swap", "compare_exchange", "compare_exchange_weak"];

const WAKES: [&str; 4] = ["wake", "wake_class", "wake_one", "wake_all"];

/// Calls in the crate's source, but for the facade's own, that order something or wake somebody.
///
/// # Errors
/// If a file cannot be read, or is no Rust.
pub fn written(suite: &Suite) -> Result<BTreeSet<Site>> {
    let folder = Path::new(&suite.folder).join("src");
    let mut sites = BTreeSet::new();
    walk(&suite.root, &folder, &mut sites)?;
    Ok(sites)
}

fn walk(root: &Path, folder: &Path, sites: &mut BTreeSet<Site>) -> Result<()> {
    let path = root.join(folder);
    for entry in fs::read_dir(&path).with_context(|| path.display().to_string())? {
        let entry = entry?;
        let within = folder.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            if !within.ends_with("src/sync") {
                walk(root, &within, sites)?;
            }
        } else if within.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(entry.path())?;
            let file = within.to_string_lossy().into_owned();
            sites.extend(calls(&text, &file).with_context(|| file.clone())?);
        }
    }
    Ok(())
}

fn calls(text: &str, file: &str) -> Result<Vec<Site>> {
    let mut calls = Calls { file, found: Vec::new() };
    calls.visit_file(&syn::parse_file(text)?);
    Ok(calls.found)
}

struct Calls<'a> {
    file: &'a str,
    found: Vec<Site>,
}

impl Calls<'_> {
    fn add(&mut self, name: &syn::Ident, operation: &str) {
        // A caller's location is that of the method's name.
        let start = name.span().start();
        let site = Site {
            file: self.file.to_string(),
            line: start.line,
            column: start.column + 1,
            operation: operation.into(),
        };
        self.found.push(site);
    }
}

impl<'ast> Visit<'ast> for Calls<'_> {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        let is_test = item.attrs.iter().any(|attribute| {
            attribute.path().is_ident("cfg")
                && attribute.parse_args::<syn::Ident>().is_ok_and(|it| it == "test")
        });
        if !is_test {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        let name = call.method.to_string();
        let is_atomic = OPERATIONS.contains(&name.as_str()) || name.starts_with("fetch_");
        if WAKES.contains(&name.as_str()) && is_futex(&call.receiver) {
            self.add(&call.method, "wake");
        } else if is_atomic && call.args.iter().any(mentions_an_ordering) {
            self.add(&call.method, name.trim_end_matches("_weak"));
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        if let syn::Expr::Path(path) = &*call.func
            && let Some(last) = path.path.segments.last()
            && (last.ident == "fence_after_rmw"
                || last.ident == "fence" && call.args.iter().any(mentions_an_ordering))
        {
            // The location of a function's call is where its path begins.
            let first = path.path.segments.first().map_or(&last.ident, |segment| &segment.ident);
            self.add(first, "fence");
        }
        visit::visit_expr_call(self, call);
    }

    /// What a macro is given is looked at where it reads as an expression or as functions.
    fn visit_macro(&mut self, mac: &'ast syn::Macro) {
        super::names::each_function_of(mac, |function| self.visit_impl_item_fn(function));
    }
}

/// Whether a receiver is called like a futex, or like the address of one: other things can be woken too.
fn is_futex(receiver: &syn::Expr) -> bool {
    let name = match receiver {
        syn::Expr::Path(path) => path.path.get_ident().map(syn::Ident::to_string),
        syn::Expr::Field(field) => match &field.member {
            syn::Member::Named(name) => Some(name.to_string()),
            syn::Member::Unnamed(_) => None,
        },
        syn::Expr::MethodCall(call) => Some(call.method.to_string()),
        _ => None,
    };
    name.is_some_and(|name| ["futex", "address", "wakes"].contains(&name.as_str()))
}

fn mentions_an_ordering(argument: &syn::Expr) -> bool {
    match argument {
        syn::Expr::Path(path) => {
            path.path.segments.last().is_some_and(|last| STRONG.iter().any(|order| last.ident == order))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_that_order_or_wake_are_found_where_they_are() {
        let text = "fn f() {
    word.load(Relaxed);
    word.compare_exchange_weak(0, 1, Ordering::Acquire, Relaxed);
    sync::fence(SeqCst);
    self.futex.wake_all();
    sleeper.wake();
    list.change(Acquire);
}
#[cfg(test)]
mod tests { fn g() { word.store(1, Release); } }
";
        let found: Vec<_> = calls(text, "a.rs").unwrap();
        let found: Vec<_> =
            found.iter().map(|site| (site.line, site.column, site.operation.as_str())).collect();
        assert_eq!(found, [(3, 10, "compare_exchange"), (4, 5, "fence"), (5, 16, "wake")]);
    }
}
