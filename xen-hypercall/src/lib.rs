#![doc = include_str!("../README.md")]
#![no_std]

#[cfg(any(test, loom, all(feature = "hook", not(target_os = "none"))))]
extern crate std;

pub mod arch;
mod balloon;
pub mod boot;
mod claims;
pub mod elfnote;
mod event_page;
mod frame;
mod instant;
pub mod ops;
mod page_arc;
mod page_box;
mod page_vec;
mod pages;
mod platform;
mod resource;
mod shared;
pub mod start_info;
#[doc(hidden)]
pub mod sync;
mod unpopulated;

pub use balloon::BalloonPages;
pub use claims::{AlreadyTaken, Claim, Claims, Singleton};
pub use event_page::EventPages;
pub use frame::{Gfn, PAGE_SHIFT, PAGE_SIZE, Page};
pub use instant::Instant;
pub use page_arc::PageArc;
pub use page_box::PageBox;
pub use page_vec::PageVec;
pub use pages::{Mapped, OutOfMemory, Pages, Place, SharedPages};
pub use platform::{ForeignFrames, ForeignRange, Hypercall, Platform};
pub use resource::{MAX_RESOURCE_FRAMES, MappedResource};
#[cfg(all(feature = "hook", not(any(loom, target_os = "none"))))]
pub use shared::observe_loads;
pub use shared::{
    ReadOnlyMem, SharedMem, SharedSlots, SharedU8, SharedU16, SharedU32, SharedU64, SlotMem,
    StableSharedMem,
};
pub use unpopulated::UnpopulatedFrames;
pub use xen_sys::{errno::Errno, event_channel::Port, grant_table::GrantRef, xen::DomId};
