//! The end that owns the memory.

use super::end::Parts;
use super::{End, VchanError, VchanOrders, VchanPeer};
use core::fmt::{self, Display};
use core::ops::{Deref, DerefMut};
use heapless::String;
use xen_evtchn::Channel;
use xen_grant::{GrantTable, Granted, ReadWrite};
use xen_hypercall::{DomId, GrantRef, Instant, Pages, Platform};
use xen_ring::{Notify, Vchan};
use xen_store::wire::{Access, MessageType, Permission};
use xen_store::{ErrorKind, PathText, StoreError, XenStore, XsOps};

/// Maximum length of a server's path in bytes.
pub const MAX_PATH: usize = 128;

/// The end that grants all memory, and writes the references into xenstore: nodes `ring-ref` and
/// `event-channel` below its path.
///
/// When its client has disconnected, another one can connect:
/// [`wait_for_client`](Self::wait_for_client).
///
/// Close it with [`close`](Self::close). If it is dropped, its nodes stay, and the pages that the
/// client has still mapped go to the grant table's deferred list.
#[doc(alias = "libxenvchan_server_init")]
pub struct Server<P: Platform> {
    end: End<P, Granted<P, ReadWrite>>,
    store: XenStore<P>,
    path: String<MAX_PATH>,
}

impl<P: Platform> Server<P> {
    /// Grants domain `client` access to rings of the sizes `orders` and publishes the rings at
    /// `path`: a directory of the server's own that this domain may write, such as `data/NAME`.
    /// Only `client` may read it.
    ///
    /// The client's domain must exist: xenstored accepts no permission for a future domain.
    ///
    /// # Errors
    ///
    /// [`VchanError::Store`]; [`VchanError::Memory`], [`VchanError::Grant`], [`VchanError::Port`].
    pub fn open(
        store: &XenStore<P>,
        grants: &GrantTable<P>,
        client: DomId,
        path: impl Display,
        orders: VchanOrders,
    ) -> Result<Self, VchanError> {
        let mut own_path = String::new();
        fmt::write(&mut own_path, format_args!("{path}")).map_err(|_| {
            let (operation, path) = (MessageType::WRITE, PathText::new(&path));
            StoreError { operation, path, kind: ErrorKind::TooLong { limit: MAX_PATH } }
        })?;
        let platform = grants.platform();
        let share = |pages| -> Result<_, VchanError> {
            let pages = Pages::alloc(platform.clone(), pages).map_err(VchanError::Memory)?;
            grants.grant_writable(pages, client).map_err(|failed| VchanError::Grant(failed.error))
        };
        let share_ring = |pages| Parts::new(platform, pages, share);
        let page = share(1)?;
        let reference = page.reference();
        let (left, right) = (share_ring(orders.left_pages())?, share_ring(orders.right_pages())?);
        let channel = Channel::alloc_unbound(platform.clone(), client).map_err(VchanError::Port)?;
        let end = start(platform.clone(), page, orders, left, right, channel)?;
        let server = Self { end, store: store.clone(), path: own_path };
        server.publish(client, reference)?;
        Ok(server)
    }

    /// Writes the references of the rings into xenstore.
    fn publish(&self, client: DomId, reference: GrantRef) -> Result<(), VchanError> {
        let path = &self.path;
        let entry = |access, domain| Permission { access, domain };
        let permissions = [entry(Access::None, self.store.domid()?), entry(Access::Read, client)];
        self.store.transaction(|tx| {
            for (key, value) in [("ring-ref", reference.0), ("event-channel", self.port().0)] {
                let node = format_args!("{path}/{key}");
                tx.write_fmt(node, value)?;
                tx.set_permissions(node, &permissions)?;
            }
            Ok(())
        })
    }

    /// Waits until a client is connected, the first one or another one.
    ///
    /// # Errors
    ///
    /// [`VchanError::Timeout`] after `deadline`.
    pub fn wait_for_client(&mut self, deadline: Instant) -> Result<(), VchanError> {
        self.end.wait_until(deadline, |end| Ok(end.peer() == VchanPeer::Live))
    }

    /// Removes the server's directory from xenstore, notifies the client, waits until it has
    /// unmapped the memory, and ends its access.
    ///
    /// # Errors
    ///
    /// [`VchanError::Timeout`] if the client has not unmapped the memory by `deadline`,
    /// [`VchanError::Store`] if the directory could not be removed. The server is closed then too,
    /// and pages that the client still uses are in the grant table's deferred list.
    pub fn close(mut self, deadline: Instant) -> Result<(), VchanError> {
        let removed = self.store.remove(&self.path);
        self.end.shutdown();
        self.end.notify(Notify::Send);
        // A client closes its port last.
        self.end.wait_until(deadline, |end| Ok(!end.is_bound()))?;
        Ok(removed?)
    }
}

/// Starts the rings.
fn start<P: Platform>(
    platform: P,
    page: Granted<P, ReadWrite>,
    orders: VchanOrders,
    left: Parts<P, Granted<P, ReadWrite>>,
    right: Parts<P, Granted<P, ReadWrite>>,
    channel: Channel<P>,
) -> Result<End<P, Granted<P, ReadWrite>>, VchanError> {
    let mut refs = heapless::Vec::<GrantRef, 512>::new();
    for part in left.as_ref().iter().chain(right.as_ref()) {
        // There is room: two rings have 512 pages at most.
        let _ = refs.extend_from_slice(part.refs());
    }
    Ok(End::new(platform, Vchan::server(page, orders, left, right, refs)?, channel))
}

impl<P: Platform> Deref for Server<P> {
    type Target = End<P, Granted<P, ReadWrite>>;

    fn deref(&self) -> &Self::Target {
        &self.end
    }
}

impl<P: Platform> DerefMut for Server<P> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.end
    }
}

impl<P: Platform> fmt::Debug for Server<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("path", &self.path)
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}
