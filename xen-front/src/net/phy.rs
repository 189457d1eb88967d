//! The device as smoltcp sees it.

use super::driver::DeviceRings;
use super::{ChecksumState, NetFront, PacketMeta, checksum};
use smoltcp::phy::{self, ChecksumCapabilities, DeviceCapabilities, Medium};
use smoltcp::time::Instant;
use xen_hypercall::{PAGE_SIZE, Platform};

/// A device lent to smoltcp, from [`NetFront::phy`]. Flushes when it is dropped.
///
/// smoltcp neither computes nor checks the checksums of TCP and UDP. What is sent, the backend
/// completes or the driver does; what is received and nobody checked before, the driver checks. Two
/// cases are left over: UDP that smoltcp sends in fragments has none, which IPv4 allows, and that
/// of UDP received in fragments goes unchecked unless the backend did it.
///
/// Give TCP sockets receive buffers of at most 65,535 bytes: up to smoltcp 0.14, the end of a
/// larger window can go back, and a peer that has sent up to where it was, as Linux does, is no
/// longer heard.
#[derive(Debug)]
pub struct Phy<'n, P: Platform> {
    net: &'n mut NetFront<P>,
}

/// A received packet.
#[derive(Debug)]
pub struct RxToken<'t> {
    packet: &'t [u8],
}

/// Room for a packet to send.
#[derive(Debug)]
pub struct TxToken<'t, P: Platform> {
    rings: &'t mut DeviceRings<P>,
    buffer: &'t mut [u8],
}

impl<P: Platform> NetFront<P> {
    /// Lends the device to smoltcp for one poll: `iface.poll(timestamp, &mut net.phy(), &mut
    /// sockets)`.
    ///
    /// What smoltcp sends and the buffers that it has read are shown to the backend when the
    /// returned value is dropped, with one event at most. A device that is down or broken has
    /// nothing to receive and takes nothing; [`NetFront::poll`] says why.
    pub fn phy(&mut self) -> Phy<'_, P> {
        Phy { net: self }
    }
}

impl<P: Platform> Drop for Phy<'_, P> {
    fn drop(&mut self) {
        // `NetFront::poll` reports it again.
        let _ = self.net.flush();
    }
}

impl<P: Platform> Phy<'_, P> {
    /// Splits the device into a buffer to receive into and a token, if there is room for a packet
    /// to send.
    fn split(&mut self) -> Option<(&mut [u8], TxToken<'_, P>)> {
        let (rings, scratch) = self.net.open_rings()?;
        rings.make_room().ok()?;
        let (received, buffer) = scratch.as_mut_slice().split_at_mut_checked(PAGE_SIZE)?;
        Some((received, TxToken { rings, buffer }))
    }
}

impl<P: Platform> phy::Device for Phy<'_, P> {
    type RxToken<'t>
        = RxToken<'t>
    where
        Self: 't;
    type TxToken<'t>
        = TxToken<'t, P>
    where
        Self: 't;

    fn receive(&mut self, _: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        let (buffer, tx) = self.split()?;
        // Nothing is published here, so the backend can't keep this loop busy for longer than one
        // ring.
        while let Some(received) = tx.rings.receive(buffer).ok()? {
            let packet = buffer.get(..received.len)?;
            if received.meta.checksum == ChecksumState::Unknown
                && checksum::verify(packet) == Some(false)
            {
                tx.rings.statistics.rx_bad_checksum += 1;
                continue;
            }
            return Some((RxToken { packet: buffer.get(..received.len)? }, tx));
        }
        None
    }

    fn transmit(&mut self, _: Instant) -> Option<Self::TxToken<'_>> {
        self.split().map(|(_, token)| token)
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut checksum = ChecksumCapabilities::default();
        checksum.tcp = phy::Checksum::None;
        checksum.udp = phy::Checksum::None;
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = usize::from(self.net.mtu()) + 14;
        capabilities.max_burst_size = Some(usize::from(self.net.config().rx_slots));
        capabilities.checksum = checksum;
        capabilities
    }
}

impl phy::RxToken for RxToken<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.packet)
    }
}

impl<P: Platform> phy::TxToken for TxToken<'_, P> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        // smoltcp keeps to the MTU, which is far below a page.
        let packet = self.buffer.get_mut(..len).unwrap_or_default();
        packet.fill(0);
        let result = f(packet);
        // There was room when the token was made. A backend that broke the protocol since is
        // reported by `NetFront::poll`.
        let _ = self.rings.transmit(packet, PacketMeta::new(ChecksumState::Partial));
        result
    }
}

/// Returns `now` as smoltcp counts time.
pub fn timestamp(now: xen_hypercall::Instant) -> Instant {
    Instant::from_micros(i64::try_from(now.as_nanos() / 1000).unwrap_or(i64::MAX))
}
