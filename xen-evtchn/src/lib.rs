#![doc = include_str!("../README.md")]
#![no_std]
// Its models play Xen, which takes an unsafe trait.
#![cfg_attr(not(loom), forbid(unsafe_code))]

#[cfg(test)]
extern crate std;

#[cfg(all(test, loom))]
mod models;

mod channel;
mod events;
mod fifo;
mod growth;
mod layout;
mod line;
mod lines;
mod owners;
mod status;
mod two_level;
mod upcall;

pub use channel::Channel;
pub use events::{Abi, EventChannels, MAX_VCPUS};
pub use fifo::FIFO_PORTS;
pub use line::Work;
pub use lines::{Event, Lines};
pub use status::{Bound, Status};
pub use two_level::PORTS;
pub use upcall::{Callback, Delivery, set_callback, set_upcall_vector};
