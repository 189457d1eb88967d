//! The nodes of a device: the paths and the states of its two directories.

use crate::error::XenbusError;
use crate::{Role, XenbusState};
use core::fmt;
use heapless::{Deque, String};
use xen_hypercall::DomId;
use xen_store::wire::{MessageType, Part, parse_number};
use xen_store::{
    ErrorKind, PIPELINE_DEPTH, PathText, Pipeline, Runtime, StoreError, Transport, Watch, XenStore,
};

/// The most bytes of the path of a device's own directory, and of the other end's.
pub(crate) const OWN_PATH: usize = 64;
pub(crate) const PEER_PATH: usize = 128;

/// The path of a device's own directory; a length of one byte keeps drivers below 1 KiB.
pub(crate) type OwnPath = String<OWN_PATH, u8>;

/// The most bytes of a state or a number; a longer value is neither.
const VALUE: usize = 32;

/// A node that is read when it changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Query {
    PeerState,
    /// `online`, in the backend's directory: zero if the toolstack requests removal of the device.
    Online,
    OwnState,
    /// The link to the other end: missing once the toolstack has removed the own directory.
    OwnLink,
    /// The backend's directory.
    BackendDirectory,
    /// The node that the driver watches.
    Watched,
}

const QUERIES: [Query; 6] = [
    Query::PeerState,
    Query::Online,
    Query::OwnState,
    Query::OwnLink,
    Query::BackendDirectory,
    Query::Watched,
];

/// The nodes of a device, for one of its ends.
pub(crate) struct DeviceNodes<P: Runtime, T: Transport> {
    role: Role,
    pub(crate) path: OwnPath,
    pub(crate) peer_path: String<PEER_PATH, u8>,
    pub(crate) peer_id: DomId,
    pub(crate) own: XenbusState,
    pub(crate) peer: XenbusState,
    /// The value of `online`: the toolstack keeps the device.
    pub(crate) online: bool,
    /// The device was removed.
    pub(crate) gone: bool,
    /// The state that the toolstack or a driver before this one has written to the own directory.
    pub(crate) found_own: Option<XenbusState>,
    queries: Pipeline<P, T>,
    queried: Deque<Query, PIPELINE_DEPTH>,
    /// A bit for each query that is to be sent.
    due: u8,
    /// A bit for each query that has had no reply since the other end was found.
    unread: u8,
    /// The backend's state is missing; its directory decides whether the device was removed.
    missing: bool,
    /// A node of the own directory has changed since the driver last checked.
    own_changed: bool,
    watches: [Option<Watch<P, T>>; 2],
    watched: Option<(Watch<P, T>, &'static str)>,
    /// The store's activity up to which all events and replies are taken.
    seen: Option<u64>,
}

/// The value of the watched node, if it was read; empty if there is none, or it is too long.
pub(crate) type Changed = Option<heapless::Vec<u8, VALUE>>;

impl<P: Runtime, T: Transport> DeviceNodes<P, T> {
    pub(crate) fn new(
        store: &XenStore<P, T>,
        role: Role,
        path: fmt::Arguments<'_>,
    ) -> Result<Self, XenbusError> {
        let mut own_path = OwnPath::new();
        fmt::write(&mut own_path, path)
            .map_err(|_| read_error(&path, ErrorKind::TooLong { limit: OWN_PATH }))?;
        Ok(Self {
            role,
            path: own_path,
            peer_path: String::new(),
            peer_id: DomId(0),
            own: XenbusState::UNKNOWN,
            peer: XenbusState::UNKNOWN,
            online: true,
            gone: false,
            found_own: None,
            queries: Pipeline::new(store),
            queried: Deque::new(),
            due: 0,
            unread: 0,
            missing: false,
            own_changed: false,
            watches: [None, None],
            watched: None,
            seen: None,
        })
    }

    pub(crate) fn store(&self) -> &XenStore<P, T> {
        self.queries.store()
    }

    /// Clears the other end and all values that were read.
    pub(crate) fn reset(&mut self) {
        self.queries.clear();
        self.queried.clear();
        (self.due, self.unread) = (0, 0);
        self.watches = [None, None];
        self.watched = None;
        self.peer_path.clear();
        (self.own, self.peer) = (XenbusState::UNKNOWN, XenbusState::UNKNOWN);
        (self.online, self.gone, self.found_own) = (true, false, None);
        (self.missing, self.seen) = (false, None);
    }

    /// Watches a backend's own directory, for nodes of the toolstack.
    pub(crate) fn watch_own(&mut self) -> Result<(), XenbusError> {
        if self.watches[1].is_none() {
            let (store, own) = (self.queries.store(), self.path.as_str());
            self.watches[1] = Some(store.queue_watch(devices_of(self.role, own), own)?);
        }
        Ok(())
    }

    /// Requests a check whether the backend's directory exists.
    pub(crate) fn check_directory(&mut self) {
        self.need(Query::BackendDirectory);
        self.unread |= 1 << Query::BackendDirectory as u8;
    }

