//! Granted pages.

use crate::refs::Group;
use crate::{Access, GrantTable, InUse, MapError, ReadOnly, ReadWrite};
use core::fmt;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ptr::NonNull;
use xen_hypercall::ops::grant_table as op;
use xen_hypercall::{DomId, GrantRef, Pages, Platform, SharedMem, SharedPages, StableSharedMem};
use xen_sys::grant_table::{GnttabSwapGrantRef, GrantStatus};

/// The most pages that are granted as one: a ring of order 4. Their references follow each other.
pub const MAX_PAGES: usize = 16;

/// Pages granted to one peer, a reference for each page.
///
/// The pages are reachable only as [`SharedMem`] until [`end_access`](Self::end_access) has ended
/// the peer's access. Dropping the value does the same and frees the pages; pages that the peer
/// still uses are deferred.
pub struct Granted<P: Platform, A: Access> {
    /// Taken out by `end_access` and `drop`, nowhere else, as are the pages.
    table: ManuallyDrop<GrantTable<P>>,
    pages: ManuallyDrop<SharedPages<P>>,
    /// The references' group, which is the table's.
    group: NonNull<Group>,
    /// The reference of the first page; those of the others follow it.
    first: GrantRef,
    access: PhantomData<A>,
}

// SAFETY: the group is reachable through atomics alone; all else is itself Send.
unsafe impl<P: Platform + Send + Sync, A: Access> Send for Granted<P, A> {}
// SAFETY: as above.
unsafe impl<P: Platform + Send + Sync, A: Access> Sync for Granted<P, A> {}

impl<P: Platform, A: Access> Granted<P, A> {
    /// Takes over references of `group`, a group of `table`, that lead to `pages`.
    #[inline(always)]
    pub(crate) fn new(
        table: GrantTable<P>,
        group: NonNull<Group>,
        pages: SharedPages<P>,
        first: GrantRef,
    ) -> Self {
        let (table, pages) = (ManuallyDrop::new(table), ManuallyDrop::new(pages));
        Self { table, group, pages, first, access: PhantomData }
    }

    #[inline(always)]
    fn group(&self) -> &Group {
        // SAFETY: a group of the table does not move before the table is freed, which this value
        // prevents.
        unsafe { self.group.as_ref() }
    }

    /// Moves the table and the pages out.
    ///
    /// # Safety
    ///
    /// Neither is used or dropped again.
    #[inline(always)]
    unsafe fn take(&mut self) -> (GrantTable<P>, SharedPages<P>) {
        // SAFETY: the caller's.
        unsafe { (ManuallyDrop::take(&mut self.table), ManuallyDrop::take(&mut self.pages)) }
    }

    /// Returns the reference of the first page: the only one of a single page.
    #[inline(always)]
    pub fn reference(&self) -> GrantRef {
        self.first
    }

    /// Returns the references, one for each page.
    #[inline]
    pub fn refs(&self) -> &[GrantRef] {
        if self.pages.count() == 1 {
            return core::slice::from_ref(&self.first);
        }
        self.table.references(self.first, self.pages.count())
    }

    pub(crate) fn is_of(&self, table: &GrantTable<P>) -> bool {
        self.table.is(table)
    }

    /// Returns the domain that has access; `None` once a suspend has ended that.
    pub fn peer(&self) -> Option<DomId> {
        self.group().entry(self.first).peer()
    }

