//! Both rings of a device, and the state of the protocol.

use super::rx::RxQueue;
use super::tx::TxQueue;
use super::{PacketMeta, ProtocolError, RxPacket, Statistics, TxError};
use xen_hypercall::{SharedMem, StableSharedMem};
use xen_ring::Notify;

/// Both rings. After a protocol error of the backend neither ring is accessed again.
#[derive(Debug)]
pub(super) struct Rings<R, RxB, TxB> {
    pub(super) rx: RxQueue<R, RxB>,
    pub(super) tx: TxQueue<R, TxB>,
    pub(super) statistics: Statistics,
    broken: Option<ProtocolError>,
}

impl<R: StableSharedMem, RxB: AsRef<SharedMem>, TxB: AsRef<SharedMem>> Rings<R, RxB, TxB> {
    pub(super) fn new(rx: RxQueue<R, RxB>, tx: TxQueue<R, TxB>) -> Self {
        Self { rx, tx, statistics: Statistics::default(), broken: None }
    }

    pub(super) fn intact(&self) -> Result<(), ProtocolError> {
        self.broken.map_or(Ok(()), Err)
    }

    pub(super) fn receive(&mut self, buffer: &mut [u8]) -> Result<Option<RxPacket>, ProtocolError> {
        self.intact()?;
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
    /// [`TxError::Full`] if none is free then: [`final_check`](Self::final_check) requests an
    /// event for the next one.
    pub(super) fn make_room(&mut self) -> Result<(), TxError> {
        self.intact()?;
        if self.tx.free() == 0 {
            let reaped = self.tx.reap(&mut self.statistics);
            self.note(reaped)?;
        }
        if self.tx.free() == 0 {
            self.tx.starve();
            return Err(TxError::Full);
        }
        Ok(())
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

    /// Requests the events that the caller needs; returns whether there is work at once.
    pub(super) fn final_check(&mut self) -> Result<bool, ProtocolError> {
        self.intact()?;
        let received = self.rx.final_check();
        let received = self.note(received)?;
        let room = self.tx.final_check(&mut self.statistics);
        Ok(self.note(room)? || received)
    }

    fn note<T>(&mut self, result: Result<T, ProtocolError>) -> Result<T, ProtocolError> {
        result.inspect_err(|broken| self.broken = Some(*broken))
    }
}

#[cfg(test)]
mod tests;
