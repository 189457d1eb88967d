//! Rules for Markdown pages.

use super::{Finding, Rule, words};

/// Maximum number of lines of a README.
const README_LINES: usize = 150;
/// Maximum number of characters of a link's text in a table.
const LINK_TEXT: usize = 40;

const ONE: &str = "one sentence a line";

/// Abbreviations whose full stop does not end a sentence.
const ABBREVIATIONS: [&str; 8] = ["e.g.", "i.e.", "etc.", "vs.", "cf.", "No.", "...", "Nr."];

/// Returns the findings of a page; `file` is its path in the workspace.
pub(super) fn check(file: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut add = |line: usize, rule, found: String, expected: &str| {
        let (file, expected) = (file.to_owned(), expected.to_owned());
        findings.push(Finding { file, line, rule, found, expected });
    };
    let count = text.lines().count();
    if (file == "README.md" || file.ends_with("/README.md")) && count > README_LINES {
        let expected = format!("at most {README_LINES} lines");
        add(README_LINES + 1, Rule::ReadmeLength, format!("{count} lines"), &expected);
    }
    let lines = prose_lines(text);
    for (index, line) in lines.iter().enumerate() {
        let Line::Text { number, text } = line else {
            if let Line::Table { number, text } = line {
                for link in long_links(text) {
                    let expected = "at most 40 characters of a link";
                    add(*number, Rule::TableLink, format!("`{link}`"), expected);
                }
            }
            continue;
        };
        if let Some(second) = second_sentence(text) {
            add(*number, Rule::SentenceLine, format!("a second sentence, `{second}`"), ONE);
        }
        let next = lines.get(index + 1);
        let continues = matches!(next, Some(Line::Text { text, .. }) if !starts_block(text));
        if continues && !ends_sentence(text) && !text.trim_start().starts_with('#') {
            add(*number, Rule::SentenceLine, "a sentence over two lines".to_owned(), ONE);
        }
    }
    for hit in words::find(&joined(&lines), 1) {
        add(hit.line, Rule::Word, format!("`{}`", hit.found), hit.expected);
    }
    findings
}

/// Line of a page, with its number.
enum Line<'a> {
    /// Heading, paragraph or list item.
    Text { number: usize, text: &'a str },
    /// Row of a table.
    Table { number: usize, text: &'a str },
    /// Code, link target, empty line or HTML.
    Other,
}

/// Sorts the lines of a page.
fn prose_lines(page: &str) -> Vec<Line<'_>> {
    let mut in_code = false;
    let mut lines = Vec::new();
    for (index, text) in page.lines().enumerate() {
        let (number, start) = (index + 1, text.trim_start());
        if start.starts_with("```") {
            in_code = !in_code;
            lines.push(Line::Other);
            continue;
        }
        let is_target = start.starts_with('[') && start.contains("]: ");
        lines.push(match start.chars().next() {
            _ if in_code || is_target => Line::Other,
            None | Some('<') => Line::Other,
            Some('|') => Line::Table { number, text },
            Some(_) => Line::Text { number, text },
        });
    }
    lines
}

