//! Serving requests.

use super::access::{GuestMemory, TransferError};
use super::rings::Rings;
use super::validate::{DiskLimits, Request, RequestError, ValidatedRequest};
use super::{BlockDevice, BlockDeviceError};
use xen_grant::MapError;
use xen_hypercall::{ForeignFrames, StableSharedMem};
use xen_ring::{Corrupt, Notify};
use xen_sys::io::blkif::BlkifStatus;

/// What a device has done since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Requests to read.
    pub reads: u64,
    /// Requests to write.
    pub writes: u64,
    /// Requests to flush, and barriers.
    pub flushes: u64,
    /// Requests to free sectors.
    pub discards: u64,
    /// Requests that asked for what there is not; the last one's fault is
    /// [`last_request_error`](Self::last_request_error).
    pub refused: u64,
    /// Requests that failed in the storage or on the way to the guest's memory.
    pub failed: u64,
    /// Why a request was refused last.
    pub last_request_error: Option<RequestError>,
    /// Times that a frontend was connected.
    pub connections: u64,
}

/// What a round has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// Nothing is left: the frontend will send an event.
    Idle,
    /// There may be more: look again soon.
    More,
}

/// A connected ring and the ways to its guest's memory.
pub(super) struct Server<P: ForeignFrames, M> {
    pub(super) rings: Rings<M>,
    pub(super) memory: GuestMemory<P>,
}

impl<P: ForeignFrames, M: StableSharedMem> Server<P, M> {
    /// Carries out at most `budget` requests. The caller notifies if `notify` was called.
    pub(super) fn process_ring(
        &mut self,
        disk: &DiskLimits,
        storage: &mut impl BlockDevice,
        statistics: &mut Statistics,
        budget: u32,
        mut notify: impl FnMut(),
    ) -> Result<Progress, Corrupt> {
        let result = self.process_requests(disk, storage, statistics, budget);
        if self.rings.publish() == Notify::Send {
            notify();
        }
        result
    }

    /// Carries out at most `budget` requests. Responses are pushed, not published.
    fn process_requests(
        &mut self,
        disk: &DiskLimits,
        storage: &mut impl BlockDevice,
        statistics: &mut Statistics,
        budget: u32,
    ) -> Result<Progress, Corrupt> {
        let mut left = budget;
        while left > 0 {
            if let Some(request) = self.rings.pop()? {
                let status = self.serve(&request, disk, storage, statistics);
                self.rings.respond(request.id, request.operation(), status);
                left -= 1;
            } else if left < budget {
                // While requests come, another poll costs less than the events, so those are
                // requested once none was found.
                break;
            } else if !self.rings.final_check()? {
                return Ok(Progress::Idle);
            }
        }
        Ok(Progress::More)
    }

    fn serve(
        &mut self,
        request: &Request,
        disk: &DiskLimits,
        storage: &mut impl BlockDevice,
        statistics: &mut Statistics,
    ) -> BlkifStatus {
        match self.execute(request, disk, storage, statistics) {
            Ok(()) => BlkifStatus::OKAY,
            Err(Failure::Refused(refusal)) => {
                statistics.refused += 1;
                statistics.last_request_error = Some(refusal);
                refusal.status()
            }
            Err(Failure::Failed(error)) => {
                statistics.failed += 1;
                match error {
                    TransferError::Device(BlockDeviceError::Unsupported) => BlkifStatus::EOPNOTSUPP,
                    _ => BlkifStatus::ERROR,
                }
            }
        }
    }

    fn execute(
        &mut self,
        request: &Request,
        disk: &DiskLimits,
        storage: &mut impl BlockDevice,
        statistics: &mut Statistics,
    ) -> Result<(), Failure> {
        let (transfer, segments) = match disk.validate(request)? {
            ValidatedRequest::Transfer(transfer, segments) => (transfer, segments),
            ValidatedRequest::Fetch { transfer, page, count } => {
                let segments = self.memory.fetch_segments(page, count)?;
                disk.check(&transfer, &segments)?;
                (transfer, segments)
            }
            ValidatedRequest::Flush => {
                statistics.flushes += 1;
                return Ok(storage.flush()?);
            }
            ValidatedRequest::Discard { sector, count, secure } => {
                statistics.discards += 1;
                return Ok(storage.discard(sector, count, secure)?);
            }
        };
        if transfer.write {
            statistics.writes += 1;
        } else {
            statistics.reads += 1;
        }
        if transfer.flush_first {
            statistics.flushes += 1;
            storage.flush()?;
        }
        self.memory.transfer(&transfer, &segments, storage)?;
        if transfer.flush_after {
            storage.flush()?;
        }
        Ok(())
    }
}

/// Why a request was not carried out.
enum Failure {
    Refused(RequestError),
    Failed(TransferError),
}

impl From<RequestError> for Failure {
    fn from(refusal: RequestError) -> Self {
        Self::Refused(refusal)
    }
}

macro_rules! failures {
    ($($error:ty)*) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::Failed(error.into())
            }
        }
    )*};
}
failures!(TransferError MapError BlockDeviceError);
