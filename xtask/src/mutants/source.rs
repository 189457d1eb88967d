//! One source file: the nodes of its syntax tree that a mutant can replace, and the mutants that
//! cargo-mutants does not make.

use std::collections::BTreeMap;
use std::ops::Range;

use anyhow::{Context, Result};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, Expr, Meta, Pat, Stmt};

/// The place in the source where a mutant is switched on and off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The start of a function's body, which returns early.
    Body(usize),
    /// An expression, beside which its replacement stands.
    Expr(Range<usize>),
    /// A statement that is skipped.
    Statement(Range<usize>),
    /// The condition of an `if`, and whether it is a chain with `let`.
    Condition(Range<usize>, bool),
    /// The end of a pattern of a match arm without guard.
    Pattern(usize),
    /// The guard of a match arm.
    Guard(Range<usize>),
    /// A constant expression or another place without a run time: one build for the mutant alone.
    Nowhere,
}

/// A mutant that this module makes itself.
#[derive(Debug)]
pub(super) struct Own {
    pub(super) function: String,
    pub(super) what: String,
    pub(super) span: Range<usize>,
    pub(super) replacement: String,
    pub(super) place: Place,
}

/// The parts of a file's syntax tree that matter here.
#[derive(Debug, Default)]
pub(super) struct Source {
    pub(super) text: String,
    /// The byte at which each line starts.
    lines: Vec<usize>,
    /// Modules in files of their own that belong to the build: the name, or the path that an
    /// attribute gives.
    pub(super) modules: Vec<(Vec<String>, Option<String>)>,
    pub(super) own: Vec<Own>,
    /// Ranges that are no part of the build, that only tests use, or whose text no test pins.
    excluded: Vec<Range<usize>>,
    /// Ranges that are evaluated by the compiler.
    constant: Vec<Range<usize>>,
    /// Ranges of functions.
    functions: Vec<Range<usize>>,
    /// The operator's start to the whole binary expression.
    binary: BTreeMap<usize, Range<usize>>,
    unary: BTreeMap<usize, Range<usize>>,
    structs: Vec<Range<usize>>,
    /// The arm's start to the end of its pattern and its guard.
    arms: BTreeMap<usize, (usize, Option<Range<usize>>)>,
    guards: BTreeMap<usize, Range<usize>>,
}

impl Source {
    pub(super) fn parse(text: String) -> Result<Self> {
        let tree = syn::parse_file(&text).context("parsing")?;
        let lines =
            std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let mut visitor =
            Visitor { source: Self { text, lines, ..Self::default() }, ..Visitor::default() };
        if in_build(&tree.attrs) {
            visitor.visit_file(&tree);
        }
        Ok(visitor.source)
    }

    /// Returns the byte of a line and column, both counted from 1, the column in characters.
    pub(super) fn byte(&self, line: usize, column: usize) -> Option<usize> {
        let start = *self.lines.get(line.checked_sub(1)?)?;
        let rest = self.text.get(start..)?;
        let offset =
            rest.char_indices().nth(column.checked_sub(1)?).map_or(rest.len(), |(at, _)| at);
        Some(start + offset)
    }

    /// Returns the line of a byte, counted from 1.
    pub(super) fn line(&self, byte: usize) -> usize {
        self.lines.partition_point(|start| *start <= byte)
    }

    /// Returns the text of the line of a byte.
    pub(super) fn line_text(&self, byte: usize) -> &str {
        self.text.lines().nth(self.line(byte) - 1).unwrap_or_default().trim()
    }

    pub(super) fn is_excluded(&self, byte: usize) -> bool {
        self.excluded.iter().any(|range| range.contains(&byte))
    }

    /// Returns the innermost function around a byte.
    pub(super) fn function(&self, byte: usize) -> Option<Range<usize>> {
        let around = self.functions.iter().filter(|range| range.contains(&byte));
        around.min_by_key(|range| range.len()).cloned()
    }

