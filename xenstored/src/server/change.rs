//! Changes of the tree, and the affected nodes.

use super::tree::{Stamp, Tree, depth_below, walk};
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use xen_store::wire::Permission;

/// A change that a request made, with permissions already checked.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Write { path: String, value: Vec<u8> },
    Mkdir { path: String },
    Remove { path: String },
    SetPerms { path: String, perms: Vec<Permission> },
}

/// A node that a change affects, for its watches.
#[derive(Debug)]
pub(super) struct Effect {
    pub(super) path: String,
    /// Permissions of a node that is gone.
    pub(super) perms: Option<Vec<Permission>>,
    /// Only watches of the node itself are concerned.
    pub(super) exact: bool,
}

impl Change {
    /// Makes the change; it was checked before.
    pub(super) fn apply(&self, tree: &mut Tree, stamp: Stamp) -> Vec<Effect> {
        let concerns =
            |path: &str| vec![Effect { path: path.to_owned(), perms: None, exact: false }];
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
            (
                Self::SetPerms { path, .. },
                Self::Write { path: made, .. } | Self::Mkdir { path: made },
            ) => depth_below(made, path).is_some(),
            _ => false,
        }
    }

    /// Returns whether this change makes an earlier one void and may take its place.
    pub(super) fn replaces(&self, earlier: &Self) -> bool {
        match (self, earlier) {
            (Self::Write { path, .. }, Self::Write { path: other, .. }) => path == other,
            (Self::SetPerms { path, .. }, Self::SetPerms { path: other, .. }) => path == other,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use xen_hypercall::DomId;
    use xen_store::wire::Access;

    /// Returns one change of each kind.
    fn changes(path: &str) -> [Change; 4] {
        let path = path.to_owned();
        let perms = vec![Permission { access: Access::None, domain: DomId(5) }; 2];
        [
            Change::Write { path: path.clone(), value: vec![1; 10] },
            Change::Mkdir { path: path.clone() },
            Change::Remove { path: path.clone() },
            Change::SetPerms { path, perms },
        ]
    }

    #[test]
    fn size_counts_path_and_content() {
        let content = [10, 0, 0, 2 * size_of::<Permission>()];
        for (change, more) in changes("/abc").into_iter().zip(content) {
            assert_eq!(change.size(), size_of::<Change>() + 4 + more, "{change:?}");
        }
    }

    #[test]
    fn change_replaces_its_own_kind() {
        // A node that is made may be removed and made again, so those two kinds always stay.
        for (index, change) in changes("/a").iter().enumerate() {
            for (other, earlier) in changes("/a").iter().enumerate() {
                let expected = index == other && (index == 0 || index == 3);
                assert_eq!(change.replaces(earlier), expected, "{change:?} {earlier:?}");
            }
            assert!(changes("/a/b").iter().all(|earlier| !change.replaces(earlier)));
        }
    }

    #[test]
    fn change_depends_on_makers_below() {
        let [write, mkdir, remove, set_perms] = changes("/a/b");
        for (path, made) in [("/a", false), ("/a/b", true), ("/a/b/c", true), ("/a/bc", false)] {
            let [writes, makes, removes, sets] = changes(path);
            for change in [&write, &mkdir, &remove, &set_perms] {
                assert!(change.depends_on(&removes) && !change.depends_on(&sets), "{path}");
            }
            for change in [&write, &mkdir, &remove] {
                assert!(!change.depends_on(&writes) && !change.depends_on(&makes), "{path}");
            }
            assert_eq!([set_perms.depends_on(&writes), set_perms.depends_on(&makes)], [made; 2]);
        }
    }
}
