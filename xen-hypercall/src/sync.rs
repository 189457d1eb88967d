//! Atomics and fences: the processor's, or those of a model checker that tries every order of them.
//!
//! For the crates of this family; a kernel has no use for it.

#[cfg(not(loom))]
pub use core::sync::atomic::{
    AtomicPtr, AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering, fence,
};
#[cfg(loom)]
pub use loom::sync::atomic::{
    AtomicPtr, AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering, fence,
};

/// Marks the path that calls it as unlikely, as `core::hint::cold_path` does from Rust 1.95 on.
#[cold]
#[inline(always)]
pub fn cold_path() {}
