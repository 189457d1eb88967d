//! Network interfaces: packets out, packets in, a [`smoltcp`](https://docs.rs/smoltcp) device
//! (feature `smoltcp`), and a driver of embassy-net (feature `embassy-net-driver`).
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
//! lasts: receive buffers writable, transmit buffers read-only. [`NetFrontConfig`] has their
//! number, at most [`MAX_SLOTS`] in each direction.
//!
//! A received packet is copied once, into private memory, so that it cannot change while it is
//! read. A packet to transmit is written straight to transmit buffers, which the backend cannot
//! change: [`transmit_with`](NetFront::transmit_with) and the tokens copy nothing,
//! [`transmit`](NetFront::transmit) copies once.
//!
//! Nothing is zeroed for a packet. The pages of a connection are new and zeroed, and have packets
//! of one backend only, which has seen them all; so nothing of another backend is shown to it, and
//! a backend that announces a packet and writes none repeats one of its own.
//!
//! ## Metadata
//!
//! A packet from the backend's own domain has not been on a wire and has no TCP or UDP checksum
//! yet: its [`PacketMeta`] has [`ChecksumState::Partial`], so that a stack neither drops the packet
//! nor forwards it as it is. A packet that is transmitted as `Partial` gets its checksum from its
//! last receiver before a wire if the backend supports that, or from the driver.
//!
//! A TCP packet with a [`Segmentation`] has up to 64 KiB and is cut into packets of the wire where
//! it leaves the host, if at all.
//!
//! ## Queues of received packets
//!
//! A backend selects the queue of each packet. With
//! [`control_ring`](NetFrontConfig::control_ring), [`NetFront::set_hash`] configures the hash that
//! it selects them by, and each packet comes with its [`PacketHash`].
//!
//! ## Bad backends
//!
//! A packet with a bad length, in more than 18 slots, with unknown extra info, or with a checksum
//! or segmentation that does not fit it is dropped and counted ([`NetFrontStatistics`]). An
//! impossible ring index or id breaks the device ([`ProtocolError`]): its rings are not accessed
//! again. A control request that the backend refuses or does not answer is a
//! [`HashState::Failed`].

mod config;
mod control;
mod device;
mod driver;
#[cfg(feature = "embassy-net-driver")]
mod embassy;
mod error;
mod hash;
mod multicast;
#[cfg(feature = "smoltcp")]
mod phy;
mod queue_handle;
mod queues;
mod rings;
mod rx;
mod scatter;
mod slots;
mod static_grants;
mod statistics;
mod token;
mod tx;
mod tx_buffers;
mod vif;

pub use config::NetFrontConfig;
pub use device::NetFront;
#[cfg(feature = "embassy-net-driver")]
pub use embassy::{EmbassyDriver, EmbassyEvents};
pub use error::{NetFrontError, ProtocolError, TxError};
pub use hash::{ControlRingError, HashConfig, HashState, MAX_HASH_MAPPING};
pub use multicast::MAX_GROUPS;
#[cfg(feature = "smoltcp")]
pub use phy::{Phy, PhyTxToken, timestamp};
pub use queue_handle::NetQueue;
pub use rx::RxPacket;
pub use slots::MAX_SLOTS;
pub use static_grants::StaticGrantState;
pub use statistics::NetFrontStatistics;
pub use token::{RxToken, TxToken};
pub use vif::{Vif, list};
pub use xen_sys::io::netif::NetifHashType;
pub use xenbus::DeviceState;
pub use xenbus::net::xdp::MAX_HEADROOM as MAX_XDP_HEADROOM;
pub use xenbus::net::{
    ChecksumState, ControlError, ControlRequest, DEFAULT_KEY, HASH_KEY, MacAddress, MacError,
    PacketHash, PacketMeta, Segmentation, SegmentationKind, Toeplitz, checksum,
};

/// Maximum number of queues of a device.
pub const MAX_QUEUES: u16 = 8;

/// Copies the pieces of a packet, which have the length of `bytes` together.
fn write_pieces(mut bytes: &mut [u8], pieces: &[&[u8]]) {
    for piece in pieces {
        let Some((part, rest)) = bytes.split_at_mut_checked(piece.len()) else { return };
        part.copy_from_slice(piece);
        bytes = rest;
    }
}