    /// Returns where a mutant of cargo-mutants is switched.
    pub(super) fn place(&self, genre: &str, span: &Range<usize>) -> Place {
        if self.constant.iter().any(|range| range.contains(&span.start)) {
            return Place::Nowhere;
        }
        let place = match genre {
            "FnValue" => Some(Place::Body(span.start)),
            "BinaryOperator" => self.binary.get(&span.start).cloned().map(Place::Expr),
            "UnaryOperator" => self.unary.get(&span.start).cloned().map(Place::Expr),
            "StructField" => {
                let around = self.structs.iter().filter(|range| range.contains(&span.start));
                around.min_by_key(|range| range.len()).cloned().map(Place::Expr)
            }
            "MatchArm" => self.arms.get(&span.start).map(|(pattern, guard)| match guard {
                Some(guard) => Place::Guard(guard.clone()),
                None => Place::Pattern(*pattern),
            }),
            "MatchArmGuard" => self.guards.get(&span.start).cloned().map(Place::Expr),
            _ => None,
        };
        place.unwrap_or(Place::Nowhere)
    }
}

#[derive(Default)]
struct Visitor {
    source: Source,
    inline: Vec<String>,
    owner: Vec<String>,
    function: Vec<String>,
    constant: usize,
}

impl Visitor {
    fn name(&self) -> String {
        self.owner.iter().chain(self.function.last()).cloned().collect::<Vec<_>>().join("::")
    }

    fn exclude(&mut self, node: &impl Spanned) {
        self.source.excluded.push(node.span().byte_range());
    }

    fn own(&mut self, what: &str, span: Range<usize>, replacement: &str, place: Place) {
        if self.function.is_empty() {
            return;
        }
        let place = if self.constant > 0 { Place::Nowhere } else { place };
        let function = self.name();
        let replacement = replacement.to_owned();
        self.source.own.push(Own { function, what: what.to_owned(), span, replacement, place });
    }

    /// Visits a node that the compiler evaluates.
    fn constant(&mut self, node: &impl Spanned, visit: impl FnOnce(&mut Self)) {
        self.source.constant.push(node.span().byte_range());
        self.constant += 1;
        visit(self);
        self.constant -= 1;
    }

    fn function(
        &mut self,
        node: &impl Spanned,
        signature: &syn::Signature,
        visit: impl FnOnce(&mut Self),
    ) {
        self.source.functions.push(node.span().byte_range());
        self.function.push(signature.ident.to_string());
        if signature.constness.is_some() {
            self.constant(node, visit);
        } else {
            visit(self);
        }
        self.function.pop();
    }

    fn delete(&mut self, statement: &Stmt) {
        let span = statement.span().byte_range();
        let text = shortened(&self.source.text[span.clone()]);
        self.own(&format!("delete `{text}`"), span.clone(), "", Place::Statement(span));
    }
}

