//! Asynchronous reads and writes.

use super::queues::Queues;
use super::transfers::{Pause, Transfers};
use super::{BlkFront, BlockingDisk, DiskInfo, MAX_QUEUES, TransferError};
use atomic_waker::AtomicWaker;
use core::fmt;
use core::future::poll_fn;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use core::task::Poll;
use heapless::Vec;
use xen_grant::DmaBuffer;
use xen_hypercall::{Instant, OutOfMemory, PageArc, Platform, Port};

/// The most ports of a device and its store.
const PORTS: usize = MAX_QUEUES as usize + 1;

/// No deadline.
const NEVER: u64 = u64::MAX;

/// State that a disk and its events share.
#[derive(Debug)]
pub(super) struct Shared {
    waker: AtomicWaker,
    /// True after an event that no pause has ended at.
    woken: AtomicBool,
    /// Nanoseconds of the time at which the pause ends without an event.
    deadline: AtomicU64,
}

/// A disk with asynchronous reads and writes of any length, for any executor: a
/// [`BlockingDisk`] whose transfers are futures.
///
/// The kernel has the [`AsyncDiskEvents`] and wakes the disk by them. A future that is dropped
/// before it is ready cancels its requests at the next call: until then, a backend that is replaced
/// gets them as well.
pub struct AsyncDisk<P: Platform> {
    disk: BlockingDisk<P>,
    pub(super) shared: PageArc<P, Shared>,
}

/// The part of an [`AsyncDisk`] that stays with the kernel.
///
/// The kernel's idle loop waits for [`ports`](Self::ports) until
/// [`poll_timeout`](Self::poll_timeout), and then calls [`wake`](Self::wake).
pub struct AsyncDiskEvents<P: Platform> {
    queues: PageArc<P, Queues<P, DmaBuffer<P>>>,
    shared: PageArc<P, Shared>,
    store_port: Port,
}

impl<P: Platform> AsyncDisk<P> {
    /// Creates it of a disk with blocking calls.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`].
    pub fn new(disk: BlockingDisk<P>) -> Result<(Self, AsyncDiskEvents<P>), OutOfMemory> {
        let transfers = &disk.transfers;
        let (deadline, woken) = (AtomicU64::new(NEVER), AtomicBool::new(false));
        let shared = Shared { waker: AtomicWaker::new(), woken, deadline };
        let shared = PageArc::new(transfers.platform().clone(), shared)?;
        let events = AsyncDiskEvents {
            queues: transfers.block.queues().clone(),
            shared: shared.clone(),
            store_port: transfers.block.store().port(),
        };
        Ok((Self { disk, shared }, events))
    }

    /// Returns the disk with blocking calls: for its parameters, and between transfers.
    pub fn blocking(&mut self) -> &mut BlockingDisk<P> {
        &mut self.disk
    }

    /// Returns the disk with blocking calls, by value.
    pub fn into_blocking(self) -> BlockingDisk<P> {
        self.disk
    }

    pub(super) fn transfers(&mut self) -> (&mut Transfers<P>, &Shared) {
        (&mut self.disk.transfers, &self.shared)
    }

    pub(super) fn info(&self) -> DiskInfo {
        self.disk.info()
    }

    /// Reads from `sector` on, until `buffer` is full, as [`BlockingDisk::read`] does.
    ///
    /// # Errors
    ///
    /// [`TransferError`]; the content of `buffer` is undefined then.
    pub async fn read(&mut self, sector: u64, buffer: &mut [u8]) -> Result<(), TransferError> {
        let (transfers, pause) = self.transfers();
        transfers.read(pause, sector, buffer).await
    }

    /// Writes all of `bytes`, from `sector` on, as [`BlockingDisk::write`] does.
    ///
    /// # Errors
    ///
    /// [`TransferError`]; the content of the sectors is undefined then.
    pub async fn write(&mut self, sector: u64, bytes: &[u8]) -> Result<(), TransferError> {
        let (transfers, pause) = self.transfers();
        transfers.write(pause, sector, bytes).await
    }

    /// Makes all completed writes durable, as [`BlockingDisk::flush`] does.
    ///
    /// # Errors
    ///
    /// [`TransferError`].
    pub async fn flush(&mut self) -> Result<(), TransferError> {
        let (transfers, pause) = self.transfers();
        transfers.flush(pause).await
    }
}

impl<P: Platform> Pause<P> for Shared {
    fn begin(&self, block: &BlkFront<P, DmaBuffer<P>>, deadline: Instant) {
        let next = block.poll_timeout(block.store().platform().now());
        let deadline = next.map_or(deadline, |next| next.min(deadline));
        self.deadline.store(deadline.as_nanos(), Ordering::Relaxed);
    }

    async fn end(&self) {
        poll_fn(|cx| {
            self.waker.register(cx.waker());
            // An event before the registration has set it, and the waker orders both.
            if self.woken.swap(false, Ordering::Relaxed) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        self.deadline.store(NEVER, Ordering::Relaxed);
    }
}

impl<P: Platform> AsyncDiskEvents<P> {
    /// Returns the ports to wait for: the port of the store, and those of the device, which change
    /// with each connection.
    pub fn ports(&self) -> Vec<Port, PORTS> {
        core::iter::once(self.store_port).chain(self.queues.ports()).collect()
    }

    /// Returns when to call [`wake`](Self::wake) if no event comes before.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let nanos = self.shared.deadline.load(Ordering::Relaxed);
        (nanos != NEVER).then(|| Instant::from_nanos(nanos))
    }

    /// Wakes the task that awaits a call. It can be called in an upcall, and for events of others.
    pub fn wake(&self) {
        self.shared.woken.store(true, Ordering::Relaxed);
        self.shared.waker.wake();
    }
}

impl<P: Platform> fmt::Debug for AsyncDisk<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("AsyncDisk");
        out.field("disk", &self.disk).field("shared", &*self.shared).finish_non_exhaustive()
    }
}

impl<P: Platform> fmt::Debug for AsyncDiskEvents<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("AsyncDiskEvents");
        out.field("ports", &self.ports()).field("shared", &*self.shared).finish()
    }
}
