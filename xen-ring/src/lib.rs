#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

#[cfg(test)]
extern crate std;

mod byte;
mod corrupt;
mod front;
mod layout;

pub use byte::{ByteConsumer, ByteProducer, ByteRing};
pub use corrupt::Corrupt;
pub use front::{FrontRing, Full, Notify};
pub use layout::{RingError, RingLayout};
