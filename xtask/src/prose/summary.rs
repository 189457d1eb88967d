//! Summary lines of doc comments.

use super::Rule;

/// Kind of a documented item: decides the form of its summary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A function: its summary starts with a verb in the third person.
    Function,
    /// A type, module, field, variant or constant: its summary is a noun phrase.
    Noun,
}

/// Words that no summary starts with.
const STARTS: [&str; 7] = ["What", "Where", "How", "Why", "Whether", "Of", "That"];

/// Words that end in `s` and are no verbs.
const NO_VERBS: &str = "This Its As Us Thus Minus Unless Less Always Towards Whose Yes Is Pages \
    Nodes Bytes Events Ports Frames";

/// Verbs that start a sentence about an item rather than a name for it.
const VERBS: [&str; 26] = [
    "Is",
    "Has",
    "Does",
    "Returns",
    "Gives",
    "Makes",
    "Tells",
    "Says",
    "Holds",
    "Contains",
    "Represents",
    "Describes",
    "Keeps",
    "Takes",
    "Sends",
    "Reads",
    "Writes",
    "Owns",
    "Implements",
    "Provides",
    "Stands",
    "Means",
    "Lets",
    "Allows",
    "Enables",
    "Defines",
];

/// Words after which a first word in `s` is a verb and not a plural.
const DETERMINERS: [&str; 12] =
    ["the", "a", "an", "all", "each", "every", "its", "their", "whether", "if", "what", "one"];

/// Words that start a sentence, not a noun phrase.
const SENTENCES: [&str; 10] =
    ["It", "They", "There", "If", "When", "Who", "Whoever", "Nobody", "This", "You"];

fn is_no_verb(word: &str) -> bool {
    NO_VERBS.split_whitespace().any(|other| other == word)
}

/// Checks a summary: returns the broken rule, the found word and the expectation, if any.
pub(super) fn check(kind: Kind, summary: &str) -> Option<(Rule, String, &'static str)> {
    let is_code = summary.trim_start_matches(['[', '*', '_']).starts_with('`');
    let mut words = summary
        .split_whitespace()
        .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric() && !"`-".contains(c)));
    let (first, second) = (words.next()?, words.next().unwrap_or_default());
    // A heading is no summary.
    if summary.starts_with('#') {
        let found = summary.split_whitespace().nth(1).unwrap_or_default().to_owned();
        return Some((Rule::SummaryVerb, found, "a summary before the first heading"));
    }
    if STARTS.contains(&first) {
        return Some((Rule::SummaryStart, first.to_owned(), "a verb or a noun phrase"));
    }
    match kind {
        Kind::Function => {
            let verb = if first.ends_with("ly") { second } else { first };
            let is_verb = !is_code
                && verb.len() > 2
                && verb.ends_with('s')
                && !verb.ends_with("ss")
                && verb.chars().all(|letter| letter.is_alphabetic() || letter == '-')
                && (first == "Is" || !is_no_verb(verb));
            (!is_verb && first != "Is" && first != "Does" && first != "Has")
                .then(|| (Rule::SummaryVerb, first.to_owned(), "a verb such as `Returns`"))
        }
        Kind::Noun => {
            let in_s = first.ends_with('s') && !is_no_verb(first);
            let is_verb = VERBS.contains(&first) || in_s && DETERMINERS.contains(&second);
            (!is_code && (is_verb || SENTENCES.contains(&first)))
                .then(|| (Rule::SummaryNoun, format!("{first} {second}"), "a noun phrase"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(kind: Kind, summary: &str) -> Option<Rule> {
        check(kind, summary).map(|(rule, ..)| rule)
    }

    #[test]
    fn function_summary_needs_a_verb() {
        for good in ["Returns the port.", "Atomically sets it.", "Re-reads a page.", "Is true."] {
            assert_eq!(rule(Kind::Function, good), None, "{good}");
        }
        for bad in ["The port.", "Return the port.", "This is it.", "`x` is set.", "Pass it."] {
            assert_eq!(rule(Kind::Function, bad), Some(Rule::SummaryVerb), "{bad}");
        }
    }

    #[test]
    fn type_summary_needs_a_noun() {
        for good in ["A port.", "Pages a peer writes.", "`Port` of a peer.", "Rings of a page."] {
            assert_eq!(rule(Kind::Noun, good), None, "{good}");
        }
        for bad in ["Maps the page.", "It is a page.", "Holds pages.", "If a page is there."] {
            assert_eq!(rule(Kind::Noun, bad), Some(Rule::SummaryNoun), "{bad}");
        }
    }

    #[test]
    fn summary_starts_are_refused() {
        for start in STARTS {
            let summary = format!("{start} the peer is.");
            assert_eq!(rule(Kind::Function, &summary), Some(Rule::SummaryStart));
            assert_eq!(rule(Kind::Noun, &summary), Some(Rule::SummaryStart));
        }
    }
}
