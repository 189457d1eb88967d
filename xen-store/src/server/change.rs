//! Changes of the tree, and whom they concern.

use super::tree::{Stamp, Tree, depth_below, walk};
use crate::wire::Permission;
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// A change that a request made, with permissions already checked.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Write { path: String, value: Vec<u8> },
    Mkdir { path: String },
    Remove { path: String },
    SetPerms { path: String, perms: Vec<Permission> },
}

/// A node that a change concerns, for those who watch it.
#[derive(Debug)]
pub(super) struct Effect {
    pub(super) path: String,
    /// Permissions of a node that is gone.
    pub(super) perms: Option<Vec<Permission>>,
    /// Only who watches the very node is concerned.
    pub(super) exact: bool,
}

impl Change {
    /// Makes the change; it was checked before.
    pub(super) fn apply(&self, tree: &mut Tree, stamp: Stamp) -> Vec<Effect> {
        let concerns = |path: &str| vec![Effect { path: path.to_owned(), perms: None, exact: false }];
        match self {
            Self::Write { path, value } => {
                tree.make(path, stamp);
                tree.set_value(path, value, stamp);
                concerns(path)
            }
            Self::Mkdir { path } => match tree.make(path, stamp) {
                true => concerns(path),
                false => Vec::new(),
            },
            Self::SetPerms { path, perms } => {
                tree.set_perms(path, perms, stamp);
                concerns(path)
            }
            Self::Remove { path } => {
                let Some(node) = tree.remove(path, stamp) else { return Vec::new() };
                let mut effects = Vec::new();
                walk(path, &node, &mut |below, node| {
                    let perms = Some(node.perms.clone());
                    effects.push(Effect { path: below.to_owned(), perms, exact: below != path });
                });
                effects
            }
        }
    }

    /// Returns how many bytes it takes to keep it.
    pub(super) fn size(&self) -> usize {
        let beside = match self {
            Self::Write { path, value } => path.len() + value.len(),
            Self::Mkdir { path } | Self::Remove { path } => path.len(),
            Self::SetPerms { path, perms } => path.len() + size_of_val(&**perms),
        };
        size_of::<Self>() + beside
    }

    /// Returns whether this change may not move before `other`, which came earlier.
    pub(super) fn depends_on(&self, other: &Self) -> bool {
        match (self, other) {
            (_, Self::Remove { .. }) => true,
            // A node that is made has the permissions that the one above it has at that moment.
            (Self::SetPerms { path, .. }, Self::Write { path: made, .. } | Self::Mkdir { path: made }) => {
                depth_below(made, path).is_some()
            }
            _ => false,
        }
    }

    /// Tells whether an earlier change is void because of this one, if this one may take its place.
    pub(super) fn replaces(&self, earlier: &Self) -> bool {
        match (self, earlier) {
            (Self::Write { path, .. }, Self::Write { path: other, .. }) => path == other,
            (Self::SetPerms { path, .. }, Self::SetPerms { path: other, .. }) => path == other,
            _ => false,
        }
    }
}
