//! A backend's side of a device.

use super::state::{Action, next};
use super::{DeviceId, XenbusState};
use core::fmt::{self, Display};
use core::time::Duration;
use heapless::String;
use xen_hypercall::{DomId, Instant, Platform};
use xen_store::wire::{MessageType, Number, ServerError, parse_number};
use xen_store::{Nodes, PathText, Reason, RingTransport, StoreError, Transport, Watch, XenStore};

/// How long a frontend may take to close, unless [`Backend::set_timeout`] says otherwise. Nothing of its memory is held meanwhile.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a closed device that is to go stays, so that the toolstack sees that it is closed before it sees it gone.
const GRACE: Duration = Duration::from_millis(300);

/// What a driver has to do for its device now. The same is returned again until it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackendEvent {
    /// Nothing: it is somebody else's turn. Come back on an event of the store's port, or at [`Backend::deadline`].
    Wait,
    /// Write what the device offers, with [`setup`](Backend::setup).
    Setup,
    /// Read what the frontend has published, take it up, then call [`connected`](Backend::connected), or [`fail`](Backend::fail).
    Connect,
    /// Nothing: both ends work.
    Connected,
    /// Let go of everything that the frontend shared, then call [`disconnected`](Backend::disconnected).
    Disconnect,
    /// The device is closed for good, or its directory is gone. [`remove`](Backend::remove) or drop it.
    Removed,
}

/// The backend's side of a device: its states, for every kind of driver.
///
/// [`poll`](Self::poll) says what to do. It follows the frontend through any number of closes and connects, and the toolstack, which asks for
/// an end by `online` = 0 and by writing Closing to our state. What the frontend writes is believed only as far as it is a state.
///
/// Its operations on xenstore block for some exchanges with xenstored, bounded by the store's timeout. However often a frontend rewrites
/// its state, one poll reads it once.
pub struct Backend<'a, P: Platform, T: Transport = RingTransport<P>> {
    store: &'a XenStore<P, T>,
    id: DeviceId,
    path: String<48>,
    frontend: String<240>,
    own_watch: Watch<'a, P, T>,
    peer_watch: Watch<'a, P, T>,
    own: XenbusState,
    peer: XenbusState,
    online: bool,
    /// We or the toolstack want the device closed, whatever the frontend does.
    closing: bool,
    /// The driver holds what the frontend shared.
    linked: bool,
    /// Our directory does not exist any more.
    gone: bool,
    /// When our state changed last.
    since: Instant,
    timeout: Duration,
}

impl<'a, P: Platform, T: Transport> Backend<'a, P, T> {
    /// Opens device `id` of a kind (`vbd`, `vif`, ...): finds its frontend and watches it.
    ///
    /// # Errors
    ///
    /// Those of the store; with [`StoreError::is_not_found`] if there is no such device, or its nodes are not complete.
    pub fn open(store: &'a XenStore<P, T>, kind: &str, id: DeviceId) -> Result<Self, StoreError> {
        let mut path = String::new();
        fmt::write(&mut path, format_args!("backend/{kind}/{id}")).map_err(|_| StoreError {
            operation: MessageType::READ,
            path: PathText::new(&kind),
            reason: Reason::TooLong { limit: 48 },
        })?;
        let frontend: String<240> = store.read_string(format_args!("{path}/frontend"))?;
        let frontend_id: u16 = store.read_number(format_args!("{path}/frontend-id"))?;
        let own_watch = store.watch(&path)?;
        let peer_watch = store.watch(format_args!("{frontend}/state"))?;
        let own = read_state(store, format_args!("{path}/state"))?.unwrap_or(XenbusState::UNKNOWN);
        let mut backend = Self {
            store,
            id: DeviceId { guest: DomId(frontend_id), device: id.device },
            // What was connected before us holds nothing any more, since it was a part of this domain.
            own: match own {
                XenbusState::CLOSING | XenbusState::CLOSED => own,
                _ => XenbusState::INITIALISING,
            },
            peer: XenbusState::UNKNOWN,
            online: true,
            closing: false,
            linked: false,
            gone: false,
            since: store.platform().now(),
            timeout: DEFAULT_TIMEOUT,
            path,
            frontend,
            own_watch,
            peer_watch,
        };
        backend.look_at_own()?;
        backend.look_at_peer()?;
        Ok(backend)
    }

