#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

#[cfg(any(test, feature = "alloc"))]
extern crate alloc;
#[cfg(test)]
extern crate std;

mod client;
pub mod connection;
mod error;
mod text;
pub mod wire;

pub use client::{
    Limits, PIPELINE_DEPTH, Pending, Pipeline, Runtime, Software, Transaction, TransactionId,
    Watch, WatchEvent, XenStore, XsOps,
};
pub use connection::{Buffer, ConnectionError, RingTransport, Transport};
pub use error::{ErrorKind, StoreError};
pub use text::PathText;
