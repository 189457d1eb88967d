//! Memory behind all frames of a world, and the address ranges in which domains map it.
//!
//! On Linux a frame is a page of one anonymous file, so that all its mappings share the memory. On
//! other hosts, and under Miri, a second mapping is a copy that is updated whenever the simulator
//! runs.

#[cfg(any(miri, feature = "copying", not(target_os = "linux"), test))]
#[cfg_attr(test, allow(dead_code, reason = "its own tests use it"))]
mod copying;
#[cfg(all(target_os = "linux", not(miri), not(feature = "copying")))]
mod mapped;

#[cfg(any(miri, feature = "copying", not(target_os = "linux")))]
pub(crate) use copying::{Pool, Window};
#[cfg(all(target_os = "linux", not(miri), not(feature = "copying")))]
pub(crate) use mapped::{Pool, Window};

/// Machine frame: number of a page of the world's memory, which no guest receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mfn(pub(crate) u32);

/// Access of a guest to a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}
