//! Versions of the grant table's ABI.

use core::fmt;
use xen_hypercall::{DomId, Hypercall, ops};

/// The version of the ABI that a grant table follows.
///
/// Every host has version 1, which is also quicker: an entry is one word of 64 bits, and the end of
/// a grant reads that word alone. Version 2 has room for frames beyond 2^32, sub-page grants and
/// transitive grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// `grant_entry_v1_t`.
    V1,
    /// `grant_entry_v2_t`, with the states in frames of their own.
    V2,
}

impl Version {
    /// Requests `wanted` of Xen and returns the version in force. The caller owns the table, whose
    /// entries are of this version or unused.
    #[doc(alias = "GNTTABOP_set_version")]
    pub(crate) fn choose<H: Hypercall + ?Sized>(xen: &H, wanted: Self) -> Self {
        let number = match wanted {
            Self::V1 => 1,
            Self::V2 => 2,
        };
        // A host without a choice refuses, and so does one whose entries are in use by an earlier
        // kernel of this domain.
        // SAFETY: the callers hold the claim of the table. Its entries are not written yet, or are
        // of this version already, or were left behind by a suspend.
        let answer = unsafe { ops::grant_table::set_version(xen, number) }
            .or_else(|_| ops::grant_table::get_version(xen, DomId::SELF));
        if answer == Ok(2) { Self::V2 } else { Self::V1 }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V1 => "version 1",
            Self::V2 => "version 2",
        })
    }
}
