//! A device of smoltcp.

use super::device::OpenRings;
use super::driver::DeviceRings;
use super::{ChecksumState, NetFront, PacketMeta, checksum};
use smoltcp::phy::{self, ChecksumCapabilities, DeviceCapabilities, Medium};
use smoltcp::time::Instant;
use xen_hypercall::Platform;

/// A device borrowed by smoltcp, from [`NetFront::phy`]. Flushes when it is dropped.
///
/// smoltcp neither computes nor checks the checksums of TCP and UDP. The backend or the driver
/// completes those of sent packets; the driver checks those of received packets that have not been
/// checked before. Two exceptions: UDP that smoltcp sends in fragments has no checksum, which IPv4
/// allows, and the checksum of UDP received in fragments is not checked unless the backend did.
///
/// A packet is received even if no transmit buffer is free: one reply waits in a spare page. While
/// it waits no further packet is received, and [`NetFront::wait`] waits for a transmit buffer.
///
/// Give TCP sockets receive buffers of at most 65,535 bytes: up to smoltcp 0.14, the end of a
/// larger window can move back, and smoltcp then drops the packets of a peer that has sent up to
/// the former end, as Linux does.
#[derive(Debug)]
pub struct Phy<'n, P: Platform> {
    net: &'n mut NetFront<P>,
}

/// A received packet.
#[derive(Debug)]
pub struct RxToken<'t> {
    packet: &'t [u8],
}

/// A page for a packet to send.
#[derive(Debug)]
pub struct TxToken<'t, P: Platform> {
    rings: &'t mut DeviceRings<P>,
    buffer: &'t mut [u8],
}

impl<P: Platform> NetFront<P> {
    /// Returns the device of smoltcp for one poll: `iface.poll(timestamp, &mut net.phy(), &mut
    /// sockets)`.
    ///
    /// Sent packets and free receive buffers are published when the returned value is dropped, with
    /// at most one event. A device that is down or broken neither receives nor transmits;
    /// [`NetFront::poll`] returns the error.
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
    /// Returns a page to receive into and a token to send with.
    fn split(&mut self) -> Option<(&mut [u8], TxToken<'_, P>)> {
        let OpenRings { connection, received, sent } = self.net.open_rings()?;
        Some((received, TxToken { rings: &mut connection.rings, buffer: sent }))
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
        // A full transmit ring does not stop reception: most packets need no reply, and the spare
        // page has room for one.
        if !tx.rings.can_reply() {
            return None;
        }
        // Buffers are not published here, so the loop ends after one ring of responses.
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
        let (_, token) = self.split()?;
        token.rings.make_room().ok()?;
        Some(token)
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
        self.rings.transmit_spare(packet, PacketMeta::new(ChecksumState::Partial));
        result
    }
}

/// Converts a time of the platform to smoltcp's.
pub fn timestamp(now: xen_hypercall::Instant) -> Instant {
    Instant::from_micros(i64::try_from(now.as_nanos() / 1000).unwrap_or(i64::MAX))
}
