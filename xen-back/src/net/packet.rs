//! Packets on their way.

use super::Checksum;
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
    pub checksum: Checksum,
    /// If it is TCP in IPv4 that is to be cut before it goes onto a wire: the most payload that each piece may have. Never zero.
    pub segment: Option<NonZeroU16>,
}

impl<'m> Packet<'m> {
    /// Makes a packet that can go onto a wire as it is.
    pub fn new(bytes: &'m [u8], checksum: Checksum) -> Self {
        Self { bytes, checksum, segment: None }
    }

    /// Returns the address that the packet is for; zeroes if it is too short to have one.
    pub fn destination(&self) -> Mac {
        self.mac(0)
    }

    /// Returns the address that the packet says it is from; zeroes if it is too short to have one.
    pub fn source(&self) -> Mac {
        self.mac(6)
    }

    fn mac(&self, at: usize) -> Mac {
        Mac(self.bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or_default())
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

/// An Ethernet address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// The address of everybody.
    pub const BROADCAST: Self = Self([0xff; 6]);

    /// Reads the form `00:16:3e:01:02:03`. `None` if it is not that.
    pub fn parse(text: &str) -> Option<Self> {
        let mut mac = [0; 6];
        let mut parts = text.split(':');
        for byte in &mut mac {
            let part =
                parts.next().filter(|part| part.len() == 2 && part.bytes().all(|b| b.is_ascii_hexdigit()))?;
            *byte = u8::from_str_radix(part, 16).ok()?;
        }
        parts.next().is_none().then_some(Self(mac))
    }

    /// Tells whether the address can be that of one interface.
    pub fn is_unicast(self) -> bool {
        let [first, ..] = self.0;
        first & 1 == 0 && self != Self::default()
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// Where a guest's packets go: another interface, a network stack, a switch.
pub trait Port {
    /// Takes a packet that a guest has sent. It has at least an Ethernet header, and at most [`MAX_PACKET`] bytes; nothing else is certain.
    fn receive(&mut self, packet: Packet<'_>);
}

impl<F: FnMut(Packet<'_>)> Port for F {
    fn receive(&mut self, packet: Packet<'_>) {
        self(packet);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::string::ToString;

    #[test]
    fn only_whole_addresses_are_taken() {
        for text in [
            "",
            "00:16:3e:00:00",
            "00:16:3e:00:00:0",
            "00:16:3e:00:00:00:00",
            "+0:16:3e:00:00:00",
            "00:16:3e:00:00:gg",
        ] {
            assert_eq!(Mac::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn addresses_round_trip(bytes: [u8; 6]) {
            prop_assert_eq!(Mac::parse(&Mac(bytes).to_string()), Some(Mac(bytes)));
        }
    }
}
