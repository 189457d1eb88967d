//! The receive ring.

use super::slots::Slots;
use super::{ChecksumState, NetFrontStatistics, PacketMeta, ProtocolError};
use xen_hypercall::{PAGE_SIZE, SharedMem, StableSharedMem};
use xen_ring::{FrontRing, Notify};
use xen_sys::io::netif::{
    NetRxFlags, NetifExtraFlags, NetifExtraInfo, NetifExtraType, NetifRxRequest, NetifRxResponse,
};
use xenbus::net::ETHERNET_HEADER;

/// Bytes that replace a packet in its buffer once it was copied out.
static ZEROES: [u8; PAGE_SIZE] = [0; PAGE_SIZE];

/// A packet that was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RxPacket {
    /// Its length in bytes, Ethernet header included.
    pub len: usize,
    /// Its checksum state.
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
    /// In several slots, which was not offered to the backend.
    Fragmented,
    /// Continued in a slot that is missing.
    Truncated,
    /// With extra info that was not offered to the backend, or is unknown.
    Extra,
}

/// The receive ring and its buffers: each buffer is posted, except while its packet is copied out.
///
/// Responses come in the slots of their requests (`io/netif.h`, "Guest receive"), and buffers are
/// posted again in the order of their responses. Response number `n` is for buffer `n` modulo
/// their count; its id must be the same.
#[derive(Debug)]
pub(super) struct RxQueue<R, B> {
    ring: FrontRing<R, NetifRxRequest, NetifRxResponse>,
    buffers: Slots<B>,
    /// The buffer of the next response.
    next: u16,
}

impl<R: StableSharedMem, B: AsRef<SharedMem>> RxQueue<R, B> {
    /// Posts all buffers, at most as many as the ring has slots; publish them.
    pub(super) fn new(
        ring: FrontRing<R, NetifRxRequest, NetifRxResponse>,
        buffers: Slots<B>,
    ) -> Self {
        let count = buffers.count();
        let mut queue = Self { ring, buffers, next: 0 };
        (0..count).for_each(|_| queue.post());
        queue
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

    /// Copies the next good packet into `buffer` and drops bad ones before it.
    ///
    /// Buffers are posted again but not published, so the loop ends after one ring of responses,
    /// whatever the backend does.
    pub(super) fn receive(
        &mut self,
        buffer: &mut [u8],
        statistics: &mut NetFrontStatistics,
    ) -> Result<Option<RxPacket>, ProtocolError> {
        while let Some(first) = self.take()? {
            let copied = self.copy(&first, buffer);
            self.post();
            let rest = self.take_rest(first.flags)?;
            match copied.and_then(|len| rest.map(|()| len)) {
                Ok(len) => {
                    statistics.rx_packets += 1;
                    statistics.rx_bytes += len as u64;
                    let meta = PacketMeta::new(ChecksumState::from_rx_flags(first.flags));
                    return Ok(Some(RxPacket { len, meta }));
                }
                Err(reason) => reason.count(statistics),
            }
        }
        Ok(None)
    }

    /// Takes the next response that is not extra info.
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

    /// Copies a packet out of memory that the backend can write. Zeroes replace it in the buffer,
    /// so that a backend that reports a packet and has written none does not repeat an older one.
    fn copy(&self, response: &NetifRxResponse, buffer: &mut [u8]) -> Result<usize, Dropped> {
        let len = usize::try_from(response.status).map_err(|_| Dropped::Error)?;
        let offset = usize::from(response.offset);
        if offset + len > PAGE_SIZE {
            return Err(Dropped::Outside);
        }
        if len < ETHERNET_HEADER {
            return Err(Dropped::Runt);
        }
        let target = buffer.get_mut(..len).ok_or(Dropped::TooLong)?;
        self.buffers.copy_to(self.next, offset, target).ok_or(Dropped::Outside)?;
        let zeroes = ZEROES.get(..len).unwrap_or_default();
        self.buffers.copy_from(self.next, offset, zeroes).ok_or(Dropped::Outside)?;
        Ok(len)
    }

    /// Takes the further slots of a packet, so that the next response is that of a new packet.
    ///
    /// A backend publishes whole packets. Where the rest is missing, the packet ends.
    fn take_rest(&mut self, first: NetRxFlags) -> Result<Result<(), Dropped>, ProtocolError> {
        let mut outcome = Ok(());
        let mut extra = first.contains(NetRxFlags::EXTRA_INFO);
        while extra {
            // Extra info takes the place of the response, its id included.
            let Some(response) = self.ring.pop().map_err(ProtocolError::RxRing)? else {
                return Ok(Err(Dropped::Truncated));
            };
            self.post();
            let info: NetifExtraInfo = zerocopy::transmute!(response);
            // A hash can be ignored. All others change the packet, and none was offered.
            if info.type_ != NetifExtraType::HASH {
                outcome = Err(Dropped::Extra);
            }
            extra = info.flags.contains(NetifExtraFlags::MORE);
        }
        let mut more = first.contains(NetRxFlags::MORE_DATA);
        while more {
            let Some(response) = self.take()? else { return Ok(Err(Dropped::Truncated)) };
            self.post();
            outcome = outcome.and(Err(Dropped::Fragmented));
            more = response.flags.contains(NetRxFlags::MORE_DATA);
        }
        Ok(outcome)
    }

    /// Posts the buffer of the response just taken.
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

impl Dropped {
    fn count(self, statistics: &mut NetFrontStatistics) {
        let counter = match self {
            Self::Error => &mut statistics.rx_errors,
            Self::Outside => &mut statistics.rx_outside,
            Self::Runt => &mut statistics.rx_runts,
            Self::TooLong => &mut statistics.rx_too_long,
            Self::Fragmented => &mut statistics.rx_fragmented,
            Self::Truncated => &mut statistics.rx_truncated,
            Self::Extra => &mut statistics.rx_extra,
        };
        *counter += 1;
    }
}
