//! Rules for Rust sources: docs, comments, texts, names of tests and definitions, line lengths.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::iter;
use std::ops::Range;

use anyhow::{Context, Result};
use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Expr, Item, Lit, Meta};

use super::summary::{self, Kind};
use super::{Finding, Rule, words};

/// Maximum number of columns of a line.
const COLUMNS: usize = 100;
/// Maximum number of characters of a test's name.
pub(super) const NAME_LETTERS: usize = 40;
/// Maximum number of words of a test's name.
const NAME_WORDS: usize = 6;

/// Findings in a source and the lengths of its tests' names.
pub(super) struct Checked {
    pub(super) findings: Vec<Finding>,
    pub(super) tests: Vec<usize>,
}

/// Checks a source; `file` is its path in the workspace.
pub(super) fn check(file: &str, text: &str) -> Result<Checked> {
    let tokens: TokenStream = text.parse().map_err(|_| anyhow::anyhow!("{file} is not Rust"))?;
    let tree: syn::File = syn::parse2(tokens.clone()).with_context(|| format!("parsing {file}"))?;
    let mut visitor = Visitor { file, findings: Vec::new() };
    visitor.document(&tree.attrs, Kind::Noun);
    visitor.visit_file(&tree);
    for (index, line) in text.lines().enumerate() {
        let count = line.chars().count();
        if count > COLUMNS {
            let found = format!("{count} columns");
            visitor.add(index + 1, Rule::LineLength, found, "at most 100 columns");
        }
    }
    let tests = tests(&tree.items, &tokens);
    for (name, line) in &tests {
        let (letters, parts) = (name.chars().count(), name.split('_').count());
        if letters > NAME_LETTERS || parts > NAME_WORDS {
            let found = format!("`{name}`, {letters} characters and {parts} words");
            visitor.add(*line, Rule::TestName, found, "at most 40 characters and 6 words");
        }
    }
    visitor.prose(text, &tokens);
    let tests = tests.iter().map(|(name, _)| name.chars().count()).collect();
    Ok(Checked { findings: visitor.findings, tests })
}

struct Visitor<'a> {
    file: &'a str,
    findings: Vec<Finding>,
}

impl Visitor<'_> {
    fn add(&mut self, line: usize, rule: Rule, found: impl Into<String>, expected: &str) {
        let (file, found, expected) = (self.file.to_owned(), found.into(), expected.to_owned());
        self.findings.push(Finding { file, line, rule, found, expected });
    }

    /// Checks the summary of an item with these attributes.
    fn document(&mut self, attributes: &[Attribute], kind: Kind) {
        if attributes.iter().any(is_test) {
            return;
        }
        if let Some((summary, line)) = summary_of(attributes)
            && let Some((rule, found, expected)) = summary::check(kind, &summary)
        {
            self.add(line, rule, format!("`{found}`"), expected);
        }
    }

    /// Checks the name of a definition.
    fn name(&mut self, name: &Ident) {
        if let Some(target) = words::target(self.file, &name.to_string()) {
            self.add(line(name.span()), Rule::Term, format!("`{name}`"), &format!("`{target}`"));
        }
    }

    /// Checks the words of comments, doc comments and texts.
    fn prose(&mut self, text: &str, tokens: &TokenStream) {
        let mut covered = Vec::new();
        let mut literals = Vec::new();
        collect(tokens.clone(), &mut covered, &mut literals);
        // The first byte of a doc comment is a range of its own: the mark of its group of tokens.
        covered.sort_by_key(|range: &Range<usize>| (range.start, Reverse(range.end)));
        // A doc comment is a token; other comments are in the gaps between tokens.
        let mut prose = String::new();
        let mut at = 0;
        for range in covered.into_iter().chain(iter::once(text.len()..text.len())) {
            if range.start > at {
                prose += &comments(&text[at..range.start]);
            }
            if range.end > at.max(range.start) {
                let token = &text[range.start.max(at)..range.end];
                let marks = ["///", "//!", "/**", "/*!"];
                let is_doc = marks.iter().any(|mark| token.starts_with(mark));
                prose += &if is_doc { comments(token) } else { blank(token) };
                at = range.end;
            }
        }
        for hit in words::find(&without_fences(&prose), 1) {
            self.add(hit.line, Rule::Word, format!("`{}`", hit.found), hit.expected);
        }
        // The texts of this check's own tests break its rules.
        let is_own = self.file.starts_with("xtask/src/prose/");
        for (literal, first_line) in literals.into_iter().filter(|_| !is_own) {
            for hit in words::find(&literal, first_line) {
                self.add(hit.line, Rule::Word, format!("`{}`", hit.found), hit.expected);
            }
        }
    }
}

