//! Transitive grants: a grant of another domain, forwarded to a third one.

use crate::entry::What;
use crate::{Access, GrantError, GrantTable, InUse, Version};
use core::fmt;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use xen_hypercall::{DomId, GrantRef, Platform};

/// A grant that another domain made to this one, forwarded: the peer can copy the page, but not map
/// it.
///
/// Dropping it ends the peer's access.
#[doc(alias = "GTF_transitive")]
pub struct TransitiveGrant<P: Platform, A: Access> {
    table: GrantTable<P>,
    reference: GrantRef,
    access: PhantomData<A>,
}

impl<P: Platform> GrantTable<P> {
    /// Grants `peer` copies from, or with [`ReadWrite`](crate::ReadWrite) to, the page that `owner`
    /// granted to this domain as `granted`. Version 2 only; a host can forbid it.
    ///
    /// Xen checks the grant of `owner` when the peer copies, not before.
    ///
    /// # Errors
    ///
    /// [`GrantError::Version`] in version 1, [`GrantError::Exhausted`] or [`GrantError::Grow`] if
    /// there is no free entry.
    #[doc(alias = "GTF_transitive")]
    pub fn grant_transitive<A: Access>(
        &self,
        owner: DomId,
        granted: GrantRef,
        peer: DomId,
    ) -> Result<TransitiveGrant<P, A>, GrantError> {
        self.needs(Version::V2)?;
        let (group, reference) = self.take(1)?;
        group.entry(reference).permit(What::Grant(owner, granted), peer, A::FLAGS);
        Ok(TransitiveGrant { table: self.clone(), reference, access: PhantomData })
    }
}

impl<P: Platform, A: Access> TransitiveGrant<P, A> {
    /// Returns the reference that the peer must use.
    pub fn reference(&self) -> GrantRef {
        self.reference
    }

    /// Ends the peer's access.
    ///
    /// # Errors
    ///
    /// [`InUse`] during a copy. The peer can begin no other one, and the reference is deferred
    /// until the end of that one.
    pub fn end_access(self) -> Result<(), InUse> {
        let mut this = ManuallyDrop::new(self);
        let ended = this.table.end_transitive(this.reference);
        // SAFETY: the value is never used or dropped again, so its table is dropped once.
        unsafe { core::ptr::drop_in_place(&raw mut this.table) };
        ended
    }
}

impl<P: Platform, A: Access> Drop for TransitiveGrant<P, A> {
    fn drop(&mut self) {
        // A reference that is in use is deferred.
        let _ = self.table.end_transitive(self.reference);
    }
}

impl<P: Platform, A: Access> fmt::Debug for TransitiveGrant<P, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransitiveGrant")
            .field("reference", &self.reference)
            .finish_non_exhaustive()
    }
}
