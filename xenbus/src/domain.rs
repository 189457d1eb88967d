//! The services of a domain.

use core::fmt;
use xen_grant::GrantTable;
use xen_hypercall::Platform;
use xen_store::XenStore;

/// The services of a domain that its drivers use: xenstore and the grant table. A clone is a
/// reference to the same services.
pub struct Domain<P: Platform> {
    /// The xenstore client.
    pub store: XenStore<P>,
    /// The grant table.
    pub grants: GrantTable<P>,
}

impl<P: Platform> Domain<P> {
    /// Combines the services of a domain.
    pub fn new(store: XenStore<P>, grants: GrantTable<P>) -> Self {
        Self { store, grants }
    }

    /// Returns the platform.
    pub fn platform(&self) -> &P {
        self.store.platform()
    }
}

impl<P: Platform> Clone for Domain<P> {
    fn clone(&self) -> Self {
        Self { store: self.store.clone(), grants: self.grants.clone() }
    }
}

impl<P: Platform> fmt::Debug for Domain<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { store, grants } = self;
        f.debug_struct("Domain").field("store", store).field("grants", grants).finish()
    }
}
