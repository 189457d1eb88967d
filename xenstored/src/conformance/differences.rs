//! Differences of Xen's own servers from the suite.
//!
//! The suite expects the behaviour of `docs/misc/xenstore.txt` and, where that has no rule, of the
//! newest C xenstored.

/// A server that has been compared with the suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// Ours.
    Ours,
    /// Xen's xenstored, in C, of 4.17.
    Xenstored417,
    /// Xen's xenstored, in C, of 4.20.
    Xenstored420,
    /// Xen's oxenstored, in OCaml, of 4.17.
    Oxenstored417,
    /// Xen's oxenstored, in OCaml, of 4.20.
    Oxenstored420,
}

impl Peer {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Ours,
        Self::Xenstored417,
        Self::Xenstored420,
        Self::Oxenstored417,
        Self::Oxenstored420,
    ];
}

/// Kind of client, on which differences may depend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// The control domain's, on a socket.
    Control,
    /// A guest's, on a ring.
    Guest,
}

const C_OLD: &[Peer] = &[Peer::Xenstored417];
const C_NEW: &[Peer] = &[Peer::Xenstored420];
const O: &[Peer] = &[Peer::Oxenstored417, Peer::Oxenstored420];
const O_OLD: &[Peer] = &[Peer::Oxenstored417];
const XEN: &[Peer] =
    &[Peer::Xenstored417, Peer::Xenstored420, Peer::Oxenstored417, Peer::Oxenstored420];

/// Case, servers, and their behaviour.
type Difference = (&'static str, &'static [Peer], &'static str);

const DIFFERENCES: &[Difference] = &[
    ("a path without its NUL is refused", C_OLD, "ENOENT: the error left over from before"),
    ("two paths to read are refused", C_OLD, "ENOENT: the error left over from before"),
    ("two paths to list are refused", C_OLD, "ENOENT: the error left over from before"),
    ("two paths to remove are refused", C_OLD, "ENOMEM: the error left over from before"),
    ("a request of nothing is refused", C_OLD, "ENOENT: the error left over from before"),
    ("a relative path of 2049 bytes is refused", C_NEW, "the control domain's paths have no limit"),
    (
        "an absolute path of 3073 bytes is refused",
        C_NEW,
        "the control domain's paths have no limit",
    ),
    ("a watch of depth 0 fires for its node only", XEN, "EINVAL: not before Xen 4.22"),
    ("a home of no number is refused", XEN, "what is no number is domain 0"),
    ("the server says which features it has", XEN, "ENOSYS: not before Xen 4.22"),
    ("the server says which quotas it has", XEN, "ENOSYS: not before Xen 4.22"),
    (
        "a path of 2048 bytes is taken",
        O,
        "EINVAL: paths have at most 1024 bytes as it is configured",
    ),
    ("a guest gives no node away", O, "EACCES"),
    ("a guest's node has no more than its quota", O, "E2BIG"),
    ("a guest has no more transactions than its quota", O, "EQUOTA, a name of its own"),
    ("a guest has no more watches than its quota", O, "EQUOTA, a name of its own"),
    (
        "a guest cannot detect nodes in a directory that it may not read",
        O,
        "ENOENT: it detects them",
    ),
    ("a guest does not control the server", O, "it may ask what there is to control"),
    ("the root is not removed", O, "says OK, and removes nothing"),
    ("a special name is no node to read", O, "ENOENT, to a guest EACCES"),
    ("a write to what was written is a conflict", O, "who only wrote is merged"),
    ("a write of the same value is a conflict", O, "who only wrote is merged"),
    ("two transactions that write the same node are in conflict", O, "who only wrote is merged"),
    ("two new nodes in one directory are in conflict", O, "merged"),
    (
        "a transaction that only reads is in conflict too",
        O,
        "who only read is not asked to do it again",
    ),
    ("the removal below what a transaction removes is a conflict", O, "merged"),
    ("after its end a transaction is not known", O, "EIO"),
    ("after a conflict a transaction is not known", O, "there is no conflict, see above"),
    ("a transaction that there is not is refused", O, "EIO"),
    ("a watch of a missing node does not fire when what is above is removed", O, "fires"),
    ("a removal fires for what is below first", O, "fires for what is above first"),
    ("a reset ends transactions", O, "EIO"),
    ("a domain that there is not is not released", O, "EINVAL"),
    ("a domain that there is not is not resumed", O, "EINVAL"),
    ("an order that there is not is refused", O, "says OK"),
    ("a small directory comes in one part, which an empty name ends", O, "ENOSYS"),
    ("a part behind the end is an empty name", O, "ENOSYS"),
    ("a part of a missing directory is refused", O, "ENOSYS"),
    ("the generation changes with the children", O, "ENOSYS"),
    (
        "a request and a reply have up to 4096 bytes",
        O,
        "E2BIG: the limit is for the control domain too",
    ),
    ("a request of nothing is refused", O_OLD, "no reply before the next request comes"),
    ("a change of nothing is refused", O_OLD, "no reply before the next request comes"),
    (
        "a large directory is refused in one and whole in parts",
        O,
        "a reply that is longer than a message can be; the connection must end",
    ),
];

/// Differences that guests do not see.
const CONTROL_ONLY: &[&str] =
    &["a relative path of 2049 bytes is refused", "an absolute path of 3073 bytes is refused"];

/// Differences that come with sockets, and not with rings.
const SOCKET_ONLY: &[(&str, Peer)] = &[
    ("a request of nothing is refused", Peer::Oxenstored417),
    ("a change of nothing is refused", Peer::Oxenstored417),
];

/// Differences that the control domain does not see.
const GUEST_ONLY: &[&str] = &["a path of 2048 bytes is taken"];

/// Returns what a server is known to do otherwise in a case, `None` if it should pass.
pub fn difference(peer: Peer, access: Access, case: &str) -> Option<&'static str> {
    let unseen = match access {
        Access::Control => GUEST_ONLY,
        Access::Guest => CONTROL_ONLY,
    };
    if unseen.contains(&case) || access == Access::Guest && SOCKET_ONLY.contains(&(case, peer)) {
        return None;
    }
    let mut found =
        DIFFERENCES.iter().filter(|(name, peers, _)| *name == case && peers.contains(&peer));
    found.next().map(|(_, _, what)| *what)
}

/// Calls `each` with every case, every server that differs, and what it does instead.
pub fn differences(mut each: impl FnMut(&'static str, Peer, &'static str)) {
    for (case, peers, what) in DIFFERENCES {
        peers.iter().for_each(|&peer| each(case, peer, what));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_unique() {
        differences(|case, peer, what| {
            let seen =
                [Access::Control, Access::Guest].map(|access| difference(peer, access, case));
            assert!(seen.contains(&Some(what)), "{case}");
            assert_ne!(peer, Peer::Ours);
            let noted = DIFFERENCES
                .iter()
                .filter(|(name, peers, _)| *name == case && peers.contains(&peer));
            assert_eq!(noted.count(), 1, "{case}");
        });
        assert_eq!(
            difference(Peer::Oxenstored420, Access::Control, "a request of nothing is refused"),
            None
        );
    }
}
