//! Atomics and fences: the processor's, or those of loom.
//!
//! For the crates of this family; a kernel does not need it.

#[cfg(not(loom))]
pub use core::sync::atomic::{
    AtomicPtr, AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering, fence,
};
#[cfg(not(loom))]
pub use core::{hint::spin_loop, sync::atomic::AtomicBool};
#[cfg(loom)]
pub use loom::sync::atomic::{
    AtomicPtr, AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering, fence,
};
#[cfg(loom)]
pub use loom::{hint::spin_loop, sync::atomic::AtomicBool};

/// Marks the calling path as unlikely, like `core::hint::cold_path` from Rust 1.95 on.
#[cold]
#[inline(always)]
pub fn cold_path() {}
