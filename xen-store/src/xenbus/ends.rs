//! What both ends of a device have in common: their nodes.

use super::state::End;
use super::{Action, XenbusState, next};
use crate::client::{Runtime, Watch, XenStore, XsOps, error_at};
use crate::connection::Transport;
use crate::error::{ErrorKind, StoreError};
use crate::wire::{MessageType, Number, ServerError, parse_number};
use core::fmt::{self, Display};
use heapless::String;
use xen_hypercall::DomId;

/// The most bytes of the path of an own directory.
pub(super) const OWN_PATH: usize = 64;

/// A device as one of its ends sees it.
pub(super) struct Ends<P: Runtime, T: Transport> {
    pub(super) store: XenStore<P, T>,
    end: End,
    pub(super) path: String<OWN_PATH>,
    pub(super) peer_path: String<240>,
    pub(super) peer_id: DomId,
    pub(super) own: XenbusState,
    pub(super) peer: XenbusState,
    /// Whether the toolstack wants the device to stay.
    pub(super) online: bool,
    /// The device was removed.
    pub(super) gone: bool,
}

impl<P: Runtime, T: Transport> Ends<P, T> {
    /// Finds the other end of the device whose directory is `path`. The states are still to be
    /// read.
    pub(super) fn find(
        store: &XenStore<P, T>,
        end: End,
        path: impl Display,
    ) -> Result<Self, StoreError> {
        let too_long =
            |_| error_at(MessageType::READ, &path)(ErrorKind::TooLong { limit: OWN_PATH });
        let mut own_path = String::new();
        fmt::write(&mut own_path, format_args!("{path}")).map_err(too_long)?;
        let peer = link(end);
        Ok(Self {
            store: store.clone(),
            end,
            peer_path: store.read_string(format_args!("{path}/{peer}"))?,
            peer_id: DomId(store.read_number(format_args!("{path}/{peer}-id"))?),
            path: own_path,
            own: XenbusState::UNKNOWN,
            peer: XenbusState::UNKNOWN,
            online: true,
            gone: false,
        })
    }

    /// Returns what the states ask for.
    pub(super) fn next(&self) -> Action {
        next(self.end, self.own, self.peer)
    }

    /// Writes `keys` into our directory, removes those of `stale` that are not among them, and
    /// switches to `state`, all in one transaction. If the directory is gone, it is not made
    /// again.
    ///
    /// A toolstack requests a detach by writing Closing into the backend's state. A backend in
    /// Closing, whoever wrote that, stays there unless `state` is Closed.
    pub(super) fn publish(
        &mut self,
        state: XenbusState,
        keys: &[(&str, &dyn Display)],
        stale: &[&str],
    ) -> Result<(), StoreError> {
        let (path, link) = (&self.path, link(self.end));
        let end = self.end;
        let written = self.store.transaction(|tx| {
            // What the toolstack removed must not come back by being written to.
            if !tx.exists(format_args!("{path}/{link}"))? {
                return Ok::<_, StoreError>(None);
            }
            let may_be_requested = end == End::Back && state != XenbusState::CLOSED;
            let requested = may_be_requested && read_state(tx, path)? == Some(XenbusState::CLOSING);
            let state = if requested { XenbusState::CLOSING } else { state };
            for stale in stale.chunks(u32::BITS as usize) {
                // A bit for each that is there. One listing costs less than a removal of each that
                // is not.
                let mut present = 0u32;
                tx.directory(path.as_str(), |name| {
                    let found = stale.iter().position(|key| *key == name);
                    present |= found.map_or(0, |at| 1 << at);
                })?;
                for (at, stale) in stale.iter().enumerate() {
                    if present & 1 << at != 0 && keys.iter().all(|(key, _)| key != stale) {
                        tx.remove(format_args!("{path}/{stale}"))?;
                    }
                }
            }
            for (key, value) in keys {
                tx.write_fmt(format_args!("{path}/{key}"), value)?;
            }
            tx.write_fmt(format_args!("{path}/state"), state.0)?;
            Ok(Some(state))
        })?;
        match written {
            Some(state) => self.own = state,
            None => self.gone = true,
        }
        Ok(())
    }

    /// Leaves `message` where the toolstack's user finds it.
    pub(super) fn tell(&self, message: impl Display) -> Result<(), StoreError> {
        self.store.write_fmt(format_args!("error/{}/error", self.path), message)
    }

    pub(super) fn peer_number<N: Number>(&self, key: impl Display) -> Result<N, StoreError> {
        self.store.read_number(format_args!("{}/{key}", self.peer_path))
    }

    pub(super) fn peer_number_or<N: Number>(
        &self,
        key: impl Display,
        default: N,
    ) -> Result<N, StoreError> {
        self.store.read_number_or(format_args!("{}/{key}", self.peer_path), default)
    }

    pub(super) fn peer_string<const N: usize>(
        &self,
        key: impl Display,
    ) -> Result<String<N>, StoreError> {
        self.store.read_string(format_args!("{}/{key}", self.peer_path))
    }

    /// Watches a node of the other end's directory, beside those of other devices.
    pub(super) fn watch_peer(&self, key: &str) -> Result<Watch<P, T>, StoreError> {
        watch_below(
            &self.store,
            devices_of(self.end.other(), &self.peer_path),
            &self.peer_path,
            key,
        )
    }

