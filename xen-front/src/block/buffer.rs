//! The buffer of a request, from submission to completion: granted, kept granted, or copied.

use super::SECTOR_SIZE;
use super::request::Command;
use crate::IoMemory;
use core::sync::atomic::Ordering;
use xen_grant::{GrantedFrames, InUse, PersistentPages};
use xen_hypercall::{PAGE_SIZE, Page, Platform, SharedMem};
use xen_sys::io::blkif::BlkifOp;

/// The buffer of a request that the backend has.
#[derive(Debug)]
pub(super) enum RequestBuffer<P: Platform, B: IoMemory<Platform = P>> {
    /// Granted for this request.
    Granted(GrantedFrames<P, B>),
    /// Not granted for this request: a DMA buffer, or private memory whose data is copied through
    /// `pages`. A flush has no buffer.
    Kept {
        buffer: Option<B>,
        pages: PersistentPages,
        /// Each sector has the [mark](MARK) of one that was not written.
        marked: bool,
    },
}

impl<P: Platform, B: IoMemory<Platform = P>> RequestBuffer<P, B> {
    /// Returns a buffer that the backend has no access to; a flush has none.
    pub(super) fn unused(buffer: Option<B>) -> Self {
        Self::Kept { buffer, pages: PersistentPages::default(), marked: false }
    }

    /// Ends the access of the backend to the buffer, of a connection that is gone with its pages.
    #[inline]
    pub(super) fn end_access(self) -> Result<Option<B>, InUse> {
        match self {
            Self::Granted(granted) => granted.end_access().map(Some),
            Self::Kept { buffer, .. } => Ok(buffer),
        }
    }
}

/// The last eight bytes of a sector that the backend has not written: a number that is rare on
/// disks. A sector that has it is read once more, into zeroed memory, so any number does.
const MARK: u64 = 0xd6f3_9b1c_5a27_e84b;

/// The bytes of a request's buffer that are zeroed before the backend gets access to them.
///
/// A backend that responds to a read without writing the sectors must not make data of an earlier
/// transfer appear as data of the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Zeroed {
    /// None: the content of the buffer is the caller's, and the backend is trusted. Pages that data
    /// is copied through are marked.
    None,
    /// None where the sectors of a read can be [marked](MARK): in memory that stays granted. If a
    /// mark is there after the response, the read is repeated with [`Reads`](Self::Reads).
    Marked,
    /// The sectors of a read.
    Reads,
    /// All bytes of the granted frames but the sectors of a write, for an untrusted backend.
    All,
}

impl Zeroed {
    /// Zeroes the first `segments` segments of the buffer of a request: those that are granted.
    pub(super) fn apply<B: IoMemory>(self, buffer: &mut B, command: &Command, segments: usize) {
        let data = command.sectors as usize * SECTOR_SIZE;
        let range = match (self, command.operation) {
            (Self::None, _) => return,
            (Self::Marked | Self::Reads, BlkifOp::READ) => 0..data,
            (Self::Marked | Self::Reads, _) => return,
            (Self::All, BlkifOp::READ) => 0..usize::MAX,
            (Self::All, _) => data..usize::MAX,
        };
        let mut start = 0;
        for index in 0..segments {
            let bytes = buffer.segment_mut(index).unwrap_or_default();
            let (from, to) = (range.start.saturating_sub(start), range.end.saturating_sub(start));
            start += bytes.len();
            let (from, to) = (from.min(bytes.len()), to.min(bytes.len()));
            bytes.get_mut(from..to).unwrap_or_default().fill(0);
        }
    }

    /// Zeroes or marks the sectors of a read in a DMA buffer, and returns whether marks are set.
    /// The backend has access to the buffer before and after the request, so nothing else in it is
    /// to be hidden.
    pub(super) fn apply_shared(self, memory: &SharedMem, command: &Command) -> bool {
        if self == Self::None || command.operation != BlkifOp::READ {
            return false;
        }
        self.prepare(memory, command.sectors as usize * SECTOR_SIZE)
    }

    /// Zeroes or marks the first `len` bytes of `memory`, whole sectors for a read. Returns whether
    /// marks are set.
    fn prepare(self, memory: &SharedMem, len: usize) -> bool {
        if matches!(self, Self::Reads | Self::All) {
            zero(memory, len);
            return false;
        }
        for offset in marks(len) {
            if let Some(mark) = memory.u64_at(offset) {
                mark.store(MARK, Ordering::Relaxed);
            }
        }
        true
    }
}

