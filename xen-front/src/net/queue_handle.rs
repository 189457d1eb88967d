//! The handle of a queue, for the vCPU that uses it.

use super::queues::{Connection, Queues};
use super::{NetFrontStatistics, PacketMeta, ProtocolError, RxPacket, TxError, write_pieces};
use core::fmt;
use heapless::Vec;
use xen_hypercall::{PageArc, Platform, Port};

/// A queue of a device with its own rings and event channels:
/// [`NetFront::take_queue`](super::NetFront::take_queue).
///
/// Each queue can be used by another vCPU, without a lock that two of them contend for. The device
/// itself, [`NetFront`](super::NetFront), connects and closes all of its queues, and its
/// [`poll`](super::NetFront::poll) must be called for that. It locks a queue only while the
/// connection changes.
///
/// A backend decides by itself which queue it sends a flow to. If the backend of a later connection
/// supports fewer queues, a queue without rings receives nothing, and transmits through the rings
/// of another one: [`ports`](Self::ports) are then that queue's.
///
/// A queue that is dropped returns to the device.
pub struct NetQueue<P: Platform> {
    queues: PageArc<P, Queues<P>>,
    index: usize,
}

impl<P: Platform> NetQueue<P> {
    /// Takes a queue, if it has no owner.
    pub(super) fn take(queues: &PageArc<P, Queues<P>>, index: usize) -> Option<Self> {
        queues.take(index).then(|| Self { queues: queues.clone(), index })
    }

    /// Returns the index of the queue, below [`NetFrontConfig::queues`](super::NetFrontConfig).
    pub fn index(&self) -> usize {
        self.index
    }

    /// Returns whether packets can be sent and received, as of the last poll of the device.
    pub fn is_connected(&self) -> bool {
        self.queues.is_connected()
    }

    /// Returns the ports whose events announce packets and room, to bind to the vCPU that uses the
    /// queue: none while there is no connection. The ports change with each connection.
    pub fn ports(&self) -> Vec<Port, 2> {
        let queue = self.queues.lock(self.queues.host(self.index));
        let connection = queue.as_ref().and_then(|queue| queue.connection.as_ref());
        connection.into_iter().flat_map(Connection::ports).collect()
    }

    /// Returns the counters of the queue.
    pub fn statistics(&self) -> NetFrontStatistics {
        self.queues.lock(self.index).map(|queue| queue.statistics()).unwrap_or_default()
    }

    /// Copies the next packet into `buffer`, as [`NetFront::receive`](super::NetFront::receive).
    ///
    /// # Errors
    ///
    /// [`ProtocolError`] if the backend broke the protocol, now or before.
    pub fn receive(&mut self, buffer: &mut [u8]) -> Result<Option<RxPacket>, ProtocolError> {
        self.receive_vectored(&mut [buffer])
    }

    /// Copies the next packet into `buffers`, as
    /// [`NetFront::receive_vectored`](super::NetFront::receive_vectored).
    ///
    /// # Errors
    ///
    /// As for [`receive`](Self::receive).
    pub fn receive_vectored(
        &mut self,
        buffers: &mut [&mut [u8]],
    ) -> Result<Option<RxPacket>, ProtocolError> {
        let packet = self.queues.receive(self.index, buffers)?;
        if packet.is_none() {
            self.queues.flush(self.index)?;
        }
        Ok(packet)
    }

    /// Copies `packet` into free buffers, as [`NetFront::transmit`](super::NetFront::transmit).
    ///
    /// # Errors
    ///
    /// [`TxError`]; the packet was not taken.
    pub fn transmit(&mut self, packet: &[u8], meta: PacketMeta) -> Result<(), TxError> {
        self.transmit_vectored(&[packet], meta)
    }

    /// Copies the pieces of a packet into free buffers.
    ///
    /// # Errors
    ///
    /// [`TxError`]; the packet was not taken.
    pub fn transmit_vectored(&mut self, pieces: &[&[u8]], meta: PacketMeta) -> Result<(), TxError> {
        let len = pieces.iter().map(|piece| piece.len()).sum();
        self.transmit_with(len, meta, |bytes| write_pieces(bytes, pieces))
    }

    /// Calls `write_packet` with `len` bytes, to be overwritten by an Ethernet frame, as
    /// [`NetFront::transmit_with`](super::NetFront::transmit_with).
    ///
    /// # Errors
    ///
    /// [`TxError`].
    pub fn transmit_with<T>(
        &mut self,
        len: usize,
        meta: PacketMeta,
        write_packet: impl FnOnce(&mut [u8]) -> T,
    ) -> Result<T, TxError> {
        self.queues.transmit(self.queues.host(self.index), len, meta, write_packet)
    }

    /// Publishes transmitted packets and free receive buffers; sends one event for each channel if
    /// the backend needs it.
    ///
    /// # Errors
    ///
    /// [`ProtocolError`] if the backend broke the protocol before, or the event could not be sent.
    pub fn flush(&mut self) -> Result<(), ProtocolError> {
        self.queues.flush(self.queues.host(self.index))
    }

    /// Flushes, and requests events; returns whether there is work at once. Call it before waiting
    /// for [`ports`](Self::ports); on `true`, do not wait.
    ///
    /// # Errors
    ///
    /// [`ProtocolError`] as from [`receive`](Self::receive).
    pub fn final_check(&mut self) -> Result<bool, ProtocolError> {
        self.queues.final_check(self.queues.host(self.index))
    }
}

/// Returns the queue to the device.
impl<P: Platform> Drop for NetQueue<P> {
    fn drop(&mut self) {
        self.queues.put_back(self.index);
    }
}

impl<P: Platform> fmt::Debug for NetQueue<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NetQueue").field("index", &self.index).finish_non_exhaustive()
    }
}
