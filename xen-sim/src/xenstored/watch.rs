//! Watches.

use super::tree::depth_below;

/// A registered watch.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    /// The path as it was given, for events and for unwatching.
    pub(crate) given: String,
    /// The path from the root, or a special one.
    pub(super) path: String,
    pub(super) token: Vec<u8>,
    /// How many levels below the path it reaches; `None` for all.
    pub(super) depth: Option<u32>,
    /// The bytes that events leave out at their start: those of the domain's own path, for a relative watch.
    pub(super) strip: usize,
}

impl Watch {
    /// Tells whether a change of `path` concerns the watch. `exact` if nothing but the very node counts.
    pub(super) fn matches(&self, path: &str, exact: bool) -> bool {
        if exact || self.path.starts_with('@') {
            return self.path == path;
        }
        let Some(depth) = depth_below(path, &self.path) else { return false };
        self.depth.is_none_or(|most| depth <= most)
    }

    /// Returns the payload of the event for a change of `path`.
    pub(super) fn event(&self, path: &str) -> Vec<u8> {
        let shown = path.get(self.strip..).unwrap_or(path);
        [shown.as_bytes(), b"\0", &self.token, b"\0"].concat()
    }
}
