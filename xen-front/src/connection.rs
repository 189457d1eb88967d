//! Parts of a connection that several drivers have: a granted ring, waits for events.

use core::time::Duration;
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

/// Waits for an event of `port`, at most for `limit` and until `deadline`. Returns `false` without
/// a wait if the deadline has passed.
///
/// A caller checks its ring before each call, so events without end do not extend the deadline.
pub(crate) fn wait_before<P: Platform>(
    platform: &P,
    port: Port,
    deadline: Instant,
    limit: Duration,
) -> bool {
    let now = platform.now();
    if now >= deadline {
        return false;
    }
    platform.wait(&[port], Some(deadline.min(now + limit)));
    true
}
