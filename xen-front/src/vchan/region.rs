//! Ends in memory that both domains have from their start.

use super::end::{POLL_INTERVAL, Parts};
use super::{End, VchanError, VchanOrders, VchanPeer};
use crate::connection;
use core::fmt;
use core::ops::ControlFlow;
use xen_evtchn::Channel;
use xen_hypercall::{GrantRef, Instant, PAGE_SIZE, Platform, Port, SharedMem};
use xen_ring::{Notify, Vchan, VchanError as RingsError};

/// An end in memory that both domains have from their start.
pub type StaticEnd<'m, P> = End<P, &'m SharedMem>;

/// A vchan that connects without xenstore, in memory that both domains have from their start:
/// static shared memory (`xen,shared-memory-v1` of a device tree), or pages that are granted under
/// references known to both. The port is one that both have from their start, too
/// ([`Channel::bind_static`]).
///
/// The memory has the page of `libxenvchan.h` first, then the rings that have pages of their own:
/// the left one, then the right one. Its content at the start is not relied on, as Xen does not
/// clear static memory: the client withdraws the offer that it finds, and the server publishes its
/// own again.
///
/// After one end is dropped, both can connect again. If a domain starts anew without that, the
/// other one has to drop its end too.
///
/// ```no_run
/// # use core::time::Duration;
/// # use xen_evtchn::Channel;
/// # use xen_front::vchan::{StaticVchan, VchanError};
/// # use xen_hypercall::{Platform, Port, SharedMem};
/// /// Sends a greeting to the server in `memory`.
/// fn greet<P: Platform>(xen: P, memory: &SharedMem, port: Port) -> Result<(), VchanError> {
///     let deadline = xen.now() + Duration::from_secs(30);
///     let channel = Channel::bind_static(xen.clone(), port).map_err(VchanError::Port)?;
///     let mut client = StaticVchan::client(xen, memory, channel).wait(deadline)?;
///     client.write(b"hello")?;
///     client.flush(deadline)
/// }
/// ```
pub struct StaticVchan<'m, P: Platform> {
    memory: &'m SharedMem,
    role: Role<'m, P>,
}

/// Role of this end.
enum Role<'m, P: Platform> {
    Server(StaticEnd<'m, P>, VchanOrders),
    Client(P, Channel<P>),
}

/// Memory of a ring outside of the first page.
type Own<'m, P> = Parts<P, &'m SharedMem>;

impl<'m, P: Platform> StaticVchan<'m, P> {
    /// Offers rings of the sizes `orders` in `memory`.
    ///
    /// # Errors
    ///
    /// [`VchanError::Region`] if the memory is too small, [`VchanError::Memory`].
    pub fn server(
        platform: P,
        memory: &'m SharedMem,
        orders: VchanOrders,
        channel: Channel<P>,
    ) -> Result<Self, VchanError> {
        let end = End::new(platform.clone(), offer(&platform, memory, orders)?, channel);
        end.notify(Notify::Send);
        Ok(Self { memory, role: Role::Server(end, orders) })
    }

    /// Requests the offer of the server in `memory`.
    pub fn client(platform: P, memory: &'m SharedMem, channel: Channel<P>) -> Self {
        VchanOrders::withdraw(memory.first_page());
        notify(&channel);
        Self { memory, role: Role::Client(platform, channel) }
    }

    /// Returns the port whose events announce progress.
    pub fn port(&self) -> Port {
        match &self.role {
            Role::Server(end, _) => end.port(),
            Role::Client(_, channel) => channel.port(),
        }
    }

    /// Continues without waiting, and returns the end once it is connected.
    ///
    /// # Errors
    ///
    /// For a client [`VchanError::Rings`] if the server has published invalid sizes of the rings,
    /// [`VchanError::Region`] if the memory is too small for them; [`VchanError::Memory`].
    pub fn poll(self) -> Result<ControlFlow<StaticEnd<'m, P>, Self>, VchanError> {
        let Self { memory, role } = self;
        match role {
            Role::Server(mut end, orders) => {
                if !end.is_offered() {
                    let ring = offer(end.platform(), memory, orders)?;
                    end.renew(ring);
                }
                if end.peer() == VchanPeer::Live {
                    return Ok(ControlFlow::Break(end));
                }
                Ok(ControlFlow::Continue(Self { memory, role: Role::Server(end, orders) }))
            }
            Role::Client(platform, channel) => {
                let page = memory.first_page();
                let orders = match VchanOrders::offered(page) {
                    Err(RingsError::ServerGone) => {
                        let role = Role::Client(platform, channel);
                        return Ok(ControlFlow::Continue(Self { memory, role }));
                    }
                    orders => orders?,
                };
                let (left, right) = place(&platform, memory, orders)?;
                let ring = Vchan::client(page, orders, left, right)?;
                notify(&channel);
                Ok(ControlFlow::Break(End::new(platform, ring, channel)))
            }
        }
    }

    /// Waits until the end is connected.
    ///
    /// # Errors
    ///
    /// [`VchanError::Timeout`] after `deadline`; those of [`poll`](Self::poll).
    pub fn wait(mut self, deadline: Instant) -> Result<StaticEnd<'m, P>, VchanError> {
        loop {
            match self.poll()? {
                ControlFlow::Break(end) => return Ok(end),
                ControlFlow::Continue(pending) => self = pending,
            }
            let platform = match &self.role {
                Role::Server(end, _) => end.platform(),
                Role::Client(platform, _) => platform,
            };
            // The events of a peer that offers and withdraws without end do not extend the
            // deadline.
            if !connection::wait_before(platform, self.port(), deadline, POLL_INTERVAL) {
                return Err(VchanError::Timeout);
            }
        }
    }
}

/// Initializes the memory for a client.
fn offer<'m, P: Platform>(
    platform: &P,
    memory: &'m SharedMem,
    orders: VchanOrders,
) -> Result<Vchan<&'m SharedMem, Own<'m, P>>, VchanError> {
    let (left, right) = place(platform, memory, orders)?;
    // The client has no use for references: these are the numbers of the pages.
    let refs = (1..=(orders.left_pages() + orders.right_pages()) as u32).map(GrantRef);
    Ok(Vchan::server(memory.first_page(), orders, left, right, refs)?)
}

/// Notifies the server.
fn notify<P: Platform>(channel: &Channel<P>) {
    // A server that cannot be notified has no end, so that its offer does not come.
    let _ = channel.notify();
}

/// Returns the places of the left and of the right ring.
fn place<'m, P: Platform>(
    platform: &P,
    memory: &'m SharedMem,
    orders: VchanOrders,
) -> Result<(Own<'m, P>, Own<'m, P>), VchanError> {
    let (left, right) = (orders.left_pages(), orders.right_pages());
    let (found, expected) = (memory.len() / PAGE_SIZE, 1 + left + right);
    if found < expected {
        return Err(VchanError::Region { found, expected });
    }
    Ok((
        Parts::whole(platform, memory.pages(1, left))?,
        Parts::whole(platform, memory.pages(1 + left, right))?,
    ))
}

impl<P: Platform> fmt::Debug for StaticVchan<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaticVchan")
            .field("memory", &self.memory)
            .field("is_server", &matches!(self.role, Role::Server(..)))
            .field("port", &self.port())
            .finish()
    }
}
