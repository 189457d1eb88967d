//! The protocol of a backend.

use crate::error::XenbusError;
use crate::frontend_driver::Peer;
use crate::keys::KeyList;
use crate::publish::NodeWriter;
use core::fmt::Display;
use core::time::Duration;
use xen_hypercall::{Instant, PageBox, Platform};

/// The result of [`BackendDevice::poll`](crate::BackendDevice::poll), for the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackendEvent {
    /// Nothing, until an event of the store's port or
    /// [`BackendDevice::poll_timeout`](crate::BackendDevice::poll_timeout).
    Idle,
    /// Serve the frontend, unless [`BackendDriver::run`] does. The same is returned while the
    /// device closes: until the frontend is Closed, it can have requests in flight and issue new
    /// ones.
    Serve,
    /// The device is closed for good, or its directory is gone.
    /// [`remove`](crate::BackendDevice::remove) or drop it.
    Removed,
}

/// The protocol of a backend: the nodes it reads and writes, and what a connection consists of.
///
/// The device calls these functions from [`BackendDevice::poll`](crate::BackendDevice::poll); none
/// of them may wait.
pub trait BackendDriver {
    /// The kind of device: `vbd`, `vif`, ...
    const KIND: &'static str;

    /// A node of the frontend that can change while the device is connected.
    const WATCHED_NODE: Option<&'static str> = None;

    /// The frontend can change its nodes while it is connected: it switches to Reconfiguring, and
    /// waits until the backend is Reconfigured. Without it the device serves a frontend in this
    /// state, and changes nothing.
    const RECONFIGURES: bool = false;

    /// The driver's errors.
    type Error: From<XenbusError> + Display;

    /// Adds the nodes to read before [`setup`](Self::setup): those that the toolstack has written
    /// to the device's own directory.
    fn setup_keys(&self, keys: &mut KeyList<'_>) {
        let _ = keys;
    }

    /// Takes up the device's configuration, and returns whether the device can be offered. If not,
    /// as before a hotplug script has written its nodes, it is called again after each change of
    /// the own directory.
    ///
    /// # Errors
    ///
    /// Any: the error is written to the device's error node, and the device closes.
    fn setup(&mut self, peer: &Peer<'_>) -> Result<bool, Self::Error> {
        let _ = peer;
        Ok(true)
    }

    /// Returns the error of a device whose directory has lacked nodes of the toolstack for
    /// `waited`: [`setup`](Self::setup) has returned `false` since.
    fn setup_timeout(&self, waited: Duration, error: XenbusError) -> Self::Error {
        let _ = waited;
        error.into()
    }

    /// Writes the nodes that a frontend reads before it connects.
    fn write_offer(&self, nodes: &mut NodeWriter<'_>);

    /// Adds the nodes to read before [`connect`](Self::connect). Called again when all are read,
    /// until it adds no more.
    fn connect_keys(&self, keys: &mut KeyList<'_>);

    /// Maps the rings and binds the event channels that the frontend has published.
    ///
    /// # Errors
    ///
    /// As [`setup`](Self::setup).
    fn connect(&mut self, peer: &Peer<'_>) -> Result<(), Self::Error>;

    /// Takes up the nodes of a connected frontend that is Reconfiguring, read anew.
    ///
    /// # Errors
    ///
    /// As [`setup`](Self::setup).
    fn reconfigure(&mut self, peer: &Peer<'_>) -> Result<(), Self::Error> {
        let _ = peer;
        Ok(())
    }

    /// Writes the nodes that a frontend reads once the backend is Connected.
    fn write_nodes(&self, nodes: &mut NodeWriter<'_>) {
        let _ = nodes;
    }

    /// Serves the frontend as far as possible now; called by each
    /// [`BackendDevice::poll`](crate::BackendDevice::poll) that returns
    /// [`Serve`](BackendEvent::Serve). The default leaves that to the caller of `poll`.
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
    fn node_changed(&mut self, value: &[u8]) {
        let _ = value;
    }

    /// Releases everything that the frontend shared, except for memory of requests in flight.
    /// Called once for each [`connect`](Self::connect) and more often.
    fn disconnect(&mut self);

    /// Returns whether no request in flight uses memory of an ended connection. Until then, the
    /// device neither becomes Closed nor connects again.
    fn is_drained(&self) -> bool {
        true
    }
}

/// A driver in pages of its own, so that the device stays small.
impl<P: Platform, D: BackendDriver> BackendDriver for PageBox<P, D> {
    const KIND: &'static str = D::KIND;
    const WATCHED_NODE: Option<&'static str> = D::WATCHED_NODE;
    const RECONFIGURES: bool = D::RECONFIGURES;

    type Error = D::Error;

    fn setup_keys(&self, keys: &mut KeyList<'_>) {
        (**self).setup_keys(keys);
    }

    fn setup(&mut self, peer: &Peer<'_>) -> Result<bool, D::Error> {
        (**self).setup(peer)
    }

    fn setup_timeout(&self, waited: Duration, error: XenbusError) -> D::Error {
        (**self).setup_timeout(waited, error)
    }

    fn write_offer(&self, nodes: &mut NodeWriter<'_>) {
        (**self).write_offer(nodes);
    }

    fn connect_keys(&self, keys: &mut KeyList<'_>) {
        (**self).connect_keys(keys);
    }

    fn connect(&mut self, peer: &Peer<'_>) -> Result<(), D::Error> {
        (**self).connect(peer)
    }

    fn reconfigure(&mut self, peer: &Peer<'_>) -> Result<(), D::Error> {
        (**self).reconfigure(peer)
    }

    fn write_nodes(&self, nodes: &mut NodeWriter<'_>) {
        (**self).write_nodes(nodes);
    }

    fn run(&mut self, now: Instant) -> Result<(), D::Error> {
        (**self).run(now)
    }

    fn node_changed(&mut self, value: &[u8]) {
        (**self).node_changed(value);
    }

    fn disconnect(&mut self) {
        (**self).disconnect();
    }

    fn is_drained(&self) -> bool {
        (**self).is_drained()
    }
}