    /// Swaps the references of two single pages: each then leads to the other page, for the peer
    /// that this page was granted to.
    ///
    /// A peer that uses a reference finds another page behind it, without a moment of neither.
    ///
    /// # Errors
    ///
    /// [`MapError::OtherTable`] if the values are of different tables, [`MapError::Count`] for more
    /// than a page, [`MapError::Call`] or [`MapError::Refused`] if Xen refuses, as it does while a
    /// peer uses one of the two: nothing has changed then.
    #[doc(alias = "GNTTABOP_swap_grant_ref")]
    pub fn swap_grant_ref<B: Access>(&mut self, other: &mut Granted<P, B>) -> Result<(), MapError> {
        // The two values swap their entries: `end_access` ends the entry of its page.
        if !other.is_of(&self.table) {
            return Err(MapError::OtherTable);
        }
        if let Some(found) =
            [self.pages.count(), other.pages.count()].into_iter().find(|&count| count != 1)
        {
            return Err(MapError::Count { found, room: 1 });
        }
        let mut batch =
            [GnttabSwapGrantRef { ref_a: self.first, ref_b: other.first, ..Default::default() }];
        // SAFETY: the two values own the references, and swap them below as their entries are
        // swapped here.
        unsafe { op::swap_grant_ref(self.table.platform(), &mut batch) }.map_err(MapError::Call)?;
        match batch[0].status {
            GrantStatus::OKAY => {
                core::mem::swap(&mut self.first, &mut other.first);
                core::mem::swap(&mut self.group, &mut other.group);
                Ok(())
            }
            status => Err(MapError::Refused { reference: self.first, status }),
        }
    }

    /// Ends the peer's access and returns the pages with the data that the peer wrote.
    ///
    /// # Errors
    ///
    /// [`InUse`] if the peer has a page mapped: all pages are deferred, and freed after the peer
    /// has released them. A peer that has completed its request violates the protocol so.
    pub fn end_access(self) -> Result<Pages<P>, InUse> {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: `this` is never dropped, and neither is used again.
        let (table, pages) = unsafe { this.take() };
        // SAFETY: the group is the table's, which is still there.
        table.end_pages(pages, unsafe { this.group.as_ref() }, this.first)
    }
}

impl<P: Platform> Granted<P, ReadWrite> {
    /// Revokes write access and leaves read access, under the same references.
    ///
    /// # Errors
    ///
    /// The value itself, with nothing changed, if the peer uses a page at this moment.
    pub fn into_read_only(self) -> Result<Granted<P, ReadOnly>, Self> {
        if !self.table.restrict(self.group(), self.first, self.pages.count()) {
            return Err(self);
        }
        let mut this = ManuallyDrop::new(self);
        // SAFETY: `this` is never dropped, and neither is used again.
        let (table, pages) = unsafe { this.take() };
        Ok(Granted::new(table, this.group, pages, this.first))
    }
}

impl<P: Platform> Granted<P, ReadOnly> {
    /// Returns the bytes of all pages, for writing: the peer cannot change them.
    ///
    /// The peer can read every intermediate state of a page that it has a reference to.
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        // SAFETY: the entries of a read-only grant give no write access, and a value becomes
        // read-only only while its peer uses no page. Xen enforces it. The unique borrow of self
        // makes this the only reference, as `SharedMem` borrows self too.
        unsafe { self.pages.as_mut_slice() }
    }
}

impl<P: Platform, A: Access> Drop for Granted<P, A> {
    fn drop(&mut self) {
        // SAFETY: the value is being dropped, and neither is used again.
        let (table, pages) = unsafe { self.take() };
        // Pages that the peer still uses are freed by the deferred list.
        // SAFETY: the group is the table's, which is still there.
        drop(table.end_pages(pages, unsafe { self.group.as_ref() }, self.first));
    }
}

impl<P: Platform, A: Access> AsRef<SharedMem> for Granted<P, A> {
    fn as_ref(&self) -> &SharedMem {
        (*self.pages).as_ref()
    }
}

// SAFETY: the pages are the same ones until the value is taken; `swap_grant_ref` leaves them alone.
unsafe impl<P: Platform, A: Access> StableSharedMem for Granted<P, A> {}

impl<P: Platform, A: Access> fmt::Debug for Granted<P, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Granted")
            .field("peer", &self.peer())
            .field("refs", &self.refs())
            .finish_non_exhaustive()
    }
}
