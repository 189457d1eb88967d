//! The reactions of a backend to the states of both ends.

use super::{BackendDevice, BackendEvent, For, GRACE};
use crate::Role;
use crate::XenbusState;
use crate::backend_driver::BackendDriver;
use crate::state::{Action, next};
use xen_hypercall::Instant;
use xen_store::{Runtime, Transport};

impl<P: Runtime, D: BackendDriver, T: Transport> BackendDevice<P, D, T> {
    /// Returns whether the states still require what nodes were read for.
    pub(super) fn is_wanted(&self) -> bool {
        let action = next(Role::Backend, self.nodes.own, self.nodes.peer);
        let is_ending = self.closing || !self.nodes.online;
        match self.reading {
            For::Setup => !is_ending && matches!(action, Action::Publish | Action::Restart),
            For::Connect => true,
            For::Reconfigure => action == Action::Reconfigure,
        }
    }

    /// Does what the two states require.
    pub(super) fn decide(&mut self, now: Instant) -> Result<Option<BackendEvent>, D::Error> {
        let online = self.nodes.online;
        let ending = self.closing || !online;
        if ending {
            self.unready = None;
        }
        if self.failed.is_some_and(|peer| peer != self.nodes.peer) {
            self.failed = None;
        }
        let action = if ending {
            self.next_of_end()
        } else {
            next(Role::Backend, self.nodes.own, self.nodes.peer)
        };
        match action {
            Action::Reconfigure if D::RECONFIGURES => self.begin_read(For::Reconfigure)?,
            Action::Resume => self.jobs.publish(XenbusState::CONNECTED, false),
            Action::Close if self.is_served() => self.jobs.publish(XenbusState::CLOSING, false),
            // To connect what is linked already is to try again: its state was not written.
            Action::Close
            | Action::Finish
            | Action::Restart
            | Action::Publish
            | Action::Connect
                if self.linked =>
            {
                self.disconnect();
            }
            Action::Finish | Action::Restart | Action::Publish | Action::Connect
                if !self.driver.is_drained() =>
            {
                return Ok(Some(BackendEvent::Idle));
            }
            Action::Publish | Action::Restart if self.failed.is_some() => {
                self.jobs.release_memory();
                return Ok(Some(BackendEvent::Idle));
            }
            Action::Publish | Action::Restart
                if self.unready.is_some() && !self.nodes.take_own_change() =>
            {
                self.check_setup_deadline(now)?;
                return Ok(Some(BackendEvent::Idle));
            }
            Action::Publish | Action::Restart => self.begin_read(For::Setup)?,
            Action::Connect => self.begin_read(For::Connect)?,
            Action::Run if self.changed => {
                self.changed = false;
                self.jobs.publish(XenbusState::CONNECTED, true);
            }
            Action::Run | Action::Reconfigure => {
                self.jobs.release_memory();
                return Ok(Some(BackendEvent::Serve));
            }
            Action::Close => self.jobs.publish(XenbusState::CLOSING, false),
            Action::Finish => self.jobs.publish(XenbusState::CLOSED, false),
            // The size of a disk can change while the device closes.
            Action::Wait if self.is_served() && self.changed => {
                self.changed = false;
                self.jobs.publish(XenbusState::CLOSING, true);
            }
            Action::Wait if self.is_served() => return Ok(Some(BackendEvent::Serve)),
            Action::Wait if self.linked => self.disconnect(),
            Action::Wait if self.nodes.own == XenbusState::CLOSED => {
                // The frontend may open it again if the toolstack keeps the device.
                self.closing = false;
                self.jobs.release_memory();
                let over = !online && now >= self.since + GRACE;
                return Ok(Some(if over { BackendEvent::Removed } else { BackendEvent::Idle }));
            }
            Action::Wait if self.deadline().is_some_and(|deadline| now >= deadline) => {
                self.jobs.publish(XenbusState::CLOSED, false);
            }
            // All but the first are a frontend's.
            Action::Wait | Action::Closed | Action::Reopen => {
                return Ok(Some(BackendEvent::Idle));
            }
        }
        Ok(None)
    }

    /// Closes a device whose hotplug script has not finished in time.
    pub(super) fn check_setup_deadline(&mut self, now: Instant) -> Result<(), D::Error> {
        let waited = now.saturating_duration_since(self.unready.unwrap_or(now));
        if waited < self.setup_timeout {
            return Ok(());
        }
        let error = self.jobs.timeout(&self.nodes, waited);
        let error = self.driver.setup_timeout(waited, error);
        Err(self.refuse(error))
    }

    /// Closes a device that the driver cannot set up.
    pub(super) fn refuse(&mut self, error: D::Error) -> D::Error {
        self.unready = None;
        self.failed = Some(self.nodes.peer);
        self.fail(&error);
        error
    }

    /// Returns whether the frontend must be served although the device closes.
    pub(super) fn is_served(&self) -> bool {
        use XenbusState as S;
        // States in which a frontend has published its rings and has not taken them back.
        let published = matches!(
            self.nodes.peer,
            S::INITIALISED | S::CONNECTED | S::CLOSING | S::RECONFIGURING | S::RECONFIGURED
        );
        self.linked && !self.closing && published
    }

    /// Returns the action if the device closes, whatever the frontend does.
    fn next_of_end(&self) -> Action {
        match self.nodes.own {
            XenbusState::CLOSED => Action::Wait,
            XenbusState::CLOSING => next(Role::Backend, XenbusState::CLOSING, self.nodes.peer),
            _ => Action::Close,
        }
    }
}
