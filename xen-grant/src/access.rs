//! Access rights of a peer, as types.

use xen_sys::grant_table::GrantFlags;

mod sealed {
    pub trait Sealed {}
}

/// Access rights of a peer: [`ReadOnly`] or [`ReadWrite`].
pub trait Access: sealed::Sealed {
    /// The grant entry's flags.
    const FLAGS: GrantFlags;
}

/// The peer may read.
#[derive(Clone, Copy, Debug)]
pub struct ReadOnly;

/// The peer may read and write.
#[derive(Clone, Copy, Debug)]
pub struct ReadWrite;

impl sealed::Sealed for ReadOnly {}
impl sealed::Sealed for ReadWrite {}

impl Access for ReadOnly {
    const FLAGS: GrantFlags = GrantFlags::PERMIT_ACCESS.union(GrantFlags::READONLY);
}

impl Access for ReadWrite {
    const FLAGS: GrantFlags = GrantFlags::PERMIT_ACCESS;
}
