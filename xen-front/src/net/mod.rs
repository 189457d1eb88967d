//! Network interfaces: packets out, packets in, and a [`smoltcp`](https://docs.rs/smoltcp) device
//! (feature `smoltcp`).
//!
//! [`NetFront`] is a poll core. The kernel repeats four steps:
//!
//! ```no_run
//! # use xen_hypercall::Platform;
//! # type Result = core::result::Result<(), Box<dyn core::error::Error>>;
//! # fn turn<P: Platform>(net: &mut xen_front::net::NetFront<P>, platform: &P) -> Result {
//! use xen_front::net::{DeviceState, PacketMeta};
//!
//! if net.poll(platform.now())? != DeviceState::Connected { /* connecting or closing */ }
//! while let Some(len) = net.receive_with(|packet, meta| packet.len())? { /* a packet */ }
//! net.transmit_with(60, PacketMeta::default(), |frame| frame[..6].fill(0xff))?;
//! net.wait(None); // publishes what was sent, then waits for an event
//! # Ok(())
//! # }
//! ```
//!
//! With smoltcp the middle two are `iface.poll(timestamp(now), &mut net.phy(), &mut sockets)`.
//!
//! ## Memory
//!
//! Each ring slot in use has a page of its own, granted to the backend as long as a connection
//! lasts: receive buffers writable, transmit buffers read-only. Packets are copied once between
//! them and private memory, so a received packet cannot change while it is read.
//! [`NetFrontConfig`] has their number, at most [`MAX_SLOTS`] in each direction.
//!
//! ## Metadata
//!
//! A packet from the backend's own domain has not been on a wire and has no TCP or UDP checksum
//! yet: its [`PacketMeta`] has [`ChecksumState::Partial`], so that a stack neither drops the packet
//! nor forwards it as it is. A packet that is transmitted as `Partial` gets its checksum from its
//! last receiver before a wire if the backend supports that, or from the driver.
//!
//! ## Bad backends
//!
//! A packet with a bad length, in more slots than were offered, or with unknown extra info is
//! dropped and counted ([`NetFrontStatistics`]). An impossible ring index or id breaks the device
//! ([`ProtocolError`]): its rings are not accessed again.

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
mod token;
mod tx;
mod vif;

pub use config::NetFrontConfig;
pub use device::NetFront;
pub use error::{NetFrontError, ProtocolError, TxError};
#[cfg(feature = "smoltcp")]
pub use phy::{Phy, timestamp};
pub use rx::RxPacket;
pub use slots::MAX_SLOTS;
pub use statistics::NetFrontStatistics;
pub use token::{RxToken, TxToken};
pub use vif::{Vif, list};
pub use xenbus::DeviceState;
pub use xenbus::net::{ChecksumState, MacAddress, MacError, PacketMeta, checksum};
