//! Transactions: a snapshot, what was looked at in it, and what was changed.

use super::Result;
use super::change::Change;
use super::quota::within;
use super::tree::{Node, Stamp, Tree, node_overhead};
use crate::wire::ServerError;
use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use xen_hypercall::DomId;

/// An open transaction.
#[derive(Debug)]
pub(super) struct Transaction {
    pub(super) tree: Tree,
    /// The tree when the transaction began.
    base: Tree,
    /// When each node was changed last at the beginning; `None` for one that was not there.
    accessed: BTreeMap<String, Option<Stamp>>,
    /// What was changed, in order, to be done again on the real tree.
    pub(super) changes: Vec<Change>,
    /// How many nodes it may look at, and changes it may make.
    limit: usize,
    /// About how many bytes it keeps, beside what it shares with the tree.
    bytes: usize,
}

impl Transaction {
    pub(super) fn new(tree: Tree, limit: usize) -> Self {
        Self { base: tree.clone(), tree, accessed: BTreeMap::new(), changes: Vec::new(), limit, bytes: 0 }
    }

    /// Notes that a request looks at a node.
    pub(super) fn access(&mut self, path: &str) -> Result<()> {
        if !self.accessed.contains_key(path) {
            if !within(self.accessed.len() + 1, self.limit) {
                return Err(ServerError::NoSpace);
            }
            let node = self.base.get(path);
            // A node that is changed is copied.
            self.bytes += path.len() + node_overhead(path) + node.map_or(0, Node::size);
            self.accessed.insert(path.to_owned(), node.map(|node| node.changed));
        }
        Ok(())
    }

    /// Makes a change. One that makes an earlier one void takes its place, so that changing a node again and again takes no memory.
    pub(super) fn change(&mut self, change: Change, stamp: Stamp) -> Result<()> {
        let earlier = self.changes.iter().rposition(|earlier| change.replaces(earlier));
        let since = earlier.map_or(&[][..], |at| self.changes.get(at..).unwrap_or_default());
        if let Some(at) = earlier
            && !since.iter().any(|other| other.is_removal())
            && let Some(place) = self.changes.get_mut(at)
        {
            change.apply(&mut self.tree, stamp);
            self.bytes += change.size();
            self.bytes -= core::mem::replace(place, change).size();
            return Ok(());
        }
        if !within(self.changes.len() + 1, self.limit) {
            return Err(ServerError::NoSpace);
        }
        change.apply(&mut self.tree, stamp);
        self.bytes += change.size();
        self.changes.push(change);
        Ok(())
    }

    /// Returns about how many bytes are kept for it.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns who has changed a node in the real tree, or has removed it, since the transaction began that looked at it.
    pub(super) fn conflicts<'a>(&'a self, tree: &'a Tree) -> impl Iterator<Item = DomId> + 'a {
        let changed = |(path, &seen): (&String, &Option<Stamp>)| {
            let is_changed = tree.get(path).map(|node| node.changed) != seen;
            // Removing a node changes the one above it.
            is_changed.then(|| tree.closest(path).1.changed.domain)
        };
        self.accessed.iter().filter_map(changed)
    }
}
