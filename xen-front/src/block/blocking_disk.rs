//! Blocking reads and writes.

use super::transfers::{Pause, Transfers, is_over};
use super::{
    BlkFront, BlkFrontConfig, BlkFrontError, DiskInfo, MAX_QUEUES, Request, TransferError,
};
use core::fmt;
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use xen_grant::{DmaBuffer, GrantTable};
use xen_hypercall::{Instant, Platform};
use xen_store::XenStore;
use xenbus::DeviceState;

/// Number of buffers of [`BlockingDisk::connect`], of 44 KiB each: 704 KiB.
pub const DEFAULT_BUFFERS: usize = 16;

/// The longest single wait. Another thread may take the store's event for its own, so that a wait
/// without an end would miss it.
const WAIT_SLICE: Duration = Duration::from_millis(100);

/// A disk with blocking reads and writes of any length.
///
/// Data is copied through buffers that the disk owns, several requests at a time. The buffers stay
/// granted to the backend, which maps them once if it supports persistent grants. Every call waits
/// until it is done, but fails if the backend leaves any of its requests without an answer for
/// longer than the timeout. Requests that a failed call leaves behind are
/// [cancelled](BlkFront::cancel): no backend but the present one can carry them out.
///
/// A backend that answers a read without writing the buffer does not present data of an earlier
/// transfer as the disk's: each sector of the buffer is marked before, and a read whose marks are
/// there after the answer is repeated once into a zeroed buffer. [`BlkFront`] with [`DmaBuffer`]s
/// needs neither that nor the copy.
pub struct BlockingDisk<P: Platform> {
    pub(super) transfers: Transfers<P>,
}

impl<P: Platform> BlockingDisk<P> {
    /// Connects disk `id`, waiting at most until `deadline`, with [`DEFAULT_BUFFERS`] buffers.
    ///
    /// # Errors
    ///
    /// [`BlkFrontError`].
    pub fn connect(
        store: &XenStore<P>,
        grants: &GrantTable<P>,
        id: u32,
        deadline: Instant,
    ) -> Result<Self, BlkFrontError> {
        let config = BlkFrontConfig::default();
        Self::connect_with(store, grants, id, config, DEFAULT_BUFFERS, deadline)
    }

    /// Connects disk `id`, waiting at most until `deadline`, with `buffers` buffers of 44 KiB each:
    /// 1 to the [depth](BlkFrontConfig::depth) of the device. A fast backend needs more of them.
    ///
    /// # Errors
    ///
    /// [`BlkFrontError`].
    pub fn connect_with(
        store: &XenStore<P>,
        grants: &GrantTable<P>,
        id: u32,
        config: BlkFrontConfig,
        buffers: usize,
        deadline: Instant,
    ) -> Result<Self, BlkFrontError> {
        // Its requests have no more segments than a slot of the ring.
        let config = config.with_indirect_requests(0);
        Self::new(BlkFront::new_connected(store, grants, id, config, deadline)?, buffers)
    }

    /// Creates a disk with `buffers` buffers, as [`connect_with`](Self::connect_with) does.
    ///
    /// # Errors
    ///
    /// [`BlkFrontError::Memory`].
    pub fn new(block: BlkFront<P, DmaBuffer<P>>, buffers: usize) -> Result<Self, BlkFrontError> {
        Ok(Self { transfers: Transfers::new(block, buffers)? })
    }

    /// Returns the parameters of the disk.
    pub fn info(&self) -> DiskInfo {
        self.transfers.info()
    }

    /// Returns the device.
    pub fn block(&self) -> &BlkFront<P, DmaBuffer<P>> {
        &self.transfers.block
    }

    /// Returns the device, and frees the buffers.
    pub fn into_block(self) -> BlkFront<P, DmaBuffer<P>> {
        self.transfers.block
    }

    /// Sets how long the backend may take for a request before a call fails. It is 30 seconds at
    /// first.
    pub fn set_timeout(&mut self, timeout: Duration) {
        self.transfers.state.timeout = timeout;
    }

    /// Keeps the connection of an idle disk: follows a backend that closes, and reads a new size.
    /// Transfers do so too. Call it on an event of the store's port.
    ///
    /// # Errors
    ///
    /// Those of [`BlkFront::poll`].
    pub fn poll(&mut self, now: Instant) -> Result<DeviceState, BlkFrontError> {
        self.transfers.poll(now)
    }

    /// Reads from `sector` on, until `buffer` is full. Its length must be a multiple of 512, and of
    /// the disk's own sectors.
    ///
    /// # Errors
    ///
    /// [`TransferError`]; the content of `buffer` is undefined then.
    pub fn read(&mut self, sector: u64, buffer: &mut [u8]) -> Result<(), TransferError> {
        run(self.transfers.read(&Wait, sector, buffer))
    }