    /// Returns the store.
    pub fn store(&self) -> &'a XenStore<P, T> {
        self.store
    }

    /// Returns which device of which guest it is, as the toolstack says.
    pub fn id(&self) -> DeviceId {
        self.id
    }

    /// Returns the domain that the frontend is in: the one to map memory of.
    pub fn frontend_id(&self) -> DomId {
        self.id.guest
    }

    /// Returns our directory, relative to the domain's home.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns the frontend's directory.
    pub fn frontend_path(&self) -> &str {
        &self.frontend
    }

    /// Returns our own state.
    pub fn own_state(&self) -> XenbusState {
        self.own
    }

    /// Returns the frontend's state, as it was read last.
    pub fn frontend_state(&self) -> XenbusState {
        self.peer
    }

    /// Returns whether the toolstack wants the device to stay.
    pub fn is_online(&self) -> bool {
        self.online
    }

    /// Sets how long a frontend may take to close. It is 30 seconds at first.
    pub fn set_timeout(&mut self, timeout: Duration) {
        self.timeout = timeout;
    }

    /// Reads a number that the frontend has published, strictly.
    ///
    /// # Errors
    ///
    /// Those of [`Nodes::read_number`].
    pub fn frontend_number<N: Number>(&self, key: impl Display) -> Result<N, StoreError> {
        self.store.read_number(format_args!("{}/{key}", self.frontend))
    }

    /// Reads a number that the frontend has published, `default` if it is not there: a feature that the frontend does not know of.
    ///
    /// # Errors
    ///
    /// Those of [`Nodes::read_number_or`].
    pub fn frontend_number_or<N: Number>(&self, key: impl Display, default: N) -> Result<N, StoreError> {
        self.store.read_number_or(format_args!("{}/{key}", self.frontend), default)
    }

    /// Reads a text of at most `N` bytes that the frontend has published; `None` if it is not there.
    ///
    /// # Errors
    ///
    /// Those of [`Nodes::read_string`], but for a missing node.
    pub fn frontend_string<const N: usize>(
        &self,
        key: impl Display,
    ) -> Result<Option<String<N>>, StoreError> {
        optional(self.store.read_string(format_args!("{}/{key}", self.frontend)))
    }

    /// Reads a text of at most `N` bytes that the toolstack has put into our directory; `None` if it is not there.
    ///
    /// # Errors
    ///
    /// Those of [`Nodes::read_string`], but for a missing node.
    pub fn own_string<const N: usize>(&self, key: impl Display) -> Result<Option<String<N>>, StoreError> {
        optional(self.store.read_string(format_args!("{}/{key}", self.path)))
    }

    /// Says what the driver has to do now, and does what needs no driver. Never waits for the frontend.
    ///
    /// # Errors
    ///
    /// Those of the store. Poll again: nothing is lost.
    pub fn poll(&mut self, now: Instant) -> Result<BackendEvent, StoreError> {
        self.refresh()?;
        // Each round writes one state, and no way leads through more than a few before somebody else has to move.
        for _ in 0..4 {
            if self.gone {
                return Ok(if self.linked { BackendEvent::Disconnect } else { BackendEvent::Removed });
            }
            let action =
                if self.closing || !self.online { self.next_of_end() } else { next(self.own, self.peer) };
            match action {
                // To connect what is linked already is to try again: its state could not be written.
                Action::Close | Action::Finish | Action::Restart | Action::Setup | Action::Connect
                    if self.linked =>
                {
                    return Ok(BackendEvent::Disconnect);
                }
                Action::Setup | Action::Restart => return Ok(BackendEvent::Setup),
                Action::Connect => return Ok(BackendEvent::Connect),
                Action::Run => return Ok(BackendEvent::Connected),
                Action::Close => self.switch(XenbusState::CLOSING)?,
                Action::Finish => self.switch(XenbusState::CLOSED)?,
                Action::Wait if self.own == XenbusState::CLOSED => {
                    // The wish has come true. If the toolstack wants it back, the frontend may open it again.
                    self.closing = false;
                    if !self.online && now >= self.since + GRACE {
                        return Ok(BackendEvent::Removed);
                    }
                    return Ok(BackendEvent::Wait);
                }
                Action::Wait if self.deadline().is_some_and(|deadline| now >= deadline) => {
                    self.switch(XenbusState::CLOSED)?;
                }
                Action::Wait => return Ok(BackendEvent::Wait),
            }
        }
        Ok(BackendEvent::Wait)
    }

    /// What to do when the device is to be closed, whatever the frontend does.
    fn next_of_end(&self) -> Action {
        match self.own {
            XenbusState::CLOSED => Action::Wait,
            XenbusState::CLOSING => next(XenbusState::CLOSING, self.peer),
            _ => Action::Close,
        }
    }

    /// Returns when to poll again if no event comes before.
    pub fn deadline(&self) -> Option<Instant> {
        match self.own {
            XenbusState::CLOSING => Some(self.since + self.timeout),
            XenbusState::CLOSED if !self.online => Some(self.since + GRACE),
            _ => None,
        }
    }

    /// Writes what the device offers and switches to InitWait, all in one transaction.
    ///
    /// # Errors
    ///
    /// Those of the store, with nothing written. If the directory is gone, nothing is written, and [`poll`](Self::poll) tells.
    pub fn setup(&mut self, keys: &[(&str, &dyn Display)]) -> Result<(), StoreError> {
        self.publish(XenbusState::INIT_WAIT, keys)
    }

    /// Notes that the driver holds what the frontend shared, writes `keys` and switches to Connected.
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

    /// Gives the connection up, because of what the frontend published or did: leaves `message` where the toolstack's user finds it, in
    /// `error/PATH/error`, and begins to close the device. [`poll`](Self::poll) goes on with it; the frontend can connect again after it has closed.
    ///
    /// # Errors
    ///
    /// Those of writing the message. The device is closed all the same.
    #[doc(alias = "xenbus_dev_fatal")]
    pub fn fail(&mut self, message: impl Display) -> Result<(), StoreError> {
        self.closing = true;
        self.store.write_fmt(format_args!("error/{}/error", self.path), message)
    }

    /// Begins to close the device; the frontend can connect again after it has closed.
    pub fn close(&mut self) {
        self.closing = true;
    }

    /// Removes our directory, and that of the guest if it has no other device: the duty of a domain that serves others without a toolstack's
    /// daemon in it. In dom0 the toolstack does it.
    ///
    /// # Errors
    ///
    /// Those of the store, but for a directory that is gone already.
    pub fn remove(self) -> Result<(), StoreError> {
        ignore_missing(self.store.remove(self.path.as_str()))?;
        let Some((guest, _)) = self.path.rsplit_once('/') else { return Ok(()) };
        let mut others = false;
        ignore_missing(self.store.directory(guest, |_| others = true))?;
        if others {
            return Ok(());
        }
        match self.store.remove(guest) {
            // It is the toolstack's, as the domain's own directories are with some.
            Err(error) if error.reason == Reason::Server(ServerError::AccessDenied) => Ok(()),
            result => ignore_missing(result),
        }
    }

    fn switch(&mut self, state: XenbusState) -> Result<(), StoreError> {
        self.publish(state, &[])
    }

    fn publish(&mut self, state: XenbusState, keys: &[(&str, &dyn Display)]) -> Result<(), StoreError> {
        let path = &self.path;
        let written = self.store.transaction(|tx| {
            // What the toolstack removed must not come back by being written to.
            if !tx.exists(format_args!("{path}/frontend"))? {
                return Ok::<_, StoreError>(false);
            }
            for (key, value) in keys {
                tx.write_fmt(format_args!("{path}/{key}"), value)?;
            }
            tx.write_fmt(format_args!("{path}/state"), state.0)?;
            Ok(true)
        })?;
        self.gone |= !written;
        self.own = state;
        self.since = self.store.platform().now();
        Ok(())
    }

    fn refresh(&mut self) -> Result<(), StoreError> {
        if drain(&self.own_watch)? {
            self.look_at_own()?;
        }
        if drain(&self.peer_watch)? {
            self.look_at_peer()?;
        }
        Ok(())
    }

    /// Reads what the toolstack wants.
    fn look_at_own(&mut self) -> Result<(), StoreError> {
        match self.store.read_number_or(format_args!("{}/online", self.path), 1u32) {
            Ok(online) => self.online = online != 0,
            Err(error) if matches!(error.reason, Reason::Number(_)) => {}
            Err(error) => return Err(error),
        }
        match read_state(self.store, format_args!("{}/state", self.path))? {
            None => self.gone = !self.store.exists(format_args!("{}/frontend", self.path))?,
            Some(XenbusState::CLOSING) if self.own != XenbusState::CLOSED => self.closing = true,
            Some(_) => {}
        }
        Ok(())
    }

    fn look_at_peer(&mut self) -> Result<(), StoreError> {
        let state = read_state(self.store, format_args!("{}/state", self.frontend))?;
        self.peer = state.unwrap_or(XenbusState::UNKNOWN);
        Ok(())
    }
}

