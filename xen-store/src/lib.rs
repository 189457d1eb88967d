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

mod client;
#[cfg(feature = "conformance")]
#[expect(
    clippy::result_large_err,
    reason = "what a case found is told in full; there is one at a time"
)]
pub mod conformance;
pub mod connection;
mod error;
#[cfg(feature = "server")]
pub mod server;
mod text;
#[cfg(all(feature = "std", unix))]
pub mod user;
pub mod wire;
pub mod xenbus;

pub use client::{
    Limits, Pending, Runtime, Software, Transaction, Watch, WatchEvent, XenStore, XsOps,
};
pub use connection::{ConnectionError, RingTransport, Transport};
pub use error::{ErrorKind, StoreError};
pub use text::PathText;
