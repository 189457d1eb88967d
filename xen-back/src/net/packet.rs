//! A packet and its sink.

use super::{MacAddress, PacketMeta};
use core::fmt;

/// The most bytes of a packet, its Ethernet header among them.
#[doc(alias = "XEN_NETIF_MAX_TX_SIZE")]
pub const MAX_PACKET: usize = xen_sys::io::netif::XEN_NETIF_MAX_TX_SIZE;

/// An Ethernet frame, without its frame check sequence, in one piece of private memory.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Packet<'m> {
    /// The frame.
    pub bytes: &'m [u8],
    /// Its checksum state and segmentation.
    pub meta: PacketMeta,
}

impl<'m> Packet<'m> {
    /// Creates a packet of the frame `bytes`.
    pub fn new(bytes: &'m [u8], meta: PacketMeta) -> Self {
        Self { bytes, meta }
    }

    /// Returns the destination address; zeroes if the packet is too short to have one.
    pub fn destination(&self) -> MacAddress {
        self.mac(0)
    }

    /// Returns the source address; zeroes if the packet is too short to have one.
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
            self.meta.checksum
        )
    }
}

/// Receiver of a guest's packets: another interface, a network stack, a switch.
pub trait PacketSink {
    /// Takes a packet that a guest has sent. It has at least an Ethernet header, and at most
    /// [`MAX_PACKET`] bytes; nothing else is checked.
    fn receive(&mut self, packet: Packet<'_>);
}

impl<F: FnMut(Packet<'_>)> PacketSink for F {
    fn receive(&mut self, packet: Packet<'_>) {
        self(packet);
    }
}
