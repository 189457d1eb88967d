#![doc = include_str!("../README.md")]
#![no_std]
// Its models play Xen, which takes an unsafe trait.
#![cfg_attr(not(loom), forbid(unsafe_code))]

#[cfg(test)]
extern crate std;

#[cfg(all(test, loom))]
mod models;

mod channel;
mod dispatcher;
mod events;
mod fifo;
mod growth;
mod layout;
mod owners;
mod port_state;
mod status;
mod two_level;
mod upcall;
mod waiter;

pub use channel::Channel;
pub use dispatcher::{Event, EventDispatcher};
pub use events::{Abi, EventChannels, MAX_VCPUS};
pub use fifo::FIFO_PORTS;
pub use port_state::Eoi;
pub use status::{Bound, Status};
pub use two_level::PORTS;
pub use upcall::{Callback, Delivery, set_callback, set_upcall_vector};
