//! Devices for which no place is free.

use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;
use core::time::Duration;
use log::warn;
use xen_hypercall::{Instant, Platform};
use xen_store::XenStore;
use xenbus::{
    BackendDevice, BackendDriver, BackendEvent, DeviceId, KeyList, NodeWriter, Peer, Removal,
    XenbusError,
};

use crate::service::{DEVICES, RETRY, Turn};

/// A kind of device.
pub(crate) trait Kind {
    const KIND: &'static str;

    /// Writes the reason of the refusal.
    fn reason(f: &mut fmt::Formatter<'_>) -> fmt::Result;
}

/// Disks.
pub(crate) struct Vbd;

impl Kind for Vbd {
    const KIND: &'static str = "vbd";

    fn reason(f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{DEVICES} disks are served already")
    }
}

/// Network interfaces.
pub(crate) struct Vif;

impl Kind for Vif {
    const KIND: &'static str = "vif";

    fn reason(f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "all {DEVICES} ports of the switch are in use")
    }
}

/// A driver that serves no device: the toolstack finds the reason in the device's error node, and
/// the frontend finds its backend Closed.
struct Refusal<K>(PhantomData<K>);

enum RefusalError<K> {
    Xenbus(XenbusError),
    Full(PhantomData<K>),
}

impl<K> From<XenbusError> for RefusalError<K> {
    fn from(error: XenbusError) -> Self {
        Self::Xenbus(error)
    }
}

impl<K: Kind> fmt::Display for RefusalError<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Xenbus(error) => error.fmt(f),
            Self::Full(_) => K::reason(f),
        }
    }
}

impl<K: Kind> BackendDriver for Refusal<K> {
    const KIND: &'static str = K::KIND;

    type Error = RefusalError<K>;

    fn setup(&mut self, _: &Peer<'_>) -> Result<bool, RefusalError<K>> {
        Err(RefusalError::Full(PhantomData))
    }

    fn write_offer(&self, _: &mut NodeWriter<'_>) {}

    fn connect_keys(&self, _: &mut KeyList<'_>) {}

    fn connect(&mut self, _: &Peer<'_>) -> Result<(), RefusalError<K>> {
        Err(RefusalError::Full(PhantomData))
    }

    fn disconnect(&mut self) {}
}

/// The devices of a kind that wait for a place.
pub(crate) struct Refusals<P: Platform, K: Kind> {
    devices: Vec<BackendDevice<P, Refusal<K>>>,
}

impl<P: Platform, K: Kind> Refusals<P, K> {
    pub(crate) fn new() -> Self {
        Self { devices: Vec::new() }
    }

    pub(crate) fn clear(&mut self) {
        self.devices.clear();
    }

    /// Refuses a device.
    pub(crate) fn add(&mut self, store: &XenStore<P>, id: DeviceId) -> Result<(), XenbusError> {
        let mut device = BackendDevice::new(store, id, Refusal(PhantomData))?;
        // The frontend has nothing to release.
        device.set_timeout(Duration::ZERO);
        self.devices.push(device);
        Ok(())
    }

    /// Returns a device that was refused, for a place that is free now.
    pub(crate) fn pop(&mut self) -> Option<DeviceId> {
        (!self.devices.is_empty()).then(|| self.devices.remove(0).id())
    }

    /// Does what can be done now. Returns the removal of a device's directory.
    pub(crate) fn turn(&mut self, now: Instant, turn: &mut Turn) -> Option<Removal<P>> {
        let mut index = 0;
        while let Some(device) = self.devices.get_mut(index) {
            match device.poll(now) {
                Ok(BackendEvent::Removed) => {
                    return Some(self.devices.swap_remove(index).begin_removal().1);
                }
                Ok(_) => turn.by(device.poll_timeout(now)),
                Err(error) => {
                    warn!("{}: {error}", device.path());
                    turn.by(Some(now + RETRY));
                }
            }
            index += 1;
        }
        None
    }
}
