//! The lifecycle of a backend.

mod reactions;

use crate::backend_driver::{BackendDriver, BackendEvent};
use crate::error::XenbusError;
use crate::frontend_driver::Peer;
use crate::job::{JobEnd, Jobs, RETRY};
use crate::keys::KeyList;
use crate::nodes::DeviceNodes;
use crate::publish::Published;
use crate::removal::Removal;
use crate::state::initial_backend_state;
use crate::{DeviceId, Role, XenbusState};
use core::fmt::{self, Display};
use core::time::Duration;
use log::{debug, warn};
use xen_hypercall::{DomId, Instant};
use xen_store::{RingTransport, Runtime, StoreError, Transport, XenStore};

/// The time that a frontend has to close after the driver has released its memory, unless
/// [`BackendDevice::set_timeout`] sets another one, and that a hotplug script of the toolstack has,
/// unless [`BackendDevice::set_setup_timeout`] does.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// The time for which a closed device that is to be removed stays, so that the toolstack sees that
/// it is closed before it sees it gone.
const GRACE: Duration = Duration::from_millis(300);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The frontend's directory and domain are read.
    Find,
    /// A node is missing: the toolstack has not written it yet, or has removed the device.
    Incomplete,
    /// All states are read.
    Sync,
    /// The states decide.
    Run,
}

/// The step that nodes are read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum For {
    Setup,
    Connect,
    /// The driver takes up what the frontend has changed.
    Reconfigure,
}

/// A backend: one driver's device for one guest.
///
/// [`poll`](Self::poll) does all that can be done now and never waits, for the frontend or for
/// xenstored. It follows the frontend through any number of connections, and the toolstack, which
/// requests the end by `online` = 0 and by writing Closing to the own state.
///
/// Neither the toolstack's request nor a frontend in Closing ends the service: a frontend whose
/// device is in use answers a detach request with Closing and continues its I/O (Linux's
/// `blkfront_closing`), or stays Connected. The device enters Closing, and the driver serves until
/// the frontend is Closed, has restarted or has vanished. A toolstack that does not wait removes
/// the device's directory. Only the driver's own [`close`](Self::close) and [`fail`](Self::fail)
/// end the service at once.
///
/// Source: `io/xenbus.h`.
pub struct BackendDevice<P: Runtime, D: BackendDriver, T: Transport = RingTransport<P>> {
    nodes: DeviceNodes<P, T>,
    jobs: Jobs<P, T>,
    driver: D,
    id: DeviceId,
    step: Step,
    reading: For,
    /// The driver closes the device, whatever the frontend does.
    closing: bool,
    /// The driver has everything that the frontend shared.
    linked: bool,
    /// The start of the wait for nodes of the own directory.
    unready: Option<Instant>,
    /// The frontend's state when the driver could not set up the device: it is not tried again
    /// before the frontend has changed it.
    failed: Option<XenbusState>,
    /// Nodes of a connected device are to be written again.
    changed: bool,
    /// The time of the last change of the own state.
    since: Instant,
    timeout: Duration,
    setup_timeout: Duration,
}

impl<P: Runtime, D: BackendDriver, T: Transport> BackendDevice<P, D, T> {
    /// Creates device `id` in this domain; [`poll`](Self::poll) offers it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TooLong`](xen_store::ErrorKind::TooLong) if the path of its directory has more
    /// than 64 bytes.
    pub fn new(store: &XenStore<P, T>, id: DeviceId, driver: D) -> Result<Self, XenbusError> {
        let kind = D::KIND;
        Ok(Self {
            nodes: DeviceNodes::new(store, Role::Backend, format_args!("backend/{kind}/{id}"))?,
            jobs: Jobs::new(store),
            driver,
            id,
            step: Step::Find,
            reading: For::Setup,
            closing: false,
            linked: false,
            unready: None,
            failed: None,
            changed: false,
            since: store.platform().now(),
            timeout: DEFAULT_TIMEOUT,
            setup_timeout: DEFAULT_TIMEOUT,
        })
    }

