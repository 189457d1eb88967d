//! Disks whose storage a hotplug script of the toolstack sets up.

use super::DiskSpec;
use core::fmt;
use core::time::Duration;
use heapless::String;
use xen_hypercall::{Instant, Platform};
use xen_store::xenbus::Backend;
use xen_store::{RingTransport, StoreError, Transport, Watch};

/// The wait for a hotplug script, which sets up a disk's storage after the toolstack has made the
/// device, and then writes `physical-device` or `physical-device-path` into the backend's
/// directory.
///
/// A kernel that needs these nodes waits before it makes a [`Blkback`](super::Blkback). Meanwhile
/// the backend stays in Initialising, where its frontend waits for it. It does not matter whether
/// the script has written before or after the wait begins, nor which of the two nodes comes first.
pub struct HotplugWait<P: Platform, T: Transport = RingTransport<P>> {
    watch: Watch<P, T>,
    /// The nodes must be read: at first, and after each event.
    changed: bool,
    since: Instant,
    timeout: Duration,
}

impl<P: Platform, T: Transport> HotplugWait<P, T> {
    /// Begins to wait, for `timeout` at most. What is written does not extend it.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub fn new(backend: &Backend<P, T>, timeout: Duration) -> Result<Self, StoreError> {
        let store = backend.store();
        let watch = store.watch(backend.path())?;
        Ok(Self { watch, changed: true, since: store.platform().now(), timeout })
    }

    /// Returns when to poll again if no event of the store comes before.
    pub fn deadline(&self) -> Instant {
        self.since + self.timeout
    }

    /// Returns the disk once its storage is known, and `None` before. Never waits for the script.
    ///
    /// # Errors
    ///
    /// [`HotplugError`]; after [`HotplugError::Store`], poll again.
    pub fn poll(
        &mut self,
        backend: &Backend<P, T>,
        now: Instant,
    ) -> Result<Option<DiskSpec>, HotplugError> {
        self.changed |= self.watch.try_clear()?;
        if self.changed {
            let spec = DiskSpec::read(backend)?;
            if spec.physical_device.is_some() || !spec.physical_device_path.is_empty() {
                return Ok(Some(spec));
            }
            let status: Option<String<32>> = backend.own_string("hotplug-status")?;
            if status.is_some_and(|status| status == "error") {
                return Err(HotplugError::Script);
            }
            self.changed = false;
        }
        let waited = now.saturating_duration_since(self.since);
        if waited < self.timeout { Ok(None) } else { Err(HotplugError::Timeout { waited }) }
    }
}

impl<P: Platform, T: Transport> fmt::Debug for HotplugWait<P, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { since, timeout, .. } = self;
        let mut out = f.debug_struct("HotplugWait");
        out.field("since", since).field("timeout", timeout).finish_non_exhaustive()
    }
}

/// The reason why a hotplug script has set up no storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HotplugError {
    /// A xenstore operation failed.
    Store(StoreError),
    /// The script failed: it has written `error` to `hotplug-status`.
    Script,
    /// The script has written nothing in time.
    Timeout {
        /// The time since the wait began.
        waited: Duration,
    },
}

impl fmt::Display for HotplugError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Script => {
                f.write_str("hotplug-status: found error, expected a script that succeeds")
            }
            Self::Timeout { waited } => write!(
                f,
                "physical-device: found none within {} ms, expected a hotplug script to write it",
                waited.as_millis()
            ),
        }
    }
}

impl core::error::Error for HotplugError {}

impl From<StoreError> for HotplugError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
