//! The frontend.

use crate::{KIND, PAGES, RotError, SHIFT};
use xen_evtchn::Channel;
use xen_grant::{GrantTable, Granted, ReadOnly, ReadWrite};
use xen_hypercall::sync::Ordering;
use xen_hypercall::{GrantRef, Instant, Pages, Platform, Port};
use xen_ring::FlexRing;
use xenbus::{Cause, FrontendDriver, KeyList, NodeWriter, Peer};

/// Memory and port of one connection.
struct Connection<P: Platform> {
    ring: FlexRing<Granted<P, ReadWrite>, Granted<P, ReadWrite>>,
    config: Granted<P, ReadOnly>,
    channel: Channel<P>,
}

/// Driver of the frontend.
pub struct RotFront<P: Platform> {
    grants: GrantTable<P>,
    shift: u32,
    connection: Option<Connection<P>>,
}

impl<P: Platform> RotFront<P> {
    /// Creates a driver that has letters rotated by `shift`.
    pub fn new(grants: &GrantTable<P>, shift: u32) -> Self {
        Self { grants: grants.clone(), shift, connection: None }
    }

    /// Returns the port to wait for, while there is a connection.
    pub fn port(&self) -> Option<Port> {
        self.connection.as_ref().map(|connection| connection.channel.port())
    }

    /// Sets the shift of bytes that the backend has not taken yet.
    pub fn set_shift(&mut self, shift: u32) {
        self.shift = shift;
        if let Some(connection) = &self.connection {
            connection.config.as_ref().u32::<SHIFT>().store(shift, Ordering::Relaxed);
        }
    }

    /// Writes as many bytes as there is room for and returns their number.
    ///
    /// # Errors
    ///
    /// [`RotError::Index`], [`RotError::Port`].
    pub fn write(&mut self, bytes: &[u8]) -> Result<usize, RotError> {
        self.exchange(|connection| Ok(connection.ring.write(bytes)?))
    }

    /// Reads bytes that the backend has returned, and returns their number.
    ///
    /// # Errors
    ///
    /// Those of [`write`](Self::write).
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize, RotError> {
        self.exchange(|connection| Ok(connection.ring.read(buffer)?))
    }

    /// Moves bytes and notifies the backend if there were any.
    fn exchange(
        &mut self,
        transfer: impl FnOnce(&mut Connection<P>) -> Result<usize, RotError>,
    ) -> Result<usize, RotError> {
        let Some(connection) = &mut self.connection else { return Ok(0) };
        let count = transfer(connection)?;
        if count > 0 {
            connection.channel.notify()?;
        }
        Ok(count)
    }
}

impl<P: Platform> FrontendDriver for RotFront<P> {
    const KIND: &'static str = KIND;

    type Error = RotError;

    fn setup_keys(&self, keys: &mut KeyList<'_>) {
        keys.peer("max-shift");
    }

    fn setup(&mut self, peer: &Peer<'_>) -> Result<(), RotError> {
        let (found, limit) = (self.shift, peer.nodes.number("max-shift")?);
        if found > limit {
            return Err(RotError::Shift { found, limit });
        }
        let platform = self.grants.platform();
        let page = |count| Pages::alloc(platform.clone(), count);
        let share = |pages| self.grants.grant_writable(pages, peer.id).map_err(|err| err.error);
        let (indices, data) = (share(page(1)?)?, share(page(PAGES)?)?);
        let mut refs = heapless::Vec::<GrantRef, PAGES>::new();
        refs.extend(data.refs().iter().copied().take(PAGES));
        let ring = FlexRing::front(indices, data, &refs)?;
        let config = self.grants.grant_read_only(page(1)?, peer.id).map_err(|err| err.error)?;
        config.as_ref().u32::<SHIFT>().store(self.shift, Ordering::Relaxed);
        let channel = Channel::alloc_unbound(platform.clone(), peer.id)?;
        self.connection = Some(Connection { ring, config, channel });
        Ok(())
    }

    fn write_nodes(&self, nodes: &mut NodeWriter<'_>) {
        let Some(Connection { ring, config, channel }) = &self.connection else { return };
        nodes.write("ring-ref", ring.indices().reference());
        nodes.write("config-ref", config.reference());
        nodes.write("event-channel", channel.port());
    }

    /// Checks the ring; the device is closed if the backend wrote a wrong index.
    fn run(&mut self, _: Instant) -> Result<(), RotError> {
        let Some(Connection { ring, .. }) = &mut self.connection else { return Ok(()) };
        ring.available()?;
        ring.free()?;
        Ok(())
    }

    fn disconnect(&mut self, _: Cause) {
        self.connection = None;
    }
}
