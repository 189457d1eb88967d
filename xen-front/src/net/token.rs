//! Packet tokens, the interface of stacks such as smoltcp.

use super::device::Memory;
use super::queues::{Connection, Queue};
use super::tx::{Needed, TxMeta};
use super::{ChecksumState, NetFront, PacketMeta, ProtocolError, RxPacket, TxError, checksum};
use spin::MutexGuard;
use xen_hypercall::Platform;

/// A received packet, in private memory of the driver.
#[derive(Debug)]
pub struct RxToken<'t> {
    packet: &'t mut [u8],
    meta: PacketMeta,
}

/// Room for a packet to send.
#[derive(Debug)]
pub struct TxToken<'t, P: Platform> {
    queue: MutexGuard<'t, Queue<P>>,
    /// Memory of a packet that waits for transmit buffers.
    spare: &'t mut [u8],
    /// A packet may wait there.
    is_held: &'t mut bool,
}

/// A packet in the driver's memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Received {
    /// The queue of a reply.
    first: usize,
    len: usize,
    meta: PacketMeta,
}

impl<P: Platform> NetFront<P> {
    /// Takes the next packet, with a token to reply to it. `None` if no packet has come, the device
    /// is not connected, or a reply before still waits for a transmit buffer.
    ///
    /// A packet is received even if no transmit buffer is free: one reply waits in spare memory,
    /// and while it waits [`wait`](Self::wait) and [`final_check`](Self::final_check) wait for a
    /// transmit buffer only. A packet whose checksum was not checked before and is wrong is dropped
    /// and counted; a correct one is [`Verified`](ChecksumState::Verified).
    ///
    /// Call [`flush`](Self::flush) after all packets are taken.
    ///
    /// # Errors
    ///
    /// As for [`receive`](Self::receive).
    pub fn receive_token(
        &mut self,
    ) -> Result<Option<(RxToken<'_>, TxToken<'_, P>)>, ProtocolError> {
        let Some(received) = self.receive_packet()? else { return Ok(None) };
        Ok(self.tokens(received))
    }

    /// Receives a packet into the driver's memory, as [`receive_token`](Self::receive_token), for
    /// [`tokens`](Self::tokens).
    pub(super) fn receive_packet(&mut self) -> Result<Option<Received>, ProtocolError> {
        let Some(first) = self.first_queue() else { return Ok(None) };
        let Self { queues, memory, .. } = self;
        let Memory { next, received, .. } = &mut **memory;
        let rings = queues.rings();
        {
            let Some(mut queue) = queues.open(first) else { return Ok(None) };
            let Some(connection) = &mut queue.connection else { return Ok(None) };
            if !connection.rings.can_reply()? {
                drop(queue);
                for index in queues.own().filter(|_| rings > 1) {
                    if let Some(mut queue) = queues.open(index)
                        && let Some(connection) = &mut queue.connection
                    {
                        connection.rings.hold_receive();
                    }
                }
                return Ok(None);
            }
        }
        let received = received.as_mut_slice();
        // Buffers are not published here, so the loop ends after one ring of responses.
        while let Some(RxPacket { len, mut meta }) =
            queues.receive_any(first, next, &mut [received])?
        {
            let packet = received.get(..len).unwrap_or_default();
            if meta.checksum == ChecksumState::Unknown {
                match checksum::verify(packet) {
                    Some(true) => meta.checksum = ChecksumState::Verified,
                    Some(false) => {
                        if let Some(mut queue) = queues.lock(next.saturating_sub(1))
                            && let Some(connection) = &mut queue.connection
                        {
                            connection.rings.statistics.rx_bad_checksum += 1;
                        }
                        continue;
                    }
                    None => {}
                }
            }
            return Ok(Some(Received { first, len, meta }));
        }
        Ok(None)
    }

