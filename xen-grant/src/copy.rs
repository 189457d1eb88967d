//! Copies by Xen between granted pages and local memory: nothing is mapped.

use crate::{MapError, retry_eagain};
use core::fmt;
use heapless::Vec;
use xen_hypercall::ops::grant_table as op;
use xen_hypercall::{DomId, GrantRef, PAGE_SIZE, Pages, Platform};
use xen_sys::grant_table::{GnttabCopy, GnttabCopyPtr, GrantCopyFlags, GrantStatus};

/// The most copies in one batch.
pub const MAX_COPIES: usize = 64;

/// Copies between pages that one domain granted and local pages, gathered and then done by one
/// hypercall.
///
/// A piece that crosses pages of the local memory becomes several copies; one that crosses the
/// granted page is refused.
pub struct CopyBatch<'m, P: Platform> {
    local: &'m mut Pages<P>,
    owner: DomId,
    copies: Vec<GnttabCopy, MAX_COPIES>,
    /// For each of `copies`, which of the calls that added some it came from.
    calls: Vec<u8, MAX_COPIES>,
}

impl<'m, P: Platform> CopyBatch<'m, P> {
    /// Starts a batch between pages that `owner` granted and `local`.
    pub fn new(local: &'m mut Pages<P>, owner: DomId) -> Self {
        Self { local, owner, copies: Vec::new(), calls: Vec::new() }
    }

    /// Adds a copy of `len` bytes from `offset` in the granted page to byte `to` of the local
    /// memory.
    ///
    /// # Errors
    ///
    /// [`MapError::Range`] if the bytes do not lie within either side, [`MapError::Count`] if the
    /// batch is full: nothing is added then.
    #[inline]
    pub fn copy_from_grant(
        &mut self,
        from: GrantRef,
        offset: usize,
        to: usize,
        len: usize,
    ) -> Result<(), MapError> {
        self.add(from, offset, to, len, GrantCopyFlags::SOURCE_GREF)
    }

    /// Adds a copy of `len` bytes from byte `from` of the own memory to `offset` in the granted
    /// page.
    ///
    /// # Errors
    ///
    /// [`MapError::Range`] if the bytes do not lie within either side, [`MapError::Count`] if the
    /// batch is full: nothing is added then.
    #[inline]
    pub fn copy_to_grant(
        &mut self,
        from: usize,
        to: GrantRef,
        offset: usize,
        len: usize,
    ) -> Result<(), MapError> {
        self.add(to, offset, from, len, GrantCopyFlags::DEST_GREF)
    }

    /// Adds a copy of `len` bytes from one granted page to another one, each given as its owner,
    /// its reference, and the offset in it.
    ///
    /// # Errors
    ///
    /// [`MapError::Range`] if the bytes do not lie within both pages, [`MapError::Count`] if the
    /// batch is full: nothing is added then.
    pub fn copy_grant_to_grant(
        &mut self,
        from: (DomId, GrantRef, usize),
        to: (DomId, GrantRef, usize),
        len: usize,
    ) -> Result<(), MapError> {
        let end = |(domid, grant, offset): (DomId, GrantRef, usize)| {
            if len > PAGE_SIZE || offset > PAGE_SIZE - len {
                return Err(MapError::Range { offset, len });
            }
            Ok(GnttabCopyPtr {
                u: grant.0.into(),
                domid,
                offset: offset as u16,
                ..Default::default()
            })
        };
        let (source, dest) = (end(from)?, end(to)?);
        if self.copies.len() == MAX_COPIES {
            return Err(MapError::Count { found: MAX_COPIES + 1, room: MAX_COPIES });
        }
        let flags = GrantCopyFlags::SOURCE_GREF | GrantCopyFlags::DEST_GREF;
        self.push(
            GnttabCopy { source, dest, len: len as u16, flags, ..Default::default() },
            self.next_call(),
        );
        Ok(())
    }

    fn next_call(&self) -> u8 {
        self.calls.last().map_or(0, |last| last + 1)
    }

    /// Adds a copy that there is room for.
    fn push(&mut self, copy: GnttabCopy, call: u8) {
        let _ = self.copies.push(copy);
        let _ = self.calls.push(call);
    }

