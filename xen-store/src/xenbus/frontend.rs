//! A frontend's side of a device.

use super::XenbusState;
use super::ends::{Ends, is_hidden, parse_state};
use super::error::XenbusError;
use super::lookup::{Found, Lookup};
use super::state::{Action, End, awaited_by_front, front_takes_over};
use crate::client::{Runtime, Watch, XenStore, XsOps};
use crate::connection::{RingTransport, Transport};
use crate::error::StoreError;
use crate::text::PathText;
use crate::wire::{Number, parse_number};
use core::fmt::{self, Display};
use core::time::Duration;
use heapless::String;
use xen_hypercall::{DomId, Instant};

/// How long the backend may take for each step, unless [`Frontend::set_timeout`] says otherwise. It
/// may have scripts to run.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// The steps that an attempt to connect or to close can wait for: Closing, Closed, InitWait and
/// Connected, if a device is found in use. An attempt has the time of that many steps.
const STEPS: u32 = 4;

/// What a driver has to do for its device now. The same is returned again until it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrontendEvent {
    /// Nothing: it is the backend's turn. Come back on an event of the store's port.
    Wait,
    /// Read what the backend offers, and [`publish`](Frontend::publish).
    Publish,
    /// Read the backend's details, then call [`connected`](Frontend::connected).
    Connect,
    /// Nothing: both ends work.
    Connected,
    /// Let go of what the backend takes away, then [`switch`](Frontend::switch) to Reconfiguring.
    Reconfigure,
    /// Take up what the backend changed, then call [`connected`](Frontend::connected).
    Resume,
    /// Stop using the device and call [`close`](Frontend::close): the backend is going, or gone, or
    /// was started anew.
    Close,
    /// Both ends are closed: the backend has let go of all memory. [`reopen`](Frontend::reopen) or
    /// drop the device.
    Closed,
    /// The device was removed. Drop it.
    Unplugged,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goal {
    Connect,
    Close,
}

/// The frontend's side of a device: its states, for every kind of driver.
///
/// [`poll`](Self::poll) says what to do. A device that somebody left connected or half closed
/// (firmware, the kernel before a kexec) is first walked through Closing and Closed back to
/// Initialising, without the driver's help.
///
/// Each wait for the backend has a deadline that the backend cannot extend: a step begins when our
/// own state changes, not when the backend's does, and an attempt to connect or to close ends after
/// the time of four steps, in whatever states the backend was meanwhile.
///
/// Dropping it leaves the device in the state that it is in; [`close`](Self::close) it first.
pub struct Frontend<P: Runtime, T: Transport = RingTransport<P>> {
    ends: Ends<P, T>,
    peer_state: Lookup<P, T>,
    online: Lookup<P, T>,
    goal: Goal,
    /// Both ends were connected to each other.
    linked: bool,
    /// Initialising was written since the backend moved last.
    kicked: bool,
    /// When the step that the backend has to make began. Only a change of our own state begins
    /// another step: the backend must not extend its time by changes of its state.
    since: Option<Instant>,
    /// When the attempt to connect or to close began, whose steps the backend can repeat.
    begun: Option<Instant>,
    timeout: Duration,
}

impl<P: Runtime, T: Transport> Frontend<P, T> {
    /// Opens device `id` of a kind (`vbd`, `vif`, ...): finds its backend and watches it.
    ///
    /// # Errors
    ///
    /// [`XenbusError::Store`]; with [`StoreError::is_not_found`] if there is no such device.
    pub fn open(store: &XenStore<P, T>, kind: &str, id: u32) -> Result<Self, XenbusError> {
        Self::at(store, format_args!("device/{kind}/{id}"))
    }

