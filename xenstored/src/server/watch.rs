//! Watches.

use super::tree::depth_below;
use alloc::string::String;
use alloc::vec::Vec;

/// A registered watch.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    /// The path as it was given, for events and for unwatching.
    pub(super) given: String,
    /// The path from the root, or a special one.
    pub(super) path: String,
    pub(super) token: Vec<u8>,
    /// Levels below the path that it covers; `None` for all.
    pub(super) depth: Option<u32>,
    /// The bytes that events leave out at their start: those of the domain's own path, for a
    /// relative watch.
    pub(super) strip: usize,
}

impl Watch {
    /// Returns how many bytes it takes to keep it.
    pub(super) fn size(&self) -> usize {
        size_of::<Self>() + self.given.len() + self.path.len() + self.token.len()
    }

    /// Returns whether a change of `path` concerns the watch. `exact` if only the node itself
    /// counts.
    pub(super) fn matches(&self, path: &str, exact: bool) -> bool {
        if exact {
            return self.path == path;
        }
        // What is about one domain only is below the name for all domains.
        let below = if self.path.starts_with('@') {
            path.strip_prefix(&*self.path)
                .filter(|rest| rest.is_empty() || rest.starts_with('/'))
                .map(|_| 0)
        } else {
            depth_below(path, &self.path)
        };
        below.is_some_and(|levels| self.depth.is_none_or(|most| levels <= most))
    }

    /// Returns the payload of the event for a change of `path`. Only watches with a
    /// depth receive the number of an introduced or released domain.
    pub(super) fn event(&self, path: &str) -> Vec<u8> {
        let plain = self.path.starts_with('@') && self.depth.is_none_or(|depth| depth == 0);
        let path = if plain { &self.path } else { path };
        let shown = path.get(self.strip..).unwrap_or(path);
        [shown.as_bytes(), b"\0", &self.token, b"\0"].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;

    #[test]
    fn size_counts_names_and_token() {
        let watch = |given: &str, path: &str, token: &[u8]| {
            let (given, path, token) = (String::from(given), String::from(path), token.to_vec());
            Watch { given, path, token, depth: None, strip: 0 }.size()
        };
        let empty = watch("", "", b"");
        assert!(empty >= size_of::<Watch>());
        assert_eq!(watch("ab", "/d/ab", b"xyz"), empty + 2 + 5 + 3);
        assert_eq!(watch("ab", "", b"") - empty, 2);
    }

    #[test]
    fn depth_bounds_matches_and_events() {
        let watch = |path: &str, depth, strip| Watch {
            given: path.into(),
            path: path.into(),
            token: b"t".to_vec(),
            depth,
            strip,
        };
        for (path, depth, strip, event) in [
            ("@x", None, 0, "@x\0t\0"),
            ("@x", Some(0), 0, "@x\0t\0"),
            ("@x", Some(1), 0, "@x/7\0t\0"),
            ("/", None, 0, "@x/7\0t\0"),
            ("/", None, 3, "7\0t\0"),
            ("/", None, 9, "@x/7\0t\0"),
        ] {
            let watch = watch(path, depth, strip);
            assert_eq!(watch.event("@x/7"), event.as_bytes(), "{watch:?}");
        }
        let all = ["@x", "@x/7", "@x/77", "@xy", "/a", "/a/b", "/a/b/c", "/ab"];
        for (path, depth, matches) in [
            ("@x", Some(0), &["@x", "@x/7", "@x/77"][..]),
            ("@x/7", None, &["@x/7"]),
            ("/a", Some(1), &["/a", "/a/b"]),
            ("/a", None, &["/a", "/a/b", "/a/b/c"]),
        ] {
            let found = |exact| {
                let watch = watch(path, depth, 0);
                all.into_iter().filter(|changed| watch.matches(changed, exact)).collect::<Vec<_>>()
            };
            assert_eq!((found(false), found(true)), (matches.to_vec(), vec![path]), "{depth:?}");
        }
    }
}
