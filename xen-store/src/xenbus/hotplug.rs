//! Devices that come and go.

use super::DeviceId;
use crate::client::{Runtime, Watch, XenStore};
use crate::connection::{RingTransport, Transport};
use crate::error::StoreError;
use core::fmt::{self, Display};
use heapless::Vec;

/// A device has come, or gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plugged<I> {
    /// It was not there before.
    In(I),
    /// It is not there any more.
    Out(I),
}

/// Lists devices; see [`HotPlug::new`].
type List<P, T, I, const N: usize> =
    fn(&XenStore<P, T>, &'static str) -> Result<Vec<I, N>, StoreError>;

/// Tells which devices of a kind come and go, at most `N` at a time; those that are there at first
/// come first.
///
/// One that goes and comes back between two looks is not told of; its driver sees that its
/// [`Frontend`](super::Frontend) is unplugged.
pub struct HotPlug<P: Runtime, I, const N: usize, T: Transport = RingTransport<P>> {
    store: XenStore<P, T>,
    watch: Watch<P, T>,
    kind: &'static str,
    list: List<P, T, I, N>,
    /// What the store has, as it was read last, and what was told of it.
    found: Vec<I, N>,
    told: Vec<I, N>,
    /// The store is still to be looked at.
    changed: bool,
}

impl<P: Runtime, I: Copy + PartialEq, const N: usize, T: Transport> HotPlug<P, I, N, T> {
    /// Watches `path`, below which devices of `kind` are found by `list`.
    ///
    /// # Errors
    ///
    /// Those of [`XenStore::watch`].
    pub fn new(
        store: &XenStore<P, T>,
        path: impl Display,
        kind: &'static str,
        list: List<P, T, I, N>,
    ) -> Result<Self, StoreError> {
        let watch = store.watch(path)?;
        Ok(Self {
            store: store.clone(),
            watch,
            kind,
            list,
            found: Vec::new(),
            told: Vec::new(),
            changed: true,
        })
    }

    /// Returns the next device that has come or gone, `None` if there is none. Waits for the store
    /// only if something below the path has changed.
    ///
    /// # Errors
    ///
    /// Those of listing the devices, among them [`ErrorKind::TooLong`](crate::ErrorKind::TooLong)
    /// if there are more than `N`; it looks again next time.
    pub fn poll(&mut self) -> Result<Option<Plugged<I>>, StoreError> {
        self.changed |= self.watch.try_clear()?;
        if self.changed {
            self.found = (self.list)(&self.store, self.kind)?;
            self.changed = false;
        }
        if let Some(at) = self.told.iter().position(|id| !self.found.contains(id)) {
            return Ok(Some(Plugged::Out(self.told.swap_remove(at))));
        }
        let new = self.found.iter().find(|id| !self.told.contains(id)).copied();
        // There is room: all that was told of is among what was found.
        Ok(new.filter(|&id| self.told.push(id).is_ok()).map(Plugged::In))
    }
}

impl<P: Runtime, const N: usize, T: Transport> HotPlug<P, u32, N, T> {
    /// Watches for this domain's devices of a kind (`vbd`, `vif`, ...).
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new).
    pub fn frontends(store: &XenStore<P, T>, kind: &'static str) -> Result<Self, StoreError> {
        Self::new(store, format_args!("device/{kind}"), kind, super::devices)
    }
}

impl<P: Runtime, const N: usize, T: Transport> HotPlug<P, DeviceId, N, T> {
    /// Watches for the devices of a kind (`vbd`, `vif`, ...) that the toolstack wants this domain
    /// to serve.
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new).
    pub fn backends(store: &XenStore<P, T>, kind: &'static str) -> Result<Self, StoreError> {
        Self::new(store, format_args!("backend/{kind}"), kind, super::backends)
    }
}

impl<P: Runtime, I: fmt::Debug, const N: usize, T: Transport> fmt::Debug for HotPlug<P, I, N, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HotPlug")
            .field("kind", &self.kind)
            .field("told", &self.told)
            .finish_non_exhaustive()
    }
}
