//! Lists of texts in payloads: children of a node, watch events.

/// The names in a directory reply, in the server's order.
///
/// Each is terminated by a NUL; bytes after the last NUL count as a name, an empty name is left out, and so is one that is not ASCII.
#[derive(Clone, Debug)]
pub struct Names<'a> {
    rest: &'a [u8],
}

impl<'a> Names<'a> {
    /// Reads the payload of a directory reply.
    pub fn new(body: &'a [u8]) -> Self {
        Self { rest: body }
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

/// What a watch event says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventText<'a> {
    /// The path that changed; relative if the watch was.
    pub path: &'a str,
    /// The token of the watch.
    pub token: &'a [u8],
}

/// Reads the payload of a watch event: path and token, each terminated by a NUL; later texts are for later versions.
///
/// Returns `None` if it is not that, or the path is empty or not ASCII.
pub fn parse_event(body: &[u8]) -> Option<EventText<'_>> {
    let path_end = body.iter().position(|&byte| byte == 0)?;
    let (path, rest) = body.split_at_checked(path_end)?;
    let rest = rest.get(1..)?;
    let token = rest.get(..rest.iter().position(|&byte| byte == 0)?)?;
    let path = core::str::from_utf8(path).ok().filter(|path| !path.is_empty() && path.is_ascii())?;
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

    #[test]
    fn d_x06_directory_bodies_of_any_shape_are_lists() {
        assert_eq!(names(b"768\x0051712\0"), ["768", "51712"]);
        assert_eq!(names(b"a\0b"), ["a", "b"]);
        assert_eq!(names(b""), [""; 0]);
        assert_eq!(names(b"\0\0"), [""; 0]);
        assert_eq!(names(b"a\0\0b\0"), ["a", "b"]);
        assert_eq!(names(b"a\0\xff\0b\0"), ["a", "b"]);
    }

    #[test]
    fn d_x07_events_need_two_terminated_texts() {
        let event = EventText { path: "a/b", token: b"7" };
        assert_eq!(parse_event(b"a/b\x007\0"), Some(event));
        assert_eq!(parse_event(b"a/b\x007\0later\0"), Some(event));
        for body in [&b""[..], b"\0", b"a\0", b"a", b"a\0t", b"\0t\0", b"\xff\0t\0"] {
            assert_eq!(parse_event(body), None, "{body:?}");
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
            prop_assert_eq!(parse_event(&body), Some(EventText { path: &path, token: token.as_bytes() }));
        }
    }
}
