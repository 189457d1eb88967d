//! Both rings of a device, and the state of the protocol.

use super::rx::RxQueue;
use super::tx::TxQueue;
use super::{NetFrontStatistics, PacketMeta, ProtocolError, RxPacket, TxError};
use xen_hypercall::{SharedMem, StableSharedMem};
use xen_ring::Notify;

/// Both rings. After a protocol error of the backend neither ring is accessed again.
#[derive(Debug)]
pub(super) struct Rings<R, RxB, TxB> {
    pub(super) rx: RxQueue<R, RxB>,
    pub(super) tx: TxQueue<R, TxB>,
    pub(super) statistics: NetFrontStatistics,
    /// Length and metadata of a packet in the device's spare page that waits for a transmit
    /// buffer.
    spare: Option<(usize, PacketMeta)>,
    /// The caller takes no packet before the spare page is free.
    receive_held: bool,
    broken: Option<ProtocolError>,
}

impl<R: StableSharedMem, RxB: AsRef<SharedMem>, TxB: AsRef<SharedMem>> Rings<R, RxB, TxB> {
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

    pub(super) fn intact(&self) -> Result<(), ProtocolError> {
        self.broken.map_or(Ok(()), Err)
    }

    pub(super) fn receive(&mut self, buffer: &mut [u8]) -> Result<Option<RxPacket>, ProtocolError> {
        self.intact()?;
        self.receive_held = false;
        let received = self.rx.receive(buffer, &mut self.statistics);
        self.note(received)
    }

    pub(super) fn transmit(&mut self, packet: &[u8], meta: PacketMeta) -> Result<(), TxError> {
        self.make_room()?;
        self.tx.push(packet, meta, &mut self.statistics)
    }

    /// Reads responses if no transmit buffer is free.
    ///
    /// # Errors
    ///
    /// [`TxError::Full`] if none is free then, or a packet in the spare page comes first:
    /// [`final_check`](Self::final_check) requests an event for the next free buffer.
    pub(super) fn make_room(&mut self) -> Result<(), TxError> {
        // The usual case, without a call for each packet.
        if self.tx.free() > 0 && self.spare.is_none() && self.broken.is_none() {
            return Ok(());
        }
        if self.free()? == 0 || self.spare.is_some() {
            self.tx.starve();
            return Err(TxError::Full);
        }
        Ok(())
    }

    /// Returns the number of free transmit buffers, after reading responses if there is none.
    fn free(&mut self) -> Result<usize, ProtocolError> {
        self.intact()?;
        if self.tx.free() == 0 {
            let reaped = self.tx.reap(&mut self.statistics);
            self.note(reaped)?;
        }
        Ok(self.tx.free())
    }

    /// Publishes what was pushed to either ring; both share an event channel.
    pub(super) fn publish(&mut self) -> Notify {
        if self.broken.is_some() {
            return Notify::Skip;
        }
        match (self.rx.publish(), self.tx.publish()) {
            (Notify::Skip, Notify::Skip) => Notify::Skip,
            _ => Notify::Send,
        }
    }

    /// Returns whether a packet in the spare page can be sent, now or later.
    ///
    /// While it cannot, received packets are not taken either: each may need a reply.
    pub(super) fn can_reply(&mut self) -> Result<bool, ProtocolError> {
        self.intact()?;
        let room = self.spare.is_none();
        self.receive_held |= !room;
        Ok(room)
    }

    /// Transmits `packet`, which is at the start of the spare page and whose length is checked, now
    /// or once a buffer is free. [`intact`](Self::intact) reports a protocol error.
    pub(super) fn transmit_spare(&mut self, packet: &[u8], meta: PacketMeta) {
        if self.transmit(packet, meta) == Err(TxError::Full) {
            self.spare = Some((packet.len(), meta));
        }
    }

    /// Transmits a packet that waits in the spare page `page` if a buffer is free.
    pub(super) fn retry_spare(&mut self, page: &[u8]) -> Result<(), ProtocolError> {
        let Some((len, meta)) = self.spare else { return Ok(()) };
        if self.free()? == 0 {
            return Ok(());
        }
        self.spare = None;
        // There is a free buffer, and the length was checked when the packet was written.
        let _ = self.tx.push(page.get(..len).unwrap_or_default(), meta, &mut self.statistics);
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