impl<'ast> Visit<'ast> for Visitor<'_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.document(&item.attrs, Kind::Function);
        self.name(&item.sig.ident);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.document(&item.attrs, Kind::Function);
        self.name(&item.sig.ident);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        self.document(&item.attrs, Kind::Function);
        self.name(&item.sig.ident);
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.name(&item.ident);
        // The docs of a command line's arguments are its help texts.
        if !derives(&item.attrs, &["Args", "Parser"]) {
            self.document(&item.attrs, Kind::Noun);
            visit::visit_item_struct(self, item);
        }
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.name(&item.ident);
        let is_command = derives(&item.attrs, &["Subcommand"]);
        for variant in &item.variants {
            self.document(&variant.attrs, if is_command { Kind::Function } else { Kind::Noun });
            if !is_command {
                visit::visit_fields(self, &variant.fields);
            }
        }
        self.document(&item.attrs, Kind::Noun);
    }

    fn visit_item_union(&mut self, item: &'ast syn::ItemUnion) {
        self.document(&item.attrs, Kind::Noun);
        visit::visit_item_union(self, item);
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.document(&item.attrs, Kind::Noun);
        self.name(&item.ident);
        visit::visit_item_trait(self, item);
    }

    fn visit_item_type(&mut self, item: &'ast syn::ItemType) {
        self.document(&item.attrs, Kind::Noun);
        self.name(&item.ident);
    }

    fn visit_item_const(&mut self, item: &'ast syn::ItemConst) {
        self.document(&item.attrs, Kind::Noun);
        self.name(&item.ident);
        visit::visit_item_const(self, item);
    }

    fn visit_item_static(&mut self, item: &'ast syn::ItemStatic) {
        self.document(&item.attrs, Kind::Noun);
        self.name(&item.ident);
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.document(&item.attrs, Kind::Noun);
        self.name(&item.ident);
        visit::visit_item_mod(self, item);
    }

    fn visit_impl_item_const(&mut self, item: &'ast syn::ImplItemConst) {
        self.document(&item.attrs, Kind::Noun);
    }

    fn visit_impl_item_type(&mut self, item: &'ast syn::ImplItemType) {
        self.document(&item.attrs, Kind::Noun);
    }

    fn visit_trait_item_const(&mut self, item: &'ast syn::TraitItemConst) {
        self.document(&item.attrs, Kind::Noun);
    }

    fn visit_trait_item_type(&mut self, item: &'ast syn::TraitItemType) {
        self.document(&item.attrs, Kind::Noun);
    }

    fn visit_field(&mut self, field: &'ast syn::Field) {
        self.document(&field.attrs, Kind::Noun);
    }
}

fn line(span: Span) -> usize {
    span.start().line
}

/// Returns the first paragraph of the docs and its line; `None` for docs in a file of their own.
fn summary_of(attributes: &[Attribute]) -> Option<(String, usize)> {
    let mut lines = Vec::new();
    let mut first = None;
    for attribute in attributes {
        let Meta::NameValue(pair) = &attribute.meta else { continue };
        if !pair.path.is_ident("doc") {
            continue;
        }
        let Expr::Lit(literal) = &pair.value else { return None };
        let Lit::Str(text) = &literal.lit else { return None };
        first.get_or_insert_with(|| line(text.span()));
        let text = text.value();
        if text.trim().is_empty() && !lines.is_empty() {
            break;
        }
        lines.push(text.trim().to_owned());
    }
    Some((lines.join(" "), first?)).filter(|(text, _)| !text.trim().is_empty())
}

fn is_test(attribute: &Attribute) -> bool {
    attribute.path().segments.last().is_some_and(|segment| segment.ident == "test")
}

fn derives(attributes: &[Attribute], names: &[&str]) -> bool {
    attributes.iter().any(|attribute| {
        let Meta::List(list) = &attribute.meta else { return false };
        list.path.is_ident("derive")
            && list
                .tokens
                .clone()
                .into_iter()
                .any(|token| names.iter().any(|name| token.to_string() == *name))
    })
}

