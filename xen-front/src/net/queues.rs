//! The queues of a device, shared by the device and the owners of its queues.

use super::rings::Rings;
use super::{NetFrontStatistics, PacketMeta, ProtocolError, RxPacket, TxError};
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use spin::{Mutex, MutexGuard};
use xen_evtchn::Channel;
use xen_grant::{Granted, ReadOnly, ReadWrite};
use xen_hypercall::{OutOfMemory, PageArc, PageVec, Platform, Port};
use xen_ring::Notify;

pub(super) type DeviceRings<P> =
    Rings<Granted<P, ReadWrite>, Granted<P, ReadWrite>, Granted<P, ReadOnly>>;

/// The rings and the ports of one queue in one connection.
#[derive(Debug)]
pub(super) struct Connection<P: Platform> {
    pub(super) rings: DeviceRings<P>,
    /// The channel of both rings, or of the transmit ring.
    pub(super) channel: Channel<P>,
    /// The channel of the receive ring, if it has its own.
    pub(super) rx_channel: Option<Channel<P>>,
}

impl<P: Platform> Connection<P> {
    pub(super) fn ports(&self) -> impl Iterator<Item = Port> {
        core::iter::once(self.channel.port()).chain(self.rx_channel.as_ref().map(Channel::port))
    }

    /// Publishes what was queued and notifies the backend if it needs that.
    pub(super) fn flush(&mut self) -> Result<(), ProtocolError> {
        self.rings.intact()?;
        let [mut tx, rx] = self.rings.publish();
        match &self.rx_channel {
            Some(channel) if rx == Notify::Send => {
                channel.notify().map_err(ProtocolError::Notify)?;
            }
            None if rx == Notify::Send => tx = Notify::Send,
            _ => {}
        }
        match tx {
            Notify::Send => self.channel.notify().map_err(ProtocolError::Notify),
            Notify::Skip => Ok(()),
        }
    }
}

/// A queue of a device.
#[derive(Debug)]
pub(super) struct Queue<P: Platform> {
    /// `None` while there is no connection, or it has fewer queues.
    pub(super) connection: Option<Connection<P>>,
    /// Counters of the connections before.
    pub(super) statistics: NetFrontStatistics,
}

impl<P: Platform> Queue<P> {
    pub(super) fn statistics(&self) -> NetFrontStatistics {
        self.connection.as_ref().map_or(self.statistics, |connection| connection.rings.statistics)
    }
}

/// A queue, in cache lines of its own.
#[derive(Debug)]
#[repr(align(128))]
struct Slot<P: Platform> {
    /// The queue has an owner other than the device.
    taken: AtomicBool,
    /// Locked by the owner of the queue, and by the device for as long as it changes the
    /// connection. No code path locks two queues.
    queue: Mutex<Queue<P>>,
}

/// The queues of a device.
#[derive(Debug)]
pub(super) struct Queues<P: Platform> {
    slots: PageVec<P, Slot<P>>,
    /// The number of queues of the connection; at least 1.
    rings: AtomicUsize,
    /// Packets can be sent and received.
    connected: AtomicBool,
}

impl<P: Platform> Queues<P> {
    pub(super) fn alloc(platform: &P, count: u16) -> Result<PageArc<P, Self>, OutOfMemory> {
        let mut slots = PageVec::with_capacity(platform.clone(), count.into())?;
        for _ in 0..count {
            let queue = Queue { connection: None, statistics: NetFrontStatistics::default() };
            // The capacity is reserved.
            let _ = slots.push(Slot { taken: AtomicBool::new(false), queue: Mutex::new(queue) });
        }
        let queues = Self { slots, rings: AtomicUsize::new(1), connected: AtomicBool::new(false) };
        PageArc::new(platform.clone(), queues)
    }

    pub(super) fn rings(&self) -> usize {
        self.rings.load(Ordering::Relaxed)
    }

    pub(super) fn set_rings(&self, rings: usize) {
        self.rings.store(rings.max(1), Ordering::Relaxed);
    }

    pub(super) fn is_connected(&self) -> bool {
        self.connected.load(Ordering::Acquire)
    }

