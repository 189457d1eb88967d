//! Text into words: the kernel's command line, and the commands in it.
//!
//! The rules of a POSIX shell without expansions, by the crate `shlex`, for both: quotes, `\\`, and
//! `#` before a comment. In a script `;` outside of quotes ends a command.

use alloc::string::String;
use alloc::vec::Vec;
use shlex::Shlex;

/// Error of a text that can't be split into words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuoteError {
    /// A quote that has no end.
    #[error("found {quote} at byte {at} without its end, expected another {quote}")]
    Open {
        /// Which quote.
        quote: char,
        /// The byte it stands at.
        at: usize,
    },
    /// A backslash at the end of the text.
    #[error("found \\ at the end, expected a character after it")]
    Backslash,
}

/// Splits a text into words and takes their quotes off.
///
/// # Errors
///
/// [`QuoteError`] if a quote has no end.
pub fn words(text: &str) -> Result<Vec<String>, QuoteError> {
    split(text).ok_or_else(|| error(text))
}

fn split(text: &str) -> Option<Vec<String>> {
    let mut words = Shlex::new(text);
    let split = words.by_ref().collect();
    (!words.had_error).then_some(split)
}

/// Returns the error of a text that does not split: its last quote that opens.
fn error(text: &str) -> QuoteError {
    let quotes = text.rmatch_indices(['\'', '"']);
    let open = quotes.into_iter().find(|&(at, _)| split(&text[..at]).is_some());
    match open.and_then(|(at, quote)| Some((at, quote.chars().next()?))) {
        Some((at, quote)) => QuoteError::Open { quote, at },
        None => QuoteError::Backslash,
    }
}

/// Splits a script at the `;` outside of quotes. Leaves out commands with nothing in them.
///
/// # Errors
///
/// [`QuoteError`] if a quote has no end.
pub fn commands(script: &str) -> Result<Vec<&str>, QuoteError> {
    let mut commands = Vec::new();
    let mut start = 0;
    for (at, _) in script.match_indices(';') {
        // Inside of quotes the piece does not split into words.
        if split(&script[start..at]).is_some() {
            commands.push(&script[start..at]);
            start = at + 1;
        }
    }
    let last = &script[start..];
    if split(last).is_none() {
        return Err(error(script));
    }
    commands.push(last);
    Ok(commands.into_iter().map(str::trim).filter(|command| !command.is_empty()).collect())
}

/// Options of the kernel's command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BootLine {
    /// The script of `run=`.
    pub run: Option<String>,
    /// Words that mean nothing here.
    pub unknown: Vec<String>,
}

/// Reads the kernel's command line.
///
/// # Errors
///
/// [`QuoteError`] if a quote has no end.
pub fn boot_line(line: &str) -> Result<BootLine, QuoteError> {
    let mut boot = BootLine::default();
    for word in words(line)? {
        match word.strip_prefix("run=") {
            Some(script) => boot.run = Some(script.into()),
            None => boot.unknown.push(word),
        }
    }
    Ok(boot)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::format;

    #[test]
    fn words_split_at_unquoted_space() {
        assert_eq!(
            words("  xs   write a/b 'hello  world' ").unwrap(),
            ["xs", "write", "a/b", "hello  world"]
        );
        assert_eq!(words(r#"a"b c"'d e'f"#).unwrap(), ["ab cd ef"]);
        assert_eq!(words(r#""say \"hi\" \\" '\n'"#).unwrap(), [r#"say "hi" \"#, r"\n"]);
        assert_eq!(words("xs write a ''").unwrap(), ["xs", "write", "a", ""]);
        assert!(words(" \t").unwrap().is_empty());
    }

    #[test]
    fn open_quote_is_named_with_place() {
        assert_eq!(words("xs write a 'b"), Err(QuoteError::Open { quote: '\'', at: 11 }));
        assert_eq!(words(r#"a "b\""#), Err(QuoteError::Open { quote: '"', at: 2 }));
        let error = commands("info; xs read \"a").unwrap_err();
        assert_eq!(format!("{error}"), "found \" at byte 14 without its end, expected another \"");
    }

    #[test]
    fn backslash_at_end_is_refused() {
        assert_eq!(words("xs read a\\"), Err(QuoteError::Backslash));
        assert_eq!(commands("info; xs read a\\"), Err(QuoteError::Backslash));
        assert_eq!(commands("info; xs read a\\;").unwrap(), ["info", "xs read a\\;"]);
    }

    #[test]
    fn comment_ends_words() {
        assert_eq!(words("xs read a # it's").unwrap(), ["xs", "read", "a"]);
        assert_eq!(words("xs read a#b").unwrap(), ["xs", "read", "a#b"]);
    }

    #[test]
    fn script_splits_at_unquoted_semicolons() {
        let script = "info; xs write a 'x; y' ;; help ;";
        assert_eq!(commands(script).unwrap(), ["info", "xs write a 'x; y'", "help"]);
        assert!(commands(" ; ;").unwrap().is_empty());
    }

    #[test]
    fn script_is_found_on_command_line() {
        let boot = boot_line(r#"quiet run="info; xs write data/x \"a b\"; help" x=1"#).unwrap();
        assert_eq!(boot.run.as_deref(), Some(r#"info; xs write data/x "a b"; help"#));
        assert_eq!(boot.unknown, ["quiet", "x=1"]);
        assert_eq!(boot_line("").unwrap(), BootLine::default());
        assert_eq!(boot_line("run=").unwrap().run.as_deref(), Some(""));
        assert!(boot_line("run=\"info").is_err());
    }

    proptest! {
        #[test]
        fn quoted_words_parse_back(
            list in proptest::collection::vec("[^\\x00]{0,8}", 0..5)
        ) {
            let quoted: Vec<String> = list
                .iter()
                .map(|word| format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\"")))
                .collect();
            prop_assert_eq!(words(&quoted.join(" ")).unwrap(), list);
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC*") {
            let _ = (words(&text), commands(&text), boot_line(&text));
        }
    }
}
