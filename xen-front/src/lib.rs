#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

#[cfg(test)]
extern crate std;

pub mod block;
mod connection;
pub mod console;
mod memory;
pub mod net;
pub mod vchan;

pub use memory::{IoMemory, Segment};
pub use xen_grant::DmaBuffer;
