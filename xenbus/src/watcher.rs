//! Hotplug: devices that are added and removed.

use crate::DeviceId;
use crate::job::RETRY;
use crate::list::too_many;
use core::fmt;
use heapless::Vec;
use xen_hypercall::{DomId, Instant};
use xen_store::wire::{MessageType, Names, Number, Part, ServerError, parse_number};
use xen_store::{
    ErrorKind, PathText, Pipeline, RingTransport, Runtime, StoreError, Transport, Watch, XenStore,
};

/// Addition or removal of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceEvent<I> {
    /// A device that was not listed before.
    Added(I),
    /// A device that is not listed any more.
    Removed(I),
}

/// The id of a device, by which a [`DeviceWatcher`] lists it: a number of this domain's frontend,
/// or a [`DeviceId`] of its backend.
pub trait WatchedDevice: Copy + Ord + sealed::Sealed {
    /// The node above the kinds of devices.
    #[doc(hidden)]
    const DIRECTORY: &'static str;

    /// The devices of a kind have a directory for each guest.
    #[doc(hidden)]
    const HAS_GUESTS: bool;

    #[doc(hidden)]
    fn new(guest: u16, device: u32) -> Self;
}

mod sealed {
    pub trait Sealed {}

    impl Sealed for u32 {}
    impl Sealed for crate::DeviceId {}
}

impl WatchedDevice for u32 {
    const DIRECTORY: &'static str = "device";
    const HAS_GUESTS: bool = false;

    fn new(_: u16, device: u32) -> Self {
        device
    }
}

impl WatchedDevice for DeviceId {
    const DIRECTORY: &'static str = "backend";
    const HAS_GUESTS: bool = true;

    fn new(guest: u16, device: u32) -> Self {
        Self { guest: DomId(guest), device }
    }
}

/// The state of reading the directories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Listing {
    /// The list is complete.
    Done,
    /// The kind's directory is to be read.
    Begin,
    /// The reply with the kind's directory is awaited.
    Top,
    /// The directories of guests are read: the number of requests sent, and of replies taken.
    Guests { sent: usize, taken: usize },
}

/// Watcher of the devices of a kind, at most `N`: reports the present devices first, then those
/// that are added and removed. Devices that were added together come in the order of their numbers.
///
/// [`poll`](Self::poll) never waits: it lists the devices by pipelined requests after each change.
/// A device that is removed and added again between two lists is not reported; its driver returns
/// [`XenbusError::Unplugged`](crate::XenbusError::Unplugged).
pub struct DeviceWatcher<P: Runtime, I, const N: usize, T: Transport = RingTransport<P>> {
    pipeline: Pipeline<P, T>,
    watch: Watch<P, T>,
    kind: &'static str,
    listing: Listing,
    guests: Vec<u16, N>,
    /// The devices of a list that is not complete.
    next: Vec<I, N>,
    /// The devices of the last complete list, and the reported devices.
    found: Vec<I, N>,
    reported: Vec<I, N>,
    /// The list is to be read again: the watch has fired since it was begun.
    changed: bool,
}

impl<P: Runtime, I: WatchedDevice, const N: usize, T: Transport> DeviceWatcher<P, I, N, T> {
    /// Watches for this domain's devices of a `kind` (`vbd`, `vif`, ...): with [`DeviceId`], for
    /// those that the toolstack has given this domain to serve.
    ///
    /// # Errors
    ///
    /// Those of [`XenStore::queue_watch`].
    pub fn new(store: &XenStore<P, T>, kind: &'static str) -> Result<Self, StoreError> {
        Ok(Self {
            pipeline: Pipeline::new(store),
            watch: store.queue_watch(None, format_args!("{}/{kind}", I::DIRECTORY))?,
            kind,
            listing: Listing::Done,
            guests: Vec::new(),
            next: Vec::new(),
            found: Vec::new(),
            reported: Vec::new(),
            changed: true,
        })
    }

