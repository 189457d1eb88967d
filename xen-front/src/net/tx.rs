//! The transmit ring.

use super::multicast::FilterChange;
use super::tx_buffers::{Completed, Run, TxBuffers, TxMemory};
use super::{
    ChecksumState, NetFrontStatistics, PacketHash, PacketMeta, ProtocolError, TxError, checksum,
};
use core::num::NonZeroU16;
use xen_hypercall::{GrantRef, PAGE_SIZE, StableSharedMem};
use xen_ring::{FrontRing, Notify};
use xen_sys::io::netif::{
    NetTxFlags, NetifExtraInfo, NetifStatus, NetifTxRequest, NetifTxResponse, XEN_NETIF_MAX_TX_SIZE,
};
use xenbus::net::{ETHERNET_HEADER, Segmentation, SegmentationKind, Segments};

/// Support of the backend for packets that are not complete, or large.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct TxFeatures {
    /// Packets in several slots.
    pub(super) scatter_gather: bool,
    /// Partial checksums over IPv4.
    pub(super) checksum_ipv4: bool,
    /// Partial checksums over IPv6.
    pub(super) checksum_ipv6: bool,
    /// Segmentation of TCP over IPv4.
    pub(super) tcp_ipv4: bool,
    /// Segmentation of TCP over IPv6.
    pub(super) tcp_ipv6: bool,
    /// Hashes of packets: a backend without a control ring can refuse them.
    pub(super) hash: bool,
}

impl TxFeatures {
    pub(super) fn segments(self, kind: SegmentationKind) -> bool {
        match kind {
            SegmentationKind::TcpIpv4 => self.tcp_ipv4,
            SegmentationKind::TcpIpv6 => self.tcp_ipv6,
            _ => false,
        }
    }
}

/// Properties of a packet to transmit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TxMeta {
    checksum: ChecksumState,
    /// Payload bytes of a segment, if the packet is to be segmented.
    segment: Option<NonZeroU16>,
    /// Protocol of a packet that is to be segmented; `None` to read it from the packet.
    kind: Option<SegmentationKind>,
    hash: Option<PacketHash>,
}

impl TxMeta {
    /// The properties of a packet with a partial checksum.
    pub(super) const PARTIAL: Self =
        Self { checksum: ChecksumState::Partial, segment: None, kind: None, hash: None };

    /// Returns whether the packet is sent as the caller has written it.
    #[inline(always)]
    fn is_complete(self) -> bool {
        self.segment.is_none() && self.checksum != ChecksumState::Partial
    }

    /// Creates the properties of a TCP packet that is to be segmented, over IPv4 or IPv6.
    #[cfg(feature = "smoltcp")]
    pub(super) fn segmented(segment: NonZeroU16) -> Self {
        Self { checksum: ChecksumState::Partial, segment: Some(segment), kind: None, hash: None }
    }
}

impl From<PacketMeta> for TxMeta {
    fn from(meta: PacketMeta) -> Self {
        let (size, kind) = (meta.segmentation.map(|s| s.size), meta.segmentation.map(|s| s.kind));
        Self { checksum: meta.checksum, segment: size, kind, hash: meta.hash }
    }
}

/// Pages and ring slots of a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Needed {
    pages: u16,
    extra: u16,
}

impl Needed {
    /// The shortest packet.
    pub(super) const LEAST: Self = Self { pages: 1, extra: 0 };
    /// A change of the multicast filter.
    pub(super) const FILTER: Self = Self { pages: 1, extra: 1 };

    pub(super) fn new(len: usize, meta: TxMeta) -> Self {
        // A backend without the feature gets no hash, and the slot stays free.
        let extra = u16::from(meta.segment.is_some()) + u16::from(meta.hash.is_some());
        Self { pages: len.div_ceil(PAGE_SIZE).max(1) as u16, extra }
    }
}

/// The transmit ring and its buffers.
#[derive(Debug)]
pub(super) struct TxQueue<R, B> {
    ring: FrontRing<R, NetifTxRequest, NetifTxResponse>,
    buffers: TxBuffers<B>,
    /// Slots of extra information without a response.
    extras: u16,
    /// Room that the caller did not find: it needs an event for it.
    starved: Option<Needed>,
    features: TxFeatures,
    /// The longest packet that is not segmented, and the longest one.
    max_packet: usize,
    max_segmented: usize,
}

impl<R: StableSharedMem, B: TxMemory> TxQueue<R, B> {
    /// Creates a queue for packets of at most `max_packet` bytes, as far as the buffers and the
    /// backend's `features` have room for them.
    pub(super) fn new(
        ring: FrontRing<R, NetifTxRequest, NetifTxResponse>,
        buffers: TxBuffers<B>,
        features: TxFeatures,
        max_packet: usize,
    ) -> Self {
        let pages = if features.scatter_gather { buffers.longest() } else { 1 };
        let max_segmented = (pages * PAGE_SIZE).min(XEN_NETIF_MAX_TX_SIZE);
        let max_packet = max_packet.min(max_segmented);
        Self { ring, buffers, extras: 0, starved: None, features, max_packet, max_segmented }
    }

