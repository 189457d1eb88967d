//! The nodes. A tree is shared structure: a snapshot costs nothing, and a change copies the path to
//! it.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use alloc::{borrow::ToOwned, format, vec};
use xen_hypercall::DomId;
use xen_store::wire::{Access, Permission};

/// Time and author of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Counts changes.
    pub(super) generation: u64,
    pub(super) domain: DomId,
}

/// A node and all below it.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) value: Vec<u8>,
    /// The owner first.
    pub(super) perms: Vec<Permission>,
    pub(super) children: BTreeMap<String, Arc<Node>>,
    /// Changes whenever value, permissions or the list of children do.
    pub(super) changed: Stamp,
}

impl Node {
    fn new(perms: Vec<Permission>, changed: Stamp) -> Self {
        Self { value: Vec::new(), perms, children: BTreeMap::new(), changed }
    }

    fn own_size(&self) -> usize {
        self.value.len() + size_of_val(&*self.perms)
    }
}

impl Drop for Node {
    /// Drops what is below one by one: a path may have more levels than a stack has room for.
    fn drop(&mut self) {
        let mut rest: Vec<_> = core::mem::take(&mut self.children).into_values().collect();
        while let Some(node) = rest.pop() {
            if let Some(mut node) = Arc::into_inner(node) {
                rest.extend(core::mem::take(&mut node.children).into_values());
            }
        }
    }
}

pub(super) fn owner(perms: &[Permission]) -> DomId {
    perms.first().map_or(DomId(0), |owner| owner.domain)
}

/// Returns the bytes that a node with this path takes beside its value and permissions.
pub(super) fn node_overhead(path: &str) -> usize {
    size_of::<Node>() + split(path).map_or(0, |(_, name)| name.len())
}

/// Access of a domain to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rights {
    pub(super) read: bool,
    pub(super) write: bool,
    pub(super) own: bool,
}

impl Rights {
    pub(super) fn of(domain: DomId, perms: &[Permission]) -> Self {
        if domain == DomId(0) || domain == owner(perms) {
            return Self { read: true, write: true, own: true };
        }
        let entry = perms.iter().skip(1).find(|entry| entry.domain == domain).or(perms.first());
        let access = entry.map_or(Access::None, |entry| entry.access);
        Self {
            read: matches!(access, Access::Read | Access::Both),
            write: matches!(access, Access::Write | Access::Both),
            own: false,
        }
    }

    pub(super) fn or(self, other: Self) -> Self {
        Self {
            read: self.read || other.read,
            write: self.write || other.write,
            own: self.own || other.own,
        }
    }
}

/// All nodes.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    root: Arc<Node>,
    /// Nodes and bytes of each domain.
    owned: BTreeMap<u16, Owned>,
}

/// Number of nodes that a domain owns, and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Owned {
    pub(super) nodes: usize,
    pub(super) bytes: usize,
}

impl Owned {
    fn of(path: &str, node: &Node) -> Self {
        Self { nodes: 1, bytes: node_overhead(path) + node.own_size() }
    }
}

/// Splits an absolute path into its names.
pub(super) fn names(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|name| !name.is_empty())
}

/// Splits a path into the one above and the name; the root has none.
pub(super) fn split(path: &str) -> Option<(&str, &str)> {
    let (above, name) = path.rsplit_once('/').filter(|(_, name)| !name.is_empty())?;
    Some((if above.is_empty() { "/" } else { above }, name))
}

/// Returns the path above; the root is its own parent.
pub(super) fn parent(path: &str) -> &str {
    split(path).map_or("/", |(above, _)| above)
}