    /// Returns when to poll again if no event comes before.
    pub fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        let starved = self.listing != Listing::Done && self.pipeline.is_empty();
        starved.then(|| now + RETRY)
    }

    /// Returns the next device that was added or removed, `None` if there is none now. Never waits.
    ///
    /// # Errors
    ///
    /// Those of listing the devices, among them [`ErrorKind::TooLong`] if there are more than `N`;
    /// the next poll lists them again. [`ErrorKind::Connection`].
    pub fn poll(&mut self) -> Result<Option<DeviceEvent<I>>, StoreError> {
        self.exchange()?;
        // A change during a list is listed once that list is complete: the event just taken may be
        // the only one.
        for _ in 0..2 {
            self.changed |= self.watch.clear()?;
            if self.listing == Listing::Done && core::mem::take(&mut self.changed) {
                self.listing = Listing::Begin;
            }
            if let Err(error) = self.list() {
                self.pipeline.clear();
                (self.listing, self.changed) = (Listing::Done, true);
                return Err(error);
            }
            self.exchange()?;
        }
        if let Some(at) = self.reported.iter().position(|id| !self.found.contains(id)) {
            return Ok(Some(DeviceEvent::Removed(self.reported.swap_remove(at))));
        }
        let new = self.found.iter().find(|id| !self.reported.contains(id)).copied();
        // There is space: `reported` is a subset of `found`, which has the new one.
        Ok(new.filter(|&id| self.reported.push(id).is_ok()).map(DeviceEvent::Added))
    }

    /// Requests another report of a device if the next list still has it: a device whose directory
    /// was incomplete, or could not be removed.
    pub fn forget(&mut self, id: I) {
        self.found.retain(|found| *found != id);
        self.reported.retain(|reported| *reported != id);
        self.changed = true;
    }

    /// Requests another report of all devices.
    pub fn forget_all(&mut self) {
        self.found.clear();
        self.reported.clear();
        self.changed = true;
    }

    fn exchange(&self) -> Result<(), StoreError> {
        let polled = self.pipeline.store().poll();
        polled.map(drop).map_err(|reason| self.error(None, reason))
    }

    /// Sends requests and takes replies as far as possible now.
    fn list(&mut self) -> Result<(), StoreError> {
        loop {
            match self.listing {
                Listing::Done => return Ok(()),
                Listing::Begin => {
                    self.guests.clear();
                    self.next.clear();
                    if !self.request(None)? {
                        return Ok(());
                    }
                    self.listing = Listing::Top;
                }
                Listing::Top if I::HAS_GUESTS => {
                    let Some(reply) = read_numbers(&mut self.pipeline, &mut self.guests) else {
                        return Ok(());
                    };
                    if self.take(None, reply)? {
                        self.listing = Listing::Guests { sent: 0, taken: 0 };
                    }
                }
                Listing::Top => {
                    let Some(reply) = self.read_devices(0) else { return Ok(()) };
                    if self.take(None, reply)? {
                        self.end();
                    }
                }
                Listing::Guests { sent, taken } => {
                    if self.list_guests(sent, taken)? {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Reads directories of guests; returns whether replies are missing.
    fn list_guests(&mut self, mut sent: usize, mut taken: usize) -> Result<bool, StoreError> {
        while let Some(&guest) = self.guests.get(sent) {
            if !self.request(Some(guest))? {
                break;
            }
            sent += 1;
        }
        while taken < sent {
            let guest = self.guests.get(taken).copied().unwrap_or_default();
            let Some(reply) = self.read_devices(guest) else { break };
            if !self.take(Some(guest), reply)? {
                return Ok(false);
            }
            taken += 1;
        }
        self.listing = Listing::Guests { sent, taken };
        if taken == self.guests.len() {
            self.end();
            return Ok(false);
        }
        Ok(taken < sent || self.pipeline.is_empty())
    }

    fn end(&mut self) {
        self.found = core::mem::take(&mut self.next);
        self.found.sort_unstable();
        self.listing = Listing::Done;
    }

    /// Requests a directory; returns `false` if there is no slot for it now.
    fn request(&mut self, guest: Option<u16>) -> Result<bool, StoreError> {
        let path = self.path(guest);
        let parts = [Part::Path(format_args!("{path}"))];
        match self.pipeline.push(MessageType::DIRECTORY, None, &parts) {
            Ok(()) => Ok(true),
            Err(ErrorKind::Busy | ErrorKind::Quiesced) => Ok(false),
            Err(reason) => Err(self.error(guest, reason)),
        }
    }

    fn read_devices(&mut self, guest: u16) -> Option<Result<bool, ErrorKind>> {
        let next = &mut self.next;
        self.pipeline.read_reply(|body| {
            let numbers = numbers(body);
            Ok(numbers.fold(true, |fits, id| fits & next.push(I::new(guest, id)).is_ok()))
        })
    }

    /// Evaluates a reply; returns `false` if the list has to be begun again.
    fn take(
        &mut self,
        guest: Option<u16>,
        reply: Result<bool, ErrorKind>,
    ) -> Result<bool, StoreError> {
        match reply {
            Ok(true) => Ok(true),
            Ok(false) | Err(ErrorKind::Server(ServerError::TooBig)) => {
                Err(too_many(&self.path(guest), N))
            }
            // There is no device of the kind, or the guest's last one was removed.
            Err(reason) if reason.is_hidden() => Ok(true),
            // The reply was lost with the connection.
            Err(ErrorKind::Interrupted { .. }) => {
                self.pipeline.clear();
                self.listing = Listing::Begin;
                Ok(false)
            }
            Err(reason) => Err(self.error(guest, reason)),
        }
    }

    fn path(&self, guest: Option<u16>) -> PathText {
        let kind = self.kind;
        match guest {
            None => PathText::new(&format_args!("{}/{kind}", I::DIRECTORY)),
            Some(guest) => PathText::new(&format_args!("{}/{kind}/{guest}", I::DIRECTORY)),
        }
    }

    fn error(&self, guest: Option<u16>, reason: ErrorKind) -> StoreError {
        StoreError { operation: MessageType::DIRECTORY, path: self.path(guest), kind: reason }
    }
}

/// Takes a reply with names that are numbers; returns whether all fit.
fn read_numbers<P: Runtime, T: Transport, const N: usize>(
    pipeline: &mut Pipeline<P, T>,
    list: &mut Vec<u16, N>,
) -> Option<Result<bool, ErrorKind>> {
    pipeline
        .read_reply(|body| Ok(numbers(body).fold(true, |fits, id| fits & list.push(id).is_ok())))
}

/// Returns the names of a directory that are numbers.
fn numbers<X: Number>(body: &[u8]) -> impl Iterator<Item = X> {
    Names::new(body).filter_map(|name| parse_number(name.as_bytes()).ok())
}

impl<P: Runtime, I: fmt::Debug, const N: usize, T: Transport> fmt::Debug
    for DeviceWatcher<P, I, N, T>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceWatcher")
            .field("kind", &self.kind)
            .field("reported", &self.reported)
            .finish_non_exhaustive()
    }
}