/// Returns the offsets of the marks of `len` bytes, whole sectors.
fn marks(len: usize) -> impl Iterator<Item = usize> {
    (SECTOR_SIZE..=len).step_by(SECTOR_SIZE).map(|end| end - size_of::<u64>())
}

/// Returns whether a sector of the first `len` bytes of `pages` still has its mark: the backend has
/// not written it, or the disk has that number there.
///
/// The marks are loaded before the data is copied out. A backend that changes the pages in between
/// changes what it presents as the data of the disk, and nothing else.
#[cold]
pub(super) fn is_marked<'m>(mut len: usize, pages: impl Iterator<Item = &'m SharedMem>) -> bool {
    for page in pages {
        let part = len.min(page.len());
        let mark = |offset| page.u64_at(offset).map(|word| word.load(Ordering::Relaxed));
        if marks(part).any(|offset| mark(offset) == Some(MARK)) {
            return true;
        }
        len -= part;
    }
    false
}

/// Zeroes the first `len` bytes of `memory`.
fn zero(memory: &SharedMem, len: usize) {
    static ZEROES: Page = Page::ZERO;
    let zeroes: &[u8] = &ZEROES.0;
    for offset in (0..len).step_by(PAGE_SIZE) {
        let part = zeroes.get(..(len - offset).min(PAGE_SIZE)).unwrap_or_default();
        let _ = memory.copy_from(offset, part);
    }
}

/// Copies the data of a write from a private buffer to `pages`, or zeroes or marks the pages for a
/// read. Returns whether marks are set.
///
/// The pages hold data of earlier requests to the same backend: it must not appear as data of the
/// disk if the backend responds to a read without a transfer.
pub(super) fn fill<'m, B: IoMemory>(
    buffer: &mut B,
    command: &Command,
    zeroed: Zeroed,
    pages: impl Iterator<Item = &'m SharedMem>,
) -> bool {
    let len = command.sectors as usize * SECTOR_SIZE;
    if command.operation == BlkifOp::READ {
        let (mut left, mut marked) = (len, false);
        for page in pages {
            marked = zeroed.prepare(page, left.min(PAGE_SIZE));
            left = left.saturating_sub(PAGE_SIZE);
        }
        return marked;
    }
    each_part(buffer, len, pages, |page, offset, bytes| {
        let _ = match bytes {
            Some(bytes) => page.copy_from(offset, bytes),
            // A wrong implementation of the trait has fewer bytes than its segments say.
            None => page.copy_from(0, &[0; PAGE_SIZE]),
        };
    });
    false
}

/// Copies the data of a read from `pages` to a private buffer.
pub(super) fn take<'m, B: IoMemory>(
    buffer: &mut B,
    command: &Command,
    pages: impl Iterator<Item = &'m SharedMem>,
) {
    each_part(buffer, command.sectors as usize * SECTOR_SIZE, pages, |page, offset, bytes| {
        if let Some(bytes) = bytes {
            let _ = page.copy_to(offset, bytes);
        }
    });
}

/// Calls `copy` for each part of the first `len` bytes of `buffer` that lies in one of its segments
/// and in one of `pages`: with the page, the offset in it and the bytes of the buffer. A page
/// without bytes of the buffer comes with `None`.
fn each_part<'m, B: IoMemory>(
    buffer: &mut B,
    len: usize,
    pages: impl Iterator<Item = &'m SharedMem>,
    mut copy: impl FnMut(&SharedMem, usize, Option<&mut [u8]>),
) {
    // The next segment, and the offset of the next byte in it.
    let (mut index, mut at) = (0, 0);
    let mut left = len;
    for page in pages {
        let end = left.min(PAGE_SIZE);
        let mut offset = 0;
        while offset < end {
            let Some(segment) = buffer.segment_mut(index) else {
                copy(page, offset, None);
                break;
            };
            let count = segment.len().saturating_sub(at).min(end - offset);
            if count == 0 {
                (index, at) = (index + 1, 0);
                continue;
            }
            copy(page, offset, segment.get_mut(at..at + count));
            (at, offset) = (at + count, offset + count);
        }
        left -= end;
    }
}
