//! World and number of a domain. [`Domain`](crate::Domain) reads them on each call, so that its
//! values move with a domain that is restored in another world.

use crate::shared::Shared;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use xen_hypercall::{Claims, DomId};

/// World and number that a domain has at present, shared by all `Domain` values of it.
#[derive(Debug)]
pub(crate) struct DomainHandle {
    place: Mutex<(Arc<Shared>, DomId)>,
    claims: Claims,
}

impl DomainHandle {
    /// Returns the domain handle that all `Domain` values of a domain share.
    pub(crate) fn of(shared: &Arc<Shared>, id: DomId) -> Arc<Self> {
        let mut machine = shared.lock();
        let known = &mut machine.dom_mut(id).domain_handle;
        known.upgrade().unwrap_or_else(|| {
            let domain_handle = Arc::new(Self {
                place: Mutex::new((Arc::clone(shared), id)),
                claims: Claims::new(),
            });
            *known = Arc::downgrade(&domain_handle);
            domain_handle
        })
    }

    /// Returns the claimed resources of the domain, which a restore does not change.
    pub(crate) fn claims(&self) -> &Claims {
        &self.claims
    }

    /// Returns where the domain is.
    pub(crate) fn place(&self) -> (Arc<Shared>, DomId) {
        let place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        (Arc::clone(&place.0), place.1)
    }

    /// Returns the domain's number.
    pub(crate) fn id(&self) -> DomId {
        self.place.lock().unwrap_or_else(PoisonError::into_inner).1
    }

    /// Lets all handles stand for another domain: the same one, restored.
    pub(crate) fn move_to(self: &Arc<Self>, shared: &Arc<Shared>, id: DomId) {
        let known: Weak<Self> = Arc::downgrade(self);
        let before = {
            let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
            core::mem::replace(&mut *place, (Arc::clone(shared), id))
        };
        // The old world may end with its last handle, and must not do that under a lock.
        drop(before);
        shared.lock().dom_mut(id).domain_handle = known;
    }
}
