//! Blocking reads and writes.

use super::{
    BlkFront, BlkFrontConfig, BlkFrontError, Completion, DiskInfo, IoError, MAX_PAGES, MAX_QUEUES,
    Request, RequestError, SECTOR_SIZE, Token, TransferError,
};
use core::fmt;
use core::time::Duration;
use xen_grant::{DmaBuffer, GrantTable};
use xen_hypercall::{Instant, PAGE_SIZE, PageBox, PageVec, Platform, SharedMem};
use xen_store::XenStore;
use xenbus::DeviceState;

/// Number of buffers of [`BlockingDisk::connect`], of 44 KiB each: 704 KiB.
pub const DEFAULT_BUFFERS: usize = 16;

/// Default time of the backend for a request; see [`BlockingDisk::set_timeout`].
const TIMEOUT: Duration = Duration::from_secs(30);

/// The longest single wait. Another thread may take the store's event for its own, so that a wait
/// without an end would miss it.
const WAIT_SLICE: Duration = Duration::from_millis(100);

/// Bytes of a buffer, and so of a request.
pub(super) const BUFFER: usize = MAX_PAGES * PAGE_SIZE;

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
    pub(super) block: BlkFront<P, DmaBuffer<P>>,
    pub(super) state: PageBox<P, TransferState<P>>,
}

/// The buffers and requests of the transfers.
pub(super) struct TransferState<P: Platform> {
    pub(super) free: PageVec<P, DmaBuffer<P>>,
    /// Requests of the present transfer; at most one for each buffer.
    parts: PageVec<P, Part>,
    /// Number of buffers to allocate, those in flight included.
    wanted: usize,
    timeout: Duration,
}

impl<P: Platform> TransferState<P> {
    /// Adds a buffer to the free ones, if there are too few.
    pub(super) fn recycle(&mut self, buffer: Option<DmaBuffer<P>>) {
        if let Some(buffer) = buffer
            && self.free.len() < self.wanted
        {
            // The capacity is reserved.
            let _ = self.free.push(buffer);
        }
    }
}

/// A request of a transfer under way.
struct Part {
    token: Token,
    /// The time of its submission.
    since: Instant,
    /// The range of its bytes in the caller's buffer.
    start: usize,
    end: usize,
}