    pub(super) fn publish(&mut self) -> Notify {
        self.ring.publish()
    }

    pub(super) fn into_parts(self) -> (R, TxBuffers<B>) {
        (self.ring.into_memory(), self.buffers)
    }

    /// Returns the references of the buffers.
    pub(super) fn references(&self) -> impl Iterator<Item = GrantRef> {
        self.buffers.references()
    }

    pub(super) fn ring(&self) -> &R {
        self.ring.memory()
    }

    /// Returns the length of the longest packet of a kind that is segmented.
    pub(super) fn max_segmented(&self, kind: SegmentationKind) -> usize {
        if self.features.segments(kind) { self.max_segmented } else { 0 }
    }

    /// Returns the number of free buffers.
    pub(super) fn free(&self) -> usize {
        self.buffers.free().into()
    }

    /// Finds room for a packet.
    #[inline]
    pub(super) fn room(&self, needed: Needed) -> Option<Run> {
        let slots = u32::from(needed.pages) + u32::from(needed.extra);
        if self.ring.free() < slots { None } else { self.buffers.find(needed.pages) }
    }

    /// Notes that the caller needs room.
    pub(super) fn starve(&mut self, needed: Needed) {
        self.starved = Some(needed);
    }

    /// Returns the memory for a packet of `len` bytes, with the bytes of an earlier packet.
    #[inline]
    pub(super) fn bytes_mut(&mut self, run: Run, len: usize) -> &mut [u8] {
        self.buffers.bytes_mut(run, len)
    }

    /// Pushes a packet that was written to its memory; publish it. [`check`](Self::check) has
    /// accepted it.
    ///
    /// # Errors
    ///
    /// [`TxError::Segmentation`] if the packet is not what is to be segmented.
    #[inline(always)]
    pub(super) fn push(
        &mut self,
        run: Run,
        len: usize,
        meta: TxMeta,
        statistics: &mut NetFrontStatistics,
    ) -> Result<(), TxError> {
        let (flags, segmentation) = if meta.is_complete() {
            (meta.checksum.tx_flags(), None)
        } else {
            prepare(self.buffers.bytes_mut(run, len), meta, self.features)?
        };
        let reference = self.buffers.begin(run).ok_or(TxError::Full)?;
        statistics.tx_bytes += len as u64;
        if segmentation.is_none() && meta.hash.is_none() && len <= PAGE_SIZE {
            // Most packets. There is room: the caller has checked it.
            let (id, size) = (run.ids().start, len as u16);
            let request = NetifTxRequest { gref: reference, offset: 0, flags, id, size };
            let _ = self.ring.push(&request);
        } else {
            statistics.tx_segmented += u64::from(segmentation.is_some());
            self.push_requests(run, reference, len, flags, (segmentation, meta.hash));
        }
        Ok(())
    }

    /// Pushes a change of the backend's multicast filter; publish it. It has the room of
    /// [`Needed::FILTER`].
    ///
    /// Source: `XEN_NETIF_EXTRA_TYPE_MCAST_ADD` in `io/netif.h`: the request has no packet.
    pub(super) fn push_filter(&mut self, run: Run, change: FilterChange) -> Result<(), TxError> {
        let gref = self.buffers.begin_filter(run).ok_or(TxError::Full)?;
        let (flags, id) = (NetTxFlags::EXTRA_INFO, run.ids().start);
        // There is room: the caller has checked it.
        let _ = self.ring.push(&NetifTxRequest { gref, offset: 0, flags, id, size: 0 });
        let _ = self.ring.push(&extra_request(change.extra_info()));
        self.extras += 1;
        Ok(())
    }

    /// Pushes the requests of a packet. There is room: the caller has checked it.
    #[inline(never)]
    fn push_requests(
        &mut self,
        run: Run,
        GrantRef(first): GrantRef,
        len: usize,
        flags: NetTxFlags,
        (segmentation, hash): (Option<Segmentation>, Option<PacketHash>),
    ) {
        let mut extras = PacketMeta::default();
        (extras.segmentation, extras.hash) = (segmentation, hash.filter(|_| self.features.hash));
        let mut extras = extras.extra_infos().peekable();
        let ids = run.ids();
        let mut flags = flags;
        flags.set(NetTxFlags::MORE_DATA, len > PAGE_SIZE);
        flags.set(NetTxFlags::EXTRA_INFO, extras.peek().is_some());
        // The first one has the size of the packet.
        let (gref, id) = (GrantRef(first), ids.start);
        let _ = self.ring.push(&NetifTxRequest { gref, offset: 0, flags, id, size: len as u16 });
        for info in extras {
            let _ = self.ring.push(&extra_request(info));
            self.extras += 1;
        }
        let (mut gref, mut left) = (first, len);
        self.ring.push_from(ids.skip(1).map(|id| {
            gref += 1;
            left = left.saturating_sub(PAGE_SIZE);
            let more = left > PAGE_SIZE;
            let flags = if more { NetTxFlags::MORE_DATA } else { NetTxFlags::empty() };
            let size = left.min(PAGE_SIZE) as u16;
            NetifTxRequest { gref: GrantRef(gref), offset: 0, flags, id, size }
        }));
    }

