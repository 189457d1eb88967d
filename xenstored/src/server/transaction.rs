//! Transactions: copies of the nodes that were read, and the changes to be made.
//!
//! A transaction keeps no snapshot of the tree. A node is copied when a request of the transaction
//! reads it first; later requests use the copy. So the memory of a transaction
//! depends on its own requests only, and counts as its domain's memory, whatever other
//! domains change meanwhile. A commit is refused if one of the nodes has changed since.

use super::Result;
use super::change::Change;
use super::quota::within;
use super::tree::{Stamp, Tree, names, node_overhead, owner, split};
use super::view::{NodeView, View};
use alloc::borrow::ToOwned;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;
use xen_hypercall::DomId;
use xen_store::wire::{Permission, ServerError};

/// A node as a transaction sees it.
#[derive(Debug)]
pub(super) struct NodeCopy {
    pub(super) value: Vec<u8>,
    pub(super) perms: Vec<Permission>,
    pub(super) names: BTreeSet<String>,
    pub(super) changed: Stamp,
}

impl NodeCopy {
    fn of(node: NodeView<'_>) -> Self {
        Self {
            value: node.value().to_vec(),
            perms: node.perms().to_vec(),
            names: node.names().map(str::to_owned).collect(),
            changed: node.changed(),
        }
    }
}

/// A node that a transaction has read.
#[derive(Debug)]
struct Entry {
    /// The last change of the node in the tree when it was copied; `None` if there was no node.
    seen: Option<Stamp>,
    /// The node as the transaction sees it; `None` if there is none.
    now: Option<NodeCopy>,
}

/// An open transaction.
#[derive(Debug)]
pub(super) struct Transaction {
    nodes: BTreeMap<String, Entry>,
    /// The changes in order, to be made again on the tree.
    pub(super) changes: Vec<Change>,
    /// The nodes that the domain owns in the transaction, less those that it owns in the tree.
    owned: isize,
    /// Maximum number of nodes that it may read, and of changes.
    limit: usize,
    /// The bytes that it keeps, about.
    bytes: usize,
}

