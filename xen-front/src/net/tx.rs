//! The transmit ring.

use super::rx::MIN_PACKET;
use super::slots::{MAX_SLOTS, Slots};
use super::{ProtocolError, Statistics, TxError, checksum};
use heapless::Vec;
use xen_hypercall::{SharedMem, StableSharedMem};
use xen_ring::{FrontRing, Notify};
use xen_sys::io::netif::{NetTxFlags, NetifStatus, NetifTxRequest, NetifTxResponse};

/// What is to become of a TCP or UDP checksum on the way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TxChecksum {
    /// The packet goes out as it is: the field is right, or there is none.
    AsIs,
    /// The field is to be filled in, whatever it has: by whoever puts the packet on a wire if the
    /// backend can leave it to them, by the driver if not. A packet that is not whole TCP or
    /// UDP goes out as it is.
    Compute,
}

/// The transmit ring and its buffers, one packet in each.
///
/// A buffer keeps the tail of the packet before. That was sent to the same backend, and no other
/// domain can read it.
#[derive(Debug)]
pub(super) struct TxQueue<R, B> {
    ring: FrontRing<R, NetifTxRequest, NetifTxResponse>,
    buffers: Slots<B>,
    /// Buffers without a packet; the last one used comes first, as it is still in the cache.
    free: Vec<u16, { MAX_SLOTS as usize }>,
    /// Whether each buffer has a packet that the backend has not answered.
    in_flight: [bool; MAX_SLOTS as usize],
    /// Whether somebody found no free buffer, and wants an event when there is one.
    starved: bool,
    /// Whether the backend can leave IPv4 checksums to whoever needs them.
    offload: bool,
    max_packet: usize,
}

impl<R: StableSharedMem, B: AsRef<SharedMem>> TxQueue<R, B> {
    /// Checksums are computed here until [`set_offload`](Self::set_offload) says otherwise.
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

    /// Returns how many packets can be pushed.
    pub(super) fn free(&self) -> usize {
        self.free.len()
    }

    /// Remembers that somebody waits for a free buffer.
    pub(super) fn starve(&mut self) {
        self.starved = true;
    }

    /// Copies `packet` into a free buffer and pushes it; publish it.
    pub(super) fn push(
        &mut self,
        packet: &[u8],
        checksum: TxChecksum,
        statistics: &mut Statistics,
    ) -> Result<(), TxError> {
        self.check_len(packet.len())?;
        let &id = self.free.last().ok_or(TxError::Full)?;
        let (flags, patch) = self.checksum(packet, checksum);
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

    pub(super) fn check_len(&self, len: usize) -> Result<(), TxError> {
        if len < MIN_PACKET {
            return Err(TxError::TooShort { len });
        }
        let limit = self.max_packet;
        if len > limit { Err(TxError::TooLong { len, limit }) } else { Ok(()) }
    }

    /// Decides who computes the checksum: the flags, and what is to be written over the packet.
    fn checksum(&self, packet: &[u8], wanted: TxChecksum) -> (NetTxFlags, Option<checksum::Patch>) {
        if wanted == TxChecksum::AsIs {
            return (NetTxFlags::empty(), None);
        }
        if self.offload
            && let Some(patch) = checksum::partial(packet)
        {
            return (NetTxFlags::CSUM_BLANK | NetTxFlags::DATA_VALIDATED, Some(patch));
        }
        (NetTxFlags::empty(), checksum::completion(packet))
    }

    /// Takes the responses that are there, which frees their buffers.
    pub(super) fn reap(&mut self, statistics: &mut Statistics) -> Result<(), ProtocolError> {
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

    /// Asks for an event if somebody waits for a buffer; tells whether there is one at once.
    ///
    /// Nobody else needs events of this ring: what has been sent is found when the next packet
    /// needs a buffer.
    pub(super) fn final_check(
        &mut self,
        statistics: &mut Statistics,
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