/// The caller's side of a transfer.
enum Data<'d> {
    Into(&'d mut [u8]),
    From(&'d [u8]),
}

impl Data<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Into(bytes) => bytes.len(),
            Self::From(bytes) => bytes.len(),
        }
    }

    /// Makes the request for bytes `start..end` of the caller's, which lie from `sector` on.
    fn request<P: Platform>(
        &self,
        sector: u64,
        start: usize,
        end: usize,
        buffer: DmaBuffer<P>,
    ) -> Request<DmaBuffer<P>> {
        let sector = sector + (start / SECTOR_SIZE) as u64;
        let sectors = (end - start) / SECTOR_SIZE;
        match self {
            Self::Into(_) => Request::Read { sector, sectors, buffer },
            Self::From(bytes) => {
                // The part is not longer than a buffer.
                let _ = buffer.as_ref().copy_from(0, bytes.get(start..end).unwrap_or_default());
                Request::Write { sector, sectors, buffer }
            }
        }
    }

    fn take(&mut self, part: &Part, buffer: &SharedMem) {
        if let Self::Into(bytes) = self
            && let Some(target) = bytes.get_mut(part.start..part.end)
        {
            // As above.
            let _ = buffer.copy_to(0, target);
        }
    }
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
        let config = block.config();
        let most = usize::from(config.valid_depth()) * usize::from(config.valid_queues());
        let wanted = buffers.clamp(1, most);
        let platform = block.grants().platform();
        let free = PageVec::with_capacity(platform.clone(), wanted)?;
        let parts = PageVec::with_capacity(platform.clone(), wanted)?;
        let state = TransferState { free, parts, wanted, timeout: TIMEOUT };
        let state = PageBox::new(platform.clone(), state)?;
        let mut disk = Self { block, state };
        disk.refill()?;
        Ok(disk)
    }

    /// Returns the parameters of the disk.
    pub fn info(&self) -> DiskInfo {
        self.block.info()
    }

    /// Returns the device.
    pub fn block(&self) -> &BlkFront<P, DmaBuffer<P>> {
        &self.block
    }

    /// Returns the device, and frees the buffers.
    pub fn into_block(self) -> BlkFront<P, DmaBuffer<P>> {
        self.block
    }

    /// Sets how long the backend may take for a request before a call fails. It is 30 seconds at
    /// first.
    pub fn set_timeout(&mut self, timeout: Duration) {
        self.state.timeout = timeout;
    }

    /// Keeps the connection of an idle disk: follows a backend that closes, and reads a new size.
    /// Transfers do so too. Call it on an event of the store's port.
    ///
    /// # Errors
    ///
    /// Those of [`BlkFront::poll`].
    pub fn poll(&mut self, now: Instant) -> Result<DeviceState, BlkFrontError> {
        while let Some(Completion { buffer, .. }) = self.block.complete() {
            self.recycle(buffer);
        }
        self.block.poll(now)
    }

    /// Reads from `sector` on, until `buffer` is full. Its length must be a multiple of 512, and of
    /// the disk's own sectors.
    ///
    /// # Errors
    ///
    /// [`TransferError`]; the content of `buffer` is undefined then.
    pub fn read(&mut self, sector: u64, buffer: &mut [u8]) -> Result<(), TransferError> {
        self.transfer(sector, Data::Into(buffer))
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
        self.transfer(sector, Data::From(bytes))
    }

    /// Makes all completed writes durable, by the [method](DiskInfo::flush_method) of the backend.
    ///
    /// A backend without one reports no cache: the call returns at once.
    ///
    /// # Errors
    ///
    /// [`TransferError`].
    pub fn flush(&mut self) -> Result<(), TransferError> {
        loop {
            match self.carry_out(|| Request::Flush) {
                // The device does not use this method any more; the next submission uses the
                // other one, if the backend offers it.
                Err(TransferError::Io(IoError::Unsupported)) => {}
                Err(TransferError::Refused(RequestError::NoFlush)) => return Ok(()),
                result => return result,
            }
        }
    }

    /// Discards `sectors` sectors from `sector` on: their content is undefined afterwards, and
    /// impossible to recover after a `secure` discard. Both numbers must be multiples of the disk's
    /// own sectors. [`DiskInfo::discard`] has what the backend supports.
    ///
    /// # Errors
    ///
    /// [`TransferError::Refused`] if the backend does not offer it, or if the sectors are not on
    /// the disk; [`TransferError::Io`] with [`IoError::Unsupported`] if the backend offered it and
    /// does not support it; any other [`TransferError`].
    #[doc(alias = "BLKIF_OP_DISCARD")]
    pub fn discard(
        &mut self,
        sector: u64,
        sectors: u64,
        secure: bool,
    ) -> Result<(), TransferError> {
        self.carry_out(|| Request::Discard { sector, sectors, secure })
    }

    /// Carries out a request without a buffer, and cancels it if it is not completed in time.
    fn carry_out(
        &mut self,
        request: impl Fn() -> Request<DmaBuffer<P>>,
    ) -> Result<(), TransferError> {
        let mut token = None;
        let result = self.carry_out_as(request, &mut token);
        if let Some(token) = token {
            self.block.cancel(token);
        }
        result
    }

    /// Carries out a request without a buffer, and leaves its token in `submitted` if it has no
    /// answer yet.
    fn carry_out_as(
        &mut self,
        request: impl Fn() -> Request<DmaBuffer<P>>,
        submitted: &mut Option<Token>,
    ) -> Result<(), TransferError> {
        let mut since = self.now();
        loop {
            if submitted.is_none() {
                match self.block.submit(request()) {
                    Ok(token) => (*submitted, since) = (Some(token), self.now()),
                    // By what earlier calls have not waited for; their answers make room.
                    Err(failed) if failed.reason == RequestError::Full => {}
                    Err(failed) => return Err(failed.reason.into()),
                }
            }
            let Some(Completion { token, outcome, buffer }) = self.block.complete() else {
                self.check_timeout(since)?;
                self.await_event(since)?;
                continue;
            };
            self.recycle(buffer);
            if *submitted == Some(token) {
                *submitted = None;
                return Ok(outcome?);
            }
        }
    }

    /// Connects the disk again, as xenstore has it now, and waits for that until `deadline`: after
    /// it was closed, or its backend's domain was replaced. See
    /// [`BlkFront::reopen`].
    ///
    /// # Errors
    ///
    /// [`BlkFrontError`]; call it again.
    pub fn reopen(&mut self, deadline: Instant) -> Result<(), BlkFrontError> {
        self.block.reopen();
        self.block.wait_until(DeviceState::Connected, deadline)
    }

    /// Connects the disk again after the domain was suspended and is now resumed elsewhere, and
    /// waits for that until `deadline`. See [`BlkFront::resume`].
    ///
    /// # Errors
    ///
    /// [`BlkFrontError`]; [`reopen`](Self::reopen) tries again.
    pub fn resume(&mut self, deadline: Instant) -> Result<(), BlkFrontError> {
        self.block.resume();
        self.block.wait_until(DeviceState::Connected, deadline)
    }

    /// Closes the device: waits until all requests have a response and the backend has released the
    /// ring, at most until `deadline`.
    ///
    /// # Errors
    ///
    /// [`BlkFrontError`]. The device is then closed as far as it could be; the grant table
    /// defers pages that the backend still uses.
    pub fn close(mut self, deadline: Instant) -> Result<(), BlkFrontError> {
        self.block.close();
        loop {
            while self.block.complete().is_some() {}
            let now = self.now();
            if self.block.in_flight() == 0 || now >= deadline {
                break;
            }
            // The next step returns the error.
            if self.block.poll(now).is_err() {
                break;
            }
            self.wait(deadline);
        }
        self.block.close_now();
        match self.block.wait_until(DeviceState::Closed, deadline) {
            // A removed device needs no close.
            Err(_) if self.block.state() == DeviceState::Unplugged => Ok(()),
            result => result,
        }
    }

    fn transfer(&mut self, sector: u64, data: Data<'_>) -> Result<(), TransferError> {
        let len = data.len();
        if !len.is_multiple_of(SECTOR_SIZE) {
            return Err(TransferError::Length { bytes: len });
        }
        // Refused as a whole, before the first part is done.
        self.info().check_range(sector, (len / SECTOR_SIZE) as u64)?;
        let result = self.transfer_parts(sector, data);
        // The caller sees an error, so these must not reach another backend after what the caller
        // does next.
        while let Some(part) = self.state.parts.pop() {
            self.block.cancel(part.token);
        }
        result
    }

    /// Transfers the bytes part by part. Parts that have no response when it returns are left in
    /// the list.
    fn transfer_parts(&mut self, sector: u64, mut data: Data<'_>) -> Result<(), TransferError> {
        let len = data.len();
        let mut next = 0;
        let mut result = Ok(());
        // Since when a buffer or a slot is awaited, if the backend has no part.
        let mut waiting = self.now();
        loop {
            self.refill()?;
            let now = self.now();
            while result.is_ok()
                && next < len
                && let Some(buffer) = self.state.free.pop()
            {
                let end = len.min(next + BUFFER);
                match self.block.submit_reused(data.request(sector, next, end, buffer)) {
                    Ok(token) => {
                        // One part for each buffer: the capacity is reserved.
                        let _ = self.state.parts.push(Part { token, since: now, start: next, end });
                        next = end;
                    }
                    Err(failed) => {
                        self.recycle(failed.request.into_buffer());
                        if failed.reason == RequestError::Full {
                            break;
                        }
                        result = Err(failed.reason.into());
                    }
                }
            }
            if self.state.parts.is_empty() && (next == len || result.is_err()) {
                return result;
            }
            self.block.kick();
            let mut any = false;
            while let Some(Completion { token, outcome, buffer }) = self.block.complete() {
                any = true;
                // Others are those that earlier calls have not waited for.
                let part = self.state.parts.iter().position(|part| part.token == token);
                if let Some(part) = part.and_then(|index| self.state.parts.swap_remove(index)) {
                    if let (Ok(()), Some(buffer)) = (outcome, &buffer) {
                        data.take(&part, buffer.as_ref());
                    }
                    result = result.and(outcome.map_err(TransferError::Io));
                    waiting = now;
                }
                self.recycle(buffer);
            }
            // Answers to other requests do not make up for the oldest one's.
            let since = self.state.parts.iter().map(|part| part.since).min().unwrap_or(waiting);
            self.check_timeout(since)?;
            if !any {
                self.await_event(since)?;
            }
        }
    }

    /// Fails if what is awaited since `since` is overdue.
    fn check_timeout(&self, since: Instant) -> Result<(), TransferError> {
        let waited = self.now().saturating_duration_since(since);
        if waited >= self.state.timeout { Err(TransferError::Timeout { waited }) } else { Ok(()) }
    }

    /// Polls, and waits for an event until what is awaited since `since` is overdue.
    fn await_event(&mut self, since: Instant) -> Result<(), TransferError> {
        self.block.poll(self.now())?;
        self.wait(since + self.state.timeout);
        Ok(())
    }

    /// Waits for an event of the store, or of the ring where there is one, unless requests can be
    /// completed at once.
    fn wait(&self, deadline: Instant) {
        let over = matches!(self.block.state(), DeviceState::Closed | DeviceState::Unplugged);
        if over || self.block.broken().is_some() {
            return;
        }
        let deadline = Some(deadline.min(self.now() + WAIT_SLICE));
        let ports = core::iter::once(self.block.store().port()).chain(self.block.ports());
        let ports: heapless::Vec<_, { MAX_QUEUES as usize + 1 }> = ports.collect();
        self.platform().wait(&ports, deadline);
    }

    /// Allocates buffers in place of those that a backend did not release.
    fn refill(&mut self) -> Result<(), BlkFrontError> {
        while self.state.free.len() + self.block.in_flight() < self.state.wanted {
            let buffer = DmaBuffer::alloc(self.platform().clone(), MAX_PAGES)?;
            self.recycle(Some(buffer));
        }
        Ok(())
    }

    fn recycle(&mut self, buffer: Option<DmaBuffer<P>>) {
        self.state.recycle(buffer);
    }

    fn platform(&self) -> &P {
        self.block.grants().platform()
    }

    fn now(&self) -> Instant {
        self.platform().now()
    }
}

impl<P: Platform> fmt::Debug for BlockingDisk<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("BlockingDisk");
        out.field("block", &self.block).field("buffers", &self.state.wanted).finish_non_exhaustive()
    }
}
