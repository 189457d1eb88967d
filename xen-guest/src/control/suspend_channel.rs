//! Event channel by which the toolstack requests a suspend.

use xen_evtchn::Channel;
use xen_hypercall::{DomId, Errno, Platform, Port};
use xen_store::{StoreError, XenStore, XsOps};

const NODE: &str = "device/suspend/event-channel";

/// Port by which the toolstack requests a suspend without xenstore, published in
/// `device/suspend/event-channel`. Source: `xenstore-paths.pandoc`.
///
/// An event on the port is a request like
/// [`ShutdownRequest::Suspend`](super::ShutdownRequest::Suspend). A kernel waits for the port too,
/// and [`GuestServices::eoi`](crate::GuestServices::eoi) returns whether its event has come. After
/// the domain was resumed elsewhere, [`forget`](Self::forget) the channel and open a new one.
#[derive(Debug)]
pub struct SuspendChannel<P: Platform>(Channel<P>);

impl<P: Platform> SuspendChannel<P> {
    /// Opens the port for the toolstack's domain, and publishes it.
    ///
    /// # Errors
    ///
    /// [`SuspendChannelError`]: the toolstack requests a suspend by `control/shutdown` then.
    pub fn new(store: &XenStore<P>) -> Result<Self, SuspendChannelError> {
        let channel = Channel::alloc_unbound(store.platform().clone(), DomId(0))
            .map_err(SuspendChannelError::Port)?;
        store.write_fmt(NODE, channel.port()).map_err(SuspendChannelError::Store)?;
        Ok(Self(channel))
    }

    /// Returns the port.
    pub fn port(&self) -> Port {
        self.0.port()
    }

    /// Drops the channel without closing its port: the domain was resumed elsewhere.
    pub fn forget(self) {
        self.0.forget();
    }
}

/// Error of opening a [`SuspendChannel`].
#[derive(Clone, Debug, thiserror::Error)]
pub enum SuspendChannelError {
    /// Xen opens no port.
    #[error("suspend event channel: {0}")]
    Port(Errno),
    /// The port cannot be published: a toolstack need not have made the node.
    #[error("suspend event channel: {0}")]
    Store(StoreError),
}
