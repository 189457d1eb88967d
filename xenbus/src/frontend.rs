//! The lifecycle of a frontend.

use crate::error::XenbusError;
use crate::frontend_driver::{Cause, FrontendDriver, Peer};
use crate::job::{JobEnd, Jobs, RETRY};
use crate::keys::KeyList;
use crate::nodes::DeviceNodes;
use crate::publish::Published;
use crate::state::{Action, awaited_by_frontend, initial_frontend_state, next};
use crate::{Role, XenbusState};
use core::fmt::{self, Display};
use core::time::Duration;
use log::{debug, warn};
use xen_hypercall::{DomId, Instant};
use xen_store::{RingTransport, Runtime, Transport, XenStore};

/// The time that the backend has for each step, unless [`FrontendDevice::set_timeout`] sets
/// another one. It can have scripts to run.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// The time that a backend without a connection has to answer a Closed of an earlier attempt before
/// the device is opened anyway. All common backends answer at once.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// The steps that an attempt to connect or to close can wait for: Closing, Closed, InitWait and
/// Connected, if a device is found in use. An attempt has the time of that many steps.
const STEPS: u32 = 4;

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

/// A frontend: one driver's device, from its addition to its removal.
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
    pub(crate) nodes: DeviceNodes<P, T>,
    pub(crate) jobs: Jobs<P, T>,
    driver: D,
    step: Step,
    pub(crate) state: DeviceState,
    /// The caller or the backend has requested that the device closes.
    closing: bool,
    /// Requests in flight are not awaited when the device closes.
    forced: bool,
    /// The driver has a connection, and has taken up what the backend published.
    is_set_up: bool,
    /// The backend's nodes were refused once, and are read again.
    is_reread: bool,
    connected: bool,
    /// The backend's state when Initialising was written, until it changes.
    kicked: Option<XenbusState>,
    /// Closed is written while the backend waits for a connection: it answers with Closed. If the
    /// device were opened before that, it would take the answer for a refusal.
    awaits_closed: bool,
    /// Start of the step that the backend has to make.
    since: Option<Instant>,
    /// Start of the wait for the current exchange with xenstored.
    exchange: Option<Instant>,
    /// Start of the attempt to connect or to close, whose steps the backend can repeat.
    begun: Option<Instant>,
    timeout: Duration,
}

impl<P: Runtime, D: FrontendDriver, T: Transport> FrontendDevice<P, D, T> {
    /// Creates device `id` of this domain; [`poll`](Self::poll) connects it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TooLong`](xen_store::ErrorKind::TooLong) if the path of its directory has more
    /// than 64 bytes.
    pub fn new(store: &XenStore<P, T>, id: u32, driver: D) -> Result<Self, XenbusError> {
        let path = format_args!("device/{}/{id}", D::KIND);
        Ok(Self {
            nodes: DeviceNodes::new(store, Role::Frontend, path)?,
            jobs: Jobs::new(store),
            driver,
            step: Step::Find,
            state: DeviceState::Connecting,
            closing: false,
            forced: false,
            is_set_up: false,
            is_reread: false,
            connected: false,
            kicked: None,
            awaits_closed: false,
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

    /// Returns whether the toolstack keeps the device; if not, it does not open again.
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
            let step = since + if self.jobs.is_idle() { self.step_timeout() } else { self.timeout };
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
        // A connected device that only does I/O has nothing to send at the end.
        let idle = (self.step == Step::Run && self.jobs.is_idle()).then(|| self.sent());
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
        if idle != Some(self.sent()) || !self.jobs.is_idle() {
            self.store().poll().map_err(|reason| self.jobs.error(&self.nodes, reason))?;
        }
        self.check_deadline(now)?;
        Ok(self.state)
    }

    /// Returns the numbers of requests sent so far.
    fn sent(&self) -> (u32, u32) {
        (self.jobs.sent(), self.nodes.sent())
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
                self.nodes.begin_sync()?;
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
                let is_reread = core::mem::take(&mut self.is_reread);
                if let Err(error) = done {
                    // A backend that was replaced meanwhile has written no nodes yet, and its new
                    // state comes before the nodes of a second reading.
                    if !connecting && !is_reread {
                        debug!("{}: {error}; reads the nodes again", self.nodes.path);
                        self.is_reread = true;
                        self.jobs.cancel();
                        self.release(Cause::Reopened);
                        return Ok(true);
                    }
                    self.fail(&error);
                    return Err(error);
                }
                self.connected = connecting;
                if let Some(key) = D::WATCHED_NODE.filter(|_| connecting) {
                    self.nodes.watch_node(key)?;
                }
                match (connecting, self.nodes.own) {
                    (false, _) => self.jobs.publish(D::SETUP_STATE, true),
                    (true, XenbusState::CONNECTED) => self.jobs.cancel(),
                    (true, _) => self.jobs.publish(XenbusState::CONNECTED, false),
                }
                Ok(true)
            }
        }
    }

