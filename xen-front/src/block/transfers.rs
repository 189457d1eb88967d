//! Transfers of any length, in parts, by futures that wait in a way that the caller chooses.

use super::{
    BlkFront, BlkFrontError, Completion, DiskInfo, IoError, MAX_PAGES, Request, RequestError,
    SECTOR_SIZE, Token, TransferError,
};
use core::time::Duration;
use xen_grant::DmaBuffer;
#[cfg(any(feature = "embedded-storage", feature = "embedded-storage-async"))]
use xen_hypercall::Pages;
use xen_hypercall::{Instant, PAGE_SIZE, PageBox, PageVec, Platform, SharedMem};
use xenbus::DeviceState;

/// Default time of the backend for a request.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Bytes of a buffer, and so of a request.
pub(super) const BUFFER: usize = MAX_PAGES * PAGE_SIZE;

/// A way to wait for an event of a device or of its store: first a call, then a future.
pub(super) trait Pause<P: Platform> {
    /// Waits, or has the future end at an event. Either may end before there is one, and ends at
    /// `deadline` at the latest.
    fn begin(&self, block: &BlkFront<P, DmaBuffer<P>>, deadline: Instant);

    /// Ends when the pause is over.
    fn end(&self) -> impl Future<Output = ()> + Send;
}

/// A disk with the buffers and requests of its transfers.
///
/// A future that is dropped leaves its requests behind. The next call cancels them.
pub(super) struct Transfers<P: Platform> {
    pub(super) block: BlkFront<P, DmaBuffer<P>>,
    pub(super) state: PageBox<P, TransferState<P>>,
}

/// The buffers and requests of the transfers.
pub(super) struct TransferState<P: Platform> {
    pub(super) free: PageVec<P, DmaBuffer<P>>,
    /// Requests of the present call; at most one for each buffer.
    parts: PageVec<P, Part>,
    /// Number of buffers to allocate, those in flight included.
    pub(super) wanted: usize,
    pub(super) timeout: Duration,
    /// Private memory for parts of sectors; none before its first use.
    #[cfg(any(feature = "embedded-storage", feature = "embedded-storage-async"))]
    pub(super) bounce: Option<Pages<P>>,
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

impl<P: Platform> Transfers<P> {
    pub(super) fn new(
        block: BlkFront<P, DmaBuffer<P>>,
        buffers: usize,
    ) -> Result<Self, BlkFrontError> {
        let config = block.config();
        let most = usize::from(config.valid_depth()) * usize::from(config.valid_queues());
        let wanted = buffers.clamp(1, most);
        let platform = block.grants().platform();
        let free = PageVec::with_capacity(platform.clone(), wanted)?;
        let parts = PageVec::with_capacity(platform.clone(), wanted)?;
        let state = TransferState {
            free,
            parts,
            wanted,
            timeout: TIMEOUT,
            #[cfg(any(feature = "embedded-storage", feature = "embedded-storage-async"))]
            bounce: None,
        };
        let state = PageBox::new(platform.clone(), state)?;
        let mut transfers = Self { block, state };
        transfers.refill()?;
        Ok(transfers)
    }

    pub(super) fn info(&self) -> DiskInfo {
        self.block.info()
    }

    /// Polls the device, and takes what is left of earlier calls.
    pub(super) fn poll(&mut self, now: Instant) -> Result<DeviceState, BlkFrontError> {
        self.cancel_parts();
        while let Some(Completion { buffer, .. }) = self.block.complete() {
            self.recycle(buffer);
        }
        self.block.poll(now)
    }

    pub(super) async fn read(
        &mut self,
        pause: &impl Pause<P>,
        sector: u64,
        bytes: &mut [u8],
    ) -> Result<(), TransferError> {
        self.transfer(pause, sector, Data::Into(bytes)).await
    }

    pub(super) async fn write(
        &mut self,
        pause: &impl Pause<P>,
        sector: u64,
        bytes: &[u8],
    ) -> Result<(), TransferError> {
        self.transfer(pause, sector, Data::From(bytes)).await
    }

    pub(super) async fn flush(&mut self, pause: &impl Pause<P>) -> Result<(), TransferError> {
        loop {
            match self.carry_out(pause, || Request::Flush).await {
                // The device does not use this method any more; the next submission uses the
                // other one, if the backend offers it.
                Err(TransferError::Io(IoError::Unsupported)) => {}
                Err(TransferError::Refused(RequestError::NoFlush)) => return Ok(()),
                result => return result,
            }
        }
    }

