//! Transactions: a snapshot, what was looked at in it, and what was changed.

use super::tree::Tree;
use std::collections::BTreeMap;

/// An open transaction.
#[derive(Debug)]
pub(super) struct Transaction {
    pub(super) tree: Tree,
    /// The tree when the transaction began.
    base: Tree,
    /// The generation that each node had at the beginning; `None` for one that was not there.
    accessed: BTreeMap<String, Option<u64>>,
    /// What was changed, in order, to be done again on the real tree.
    pub(super) changes: Vec<Change>,
}

/// A change that a request made, with permissions already checked.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Write { path: String, value: Vec<u8> },
    Mkdir { path: String },
    Remove { path: String },
    SetPerms { path: String, perms: Vec<xen_store::wire::Permission> },
}

impl Transaction {
    pub(super) fn new(tree: Tree) -> Self {
        Self { base: tree.clone(), tree, accessed: BTreeMap::new(), changes: Vec::new() }
    }

    /// Notes that a request looks at a node.
    pub(super) fn access(&mut self, path: &str) {
        if !self.accessed.contains_key(path) {
            let generation = self.base.get(path).map(|node| node.generation);
            self.accessed.insert(path.to_owned(), generation);
        }
    }

    /// Tells whether a node that the transaction looked at has changed in the real tree since.
    pub(super) fn conflicts(&self, tree: &Tree) -> bool {
        self.accessed.iter().any(|(path, &seen)| tree.get(path).map(|node| node.generation) != seen)
    }
}
