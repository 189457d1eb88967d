//! The transmit ring.

use super::slots::{MAX_SLOTS, Slots};
use super::{ChecksumState, NetFrontStatistics, PacketMeta, ProtocolError, TxError, checksum};
use heapless::Vec;
use xen_hypercall::{SharedMem, StableSharedMem};
use xen_ring::{FrontRing, Notify};
use xen_sys::io::netif::{NetTxFlags, NetifStatus, NetifTxRequest, NetifTxResponse};
use xenbus::net::ETHERNET_HEADER;

/// The transmit ring and its buffers, one packet in each.
///
/// A buffer keeps the tail of the packet before, which was sent to the same backend; no other
/// domain can read it.
#[derive(Debug)]
pub(super) struct TxQueue<R, B> {
    ring: FrontRing<R, NetifTxRequest, NetifTxResponse>,
    buffers: Slots<B>,
    /// Buffers without a packet; the one used last comes first, as it is still in the cache.
    free: Vec<u16, { MAX_SLOTS as usize }>,
    /// For each buffer, whether it has a packet without a response.
    in_flight: [bool; MAX_SLOTS as usize],
    /// The caller found no free buffer: it needs an event for the next one.
    starved: bool,
    /// The backend takes partial IPv4 checksums.
    offload: bool,
    max_packet: usize,
}

impl<R: StableSharedMem, B: AsRef<SharedMem>> TxQueue<R, B> {
    /// Creates a queue that computes checksums, until [`set_offload`](Self::set_offload).
    pub(super) fn new(
        ring: FrontRing<R, NetifTxRequest, NetifTxResponse>,
        buffers: Slots<B>,
        max_packet: usize,
    ) -> Self {
        let free = (0..buffers.count()).rev().collect();
        let in_flight = [false; MAX_SLOTS as usize];
        let (starved, offload) = (false, false);
        Self { ring, buffers, free, in_flight, starved, offload, max_packet }
    }

    pub(super) fn publish(&mut self) -> Notify {
        self.ring.publish()
    }

    pub(super) fn into_parts(self) -> (R, Slots<B>) {
        (self.ring.into_memory(), self.buffers)
    }

    pub(super) fn ring(&self) -> &R {
        self.ring.memory()
    }

    pub(super) fn set_offload(&mut self, offload: bool) {
        self.offload = offload;
    }

    /// Returns the number of packets that can be pushed.
    pub(super) fn free(&self) -> usize {
        self.free.len()
    }

    /// Notes that the caller needs a free buffer.
    pub(super) fn starve(&mut self) {
        self.starved = true;
    }

    /// Copies `packet` into a free buffer and pushes it; publish it.
    #[inline]
    pub(super) fn push(
        &mut self,
        packet: &[u8],
        meta: PacketMeta,
        statistics: &mut NetFrontStatistics,
    ) -> Result<(), TxError> {
        self.check(packet.len(), meta)?;
        let &id = self.free.last().ok_or(TxError::Full)?;
        let (flags, patch) = self.checksum(packet, meta.checksum);
        // None of these fails: the packet fits into a page, every buffer has a reference, and there
        // are no more than slots.
        let copied = self.buffers.copy_from(id, 0, packet);
        let patched = patch.and_then(|(field, bytes)| self.buffers.copy_from(id, field, &bytes));
        let gref = self.buffers.reference(id).ok_or(TxError::Full)?;
        debug_assert!(copied.is_some() && patched.is_some() == patch.is_some());
        let request = NetifTxRequest { gref, offset: 0, flags, id, size: packet.len() as u16 };
        self.ring.push(&request).map_err(|_| TxError::Full)?;
        self.free.pop();
        if let Some(in_flight) = self.in_flight.get_mut(usize::from(id)) {
            *in_flight = true;
        }
        statistics.tx_bytes += packet.len() as u64;
        Ok(())
    }

    /// Checks whether a packet of `len` bytes can be sent.
    pub(super) fn check(&self, len: usize, meta: PacketMeta) -> Result<(), TxError> {
        if meta.segmentation.is_some() {
            return Err(TxError::Segmentation);
        }
        if len < ETHERNET_HEADER {
            return Err(TxError::TooShort { len });
        }
        let limit = self.max_packet;
        if len > limit { Err(TxError::TooLong { len, limit }) } else { Ok(()) }
    }

    /// Returns the flags for a checksum, and the bytes to write over the packet.
    fn checksum(
        &self,
        packet: &[u8],
        state: ChecksumState,
    ) -> (NetTxFlags, Option<checksum::Patch>) {
        if state != ChecksumState::Partial {
            return (state.tx_flags(), None);
        }
        if self.offload
            && let Some(patch) = checksum::partial(packet)
        {
            return (state.tx_flags(), Some(patch));
        }
        (NetTxFlags::empty(), checksum::completion(packet))
    }

    /// Takes the responses that have come, which frees their buffers.
    pub(super) fn reap(
        &mut self,
        statistics: &mut NetFrontStatistics,
    ) -> Result<(), ProtocolError> {
        for NetifTxResponse { id, status } in
            self.ring.responses().map_err(ProtocolError::TxRing)?
        {
            let in_flight = self.in_flight.get_mut(usize::from(id)).filter(|in_flight| **in_flight);
            *in_flight.ok_or(ProtocolError::TxId { found: id })? = false;
            // There is room: the buffer was in flight, so it is not among the free ones.
            let _ = self.free.push(id);
            statistics.tx_packets += 1;
            if status != NetifStatus::OKAY {
                statistics.tx_errors += 1;
            }
        }
        Ok(())
    }

    /// Requests an event if the caller needs a buffer; returns whether there is one at once.
    ///
    /// Without that no event of this ring is needed: responses are read when the next packet needs
    /// a buffer.
    pub(super) fn final_check(
        &mut self,
        statistics: &mut NetFrontStatistics,
    ) -> Result<bool, ProtocolError> {
        if !self.starved {
            return Ok(false);
        }
        if self.free.is_empty() && self.ring.final_check().map_err(ProtocolError::TxRing)? {
            self.reap(statistics)?;
        }
        self.starved = self.free.is_empty();
        Ok(!self.starved)
    }
}
