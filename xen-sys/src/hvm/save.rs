//! Header of a record of saved state, for [`crate::domctl::XEN_DOMCTL_SETHVMCONTEXT`].
//!
//! Public header: `hvm/save.h`.
//!
//! Coverage: no constants and one structure, of Xen 4.17 and 4.20; left out, for the reasons in
//! `abi/left-out.txt`: `hvm_save_end`.

use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Header of a record; its data follows.
#[doc(alias = "hvm_save_descriptor")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct HvmSaveDescriptor {
    /// Kind of record.
    pub typecode: u16,
    /// Instance of that kind: the vCPU, for state of vCPUs.
    pub instance: u16,
    /// Bytes of data.
    pub length: u32,
}
const _: () = assert!(size_of::<HvmSaveDescriptor>() == 8);