    #[inline]
    fn add(
        &mut self,
        grant: GrantRef,
        offset: usize,
        local: usize,
        len: usize,
        flags: GrantCopyFlags,
    ) -> Result<(), MapError> {
        let memory = self.local.count() * PAGE_SIZE;
        if len > PAGE_SIZE || offset > PAGE_SIZE - len {
            return Err(MapError::Range { offset, len });
        }
        // There is a page at least.
        if local > memory - len {
            return Err(MapError::Range { offset: local, len });
        }
        if len == 0 {
            return Ok(());
        }
        // A page at most, so it touches two pages of the local memory at most.
        let first = len.min(PAGE_SIZE - local % PAGE_SIZE);
        let pieces = 1 + usize::from(len > first);
        if self.copies.len() + pieces > MAX_COPIES {
            return Err(MapError::Count { found: self.copies.len() + pieces, room: MAX_COPIES });
        }
        let call = self.next_call();
        self.add_piece(grant, offset, local, first, flags, call)?;
        if len > first {
            self.add_piece(grant, offset + first, local + first, len - first, flags, call)?;
        }
        Ok(())
    }

    /// Adds a copy within one page of the local memory that there is room for.
    #[inline]
    fn add_piece(
        &mut self,
        grant: GrantRef,
        offset: usize,
        local: usize,
        len: usize,
        flags: GrantCopyFlags,
        call: u8,
    ) -> Result<(), MapError> {
        let Some(gfn) = self.local.gfn(local / PAGE_SIZE) else {
            return Err(MapError::Range { offset: local, len });
        };
        let foreign = GnttabCopyPtr {
            u: u64::from(grant.0),
            domid: self.owner,
            offset: offset as u16,
            ..Default::default()
        };
        let own = GnttabCopyPtr {
            u: gfn.0,
            domid: DomId::SELF,
            offset: (local % PAGE_SIZE) as u16,
            ..Default::default()
        };
        let (source, dest) =
            if flags == GrantCopyFlags::SOURCE_GREF { (foreign, own) } else { (own, foreign) };
        let copy = GnttabCopy { source, dest, len: len as u16, flags, ..Default::default() };
        self.push(copy, call);
        Ok(())
    }

    /// Does all copies that were added and empties the batch.
    ///
    /// # Errors
    ///
    /// The first failure; the copies before it and some behind it may have been done. The content
    /// of local memory that a failed copy was meant for is not defined.
    #[doc(alias = "GNTTABOP_copy")]
    pub fn run(&mut self) -> Result<(), MapError> {
        let result = self.copy_all().and_then(|()| self.copies.iter().try_for_each(result));
        self.clear();
        result
    }

    /// Does all copies that were added, empties the batch, and reports the outcome of each call
    /// that added some: `outcome` gets their number, in order from 0, without those that copy
    /// nothing.
    ///
    /// # Errors
    ///
    /// [`MapError::Call`] if Xen refuses all of it; some may have been done, and no outcome is
    /// reported.
    pub fn run_each(
        &mut self,
        mut outcome: impl FnMut(usize, Result<(), MapError>),
    ) -> Result<(), MapError> {
        let called = self.copy_all();
        if called.is_ok() {
            let mut pieces = self.copies.iter().zip(&self.calls).peekable();
            while let Some((copy, call)) = pieces.next() {
                let mut done = result(copy);
                while let Some((copy, _)) = pieces.next_if(|(_, next)| *next == call) {
                    done = done.and(result(copy));
                }
                outcome(usize::from(*call), done);
            }
        }
        self.clear();
        called
    }

    fn clear(&mut self) {
        self.copies.clear();
        self.calls.clear();
    }

    fn copy_all(&mut self) -> Result<(), MapError> {
        if self.copies.is_empty() {
            return Ok(());
        }
        let platform = self.local.platform();
        retry_eagain::with_retries(
            platform,
            &mut self.copies,
            |copy| copy.status,
            // SAFETY: every own destination lies within `local`, which is borrowed mutably and
            // private.
            |copies| unsafe { op::copy(platform, copies) },
        )
        .map_err(MapError::Call)
    }
}

fn result(copy: &GnttabCopy) -> Result<(), MapError> {
    if copy.status == GrantStatus::OKAY { Ok(()) } else { Err(refused(copy)) }
}

/// Names the grant that a copy failed for, or the first one of two.
fn refused(copy: &GnttabCopy) -> MapError {
    let end =
        if copy.flags.contains(GrantCopyFlags::SOURCE_GREF) { copy.source } else { copy.dest };
    MapError::Refused { reference: GrantRef(end.u as u32), status: copy.status }
}

impl<P: Platform> fmt::Debug for CopyBatch<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CopyBatch")
            .field("owner", &self.owner)
            .field("copies", &self.copies.len())
            .finish_non_exhaustive()
    }
}
