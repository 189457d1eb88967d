//! The receive ring.

use super::scatter::Scatter;
use super::slots::Slots;
use super::{ChecksumState, NetFrontStatistics, PacketHash, PacketMeta, ProtocolError, checksum};
use xen_hypercall::{GrantRef, PAGE_SIZE, SharedMem, StableSharedMem};
use xen_ring::{FrontRing, Notify};
use xen_sys::io::netif::{
    NetRxFlags, NetifExtraFlags, NetifExtraGso, NetifExtraInfo, NetifExtraType, NetifRxRequest,
    NetifRxResponse, XEN_NETIF_NR_SLOTS_MIN,
};
use xenbus::net::{ETHERNET_HEADER, Segmentation, SegmentationKind, xdp};

/// A packet that was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RxPacket {
    /// Its length in bytes, Ethernet header included.
    pub len: usize,
    /// Its checksum state and segmentation.
    pub meta: PacketMeta,
}

/// The reason why a packet is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dropped {
    /// The backend reported an error instead of a packet.
    Error,
    /// Offset and length reach out of the page.
    Outside,
    /// Shorter than an Ethernet header.
    Runt,
    /// Longer than the caller's buffer.
    TooLong,
    /// In several slots, which was not offered to the backend, or in too many.
    Fragmented,
    /// Continued in a slot that is missing.
    Truncated,
    /// With extra info that was not offered to the backend, or is unknown.
    Extra,
    /// With a checksum or a segmentation that does not fit its headers.
    Offload,
}

/// Extra information of a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Extras {
    segmentation: Option<Segmentation>,
    hash: Option<PacketHash>,
    /// Free bytes before the packet in each slot.
    headroom: u16,
}

/// Offers to the backend for packets that are not complete, or large.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct RxFeatures {
    /// Packets in several slots.
    pub(super) scatter_gather: bool,
    /// Segmentation of TCP.
    pub(super) segmentation: bool,
    /// Free bytes before the packet in each slot, as requested.
    pub(super) headroom: u16,
}

/// The receive ring and its buffers: each buffer is posted, except while its packet is copied out.
///
/// Responses come in the slots of their requests (`io/netif.h`, "Guest receive"), and buffers are
/// posted again in the order of their responses. Response number `n` is for buffer `n` modulo
/// their count; its id must be the same.
///
/// A buffer keeps its packet when it is posted again. The backend that can read it is the one that
/// wrote it: the pages of a connection are new and zeroed, and nothing else writes to them. A
/// backend that announces a packet and writes none repeats one of its own.
#[derive(Debug)]
pub(super) struct RxQueue<R, B> {
    ring: FrontRing<R, NetifRxRequest, NetifRxResponse>,
    buffers: Slots<B>,
    features: RxFeatures,
    /// The buffer of the next response.
    next: u16,
}

impl<R: StableSharedMem, B: AsRef<SharedMem>> RxQueue<R, B> {
    /// Posts all buffers, at most as many as the ring has slots; publish them.
    pub(super) fn new(
        ring: FrontRing<R, NetifRxRequest, NetifRxResponse>,
        buffers: Slots<B>,
        features: RxFeatures,
    ) -> Self {
        let count = buffers.count();
        let mut queue = Self { ring, buffers, features, next: 0 };
        (0..count).for_each(|_| queue.post());
        queue
    }

    /// Returns the references of the buffers.
    pub(super) fn references(&self) -> impl Iterator<Item = GrantRef> {
        self.buffers.references()
    }

    pub(super) fn ring(&self) -> &R {
        self.ring.memory()
    }

    pub(super) fn publish(&mut self) -> Notify {
        self.ring.publish()
    }

    pub(super) fn final_check(&mut self) -> Result<bool, ProtocolError> {
        self.ring.final_check().map_err(ProtocolError::RxRing)
    }

    pub(super) fn into_parts(self) -> (R, Slots<B>) {
        (self.ring.into_memory(), self.buffers)
    }

    /// Copies the next good packet into `target` and drops bad ones before it.
    ///
    /// Buffers are posted again but not published, so the loop ends after one ring of responses,
    /// whatever the backend does.
    #[inline]
    pub(super) fn receive(
        &mut self,
        target: &mut [&mut [u8]],
        statistics: &mut NetFrontStatistics,
    ) -> Result<Option<RxPacket>, ProtocolError> {
        while let Some(first) = self.take()? {
            match self.take_packet(&first, target)? {
                Ok(packet) => {
                    statistics.rx_packets += 1;
                    statistics.rx_bytes += packet.len as u64;
                    statistics.rx_segmented += u64::from(packet.meta.segmentation.is_some());
                    return Ok(Some(packet));
                }
                Err(reason) => reason.count(statistics),
            }
        }
        Ok(None)
    }