    pub(super) fn set_connected(&self, connected: bool) {
        self.connected.store(connected, Ordering::Release);
    }

    /// Locks a queue.
    #[inline]
    pub(super) fn lock(&self, index: usize) -> Option<MutexGuard<'_, Queue<P>>> {
        Some(self.slots.get(index)?.queue.lock())
    }

    /// Locks a queue through which packets can be sent and received.
    #[inline]
    pub(super) fn open(&self, index: usize) -> Option<MutexGuard<'_, Queue<P>>> {
        let queue = self.lock(index).filter(|_| self.is_connected())?;
        queue.connection.is_some().then_some(queue)
    }

    pub(super) fn for_each(&self, mut change: impl FnMut(&mut Queue<P>)) {
        self.slots.iter().for_each(|slot| change(&mut slot.queue.lock()));
    }

    /// Takes the ownership of a queue. Returns whether it was free.
    pub(super) fn take(&self, index: usize) -> bool {
        let taken = self.slots.get(index).is_some_and(|s| !s.taken.swap(true, Ordering::Acquire));
        if taken
            && let Some(mut queue) = self.lock(index)
            && let Some(connection) = &mut queue.connection
        {
            // The memory of a packet that waits is the device's.
            connection.rings.drop_spare();
        }
        taken
    }

    /// Returns the ownership of a queue to the device.
    pub(super) fn put_back(&self, index: usize) {
        if let Some(slot) = self.slots.get(index) {
            slot.taken.store(false, Ordering::Release);
        }
    }

    /// Returns the queues of the connection that the device owns.
    pub(super) fn own(&self) -> impl Iterator<Item = usize> {
        let slots = self.slots.iter().enumerate().take(self.rings());
        slots.filter(|(_, slot)| !slot.taken.load(Ordering::Acquire)).map(|(index, _)| index)
    }

    /// Returns the queue whose rings a queue uses to transmit: its own if it has some.
    pub(super) fn host(&self, index: usize) -> usize {
        index % self.rings()
    }

    pub(super) fn receive(
        &self,
        index: usize,
        target: &mut [&mut [u8]],
    ) -> Result<Option<RxPacket>, ProtocolError> {
        match self.open(index).as_deref_mut() {
            Some(Queue { connection: Some(connection), .. }) => connection.rings.receive(target),
            _ => Ok(None),
        }
    }

    /// Receives from the first of the device's own queues that has a packet, `next` before others:
    /// a busy queue does not keep the others waiting. `first` is the first of these queues.
    #[inline]
    pub(super) fn receive_any(
        &self,
        first: usize,
        next: &mut usize,
        target: &mut [&mut [u8]],
    ) -> Result<Option<RxPacket>, ProtocolError> {
        if self.rings() == 1 {
            *next = first + 1;
            return self.receive(first, target);
        }
        let start = *next;
        for index in self.own().filter(|index| *index >= start).chain(self.own()) {
            if let Some(packet) = self.receive(index, target)? {
                *next = index + 1;
                return Ok(Some(packet));
            }
        }
        *next = 0;
        Ok(None)
    }

    #[inline]
    pub(super) fn transmit<T>(
        &self,
        index: usize,
        len: usize,
        meta: PacketMeta,
        write: impl FnOnce(&mut [u8]) -> T,
    ) -> Result<T, TxError> {
        match self.open(index).as_deref_mut() {
            Some(Queue { connection: Some(connection), .. }) => {
                connection.rings.transmit(len, meta.into(), write)
            }
            _ => Err(TxError::Down),
        }
    }

    pub(super) fn flush(&self, index: usize) -> Result<(), ProtocolError> {
        match self.open(index).as_deref_mut() {
            Some(Queue { connection: Some(connection), .. }) => connection.flush(),
            _ => Ok(()),
        }
    }

    /// Flushes, and requests events; returns whether there is work at once.
    pub(super) fn final_check(&self, index: usize) -> Result<bool, ProtocolError> {
        match self.open(index).as_deref_mut() {
            Some(Queue { connection: Some(connection), .. }) => {
                connection.flush()?;
                connection.rings.final_check()
            }
            _ => Ok(false),
        }
    }
}