impl Transaction {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            nodes: BTreeMap::new(),
            changes: Vec::new(),
            owned: 0,
            limit,
            bytes: size_of::<Self>(),
        }
    }

    /// Returns what the transaction has of a node: `None` if it has not read it, `Some(None)`
    /// if there is no such node.
    pub(super) fn node(&self, path: &str) -> Option<Option<&NodeCopy>> {
        self.nodes.get(path).map(|entry| entry.now.as_ref())
    }

    /// Returns the nodes that the domain owns, where it owns `count` in the tree.
    pub(super) fn owned_nodes(&self, count: usize) -> usize {
        count.saturating_add_signed(self.owned)
    }

    /// Copies a node, or notes that it is missing, unless that was done before.
    pub(super) fn access(&mut self, tree: &Tree, path: &str) -> Result<()> {
        if self.nodes.contains_key(path) {
            return Ok(());
        }
        if !within(self.nodes.len() + 1, self.limit) {
            return Err(ServerError::NoSpace);
        }
        let (found, node) = View::in_transaction(tree, self).closest(path);
        let now = (found == path).then(|| NodeCopy::of(node));
        let seen = tree.get(path).map(|node| node.changed);
        self.insert(path, Entry { seen, now });
        Ok(())
    }

    fn insert(&mut self, path: &str, entry: Entry) {
        self.bytes += entry.now.as_ref().map_or(0, |node| NodeView::Copy(node).size());
        // One that was removed in this transaction, and is made again, has its entry.
        if self.nodes.insert(path.to_owned(), entry).is_none() {
            self.bytes += 2 * path.len() + node_overhead(path) + size_of::<Entry>();
        }
    }

    /// Makes a change of nodes that were read: the node itself, or the closest one above it
    /// that there is; for a removal those below it too, and the one above.
    ///
    /// A change that makes an earlier one void takes its place, so that changing a node again and
    /// again takes no memory.
    pub(super) fn change(&mut self, tree: &Tree, change: Change, stamp: Stamp) -> Result<()> {
        let earlier = self.changes.iter().rposition(|earlier| change.replaces(earlier));
        let since = earlier.map_or(&[][..], |at| self.changes.get(at..).unwrap_or_default());
        if let Some(at) = earlier
            && !since.iter().any(|other| change.depends_on(other))
        {
            self.apply(tree, &change, stamp)?;
            self.bytes += change.size();
            if let Some(place) = self.changes.get_mut(at) {
                self.bytes -= core::mem::replace(place, change).size();
            }
            return Ok(());
        }
        if !within(self.changes.len() + 1, self.limit) {
            return Err(ServerError::NoSpace);
        }
        self.apply(tree, &change, stamp)?;
        self.bytes += change.size();
        self.changes.push(change);
        Ok(())
    }

    /// Makes a change in the copies.
    fn apply(&mut self, tree: &Tree, change: &Change, stamp: Stamp) -> Result<()> {
        match change {
            Change::Write { path, value } => {
                self.make(tree, path, stamp)?;
                self.alter(path, stamp, |node| node.value.clone_from(value));
            }
            Change::Mkdir { path } => self.make(tree, path, stamp)?,
            Change::SetPerms { path, perms } => {
                self.alter(path, stamp, |node| node.perms.clone_from(perms));
            }
            Change::Remove { path } => {
                let below = View::in_transaction(tree, self).paths_below(path);
                if let Some((above, name)) = split(path) {
                    self.alter(above, stamp, |node| {
                        node.names.remove(name);
                    });
                }
                for path in below {
                    self.remove(&path, stamp.domain);
                }
            }
        }
        Ok(())
    }

    fn remove(&mut self, path: &str, domain: DomId) {
        if let Some(node) = self.nodes.get_mut(path).and_then(|entry| entry.now.take()) {
            self.bytes -= NodeView::Copy(&node).size();
            self.owned -= isize::from(owner(&node.perms) == domain);
        }
    }

    /// Changes a copied node. Its owner stays the same, unless the control domain does it, whose
    /// nodes are not counted.
    fn alter(&mut self, path: &str, stamp: Stamp, change: impl FnOnce(&mut NodeCopy)) {
        let Some(node) = self.nodes.get_mut(path).and_then(|entry| entry.now.as_mut()) else {
            return;
        };
        let before = NodeView::Copy(node).size();
        change(node);
        node.changed = stamp;
        self.bytes = self.bytes + NodeView::Copy(node).size() - before;
    }

    /// Makes a node, and what is missing above it, as [`Tree::make`] does.
    fn make(&mut self, tree: &Tree, path: &str, stamp: Stamp) -> Result<()> {
        let (found, node) = View::in_transaction(tree, self).closest(path);
        let mut perms = node.perms().to_vec();
        if let Some(first) = perms.first_mut().filter(|_| stamp.domain != DomId(0)) {
            first.domain = stamp.domain;
        }
        let start = if found == "/" { 0 } else { found.len() };
        let mut end = start;
        let below = |name: &str| {
            end += 1 + name.len();
            path.get(..end).unwrap_or(path)
        };
        let missing: Vec<_> = names(path.get(start..).unwrap_or_default()).map(below).collect();
        let new = missing.iter().filter(|path| !self.nodes.contains_key(**path)).count();
        if !within(self.nodes.len() + new, self.limit) {
            return Err(ServerError::NoSpace);
        }
        for path in missing {
            if let Some((above, name)) = split(path) {
                self.alter(above, stamp, |node| {
                    node.names.insert(name.to_owned());
                });
            }
            let seen = self.nodes.get(path).and_then(|entry| entry.seen);
            let (value, names) = (Vec::new(), BTreeSet::new());
            let now = Some(NodeCopy { value, perms: perms.clone(), names, changed: stamp });
            self.owned += isize::from(owner(&perms) == stamp.domain);
            self.insert(path, Entry { seen, now });
        }
        Ok(())
    }

    /// Returns the bytes that are kept for it, about.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns who has changed a node in the tree, or has removed it, since the transaction copied
    /// it.
    pub(super) fn conflicts<'a>(&'a self, tree: &'a Tree) -> impl Iterator<Item = DomId> + 'a {
        let changed = |(path, entry): (&String, &Entry)| {
            let is_changed = tree.get(path).map(|node| node.changed) != entry.seen;
            // Removing a node changes the one above it.
            is_changed.then(|| tree.closest(path).1.changed.domain)
        };
        self.nodes.iter().filter_map(changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;
    use xen_store::wire::Access;

    const BY_GUEST: Stamp = Stamp { generation: 9, domain: DomId(5) };

    fn write(path: &str, len: usize) -> Change {
        Change::Write { path: path.into(), value: vec![7; len] }
    }

    #[test]
    fn kept_bytes_follow_every_change() {
        let mut tree = Tree::new();
        tree.make("/ab", BY_GUEST);
        let mut open = Transaction::new(0);
        let mut looked_at = |path| {
            let before = open.bytes();
            open.access(&tree, path).unwrap();
            open.bytes() - before
        };
        // A copy is what the tree's node is, and a name costs its text each time that it is kept.
        let missing = looked_at("/c");
        assert_eq!(looked_at("/cde"), missing + 2 * 3);
        assert_eq!(looked_at("/d/e"), missing + 2 * 2);
        assert_eq!(looked_at("/d/e"), 0);
        let entry = size_of::<Permission>();
        assert_eq!(looked_at("/"), missing - 3 + entry + 3);
        assert_eq!(looked_at("/ab"), missing + 3 + entry);
        assert_eq!(looked_at("/ab"), 0);
        assert!(missing > size_of::<Entry>());

        let start = open.bytes();
        let perms = vec![Permission { access: Access::None, domain: DomId(5) }; 3];
        let set_perms = Change::SetPerms { path: "/c".into(), perms };
        let remove = Change::Remove { path: "/c".into() };
        let write_size = |len| write("/c", len).size();
        // The change; the sizes of the changes kept then, and of the node.
        for (change, kept, node) in [
            (write("/c", 100), write_size(100), 2 + entry + 100),
            (write("/c", 30), write_size(30), 2 + entry + 30),
            (set_perms.clone(), write_size(30) + set_perms.size(), 2 + 3 * entry + 30),
            (set_perms.clone(), write_size(30) + set_perms.size(), 2 + 3 * entry + 30),
            (write("/c", 40), write_size(40) + set_perms.size(), 2 + 3 * entry + 40),
            (remove.clone(), write_size(40) + set_perms.size() + remove.size(), 0),
            (
                write("/c", 8),
                write_size(40) + set_perms.size() + remove.size() + write_size(8),
                2 + entry + 8,
            ),
        ] {
            open.change(&tree, change, BY_GUEST).unwrap();
            assert_eq!(open.bytes(), start + kept + node, "{:?}", open.changes);
        }
    }
}