    /// Checks whether a packet of `len` bytes can be sent.
    #[inline]
    pub(super) fn check(&self, len: usize, meta: TxMeta) -> Result<(), TxError> {
        if len < ETHERNET_HEADER {
            return Err(TxError::TooShort { len });
        }
        let limit = match (meta.segment, meta.kind) {
            (None, _) => self.max_packet,
            (Some(_), Some(kind)) if !self.features.segments(kind) => {
                return Err(TxError::Segmentation);
            }
            (Some(_), _) => self.max_segmented,
        };
        if len > limit { Err(TxError::TooLong { len, limit }) } else { Ok(()) }
    }

    /// Returns whether the backend takes a packet as it is: it segments the packet if that is
    /// requested.
    pub(super) fn takes(&self, meta: TxMeta) -> bool {
        let TxFeatures { tcp_ipv4, tcp_ipv6, .. } = self.features;
        meta.segment.is_none() || tcp_ipv4 && tcp_ipv6
    }

    /// Returns the segments of a packet that the backend does not segment; `None` if it does, or
    /// the packet is not to be segmented.
    pub(super) fn segments<'m>(&self, packet: &'m [u8], meta: TxMeta) -> Option<Segments<'m>> {
        let size = meta.segment?;
        let ipv4 = packet.get(12..14) == Some(&[8, 0]);
        let kind = if ipv4 { SegmentationKind::TcpIpv4 } else { SegmentationKind::TcpIpv6 };
        let whole = self.features.segments(kind);
        if whole { None } else { Segments::new(packet, Segmentation { kind, size }) }
    }

    /// Takes the responses that have come, which frees their buffers.
    pub(super) fn reap(
        &mut self,
        statistics: &mut NetFrontStatistics,
    ) -> Result<(), ProtocolError> {
        for NetifTxResponse { id, status } in
            self.ring.responses().map_err(ProtocolError::TxRing)?
        {
            // The response to extra information has no id.
            if status == NetifStatus::NULL {
                self.extras = self.extras.checked_sub(1).ok_or(ProtocolError::TxExtra)?;
                continue;
            }
            let failed = u64::from(status != NetifStatus::OKAY);
            match self.buffers.complete(id).ok_or(ProtocolError::TxId { found: id })? {
                Completed::Packet => {
                    statistics.tx_packets += 1;
                    statistics.tx_errors += failed;
                }
                Completed::Part => {}
                Completed::Filter => statistics.filter_errors += failed,
            }
        }
        Ok(())
    }

    /// Requests an event if the caller needs room; returns whether there is room at once.
    ///
    /// Without that no event of this ring is needed: responses are read when the next packet needs
    /// a buffer.
    pub(super) fn final_check(
        &mut self,
        statistics: &mut NetFrontStatistics,
    ) -> Result<bool, ProtocolError> {
        let Some(needed) = self.starved else { return Ok(false) };
        let mut room = self.room(needed).is_some();
        while !room && self.ring.final_check().map_err(ProtocolError::TxRing)? {
            self.reap(statistics)?;
            room = self.room(needed).is_some();
        }
        if room {
            self.starved = None;
        }
        Ok(room)
    }

    #[cfg(test)]
    pub(super) fn buffers(&mut self) -> &mut TxBuffers<B> {
        &mut self.buffers
    }
}

/// Writes the checksum of a packet that is not [complete](TxMeta::is_complete), as far as the
/// backend does not, and returns its flags and the segmentation for the backend.
#[inline(never)]
fn prepare(
    packet: &mut [u8],
    meta: TxMeta,
    features: TxFeatures,
) -> Result<(NetTxFlags, Option<Segmentation>), TxError> {
    if let Some(size) = meta.segment {
        let offload = checksum::Offload::find(packet).filter(|offload| offload.tcp);
        let offload = offload.ok_or(TxError::Segmentation)?;
        let kind = if offload.ipv4 { SegmentationKind::TcpIpv4 } else { SegmentationKind::TcpIpv6 };
        if !features.segments(kind) || meta.kind.is_some_and(|expected| expected != kind) {
            return Err(TxError::Segmentation);
        }
        checksum::apply(packet, offload.patch);
        return Ok((ChecksumState::Partial.tx_flags(), Some(Segmentation { kind, size })));
    }
    let offload = checksum::Offload::find(packet).filter(|offload| {
        if offload.ipv4 { features.checksum_ipv4 } else { features.checksum_ipv6 }
    });
    if let Some(offload) = offload {
        checksum::apply(packet, offload.patch);
        return Ok((meta.checksum.tx_flags(), None));
    }
    checksum::complete(packet);
    Ok((NetTxFlags::empty(), None))
}

/// Returns the slot of a request with extra information in it.
fn extra_request(info: NetifExtraInfo) -> NetifTxRequest {
    let [low, high]: [u32; 2] = zerocopy::transmute!(info);
    zerocopy::transmute!([low, high, 0])
}
