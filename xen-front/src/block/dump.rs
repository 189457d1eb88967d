//! Crash dump writes: polled, with memory that is granted already.

use super::queue::Queue;
use super::transfers::{BUFFER, TransferState, Transfers};
use super::{BlockingDisk, IoError, Request, RequestError, SECTOR_SIZE, TransferError};
use core::time::Duration;
use thiserror::Error;
use xen_grant::DmaBuffer;
use xen_hypercall::ops::sched;
use xen_hypercall::{Instant, Platform};

/// The longest single wait for an event, which may come before the wait.
const SLICE: Duration = Duration::from_millis(1);

/// The reason why a crash dump was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DumpError {
    /// The lock of the disk's queue is held, possibly by the code that has failed.
    #[error("the lock of the disk's queue is held")]
    Locked,
    /// No buffer is granted for this connection, or the backend has all of them.
    #[error("no granted buffer is free: read from the disk before a dump is needed")]
    NoBuffer,
    /// The backend did not respond before the deadline.
    #[error("no answer from the backend before the deadline")]
    Timeout,
    /// A request was refused or failed.
    #[error(transparent)]
    Transfer(#[from] TransferError),
}

impl<P: Platform> BlockingDisk<P> {
    /// Writes all of `bytes` from `sector` on and makes them durable, for a kernel that has failed:
    /// polls until `deadline`, with interrupts on or off, allocates and grants nothing, and fails
    /// where a lock is held. Their length must be a multiple of 512, and of the disk's own sectors.
    ///
    /// Uses a buffer of an earlier transfer on this connection, so the kernel reads from the disk
    /// once it is connected. Completions of other requests are discarded.
    ///
    /// # Errors
    ///
    /// [`DumpError`]; the content of the sectors is undefined then.
    #[doc(alias = "xbd_dump")]
    pub fn write_dump(
        &mut self,
        sector: u64,
        bytes: &[u8],
        deadline: Instant,
    ) -> Result<(), DumpError> {
        if !bytes.len().is_multiple_of(SECTOR_SIZE) {
            return Err(TransferError::Length { bytes: bytes.len() }.into());
        }
        let Transfers { block, state } = &mut self.transfers;
        let mut queue = block.queues().try_lock_first().ok_or(DumpError::Locked)?;
        // Refused as a whole, before the first part is done.
        let sectors = (bytes.len() / SECTOR_SIZE) as u64;
        queue.info.check_range(sector, sectors).map_err(TransferError::Refused)?;
        let mut poll =
            Poll { queue: &mut queue, state, platform: block.grants().platform(), deadline };
        for (part, sector) in bytes.chunks(BUFFER).zip((sector..).step_by(BUFFER / SECTOR_SIZE)) {
            let buffer = poll.buffer()?;
            // The part is not longer than a buffer.
            let _ = buffer.as_ref().copy_from(0, part);
            let sectors = part.len() / SECTOR_SIZE;
            poll.carry_out(Request::Write { sector, sectors, buffer })?;
        }
        loop {
            match poll.carry_out(Request::Flush) {
                // The next request uses the other method, if the backend offers it.
                Err(DumpError::Transfer(TransferError::Io(IoError::Unsupported))) => {}
                Err(DumpError::Transfer(TransferError::Refused(RequestError::NoFlush))) => {
                    return Ok(());
                }
                result => return result,
            }
        }
    }
}

/// The first queue of a disk, which is locked.
struct Poll<'d, P: Platform> {
    queue: &'d mut Queue<P, DmaBuffer<P>>,
    state: &'d mut TransferState<P>,
    platform: &'d P,
    deadline: Instant,
}

impl<P: Platform> Poll<'_, P> {
    /// Takes a buffer that is granted for this connection.
    fn buffer(&mut self) -> Result<DmaBuffer<P>, DumpError> {
        loop {
            let Self { queue, state, .. } = self;
            let granted = state.free.iter().rposition(|buffer| queue.is_granted(buffer));
            if let Some(buffer) = granted.and_then(|index| state.free.swap_remove(index)) {
                return Ok(buffer);
            }
            match self.queue.complete_polled() {
                Some(completion) => self.state.recycle(completion.buffer),
                None => self.wait(DumpError::NoBuffer)?,
            }
        }
    }

    /// Submits a request and polls until it is completed.
    fn carry_out(&mut self, mut request: Request<DmaBuffer<P>>) -> Result<(), DumpError> {
        let token = loop {
            match self.queue.submit(request, super::buffer::Zeroed::None) {
                Ok(token) => break token,
                Err(failed) if failed.reason == RequestError::Full => request = failed.request,
                Err(failed) => {
                    self.state.recycle(failed.request.into_buffer());
                    return Err(TransferError::from(failed.reason).into());
                }
            }
            match self.queue.complete_polled() {
                Some(completion) => self.state.recycle(completion.buffer),
                None => self.wait(DumpError::Timeout)?,
            }
        };
        self.queue.kick();
        loop {
            let Some(completion) = self.queue.complete_polled() else {
                if let Err(timeout) = self.wait(DumpError::Timeout) {
                    self.queue.requests.cancel(token);
                    return Err(timeout);
                }
                continue;
            };
            self.state.recycle(completion.buffer);
            if completion.token == token {
                return Ok(completion.outcome.map_err(TransferError::Io)?);
            }
        }
    }

    /// Polls the event channel for a while, unless the time is over.
    fn wait(&self, error: DumpError) -> Result<(), DumpError> {
        let now = self.platform.now();
        if now >= self.deadline {
            return Err(error);
        }
        // Xen ends it at the event even if its delivery is masked. The event may be one of before,
        // and an error makes this a busy loop until the deadline.
        let _ = sched::poll(self.platform, self.queue.port().as_slice(), Some(now + SLICE));
        Ok(())
    }
}