    /// Opens the device whose frontend directory is `path`, of at most 64 bytes.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open); [`ErrorKind::TooLong`](crate::ErrorKind::TooLong).
    pub fn at(store: &XenStore<P, T>, path: impl Display) -> Result<Self, XenbusError> {
        let ends = Ends::find(store, End::Front, path)?;
        let mut frontend = Self {
            peer_state: Lookup::new(ends.watch_peer("state")?),
            online: Lookup::new(ends.watch_peer("online")?),
            ends,
            goal: Goal::Connect,
            linked: false,
            kicked: false,
            since: None,
            begun: None,
            timeout: DEFAULT_TIMEOUT,
        };
        let ends = &mut frontend.ends;
        ends.own = ends.read_own()?.unwrap_or(XenbusState::UNKNOWN);
        ends.peer = ends.read_peer()?.unwrap_or(XenbusState::UNKNOWN);
        ends.online = ends.read_online()?;
        if let Some(state) = front_takes_over(ends.own, ends.peer) {
            frontend.switch(state)?;
            frontend.kicked = true;
        }
        Ok(frontend)
    }

    /// Returns the store.
    pub fn store(&self) -> &XenStore<P, T> {
        &self.ends.store
    }

    /// Returns the frontend's directory, relative to the domain's home.
    pub fn path(&self) -> &str {
        &self.ends.path
    }

    /// Returns the backend's directory.
    pub fn backend_path(&self) -> &str {
        &self.ends.peer_path
    }

    /// Returns the domain that the backend is in: the one to grant memory to.
    pub fn backend_id(&self) -> DomId {
        self.ends.peer_id
    }

    /// Returns our own state.
    pub fn own_state(&self) -> XenbusState {
        self.ends.own
    }

    /// Returns the backend's state, as it was read last.
    pub fn backend_state(&self) -> XenbusState {
        self.ends.peer
    }

    /// Returns whether the toolstack wants the device to stay; if not, it won't open again.
    pub fn is_online(&self) -> bool {
        self.ends.online
    }

    /// Sets how long the backend may take for each step from now on. It is 30 seconds at first.
    pub fn set_timeout(&mut self, timeout: Duration) {
        self.timeout = timeout;
    }

    /// Reads a number from the backend's directory, strictly.
    ///
    /// # Errors
    ///
    /// Those of [`XsOps::read_number`].
    pub fn backend_number<N: Number>(&self, key: &str) -> Result<N, StoreError> {
        self.ends.peer_number(key)
    }

    /// Reads a number from the backend's directory, `default` if it is not there: a feature that
    /// the backend does not know of.
    ///
    /// # Errors
    ///
    /// Those of [`XsOps::read_number_or`].
    pub fn backend_number_or<N: Number>(&self, key: &str, default: N) -> Result<N, StoreError> {
        self.ends.peer_number_or(key, default)
    }

    /// Reads a text of at most `N` bytes from the backend's directory.
    ///
    /// # Errors
    ///
    /// Those of [`XsOps::read_string`].
    pub fn backend_string<const N: usize>(&self, key: &str) -> Result<String<N>, StoreError> {
        self.ends.peer_string(key)
    }

    /// Watches a node of the backend's directory. Of all frontends whose backends are of one kind
    /// and in one domain, the watches share two at the server.
    ///
    /// # Errors
    ///
    /// Those of [`XenStore::watch`].
    pub fn watch_backend(&self, key: &str) -> Result<Watch<P, T>, StoreError> {
        self.ends.watch_peer(key)
    }

