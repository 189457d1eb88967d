//! A backend's side of a device.

use super::ends::Ends;
use super::state::{Action, End, back_takes_over, next};
use super::{DeviceId, XenbusState};
use crate::client::{Runtime, Watch, XenStore, XsOps};
use crate::connection::{RingTransport, Transport};
use crate::error::{ErrorKind, StoreError};
use crate::wire::{Number, ServerError};
use core::fmt::{self, Display};
use core::time::Duration;
use heapless::String;
use xen_hypercall::{DomId, Instant};

/// How long a frontend may take to close after the driver has released its memory, unless
/// [`Backend::set_timeout`] says otherwise.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a closed device that is to go stays, so that the toolstack sees that it is closed
/// before it sees it gone.
const GRACE: Duration = Duration::from_millis(300);

/// What a driver has to do for its device now. The same is returned again until it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackendEvent {
    /// Nothing: it is somebody else's turn. Come back on an event of the store's port, or at
    /// [`Backend::deadline`].
    Wait,
    /// Write what the device offers, with [`setup`](Backend::setup).
    Setup,
    /// Read what the frontend has published, take it up, then call
    /// [`connected`](Backend::connected), or [`fail`](Backend::fail).
    Connect,
    /// Serve the frontend. The same is returned while the device closes: until the frontend is
    /// Closed, it can have requests in flight and can make new ones.
    Connected,
    /// Let go of everything that the frontend shared, then call
    /// [`disconnected`](Backend::disconnected).
    Disconnect,
    /// The device is closed for good, or its directory is gone. [`remove`](Backend::remove) or drop
    /// it.
    Removed,
}

/// The backend's side of a device: its states, for every kind of driver.
///
/// [`poll`](Self::poll) says what to do. It follows the frontend through any number of closes and
/// connects, and the toolstack, which asks for an end by `online` = 0 and by writing Closing to our
/// state. What the frontend writes is believed only as far as it is a state.
///
/// Neither the toolstack's request nor a frontend in Closing ends the service. A frontend whose
/// device is in use answers a detach request with Closing and goes on with its I/O (Linux's
/// `blkfront_closing`), or stays Connected. The device switches to Closing, the driver serves until
/// the frontend is Closed, has restarted or has vanished, and a toolstack that does not want to
/// wait removes the device's directory. Only the driver's own [`close`](Self::close) and
/// [`fail`](Self::fail) end the service at once.
///
/// Its operations on xenstore block for some exchanges with xenstored, bounded by the store's
/// timeout. However often a frontend rewrites its state, one poll reads it once.
pub struct Backend<P: Runtime, T: Transport = RingTransport<P>> {
    ends: Ends<P, T>,
    device: u32,
    own_watch: Watch<P, T>,
    peer_watch: Watch<P, T>,
    /// The driver wants the device closed, whatever the frontend does.
    closing: bool,
    /// The driver holds what the frontend shared.
    linked: bool,
    /// When our state changed last.
    since: Instant,
    timeout: Duration,
}

impl<P: Runtime, T: Transport> Backend<P, T> {
    /// Opens device `id` of a kind (`vbd`, `vif`, ...): finds its frontend and watches it.
    ///
    /// # Errors
    ///
    /// Those of the store; with [`StoreError::is_not_found`] if there is no such device, or its
    /// nodes are not complete.
    pub fn open(store: &XenStore<P, T>, kind: &str, id: DeviceId) -> Result<Self, StoreError> {
        let mut ends = Ends::find(store, End::Back, format_args!("backend/{kind}/{id}"))?;
        let own_watch = ends.watch_own()?;
        let peer_watch = ends.watch_peer("state")?;
        ends.own = back_takes_over(ends.read_own()?.unwrap_or(XenbusState::UNKNOWN));
        let mut backend = Self {
            ends,
            device: id.device,
            own_watch,
            peer_watch,
            closing: false,
            linked: false,
            since: store.platform().now(),
            timeout: DEFAULT_TIMEOUT,
        };
        backend.look_at_own()?;
        backend.look_at_peer()?;
        Ok(backend)
    }

    /// Returns the store.
    pub fn store(&self) -> &XenStore<P, T> {
        &self.ends.store
    }

    /// Returns which device of which guest it is, as the toolstack says.
    pub fn id(&self) -> DeviceId {
        DeviceId { guest: self.ends.peer_id, device: self.device }
    }

    /// Returns the domain that the frontend is in: the one to map memory of.
    pub fn frontend_id(&self) -> DomId {
        self.ends.peer_id
    }

    /// Returns our directory, relative to the domain's home.
    pub fn path(&self) -> &str {
        &self.ends.path
    }

    /// Returns the frontend's directory.
    pub fn frontend_path(&self) -> &str {
        &self.ends.peer_path
    }

    /// Returns our own state.
    pub fn own_state(&self) -> XenbusState {
        self.ends.own
    }

    /// Returns the frontend's state, as it was read last.
    pub fn frontend_state(&self) -> XenbusState {
        self.ends.peer
    }

