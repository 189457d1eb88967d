#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

#[cfg(test)]
extern crate std;

#[cfg(all(test, loom))]
mod models;

mod back;
mod byte;
mod corrupt;
mod flex;
mod front;
mod index;
mod layout;
mod stream;
mod vchan;

pub use back::{BackRing, Requests, Unasked};
pub use byte::{ByteConsumer, ByteProducer};
pub use corrupt::Corrupt;
pub use flex::{FlexError, FlexRing, MAX_FLEX_ORDER, flex_refs};
pub use front::{FrontRing, Full, Responses};
pub use index::Notify;
pub use layout::RingError;
pub use vchan::{Vchan, VchanError, VchanOrders, VchanPeer};
