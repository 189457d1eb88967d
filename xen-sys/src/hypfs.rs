//! The hypervisor's tree of parameters.
//!
//! Public header: `hypfs.h`.
//!
//! Coverage: 13 constants and 2 structures, of Xen 4.17 and 4.20; nothing is left out.

use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Version of the interface.
pub const XEN_HYPFS_VERSION: u32 = 1;
/// Maximum length of a path in bytes, including the zero byte.
pub const XEN_HYPFS_MAX_PATHLEN: u32 = 1024;
/// Command: returns the version. No argument.
#[doc(alias = "XEN_HYPFS_OP_get_version")]
pub const XEN_HYPFS_OP_GET_VERSION: u32 = 0;
/// Command: reads a node or lists a directory. See [`XenHypfsDirentry`].
#[doc(alias = "XEN_HYPFS_OP_read")]
pub const XEN_HYPFS_OP_READ: u32 = 1;
/// Command: writes a node.
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
/// Kind: a boolean.
pub const XEN_HYPFS_TYPE_BOOL: u8 = 5;
/// Encoding: none.
pub const XEN_HYPFS_ENC_PLAIN: u8 = 0;
/// Encoding: gzip.
pub const XEN_HYPFS_ENC_GZIP: u8 = 1;

/// Header of a node; its content follows.
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
    /// Size of the content in bytes.
    pub content_len: u32,
    /// Maximum size of a write in bytes; zero for a read-only node.
    pub max_write_len: u32,
}
const _: () = assert!(size_of::<XenHypfsDirentry>() == 12);

/// One entry of a listing; its name follows, terminated by a zero byte.
#[doc(alias = "xen_hypfs_dirlistentry")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenHypfsDirlistentry {
    /// Header of the node.
    pub e: XenHypfsDirentry,
    /// Offset of the next entry in bytes; zero for the last.
    pub off_next: u16,
    /// Padding; zero.
    pub _pad0: [u8; 2],
}
const _: () = assert!(size_of::<XenHypfsDirlistentry>() == 16);