    /// Carries out a request without a buffer, and cancels it if it is not completed in time.
    pub(super) async fn carry_out(
        &mut self,
        pause: &impl Pause<P>,
        request: impl Fn() -> Request<DmaBuffer<P>>,
    ) -> Result<(), TransferError> {
        self.cancel_parts();
        let result = self.carry_out_as(pause, request).await;
        self.cancel_parts();
        result
    }

    /// Carries out a request without a buffer, and leaves it in the list if it has no response yet.
    async fn carry_out_as(
        &mut self,
        pause: &impl Pause<P>,
        request: impl Fn() -> Request<DmaBuffer<P>>,
    ) -> Result<(), TransferError> {
        let mut since = self.now();
        loop {
            if self.state.parts.is_empty() {
                match self.block.submit(request()) {
                    Ok(token) => {
                        since = self.now();
                        let _ = self.state.parts.push(Part { token, since, start: 0, end: 0 });
                    }
                    // By what earlier calls have not waited for; their answers make room.
                    Err(failed) if failed.reason == RequestError::Full => {}
                    Err(failed) => return Err(failed.reason.into()),
                }
            }
            let Some(Completion { token, outcome, buffer }) = self.block.complete() else {
                self.check_timeout(since)?;
                self.await_event(pause, since).await?;
                continue;
            };
            self.recycle(buffer);
            if self.state.parts.first().is_some_and(|part| part.token == token) {
                self.state.parts.pop();
                return Ok(outcome?);
            }
        }
    }

    /// Cancels the requests of a call that has ended without them.
    pub(super) fn cancel_parts(&mut self) {
        while let Some(part) = self.state.parts.pop() {
            self.block.cancel(part.token);
        }
    }

    async fn transfer(
        &mut self,
        pause: &impl Pause<P>,
        sector: u64,
        data: Data<'_>,
    ) -> Result<(), TransferError> {
        self.cancel_parts();
        let len = data.len();
        if !len.is_multiple_of(SECTOR_SIZE) {
            return Err(TransferError::Length { bytes: len });
        }
        // Refused as a whole, before the first part is done.
        self.info().check_range(sector, (len / SECTOR_SIZE) as u64)?;
        let result = self.transfer_parts(pause, sector, data).await;
        // The caller sees an error, so these must not reach another backend after what the caller
        // does next.
        self.cancel_parts();
        result
    }

    /// Transfers the bytes part by part. Parts that have no response when it returns are left in
    /// the list.
    async fn transfer_parts(
        &mut self,
        pause: &impl Pause<P>,
        sector: u64,
        mut data: Data<'_>,
    ) -> Result<(), TransferError> {
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
                self.await_event(pause, since).await?;
            }
        }
    }

    /// Fails if what is awaited since `since` is overdue.
    fn check_timeout(&self, since: Instant) -> Result<(), TransferError> {
        let waited = self.now().saturating_duration_since(since);
        if waited >= self.state.timeout { Err(TransferError::Timeout { waited }) } else { Ok(()) }
    }

    /// Polls, and waits for an event until what is awaited since `since` is overdue.
    async fn await_event(
        &mut self,
        pause: &impl Pause<P>,
        since: Instant,
    ) -> Result<(), TransferError> {
        self.block.poll(self.now())?;
        if self.block.broken().is_none() && !is_over(self.block.state()) {
            pause.begin(&self.block, since + self.state.timeout);
            pause.end().await;
        }
        Ok(())
    }

    /// Allocates buffers in place of those that a backend did not release.
    fn refill(&mut self) -> Result<(), BlkFrontError> {
        while self.state.free.len() + self.block.in_flight() < self.state.wanted {
            let buffer = DmaBuffer::alloc(self.platform().clone(), MAX_PAGES)?;
            self.recycle(Some(buffer));
        }
        Ok(())
    }

    pub(super) fn recycle(&mut self, buffer: Option<DmaBuffer<P>>) {
        self.state.recycle(buffer);
    }

    pub(super) fn platform(&self) -> &P {
        self.block.grants().platform()
    }

    pub(super) fn now(&self) -> Instant {
        self.platform().now()
    }
}

/// Returns whether no event of the device will come.
pub(super) fn is_over(state: DeviceState) -> bool {
    matches!(state, DeviceState::Closed | DeviceState::Unplugged)
}