    /// Returns the driver.
    pub fn driver(&self) -> &D {
        &self.driver
    }

    /// Returns the driver.
    pub fn driver_mut(&mut self) -> &mut D {
        &mut self.driver
    }

    /// Returns the store.
    pub fn store(&self) -> &XenStore<P, T> {
        self.nodes.store()
    }

    /// Returns the device's number and the guest's.
    pub fn id(&self) -> DeviceId {
        self.id
    }

    /// Returns the frontend's domain: the one to map memory of.
    pub fn frontend_id(&self) -> DomId {
        self.nodes.peer_id
    }

    /// Returns the device's own directory, relative to the domain's home.
    pub fn path(&self) -> &str {
        &self.nodes.path
    }

    /// Returns the frontend's directory; empty before it was found.
    pub fn frontend_path(&self) -> &str {
        &self.nodes.peer_path
    }

    /// Returns the state of the own end.
    pub fn own_state(&self) -> XenbusState {
        self.nodes.own
    }

    /// Returns the frontend's state, as it was read last.
    pub fn frontend_state(&self) -> XenbusState {
        self.nodes.peer
    }

    /// Returns whether the toolstack keeps the device: its `online` node is not zero.
    pub fn is_online(&self) -> bool {
        self.nodes.online
    }

    /// Returns whether a frontend is connected.
    pub fn is_connected(&self) -> bool {
        self.linked
    }

    /// Sets the time that a frontend has to close. The default is 30 seconds.
    pub fn set_timeout(&mut self, timeout: Duration) {
        self.timeout = timeout;
    }

    /// Sets the time that a hotplug script has to write the nodes without which the driver does not
    /// offer the device. The default is 30 seconds.
    pub fn set_setup_timeout(&mut self, timeout: Duration) {
        self.setup_timeout = timeout;
    }