/// Returns the names of all tests with their lines: functions with the attribute, also inside
/// macros, and functions that a macro lists.
fn tests(items: &[Item], tokens: &TokenStream) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    attributed(tokens.clone(), &mut found);
    let functions: Vec<&Ident> = items
        .iter()
        .filter_map(|item| match item {
            Item::Fn(function) => Some(&function.sig.ident),
            _ => None,
        })
        .collect();
    let mut listed = BTreeSet::new();
    for item in items {
        let Item::Macro(item) = item else { continue };
        let tokens: Vec<TokenTree> = item.mac.tokens.clone().into_iter().collect();
        for (index, token) in tokens.iter().enumerate() {
            let TokenTree::Ident(name) = token else { continue };
            if !matches!(tokens.get(index + 1), Some(TokenTree::Group(_))) {
                listed.insert(name.to_string());
            }
        }
    }
    for name in functions {
        let (name, line) = (name.to_string(), line(name.span()));
        if listed.contains(&name) {
            found.push((name, line));
        }
    }
    found
}

/// Collects the functions with the attribute `test`.
fn attributed(tokens: TokenStream, found: &mut Vec<(String, usize)>) {
    let (mut is_test, mut after_hash, mut after_fn) = (false, false, false);
    for token in tokens {
        match &token {
            TokenTree::Group(group) => {
                let in_brackets = group.delimiter() == proc_macro2::Delimiter::Bracket;
                if after_hash && in_brackets {
                    // `#[test]` or a path that ends so; not `#[cfg(test)]`, where it is in a group.
                    let last = group.stream().into_iter().last();
                    is_test |= matches!(last, Some(TokenTree::Ident(name)) if name == "test");
                } else {
                    attributed(group.stream(), found);
                    is_test &= !(group.delimiter() == proc_macro2::Delimiter::Brace);
                }
            }
            TokenTree::Ident(name) => {
                if after_fn && is_test {
                    found.push((name.to_string(), line(name.span())));
                    is_test = false;
                }
                after_fn = name == "fn";
            }
            _ => {}
        }
        after_hash = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '#');
    }
}

/// Texts of a source, with their lines.
type Texts = Vec<(String, usize)>;

/// Collects the ranges of all tokens, and the texts of sentences with their lines.
fn collect(tokens: TokenStream, covered: &mut Vec<Range<usize>>, literals: &mut Texts) {
    let mut is_doc = false;
    for token in tokens {
        match &token {
            TokenTree::Group(group) => {
                covered.push(group.span_open().byte_range());
                covered.push(group.span_close().byte_range());
                collect(group.stream(), covered, literals);
            }
            TokenTree::Literal(literal) => {
                covered.push(literal.span().byte_range());
                // The text of a doc comment is a literal too: it is read as a comment.
                if !is_doc && let Lit::Str(text) = Lit::new(literal.clone()) {
                    let text = text.value();
                    if text.split_whitespace().nth(2).is_some() {
                        literals.push((text, line(literal.span())));
                    }
                }
            }
            TokenTree::Ident(name) => {
                covered.push(name.span().byte_range());
                is_doc = name == "doc";
            }
            TokenTree::Punct(punct) => covered.push(punct.span().byte_range()),
        }
    }
}

/// Returns comments without their marks, and other text as blanks; with the lines kept.
fn comments(gap: &str) -> String {
    let mut out = String::new();
    let mut in_block = false;
    for piece in gap.split_inclusive('\n') {
        let mut text = piece;
        if !in_block {
            text = match (text.find("//"), text.find("/*")) {
                (Some(at), block) if block.is_none_or(|block| at < block) => {
                    text[at..].trim_start_matches(['/', '!'])
                }
                (_, Some(at)) => {
                    in_block = true;
                    text[at..].trim_start_matches(['/', '*', '!'])
                }
                _ => "",
            };
        }
        if in_block && let Some((inside, _)) = text.split_once("*/") {
            text = inside;
            in_block = false;
        }
        out += text.trim_end_matches('\n');
        // A blank line and code end a paragraph.
        if text.trim().is_empty() {
            out.push(words::BREAK);
        }
        if piece.ends_with('\n') {
            out.push('\n');
        }
    }
    out
}

/// Returns the line ends of a text alone.
fn blank(text: &str) -> String {
    let mut out = words::BREAK.to_string();
    out.extend(text.chars().filter(|letter| *letter == '\n'));
    out
}

