//! The buffer of a request, from submission to completion: granted, kept granted, or copied.

use super::SECTOR_SIZE;
use super::request::Command;
use crate::IoMemory;
use core::sync::atomic::Ordering;
use xen_grant::{GrantedFrames, InUse, PersistentPages};
use xen_hypercall::{PAGE_SIZE, Page, Platform, SharedMem, SharedU64};
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

/// Offset of the mark in a sector.
const MARK_AT: usize = SECTOR_SIZE - size_of::<u64>();

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
        any_mark(memory, len, |mark| {
            mark.store(MARK, Ordering::Relaxed);
            false
        });
        true
    }
}

/// Returns whether `is` is true of the mark of a sector of the first `len` bytes of `memory`, whole
/// sectors; it is called for those up to the first one of which it is.
#[inline(always)]
fn any_mark(memory: &SharedMem, len: usize, is: impl Fn(SharedU64<'_>) -> bool) -> bool {
    let any = |memory: &SharedMem, sectors: usize| {
        let mut offsets = (0..sectors).map(|sector| sector * SECTOR_SIZE + MARK_AT);
        offsets.any(|offset| memory.u64_at(offset).is_some_and(&is))
    };
    if len == PAGE_SIZE {
        // A constant number of offsets in a constant size: none is checked when it is executed.
        any(memory.first_page(), PAGE_SIZE / SECTOR_SIZE)
    } else {
        any(memory, len / SECTOR_SIZE)
    }
}

/// Returns whether a sector of the first `len` bytes of `pages` still has its mark: the backend has
/// not written it, or the disk has that number there.
///
/// The marks are loaded before the data is copied out. A backend that changes the pages in between
/// changes what it presents as the data of the disk, and nothing else.
#[inline(never)]
pub(super) fn is_marked<'m>(mut len: usize, pages: impl Iterator<Item = &'m SharedMem>) -> bool {
    for page in pages {
        let part = len.min(page.len());
        if any_mark(page, part, |mark| mark.load(Ordering::Relaxed) == MARK) {
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