/// Returns the number of levels that `path` lies below `above`; `None` if it does not.
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
        let mut tree = Self {
            root: Arc::new(Node::new(perms, Stamp { generation: 0, domain: DomId(0) })),
            owned: BTreeMap::new(),
        };
        tree.own(DomId(0), Owned::of("/", &tree.root));
        tree
    }

    pub(super) fn root(&self) -> &Node {
        &self.root
    }

    pub(super) fn get(&self, path: &str) -> Option<&Node> {
        names(path)
            .try_fold(&*self.root, |node, name| node.children.get(name).map(|child| &**child))
    }

    /// Returns the node itself or the closest one above it that exists, with its path.
    pub(super) fn closest<'p>(&self, path: &'p str) -> (&'p str, &Node) {
        let mut node = &*self.root;
        let mut end = 0;
        for name in names(path) {
            let Some(child) = node.children.get(name) else { break };
            node = child;
            end += 1 + name.len();
        }
        (path.get(..end).filter(|path| !path.is_empty()).unwrap_or("/"), node)
    }

    /// Returns a node for changing it; what is shared with snapshots is copied.
    fn get_mut(&mut self, path: &str) -> Option<&mut Node> {
        names(path).try_fold(Arc::make_mut(&mut self.root), |node, name| {
            node.children.get_mut(name).map(Arc::make_mut)
        })
    }

    pub(super) fn set_value(&mut self, path: &str, value: &[u8], stamp: Stamp) {
        self.alter(path, stamp, |node| node.value = value.to_vec());
    }

    pub(super) fn set_perms(&mut self, path: &str, perms: &[Permission], stamp: Stamp) {
        self.alter(path, stamp, |node| node.perms = perms.to_vec());
    }

    /// Changes value or permissions of a node.
    fn alter(&mut self, path: &str, stamp: Stamp, change: impl FnOnce(&mut Node)) {
        let Some(node) = self.get_mut(path) else { return };
        let before = (owner(&node.perms), Owned::of(path, node));
        change(node);
        node.changed = stamp;
        let after = (owner(&node.perms), Owned::of(path, node));
        self.disown(before.0, before.1);
        self.own(after.0, after.1);
    }

    /// Takes a node and all below it out.
    pub(super) fn remove(&mut self, path: &str, stamp: Stamp) -> Option<Arc<Node>> {
        let (above, name) = split(path)?;
        let parent = self.get_mut(above)?;
        let node = parent.children.remove(name)?;
        parent.changed = stamp;
        walk(path, &node, &mut |path, node| self.disown(owner(&node.perms), Owned::of(path, node)));
        Some(node)
    }

    fn own(&mut self, domain: DomId, more: Owned) {
        let owned = self.owned.entry(domain.0).or_default();
        owned.nodes += more.nodes;
        owned.bytes += more.bytes;
    }

    fn disown(&mut self, domain: DomId, less: Owned) {
        if let Some(owned) = self.owned.get_mut(&domain.0) {
            owned.nodes -= less.nodes;
            owned.bytes -= less.bytes;
            if owned.nodes == 0 {
                self.owned.remove(&domain.0);
            }
        }
    }

    /// Makes a node, and what is missing above it, owned by who does it; returns whether it was
    /// missing.
    pub(super) fn make(&mut self, path: &str, stamp: Stamp) -> bool {
        let mut at = Arc::make_mut(&mut self.root);
        let mut made = Vec::new();
        for name in names(path) {
            if !at.children.contains_key(name) {
                let mut perms = at.perms.clone();
                // What a guest makes is its own; what the control domain makes belongs to whom the
                // rest does.
                if let Some(owner) = perms.first_mut().filter(|_| stamp.domain != DomId(0)) {
                    owner.domain = stamp.domain;
                }
                at.changed = stamp;
                let owner = owner(&perms);
                let node = Node::new(perms, stamp);
                made.push((
                    owner,
                    Owned { nodes: 1, bytes: size_of::<Node>() + name.len() + node.own_size() },
                ));
                at.children.insert(name.to_owned(), Arc::new(node));
            }
            match at.children.get_mut(name) {
                Some(child) => at = Arc::make_mut(child),
                None => break,
            }
        }
        made.iter().for_each(|&(owner, node)| self.own(owner, node));
        !made.is_empty()
    }

    /// Calls `visit` for each node at and below `path`, with its path, a node before those below
    /// it.
    pub(super) fn walk(&self, path: &str, visit: &mut dyn FnMut(&str, &Node)) {
        if let Some(node) = self.get(path) {
            walk(path, node, visit);
        }
    }

    /// Returns what a domain owns.
    pub(super) fn owned_by(&self, domain: DomId) -> Owned {
        self.owned.get(&domain.0).copied().unwrap_or_default()
    }

    /// Counts anew and returns whether the counts are right.
    pub(super) fn is_consistent(&self) -> bool {
        let mut counted = Self { root: Arc::clone(&self.root), owned: BTreeMap::new() };
        self.walk("/", &mut |path, node| counted.own(owner(&node.perms), Owned::of(path, node)));
        counted.owned == self.owned
    }
}

