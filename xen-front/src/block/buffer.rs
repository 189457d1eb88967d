//! The buffer of a request, from submission to completion: granted, kept granted, or copied.

use super::SECTOR_SIZE;
use super::request::Command;
use crate::IoMemory;
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
    Kept { buffer: Option<B>, pages: PersistentPages },
}

impl<P: Platform, B: IoMemory<Platform = P>> RequestBuffer<P, B> {
    /// Returns the buffer of a flush.
    pub(super) fn none() -> Self {
        Self::Kept { buffer: None, pages: PersistentPages::default() }
    }

    /// Ends the access of the backend to the buffer. The pages are for the pool again.
    #[inline]
    pub(super) fn end_access(self) -> (Result<Option<B>, InUse>, PersistentPages) {
        match self {
            Self::Granted(granted) => (granted.end_access().map(Some), PersistentPages::default()),
            Self::Kept { buffer, pages } => (Ok(buffer), pages),
        }
    }
}

/// The bytes of a request's buffer that are zeroed before the backend gets access to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Zeroed {
    /// None: the content of the buffer is the caller's, and the backend is trusted.
    None,
    /// The sectors of a read: a backend that responds without writing them must not make data of
    /// an earlier transfer appear as data of the disk.
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
            (Self::Reads, BlkifOp::READ) => 0..data,
            (Self::Reads, _) => return,
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

    /// Zeroes the sectors of a read in a DMA buffer. The backend has access to the buffer before
    /// and after the request, so nothing else in it is to be hidden.
    pub(super) fn apply_shared(self, memory: &SharedMem, command: &Command) {
        if self != Self::None && command.operation == BlkifOp::READ {
            zero(memory, command.sectors as usize * SECTOR_SIZE);
        }
    }
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

/// Copies the data of a write from a private buffer to `pages`, or zeroes the pages for a read.
///
/// The pages hold data of earlier requests to the same backend: it must not appear as data of the
/// disk if the backend responds to a read without a transfer.
pub(super) fn fill<'m, B: IoMemory>(
    buffer: &mut B,
    command: &Command,
    pages: impl Iterator<Item = &'m SharedMem>,
) {
    let len = command.sectors as usize * SECTOR_SIZE;
    if command.operation == BlkifOp::READ {
        let mut left = len;
        for page in pages {
            zero(page, left.min(PAGE_SIZE));
            left = left.saturating_sub(PAGE_SIZE);
        }
        return;
    }
    each_part(buffer, len, pages, |page, offset, bytes| {
        let _ = match bytes {
            Some(bytes) => page.copy_from(offset, bytes),
            // A wrong implementation of the trait has fewer bytes than its segments say.
            None => page.copy_from(0, &[0; PAGE_SIZE]),
        };
    });
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