    /// Writes all of `bytes`, from `sector` on. Their length must be a multiple of 512, and of the
    /// disk's own sectors.
    ///
    /// The data is durable only after a [`flush`](Self::flush).
    ///
    /// # Errors
    ///
    /// [`TransferError`]; the content of the sectors is undefined then.
    pub fn write(&mut self, sector: u64, bytes: &[u8]) -> Result<(), TransferError> {
        run(self.transfers.write(&Wait, sector, bytes))
    }

    /// Makes all completed writes durable, by the [method](DiskInfo::flush_method) of the backend.
    ///
    /// A backend without one reports no cache: the call returns at once.
    ///
    /// # Errors
    ///
    /// [`TransferError`].
    pub fn flush(&mut self) -> Result<(), TransferError> {
        run(self.transfers.flush(&Wait))
    }

    /// Discards `sectors` sectors from `sector` on: their content is undefined afterwards, and
    /// impossible to recover after a `secure` discard. Both numbers must be multiples of the disk's
    /// own sectors. [`DiskInfo::discard`] has what the backend supports.
    ///
    /// # Errors
    ///
    /// [`TransferError::Refused`] if the backend does not offer it, or if the sectors are not on
    /// the disk; [`IoError::Unsupported`](super::IoError::Unsupported) if the backend offered it
    /// and does not support it; any other [`TransferError`].
    #[doc(alias = "BLKIF_OP_DISCARD")]
    pub fn discard(
        &mut self,
        sector: u64,
        sectors: u64,
        secure: bool,
    ) -> Result<(), TransferError> {
        let request = || Request::Discard { sector, sectors, secure };
        run(self.transfers.carry_out(&Wait, request))
    }

    /// Connects the disk again, as xenstore has it now, and waits for that until `deadline`: after
    /// it was closed, or its backend's domain was replaced. See
    /// [`BlkFront::reopen`].
    ///
    /// # Errors
    ///
    /// [`BlkFrontError`]; call it again.
    pub fn reopen(&mut self, deadline: Instant) -> Result<(), BlkFrontError> {
        let block = &mut self.transfers.block;
        block.reopen();
        block.wait_until(DeviceState::Connected, deadline)
    }

    /// Connects the disk again after the domain was suspended and is now resumed elsewhere, and
    /// waits for that until `deadline`. See [`BlkFront::resume`].
    ///
    /// # Errors
    ///
    /// [`BlkFrontError`]; [`reopen`](Self::reopen) tries again.
    pub fn resume(&mut self, deadline: Instant) -> Result<(), BlkFrontError> {
        let block = &mut self.transfers.block;
        block.resume();
        block.wait_until(DeviceState::Connected, deadline)
    }

    /// Closes the device: waits until all requests have a response and the backend has released the
    /// ring, at most until `deadline`.
    ///
    /// # Errors
    ///
    /// [`BlkFrontError`]. The device is then closed as far as it could be; the grant table
    /// defers pages that the backend still uses.
    pub fn close(mut self, deadline: Instant) -> Result<(), BlkFrontError> {
        let block = &mut self.transfers.block;
        block.close();
        loop {
            while block.complete().is_some() {}
            let now = block.store().platform().now();
            if block.in_flight() == 0 || now >= deadline {
                break;
            }
            // The next step returns the error.
            if block.poll(now).is_err() {
                break;
            }
            if block.broken().is_none() && !is_over(block.state()) {
                Wait.begin(block, deadline);
            }
        }
        block.close_now();
        match block.wait_until(DeviceState::Closed, deadline) {
            // A removed device needs no close.
            Err(_) if block.state() == DeviceState::Unplugged => Ok(()),
            result => result,
        }
    }
}

/// Waits in [`Platform::wait`].
pub(super) struct Wait;

impl<P: Platform> Pause<P> for Wait {
    fn begin(&self, block: &BlkFront<P, DmaBuffer<P>>, deadline: Instant) {
        let platform = block.store().platform();
        let deadline = Some(deadline.min(platform.now() + WAIT_SLICE));
        let ports = core::iter::once(block.store().port()).chain(block.ports());
        let ports: heapless::Vec<_, { MAX_QUEUES as usize + 1 }> = ports.collect();
        platform.wait(&ports, deadline);
    }

    async fn end(&self) {}
}

/// Runs a future that waits in [`Wait`] alone, and so is ready when it returns.
pub(super) fn run<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        let mut context = Context::from_waker(Waker::noop());
        if let Poll::Ready(result) = future.as_mut().poll(&mut context) {
            return result;
        }
    }
}

impl<P: Platform> fmt::Debug for BlockingDisk<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("BlockingDisk");
        out.field("block", self.block())
            .field("buffers", &self.transfers.state.wanted)
            .finish_non_exhaustive()
    }
}