    /// Returns whether the toolstack wants the device to stay.
    pub fn is_online(&self) -> bool {
        self.ends.online
    }

    /// Sets how long a frontend may take to close. It is 30 seconds at first.
    pub fn set_timeout(&mut self, timeout: Duration) {
        self.timeout = timeout;
    }

    /// Reads a number that the frontend has published, strictly.
    ///
    /// # Errors
    ///
    /// Those of [`XsOps::read_number`].
    pub fn frontend_number<N: Number>(&self, key: impl Display) -> Result<N, StoreError> {
        self.ends.peer_number(key)
    }

    /// Reads a number that the frontend has published, `default` if it is not there: a feature that
    /// the frontend does not know of.
    ///
    /// # Errors
    ///
    /// Those of [`XsOps::read_number_or`].
    pub fn frontend_number_or<N: Number>(
        &self,
        key: impl Display,
        default: N,
    ) -> Result<N, StoreError> {
        self.ends.peer_number_or(key, default)
    }

    /// Reads a text of at most `N` bytes that the frontend has published; `None` if it is not
    /// there.
    ///
    /// # Errors
    ///
    /// Those of [`XsOps::read_string`], but for a missing node.
    pub fn frontend_string<const N: usize>(
        &self,
        key: impl Display,
    ) -> Result<Option<String<N>>, StoreError> {
        optional(self.ends.peer_string(key))
    }

    /// Reads a text of at most `N` bytes that the toolstack has put into our directory; `None` if
    /// it is not there.
    ///
    /// # Errors
    ///
    /// Those of [`XsOps::read_string`], but for a missing node.
    pub fn own_string<const N: usize>(
        &self,
        key: impl Display,
    ) -> Result<Option<String<N>>, StoreError> {
        optional(self.store().read_string(format_args!("{}/{key}", self.ends.path)))
    }

    /// Says what the driver has to do now, and does what needs no driver. Never waits for the
    /// frontend.
    ///
    /// # Errors
    ///
    /// Those of the store. Poll again: nothing is lost.
    pub fn poll(&mut self, now: Instant) -> Result<BackendEvent, StoreError> {
        self.refresh()?;
        // Each round writes one state, and no way leads through more than a few before somebody
        // else has to move.
        for _ in 0..4 {
            if self.ends.gone {
                return Ok(if self.linked {
                    BackendEvent::Disconnect
                } else {
                    BackendEvent::Removed
                });
            }
            let online = self.ends.online;
            match if self.closing || !online { self.next_of_end() } else { self.ends.next() } {
                Action::Close if self.is_served() => self.switch(XenbusState::CLOSING)?,
                // To connect what is linked already is to try again: its state could not be
                // written.
                Action::Close
                | Action::Finish
                | Action::Restart
                | Action::Publish
                | Action::Connect
                    if self.linked =>
                {
                    return Ok(BackendEvent::Disconnect);
                }
                Action::Publish | Action::Restart => return Ok(BackendEvent::Setup),
                Action::Connect => return Ok(BackendEvent::Connect),
                Action::Run => return Ok(BackendEvent::Connected),
                Action::Close => self.switch(XenbusState::CLOSING)?,
                Action::Finish => self.switch(XenbusState::CLOSED)?,
                Action::Wait if self.is_served() => return Ok(BackendEvent::Connected),
                Action::Wait if self.linked => return Ok(BackendEvent::Disconnect),
                Action::Wait if self.ends.own == XenbusState::CLOSED => {
                    // The wish has come true. If the toolstack wants it back, the frontend may open
                    // it again.
                    self.closing = false;
                    if !online && now >= self.since + GRACE {
                        return Ok(BackendEvent::Removed);
                    }
                    return Ok(BackendEvent::Wait);
                }
                Action::Wait if self.deadline().is_some_and(|deadline| now >= deadline) => {
                    self.switch(XenbusState::CLOSED)?;
                }
                // All but the first are a frontend's.
                Action::Wait
                | Action::Reconfigure
                | Action::Resume
                | Action::Closed
                | Action::Reopen => {
                    return Ok(BackendEvent::Wait);
                }
            }
        }
        Ok(BackendEvent::Wait)
    }

    /// Returns whether the frontend must be served although the device closes.
    fn is_served(&self) -> bool {
        use XenbusState as S;
        // States in which a frontend has published its rings and has not taken them back.
        let published = matches!(
            self.ends.peer,
            S::INITIALISED | S::CONNECTED | S::CLOSING | S::RECONFIGURING | S::RECONFIGURED
        );
        self.linked && !self.closing && published
    }

    /// What to do when the device is to be closed, whatever the frontend does.
    fn next_of_end(&self) -> Action {
        match self.ends.own {
            XenbusState::CLOSED => Action::Wait,
            XenbusState::CLOSING => next(End::Back, XenbusState::CLOSING, self.ends.peer),
            _ => Action::Close,
        }
    }

