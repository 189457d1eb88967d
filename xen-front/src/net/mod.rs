//! Network interfaces: packets out, packets in, and a [`smoltcp`](https://docs.rs/smoltcp) device
//! (feature `smoltcp`).
//!
//! [`NetFront`] is a poll core. The kernel repeats four steps:
//!
//! ```no_run
//! # fn turn<P: xen_hypercall::Platform>(net: &mut xen_front::net::NetFront<P>, platform: &P) -> Result<(), Box<dyn core::error::Error>> {
//! use xen_front::net::{DeviceState, TxChecksum};
//!
//! if net.poll(platform.now())? != DeviceState::Connected { /* the backend is going, or not there yet */ }
//! while let Some(len) = net.receive_with(|packet, checksum| packet.len())? { /* a packet of `len` bytes */ }
//! net.transmit_with(60, TxChecksum::Compute, |frame| frame[..6].fill(0xff))?;
//! net.wait(None); // shows the backend what was sent, then waits for an event
//! # Ok(())
//! # }
//! ```
//!
//! With smoltcp the middle two are `iface.poll(timestamp(now), &mut net.phy(), &mut sockets)`.
//!
//! ## Memory
//!
//! Every ring slot in use has a page of its own, granted to the backend as long as a connection
//! lasts: receive buffers writable, transmit buffers read-only. Packets are copied once between
//! them and private memory, so a packet that was received can't change while it is looked at.
//! [`Config`] says how many there are; [`MAX_SLOTS`] of each at most.
//!
//! ## Checksums
//!
//! A packet from the backend's own domain never was on a wire and has no TCP or UDP checksum yet.
//! [`ChecksumState`] says so, so that a stack neither drops such a packet nor forwards it as it is;
//! [`TxChecksum::Compute`] does the same the other way.
//!
//! ## Bad backends
//!
//! A packet with a bad length, in more slots than were offered, or with unknown extra information
//! is dropped and counted ([`Statistics`]). An impossible ring index or id breaks the device
//! ([`ProtocolError`]): its rings are not touched again.

mod config;
mod device;
mod driver;
mod error;
#[cfg(feature = "smoltcp")]
mod phy;
mod rings;
mod rx;
mod slots;
mod statistics;
mod tx;
mod vif;

pub use config::Config;
pub use device::NetFront;
pub use error::{NetFrontError, ProtocolError, TxError};
#[cfg(feature = "smoltcp")]
pub use phy::{Phy, RxToken, TxToken, timestamp};
pub use rx::RxPacket;
pub use slots::MAX_SLOTS;
pub use statistics::Statistics;
pub use tx::TxChecksum;
pub use vif::{Vif, list};
pub use xenbus::DeviceState;
pub use xenbus::net::{ChecksumState, MacAddress, MacError, checksum};