impl<'ast> Visit<'ast> for Visitor {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if in_build(attributes(item)) { visit::visit_item(self, item) } else { self.exclude(item) }
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.inline.push(item.ident.to_string());
        if item.content.is_some() {
            visit::visit_item_mod(self, item);
        } else {
            self.source.modules.push((self.inline.clone(), path_attribute(&item.attrs)));
        }
        self.inline.pop();
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(item, &item.sig, |this| visit::visit_item_fn(this, item));
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        let name = item.trait_.as_ref().and_then(|(_, path, _)| path.segments.last());
        if name.is_some_and(|last| last.ident == "Debug" || last.ident == "Display") {
            return self.exclude(item);
        }
        self.owner.push(
            match &*item.self_ty {
                syn::Type::Path(path) => {
                    path.path.segments.last().map(|last| last.ident.to_string())
                }
                _ => None,
            }
            .unwrap_or_else(|| "impl".to_owned()),
        );
        visit::visit_item_impl(self, item);
        self.owner.pop();
    }

    fn visit_impl_item(&mut self, item: &'ast syn::ImplItem) {
        let attrs = match item {
            syn::ImplItem::Fn(item) => &item.attrs,
            syn::ImplItem::Const(item) => &item.attrs,
            _ => return visit::visit_impl_item(self, item),
        };
        if in_build(attrs) { visit::visit_impl_item(self, item) } else { self.exclude(item) }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(item, &item.sig, |this| visit::visit_impl_item_fn(this, item));
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.owner.push(item.ident.to_string());
        visit::visit_item_trait(self, item);
        self.owner.pop();
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if !in_build(&item.attrs) {
            return self.exclude(item);
        }
        self.function(item, &item.sig, |this| visit::visit_trait_item_fn(this, item));
    }

    fn visit_item_const(&mut self, item: &'ast syn::ItemConst) {
        self.constant(item, |this| visit::visit_item_const(this, item));
    }

    fn visit_impl_item_const(&mut self, item: &'ast syn::ImplItemConst) {
        self.constant(item, |this| visit::visit_impl_item_const(this, item));
    }

    fn visit_item_static(&mut self, item: &'ast syn::ItemStatic) {
        self.constant(item, |this| visit::visit_item_static(this, item));
    }

    fn visit_type(&mut self, ty: &'ast syn::Type) {
        self.constant(ty, |this| visit::visit_type(this, ty));
    }

    fn visit_expr_const(&mut self, block: &'ast syn::ExprConst) {
        self.constant(block, |this| visit::visit_expr_const(this, block));
    }

    fn visit_expr_repeat(&mut self, repeat: &'ast syn::ExprRepeat) {
        self.visit_expr(&repeat.expr);
        self.constant(&repeat.len, |this| this.visit_expr(&repeat.len));
    }

    fn visit_stmt(&mut self, statement: &'ast Stmt) {
        let attrs = match statement {
            Stmt::Local(local) => &local.attrs[..],
            Stmt::Expr(expr, _) => expression_attributes(expr),
            Stmt::Item(item) => attributes(item),
            Stmt::Macro(statement) => &statement.attrs,
        };
        if !in_build(attrs) {
            return self.exclude(statement);
        }
        let deletes = match statement {
            Stmt::Expr(expr, Some(_)) => has_effect(expr),
            Stmt::Local(local) => {
                matches!(local.pat, Pat::Wild(_))
                    && local.init.as_ref().is_some_and(|init| has_effect(&init.expr))
            }
            _ => false,
        };
        if deletes {
            self.delete(statement);
        }
        visit::visit_stmt(self, statement);
    }

    fn visit_expr_if(&mut self, branch: &'ast syn::ExprIf) {
        let span = branch.cond.span().byte_range();
        let text = self.source.text[span.clone()].to_owned();
        let chain = has_let(&branch.cond);
        let new = if chain { format!("false && {text}") } else { format!("false && ({text})") };
        let what = format!("never take `if {}`", shortened(&text));
        if !is_compile_time(&branch.cond) {
            self.own(&what, span.clone(), &new, Place::Condition(span, chain));
        }
        visit::visit_expr_if(self, branch);
    }

    fn visit_expr_binary(&mut self, expr: &'ast syn::ExprBinary) {
        let (operator, whole) = (expr.op.span().byte_range().start, expr.span().byte_range());
        self.source.binary.insert(operator, whole);
        visit::visit_expr_binary(self, expr);
    }

    fn visit_expr_unary(&mut self, expr: &'ast syn::ExprUnary) {
        let whole = expr.span().byte_range();
        self.source.unary.insert(whole.start, whole);
        visit::visit_expr_unary(self, expr);
    }

    fn visit_expr_struct(&mut self, expr: &'ast syn::ExprStruct) {
        self.source.structs.push(expr.span().byte_range());
        visit::visit_expr_struct(self, expr);
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        if !in_build(&arm.attrs) {
            return self.exclude(arm);
        }
        let guard = arm.guard.as_ref().map(|(_, guard)| guard.span().byte_range());
        if let Some(guard) = &guard {
            self.source.guards.insert(guard.start, guard.clone());
        }
        let pattern = arm.pat.span().byte_range().end;
        self.source.arms.insert(arm.span().byte_range().start, (pattern, guard));
        visit::visit_arm(self, arm);
    }
}

