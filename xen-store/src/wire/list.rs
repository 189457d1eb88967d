//! Lists of texts in payloads: children of a node, watch events.

use core::ffi::CStr;
use core::ops::Range;

/// The names in a directory reply, in the server's order.
///
/// Each is terminated by a NUL; bytes after the last NUL count as a name, an empty name is left
/// out, and so is one that is not ASCII.
#[derive(Clone, Debug)]
pub struct Names<'a> {
    rest: &'a [u8],
}

impl<'a> Names<'a> {
    /// Reads the payload of a directory reply.
    pub fn new(body: &'a [u8]) -> Self {
        Self { rest: body }
    }

    /// Returns what is behind the names that were returned.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Names<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        while !self.rest.is_empty() {
            let end = self.rest.iter().position(|&byte| byte == 0).unwrap_or(self.rest.len());
            let (name, rest) = self.rest.split_at_checked(end)?;
            self.rest = rest.get(1..).unwrap_or_default();
            if let Some(name) =
                core::str::from_utf8(name).ok().filter(|name| !name.is_empty() && name.is_ascii())
            {
                return Some(name);
            }
        }
        None
    }
}

/// Content of a watch event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventText<'a> {
    /// The path that changed; relative if the watch was.
    pub path: &'a str,
    /// The token of the watch.
    pub token: &'a [u8],
}

/// A part of a directory, as [`XS_DIRECTORY_PART`](super::MessageType::DIRECTORY_PART) returns it.
///
/// Source: `docs/misc/xenstore.txt`, `DIRECTORY_PART`: the directory's generation, then names; an
/// empty name ends the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryPart {
    /// Generation: changes with every change of the list of children.
    pub generation: u64,
    /// Range of the names in the payload.
    pub names: Range<usize>,
    /// Number of names.
    pub count: usize,
    /// `true` if the directory has no more names.
    pub is_last: bool,
}

impl DirectoryPart {
    /// Reads a payload.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if the generation or the last name has
    /// no NUL; [`ErrorKind::Number`](crate::ErrorKind::Number) if the generation is no number.
    pub fn parse(body: &[u8]) -> Result<Self, crate::ErrorKind> {
        let malformed = crate::ErrorKind::Malformed;
        let end = body.iter().position(|&byte| byte == 0).ok_or(malformed)?;
        let generation = super::parse_number(body.get(..end).unwrap_or_default())?;
        let list = body.get(end + 1..).unwrap_or_default();
        let is_last = list.is_empty() || list == b"\0" || list.ends_with(b"\0\0");
        if !is_last && !list.ends_with(b"\0") {
            return Err(malformed);
        }
        let kept = list.len().saturating_sub(usize::from(is_last));
        let count = Names::new(list).count();
        Ok(Self { generation, names: end + 1..end + 1 + kept, count, is_last })
    }
}

/// Reads the payload of a watch event: path and token, each terminated by a NUL; later texts,
/// terminated too, are for later versions.
///
/// Returns `None` if it is not that, or the path is empty or not ASCII.
pub fn parse_event(body: &[u8]) -> Option<EventText<'_>> {
    let path = CStr::from_bytes_until_nul(body).ok()?;
    let rest = body.get(path.count_bytes() + 1..)?;
    let token = CStr::from_bytes_until_nul(rest).ok()?.to_bytes();
    body.ends_with(b"\0").then_some(())?;
    let path = path.to_str().ok().filter(|path| !path.is_empty() && path.is_ascii())?;
    Some(EventText { path, token })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::{string::String, vec::Vec};

    fn names(body: &[u8]) -> Vec<&str> {
        Names::new(body).collect()
    }

    /// D-X06.
    #[test]
    fn any_directory_body_is_a_list() {
        assert_eq!(names(b"768\x0051712\0"), ["768", "51712"]);
        assert_eq!(names(b"a\0b"), ["a", "b"]);
        assert_eq!(names(b""), [""; 0]);
        assert_eq!(names(b"\0\0"), [""; 0]);
        assert_eq!(names(b"a\0\0b\0"), ["a", "b"]);
        assert_eq!(names(b"a\0\xff\0b\0"), ["a", "b"]);
    }

    /// D-X07.
    #[test]
    fn event_needs_two_terminated_texts() {
        let event = EventText { path: "a/b", token: b"7" };
        assert_eq!(parse_event(b"a/b\x007\0"), Some(event));
        assert_eq!(parse_event(b"a/b\x007\0later\0"), Some(event));
        for body in [&b""[..], b"\0", b"a\0", b"a", b"a\0t", b"\0t\0", b"\xff\0t\0", b"a\0t\0x"] {
            assert_eq!(parse_event(body), None, "{body:?}");
        }
    }

    #[test]
    fn directory_parts_end_with_empty_name() {
        let part =
            |body| DirectoryPart::parse(body).map(|part| (part.names, part.count, part.is_last));
        assert_eq!(part(b"7\0a\0b\0"), Ok((2..6, 2, false)));
        assert_eq!(part(b"7\0a\0b\0\0"), Ok((2..6, 2, true)));
        assert_eq!((part(b"7\0\0"), part(b"7\0")), (Ok((2..2, 0, true)), Ok((2..2, 0, true))));
        for body in [&b""[..], b"7", b"\0a\0", b"-7\0a\0", b"7 \0a\0", b"7\0a", b"7\0a\0b"] {
            assert!(part(body).is_err(), "{body:?}");
        }
    }

    proptest! {
        #[test]
        fn lists_round_trip(list in proptest::collection::vec("[a-z0-9-]{1,12}", 0..30)) {
            let body: String = list.iter().flat_map(|name| [name.as_str(), "\0"]).collect();
            prop_assert_eq!(names(body.as_bytes()), list);
        }

        #[test]
        fn events_round_trip(path in "[a-z/]{1,30}", token in "[0-9]{1,10}") {
            let body = [path.as_bytes(), b"\0", token.as_bytes(), b"\0"].concat();
            let expected = EventText { path: &path, token: token.as_bytes() };
            prop_assert_eq!(parse_event(&body), Some(expected));
        }
    }
}
