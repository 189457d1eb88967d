//! Blocking forms of a frontend's lifecycle: loops over polls.

use crate::XenbusState;
use crate::error::XenbusError;
use crate::frontend::{DeviceState, FrontendDevice};
use crate::frontend_driver::{Cause, FrontendDriver};
use crate::job::JobEnd;
use crate::publish::Published;
use core::time::Duration;
use xen_hypercall::Instant;
use xen_store::{Runtime, Transport};

impl<P: Runtime, D: FrontendDriver, T: Transport> FrontendDevice<P, D, T> {
    /// Polls and waits until the device is in the state `wanted`, at most until `deadline`.
    ///
    /// # Errors
    ///
    /// [`XenbusError::Timeout`], [`XenbusError::Refused`], [`XenbusError::Unplugged`]; those of
    /// [`poll`](Self::poll).
    pub fn wait_for(&mut self, wanted: DeviceState, deadline: Instant) -> Result<(), D::Error> {
        let store = self.store().clone();
        let start = store.platform().now();
        loop {
            let now = store.platform().now();
            match self.poll(now)? {
                state if state == wanted => return Ok(()),
                DeviceState::Closed | DeviceState::Unplugged => return Err(self.refused().into()),
                DeviceState::Closing if wanted == DeviceState::Connected => {
                    return Err(self.refused().into());
                }
                _ => {}
            }
            // However often the backend changes its state, this was the last poll.
            if now >= deadline {
                let waited = now.saturating_duration_since(start);
                return Err(self.timed_out(wanted, waited).into());
            }
            store.wait(self.poll_timeout(now).map_or(deadline, |at| at.min(deadline)));
        }
    }

    /// Polls and waits until the device is connected, at most until `deadline`.
    ///
    /// A device that could not be connected is closed without waiting for the backend, and its
    /// error node has the error.
    ///
    /// # Errors
    ///
    /// Those of [`wait_for`](Self::wait_for).
    pub fn connect_and_wait(&mut self, deadline: Instant) -> Result<(), D::Error> {
        let connected = self.wait_for(DeviceState::Connected, deadline);
        if let Err(error) = &connected {
            self.fail_and_wait(error);
        }
        connected
    }

    /// Writes `error` to the error node and begins to close the device, as [`fail`](Self::fail)
    /// does. Waits for xenstored, at most for the store's timeout.
    fn fail_and_wait(&mut self, error: &D::Error) {
        if !self.is_found() || self.nodes.gone {
            return;
        }
        self.fail(error);
        let store = self.store().clone();
        let deadline = store.platform().now() + store.timeout();
        // What went wrong matters more than whether it could be reported.
        loop {
            let now = store.platform().now();
            let closing = matches!(self.nodes.own, XenbusState::CLOSING | XenbusState::CLOSED);
            if closing || now >= deadline || self.poll(now).is_err() || !self.is_open() {
                return;
            }
            store.wait(deadline);
        }
    }

    /// Closes the device and waits until the backend has released it, at most until `deadline`.
    ///
    /// # Errors
    ///
    /// Those of [`wait_for`](Self::wait_for). The device is then closed without the backend, which
    /// can still use its memory. A device that was removed is closed.
    pub fn close_and_wait(&mut self, deadline: Instant) -> Result<(), D::Error> {
        self.close();
        let closed = self.wait_for(DeviceState::Closed, deadline);
        match self.state {
            DeviceState::Unplugged => Ok(()),
            DeviceState::Closed => closed,
            _ => {
                self.finish_close();
                self.end(Cause::Closed);
                closed
            }
        }
    }

    /// Writes Closed, whatever the backend does. Waits for xenstored, at most for the store's
    /// timeout.
    pub(crate) fn finish_close(&mut self) {
        if self.nodes.own == XenbusState::CLOSED || self.nodes.gone || !self.is_found() {
            return;
        }
        let store = self.store().clone();
        let deadline = store.platform().now() + store.timeout();
        self.jobs.cancel();
        self.jobs.publish(XenbusState::CLOSED, false);
        // Without xenstore the device stays as it is, and is closed when it is opened again.
        while store.poll().is_ok() {
            match self.poll_job() {
                Ok(JobEnd::Busy) if store.platform().now() < deadline => {}
                Ok(JobEnd::Published(Published::Yes(state))) => {
                    self.nodes.own = state;
                    return;
                }
                _ => return,
            }
            let _ = store.poll();
            store.wait(deadline);
        }
    }

    fn timed_out(&self, wanted: DeviceState, waited: Duration) -> XenbusError {
        if self.is_unanswered(self.store().platform().now()) {
            return self.jobs.timeout(&self.nodes, waited);
        }
        let awaited = match wanted {
            DeviceState::Connecting | DeviceState::Connected => XenbusState::CONNECTED,
            _ => XenbusState::CLOSED,
        };
        let (own, found) = (self.nodes.own, self.nodes.peer);
        let path = self.nodes.peer_state_path();
        XenbusError::Timeout { path, awaited, found, own, waited }
    }

    fn refused(&self) -> XenbusError {
        match self.state {
            DeviceState::Unplugged => self.nodes.unplugged(),
            _ => XenbusError::Refused {
                path: self.nodes.peer_state_path(),
                found: self.nodes.peer,
                own: self.nodes.own,
            },
        }
    }
}
