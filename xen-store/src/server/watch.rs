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
    /// How many levels below the path it reaches; `None` for all.
    pub(super) depth: Option<u32>,
    /// The bytes that events leave out at their start: those of the domain's own path, for a relative watch.
    pub(super) strip: usize,
}

impl Watch {
    /// Returns how many bytes it takes to keep it.
    pub(super) fn size(&self) -> usize {
        size_of::<Self>() + self.given.len() + self.path.len() + self.token.len()
    }

    /// Tells whether a change of `path` concerns the watch. `exact` if nothing but the very node counts.
    pub(super) fn matches(&self, path: &str, exact: bool) -> bool {
        if exact {
            return self.path == path;
        }
        // What is about one domain only is below the name for all domains.
        let below = if self.path.starts_with('@') {
            path.strip_prefix(&*self.path).filter(|rest| rest.is_empty() || rest.starts_with('/')).map(|_| 0)
        } else {
            depth_below(path, &self.path)
        };
        below.is_some_and(|levels| self.depth.is_none_or(|most| levels <= most))
    }

    /// Returns the payload of the event for a change of `path`. Which domain is introduced or released, only watchers of some depth hear.
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
}