/// Returns the prose of a page, line by line as in the page.
fn joined(lines: &[Line<'_>]) -> String {
    let mut page = String::new();
    for line in lines {
        match line {
            Line::Text { text, .. } | Line::Table { text, .. } => page += &without_targets(text),
            // No phrase spans two paragraphs.
            Line::Other => page.push(words::BREAK),
        }
        page.push('\n');
    }
    page
}

/// Returns a line without the targets of its links.
fn without_targets(line: &str) -> String {
    let mut rest = line;
    let mut kept = String::new();
    while let Some((before, after)) = rest.split_once("](") {
        kept += before;
        kept.push(']');
        rest = after.split_once(')').map_or("", |(_, after)| after);
    }
    kept + rest
}

/// Returns whether a line starts an item, a heading or a quote and so ends the paragraph before it.
fn starts_block(line: &str) -> bool {
    let line = line.trim_start();
    let number = line.trim_start_matches(|letter: char| letter.is_ascii_digit());
    ["- ", "* ", "+ ", "#", ">", "---"].iter().any(|start| line.starts_with(start))
        || number.len() < line.len() && (number.starts_with(". ") || number.starts_with(") "))
}

/// Returns whether a line ends a sentence or leads to a list.
fn ends_sentence(line: &str) -> bool {
    line.trim_end_matches(['*', '_', ')', ']', '"', '`', ' ']).ends_with(['.', '!', '?', ':', ';'])
        // A line that is a badge or a link alone.
        || line.trim_start().starts_with(['!', '['])
}

/// Returns the first word of a line's second sentence.
fn second_sentence(line: &str) -> Option<&str> {
    let words: Vec<&str> = line.split(' ').collect();
    let mut in_code = false;
    for (index, pair) in words.windows(2).enumerate() {
        let (word, next) = (pair[0], pair[1]);
        if word.matches('`').count() % 2 == 1 {
            in_code = !in_code;
        }
        let bare = word.trim_end_matches(['*', '_', ')', ']', '"', '`']);
        let number = bare.trim_end_matches('.');
        let item = index == 0 && number.bytes().all(|byte| byte.is_ascii_digit());
        let start = next.trim_start_matches(['*', '_', '(', '"', '`', '[']);
        let is_end = !in_code
            && bare.ends_with(['.', '!', '?'])
            && !ABBREVIATIONS.iter().any(|short| bare.ends_with(short))
            && !item
            && (start.starts_with(char::is_uppercase) || next.starts_with(['`', '[']))
            // The number of a heading: `## 1. The entry point`.
            && !line.starts_with('#')
            // A bold title of an item: `- **Small.** No executor`.
            && !word.ends_with(".**");
        if is_end {
            return Some(next);
        }
    }
    None
}

/// Returns the link texts of a table's row that are too long.
fn long_links(row: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for (start, _) in row.match_indices('[') {
        let Some(end) = row[start..].find(']') else { continue };
        let (text, after) = (&row[start + 1..start + end], &row[start + end + 1..]);
        let length = text.trim_matches('`').chars().count();
        if length > LINK_TEXT && after.starts_with(['(', '[']) {
            found.push(text);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> Vec<(usize, Rule)> {
        check("docs/X.md", text).into_iter().map(|finding| (finding.line, finding.rule)).collect()
    }

    #[test]
    fn second_sentence_is_found() {
        assert_eq!(rules("One is here. Two is here.\n"), [(1, Rule::SentenceLine)]);
        assert_eq!(rules("One is here. `Two` is here.\n"), [(1, Rule::SentenceLine)]);
    }

    #[test]
    fn wrapped_sentence_is_found() {
        assert_eq!(rules("One is here and\ncontinues.\n"), [(1, Rule::SentenceLine)]);
        assert_eq!(rules("- One is here and\n  continues.\n"), [(1, Rule::SentenceLine)]);
    }

    #[test]
    fn sentence_a_line_passes() {
        assert_eq!(rules("# Title\nOne, e.g. Xen 4.17.\nTwo:\n- three\n- four\n\n1. Five.\n"), []);
        assert_eq!(rules("- **Small.** No executor.\n```\nA b. C d\ne\n```\n"), []);
    }

    #[test]
    fn long_link_in_table_is_found() {
        let text = "a".repeat(41);
        assert_eq!(rules(&format!("| x | [`{text}`](a.rs) |\n")), [(1, Rule::TableLink)]);
        assert_eq!(rules(&format!("| x | [`{}`][a] |\n", &text[1..])), []);
        assert_eq!(rules(&format!("See [`{text}`](a.rs).\n")), []);
    }

    #[test]
    fn long_readme_is_found() {
        let text = "Line.\n".repeat(151);
        let rules = |file| check(file, &text).into_iter().map(|f| f.rule).collect::<Vec<_>>();
        assert_eq!(rules("xen-grant/README.md"), [Rule::ReadmeLength]);
        assert_eq!(rules("docs/PORTING.md"), []);
    }

    #[test]
    fn words_in_code_and_targets_pass() {
        assert_eq!(rules("It `tells` [this](tells/he.rs).\n[x]: he/tells.rs\n"), []);
        assert_eq!(rules("```\nit tells\n```\n"), []);
        assert_eq!(rules("It tells.\n"), [(1, Rule::Word)]);
        assert_eq!(rules("| a | it tells |\n"), [(1, Rule::Word)]);
    }
}
