//! The protocol of a frontend.

use crate::XenbusState;
use crate::error::XenbusError;
use crate::keys::{KeyList, KeyValues};
use crate::publish::NodeWriter;
use core::fmt::Display;
use xen_hypercall::{DomId, Instant, PageBox, Platform};

/// The reason why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Both ends are closed.
    Closed,
    /// The device was removed.
    Unplugged,
    /// The caller opens the device again.
    Reopened,
    /// The domain was resumed, perhaps on another host: the backend is another one.
    Resumed,
}

/// The other end of a device, for a driver that connects to it.
#[derive(Clone, Copy, Debug)]
pub struct Peer<'a> {
    /// The domain of the other end: the one to grant memory to, or to map memory of.
    pub id: DomId,
    /// The nodes that the driver asked for.
    pub nodes: KeyValues<'a>,
}

/// The protocol of a frontend: the nodes it reads and writes, and what a connection consists of.
///
/// The device calls these functions from [`FrontendDevice::poll`](crate::FrontendDevice::poll);
/// none of them may wait.
pub trait FrontendDriver {
    /// The kind of device: `vbd`, `vif`, ...
    const KIND: &'static str;

    /// Nodes of earlier connections, of this driver's or another one's, that a backend would take
    /// for this connection's: those that the driver does not write are removed. At most 64.
    const STALE_NODES: &'static [&'static str] = &[];

    /// A node of the backend that can change while the device is connected.
    const WATCHED_NODE: Option<&'static str> = None;

    /// The state after [`setup`](Self::setup): Initialised if the backend has details to add
    /// before the frontend is Connected, or Connected.
    const SETUP_STATE: XenbusState = XenbusState::INITIALISED;

    /// The driver's errors.
    type Error: From<XenbusError> + Display;

    /// Adds the nodes to read before [`setup`](Self::setup). Called again when all are read, until
    /// it adds no more.
    fn setup_keys(&self, keys: &mut KeyList<'_>) {
        let _ = keys;
    }

    /// Creates rings, grants and event channels for the backend.
    ///
    /// # Errors
    ///
    /// Any. The first time the device calls [`disconnect`](Self::disconnect) and reads the nodes
    /// again, as a backend may have been replaced meanwhile; an error then is written to the
    /// device's error node, and the device closes.
    fn setup(&mut self, peer: &Peer<'_>) -> Result<(), Self::Error>;

    /// Writes the nodes of the connection that [`setup`](Self::setup) created.
    fn write_nodes(&self, nodes: &mut NodeWriter<'_>);

    /// Adds the nodes to read before [`connect`](Self::connect).
    fn connect_keys(&self, keys: &mut KeyList<'_>) {
        let _ = keys;
    }

    /// Takes up what the backend has published.
    ///
    /// # Errors
    ///
    /// As [`setup`](Self::setup).
    fn connect(&mut self, peer: &Peer<'_>) -> Result<(), Self::Error> {
        let _ = peer;
        Ok(())
    }

    /// Does what can be done now; called by each
    /// [`FrontendDevice::poll`](crate::FrontendDevice::poll) while the device is connected.
    ///
    /// # Errors
    ///
    /// As [`setup`](Self::setup).
    fn run(&mut self, now: Instant) -> Result<(), Self::Error> {
        let _ = now;
        Ok(())
    }

    /// Takes the value of the [watched node](Self::WATCHED_NODE) after [`connect`](Self::connect),
    /// and each new one; empty if it is longer than 32 bytes or missing.
    ///
    /// # Errors
    ///
    /// Any; the device stays connected.
    fn node_changed(&mut self, value: &[u8]) -> Result<(), Self::Error> {
        let _ = value;
        Ok(())
    }

    /// Stops issuing requests, because either end closes the device, and returns whether the
    /// frontend may enter Closing. Until then the device is polled on. The backend can complete
    /// requests in flight in the states Connected and Closing; in Closing it has the time of
    /// [`FrontendDevice::set_timeout`](crate::FrontendDevice::set_timeout) for that.
    fn quiesce(&mut self, backend: XenbusState) -> bool {
        let _ = backend;
        true
    }

    /// Releases the connection. Called once for each [`setup`](Self::setup) and more often.
    fn disconnect(&mut self, cause: Cause);
}

/// A driver whose value is large: the device's value stays small.
impl<P: Platform, D: FrontendDriver> FrontendDriver for PageBox<P, D> {
    const KIND: &'static str = D::KIND;
    const STALE_NODES: &'static [&'static str] = D::STALE_NODES;
    const WATCHED_NODE: Option<&'static str> = D::WATCHED_NODE;
    const SETUP_STATE: XenbusState = D::SETUP_STATE;

    type Error = D::Error;

    fn setup_keys(&self, keys: &mut KeyList<'_>) {
        (**self).setup_keys(keys);
    }

    fn setup(&mut self, peer: &Peer<'_>) -> Result<(), D::Error> {
        (**self).setup(peer)
    }

    fn write_nodes(&self, nodes: &mut NodeWriter<'_>) {
        (**self).write_nodes(nodes);
    }

    fn connect_keys(&self, keys: &mut KeyList<'_>) {
        (**self).connect_keys(keys);
    }

    fn connect(&mut self, peer: &Peer<'_>) -> Result<(), D::Error> {
        (**self).connect(peer)
    }

    fn run(&mut self, now: Instant) -> Result<(), D::Error> {
        (**self).run(now)
    }

    fn node_changed(&mut self, value: &[u8]) -> Result<(), D::Error> {
        (**self).node_changed(value)
    }

    fn quiesce(&mut self, backend: XenbusState) -> bool {
        (**self).quiesce(backend)
    }

    fn disconnect(&mut self, cause: Cause) {
        (**self).disconnect(cause);
    }
}