    /// Returns the tokens of the packet that was received last.
    pub(super) fn tokens(&mut self, found: Received) -> Option<(RxToken<'_>, TxToken<'_, P>)> {
        let Received { first, len, meta } = found;
        let Self { queues, memory, .. } = self;
        let Memory { received, spare, is_held, .. } = &mut **memory;
        let packet = received.as_mut_slice().get_mut(..len).unwrap_or_default();
        let queue = queues.open(first)?;
        let spare = spare.as_mut_slice();
        Some((RxToken { packet, meta }, TxToken { queue, spare, is_held }))
    }

    /// Returns whether there is room for a packet; if not, requests events for it.
    #[cfg(feature = "embassy-net-driver")]
    pub(super) fn has_room(&mut self) -> bool {
        let first = self.first_queue();
        let queue = first.and_then(|first| self.queues.open(first));
        queue.is_some_and(|mut queue| {
            let connection = queue.connection.as_mut();
            connection.is_some_and(|open| open.rings.make_room(Needed::LEAST).is_ok())
        })
    }

    /// Returns a token to transmit a packet.
    ///
    /// The packet goes to the first queue that was not [taken](Self::take_queue), as all packets of
    /// tokens do: it is written in place, where its queue is, before its addresses are known.
    /// [`transmit`](Self::transmit) selects the queue by the flow.
    ///
    /// # Errors
    ///
    /// [`TxError::Full`], [`TxError::Down`], [`TxError::Broken`].
    pub fn transmit_token(&mut self) -> Result<TxToken<'_, P>, TxError> {
        let first = self.first_queue().ok_or(TxError::Down)?;
        let Self { queues, memory, .. } = self;
        let Memory { spare, is_held, .. } = &mut **memory;
        let mut queue = queues.open(first).ok_or(TxError::Down)?;
        let connection = queue.connection.as_mut().ok_or(TxError::Down)?;
        connection.rings.make_room(Needed::LEAST)?;
        Ok(TxToken { queue, spare: spare.as_mut_slice(), is_held })
    }
}

impl RxToken<'_> {
    /// Returns the packet.
    pub fn packet(&mut self) -> &mut [u8] {
        self.packet
    }

    /// Returns the packet's metadata.
    pub fn meta(&self) -> PacketMeta {
        self.meta
    }
}

impl<P: Platform> TxToken<'_, P> {
    /// Calls `write_packet` with `len` bytes, to be overwritten by an Ethernet frame, and transmits
    /// the frame, now or once there are transmit buffers.
    ///
    /// `write_packet` gets memory that the backend can read, and must write all bytes: those that
    /// it leaves are of an earlier packet of this device.
    ///
    /// A stack keeps to the MTU, so this function has no error: a frame that is too short or too
    /// long is dropped and counted. One with a segmentation that the backend does not support is
    /// cut here: a backend after a resume can have fewer features than the one before.
    /// `write_packet` gets no bytes if `len` is more than the longest packet.
    /// [`NetFront::transmit_with`] returns these errors.
    #[inline]
    pub fn transmit<T>(
        self,
        len: usize,
        meta: PacketMeta,
        write_packet: impl FnOnce(&mut [u8]) -> T,
    ) -> T {
        self.transmit_as(len, meta.into(), write_packet)
    }

    #[inline]
    pub(super) fn transmit_as<T>(
        self,
        len: usize,
        meta: TxMeta,
        write_packet: impl FnOnce(&mut [u8]) -> T,
    ) -> T {
        let Self { mut queue, spare, is_held } = self;
        let Some(Connection { rings, .. }) = &mut queue.connection else {
            return write_packet(spare.get_mut(..len).unwrap_or_default());
        };
        // The longest packet that is segmented here.
        let cut = !rings.tx.takes(meta) && len <= spare.len();
        if cut || rings.tx.check(len, meta).is_ok() {
            let result = rings.transmit_or_hold(len, meta, spare, write_packet);
            *is_held |= rings.is_holding();
            return result;
        }
        rings.statistics.tx_invalid += 1;
        write_packet(spare.get_mut(..len).unwrap_or_default())
    }
}
