//! Entry points that Xen calls in a guest. HVM and PVH guests use only the event kind, or none.
//!
//! Public header: `callback.h`.
//!
//! Coverage: 10 constants and 2 structures, of Xen 4.17 and 4.20; nothing is left out.

use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Kind: events.
#[doc(alias = "CALLBACKTYPE_event")]
pub const CALLBACKTYPE_EVENT: u16 = 0;
/// Kind: a fault on the way back to the guest.
#[doc(alias = "CALLBACKTYPE_failsafe")]
pub const CALLBACKTYPE_FAILSAFE: u16 = 1;
/// Kind: the 64-bit system call instruction.
#[doc(alias = "CALLBACKTYPE_syscall")]
pub const CALLBACKTYPE_SYSCALL: u16 = 2;
/// Kind: the number that the sysenter kind once had.
#[doc(alias = "CALLBACKTYPE_sysenter_deprecated")]
pub const CALLBACKTYPE_SYSENTER_DEPRECATED: u16 = 3;
/// Kind: non-maskable interrupts.
#[doc(alias = "CALLBACKTYPE_nmi")]
pub const CALLBACKTYPE_NMI: u16 = 4;
/// Kind: the sysenter instruction.
#[doc(alias = "CALLBACKTYPE_sysenter")]
pub const CALLBACKTYPE_SYSENTER: u16 = 5;
/// Kind: the system call instruction in 32-bit programs.
#[doc(alias = "CALLBACKTYPE_syscall32")]
pub const CALLBACKTYPE_SYSCALL32: u16 = 7;
/// Flag: events are masked at entry.
#[doc(alias = "CALLBACKF_mask_events")]
pub const CALLBACKF_MASK_EVENTS: u16 = 1 << 0;

/// Command: registers an entry point. See [`CallbackRegister`].
#[doc(alias = "CALLBACKOP_register")]
pub const CALLBACKOP_REGISTER: u32 = 0;
/// Command: removes an entry point. See [`CallbackUnregister`].
#[doc(alias = "CALLBACKOP_unregister")]
pub const CALLBACKOP_UNREGISTER: u32 = 1;

/// Argument of [`CALLBACKOP_REGISTER`].
#[doc(alias = "callback_register")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct CallbackRegister {
    /// `CALLBACKTYPE_*`.
    #[doc(alias = "type")]
    pub type_: u16,
    /// [`CALLBACKF_MASK_EVENTS`] or zero.
    pub flags: u16,
    /// Padding; zero.
    pub _pad0: [u8; 4],
    /// Virtual address of the entry point.
    pub address: u64,
}
const _: () = assert!(size_of::<CallbackRegister>() == 16);

/// Argument of [`CALLBACKOP_UNREGISTER`].
#[doc(alias = "callback_unregister")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct CallbackUnregister {
    /// `CALLBACKTYPE_*`.
    #[doc(alias = "type")]
    pub type_: u16,
    /// Zero.
    pub _unused: u16,
}
const _: () = assert!(size_of::<CallbackUnregister>() == 4);
