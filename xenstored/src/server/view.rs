//! The nodes as a request sees them: those of the tree, or of a transaction's copies and the tree.

use super::transaction::{NodeCopy, Transaction};
use super::tree::{Node, Stamp, Tree, names};
use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use xen_hypercall::DomId;
use xen_store::wire::Permission;

/// A node of the tree, or a transaction's copy of it.
#[derive(Clone, Copy, Debug)]
pub(super) enum NodeView<'a> {
    Tree(&'a Node),
    Copy(&'a NodeCopy),
}

impl<'a> NodeView<'a> {
    pub(super) fn value(self) -> &'a [u8] {
        match self {
            Self::Tree(node) => &node.value,
            Self::Copy(node) => &node.value,
        }
    }

    pub(super) fn perms(self) -> &'a [Permission] {
        match self {
            Self::Tree(node) => &node.perms,
            Self::Copy(node) => &node.perms,
        }
    }

    pub(super) fn changed(self) -> Stamp {
        match self {
            Self::Tree(node) => node.changed,
            Self::Copy(node) => node.changed,
        }
    }

    /// Returns the names of the children, in order.
    pub(super) fn names(self) -> impl Iterator<Item = &'a str> {
        let (tree, copy) = match self {
            Self::Tree(node) => (Some(node.children.keys()), None),
            Self::Copy(node) => (None, Some(node.names.iter())),
        };
        tree.into_iter().flatten().chain(copy.into_iter().flatten()).map(String::as_str)
    }

    /// Returns whether a child of the tree's node is one of this node too.
    fn shows(self, name: &str) -> bool {
        match self {
            Self::Tree(_) => true,
            Self::Copy(node) => node.names.contains(name),
        }
    }

    /// Returns the bytes that quotas are about: value, permissions, children's names.
    pub(super) fn size(self) -> usize {
        let names: usize = self.names().map(|name| name.len() + 1).sum();
        self.value().len() + size_of_val(self.perms()) + names
    }
}

/// Nodes of a request: the tree or a transaction's copies.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    tree: &'a Tree,
    open: Option<&'a Transaction>,
}

/// A place on the way down: the node as it is seen, and the one of the tree.
#[derive(Clone, Copy)]
struct Place<'a> {
    seen: NodeView<'a>,
    tree: Option<&'a Node>,
}

impl<'a> View<'a> {
    pub(super) fn of_tree(tree: &'a Tree) -> Self {
        Self { tree, open: None }
    }

    pub(super) fn in_transaction(tree: &'a Tree, open: &'a Transaction) -> Self {
        Self { tree, open: Some(open) }
    }

    /// Returns how many nodes a domain owns.
    pub(super) fn owned_nodes(self, domain: DomId) -> usize {
        let count = self.tree.owned_by(domain).nodes;
        self.open.map_or(count, |open| open.owned_nodes(count))
    }

    fn root(self) -> Place<'a> {
        let root = self.tree.root();
        let copy = self.open.and_then(|open| open.node("/")).flatten();
        Place { seen: copy.map_or(NodeView::Tree(root), NodeView::Copy), tree: Some(root) }
    }

    /// Returns the child `name` of a node, whose path is `path`.
    fn child(self, above: Place<'a>, name: &str, path: &str) -> Option<Place<'a>> {
        let tree = above.tree.and_then(|node| node.children.get(name)).map(|child| &**child);
        let seen = match self.open.and_then(|open| open.node(path)) {
            Some(copy) => copy.map(NodeView::Copy),
            None => tree.filter(|_| above.seen.shows(name)).map(NodeView::Tree),
        };
        seen.map(|seen| Place { seen, tree })
    }

    /// Returns the node itself or the closest one above it that exists, with its path.
    pub(super) fn closest<'p>(self, path: &'p str) -> (&'p str, NodeView<'a>) {
        let (found, place) = self.descend(path);
        (found, place.seen)
    }

    fn descend<'p>(self, path: &'p str) -> (&'p str, Place<'a>) {
        let (mut place, mut end) = (self.root(), 0);
        for name in names(path) {
            let below = end + 1 + name.len();
            let Some(child) = self.child(place, name, path.get(..below).unwrap_or(path)) else {
                break;
            };
            (place, end) = (child, below);
        }
        (path.get(..end).filter(|path| !path.is_empty()).unwrap_or("/"), place)
    }

    /// Returns the paths of a node, which is not the root, and of all below it; none if there is no
    /// such node.
    pub(super) fn paths_below(self, path: &str) -> Vec<String> {
        let (found, place) = self.descend(path);
        let mut rest = if found == path { vec![(path.to_owned(), place)] } else { Vec::new() };
        let mut paths = Vec::new();
        while let Some((path, place)) = rest.pop() {
            for name in place.seen.names() {
                let below = format!("{path}/{name}");
                if let Some(child) = self.child(place, name, &below) {
                    rest.push((below, child));
                }
            }
            paths.push(path);
        }
        paths
    }
}