    /// Returns when to poll again if no event comes before.
    pub fn deadline(&self) -> Option<Instant> {
        match self.ends.own {
            XenbusState::CLOSING if !self.linked => Some(self.since + self.timeout),
            XenbusState::CLOSED if !self.ends.online => Some(self.since + GRACE),
            _ => None,
        }
    }

    /// Writes what the device offers and switches to InitWait, all in one transaction.
    ///
    /// # Errors
    ///
    /// Those of the store, with nothing written. If the directory is gone, nothing is written, and
    /// [`poll`](Self::poll) tells.
    pub fn setup(&mut self, keys: &[(&str, &dyn Display)]) -> Result<(), StoreError> {
        self.publish(XenbusState::INIT_WAIT, keys)
    }

    /// Notes that the driver holds what the frontend shared, writes `keys` and switches to
    /// Connected. A device that closes meanwhile stays in Closing.
    ///
    /// # Errors
    ///
    /// Those of [`setup`](Self::setup). The driver will be told to disconnect in any case.
    pub fn connected(&mut self, keys: &[(&str, &dyn Display)]) -> Result<(), StoreError> {
        self.linked = true;
        self.publish(XenbusState::CONNECTED, keys)
    }

    /// Notes that the driver has let go of everything that the frontend shared.
    pub fn disconnected(&mut self) {
        self.linked = false;
    }

    /// Gives the connection up, because of what the frontend published or did: leaves `message`
    /// where the toolstack's user finds it, in `error/PATH/error`, and begins to close the
    /// device. [`poll`](Self::poll) goes on with it; the frontend can connect again after it has
    /// closed.
    ///
    /// # Errors
    ///
    /// Those of writing the message. The device is closed all the same.
    #[doc(alias = "xenbus_dev_fatal")]
    pub fn fail(&mut self, message: impl Display) -> Result<(), StoreError> {
        self.closing = true;
        self.ends.tell(message)
    }

    /// Begins to close the device for a reason of the driver's own, which ends the service at once;
    /// the frontend can connect again after it has closed.
    pub fn close(&mut self) {
        self.closing = true;
    }

    /// Removes our directory, and that of the guest if it has no other device: the duty of a domain
    /// that serves others without a toolstack's daemon in it. In dom0 the toolstack does it.
    ///
    /// # Errors
    ///
    /// Those of the store, but for a directory that is gone already.
    pub fn remove(self) -> Result<(), StoreError> {
        let Ends { store, path, .. } = &self.ends;
        ignore_missing(store.remove(path.as_str()))?;
        let Some((guest, _)) = path.rsplit_once('/') else { return Ok(()) };
        let mut others = false;
        ignore_missing(store.directory(guest, |_| others = true))?;
        if others {
            return Ok(());
        }
        match store.remove(guest) {
            // It is the toolstack's, as the domain's own directories are with some.
            Err(error) if error.kind == ErrorKind::Server(ServerError::AccessDenied) => Ok(()),
            result => ignore_missing(result),
        }
    }

    fn switch(&mut self, state: XenbusState) -> Result<(), StoreError> {
        self.publish(state, &[])
    }

    fn publish(
        &mut self,
        state: XenbusState,
        keys: &[(&str, &dyn Display)],
    ) -> Result<(), StoreError> {
        let before = self.ends.own;
        self.ends.publish(state, keys, &[])?;
        if self.ends.own != before {
            self.since = self.store().platform().now();
        }
        Ok(())
    }

    fn refresh(&mut self) -> Result<(), StoreError> {
        if self.own_watch.try_clear()? {
            self.look_at_own()?;
        }
        if self.peer_watch.try_clear()? {
            self.look_at_peer()?;
        }
        Ok(())
    }

    /// Reads what the toolstack wants.
    fn look_at_own(&mut self) -> Result<(), StoreError> {
        let ends = &mut self.ends;
        ends.online = ends.read_online()?;
        match ends.read_own()? {
            None => ends.gone = !ends.store.exists(format_args!("{}/frontend", ends.path))?,
            // The toolstack's request. On a closed device too: it waits for Closed, and has
            // overwritten that.
            Some(XenbusState::CLOSING) if ends.own != XenbusState::CLOSING => {
                ends.own = XenbusState::CLOSING;
                self.since = ends.store.platform().now();
            }
            Some(_) => {}
        }
        Ok(())
    }

    fn look_at_peer(&mut self) -> Result<(), StoreError> {
        self.ends.peer = self.ends.read_peer()?.unwrap_or(XenbusState::UNKNOWN);
        Ok(())
    }
}

impl<P: Runtime, T: Transport> fmt::Debug for Backend<P, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ends, closing, linked, .. } = self;
        let mut out = f.debug_struct("Backend");
        out.field("ends", ends)
            .field("closing", closing)
            .field("linked", linked)
            .finish_non_exhaustive()
    }
}

fn optional<V>(result: Result<V, StoreError>) -> Result<Option<V>, StoreError> {
    match result {
        Err(error) if error.is_not_found() => Ok(None),
        result => result.map(Some),
    }
}

fn ignore_missing(result: Result<(), StoreError>) -> Result<(), StoreError> {
    optional(result).map(drop)
}