pub(super) fn walk(path: &str, node: &Node, visit: &mut dyn FnMut(&str, &Node)) {
    let mut rest = vec![(path.to_owned(), node)];
    while let Some((path, node)) = rest.pop() {
        visit(&path, node);
        let above = if path == "/" { "" } else { &path };
        rest.extend(
            node.children.iter().rev().map(|(name, child)| (format!("{above}/{name}"), &**child)),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::{NoDomains, Server};
    use xen_store::wire::{MessageType, ServerError};

    fn by(domain: DomId, generation: u64) -> Stamp {
        Stamp { generation, domain }
    }

    #[test]
    fn snapshot_misses_later_changes() {
        let mut tree = Tree::new();
        assert!(tree.make("/a", by(DomId(0), 1)));
        let snapshot = tree.clone();
        assert!(tree.make("/a/b", by(DomId(0), 2)) && !tree.make("/a/b", by(DomId(0), 3)));
        tree.set_value("/a", b"new", by(DomId(0), 4));
        assert!(snapshot.get("/a/b").is_none() && snapshot.get("/a").unwrap().value.is_empty());
        assert_eq!(tree.closest("/a/b/c/d").0, "/a/b");
        assert!(tree.remove("/a", by(DomId(0), 3)).is_some());
        assert_eq!((tree.closest("/a/b").0, tree.closest("/").0), ("/", "/"));
    }

    #[test]
    fn depth_counts_levels() {
        assert_eq!(depth_below("/a/b/c", "/a"), Some(2));
        assert_eq!(depth_below("/a", "/a"), Some(0));
        assert_eq!(depth_below("/ab", "/a"), None);
        assert_eq!(depth_below("/ab", "/"), Some(1));
        assert_eq!(depth_below("@releaseDomain", "/"), None);
        assert_eq!(parent("/a"), "/");
        assert_eq!(parent("/a/b"), "/a");
        assert_eq!(parent("/"), "/");
    }

    #[test]
    fn counts_of_owners_follow_every_change() {
        let mut tree = Tree::new();
        tree.make("/a/b/c", by(DomId(7), 1));
        assert_eq!((tree.owned_by(DomId(7)).nodes, tree.owned_by(DomId(0)).nodes), (3, 1));
        let perms = [Permission { access: Access::None, domain: DomId(8) }];
        tree.set_perms("/a/b", &perms, by(DomId(0), 2));
        tree.make("/a/b/d", by(DomId(0), 3));
        assert_eq!((tree.owned_by(DomId(7)).nodes, tree.owned_by(DomId(8)).nodes), (2, 2));
        let snapshot = tree.clone();
        tree.remove("/a/b", by(DomId(0), 4));
        assert_eq!((tree.owned_by(DomId(7)).nodes, tree.owned_by(DomId(8)).nodes), (1, 0));
        assert_eq!(snapshot.owned_by(DomId(8)).nodes, 2);
        assert!(tree.is_consistent() && snapshot.is_consistent());
    }

    #[test]
    fn wrong_counts_are_inconsistent() {
        let mut tree = Tree::new();
        tree.make("/a", by(DomId(7), 1));
        let right = tree.owned_by(DomId(7));
        for (nodes, bytes) in [(right.nodes + 1, right.bytes), (right.nodes, right.bytes - 1)] {
            tree.owned.insert(7, Owned { nodes, bytes });
            assert!(!tree.is_consistent(), "{nodes} {bytes}");
        }
        tree.owned.insert(7, right);
        assert!(tree.is_consistent());
        tree.owned.insert(8, Owned::default());
        assert!(!tree.is_consistent());
    }

    #[test]
    fn check_reports_wrong_counts() {
        let mut server = Server::new();
        let id = server.connect(DomId(0));
        let check = |server: &mut Server| {
            server.privileged(id, MessageType::CONTROL, b"check\0", &mut NoDomains)
        };
        assert_eq!(check(&mut server).unwrap(), b"OK\0");
        server.tree.owned.clear();
        assert_eq!(check(&mut server), Err(ServerError::Io));
    }

    #[test]
    fn deep_path_needs_no_stack() {
        let deep = "/a".repeat(1536);
        let work = move || {
            let mut tree = Tree::new();
            tree.make(&deep, by(DomId(3), 1));
            let mut count = 0;
            tree.walk("/", &mut |_, _| count += 1);
            let removed = tree.remove("/a", by(DomId(0), 2)).map(drop);
            (count, removed, tree.owned_by(DomId(3)).nodes)
        };
        let thread = std::thread::Builder::new().stack_size(64 << 10).spawn(work).unwrap();
        assert_eq!(thread.join().unwrap(), (1537, Some(()), 0));
    }
}