    pub(crate) fn poll_job(&mut self) -> Result<JobEnd, XenbusError> {
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
        self.kicked = self.kicked.filter(|&found| found == peer);
        if self.closing && own != S::CLOSING && own != S::CLOSED {
            return Ok(self.leave(now));
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
            Action::Closed if self.awaits_answer(now) => return Ok(false),
            Action::Closed if self.closing || !online => {
                self.end(Cause::Closed);
                return Ok(false);
            }
            Action::Reopen if self.kicked.is_some() && online => return Ok(false),
            Action::Closed | Action::Reopen if online => self.kick(S::INITIALISING),
            Action::Closed | Action::Reopen => self.jobs.publish(S::CLOSED, false),
            Action::Restart => self.jobs.publish(S::CLOSING, false),
            Action::Finish => self.jobs.publish(S::CLOSED, false),
            Action::Wait => return Ok(false),
        }
        Ok(true)
    }

    /// Returns whether the backend has yet to answer Closed with Closed. If the device were opened
    /// before that, it would take the answer for a refusal.
    fn awaits_answer(&self, now: Instant) -> bool {
        use XenbusState as S;
        let waited =
            self.since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        match self.nodes.peer {
            S::INIT_WAIT | S::INITIALISED if self.closing => self.awaits_closed,
            peer if peer < S::CONNECTED && self.nodes.online => {
                !self.closing && waited < self.step_timeout()
            }
            _ => false,
        }
    }

    /// Returns the time that the backend has for the present step.
    fn step_timeout(&self) -> Duration {
        let opens = !self.closing && self.nodes.own == XenbusState::CLOSED;
        // An open backend has to close its connection first.
        let is_unused = self.nodes.peer < XenbusState::CONNECTED;
        if opens && is_unused { ANSWER_TIMEOUT.min(self.timeout / 2) } else { self.timeout }
    }

    fn kick(&mut self, state: XenbusState) {
        self.jobs.publish(state, false);
        self.kicked = Some(self.nodes.peer);
    }

    /// Enters Closing, or Closed, once the driver permits it.
    ///
    /// Requests in flight have no deadline while the backend serves them. One that closes has the
    /// time of a step to complete them: it may have released its rings before.
    fn leave(&mut self, now: Instant) -> bool {
        use XenbusState as S;
        let (own, peer) = (self.nodes.own, self.nodes.peer);
        if !self.driver.quiesce(peer) && !self.forced {
            if peer != S::CLOSING {
                self.begin_attempt();
                return false;
            }
            let waited =
                self.since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
            if waited < self.timeout {
                return false;
            }
            self.begin_attempt();
            let path = &self.nodes.path;
            warn!("{path}: requests in flight, {waited:?} after the backend began to close");
        }
        // A backend that was offered no ring has nothing to release. One that is closed would begin
        // to close anew if it saw Closing.
        let is_open =
            matches!(peer, S::CONNECTED | S::CLOSING | S::RECONFIGURING | S::RECONFIGURED);
        let nothing = matches!(own, S::UNKNOWN | S::INITIALISING)
            || peer == S::CLOSED
            || !(self.is_set_up || is_open);
        self.awaits_closed = nothing;
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

    /// Begins to connect the device again with its current nodes in xenstore: after it was closed,
    /// or removed and added again.
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
        (self.closing, self.forced, self.kicked) = (false, false, None);
        self.awaits_closed = false;
        self.begin_attempt();
    }

    pub(crate) fn end(&mut self, cause: Cause) {
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
        // The caller has its answer. A driver that polls on begins another attempt, so that
        // `poll_timeout` is never in the past.
        self.begin_attempt();
        self.awaits_closed = false;
        if self.is_unanswered(now) {
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

    /// Returns whether both ends' states are known.
    pub(crate) fn is_found(&self) -> bool {
        self.step == Step::Run
    }

    /// Returns whether the device is neither closed nor removed.
    pub(crate) fn is_open(&self) -> bool {
        !matches!(self.state, DeviceState::Closed | DeviceState::Unplugged)
    }

    /// Returns whether xenstored has not replied in the store's time.
    pub(crate) fn is_unanswered(&self, now: Instant) -> bool {
        let limit = self.store().timeout().min(self.timeout);
        !self.is_found()
            || self.exchange.is_some_and(|since| now.saturating_duration_since(since) > limit)
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
