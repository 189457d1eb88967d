//! The end that maps the server's memory.

use super::end::Parts;
use super::{End, VchanError, VchanOrders};
use core::fmt::Display;
use heapless::Vec;
use xen_evtchn::Channel;
use xen_grant::{GrantMapArea, GrantMapping, MAX_PAGES, ReadWrite};
use xen_hypercall::{DomId, ForeignFrames, GrantRef, Instant, Port};
use xen_ring::{Notify, Vchan};
use xen_store::{XenStore, XsOps};

/// The end that maps what a [`Server`](super::Server) of another domain grants. Drop it to
/// close it: it notifies the server when all is unmapped.
pub type Client<P> = End<P, GrantMapping<P, ReadWrite>>;

impl<P: ForeignFrames> Client<P> {
    /// Connects to the vchan that domain `server` has at `path`. If there is none yet, or only the
    /// nodes of an earlier server, waits for one.
    ///
    /// # Errors
    ///
    /// [`VchanError`]; after `deadline` the error of the last attempt.
    #[doc(alias = "libxenvchan_client_init")]
    pub fn connect(
        store: &XenStore<P>,
        server: DomId,
        path: impl Display,
        deadline: Instant,
    ) -> Result<Self, VchanError> {
        let watch = store.watch(&path)?;
        loop {
            let error = match Self::try_connect(store, server, &path) {
                Err(error) if error.is_early() => error,
                result => return result,
            };
            // A server that keeps writing its nodes has an event for each attempt.
            if store.platform().now() >= deadline || watch.wait_next(deadline)?.is_none() {
                return Err(error);
            }
        }
    }

    /// Connects as [`connect`](Self::connect) does, without waiting for a server.
    ///
    /// # Errors
    ///
    /// [`VchanError`], with nothing changed.
    pub fn try_connect(
        store: &XenStore<P>,
        server: DomId,
        path: impl Display,
    ) -> Result<Self, VchanError> {
        let platform = store.platform();
        let reference = GrantRef(store.read_number(format_args!("{path}/ring-ref"))?);
        let port = Port(store.read_number(format_args!("{path}/event-channel"))?);
        let map = |refs: &[GrantRef]| -> Result<GrantMapping<P, ReadWrite>, VchanError> {
            let window =
                GrantMapArea::reserve(platform.clone(), refs.len()).map_err(VchanError::Memory)?;
            window.map(server, refs).map_err(|failed| VchanError::Map(failed.error))
        };
        let page = map(&[reference])?;
        let orders = VchanOrders::offered(page.as_ref())?;
        let (left, right) = {
            let mut refs = orders.refs(page.as_ref());
            let mut map_ring = |pages| {
                Parts::new(platform, pages, |count| {
                    map(&refs.by_ref().take(count).collect::<Vec<GrantRef, MAX_PAGES>>())
                })
            };
            (map_ring(orders.left_pages())?, map_ring(orders.right_pages())?)
        };
        let channel =
            Channel::bind_interdomain(platform.clone(), server, port).map_err(VchanError::Port)?;
        let client = End::new(platform.clone(), Vchan::client(page, orders, left, right)?, channel);
        client.notify(Notify::Send);
        Ok(client)
    }
}
