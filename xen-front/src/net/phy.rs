//! A device of smoltcp.

use super::{ChecksumState, NetFront, PacketMeta, RxToken, TxToken};
use smoltcp::phy::{self, ChecksumCapabilities, DeviceCapabilities, Medium};
use smoltcp::time::Instant;
use xen_hypercall::Platform;
use xenbus::net::ETHERNET_HEADER;

/// A device borrowed by smoltcp, from [`NetFront::phy`]. Flushes when it is dropped.
///
/// smoltcp neither computes nor checks the checksums of TCP and UDP. The backend or the driver
/// completes those of sent packets; the driver checks those of received packets that have not been
/// checked before. Two exceptions: UDP that smoltcp sends in fragments has no checksum, which IPv4
/// allows, and the checksum of UDP received in fragments is not checked unless the backend did.
///
/// Packets are received and sent by [`NetFront::receive_token`] and [`NetFront::transmit_token`].
///
/// Give TCP sockets receive buffers of at most 65,535 bytes: up to smoltcp 0.14, the end of a
/// larger window can move back, and smoltcp then drops the packets of a peer that has sent up to
/// the former end, as Linux does.
#[derive(Debug)]
pub struct Phy<'n, P: Platform> {
    net: &'n mut NetFront<P>,
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
        self.net.receive_token().ok()?
    }

    fn transmit(&mut self, _: Instant) -> Option<Self::TxToken<'_>> {
        self.net.transmit_token().ok()
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut checksum = ChecksumCapabilities::default();
        checksum.tcp = phy::Checksum::None;
        checksum.udp = phy::Checksum::None;
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = usize::from(self.net.mtu()) + ETHERNET_HEADER;
        capabilities.max_burst_size = Some(usize::from(self.net.config().rx_slots));
        capabilities.checksum = checksum;
        capabilities
    }
}

impl phy::RxToken for RxToken<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(mut self, f: F) -> R {
        f(self.packet())
    }
}

impl<P: Platform> phy::TxToken for TxToken<'_, P> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        self.transmit(len, PacketMeta::new(ChecksumState::Partial), f)
    }
}

/// Converts a time of the platform to smoltcp's.
pub fn timestamp(now: xen_hypercall::Instant) -> Instant {
    Instant::from_micros(i64::try_from(now.as_nanos() / 1000).unwrap_or(i64::MAX))
}
