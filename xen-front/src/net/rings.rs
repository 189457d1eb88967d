//! Both rings of a device, and the state of the protocol.

use super::multicast::FilterChange;
use super::rx::RxQueue;
use super::tx::{Needed, TxMeta, TxQueue};
use super::tx_buffers::{Run, TxMemory};
use super::{ChecksumState, NetFrontStatistics, ProtocolError, RxPacket, TxError};
use xen_hypercall::{SharedMem, StableSharedMem};
use xen_ring::Notify;
use xen_sys::io::netif::{XEN_NETIF_CTRLF_GREF_READONLY, XenNetifGref};

/// A packet that waits for transmit buffers.
#[derive(Clone, Copy, Debug)]
struct Held {
    len: usize,
    meta: TxMeta,
    /// The next segment, of a packet that the backend does not segment.
    next: usize,
}

/// Both rings. After a protocol error of the backend neither ring is accessed again.
#[derive(Debug)]
pub(super) struct Rings<R, RxB, TxB> {
    pub(super) rx: RxQueue<R, RxB>,
    pub(super) tx: TxQueue<R, TxB>,
    pub(super) statistics: NetFrontStatistics,
    /// A packet in the device's spare memory that waits for transmit buffers.
    spare: Option<Held>,
    /// The caller takes no packet before the spare memory is free.
    receive_held: bool,
    broken: Option<ProtocolError>,
}

impl<R: StableSharedMem, RxB: AsRef<SharedMem>, TxB: TxMemory> Rings<R, RxB, TxB> {
    pub(super) fn new(rx: RxQueue<R, RxB>, tx: TxQueue<R, TxB>) -> Self {
        Self {
            rx,
            tx,
            statistics: NetFrontStatistics::default(),
            spare: None,
            receive_held: false,
            broken: None,
        }
    }

    #[inline(always)]
    pub(super) fn intact(&self) -> Result<(), ProtocolError> {
        match &self.broken {
            None => Ok(()),
            Some(broken) => Err(*broken),
        }
    }

    /// Returns the buffers of both rings, as a backend takes them for static grants.
    pub(super) fn static_grants(&self) -> impl Iterator<Item = XenNetifGref> {
        let entry = |flags| move |ref_| XenNetifGref { ref_, flags, ..XenNetifGref::default() };
        let rx = self.rx.references().map(entry(0));
        rx.chain(self.tx.references().map(entry(XEN_NETIF_CTRLF_GREF_READONLY)))
    }

    pub(super) fn receive(
        &mut self,
        target: &mut [&mut [u8]],
    ) -> Result<Option<RxPacket>, ProtocolError> {
        self.intact()?;
        self.receive_held = false;
        let received = self.rx.receive(target, &mut self.statistics);
        self.note(received)
    }

    /// Has `write` fill in a packet of `len` bytes and transmits it.
    #[inline]
    pub(super) fn transmit<T>(
        &mut self,
        len: usize,
        meta: TxMeta,
        write: impl FnOnce(&mut [u8]) -> T,
    ) -> Result<T, TxError> {
        self.tx.check(len, meta)?;
        let run = self.make_room(Needed::new(len, meta))?;
        let result = write(self.tx.bytes_mut(run, len));
        self.tx.push(run, len, meta, &mut self.statistics)?;
        Ok(result)
    }

    /// Pushes a change of the backend's multicast filter.
    pub(super) fn change_filter(&mut self, change: FilterChange) -> Result<(), TxError> {
        let run = self.make_room(Needed::FILTER)?;
        self.tx.push_filter(run, change)
    }

    /// Returns the room for a packet, after reading responses if there is none.
    ///
    /// # Errors
    ///
    /// [`TxError::Full`] if there is none then, or a packet in the spare memory comes first:
    /// [`final_check`](Self::final_check) requests an event for room.
    #[inline]
    pub(super) fn make_room(&mut self, needed: Needed) -> Result<Run, TxError> {
        self.intact()?;
        if self.spare.is_none()
            && let Some(run) = self.find_room(needed)?
        {
            return Ok(run);
        }
        self.tx.starve(needed);
        Err(TxError::Full)
    }

    /// Returns the room for a packet, after reading responses if there is none. The rings are
    /// [intact](Self::intact).
    #[inline]
    fn find_room(&mut self, needed: Needed) -> Result<Option<Run>, ProtocolError> {
        let room = self.tx.room(needed);
        if room.is_some() {
            return Ok(room);
        }
        let reaped = self.tx.reap(&mut self.statistics);
        self.note(reaped)?;
        Ok(self.tx.room(needed))
    }

