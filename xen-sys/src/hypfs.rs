//! The hypervisor's tree of parameters.
//!
//! Public header: `hypfs.h`.
//!
//! Coverage: 13 constants and 2 structures, of Xen 4.17 and 4.20; nothing is left out.

use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Version of the interface.
pub const XEN_HYPFS_VERSION: u32 = 1;
/// Most bytes of a path, its zero byte included.
pub const XEN_HYPFS_MAX_PATHLEN: u32 = 1024;
/// Returns the version. No argument.
#[doc(alias = "XEN_HYPFS_OP_get_version")]
pub const XEN_HYPFS_OP_GET_VERSION: u32 = 0;
/// Reads a node or lists a directory. See [`XenHypfsDirentry`].
#[doc(alias = "XEN_HYPFS_OP_read")]
pub const XEN_HYPFS_OP_READ: u32 = 1;
/// Writes a node.
#[doc(alias = "XEN_HYPFS_OP_write_contents")]
pub const XEN_HYPFS_OP_WRITE_CONTENTS: u32 = 2;

/// Kind: a directory. See [`XenHypfsDirlistentry`].
pub const XEN_HYPFS_TYPE_DIR: u8 = 0;
/// Kind: bytes.
pub const XEN_HYPFS_TYPE_BLOB: u8 = 1;
/// Kind: text.
pub const XEN_HYPFS_TYPE_STRING: u8 = 2;
/// Kind: an unsigned number.
pub const XEN_HYPFS_TYPE_UINT: u8 = 3;
/// Kind: a signed number.
pub const XEN_HYPFS_TYPE_INT: u8 = 4;
/// Kind: a truth value.
pub const XEN_HYPFS_TYPE_BOOL: u8 = 5;
/// Encoding: none.
pub const XEN_HYPFS_ENC_PLAIN: u8 = 0;
/// Encoding: gzip.
pub const XEN_HYPFS_ENC_GZIP: u8 = 1;

/// What a node is; its content follows.
#[doc(alias = "xen_hypfs_direntry")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenHypfsDirentry {
    /// `XEN_HYPFS_TYPE_*`.
    #[doc(alias = "type")]
    pub type_: u8,
    /// `XEN_HYPFS_ENC_*`.
    pub encoding: u8,
    /// Reserved; zero.
    pub pad: u16,
    /// Bytes of content.
    pub content_len: u32,
    /// Most bytes that can be written; zero if none.
    pub max_write_len: u32,
}
const _: () = assert!(size_of::<XenHypfsDirentry>() == 12);

/// One entry of a listing; its name follows, ended by a zero byte.
#[doc(alias = "xen_hypfs_dirlistentry")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenHypfsDirlistentry {
    /// What it is.
    pub e: XenHypfsDirentry,
    /// Bytes to the next entry; zero for the last.
    pub off_next: u16,
    /// Padding; zero.
    pub _pad0: [u8; 2],
}
const _: () = assert!(size_of::<XenHypfsDirlistentry>() == 16);
