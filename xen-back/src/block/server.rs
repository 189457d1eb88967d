//! Serving requests.

use super::access::{GuestMemory, TransferError};
use super::plan::{Disk, Plan, Refusal, Request};
use super::rings::Rings;
use super::{Storage, StorageError};
use xen_grant::MapError;
use xen_hypercall::{Fixed, ForeignFrames};
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
    /// [`last_refusal`](Self::last_refusal).
    pub refused: u64,
    /// Requests that failed in the storage or on the way to the guest's memory.
    pub failed: u64,
    /// Why a request was refused last.
    pub last_refusal: Option<Refusal>,
    /// Times that a frontend was connected.
    pub connections: u64,
}

/// What a round has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Round {
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

impl<P: ForeignFrames, M: Fixed> Server<P, M> {
    /// Carries out at most `budget` requests. The caller notifies if `notify` was called.
    pub(super) fn round(
        &mut self,
        disk: &Disk,
        storage: &mut impl Storage,
        statistics: &mut Statistics,
        budget: u32,
        mut notify: impl FnMut(),
    ) -> Result<Round, Corrupt> {
        let result = self.carry_out_all(disk, storage, statistics, budget);
        if self.rings.publish() == Notify::Send {
            notify();
        }
        result
    }

    /// Carries out at most `budget` requests. Responses are pushed, not published.
    fn carry_out_all(
        &mut self,
        disk: &Disk,
        storage: &mut impl Storage,
        statistics: &mut Statistics,
        budget: u32,
    ) -> Result<Round, Corrupt> {
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
                return Ok(Round::Idle);
            }
        }
        Ok(Round::More)
    }

    fn serve(
        &mut self,
        request: &Request,
        disk: &Disk,
        storage: &mut impl Storage,
        statistics: &mut Statistics,
    ) -> BlkifStatus {
        match self.carry_out(request, disk, storage, statistics) {
            Ok(()) => BlkifStatus::OKAY,
            Err(Failure::Refused(refusal)) => {
                statistics.refused += 1;
                statistics.last_refusal = Some(refusal);
                refusal.status()
            }
            Err(Failure::Failed(error)) => {
                statistics.failed += 1;
                match error {
                    TransferError::Storage(StorageError::Unsupported) => BlkifStatus::EOPNOTSUPP,
                    _ => BlkifStatus::ERROR,
                }
            }
        }
    }

    fn carry_out(
        &mut self,
        request: &Request,
        disk: &Disk,
        storage: &mut impl Storage,
        statistics: &mut Statistics,
    ) -> Result<(), Failure> {
        let (transfer, segments) = match disk.plan(request)? {
            Plan::Transfer(transfer, segments) => (transfer, segments),
            Plan::Fetch { transfer, page, count } => {
                let segments = self.memory.fetch_segments(page, count)?;
                disk.check(&transfer, &segments)?;
                (transfer, segments)
            }
            Plan::Flush => {
                statistics.flushes += 1;
                return Ok(storage.flush()?);
            }
            Plan::Discard { sector, count, secure } => {
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
    Refused(Refusal),
    Failed(TransferError),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
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
failures!(TransferError MapError StorageError);