    /// Watches our own directory, beside those of other devices.
    pub(super) fn watch_own(&self) -> Result<Watch<P, T>, StoreError> {
        match devices_of(self.end, &self.path) {
            Some(above) => self.store.watch_shared(above, &self.path),
            None => self.store.watch(&self.path),
        }
    }

    /// Reads our own state; `None` if there is none.
    pub(super) fn read_own(&self) -> Result<Option<XenbusState>, StoreError> {
        read_state(&self.store, &self.path)
    }

    /// Reads the other end's state; `None` if there is none.
    pub(super) fn read_peer(&self) -> Result<Option<XenbusState>, StoreError> {
        read_state(&self.store, &self.peer_path)
    }

    /// Reads what the toolstack wants, which it writes into the backend's directory. What can't be
    /// read, or is no number, is no wish to see the device gone.
    pub(super) fn read_online(&self) -> Result<bool, StoreError> {
        let backend: &str = match self.end {
            End::Front => &self.peer_path,
            End::Back => &self.path,
        };
        match self.store.read_number_or(format_args!("{backend}/online"), 1u32) {
            Ok(online) => Ok(online != 0),
            Err(error) if is_hidden(&error) || matches!(error.kind, ErrorKind::Number(_)) => {
                Ok(true)
            }
            Err(error) => Err(error),
        }
    }
}

impl<P: Runtime, T: Transport> fmt::Debug for Ends<P, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { end, path, peer_path, own, peer, online, .. } = self;
        let mut out = f.debug_struct("Ends");
        out.field("end", end).field("path", path).field("peer_path", peer_path);
        out.field("own", own).field("peer", peer).field("online", online).finish_non_exhaustive()
    }
}

fn watch_below<P: Runtime, T: Transport>(
    store: &XenStore<P, T>,
    above: Option<&str>,
    directory: &str,
    key: &str,
) -> Result<Watch<P, T>, StoreError> {
    let path = format_args!("{directory}/{key}");
    match above {
        Some(above) => store.watch_shared(above, path),
        None => store.watch(path),
    }
}

/// Returns the node that the devices of an end's domain have in common: a frontend's `device`, and
/// of backends, whose domain serves others, those of a kind that this one has to do with:
/// `backend/KIND` of our own, `backend/KIND/GUEST` of others. `None` if the directory is in an
/// unusual place.
fn devices_of(end: End, directory: &str) -> Option<&str> {
    let up = |path: &'_ str, levels: usize| -> Option<usize> {
        (0..levels).try_fold(path.len(), |len, _| path.get(..len)?.rfind('/'))
    };
    // How far above the directory they are, and where the name is that has to be there.
    let (levels, name_levels, name) = match end {
        End::Front => (2, 2, "device"),
        End::Back if directory.starts_with('/') => (1, 3, "backend"),
        End::Back => (2, 3, "backend"),
    };
    let named = directory.get(..up(directory, name_levels)?)?;
    if last(named) == name { directory.get(..up(directory, levels)?) } else { None }
}

/// Returns the last name of a path.
fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// Returns the node of an end's directory that leads to the other end's.
const fn link(end: End) -> &'static str {
    match end {
        End::Front => "backend",
        End::Back => "frontend",
    }
}

/// Tells whether a node that is gone may be what is behind an error: below what can't be seen, the
/// server does not say what there is.
pub(super) fn is_hidden(error: &StoreError) -> bool {
    matches!(error.kind, ErrorKind::Server(ServerError::NotFound | ServerError::AccessDenied))
}

/// Reads the state in a directory; `None` if it is missing, or hidden, as all that belonged to a
/// domain that is gone.
fn read_state(store: &impl XsOps, directory: &str) -> Result<Option<XenbusState>, StoreError> {
    let mut value = [0; 16];
    match store.read(format_args!("{directory}/state"), &mut value) {
        Ok(len) => Ok(Some(parse_state(value.get(..len).unwrap_or_default()))),
        Err(error) if is_hidden(&error) => Ok(None),
        Err(StoreError { kind: ErrorKind::BufferTooSmall { .. }, .. }) => {
            Ok(Some(XenbusState::UNKNOWN))
        }
        Err(error) => Err(error),
    }
}

/// Takes a node's value for a state; what is no number is Unknown.
pub(super) fn parse_state(value: &[u8]) -> XenbusState {
    XenbusState(parse_number(value).unwrap_or(XenbusState::UNKNOWN.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_have_a_node_in_common() {
        let of = devices_of;
        assert_eq!(
            of(End::Front, "/local/domain/7/device/vbd/51712"),
            Some("/local/domain/7/device")
        );
        assert_eq!(of(End::Front, "device/vif/0"), Some("device"));
        let backend = "/local/domain/0/backend/vbd/7/51712";
        assert_eq!(of(End::Back, backend), Some("/local/domain/0/backend/vbd/7"));
        assert_eq!(of(End::Back, "backend/vif/7/0"), Some("backend/vif"));
        for path in
            ["", "/", "device", "/a/b", "/local/domain/7/console", "/local/domain/7/device/vbd"]
        {
            assert_eq!((of(End::Front, path), of(End::Back, path)), (None, None), "{path}");
        }
        assert_eq!(of(End::Back, "/vbd/7/0"), None);
        assert_eq!(of(End::Back, "/local/backends/vbd/7/0"), None);
    }
}