    /// Says what the driver has to do now, and does what needs no driver. Never waits for the
    /// backend; writing a state takes some exchanges with xenstored.
    ///
    /// # Errors
    ///
    /// [`XenbusError::Timeout`] if the backend has let the step's time pass; a device that was
    /// being closed is then closed without it. [`XenbusError::Store`].
    pub fn poll(&mut self, now: Instant) -> Result<FrontendEvent, XenbusError> {
        // Each round writes one state, and no way leads through more than a few before the backend
        // has to move. Writing waits for the store, and what the backend did meanwhile
        // makes no further event: so look again each time.
        for _ in 0..4 {
            self.refresh()?;
            if self.ends.gone {
                return Ok(FrontendEvent::Unplugged);
            }
            let Ends { own, peer, online, .. } = self.ends;
            let restarted =
                self.linked && own == XenbusState::CONNECTED && peer < XenbusState::CONNECTED;
            match self.ends.next() {
                _ if restarted => return Ok(FrontendEvent::Close),
                Action::Publish => return Ok(FrontendEvent::Publish),
                Action::Connect => return Ok(FrontendEvent::Connect),
                Action::Run => {
                    self.linked = true;
                    self.begin_attempt();
                    return Ok(FrontendEvent::Connected);
                }
                Action::Reconfigure => return Ok(FrontendEvent::Reconfigure),
                Action::Resume => return Ok(FrontendEvent::Resume),
                Action::Close => return Ok(FrontendEvent::Close),
                Action::Closed if self.goal == Goal::Close || !online => {
                    return Ok(FrontendEvent::Closed);
                }
                Action::Reopen if self.kicked && online => break,
                Action::Closed | Action::Reopen if online => {
                    self.switch(XenbusState::INITIALISING)?;
                    self.kicked = true;
                }
                Action::Closed | Action::Reopen => self.switch(XenbusState::CLOSED)?,
                Action::Restart => self.switch(XenbusState::CLOSING)?,
                Action::Finish => self.switch(XenbusState::CLOSED)?,
                Action::Wait => break,
            }
        }
        self.check_deadline(now)?;
        Ok(FrontendEvent::Wait)
    }

    /// Polls, and waits for the backend, until there is something for the driver to do.
    ///
    /// # Errors
    ///
    /// Those of [`poll`](Self::poll).
    pub fn wait(&mut self) -> Result<FrontendEvent, XenbusError> {
        loop {
            let now = self.store().platform().now();
            match self.poll(now)? {
                FrontendEvent::Wait => self.store().wait(self.deadline(now)),
                event => return Ok(event),
            }
        }
    }

    /// Returns when the step or the attempt is over, whichever is earlier.
    fn deadline(&self, now: Instant) -> Instant {
        let step = self.since.unwrap_or(now) + self.timeout;
        let attempt = self.begun.unwrap_or(now) + self.timeout.saturating_mul(STEPS);
        step.min(attempt)
    }

    fn begin_attempt(&mut self) {
        (self.since, self.begun) = (None, None);
    }

    /// Waits until the driver is to do `wanted`.
    ///
    /// # Errors
    ///
    /// [`XenbusError::Refused`], [`XenbusError::Unplugged`] if it is to do something else; those of
    /// [`poll`](Self::poll).
    pub fn wait_for(&mut self, wanted: FrontendEvent) -> Result<(), XenbusError> {
        match self.wait()? {
            event if event == wanted => Ok(()),
            FrontendEvent::Unplugged => Err(self.unplugged()),
            _ => {
                let Ends { own, peer: found, .. } = self.ends;
                Err(XenbusError::Refused { path: self.peer_path(), found, own })
            }
        }
    }

    /// Writes `keys` into our directory and switches to `state`, all in one transaction.
    ///
    /// # Errors
    ///
    /// [`XenbusError::Unplugged`] if our directory is gone; it is not made again.
    /// [`XenbusError::Store`], with nothing written.
    pub fn publish(
        &mut self,
        state: XenbusState,
        keys: &[(&str, &dyn Display)],
    ) -> Result<(), XenbusError> {
        self.publish_only(state, keys, &[])
    }

    /// Writes `keys` into our directory, removes those of `stale` that are not among them, and
    /// switches to `state`, all in one transaction: the backend never finds nodes of an earlier
    /// connection beside those of this one.
    ///
    /// # Errors
    ///
    /// Those of [`publish`](Self::publish).
    pub fn publish_only(
        &mut self,
        state: XenbusState,
        keys: &[(&str, &dyn Display)],
        stale: &[&str],
    ) -> Result<(), XenbusError> {
        let before = self.ends.own;
        self.ends.publish(state, keys, stale)?;
        if self.ends.gone {
            return Err(self.unplugged());
        }
        if state != before {
            self.since = None;
        }
        Ok(())
    }

    /// Switches our state.
    ///
    /// # Errors
    ///
    /// Those of [`publish`](Self::publish).
    pub fn switch(&mut self, state: XenbusState) -> Result<(), XenbusError> {
        self.publish(state, &[])
    }