    /// Watches the other end and requests all states.
    pub(crate) fn begin_sync(&mut self) -> Result<(), XenbusError> {
        let store = self.queries.store();
        let peer = self.peer_path.as_str();
        let others = devices_of(self.role.other(), peer);
        let first = store.queue_watch(others, format_args!("{peer}/state"))?;
        if self.role == Role::Frontend {
            self.watches[1] = Some(store.queue_watch(others, format_args!("{peer}/online"))?);
        }
        self.watches[0] = Some(first);
        for query in [Query::PeerState, Query::Online, Query::OwnState] {
            self.need(query);
            self.unread |= 1 << query as u8;
        }
        Ok(())
    }

    /// Watches node `key` of the other end, and requests its value.
    pub(crate) fn watch_node(&mut self, key: &'static str) -> Result<(), XenbusError> {
        if self.watched.is_none() {
            let (store, peer) = (self.queries.store(), self.peer_path.as_str());
            let others = devices_of(self.role.other(), peer);
            self.watched = Some((store.queue_watch(others, format_args!("{peer}/{key}"))?, key));
        }
        self.need(Query::Watched);
        Ok(())
    }

    /// Returns whether all states were read at least once since the other end was found.
    pub(crate) fn is_synced(&self) -> bool {
        self.unread == 0
    }

    /// Returns, once, whether a node of the own directory has changed.
    pub(crate) fn take_own_change(&mut self) -> bool {
        core::mem::take(&mut self.own_changed)
    }

    /// Returns the number of queries sent so far.
    pub(crate) fn sent(&self) -> u32 {
        self.queries.queued()
    }

    /// Returns whether a query waits for a free slot of the client.
    pub(crate) fn is_starved(&self) -> bool {
        self.due != 0
    }

    fn need(&mut self, query: Query) {
        self.due |= 1 << query as u8;
    }

    /// Takes the replies to queries that have come. Returns the value of the driver's node if that
    /// was read.
    pub(crate) fn refresh(&mut self) -> Result<Changed, XenbusError> {
        let activity = self.store().activity();
        if self.seen == Some(activity) {
            return Ok(None);
        }
        let [first, second] = &self.watches;
        let fired = |watch: &Option<Watch<P, T>>| match watch {
            Some(watch) => watch.clear(),
            None => Ok(false),
        };
        let (first, second) = (fired(first)?, fired(second)?);
        if first {
            self.need(Query::PeerState);
        }
        if second && self.role == Role::Backend {
            self.own_changed = true;
        }
        // Before that, states are not used: an incomplete directory is read as a whole.
        if second && self.watches[0].is_some() {
            self.need(Query::Online);
            if self.role == Role::Backend {
                self.need(Query::OwnState);
            }
        }
        if let Some((watch, _)) = &self.watched
            && watch.clear()?
        {
            self.need(Query::Watched);
        }
        let changed = self.take_replies()?;
        self.seen = Some(activity);
        Ok(changed)
    }

    fn take_replies(&mut self) -> Result<Changed, XenbusError> {
        let mut changed = None;
        let mut value = [0; VALUE];
        while let Some(reply) = self.queries.reply(&mut value) {
            let Some(query) = self.queried.pop_front() else { break };
            let value = match reply {
                Ok(len) => Some(value.get(..len).unwrap_or_default()),
                Err(ErrorKind::BufferTooSmall { .. }) => Some(&[][..]),
                Err(reason) if reason.is_hidden() => None,
                // The reply was lost with the connection.
                Err(ErrorKind::Interrupted { .. }) => {
                    self.need(query);
                    continue;
                }
                Err(reason) => return Err(read_error(&self.path_of(query), reason)),
            };
            self.unread &= !(1 << query as u8);
            match query {
                Query::PeerState => {
                    self.missing = value.is_none() && self.role == Role::Frontend;
                    if !self.missing {
                        self.peer = value.map_or(XenbusState::UNKNOWN, parse_state);
                    } else {
                        self.need(Query::BackendDirectory);
                        self.unread |= 1 << Query::BackendDirectory as u8;
                    }
                }
                Query::Online => {
                    self.online = value.is_none_or(|value| parse_number(value) != Ok(0u32));
                }
                Query::OwnState => {
                    self.found_own = value.map(parse_state);
                    if value.is_none() {
                        self.need(Query::OwnLink);
                        self.unread |= 1 << Query::OwnLink as u8;
                    }
                }
                Query::OwnLink => self.gone = value.is_none(),
                Query::BackendDirectory => {
                    self.gone = value.is_none();
                    if self.missing {
                        self.peer = XenbusState::UNKNOWN;
                    }
                }
                Query::Watched => {
                    changed = heapless::Vec::from_slice(value.unwrap_or_default()).ok();
                }
            }
        }
        Ok(changed)
    }

