#![doc = include_str!("../README.md")]
#![no_std]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

#[cfg(test)]
extern crate std;

pub mod arch;
mod area;
mod balloon;
mod boot_info;
pub mod clock;
pub mod control;
pub mod debug;
#[cfg(any(target_arch = "aarch64", test))]
pub mod device_tree;
mod generation_id;
pub mod hvm;
mod idle;
mod interrupts;
mod multiboot;
mod park;
pub mod power;
#[cfg(target_arch = "x86_64")]
mod pvh;
pub mod runstate;
mod services;
#[cfg(feature = "spinlock")]
pub mod spinlock;
mod timer;
pub mod vcpu;

pub use balloon::{Balloon, BalloonConfig, BalloonError, BalloonStatistics};
pub use boot_info::{BootInfo, BootModule, UsableRam, usable_ram};
pub use clock::{SystemClock, wall_clock};
pub use control::{ShutdownRequest, ShutdownWatcher, SuspendError};
pub use generation_id::{GenerationId, GenerationIdError};
pub use interrupts::{LocalInterrupts, halt_unless};
pub use multiboot::MultibootError;
pub use park::VcpuPark;
pub use runstate::{Runstate, RunstateArea};
pub use services::GuestServices;
pub use timer::{TimerState, VcpuTimer};

pub use xen_evtchn::{self as evtchn, Channel, Eoi, EventChannels, EventDispatcher};
pub use xen_front::{self as front, block, console, net, vchan};
pub use xen_grant::{self as grant, GrantTable};
pub use xen_hypercall::{
    self as hypercall, BalloonPages, Claims, DomId, Errno, ForeignFrames, Gfn, Hypercall, Instant,
    Mapped, PAGE_SIZE, Pages, Platform, Port, ops,
};
pub use xen_store::{self as store, XenStore};
pub use xen_sys as sys;
pub use xenbus;
