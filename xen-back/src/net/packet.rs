//! Packets on their way.

use super::{ChecksumState, MacAddress};
use core::fmt;
use core::num::NonZeroU16;

/// The most bytes of a packet, its Ethernet header among them.
#[doc(alias = "XEN_NETIF_MAX_TX_SIZE")]
pub const MAX_PACKET: usize = xen_sys::io::netif::XEN_NETIF_MAX_TX_SIZE;

/// Bytes of an Ethernet header.
pub(crate) const ETHERNET: usize = 14;

/// An Ethernet frame, without its final check sequence, in one piece of private memory.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Packet<'m> {
    /// The frame.
    pub bytes: &'m [u8],
    /// What is known of its checksum.
    pub checksum: ChecksumState,
    /// If it is TCP in IPv4 that is to be cut before it goes onto a wire: the most payload that
    /// each piece may have. Never zero.
    pub segment: Option<NonZeroU16>,
}

impl<'m> Packet<'m> {
    /// Makes a packet that can go onto a wire as it is.
    pub fn new(bytes: &'m [u8], checksum: ChecksumState) -> Self {
        Self { bytes, checksum, segment: None }
    }

    /// Returns the address that the packet is for; zeroes if it is too short to have one.
    pub fn destination(&self) -> MacAddress {
        self.mac(0)
    }

    /// Returns the address that the packet says it is from; zeroes if it is too short to have one.
    pub fn source(&self) -> MacAddress {
        self.mac(6)
    }

    fn mac(&self, at: usize) -> MacAddress {
        MacAddress(
            self.bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or_default(),
        )
    }
}

impl fmt::Debug for Packet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Packet({} to {}, {} bytes, {:?})",
            self.source(),
            self.destination(),
            self.bytes.len(),
            self.checksum
        )
    }
}

/// Where a guest's packets go: another interface, a network stack, a switch.
pub trait PacketSink {
    /// Takes a packet that a guest has sent. It has at least an Ethernet header, and at most
    /// [`MAX_PACKET`] bytes; nothing else is certain.
    fn receive(&mut self, packet: Packet<'_>);
}

impl<F: FnMut(Packet<'_>)> PacketSink for F {
    fn receive(&mut self, packet: Packet<'_>) {
        self(packet);
    }
}
