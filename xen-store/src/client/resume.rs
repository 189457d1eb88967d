//! Suspend, resume and reconnection.

use super::{Runtime, XenStore};
use crate::connection::{RingTransport, Transport};
use crate::error::ErrorKind;
use core::sync::atomic::Ordering;
use xen_hypercall::boot::{self, BootError};
use xen_hypercall::{Instant, Platform, Port};
use xen_sys::io::xs_wire::ServerFeatures;

impl<P: Platform> XenStore<P> {
    /// Makes a client on the ring of boot; waits for the toolstack to set the ring up, at most
    /// until `deadline`: a domain that Xen itself started runs before any toolstack.
    ///
    /// # Errors
    ///
    /// Those of [`boot::xenstore_ring`]; [`BootError::Map`] if the platform has no pages for the
    /// messages.
    pub fn start(platform: P, deadline: Instant) -> Result<Self, BootError> {
        loop {
            match boot::xenstore_ring(platform.clone()) {
                Ok(ring) => return Self::new(platform, ring).map_err(BootError::Map),
                Err(BootError::Absent { port, .. }) if platform.now() < deadline => {
                    // The toolstack that sets the ring up sends an event, if the domain has a port.
                    let slice = deadline.min(platform.now() + super::WAIT_SLICE);
                    let port = u32::try_from(port).ok().filter(|&port| port != 0).map(Port);
                    platform.wait(port.as_slice(), Some(slice));
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Returns what the server says in the ring page that it can do.
    pub fn page_features(&self) -> ServerFeatures {
        self.connection().transport().server_features()
    }

    /// Resumes after the domain was suspended and restored: takes the new ring of the toolstack.
    /// See [`resume_with`](Self::resume_with).
    ///
    /// # Errors
    ///
    /// Those of [`boot::xenstore_ring`]; the store stays quiesced, try again.
    pub fn resume(&self) -> Result<(), BootError> {
        let ring = boot::xenstore_ring(self.inner.platform.clone())?;
        self.resume_with(
            RingTransport::new(self.inner.platform.clone(), ring.page, ring.port),
            ring.port,
        );
        Ok(())
    }
}

impl<P: Runtime, T: Transport> XenStore<P, T> {
    /// Prepares for a suspend of the domain: blocks new requests, and waits until all requests in
    /// flight have their replies.
    ///
    /// From then on [`begin`](Self::begin) fails at once with [`ErrorKind::Quiesced`]; what blocks
    /// waits, as long as for a reply, for [`unquiesce`](Self::unquiesce) or
    /// [`resume_with`](Self::resume_with). Watch events that come are still kept.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Timeout`] if the server does not reply, [`ErrorKind::Connection`]; the store is
    /// not quiesced then.
    pub fn quiesce(&self) -> Result<(), ErrorKind> {
        let waited = self.timeout();
        let deadline = self.inner.platform.now() + waited;
        self.connection().quiesce();
        let idle = || self.connection().is_idle().then_some(());
        let done = self
            .block_until(deadline, idle)
            .and_then(|idle| idle.ok_or(ErrorKind::Timeout { waited }));
        done.inspect_err(|_| self.connection().unquiesce())
    }

    /// Continues after a cancelled suspend: ring and watches are unchanged, transactions are still
    /// open.
    pub fn unquiesce(&self) {
        self.connection().unquiesce();
    }

    /// Continues over another transport, whose events come to `port`; returns the last transport.
    ///
    /// All watches are set again, and fire. Transactions are over:
    /// [`transaction`](Self::transaction) runs them again. The server may be the
    /// same one, if a suspend was reported as a move; its watches and transactions are reset first,
    /// so that none remain. Requests that were not sent yet, or only
    /// read, are sent to the new server; all others that have no reply end with
    /// [`ErrorKind::Interrupted`].
    pub fn resume_with(&self, transport: T, port: Port) -> T {
        let mut connection = self.connection();
        self.inner.port.store(port.0, Ordering::Relaxed);
        connection.reset(transport)
    }

    /// Asks the server for a new connection after this one broke; it becomes usable as soon as the
    /// server agrees. What it does is what [`resume_with`](Self::resume_with) does.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Connection`] if the server does not support it or cannot be notified.
    pub fn reconnect(&self) -> Result<(), ErrorKind> {
        Ok(self.connection().reconnect()?)
    }
}