    /// Sends the queries that are due.
    pub(crate) fn send(&mut self) -> Result<(), XenbusError> {
        for query in QUERIES {
            if self.due & 1 << query as u8 == 0 {
                continue;
            }
            let path = self.path_of(query);
            let pushed =
                self.queries.push(MessageType::READ, None, &[Part::Path(format_args!("{path}"))]);
            match pushed {
                Ok(()) => {
                    self.due &= !(1 << query as u8);
                    let _ = self.queried.push_back(query);
                }
                Err(ErrorKind::Busy | ErrorKind::Quiesced) => break,
                Err(reason) => return Err(read_error(&path, reason)),
            }
        }
        Ok(())
    }

    fn path_of(&self, query: Query) -> String<{ PEER_PATH + 32 }> {
        let (own, peer) = (self.path.as_str(), self.peer_path.as_str());
        let (backend, link) = match self.role {
            Role::Frontend => (peer, "backend"),
            Role::Backend => (own, "frontend"),
        };
        let mut path = String::new();
        // There is room: a path and a short key.
        let _ = match query {
            Query::PeerState => fmt::write(&mut path, format_args!("{peer}/state")),
            Query::Online => fmt::write(&mut path, format_args!("{backend}/online")),
            Query::OwnState => fmt::write(&mut path, format_args!("{own}/state")),
            Query::OwnLink => fmt::write(&mut path, format_args!("{own}/{link}")),
            Query::BackendDirectory => fmt::write(&mut path, format_args!("{backend}")),
            Query::Watched => {
                let key = self.watched.as_ref().map_or("", |(_, key)| key);
                fmt::write(&mut path, format_args!("{peer}/{key}"))
            }
        };
        path
    }

    pub(crate) fn role(&self) -> Role {
        self.role
    }

    /// Returns the path of the other end's state, for an error.
    pub(crate) fn peer_state_path(&self) -> PathText {
        match self.peer_path.as_str() {
            "" => PathText::new(&self.path),
            peer => PathText::new(&format_args!("{peer}/state")),
        }
    }

    pub(crate) fn unplugged(&self) -> XenbusError {
        XenbusError::Unplugged { path: PathText::new(&self.path) }
    }
}

impl<P: Runtime, T: Transport> fmt::Debug for DeviceNodes<P, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { role, path, peer_path, own, peer, online, gone, .. } = self;
        let mut out = f.debug_struct("DeviceNodes");
        out.field("role", role).field("path", path).field("peer_path", peer_path);
        out.field("own", own).field("peer", peer).field("online", online).field("gone", gone);
        out.finish_non_exhaustive()
    }
}

pub(crate) fn read_error(path: &dyn fmt::Display, reason: ErrorKind) -> XenbusError {
    store_error(MessageType::READ, path, reason)
}

pub(crate) fn store_error(
    operation: MessageType,
    path: &dyn fmt::Display,
    reason: ErrorKind,
) -> XenbusError {
    XenbusError::Store(StoreError { operation, path: PathText::new(path), kind: reason })
}

/// Parses the value of a state node; a value that is no number is Unknown.
fn parse_state(value: &[u8]) -> XenbusState {
    XenbusState(parse_number(value).unwrap_or(XenbusState::UNKNOWN.0))
}

/// Returns the node that the devices of one end's domain have in common: `device` of frontends;
/// `backend/KIND` of the backends of this domain, `backend/KIND/GUEST` of another one. `None` if
/// the directory is in an unusual place.
fn devices_of(role: Role, directory: &str) -> Option<&str> {
    let up = |path: &'_ str, levels: usize| -> Option<usize> {
        (0..levels).try_fold(path.len(), |len, _| path.get(..len)?.rfind('/'))
    };
    // The levels up to the common node, and up to the node with the given name.
    let (levels, name_levels, name) = match role {
        Role::Frontend => (2, 2, "device"),
        Role::Backend if directory.starts_with('/') => (1, 3, "backend"),
        Role::Backend => (2, 3, "backend"),
    };
    let named = directory.get(..up(directory, name_levels)?)?;
    let last = named.rsplit('/').next().unwrap_or_default();
    if last == name { directory.get(..up(directory, levels)?) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_node_of_devices() {
        let of = devices_of;
        assert_eq!(
            of(Role::Frontend, "/local/domain/7/device/vbd/51712"),
            Some("/local/domain/7/device")
        );
        assert_eq!(of(Role::Frontend, "device/vif/0"), Some("device"));
        let backend = "/local/domain/0/backend/vbd/7/51712";
        assert_eq!(of(Role::Backend, backend), Some("/local/domain/0/backend/vbd/7"));
        assert_eq!(of(Role::Backend, "backend/vif/7/0"), Some("backend/vif"));
        for path in
            ["", "/", "device", "/a/b", "/local/domain/7/console", "/local/domain/7/device/vbd"]
        {
            assert_eq!((of(Role::Frontend, path), of(Role::Backend, path)), (None, None), "{path}");
        }
        assert_eq!(of(Role::Backend, "/vbd/7/0"), None);
        assert_eq!(of(Role::Backend, "/local/backends/vbd/7/0"), None);
    }
}
