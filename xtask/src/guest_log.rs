//! Output of guests to I/O port 0xe9, in Xen's log.

/// Xen's buffer for a guest's line: a longer one comes in pieces of this size.
const PIECE: usize = 199;

/// Puts guests' lines together.
#[derive(Default)]
pub(crate) struct GuestLog {
    /// The start of a line that comes in pieces.
    start: String,
}

impl GuestLog {
    /// Takes a line of Xen's log; returns the line that a guest has ended with it.
    pub(crate) fn push_line(&mut self, line: &str) -> Option<String> {
        let text = of_guest(line)?;
        self.start.push_str(text);
        (text.len() != PIECE).then(|| std::mem::take(&mut self.start))
    }
}

/// Returns the text after `(dN) ` in a line of Xen's log. dom0 may have left the line unfinished
/// before it.
fn of_guest(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once("(d")?;
    let (domain, text) = rest.split_once(") ")?;
    domain.bytes().all(|b| b.is_ascii_digit()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_line_is_joined() {
        let mut guest_log = GuestLog::default();
        let long = "a".repeat(PIECE);
        for (line, whole) in [
            (format!("(d7) {long}"), None),
            ("(XEN) HVM d7 save".to_owned(), None),
            ("(d7)  and the rest".to_owned(), Some(format!("{long} and the rest"))),
            ("[    3.1] dom0 (d7) next".to_owned(), Some("next".to_owned())),
            ("(dx) nobody".to_owned(), None),
        ] {
            assert_eq!(guest_log.push_line(&line), whole, "{line}");
        }
    }
}
