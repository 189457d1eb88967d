//! The line editor of the prompt: bytes from a terminal in, lines out, and what the terminal has to
//! show meanwhile.
//!
//! It supports Enter, Backspace, Ctrl-C (drops the line), Ctrl-U (clears it) and the arrows up and
//! down (earlier lines). All else that is not a visible ASCII character is left out.

use alloc::collections::VecDeque;
use alloc::string::String;
use core::fmt::{self, Write};

/// The bytes that a line can have.
pub const LINE: usize = 512;

/// The earlier lines that are kept.
const HISTORY: usize = 16;

/// Position of the input in an escape sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Escape {
    None,
    /// After ESC.
    Started,
    /// After ESC `[` or ESC `O`.
    Control,
}

/// A line that is being typed, and the lines before it.
#[derive(Debug)]
pub struct Editor {
    line: String,
    history: VecDeque<String>,
    /// Number of lines back in the history.
    back: usize,
    escape: Escape,
    /// The previous byte was CR, so a LF belongs to it.
    after_cr: bool,
}

impl Default for Editor {
    fn default() -> Self {
        Self::new()
    }
}

impl Editor {
    /// Starts with an empty line and no history.
    pub const fn new() -> Self {
        Self {
            line: String::new(),
            history: VecDeque::new(),
            back: 0,
            escape: Escape::None,
            after_cr: false,
        }
    }

    /// Takes one byte, writes what the terminal has to show for it, and returns the line if the
    /// byte ended it.
    ///
    /// Ctrl-C ends a line, too: with nothing in it.
    ///
    /// # Errors
    ///
    /// What `echo` answers.
    pub fn push(&mut self, byte: u8, echo: &mut impl Write) -> Result<Option<String>, fmt::Error> {
        let after_cr = core::mem::replace(&mut self.after_cr, byte == b'\r');
        match self.escape {
            Escape::Started => {
                self.escape =
                    if matches!(byte, b'[' | b'O') { Escape::Control } else { Escape::None };
                return Ok(None);
            }
            Escape::Control => return self.control(byte, echo).map(|()| None),
            Escape::None => {}
        }
        match byte {
            b'\n' if after_cr => {}
            b'\r' | b'\n' => {
                echo.write_str("\n")?;
                return Ok(Some(self.enter()));
            }
            0x03 => {
                echo.write_str("^C\n")?;
                self.line.clear();
                self.back = 0;
                return Ok(Some(String::new()));
            }
            0x08 | 0x7f if self.line.pop().is_some() => echo.write_str("\x08 \x08")?,
            0x15 => self.replace(String::new(), echo)?,
            0x1b => self.escape = Escape::Started,
            b' '..=b'~' if self.line.len() < LINE => {
                self.line.push(char::from(byte));
                echo.write_char(char::from(byte))?;
            }
            // Full: ring the bell.
            b' '..=b'~' => echo.write_str("\x07")?,
            _ => {}
        }
        Ok(None)
    }

    /// Returns what has been typed of the line so far.
    pub fn line(&self) -> &str {
        &self.line
    }

    fn enter(&mut self) -> String {
        let line = core::mem::take(&mut self.line);
        self.back = 0;
        if !line.trim().is_empty() && self.history.back() != Some(&line) {
            if self.history.len() == HISTORY {
                self.history.pop_front();
            }
            self.history.push_back(line.clone());
        }
        line
    }

    fn control(&mut self, byte: u8, echo: &mut impl Write) -> fmt::Result {
        // Parameters come before the letter that ends the sequence.
        if matches!(byte, 0x20..=0x3f) {
            return Ok(());
        }
        self.escape = Escape::None;
        let back = match byte {
            b'A' => (self.back + 1).min(self.history.len()),
            b'B' => self.back.saturating_sub(1),
            _ => return Ok(()),
        };
        if back == self.back {
            return Ok(());
        }
        self.back = back;
        let index = self.history.len() - back;
        let line = self.history.get(index).cloned().unwrap_or_default();
        self.replace(line, echo)
    }

    fn replace(&mut self, line: String, echo: &mut impl Write) -> fmt::Result {
        for _ in 0..self.line.len() {
            echo.write_str("\x08 \x08")?;
        }
        echo.write_str(&line)?;
        self.line = line;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;
    use std::vec::Vec;

    /// Types `keys`; returns the lines that were entered and what is left on the last.
    fn typed(keys: &[u8]) -> (Vec<String>, String) {
        let mut editor = Editor::new();
        let mut echo = String::new();
        let lines = keys.iter().filter_map(|&key| editor.push(key, &mut echo).unwrap()).collect();
        (lines, editor.line().to_string())
    }

    #[test]
    fn each_form_of_enter_ends_line() {
        assert_eq!(typed(b"info\rhelp\nxs\r\nblk").0, ["info", "help", "xs"]);
        assert_eq!(typed(b"info\rblk").1, "blk");
    }

    #[test]
    fn backspace_ctrl_u_ctrl_c_erase() {
        assert_eq!(typed(b"\x7fingo\x7f\x08fo\r").0, ["info"]);
        assert_eq!(typed(b"nonsense\x15info\r").0, ["info"]);
        assert_eq!(typed(b"nonsense\x03info\r").0, ["", "info"]);
    }

    #[test]
    fn echo_erases_what_it_showed() {
        let mut echo = String::new();
        let mut editor = Editor::new();
        for key in *b"ab\x7f\x15\x7f" {
            editor.push(key, &mut echo).unwrap();
        }
        assert_eq!(echo, "ab\x08 \x08\x08 \x08");
    }

    #[test]
    fn arrows_walk_through_earlier_lines() {
        assert_eq!(typed(b"one\rtwo\r\x1b[A\x1b[A\r").0, ["one", "two", "one"]);
        assert_eq!(typed(b"one\rtwo\r\x1b[A\x1b[A\x1b[A\x1b[B").1, "two");
        assert_eq!(typed(b"one\r\x1bOA\x1b[B").1, "");
        // A repeated line is kept once.
        assert_eq!(typed(b"one\rtwo\rtwo\r\x1b[A\x1b[A").1, "one");
    }

    #[test]
    fn other_keys_leave_no_trace() {
        assert_eq!(typed(b"a\tb\x00\xc3\xa4\x1b[1;5Cc\x1b[3~\r").0, ["abc"]);
    }

    #[test]
    fn full_line_rings_and_stays() {
        let mut keys = std::vec![b'x'; LINE + 3];
        keys.push(b'\r');
        assert_eq!(typed(&keys).0[0].len(), LINE);
    }

    #[test]
    fn history_is_bounded() {
        let mut editor = Editor::new();
        for line in 0..100 {
            for key in std::format!("{line}\r").bytes() {
                editor.push(key, &mut String::new()).unwrap();
            }
        }
        assert_eq!(editor.history.len(), HISTORY);
    }
}