    /// Returns when to poll again if no event comes before.
    pub fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        if self.jobs.is_starved() || self.nodes.is_starved() {
            return Some(now + RETRY);
        }
        self.deadline()
    }

    fn deadline(&self) -> Option<Instant> {
        // A reply ends each job.
        if !self.jobs.is_idle() {
            return None;
        }
        match self.nodes.own {
            _ if self.unready.is_some() => self.unready.map(|since| since + self.setup_timeout),
            XenbusState::CLOSING if !self.linked && self.driver.is_drained() => {
                Some(self.since + self.timeout)
            }
            XenbusState::CLOSED if !self.nodes.online => Some(self.since + GRACE),
            _ => None,
        }
    }

    /// Does what can be done now. Never waits.
    ///
    /// # Errors
    ///
    /// [`XenbusError::Store`], also for a device whose nodes are not complete yet, which is begun
    /// later. Errors of the driver, after which the device closes. Poll again in any case.
    pub fn poll(&mut self, now: Instant) -> Result<BackendEvent, D::Error> {
        self.store().poll().map_err(|reason| self.jobs.error(&self.nodes, reason))?;
        let sent = self.jobs.sent();
        // A device that only serves has nothing to send at the end.
        let idle = (self.step == Step::Run && self.jobs.is_idle()).then(|| self.sent());
        let mut event = None;
        // Each round starts or ends one job, and no path leads through more than some before the
        // server or the frontend has to move.
        for _ in 0..8 {
            self.refresh(now)?;
            event = self.advance(now)?;
            if event.is_some() {
                break;
            }
        }
        if event == Some(BackendEvent::Serve)
            && let Err(error) = self.driver.run(now)
        {
            self.fail(&error);
            return Err(error);
        }
        if self.step != Step::Run || self.jobs.may_batch(sent) {
            self.nodes.send()?;
        }
        if idle != Some(self.sent()) || !self.jobs.is_idle() {
            self.store().poll().map_err(|reason| self.jobs.error(&self.nodes, reason))?;
        }
        Ok(event.unwrap_or(BackendEvent::Idle))
    }

    /// Returns the numbers of requests sent so far.
    fn sent(&self) -> (u32, u32) {
        (self.jobs.sent(), self.nodes.sent())
    }

    fn refresh(&mut self, now: Instant) -> Result<(), XenbusError> {
        let changed = self.nodes.refresh()?;
        if let Some(value) = changed.filter(|_| self.linked) {
            self.driver.node_changed(&value);
        }
        // The toolstack's request. On a closed device too: it waits for Closed, and has overwritten
        // that.
        if self.step == Step::Run
            && self.nodes.found_own.take() == Some(XenbusState::CLOSING)
            && self.nodes.own != XenbusState::CLOSING
            && self.jobs.is_idle()
        {
            self.nodes.own = XenbusState::CLOSING;
            self.since = now;
        }
        Ok(())
    }

    /// Makes one step; returns an event when there is no other.
    fn advance(&mut self, now: Instant) -> Result<Option<BackendEvent>, D::Error> {
        match self.step {
            Step::Find => {
                // Before the first node is read: each change is seen by either.
                self.nodes.watch_own()?;
                match self.jobs.find(&mut self.nodes) {
                    Ok(false) => return Ok(Some(BackendEvent::Idle)),
                    Ok(true) => {}
                    Err(error) => {
                        self.nodes.check_directory();
                        self.step = Step::Incomplete;
                        return Err(error.into());
                    }
                }
                self.nodes.begin_sync()?;
                self.step = Step::Sync;
                // The nodes for an offer are requested behind the states, and are of no use if the
                // states require something else.
                self.nodes.send()?;
                self.begin_read(For::Setup)?;
                self.poll_job()?;
                Ok(None)
            }
            Step::Incomplete if !self.nodes.is_synced() => Ok(Some(BackendEvent::Idle)),
            Step::Incomplete if self.nodes.gone => {
                self.step = Step::Run;
                Ok(None)
            }
            Step::Incomplete if self.nodes.take_own_change() => {
                self.step = Step::Find;
                Ok(None)
            }
            Step::Incomplete => Ok(Some(BackendEvent::Idle)),
            Step::Sync if !self.nodes.is_synced() => Ok(Some(BackendEvent::Idle)),
            Step::Sync => {
                let found = self.nodes.found_own.unwrap_or(XenbusState::UNKNOWN);
                self.nodes.own = initial_backend_state(found);
                self.step = Step::Run;
                Ok(None)
            }
            Step::Run => self.advance_job(now),
        }
    }

    fn advance_job(&mut self, now: Instant) -> Result<Option<BackendEvent>, D::Error> {
        if self.nodes.gone {
            self.jobs.cancel();
            self.disconnect();
            return Ok(Some(BackendEvent::Removed));
        }
        match self.poll_job()? {
            JobEnd::Idle => self.decide(now),
            JobEnd::Busy if self.is_served() => Ok(Some(BackendEvent::Serve)),
            JobEnd::Busy => Ok(Some(BackendEvent::Idle)),
            JobEnd::Reported => Ok(None),
            JobEnd::Published(Published::Gone) => {
                self.nodes.gone = true;
                Ok(None)
            }
            JobEnd::Published(Published::Yes(state)) => {
                debug!("{}: state {state}", self.nodes.path);
                if state != self.nodes.own {
                    self.since = now;
                }
                self.nodes.own = state;
                Ok(None)
            }
            JobEnd::Read if !self.is_wanted() => {
                self.jobs.cancel();
                Ok(None)
            }
            JobEnd::Read => {
                self.take_up(now)?;
                Ok(None)
            }
        }
    }

    fn poll_job(&mut self) -> Result<JobEnd, XenbusError> {
        let (driver, reading) = (&self.driver, self.reading);
        let mut keys = |list: &mut KeyList<'_>| match reading {
            For::Setup => driver.setup_keys(list),
            For::Connect | For::Reconfigure => driver.connect_keys(list),
        };
        let linked = self.linked;
        self.jobs.poll(&self.nodes, &[], &mut keys, &|nodes| {
            if linked { driver.write_nodes(nodes) } else { driver.write_offer(nodes) }
        })
    }

    /// Has the driver take up the nodes that were read.
    fn take_up(&mut self, now: Instant) -> Result<(), D::Error> {
        let (own, path) = (self.nodes.path.as_str(), self.nodes.peer_path.as_str());
        let peer = Peer { id: self.nodes.peer_id, nodes: self.jobs.values(own, path) };
        let done = match self.reading {
            For::Setup => self.driver.setup(&peer),
            For::Connect => self.driver.connect(&peer).map(|()| true),
            For::Reconfigure => self.driver.reconfigure(&peer).map(|()| true),
        };
        match (done, self.reading) {
            (Ok(true), For::Setup) => {
                self.unready = None;
                self.jobs.publish(XenbusState::INIT_WAIT, true);
            }
            (Ok(_), For::Setup) => {
                self.jobs.cancel();
                self.unready.get_or_insert(now);
                self.check_setup_deadline(now)?;
            }
            (Ok(_), For::Connect) => {
                self.linked = true;
                if let Some(key) = D::WATCHED_NODE {
                    self.nodes.watch_node(key)?;
                }
                self.jobs.publish(XenbusState::CONNECTED, true);
            }
            (Ok(_), For::Reconfigure) => self.jobs.publish(XenbusState::RECONFIGURED, false),
            (Err(error), For::Setup) => return Err(self.refuse(error)),
            (Err(error), For::Connect | For::Reconfigure) => {
                self.fail(&error);
                return Err(error);
            }
        }
        Ok(())
    }

    fn begin_read(&mut self, reading: For) -> Result<(), XenbusError> {
        self.reading = reading;
        self.jobs.begin_read(false, true)
    }

    fn disconnect(&mut self) {
        self.linked = false;
        self.driver.disconnect();
    }

    /// Has the driver's nodes written again while the device is connected, as after a change of a
    /// disk's size. Frontends read the nodes again when the state is written.
    pub fn rewrite_nodes(&mut self) {
        self.changed = true;
    }

    /// Ends the connection because of what the frontend published or did: writes `message` to the
    /// device's error node, where the toolstack's user finds it, and begins to close the device.
    /// The frontend can connect again after it has closed.
    #[doc(alias = "xenbus_dev_fatal")]
    pub fn fail(&mut self, message: &dyn Display) {
        warn!("{}: {message}", self.nodes.path);
        self.disconnect();
        self.jobs.report(message);
        self.closing = true;
    }

    /// Begins to close the device for a reason of the driver's own, which ends the service at once;
    /// the frontend can connect again after it has closed.
    pub fn close(&mut self) {
        self.closing = true;
    }

    /// Releases what the frontend shared and begins to remove the device's directory, and the
    /// guest's if it has no other device: the duty of a driver domain, which has no daemon of the
    /// toolstack. In dom0 the toolstack removes them. Returns the driver.
    ///
    /// A directory that the toolstack has removed may be there again, for another device of the
    /// same number: that is left alone.
    pub fn begin_removal(mut self) -> (D, Removal<P, T>) {
        self.disconnect();
        let Self { nodes, driver, id, .. } = self;
        let removal = Removal::new(nodes.store(), id, nodes.path.clone(), nodes.gone);
        (driver, removal)
    }

    /// Removes the device's directory as [`begin_removal`](Self::begin_removal) does. Waits for
    /// xenstored, at most for the store's timeout.
    ///
    /// # Errors
    ///
    /// Those of [`Removal::wait`].
    pub fn remove(self) -> Result<D, StoreError> {
        let (driver, removal) = self.begin_removal();
        removal.wait()?;
        Ok(driver)
    }
}

impl<P: Runtime, D: BackendDriver + fmt::Debug, T: Transport> fmt::Debug
    for BackendDevice<P, D, T>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { nodes, driver, closing, linked, .. } = self;
        let mut out = f.debug_struct("BackendDevice");
        out.field("nodes", nodes).field("driver", driver).field("closing", closing);
        out.field("linked", linked).finish_non_exhaustive()
    }
}