    /// Takes the next response that is not extra info.
    #[inline]
    fn take(&mut self) -> Result<Option<NetifRxResponse>, ProtocolError> {
        let Some(response) = self.ring.pop().map_err(ProtocolError::RxRing)? else {
            return Ok(None);
        };
        if response.id == self.next {
            Ok(Some(response))
        } else {
            Err(ProtocolError::RxId { found: response.id, expected: self.next })
        }
    }

    /// Copies the packet that starts with `first`, and takes all of its slots, so that the next
    /// response is that of a new packet.
    ///
    /// A backend publishes whole packets. Where the rest is missing, the packet ends.
    #[inline]
    fn take_packet(
        &mut self,
        first: &NetifRxResponse,
        buffers: &mut [&mut [u8]],
    ) -> Result<Result<RxPacket, Dropped>, ProtocolError> {
        let mut target = Scatter::new(buffers);
        let mut meta = PacketMeta::new(ChecksumState::from_rx_flags(first.flags));
        let mut headroom = if first.flags.contains(NetRxFlags::EXTRA_INFO) {
            self.copy_with_extras(first, &mut target, &mut meta)?
        } else {
            let copied = self.copy(first, self.next, &mut target);
            self.post();
            copied.map(|()| 0)
        };
        if first.flags.contains(NetRxFlags::MORE_DATA) && headroom != Err(Dropped::Truncated) {
            headroom = self.copy_rest(headroom, &mut target)?;
        }
        let len = target.written();
        Ok(headroom.and_then(|_| {
            if len < ETHERNET_HEADER {
                return Err(Dropped::Runt);
            }
            let head = buffers.first().map(|buffer| buffer.get(..len).unwrap_or(buffer));
            validate(&mut meta, head.unwrap_or_default(), len)?;
            Ok(RxPacket { len, meta })
        }))
    }

    /// Takes the extra info of a packet, and copies its first slot. Returns the free bytes before
    /// the packet in each slot.
    #[cold]
    fn copy_with_extras(
        &mut self,
        first: &NetifRxResponse,
        target: &mut Scatter<'_, '_>,
        meta: &mut PacketMeta,
    ) -> Result<Result<u16, Dropped>, ProtocolError> {
        let slot = self.next;
        self.post();
        let extras = match self.take_extras()? {
            Ok(extras) => extras,
            Err(reason) => return Ok(Err(reason)),
        };
        (meta.segmentation, meta.hash) = (extras.segmentation, extras.hash);
        // Its buffer is posted, but not published.
        let copied = behind(first, extras.headroom);
        let copied = copied.and_then(|first| self.copy(&first, slot, target));
        Ok(copied.map(|()| extras.headroom))
    }

    /// Takes all slots of a packet but the first, and copies them with as many free bytes before
    /// each, unless the packet is to be dropped.
    #[inline(never)]
    fn copy_rest(
        &mut self,
        mut headroom: Result<u16, Dropped>,
        target: &mut Scatter<'_, '_>,
    ) -> Result<Result<u16, Dropped>, ProtocolError> {
        let (mut more, mut slots) = (true, 1);
        while more {
            let Some(response) = self.take()? else { return Ok(Err(Dropped::Truncated)) };
            slots += 1;
            headroom = headroom.and_then(|headroom| {
                if !self.features.scatter_gather || slots > XEN_NETIF_NR_SLOTS_MIN {
                    return Err(Dropped::Fragmented);
                }
                self.copy(&behind(&response, headroom)?, self.next, target)?;
                Ok(headroom)
            });
            self.post();
            more = response.flags.contains(NetRxFlags::MORE_DATA);
        }
        Ok(headroom)
    }

    /// Copies a slot out of memory that the backend can write.
    #[inline(always)]
    fn copy(
        &self,
        response: &NetifRxResponse,
        slot: u16,
        target: &mut Scatter<'_, '_>,
    ) -> Result<(), Dropped> {
        let len = usize::try_from(response.status).map_err(|_| Dropped::Error)?;
        let offset = usize::from(response.offset);
        if offset + len > PAGE_SIZE {
            return Err(Dropped::Outside);
        }
        let copy = |at, part: &mut [u8]| self.buffers.copy_to(slot, offset + at, part);
        target.write(len, copy).ok_or(Dropped::TooLong)
    }

