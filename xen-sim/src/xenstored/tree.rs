//! The nodes. A tree is shared structure: a snapshot costs nothing, and a change copies the path to it.

use std::collections::BTreeMap;
use std::sync::Arc;
use xen_hypercall::DomId;
use xen_store::wire::{Access, Permission};

/// A node and all below it.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) value: Vec<u8>,
    /// The owner first.
    pub(super) perms: Vec<Permission>,
    pub(super) children: BTreeMap<String, Arc<Node>>,
    /// Changes whenever value, permissions or the list of children do.
    pub(super) generation: u64,
}

impl Node {
    pub(super) fn new(perms: Vec<Permission>, generation: u64) -> Self {
        Self { value: Vec::new(), perms, children: BTreeMap::new(), generation }
    }

    pub(super) fn owner(&self) -> DomId {
        self.perms.first().map_or(DomId(0), |owner| owner.domain)
    }

    /// Returns what a domain may do: read, write.
    pub(super) fn rights(&self, domain: DomId) -> Rights {
        if domain == DomId(0) || domain == self.owner() {
            return Rights { read: true, write: true, own: true };
        }
        let entry = self.perms.iter().skip(1).find(|entry| entry.domain == domain).or(self.perms.first());
        let access = entry.map_or(Access::None, |entry| entry.access);
        Rights {
            read: matches!(access, Access::Read | Access::Both),
            write: matches!(access, Access::Write | Access::Both),
            own: false,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rights {
    pub(super) read: bool,
    pub(super) write: bool,
    pub(super) own: bool,
}

/// All nodes.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    root: Arc<Node>,
}

/// Splits an absolute path into its names.
fn names(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|name| !name.is_empty())
}

/// Returns the path above; the root is its own parent.
pub(super) fn parent(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) | None => "/",
        Some((parent, _)) => parent,
    }
}

/// Tells whether `path` is `above` or lies below it, and how many levels.
pub(super) fn depth_below(path: &str, above: &str) -> Option<u32> {
    if above == "/" {
        return path.starts_with('/').then(|| names(path).count() as u32);
    }
    let rest = path.strip_prefix(above)?;
    (rest.is_empty() || rest.starts_with('/')).then(|| names(rest).count() as u32)
}

impl Tree {
    pub(super) fn new() -> Self {
        let perms = vec![Permission { access: Access::None, domain: DomId(0) }];
        Self { root: Arc::new(Node::new(perms, 0)) }
    }

    pub(super) fn get(&self, path: &str) -> Option<&Node> {
        names(path).try_fold(&*self.root, |node, name| node.children.get(name).map(|child| &**child))
    }

    /// Returns the node itself or the closest one above it that exists, with its path.
    pub(super) fn closest<'p>(&self, path: &'p str) -> (&'p str, &Node) {
        let mut at = path;
        loop {
            match self.get(at) {
                Some(node) => return (at, node),
                None => at = parent(at),
            }
        }
    }

    /// Returns a node for changing it; what is shared with snapshots is copied.
    pub(super) fn get_mut(&mut self, path: &str) -> Option<&mut Node> {
        names(path).try_fold(Arc::make_mut(&mut self.root), |node, name| {
            node.children.get_mut(name).map(Arc::make_mut)
        })
    }

    /// Takes a node and all below it out.
    pub(super) fn remove(&mut self, path: &str, generation: u64) -> Option<Arc<Node>> {
        let name = names(path).last()?;
        let parent = self.get_mut(parent(path))?;
        let node = parent.children.remove(name)?;
        parent.generation = generation;
        Some(node)
    }

    /// Adds an empty node below an existing one.
    pub(super) fn add(&mut self, path: &str, perms: Vec<Permission>, generation: u64) {
        if let Some(name) = names(path).last()
            && let Some(parent) = self.get_mut(parent(path))
        {
            parent.generation = generation;
            parent.children.insert(name.to_owned(), Arc::new(Node::new(perms, generation)));
        }
    }

    /// Counts the nodes that a domain owns.
    pub(super) fn owned_by(&self, domain: DomId) -> usize {
        fn count(node: &Node, domain: DomId) -> usize {
            let below: usize = node.children.values().map(|child| count(child, domain)).sum();
            usize::from(node.owner() == domain) + below
        }
        count(&self.root, domain)
    }
}

pub(super) fn walk(path: &str, node: &Node, visit: &mut dyn FnMut(&str, &Node)) {
    visit(path, node);
    for (name, child) in &node.children {
        let below = if path == "/" { format!("/{name}") } else { format!("{path}/{name}") };
        walk(&below, child, visit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_does_not_see_later_changes() {
        let mut tree = Tree::new();
        let perms = tree.get("/").unwrap().perms.clone();
        tree.add("/a", perms.clone(), 1);
        let snapshot = tree.clone();
        tree.add("/a/b", perms, 2);
        tree.get_mut("/a").unwrap().value = b"new".to_vec();
        assert!(snapshot.get("/a/b").is_none() && snapshot.get("/a").unwrap().value.is_empty());
        assert_eq!(tree.closest("/a/b/c/d").0, "/a/b");
        assert!(tree.remove("/a", 3).is_some());
        assert_eq!(tree.closest("/a/b").0, "/");
    }

    #[test]
    fn depth_counts_levels_and_knows_names_from_prefixes() {
        assert_eq!(depth_below("/a/b/c", "/a"), Some(2));
        assert_eq!(depth_below("/a", "/a"), Some(0));
        assert_eq!(depth_below("/ab", "/a"), None);
        assert_eq!(depth_below("/ab", "/"), Some(1));
        assert_eq!(depth_below("@releaseDomain", "/"), None);
        assert_eq!(parent("/a"), "/");
        assert_eq!(parent("/a/b"), "/a");
    }
}