/// Is running the expression for what it does, not for its value, the point of a statement?
fn has_effect(expr: &Expr) -> bool {
    // Hints to the compiler, the processor and the allocator: nothing depends on them.
    const HINTS: [&str; 4] = ["cold_path", "spin_loop", "reserve", "shrink_to_fit"];
    match expr {
        Expr::Call(call) => match &*call.func {
            Expr::Path(path) => path
                .path
                .segments
                .last()
                .is_none_or(|last| !HINTS.iter().any(|hint| last.ident == hint)),
            _ => true,
        },
        Expr::MethodCall(call) => !HINTS.iter().any(|hint| call.method == hint),
        Expr::Assign(_) => true,
        Expr::Binary(binary) => !is_plain(&binary.op),
        Expr::Try(inner) => matches!(&*inner.expr, Expr::Macro(_)) || has_effect(&inner.expr),
        Expr::Paren(inner) => has_effect(&inner.expr),
        _ => false,
    }
}

fn is_plain(operator: &syn::BinOp) -> bool {
    use syn::BinOp::*;
    matches!(
        operator,
        Add(_)
            | Sub(_)
            | Mul(_)
            | Div(_)
            | Rem(_)
            | And(_)
            | Or(_)
            | BitXor(_)
            | BitAnd(_)
            | BitOr(_)
            | Shl(_)
            | Shr(_)
            | Eq(_)
            | Lt(_)
            | Le(_)
            | Ne(_)
            | Ge(_)
            | Gt(_)
    )
}

fn has_let(condition: &Expr) -> bool {
    match condition {
        Expr::Let(_) => true,
        Expr::Binary(binary) => has_let(&binary.left) || has_let(&binary.right),
        _ => false,
    }
}

/// Does the compiler decide the condition, as that of `cfg!`?
fn is_compile_time(condition: &Expr) -> bool {
    matches!(condition, Expr::Macro(mac) if mac.mac.path.is_ident("cfg"))
}

/// Shortens code to what fits on a line: one line, at most 60 characters.
fn shortened(code: &str) -> String {
    let words: Vec<_> = code.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(60) {
        Some((at, _)) => format!("{}...", &line[..at]),
        None => line,
    }
}

/// Returns whether a test build's library has a node with these attributes: `cfg` allows it, and it
/// is no test itself.
fn in_build(attrs: &[Attribute]) -> bool {
    attrs.iter().all(|attr| match &attr.meta {
        Meta::List(list) if list.path.is_ident("cfg") => {
            list.parse_args().map_or(true, |meta| holds(&meta))
        }
        Meta::Path(path) => !path.is_ident("test"),
        _ => true,
    })
}

/// Evaluates a `cfg` predicate: on a 64-bit Linux host, with all features, without tests and
/// models.
fn holds(predicate: &Meta) -> bool {
    let all = |list: &syn::MetaList| {
        let parser = syn::punctuated::Punctuated::<Meta, syn::Token![,]>::parse_terminated;
        list.parse_args_with(parser)
            .map(|all| all.into_iter().collect::<Vec<_>>())
            .unwrap_or_default()
    };
    match predicate {
        Meta::List(list) if list.path.is_ident("not") => !all(list).iter().all(holds),
        Meta::List(list) if list.path.is_ident("any") => all(list).iter().any(holds),
        Meta::List(list) => all(list).iter().all(holds),
        Meta::Path(path) => path.is_ident("unix") || path.is_ident("debug_assertions"),
        Meta::NameValue(pair) => {
            let value = match &pair.value {
                Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => text.value(),
                _ => String::new(),
            };
            let has = |name: &str| pair.path.is_ident(name);
            match value.as_str() {
                "linux" => has("target_os"),
                "64" => has("target_pointer_width") || has("target_has_atomic"),
                "little" => has("target_endian"),
                feature if has("feature") => feature != "loom",
                arch => has("target_arch") && arch == std::env::consts::ARCH,
            }
        }
    }
}

fn path_attribute(attrs: &[Attribute]) -> Option<String> {
    attrs.iter().find_map(|attr| match &attr.meta {
        Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
            Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    })
}