    /// Takes the slots of extra info.
    #[cold]
    fn take_extras(&mut self) -> Result<Result<Extras, Dropped>, ProtocolError> {
        let mut outcome = Ok(());
        let mut extras = Extras::default();
        loop {
            // Extra info takes the place of the response, its id included.
            let Some(response) = self.ring.pop().map_err(ProtocolError::RxRing)? else {
                return Ok(Err(Dropped::Truncated));
            };
            self.post();
            let info: NetifExtraInfo = zerocopy::transmute!(response);
            match info.type_ {
                NetifExtraType::GSO
                    if extras.segmentation.is_none() && self.features.segmentation =>
                {
                    let gso: NetifExtraGso = zerocopy::transmute!(info.u);
                    extras.segmentation = Segmentation::from_gso(gso);
                    if extras.segmentation.is_none() {
                        outcome = outcome.and(Err(Dropped::Offload));
                    }
                }
                // An unknown hash can be ignored. All others change the packet, and none was
                // offered.
                NetifExtraType::HASH => {
                    extras.hash = PacketHash::from_extra(zerocopy::transmute!(info.u));
                }
                // A backend can have another limit.
                xdp::EXTRA_TYPE if self.features.headroom > 0 => {
                    extras.headroom = xdp::headroom(&info);
                }
                _ => outcome = Err(Dropped::Extra),
            }
            if !info.flags.contains(NetifExtraFlags::MORE) {
                return Ok(outcome.map(|()| extras));
            }
        }
    }

    /// Posts the buffer of the response just taken.
    #[inline]
    fn post(&mut self) {
        let id = self.next;
        if let Some(gref) = self.buffers.reference(id) {
            // There is room: a slot was freed by the response, and at the start there are no more
            // buffers than slots.
            let _ = self.ring.push(&NetifRxRequest { id, pad: 0, gref });
        }
        self.next = if id + 1 < self.buffers.count() { id + 1 } else { 0 };
    }
}

/// Returns the response of a slot without the free bytes before its part of the packet.
fn behind(response: &NetifRxResponse, headroom: u16) -> Result<NetifRxResponse, Dropped> {
    if headroom == 0 || response.status < 0 {
        return Ok(*response);
    }
    let status = response.status.checked_sub_unsigned(headroom).filter(|status| *status >= 0);
    let (status, offset) =
        status.zip(response.offset.checked_add(headroom)).ok_or(Dropped::Outside)?;
    Ok(NetifRxResponse { offset, status, ..*response })
}

/// Checks what the backend says about a packet of `len` bytes that starts with `head`.
///
/// A segmented packet has a partial checksum even if the backend does not say so, as in Linux.
#[inline]
fn validate(meta: &mut PacketMeta, head: &[u8], len: usize) -> Result<(), Dropped> {
    if meta.segmentation.is_none() && meta.checksum != ChecksumState::Partial {
        return Ok(());
    }
    // Only a caller with pieces gets a packet whose end is not in the first one.
    let offload = if head.len() == len {
        Some(checksum::Offload::find(head).ok_or(Dropped::Offload)?)
    } else {
        None
    };
    let Some(Segmentation { kind, size }) = meta.segmentation else { return Ok(()) };
    let ipv4 = kind == SegmentationKind::TcpIpv4;
    let fits = offload.is_none_or(|offload| offload.tcp && offload.ipv4 == ipv4);
    if !fits || usize::from(size.get()) > len {
        return Err(Dropped::Offload);
    }
    meta.checksum = ChecksumState::Partial;
    Ok(())
}

impl Dropped {
    #[cold]
    fn count(self, statistics: &mut NetFrontStatistics) {
        let counter = match self {
            Self::Error => &mut statistics.rx_errors,
            Self::Outside => &mut statistics.rx_outside,
            Self::Runt => &mut statistics.rx_runts,
            Self::TooLong => &mut statistics.rx_too_long,
            Self::Fragmented => &mut statistics.rx_fragmented,
            Self::Truncated => &mut statistics.rx_truncated,
            Self::Extra => &mut statistics.rx_extra,
            Self::Offload => &mut statistics.rx_bad_offload,
        };
        *counter += 1;
    }
}
