//! Scheduling: yield, block, poll, shut down.
//!
//! Public header: `sched.h`.
//!
//! Coverage: 15 constants and 5 structures, of Xen 4.17 and 4.20; nothing is left out.

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::DomId;
use crate::GuestHandle;

/// Command: yields the CPU. No argument.
#[doc(alias = "SCHEDOP_yield")]
pub const SCHEDOP_YIELD: u32 = 0;
/// Command: blocks the vCPU until an event is pending; unmasks upcalls. No argument.
#[doc(alias = "SCHEDOP_block")]
pub const SCHEDOP_BLOCK: u32 = 1;
/// Command: shuts the domain down. See [`SchedShutdown`].
#[doc(alias = "SCHEDOP_shutdown")]
pub const SCHEDOP_SHUTDOWN: u32 = 2;
/// Command: waits until one of a set of ports is pending, or for a time. See [`SchedPoll`].
#[doc(alias = "SCHEDOP_poll")]
pub const SCHEDOP_POLL: u32 = 3;
/// Command: declares the shutdown of another domain. See [`SchedRemoteShutdown`].
#[doc(alias = "SCHEDOP_remote_shutdown")]
pub const SCHEDOP_REMOTE_SHUTDOWN: u32 = 4;
/// Command: latches the reason of a later shutdown. See [`SchedShutdown`].
#[doc(alias = "SCHEDOP_shutdown_code")]
pub const SCHEDOP_SHUTDOWN_CODE: u32 = 5;
/// Command: sets up, pokes or destroys a watchdog. See [`SchedWatchdog`].
#[doc(alias = "SCHEDOP_watchdog")]
pub const SCHEDOP_WATCHDOG: u32 = 6;
/// Command: pins the calling vCPU to a physical CPU, or ends the pinning. See [`SchedPinOverride`].
#[doc(alias = "SCHEDOP_pin_override")]
pub const SCHEDOP_PIN_OVERRIDE: u32 = 7;

open_enum! {
    /// Reason of a shutdown.
    #[doc(alias = "sched_shutdown_reason")]
    pub struct ShutdownReason(u32) {
        /// Normal exit.
        #[doc(alias = "SHUTDOWN_poweroff")]
        POWEROFF = 0;
        /// Reboot.
        #[doc(alias = "SHUTDOWN_reboot")]
        REBOOT = 1;
        /// Suspension: the domain is ready to be saved or migrated.
        #[doc(alias = "SHUTDOWN_suspend")]
        SUSPEND = 2;
        /// Crash.
        #[doc(alias = "SHUTDOWN_crash")]
        CRASH = 3;
        /// Expired watchdog.
        #[doc(alias = "SHUTDOWN_watchdog")]
        WATCHDOG = 4;
        /// Soft reset: a new hypervisor state, with the memory kept.
        #[doc(alias = "SHUTDOWN_soft_reset")]
        SOFT_RESET = 5;
        /// Highest valid reason of this version.
        #[doc(alias = "SHUTDOWN_MAX")]
        MAX = 5;
    }
}

/// Argument of [`SCHEDOP_SHUTDOWN`] and [`SCHEDOP_SHUTDOWN_CODE`].
#[doc(alias = "sched_shutdown")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct SchedShutdown {
    /// The reason.
    pub reason: ShutdownReason,
}
const _: () = assert!(size_of::<SchedShutdown>() == 4);

/// Argument of [`SCHEDOP_POLL`].
#[doc(alias = "sched_poll")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct SchedPoll {
    /// Array of [`crate::Port`]; the caller should mask these ports.
    pub ports: GuestHandle,
    /// Length of the array.
    pub nr_ports: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
    /// Absolute system time in nanoseconds; 0 for none.
    pub timeout: u64,
}
const _: () = assert!(size_of::<SchedPoll>() == 24);

/// Argument of [`SCHEDOP_REMOTE_SHUTDOWN`].
#[doc(alias = "sched_remote_shutdown")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct SchedRemoteShutdown {
    /// The domain.
    pub domain_id: DomId,
    /// Padding; zero.
    pub _pad0: [u8; 2],
    /// The reason.
    pub reason: ShutdownReason,
}
const _: () = assert!(size_of::<SchedRemoteShutdown>() == 8);

/// Argument of [`SCHEDOP_WATCHDOG`].
#[doc(alias = "sched_watchdog")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct SchedWatchdog {
    /// The watchdog; 0 allocates one.
    pub id: u32,
    /// Seconds from now; 0 stops the watchdog.
    pub timeout: u32,
}
const _: () = assert!(size_of::<SchedWatchdog>() == 8);

/// Argument of [`SCHEDOP_PIN_OVERRIDE`].
#[doc(alias = "sched_pin_override")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct SchedPinOverride {
    /// The physical CPU; negative ends the pinning.
    pub pcpu: i32,
}
const _: () = assert!(size_of::<SchedPinOverride>() == 4);