    /// Publishes what was pushed to the transmit and the receive ring.
    pub(super) fn publish(&mut self) -> [Notify; 2] {
        if self.broken.is_some() {
            return [Notify::Skip; 2];
        }
        [self.tx.publish(), self.rx.publish()]
    }

    /// Drops a packet in the spare memory.
    pub(super) fn drop_spare(&mut self) {
        self.spare = None;
    }

    /// Returns whether a packet waits in the spare memory.
    pub(super) fn is_holding(&self) -> bool {
        self.spare.is_some()
    }

    /// Notes that the caller takes no packet before a packet in spare memory is sent.
    pub(super) fn hold_receive(&mut self) {
        self.receive_held = true;
    }

    /// Returns whether a packet in the spare memory can be sent, now or later.
    ///
    /// While it cannot, received packets are not taken either: each may need a reply.
    pub(super) fn can_reply(&mut self) -> Result<bool, ProtocolError> {
        self.intact()?;
        let room = self.spare.is_none();
        self.receive_held |= !room;
        Ok(room)
    }

    /// Has `write` fill in a packet, which [`check`](TxQueue::check) accepts, and transmits it now
    /// or once there is room: it waits in `spare` until then. [`intact`](Self::intact) reports a
    /// protocol error.
    pub(super) fn transmit_or_hold<T>(
        &mut self,
        len: usize,
        meta: TxMeta,
        spare: &mut [u8],
        write: impl FnOnce(&mut [u8]) -> T,
    ) -> T {
        let needed = Needed::new(len, meta);
        let room = if self.tx.takes(meta) { self.make_room(needed) } else { Err(TxError::Full) };
        let Ok(run) = room else {
            let result = write(spare.get_mut(..len).unwrap_or_default());
            self.spare = Some(Held { len, meta, next: 0 });
            // A packet that the backend does not segment. The next call returns an error.
            let _ = self.retry_spare(spare);
            return result;
        };
        let result = write(self.tx.bytes_mut(run, len));
        let pushed = self.tx.push(run, len, meta, &mut self.statistics);
        self.statistics.tx_invalid += u64::from(pushed.is_err());
        result
    }

    /// Transmits a packet that waits in `spare`, as far as there is room: the segments of one that
    /// the backend does not segment.
    pub(super) fn retry_spare(&mut self, spare: &[u8]) -> Result<(), ProtocolError> {
        self.intact()?;
        while let Some(held) = self.spare {
            let packet = spare.get(..held.len).unwrap_or_default();
            let segments = self.tx.segments(packet, held.meta);
            let (len, meta) = match &segments {
                Some(segments) => (segments.len(held.next), TxMeta::PARTIAL),
                None => (held.len, held.meta),
            };
            if self.tx.check(len, meta).is_err() {
                self.statistics.tx_invalid += 1;
                self.spare = None;
                return Ok(());
            }
            let needed = Needed::new(len, meta);
            let Some(run) = self.find_room(needed)? else {
                self.tx.starve(needed);
                return Ok(());
            };
            let room = self.tx.bytes_mut(run, len);
            let next = Held { next: held.next + 1, ..held };
            self.spare = None;
            if let Some(segments) = segments {
                // The segment exists, and has this length.
                let _ = segments.write(held.next, ChecksumState::Partial, room);
                self.spare = (next.next < segments.count()).then_some(next);
            } else if room.len() == packet.len() {
                room.copy_from_slice(packet);
            }
            let pushed = self.tx.push(run, len, meta, &mut self.statistics);
            self.statistics.tx_invalid += u64::from(pushed.is_err());
        }
        Ok(())
    }

    /// Requests the events that the caller needs; returns whether there is work at once.
    pub(super) fn final_check(&mut self) -> Result<bool, ProtocolError> {
        self.intact()?;
        let room = self.tx.final_check(&mut self.statistics);
        let room = self.note(room)?;
        if self.receive_held {
            return Ok(room);
        }
        let received = self.rx.final_check();
        Ok(self.note(received)? || room)
    }

    fn note<T>(&mut self, result: Result<T, ProtocolError>) -> Result<T, ProtocolError> {
        result.inspect_err(|broken| self.broken = Some(*broken))
    }
}

#[cfg(test)]
mod tests;