impl<P: Platform, T: Transport> fmt::Debug for Backend<'_, P, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, frontend, own, peer, online, linked, .. } = self;
        f.debug_struct("Backend")
            .field("path", path)
            .field("frontend", frontend)
            .field("own", own)
            .field("peer", peer)
            .field("online", online)
            .field("linked", linked)
            .finish_non_exhaustive()
    }
}

/// Takes all events of a watch and tells whether there were any.
fn drain<P: Platform, T: Transport>(watch: &Watch<'_, P, T>) -> Result<bool, StoreError> {
    let mut any = false;
    // Equal events are merged while they wait, so this ends even if the peer goes on writing: the queue is bounded.
    for _ in 0..64 {
        if watch.try_next()?.is_none() {
            break;
        }
        any = true;
    }
    Ok(any)
}

/// Reads a state node; `None` if it is missing, or hidden, as all that belonged to a domain that is gone. What is no number is Unknown.
fn read_state<P: Platform, T: Transport>(
    store: &XenStore<P, T>,
    path: impl Display,
) -> Result<Option<XenbusState>, StoreError> {
    let mut value = [0; 16];
    match store.read(path, &mut value) {
        Ok(len) => {
            let number = parse_number(value.get(..len).unwrap_or_default());
            Ok(Some(XenbusState(number.unwrap_or(XenbusState::UNKNOWN.0))))
        }
        Err(error) => match error.reason {
            Reason::Server(ServerError::NotFound | ServerError::AccessDenied) => Ok(None),
            Reason::BufferTooSmall { .. } => Ok(Some(XenbusState::UNKNOWN)),
            _ => Err(error),
        },
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
