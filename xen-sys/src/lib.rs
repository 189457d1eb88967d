#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]
#![allow(
    missing_debug_implementations,
    reason = "zerocopy's derive makes helper types without it; all types of this crate have it"
)]

#[macro_use]
mod macros;
mod handle;

pub mod arch_arm;
pub mod arch_x86;
pub mod argo;
pub mod callback;
pub mod device_tree_defs;
pub mod domctl;
pub mod elfnote;
pub mod errno;
pub mod event_channel;
pub mod features;
pub mod grant_table;
pub mod hvm;
pub mod hypfs;
pub mod io;
pub mod kexec;
pub mod memory;
pub mod nmi;
pub mod physdev;
pub mod platform;
pub mod pmu;
pub mod sched;
pub mod sysctl;
pub mod trace;
pub mod vcpu;
pub mod version;
pub mod vm_event;
pub mod xen;
pub mod xsm;

pub use errno::Errno;
pub use event_channel::Port;
pub use grant_table::GrantRef;
pub use handle::GuestHandle;
pub use xen::DomId;
