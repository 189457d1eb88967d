//! Parts of a connection that all frontends have: a granted ring, an event channel, a wait.

use xen_grant::{GrantError, GrantTable, Granted, ReadWrite};
use xen_hypercall::{DomId, Instant, OutOfMemory, Pages, Platform, Port};
use xen_store::XenStore;

/// Allocates a zeroed page and grants `peer` access to it.
pub(crate) fn grant_page<P, E>(
    grants: &GrantTable<P>,
    peer: DomId,
) -> Result<Granted<P, ReadWrite>, E>
where
    P: Platform,
    E: From<OutOfMemory> + From<GrantError>,
{
    let page = Pages::alloc(grants.platform().clone(), 1)?;
    Ok(grants.grant_writable(page, peer).map_err(|failed| failed.error)?)
}

/// Waits for an event of `port` or of the store, at most until the earliest of `deadlines`.
pub(crate) fn wait<P: Platform>(
    store: &XenStore<P>,
    port: Option<Port>,
    deadlines: [Option<Instant>; 2],
) {
    let deadline = deadlines.into_iter().flatten().min();
    match port {
        Some(port) => store.platform().wait(&[port, store.port()], deadline),
        None => store.platform().wait(&[store.port()], deadline),
    }
}
