//! Text into words: the kernel's command line, and the commands in it.
//!
//! One rule of quoting for both: `'...'` is taken as it stands; in `"..."` a backslash takes the
//! next character as it stands; outside of quotes white space ends a word, and in a script `;` ends
//! a command.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// Error of a text that can't be split into words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuoteError {
    /// A quote that has no end.
    Open {
        /// Which quote.
        quote: char,
        /// The byte it stands at.
        at: usize,
    },
}

impl fmt::Display for QuoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Open { quote, at } = self;
        write!(f, "found {quote} at byte {at} without its end, expected another {quote}")
    }
}

impl core::error::Error for QuoteError {}

/// One character, and whether quotes took its meaning.
struct Unquoted {
    at: usize,
    char: char,
    quoted: bool,
}

/// Iterator over the characters of a text without its quotes. An empty pair of quotes is a quoted
/// NUL, so that it makes a word.
struct Unquote<'a> {
    chars: core::iter::Peekable<core::str::CharIndices<'a>>,
    open: Option<(char, usize)>,
    fresh: bool,
}

impl<'a> Unquote<'a> {
    fn new(text: &'a str) -> Self {
        Self { chars: text.char_indices().peekable(), open: None, fresh: false }
    }
}

/// Mark for a pair of quotes with nothing in between.
const NOTHING: char = '\0';

impl Iterator for Unquote<'_> {
    type Item = Result<Unquoted, QuoteError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some((at, char)) = self.chars.next() else {
                return self.open.take().map(|(quote, at)| Err(QuoteError::Open { quote, at }));
            };
            let fresh = core::mem::take(&mut self.fresh);
            match (self.open, char) {
                (None, '"' | '\'') => (self.open, self.fresh) = (Some((char, at)), true),
                (Some((quote, _)), _) if char == quote => {
                    self.open = None;
                    if fresh {
                        return Some(Ok(Unquoted { at, char: NOTHING, quoted: true }));
                    }
                }
                (Some(('"', _)), '\\') if self.chars.peek().is_some() => {
                    let (at, char) = self.chars.next()?;
                    return Some(Ok(Unquoted { at, char, quoted: true }));
                }
                (open, _) => return Some(Ok(Unquoted { at, char, quoted: open.is_some() })),
            }
        }
    }
}

/// Splits a text into words and takes their quotes off.
///
/// # Errors
///
/// [`QuoteError`] if a quote has no end.
pub fn words(text: &str) -> Result<Vec<String>, QuoteError> {
    let mut words: Vec<String> = Vec::new();
    let mut inside = false;
    for unquoted in Unquote::new(text) {
        let Unquoted { char, quoted, .. } = unquoted?;
        if char.is_whitespace() && !quoted {
            inside = false;
            continue;
        }
        if !inside {
            words.push(String::new());
            inside = true;
        }
        if let Some(word) = words.last_mut()
            && char != NOTHING
        {
            word.push(char);
        }
    }
    Ok(words)
}

/// Splits a script at the `;` outside of quotes. Leaves out commands with nothing in them.
///
/// # Errors
///
/// [`QuoteError`] if a quote has no end.
pub fn commands(script: &str) -> Result<Vec<&str>, QuoteError> {
    let mut commands = Vec::new();
    let mut start = 0;
    for unquoted in Unquote::new(script) {
        let Unquoted { at, char, quoted } = unquoted?;
        if char == ';' && !quoted {
            commands.push(&script[start..at]);
            start = at + 1;
        }
    }
    commands.push(&script[start..]);
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
