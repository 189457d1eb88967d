//! The lifecycle of a frontend.

use crate::error::XenbusError;
use crate::job::{JobEnd, Jobs};
use crate::keys::{KeyList, KeyValues};
use crate::nodes::DeviceNodes;
use crate::publish::{NodeWriter, Published};
use crate::state::{Action, awaited_by_frontend, initial_frontend_state, next};
use crate::{Role, XenbusState};
use core::fmt::{self, Display};
use core::time::Duration;
use log::{debug, warn};
use xen_hypercall::{DomId, Instant, PageBox, Platform};
use xen_store::{RingTransport, Runtime, Transport, XenStore};

/// The time that the backend has for each step, unless [`FrontendDevice::set_timeout`] sets
/// another one. It can have scripts to run.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// The steps that an attempt to connect or to close can wait for: Closing, Closed, InitWait and
/// Connected, if a device is found in use. An attempt has the time of that many steps.
const STEPS: u32 = 4;

/// The time after which a request is tried again that found no free slot of the xenstore client,
/// or no transaction that the domain may start.
pub(crate) const RETRY: Duration = Duration::from_millis(1);

/// The state of a device's connection, as its driver sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceState {
    /// The two ends connect.
    Connecting,
    /// The device can be used.
    Connected,
    /// Either end closes the device. Requests in flight still complete.
    Closing,
    /// Both ends are closed; the device can be [reopened](FrontendDevice::reopen).
    Closed,
    /// The device was removed.
    Unplugged,
}

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
/// The device calls these functions from [`FrontendDevice::poll`]; none of them may wait.
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

    /// Adds the nodes to read before [`setup`](Self::setup). Called again when they are read, until
    /// it adds no more.
    fn setup_keys(&self, keys: &mut KeyList<'_>);

    /// Creates rings, grants and event channels for the backend.
    ///
    /// # Errors
    ///
    /// Any: the error is written to the device's error node, and the device closes.
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
    fn connect(&mut self, peer: &Peer<'_>) -> Result<(), Self::Error>;

    /// Does what can be done now; called by each [`FrontendDevice::poll`] while the device is
    /// connected.
    ///
    /// # Errors
    ///
    /// As [`setup`](Self::setup).
    fn run(&mut self, now: Instant) -> Result<(), Self::Error> {
        let _ = now;
        Ok(())
    }

    /// Takes a new value of the [watched node](Self::WATCHED_NODE); empty if it is longer than 32
    /// bytes or missing.
    ///
    /// # Errors
    ///
    /// Any; the device stays connected.
    fn node_changed(&mut self, value: &[u8]) -> Result<(), Self::Error> {
        let _ = value;
        Ok(())
    }

    /// Stops issuing requests, because either end closes the device, and returns whether the
    /// frontend may enter Closing. Until then the device is polled on; `backend` tells whether the
    /// backend can still complete requests.
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

/// Steps of finding the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The backend's directory and domain are read.
    Find,
    /// All states are read.
    Sync,
    /// The states decide.
    Run,
}

/// A frontend: one driver's device, from plugging in to unplugging.
///
/// [`poll`](Self::poll) does all that can be done now and never waits, for the backend or for
/// xenstored; call it on each event of the store's port and of the driver's port, and at
/// [`poll_timeout`](Self::poll_timeout).
///
/// A device that its user before this driver left connected or half closed (firmware, the kernel
/// before a kexec) is first taken through Closing and Closed to Initialising. Each wait for the
/// backend has a deadline that the backend cannot extend: a step begins when the own state
/// changes, not when the backend's does, and an attempt to connect or to close ends after the time
/// of four steps.
///
/// Source: `io/xenbus.h`.
pub struct FrontendDevice<P: Runtime, D: FrontendDriver, T: Transport = RingTransport<P>> {
    nodes: DeviceNodes<P, T>,
    jobs: Jobs<P, T>,
    driver: D,
    step: Step,
    state: DeviceState,
    /// The caller or the backend wants the device closed.
    closing: bool,
    /// Requests in flight are not awaited when the device closes.
    forced: bool,
    /// The driver has a connection, and has taken up what the backend published.
    is_set_up: bool,
    connected: bool,
    /// Initialising was written since the backend's state changed last.
    kicked: bool,
    kicked_at: XenbusState,
    /// When the step began that the backend has to make.
    since: Option<Instant>,
    /// When the present exchange with xenstored was first waited for.
    exchange: Option<Instant>,
    /// When the attempt to connect or to close began, whose steps the backend can repeat.
    begun: Option<Instant>,
    timeout: Duration,
}

impl<P: Runtime, D: FrontendDriver, T: Transport> FrontendDevice<P, D, T> {
    /// Creates device `id` of this domain; [`poll`](Self::poll) connects it.
    ///
    /// # Errors
    ///
    /// None of today's.
    pub fn new(store: &XenStore<P, T>, id: u32, driver: D) -> Result<Self, XenbusError> {
        Self::at(store, format_args!("device/{}/{id}", D::KIND), driver)
    }

    /// Creates the device whose own directory is `path`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TooLong`](xen_store::ErrorKind::TooLong) if the path has more than 64 bytes.
    pub fn at(
        store: &XenStore<P, T>,
        path: fmt::Arguments<'_>,
        driver: D,
    ) -> Result<Self, XenbusError> {
        Ok(Self {
            nodes: DeviceNodes::new(store, Role::Frontend, path)?,
            jobs: Jobs::new(store),
            driver,
            step: Step::Find,
            state: DeviceState::Connecting,
            closing: false,
            forced: false,
            is_set_up: false,
            connected: false,
            kicked: false,
            kicked_at: XenbusState::UNKNOWN,
            since: None,
            exchange: None,
            begun: None,
            timeout: DEFAULT_TIMEOUT,
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

    /// Returns the state as of the last [`poll`](Self::poll).
    pub fn state(&self) -> DeviceState {
        self.state
    }

    /// Returns the state of the own end.
    pub fn own_state(&self) -> XenbusState {
        self.nodes.own
    }

    /// Returns the backend's state, as it was read last.
    pub fn backend_state(&self) -> XenbusState {
        self.nodes.peer
    }

    /// Returns the device's own directory, relative to the domain's home.
    pub fn path(&self) -> &str {
        &self.nodes.path
    }

    /// Returns the backend's directory; empty before it was found.
    pub fn backend_path(&self) -> &str {
        &self.nodes.peer_path
    }

    /// Returns the backend's domain.
    pub fn backend_id(&self) -> DomId {
        self.nodes.peer_id
    }

    /// Returns whether either end closes the device, or both have.
    pub fn is_closing(&self) -> bool {
        self.closing
    }

    /// Returns whether the toolstack wants the device to stay; if not, it does not open again.
    pub fn is_online(&self) -> bool {
        self.nodes.online
    }

    /// Sets the time that the backend has for each step from now on. The default is 30 seconds.
    pub fn set_timeout(&mut self, timeout: Duration) {
        self.timeout = timeout;
    }

    /// Returns when to poll again if no event comes before.
    pub fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        if self.jobs.is_starved() || self.nodes.is_starved() {
            return Some(now + RETRY);
        }
        self.since.map(|since| {
            let step = since + self.timeout;
            let attempt = self.begun.unwrap_or(now) + self.timeout.saturating_mul(STEPS);
            step.min(attempt)
        })
    }

    /// Does what can be done now and returns the state. Never waits.
    ///
    /// # Errors
    ///
    /// [`XenbusError::Timeout`] if the backend has not moved in time, or
    /// [`XenbusError::Store`] if xenstored has not; the device can be polled on, and closed. A
    /// device that was being closed is then closed without the backend. Errors of the driver: the
    /// device closes.
    pub fn poll(&mut self, now: Instant) -> Result<DeviceState, D::Error> {
        if self.state == DeviceState::Unplugged {
            return Ok(self.state);
        }
        self.store().poll().map_err(|reason| self.jobs.error(&self.nodes, reason))?;
        if self.state == DeviceState::Closed {
            self.nodes.refresh()?;
            self.nodes.send()?;
            self.store().poll().map_err(|reason| self.jobs.error(&self.nodes, reason))?;
            if self.nodes.gone {
                self.end(Cause::Unplugged);
            }
            return Ok(self.state);
        }
        let sent = self.jobs.sent();
        // Each round starts or ends one job, and no path leads through more than some before the
        // server or the backend has to move.
        for _ in 0..8 {
            if let Some(value) = self.nodes.refresh()?
                && self.connected
            {
                self.driver.node_changed(&value)?;
            }
            if !self.advance(now)? {
                break;
            }
        }
        if self.step != Step::Run || self.jobs.may_batch(sent) {
            self.nodes.send()?;
        }
        self.store().poll().map_err(|reason| self.jobs.error(&self.nodes, reason))?;
        self.check_deadline(now)?;
        Ok(self.state)
    }

    /// Makes one step; returns whether there may be another.
    fn advance(&mut self, now: Instant) -> Result<bool, D::Error> {
        match self.step {
            Step::Find => {
                // An error message is written first.
                if matches!(self.poll_job()?, JobEnd::Busy) {
                    return Ok(false);
                }
                let found = self.jobs.find(&mut self.nodes);
                match found {
                    Ok(false) => return Ok(false),
                    Ok(true) => {}
                    Err(XenbusError::Store(error)) if error.is_not_found() => {
                        let closing = self.closing;
                        self.end(Cause::Unplugged);
                        if closing {
                            return Ok(false);
                        }
                        return Err(XenbusError::Store(error).into());
                    }
                    Err(error) => return Err(error.into()),
                }
                self.nodes.begin_sync(D::WATCHED_NODE)?;
                self.step = Step::Sync;
                // What the driver needs of a backend that is ready is requested behind the states,
                // and is of no use if the backend is not.
                self.nodes.send()?;
                self.jobs.begin_read(true, true)?;
                self.poll_job()?;
                Ok(true)
            }
            Step::Sync => {
                if !self.nodes.is_synced() {
                    return Ok(false);
                }
                self.nodes.own = self.nodes.found_own.unwrap_or(XenbusState::UNKNOWN);
                self.step = Step::Run;
                let first = initial_frontend_state(self.nodes.own, self.nodes.peer);
                if let Some(state) = first.filter(|_| !self.nodes.gone && !self.closing) {
                    self.jobs.cancel();
                    self.kick(state);
                }
                Ok(true)
            }
            Step::Run => self.advance_job(now),
        }
    }

    fn advance_job(&mut self, now: Instant) -> Result<bool, D::Error> {
        if self.nodes.gone {
            self.end(Cause::Unplugged);
            return Ok(false);
        }
        match self.poll_job()? {
            JobEnd::Busy => Ok(false),
            JobEnd::Idle => self.decide(now),
            JobEnd::Reported => Ok(true),
            JobEnd::Published(Published::Gone) => {
                self.nodes.gone = true;
                Ok(true)
            }
            JobEnd::Published(Published::Yes(state)) => {
                debug!("{}: state {state}", self.nodes.path);
                if state != self.nodes.own {
                    self.since = None;
                }
                self.nodes.own = state;
                Ok(true)
            }
            JobEnd::Read if !self.is_wanted() => {
                self.jobs.cancel();
                Ok(true)
            }
            JobEnd::Read => {
                let connecting = self.is_set_up;
                let peer = Peer {
                    id: self.nodes.peer_id,
                    nodes: self.jobs.values(&self.nodes.path, &self.nodes.peer_path),
                };
                let done =
                    if connecting { self.driver.connect(&peer) } else { self.driver.setup(&peer) };
                self.is_set_up = true;
                if let Err(error) = done {
                    self.fail(&error);
                    return Err(error);
                }
                self.connected = connecting;
                match (connecting, self.nodes.own) {
                    (false, _) => self.jobs.publish(D::SETUP_STATE, true),
                    (true, XenbusState::CONNECTED) => self.jobs.cancel(),
                    (true, _) => self.jobs.publish(XenbusState::CONNECTED, false),
                }
                Ok(true)
            }
        }
    }

    fn poll_job(&mut self) -> Result<JobEnd, XenbusError> {
        let (driver, connecting) = (&self.driver, self.is_set_up);
        let mut keys = |list: &mut KeyList<'_>| {
            if connecting { driver.connect_keys(list) } else { driver.setup_keys(list) }
        };
        self.jobs.poll(&self.nodes, D::STALE_NODES, &mut keys, &|nodes| driver.write_nodes(nodes))
    }

    /// Returns whether the states still require what nodes were read for.
    fn is_wanted(&self) -> bool {
        let action = next(Role::Frontend, self.nodes.own, self.nodes.peer);
        !self.closing
            && match action {
                Action::Publish => !self.is_set_up,
                Action::Connect | Action::Run => self.is_set_up,
                _ => false,
            }
    }

    /// Does what the two states require.
    fn decide(&mut self, now: Instant) -> Result<bool, D::Error> {
        use XenbusState as S;
        let (own, peer, online) = (self.nodes.own, self.nodes.peer, self.nodes.online);
        if peer != self.kicked_at {
            self.kicked = false;
        }
        if self.closing && own != S::CLOSING && own != S::CLOSED {
            return Ok(self.leave());
        }
        let restarted = self.connected && own == S::CONNECTED && peer < S::CONNECTED;
        let action = next(Role::Frontend, own, peer);
        match action {
            _ if restarted => self.begin_close(),
            Action::Publish if self.is_set_up => {
                // The connection before was never taken up.
                self.release(Cause::Reopened);
            }
            Action::Publish => self.jobs.begin_read(true, true)?,
            Action::Connect => self.jobs.begin_read(false, true)?,
            Action::Run if !self.connected => self.jobs.begin_read(false, false)?,
            Action::Run => {
                self.state = DeviceState::Connected;
                self.begin_attempt();
                self.jobs.release_memory();
                let done = self.driver.run(now);
                if let Err(error) = done {
                    self.fail(&error);
                    return Err(error);
                }
                return Ok(false);
            }
            // No driver here reconfigures: a backend that does closes the device.
            Action::Close | Action::Reconfigure | Action::Resume => self.begin_close(),
            Action::Closed if self.closing || !online => {
                self.end(Cause::Closed);
                return Ok(false);
            }
            Action::Reopen if self.kicked && online => return Ok(false),
            Action::Closed | Action::Reopen if online => self.kick(S::INITIALISING),
            Action::Closed | Action::Reopen => self.jobs.publish(S::CLOSED, false),
            Action::Restart => self.jobs.publish(S::CLOSING, false),
            Action::Finish => self.jobs.publish(S::CLOSED, false),
            Action::Wait => return Ok(false),
        }
        Ok(true)
    }

    fn kick(&mut self, state: XenbusState) {
        self.jobs.publish(state, false);
        (self.kicked, self.kicked_at) = (true, self.nodes.peer);
    }

    /// Enters Closing, or Closed, once the driver permits it.
    fn leave(&mut self) -> bool {
        use XenbusState as S;
        let (own, peer) = (self.nodes.own, self.nodes.peer);
        if !self.driver.quiesce(peer) && !self.forced {
            // Requests in flight have the time that they take.
            self.begin_attempt();
            return false;
        }
        // A backend that was offered no ring has nothing to release. One that is closed would begin
        // to close anew if it saw Closing.
        let is_open =
            matches!(peer, S::CONNECTED | S::CLOSING | S::RECONFIGURING | S::RECONFIGURED);
        let nothing = matches!(own, S::UNKNOWN | S::INITIALISING)
            || peer == S::CLOSED
            || !(self.is_set_up || is_open);
        self.jobs.publish(if nothing { S::CLOSED } else { S::CLOSING }, false);
        true
    }

    fn begin_close(&mut self) {
        if !self.closing {
            self.begin_attempt();
        }
        self.closing = true;
        self.state = DeviceState::Closing;
    }

    fn begin_attempt(&mut self) {
        (self.since, self.begun) = (None, None);
    }

    /// Begins to close the device: the driver issues no more requests, those in flight complete,
    /// then both ends close. Poll until the state is [`DeviceState::Closed`].
    pub fn close(&mut self) {
        if self.is_open() {
            self.begin_close();
        }
    }

    /// Begins to close the device without waiting for requests in flight.
    pub fn close_now(&mut self) {
        self.forced = true;
        self.close();
    }

    /// Writes `message` to the device's error node, where the toolstack's user finds it, and begins
    /// to close the device.
    #[doc(alias = "xenbus_dev_fatal")]
    pub fn fail(&mut self, message: &dyn Display) {
        warn!("{}: {message}", self.nodes.path);
        self.jobs.report(message);
        self.close_now();
    }

    /// Begins to connect the device again, as xenstore has it now: after it was closed, or removed
    /// and plugged in again.
    pub fn reopen(&mut self) {
        self.restart(Cause::Reopened);
    }

    /// Begins to connect the device again after the domain was resumed elsewhere: with another
    /// backend, and none of the ports and grants of before. The store and the grant table are
    /// resumed first.
    pub fn resume(&mut self) {
        self.restart(Cause::Resumed);
    }

    fn restart(&mut self, cause: Cause) {
        self.jobs.cancel();
        self.nodes.reset();
        self.release(cause);
        self.step = Step::Find;
        self.state = DeviceState::Connecting;
        (self.closing, self.forced, self.kicked) = (false, false, false);
        self.begin_attempt();
    }

    fn end(&mut self, cause: Cause) {
        self.jobs.cancel();
        self.jobs.release_memory();
        self.state = match cause {
            Cause::Unplugged => DeviceState::Unplugged,
            _ => DeviceState::Closed,
        };
        debug!("{}: {:?}", self.nodes.path, self.state);
        self.begin_attempt();
        self.release(cause);
    }

    fn release(&mut self, cause: Cause) {
        (self.is_set_up, self.connected) = (false, false);
        self.driver.disconnect(cause);
    }

    fn check_deadline(&mut self, now: Instant) -> Result<(), XenbusError> {
        if self.jobs.is_idle() && self.step == Step::Run {
            self.exchange = None;
        } else {
            self.exchange.get_or_insert(now);
        }
        let is_busy = matches!(self.state, DeviceState::Connecting | DeviceState::Closing);
        if !is_busy && self.jobs.is_idle() {
            return Ok(());
        }
        let step = now.saturating_duration_since(*self.since.get_or_insert(now));
        let attempt = now.saturating_duration_since(*self.begun.get_or_insert(now));
        let waited = if step >= self.timeout {
            step
        } else if attempt >= self.timeout.saturating_mul(STEPS) {
            attempt
        } else {
            return Ok(());
        };
        // The caller has its answer. A driver that polls on in spite of it begins another attempt.
        self.begun = None;
        if self.is_unanswered(now) {
            self.since = None;
            return Err(self.jobs.timeout(&self.nodes, waited));
        }
        let (own, found) = (self.nodes.own, self.nodes.peer);
        if own == XenbusState::CLOSING && self.jobs.is_idle() {
            self.jobs.publish(XenbusState::CLOSED, false);
        }
        let path = self.nodes.peer_state_path();
        let awaited = awaited_by_frontend(own);
        Err(XenbusError::Timeout { path, awaited, found, own, waited })
    }

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
            // However often the backend changes its state, this was the last look.
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
        if self.step != Step::Run || self.nodes.gone {
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

    /// Returns whether the device is neither closed nor removed.
    fn is_open(&self) -> bool {
        !matches!(self.state, DeviceState::Closed | DeviceState::Unplugged)
    }

    /// Writes Closed, whatever the backend does. Waits for xenstored, at most for the store's
    /// timeout.
    fn finish_close(&mut self) {
        if self.nodes.own == XenbusState::CLOSED || self.nodes.gone || self.step != Step::Run {
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

    /// Returns whether xenstored has not replied in the store's time.
    fn is_unanswered(&self, now: Instant) -> bool {
        let limit = self.store().timeout().min(self.timeout);
        self.step != Step::Run
            || self.exchange.is_some_and(|since| now.saturating_duration_since(since) > limit)
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

/// Ends a close that was begun: a backend serves a frontend in Closing, and keeps its rings mapped.
/// Waits for xenstored, at most for the store's timeout.
impl<P: Runtime, D: FrontendDriver, T: Transport> Drop for FrontendDevice<P, D, T> {
    fn drop(&mut self) {
        if self.closing && self.is_open() && self.nodes.own != XenbusState::UNKNOWN {
            self.finish_close();
        }
    }
}

impl<P: Runtime, D: FrontendDriver + fmt::Debug, T: Transport> fmt::Debug
    for FrontendDevice<P, D, T>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { nodes, driver, state, .. } = self;
        let mut out = f.debug_struct("FrontendDevice");
        out.field("nodes", nodes).field("driver", driver).field("state", state);
        out.finish_non_exhaustive()
    }
}
