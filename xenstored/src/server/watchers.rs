//! The watches of all clients, by path.

use super::connection::ConnectionId;
use super::watch::Watch;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// A client's watch.
#[derive(Clone, Debug)]
pub(super) struct Watcher {
    pub(super) client: ConnectionId,
    /// Counts watches, so that those of a client come in the order of their setting.
    serial: u64,
    pub(super) watch: Arc<Watch>,
}

/// An index of watches: a change visits those of its own path and of the paths above only.
#[derive(Debug, Default)]
pub(super) struct Watchers {
    by_path: BTreeMap<String, Vec<Watcher>>,
    last: u64,
}

impl Watchers {
    pub(super) fn add(&mut self, client: ConnectionId, watch: &Arc<Watch>) {
        self.last += 1;
        let watcher = Watcher { client, serial: self.last, watch: Arc::clone(watch) };
        self.by_path.entry(watch.path.clone()).or_default().push(watcher);
    }

    pub(super) fn remove(&mut self, watch: &Arc<Watch>) {
        if let Some(watchers) = self.by_path.get_mut(&watch.path) {
            watchers.retain(|watcher| !Arc::ptr_eq(&watcher.watch, watch));
            if watchers.is_empty() {
                self.by_path.remove(&watch.path);
            }
        }
    }

    /// Returns the watches that a change of `path` concerns, by client and in the order of
    /// setting. `exact` if only the node itself counts.
    pub(super) fn of(&self, path: &str, exact: bool) -> Vec<Watcher> {
        let mut found = Vec::new();
        let mut look = |at: &str| {
            let watchers = self.by_path.get(at).into_iter().flatten();
            found.extend(watchers.filter(|watcher| watcher.watch.matches(path, exact)).cloned());
        };
        look(path);
        if !exact && path != "/" {
            for (end, _) in path.rmatch_indices('/') {
                look(path.get(..end).filter(|above| !above.is_empty()).unwrap_or("/"));
            }
        }
        found.sort_by_key(|watcher| (watcher.client, watcher.serial));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;

    fn watch(path: &str, depth: Option<u32>) -> Arc<Watch> {
        Arc::new(Watch { given: path.into(), path: path.into(), token: vec![], depth, strip: 0 })
    }

    #[test]
    fn paths_above_are_found_in_order() {
        let mut watchers = Watchers::default();
        let set = ["/a/b", "/", "/a/bc", "/a", "@x", "/a/b/c"].map(|path| watch(path, None));
        set.iter().for_each(|watch| watchers.add(ConnectionId(1), watch));
        watchers.add(ConnectionId(0), &watch("/a", Some(1)));
        let found = |path: &str, exact| -> Vec<_> {
            watchers
                .of(path, exact)
                .iter()
                .map(|found| (found.client.0, found.watch.path.clone()))
                .collect()
        };
        let of = |client, paths: &[&str]| -> Vec<_> {
            paths.iter().map(|path| (client, (*path).into())).collect()
        };
        assert_eq!(found("/a/b/c", false), of(1, &["/a/b", "/", "/a", "/a/b/c"]));
        assert_eq!(found("/a/d", false), [of(0, &["/a"]), of(1, &["/", "/a"])].concat());
        assert_eq!(found("/a", true), [of(0, &["/a"]), of(1, &["/a"])].concat());
        assert_eq!(found("/", false), of(1, &["/"]));
        assert_eq!(found("@x/7", false), of(1, &["@x"]));
        for watch in &set {
            watchers.remove(watch);
        }
        assert_eq!(watchers.by_path.len(), 1);
    }
}