    /// Switches to Connected: the device works.
    ///
    /// # Errors
    ///
    /// Those of [`publish`](Self::publish).
    pub fn connected(&mut self) -> Result<(), XenbusError> {
        self.switch(XenbusState::CONNECTED)
    }

    /// Begins to close the device; [`poll`](Self::poll) goes on with it until
    /// [`FrontendEvent::Closed`]. Stop using the device first; memory is the backend's until
    /// then.
    ///
    /// # Errors
    ///
    /// Those of [`publish`](Self::publish), but for a device that was removed: that is closed
    /// enough.
    pub fn close(&mut self) -> Result<(), XenbusError> {
        if self.goal != Goal::Close {
            self.begin_attempt();
        }
        self.goal = Goal::Close;
        self.linked = false;
        let Ends { own, peer, gone, .. } = self.ends;
        if gone || own == XenbusState::CLOSING || own == XenbusState::CLOSED {
            return Ok(());
        }
        // A backend that is closed would begin to close anew if it saw Closing.
        let first =
            if peer == XenbusState::CLOSED { XenbusState::CLOSED } else { XenbusState::CLOSING };
        match self.switch(first) {
            Err(XenbusError::Unplugged { .. }) => Ok(()),
            result => result,
        }
    }

    /// Closes the device and waits until the backend has let go of it.
    ///
    /// # Errors
    ///
    /// Those of [`close`](Self::close) and [`poll`](Self::poll). After a timeout the device is
    /// closed, but the backend may still use its memory.
    pub fn close_and_wait(&mut self) -> Result<(), XenbusError> {
        self.close()?;
        match self.wait() {
            Ok(_) | Err(XenbusError::Unplugged { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Begins to connect a device again that was closed; [`poll`](Self::poll) goes on with it.
    pub fn reopen(&mut self) {
        self.goal = Goal::Connect;
        self.kicked = false;
        self.begin_attempt();
    }

    /// Leaves `message` where the toolstack's user finds it, in `error/PATH/error`, and begins to
    /// close the device.
    ///
    /// # Errors
    ///
    /// Those of [`close`](Self::close), and of writing the message, in this order.
    #[doc(alias = "xenbus_dev_fatal")]
    pub fn fatal(&mut self, message: impl Display) -> Result<(), XenbusError> {
        let told = self.ends.tell(message);
        self.close()?;
        Ok(told?)
    }

    fn refresh(&mut self) -> Result<(), XenbusError> {
        let ends = &mut self.ends;
        let (store, backend) = (&ends.store, &ends.peer_path);
        if let Some(found) = self.online.poll(store, format_args!("{backend}/online"))? {
            ends.online = match found {
                Found::Value(value) => parse_number(&value) != Ok(0u32),
                Found::Missing => true,
            };
        }
        let Some(found) = self.peer_state.poll(store, format_args!("{backend}/state"))? else {
            return Ok(());
        };
        let peer = match found {
            Found::Value(value) => parse_state(&value),
            Found::Missing => {
                ends.gone = match store.exists(backend) {
                    Err(error) if is_hidden(&error) => true,
                    exists => !exists?,
                };
                XenbusState::UNKNOWN
            }
        };
        if peer != ends.peer {
            ends.peer = peer;
            self.kicked = false;
        }
        Ok(())
    }

    fn check_deadline(&mut self, now: Instant) -> Result<(), XenbusError> {
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
        let Ends { own, peer: found, .. } = self.ends;
        if own == XenbusState::CLOSING {
            self.switch(XenbusState::CLOSED)?;
        }
        let awaited = awaited_by_front(own);
        Err(XenbusError::Timeout { path: self.peer_path(), awaited, found, own, waited })
    }

    fn peer_path(&self) -> PathText {
        PathText::new(&format_args!("{}/state", self.ends.peer_path))
    }

    fn unplugged(&self) -> XenbusError {
        XenbusError::Unplugged { path: PathText::new(&self.ends.path) }
    }
}

impl<P: Runtime, T: Transport> fmt::Debug for Frontend<P, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frontend").field("ends", &self.ends).finish_non_exhaustive()
    }
}
