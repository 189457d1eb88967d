//! A device of smoltcp.

use super::tx::TxMeta;
use super::{ChecksumState, NetFront, PacketMeta, RxToken, TxToken};
use core::num::NonZeroU16;
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
/// TCP over IPv6 is not segmented by the backend: smoltcp 0.14 drops such packets itself.
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

/// Room for a packet of smoltcp.
#[derive(Debug)]
pub struct PhyTxToken<'t, P: Platform> {
    token: TxToken<'t, P>,
    /// Payload bytes of a segment, if the packet is to be segmented.
    segment: Option<NonZeroU16>,
}

impl<'t, P: Platform> PhyTxToken<'t, P> {
    fn new(token: TxToken<'t, P>) -> Self {
        Self { token, segment: None }
    }
}

impl<P: Platform> phy::Device for Phy<'_, P> {
    type RxToken<'t>
        = RxToken<'t>
    where
        Self: 't;
    type TxToken<'t>
        = PhyTxToken<'t, P>
    where
        Self: 't;

    #[inline]
    fn receive(&mut self, _: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        let (received, reply) = self.net.receive_token().ok()??;
        Some((received, PhyTxToken::new(reply)))
    }

    #[inline]
    fn transmit(&mut self, _: Instant) -> Option<Self::TxToken<'_>> {
        self.net.transmit_token().ok().map(PhyTxToken::new)
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
        #[cfg(feature = "smoltcp-segmentation")]
        {
            // smoltcp 0.14 drops packets of IPv6 that are longer than the MTU, also those that the
            // device would segment.
            let longest = self.net.max_segmented(super::SegmentationKind::TcpIpv4);
            capabilities.segmentation.tcpv4 = core::num::NonZeroUsize::new(longest);
        }
        capabilities
    }
}

impl phy::RxToken for RxToken<'_> {
    #[inline]
    fn consume<R, F: FnOnce(&[u8]) -> R>(mut self, f: F) -> R {
        f(self.packet())
    }
}

impl<P: Platform> phy::TxToken for PhyTxToken<'_, P> {
    #[inline]
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let meta = match self.segment {
            Some(segment) => TxMeta::segmented(segment),
            None => PacketMeta::new(ChecksumState::Partial).into(),
        };
        self.token.transmit_as(len, meta, f)
    }

    #[cfg(feature = "smoltcp-segmentation")]
    fn set_meta(&mut self, meta: phy::PacketMeta) {
        self.segment = meta.segmentation_offload_size;
    }
}

/// Converts a time of the platform to smoltcp's.
pub fn timestamp(now: xen_hypercall::Instant) -> Instant {
    Instant::from_micros(i64::try_from(now.as_nanos() / 1000).unwrap_or(i64::MAX))
}