fn attributes(item: &syn::Item) -> &[Attribute] {
    match item {
        syn::Item::Const(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Macro(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Static(item) => &item.attrs,
        syn::Item::Trait(item) => &item.attrs,
        _ => &[],
    }
}

fn expression_attributes(expr: &Expr) -> &[Attribute] {
    match expr {
        Expr::Block(expr) => &expr.attrs,
        Expr::Call(expr) => &expr.attrs,
        Expr::ForLoop(expr) => &expr.attrs,
        Expr::If(expr) => &expr.attrs,
        Expr::Match(expr) => &expr.attrs,
        Expr::MethodCall(expr) => &expr.attrs,
        Expr::Unsafe(expr) => &expr.attrs,
        Expr::While(expr) => &expr.attrs,
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(code: &str) -> Vec<String> {
        let source = Source::parse(code.to_owned()).unwrap();
        source.own.iter().map(|own| format!("{}: {}", own.function, own.what)).collect()
    }

    #[test]
    fn statements_with_effect_are_deleted() {
        let code = "
            impl<T> Ring<T> {
                fn push(&mut self) -> Result<(), E> {
                    let slot = self.slot()?;
                    self.write(slot)?;
                    self.next += 1;
                    self.full = true;
                    let _ = self.channel.notify();
                    core::hint::spin_loop();
                    log::debug!(\"pushed\");
                    debug_assert!(self.next != 0);
                    Ok(())
                }
            }";
        let expected = [
            "Ring::push: delete `self.write(slot)?;`",
            "Ring::push: delete `self.next += 1;`",
            "Ring::push: delete `self.full = true;`",
            "Ring::push: delete `let _ = self.channel.notify();`",
        ];
        assert_eq!(own(code), expected);
    }

    #[test]
    fn branches_are_never_taken() {
        let code = "fn f(a: Option<u8>) -> u8 {
            if a.is_some() || late() { return 1 }
            if let Some(b) = a && b > 1 { b } else if cfg!(unix) { 2 } else { 3 }
        }";
        let source = Source::parse(code.to_owned()).unwrap();
        let new: Vec<_> = source.own.iter().map(|own| own.replacement.as_str()).collect();
        assert_eq!(new, ["false && (a.is_some() || late())", "false && let Some(b) = a && b > 1"]);
    }

    #[test]
    fn code_outside_build_has_no_mutants() {
        let code = "
            #[cfg(test)] mod tests { fn f() { g(); } }
            #[cfg(all(test, loom))] mod models;
            #[cfg(loom)] fn a() { g(); }
            #[cfg(not(loom))] mod real;
            #[cfg(target_os = \"none\")] fn b() { g(); }
            #[test] fn c() { g(); }
            impl fmt::Debug for S { fn fmt(&self) { g(); } }
            #[cfg(feature = \"alloc\")] fn d() { g(); }";
        assert_eq!(own(code), ["d: delete `g();`"]);
        let source = Source::parse(code.to_owned()).unwrap();
        assert_eq!(source.modules, [(vec!["real".to_owned()], None)]);
        assert!(source.is_excluded(code.find("fn c").unwrap()));
        assert!(!source.is_excluded(code.find("fn d").unwrap()));
    }

    #[test]
    fn constants_have_no_run_time() {
        let code = "const fn f(a: u8) -> u8 { if a == 0 { 1 } else { a } }\nfn g() -> u8 { 1 + 2 }";
        let source = Source::parse(code.to_owned()).unwrap();
        assert_eq!(source.own.iter().map(|own| &own.place).collect::<Vec<_>>(), [&Place::Nowhere]);
        let (eq, plus) = (code.find("==").unwrap(), code.find('+').unwrap());
        assert_eq!(source.place("BinaryOperator", &(eq..eq + 2)), Place::Nowhere);
        assert_eq!(
            source.place("BinaryOperator", &(plus..plus + 1)),
            Place::Expr(plus - 2..plus + 3)
        );
        assert_eq!((source.byte(2, 4), source.line(plus)), (Some(code.find("g()").unwrap()), 2));
    }
}
