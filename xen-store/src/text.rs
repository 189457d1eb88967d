//! Paths inside errors.

use core::fmt::{self, Display, Write};

/// Maximum length of a [`PathText`].
const KEPT: usize = 62;

/// The text of a path inside an error: whole if it is short, otherwise its end, which identifies
/// the node.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PathText {
    bytes: [u8; KEPT],
    len: u8,
    cut: bool,
}

impl PathText {
    /// The text of no path at all.
    pub const EMPTY: Self = Self { bytes: [0; KEPT], len: 0, cut: false };

    /// Keeps what `path` displays.
    pub fn new(path: &dyn Display) -> Self {
        let mut text = Self::EMPTY;
        // Writing into the text itself can't fail; a Display that fails leaves what it wrote.
        let _ = write!(text, "{path}");
        text
    }

    /// Returns the text; of a long path, the end.
    pub fn as_str(&self) -> &str {
        self.bytes
            .get(..usize::from(self.len))
            .and_then(|bytes| core::str::from_utf8(bytes).ok())
            .unwrap_or("?")
    }

    fn push(&mut self, byte: u8) {
        if let Some(free) = self.bytes.get_mut(usize::from(self.len)) {
            *free = byte;
            self.len += 1;
        } else {
            self.bytes.rotate_left(1);
            if let Some(last) = self.bytes.last_mut() {
                *last = byte;
            }
            self.cut = true;
        }
    }
}

impl Write for PathText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // Paths are graphic ASCII; other characters must not reach a terminal raw.
        text.chars().for_each(|c| self.push(if c.is_ascii_graphic() { c as u8 } else { b'?' }));
        Ok(())
    }
}

impl Display for PathText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.cut {
            f.write_str("...")?;
        }
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for PathText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn long_path_keeps_its_end() {
        let short = PathText::new(&"device/vbd/51712");
        assert!(!short.cut && short.to_string() == "device/vbd/51712");
        let long = "x/".repeat(60) + "state";
        let text = PathText::new(&long);
        assert!(text.cut && text.as_str().ends_with("x/state") && text.as_str().len() == KEPT);
        assert!(text.to_string().starts_with("...") && long.ends_with(text.as_str()));
    }

    #[test]
    fn control_characters_do_not_get_through() {
        assert_eq!(PathText::new(&"a\x1b[2J\n\u{e9}").as_str(), "a?[2J??");
    }
}
