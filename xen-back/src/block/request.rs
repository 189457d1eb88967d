//! Requests that are handed out to the storage.

use super::slot::{Slot, SlotBox};
use super::validate::extent;
use super::{BlockDevice, BlockDeviceError, IoBuffer, SECTOR_SIZE};
use core::fmt;
use thiserror::Error;
use xen_hypercall::{ForeignFrames, PAGE_SIZE, ReadOnlyMem, SharedMem};
use xen_sys::io::blkif::BlkifRequestSegment;

/// The operation of a [`Request`]. All positions and sizes are in sectors of 512 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation {
    /// Read the sectors into all [buffers](Request::buffers).
    Read {
        /// The first sector.
        sector: u64,
        /// The number of sectors, at least one.
        count: u64,
    },
    /// Write all [buffers](Request::buffers) to the sectors.
    Write {
        /// The first sector.
        sector: u64,
        /// The number of sectors, at least one.
        count: u64,
    },
    /// Make all writes durable that were completed before this request was handed out.
    Flush,
    /// Free the sectors, as [`BlockDevice::discard`] does.
    Discard {
        /// The first sector.
        sector: u64,
        /// The number of sectors, at least one.
        count: u64,
        /// The content must become impossible to recover.
        secure: bool,
    },
}

/// A validated request of a frontend, owned by the storage until it is
/// [completed](super::AsyncBlkBack::complete).
///
/// It owns the way to its data: a private copy, or the mapping of the guest's pages. Both stay
/// valid for as long as the request exists, whatever the frontend, the toolstack or the backend
/// does meanwhile. So it can be moved to another thread or stored.
///
/// A request that is dropped is completed with [`BlockDeviceError::Io`] at the next poll of its
/// device. That takes a lock which the poll takes too: do not drop a request in an upcall.
#[must_use = "a request that is dropped fails"]
pub struct Request<P: ForeignFrames>(Option<SlotBox<P>>);

impl<P: ForeignFrames> Request<P> {
    pub(super) fn new(slot: SlotBox<P>) -> Self {
        Self(Some(slot))
    }

    pub(super) fn slot(&self) -> Option<&Slot<P>> {
        self.0.as_deref()
    }

    /// Returns the slot, for the request to be completed.
    pub(super) fn into_slot(mut self) -> Option<SlotBox<P>> {
        self.0.take()
    }

    /// Returns the operation.
    pub fn operation(&self) -> Operation {
        self.slot().map_or(Operation::Flush, Slot::operation)
    }

    /// Returns the memory of a read or a write: buffers and the first sector of each, in ascending
    /// order. All of them have as many sectors as the operation. Other operations have none.
    ///
    /// With [`GrantMode::Copy`](super::GrantMode::Copy) it is one private buffer; with
    /// [`GrantMode::Map`](super::GrantMode::Map) one buffer of the guest's memory for each run of
    /// adjacent segments, or for each segment if the frontend uses persistent grants.
    pub fn buffers(&mut self) -> Buffers<'_> {
        self.0.as_deref_mut().map_or(Buffers::NONE, Slot::buffers)
    }

    /// Carries out the request on a synchronous storage.
    ///
    /// # Errors
    ///
    /// The first error of the storage.
    pub fn execute(&mut self, disk: &mut impl BlockDevice) -> Result<(), BlockDeviceError> {
        match self.operation() {
            Operation::Read { .. } => {
                self.buffers().try_for_each(|(sector, buffer)| disk.read(sector, buffer))
            }
            Operation::Write { .. } => {
                self.buffers().try_for_each(|(sector, buffer)| disk.write(sector, buffer))
            }
            Operation::Flush => disk.flush(),
            Operation::Discard { sector, count, secure } => disk.discard(sector, count, secure),
        }
    }
}

impl<P: ForeignFrames> Drop for Request<P> {
    fn drop(&mut self) {
        if let Some(slot) = self.0.take() {
            slot.home.clone().push(slot);
        }
    }
}

impl<P: ForeignFrames> fmt::Debug for Request<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Request").field(&self.operation()).finish()
    }
}

/// A request was completed at a backend that has not handed it out: it is one of another device, or
/// of an earlier backend of the same device.
///
/// It is unchanged. Complete it at its own backend; if that is gone, drop it, which releases its
/// memory.
#[derive(Debug, Error)]
#[error("found a request of another backend, expected one that this backend has handed out")]
pub struct ForeignRequest<P: ForeignFrames> {
    /// The request.
    pub request: Request<P>,
}

/// The buffers of a request: [`Request::buffers`].
#[derive(Debug)]
pub struct Buffers<'r> {
    sector: u64,
    source: Source<'r>,
}

#[derive(Debug)]
enum Source<'r> {
    None,
    Private(&'r mut [u8]),
    Mapped { segments: MappedSegments<'r>, next: usize },
}

/// The mapped segments of a request.
#[derive(Debug)]
pub(super) struct MappedSegments<'r> {
    pub(super) parts: &'r dyn Parts,
    /// The pages of a part, but for the last one.
    pub(super) pages: usize,
    pub(super) segments: &'r [BlkifRequestSegment],
    /// The storage reads them only.
    pub(super) write: bool,
}

/// The mapped pages of a request, in parts.
pub(super) trait Parts {
    fn part(&self, index: usize) -> Option<Part<'_>>;
}

impl fmt::Debug for dyn Parts + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Parts")
    }
}

/// Mapped pages side by side.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part<'r> {
    ReadOnly(&'r ReadOnlyMem),
    Shared(&'r SharedMem),
}

impl<'r> Buffers<'r> {
    const NONE: Self = Self { sector: 0, source: Source::None };

    pub(super) fn private(sector: u64, bytes: &'r mut [u8]) -> Self {
        let source = if bytes.is_empty() { Source::None } else { Source::Private(bytes) };
        Self { sector, source }
    }

    pub(super) fn mapped(sector: u64, segments: MappedSegments<'r>) -> Self {
        Self { sector, source: Source::Mapped { segments, next: 0 } }
    }
}

impl<'r> Iterator for Buffers<'r> {
    type Item = (u64, IoBuffer<'r>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let sector = self.sector;
        let buffer = match &mut self.source {
            Source::None => return None,
            Source::Private(bytes) => {
                let bytes = core::mem::take(bytes);
                self.source = Source::None;
                IoBuffer::private(bytes)
            }
            Source::Mapped { segments, next } => segments.run(next)?,
        };
        self.sector += (buffer.len() / SECTOR_SIZE) as u64;
        Some((sector, buffer))
    }
}

impl<'r> MappedSegments<'r> {
    /// Returns the run of adjacent segments from `next` on, and moves `next` behind it.
    fn run(&self, next: &mut usize) -> Option<IoBuffer<'r>> {
        let Self { parts, pages, segments, write } = *self;
        let first = *next;
        let part = first / pages;
        let page = |index: usize| index % pages * PAGE_SIZE;
        let (start, mut len) = extent(segments.get(first)?);
        let start = page(first) + start;
        let mut end = first + 1;
        while let Some((begin, more)) = segments.get(end).map(extent)
            && end / pages == part
            && page(end) + begin == start + len
        {
            len += more;
            end += 1;
        }
        // Each segment lies within its page, and each has a page.
        *next = end;
        match parts.part(part)? {
            Part::ReadOnly(mem) => IoBuffer::read_only(mem, start, len),
            Part::Shared(mem) if write => IoBuffer::read_only(mem.as_read_only(), start, len),
            Part::Shared(mem) => IoBuffer::shared(mem, start, len),
        }
    }
}
