#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]

#[macro_use]
mod macros;
mod handle;

pub mod arch_x86;
pub mod elfnote;
pub mod errno;
pub mod event_channel;
pub mod features;
pub mod grant_table;
pub mod hvm;
pub mod io;
pub mod memory;
pub mod sched;
pub mod vcpu;
pub mod version;
pub mod xen;

pub use errno::Errno;
pub use event_channel::Port;
pub use grant_table::GrantRef;
pub use handle::GuestHandle;
pub use xen::DomId;