/// Returns a text without the code between its fences.
fn without_fences(text: &str) -> String {
    let mut in_code = false;
    let mut out = String::new();
    for line in text.split_inclusive('\n') {
        let is_fence = line.trim_start().starts_with("```");
        if is_fence {
            in_code = !in_code;
        }
        if in_code || is_fence {
            out.extend([words::BREAK, '\n']);
        } else {
            out += line;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(usize, Rule)> {
        check("xen-grant/src/a.rs", text)
            .expect("the source parses")
            .findings
            .into_iter()
            .map(|finding| (finding.line, finding.rule))
            .collect()
    }

    #[test]
    fn each_kind_of_item_is_checked() {
        let nouns = [
            "struct S;",
            "enum E {}",
            "union U { a: u8 }",
            "trait T {}",
            "type A = u8;",
            "const C: u8 = 0;",
            "static S: u8 = 0;",
            "mod m {}",
        ];
        for item in nouns {
            let source = format!("/// Is one.\n{item}\n");
            assert_eq!(found(&source), [(1, Rule::SummaryNoun)], "{item}");
        }
        let noun = [(2, Rule::SummaryNoun)];
        assert_eq!(found("struct S {\n/// Is one.\na: u8 }\n"), noun);
        assert_eq!(found("enum E {\n/// Is one.\nA }\n"), noun);
        assert_eq!(found("trait T {\n/// Is one.\nconst A: u8; }\n"), noun);
        let verb = [(2, Rule::SummaryVerb)];
        assert_eq!(found("impl S {\n/// The one.\nfn f() {} }\n"), verb);
        assert_eq!(found("trait T {\n/// The one.\nfn f(); }\n"), verb);
        assert_eq!(found("mod m {\n/// The one.\nfn f() {} }\n"), verb);
        assert_eq!(found("//! Is one.\n"), [(1, Rule::SummaryNoun)]);
    }

    #[test]
    fn help_texts_are_verbs() {
        assert_eq!(found("#[derive(Subcommand)]\nenum E {\n/// Builds it.\nA }\n"), []);
        assert_eq!(found("#[derive(Args)]\nstruct A {\n/// Leaves it out\nno: bool }\n"), []);
    }

    #[test]
    fn words_of_comments_are_checked() {
        assert_eq!(found("// It tells.\nfn f() {} // he\n"), [(1, Rule::Word), (2, Rule::Word)]);
        assert_eq!(found("fn f() {\n    /* It\n    tells. */\n}\n"), [(3, Rule::Word)]);
        assert_eq!(found("/// Returns `x`.\n///\n/// It tells.\nfn f() {}\n"), [(3, Rule::Word)]);
        assert_eq!(found("/// Returns it.\n/// ```\n/// he = tells;\n/// ```\nfn f() {}\n"), []);
    }

    #[test]
    fn words_of_texts_are_checked() {
        assert_eq!(found("const C: &str = \"the peer tells more\";\n"), [(1, Rule::Word)]);
        assert_eq!(found("const C: &str = \"tells\";\nfn tells() {}\n"), []);
        assert_eq!(found("const C: &str = \"http://x // it\";\n"), []);
    }

    #[test]
    fn test_names_are_checked() {
        let name = "a".repeat(41);
        assert_eq!(found(&format!("#[test]\nfn {name}() {{}}\n")), [(2, Rule::TestName)]);
        assert_eq!(found("#[test]\nfn a_b_c_d_e_f_g() {}\n"), [(2, Rule::TestName)]);
        assert_eq!(found("#[test]\nfn a_b_c_d_e_f() {}\n"), []);
        assert_eq!(found("fn a_b_c_d_e_f_g() {}\n"), []);
        let in_macro = "proptest! {\n#[test]\nfn a_b_c_d_e_f_g(a in 0..1) {} }\n";
        assert_eq!(found(in_macro), [(3, Rule::TestName)]);
        let listed = "both! { a_b_c_d_e_f_g }\nfn a_b_c_d_e_f_g() {}\n";
        assert_eq!(found(listed), [(2, Rule::TestName)]);
        assert_eq!(found("#[cfg(test)]\nfn a_b_c_d_e_f_g() {}\n"), []);
    }

    #[test]
    fn lengths_of_test_names_are_returned() {
        let checked = check("a.rs", "#[test]\nfn abc() {}\n#[tokio::test]\nfn abcde() {}\n");
        assert_eq!(checked.expect("the source parses").tests, [3, 5]);
    }

    #[test]
    fn long_lines_are_found() {
        let line = format!("// {}\n", "x".repeat(97));
        assert_eq!(found(&line), []);
        assert_eq!(found(&format!("//x {}\n", "x".repeat(97))), [(1, Rule::LineLength)]);
    }

    #[test]
    fn private_terms_are_found() {
        assert_eq!(found("struct Shared;\n"), [(1, Rule::Term)]);
        assert_eq!(found("struct S;\nimpl S {\nfn reclaim() {} }\n"), [(3, Rule::Term)]);
    }
}
