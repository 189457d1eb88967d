#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(any(test, feature = "std"))]
extern crate std;

#[expect(
    clippy::result_large_err,
    reason = "a failure has the whole difference; one exists at a time"
)]
pub mod conformance;
#[cfg(feature = "alloc")]
pub mod server;
#[cfg(all(feature = "std", unix))]
pub mod user;
