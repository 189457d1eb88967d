//! Hotplug of vCPUs: the toolstack's requests in `cpu/N/availability`.

use xen_hypercall::Platform;
use xen_store::wire::parse_number;
use xen_store::{ErrorKind, StoreError, Watch, XenStore, XsOps};

/// Number of vCPUs that are watched.
pub const MAX_VCPUS: u32 = 128;

/// Maximum number of rounds in one [`VcpuWatcher::poll`], if nodes change meanwhile.
const MAX_ROUNDS: u32 = 4;

/// Request of the toolstack (`xl vcpu-set`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VcpuRequest {
    /// Start the vCPU.
    Online(u32),
    /// Stop the vCPU.
    Offline(u32),
}

/// Watcher of `cpu/N/availability`: reports the vCPUs that the toolstack starts and stops.
///
/// Nodes of vCPUs that the domain does not have, values other than `online` and `offline`, and a
/// request to stop vCPU 0 are logged once for each change and have no effect. Source:
/// `xenstore-paths.pandoc`.
#[derive(Debug)]
pub struct VcpuWatcher<P: Platform> {
    store: XenStore<P>,
    watch: Watch<P>,
    /// Number of vCPUs of the domain.
    vcpus: u32,
    /// A bit for each vCPU that is to be online, as last read and as reported.
    wanted: u128,
    reported: u128,
    changed: bool,
}

impl<P: Platform> VcpuWatcher<P> {
    /// Watches the vCPUs of a domain that has `vcpus`, of which vCPU 0 alone is online: see
    /// [`count`](super::count).
    ///
    /// # Errors
    ///
    /// [`StoreError`] if xenstore refuses the watch.
    pub fn new(store: &XenStore<P>, vcpus: u32) -> Result<Self, StoreError> {
        let (watch, store) = (store.watch("cpu")?, store.clone());
        let vcpus = vcpus.min(MAX_VCPUS);
        Ok(Self { store, watch, vcpus, wanted: 1, reported: 1, changed: true })
    }

    /// Returns the next request, `None` if there is none now. Call it after each event on the
    /// store's [`port`](XenStore::port), until there is none.
    ///
    /// A request that was returned is not repeated, whether the kernel could serve it or not.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; no request is lost, call it again.
    pub fn poll(&mut self) -> Result<Option<VcpuRequest>, StoreError> {
        // The reads wait for the store. A change meanwhile raises no further event of the port, so
        // the watch is checked again.
        for _ in 0..MAX_ROUNDS {
            self.changed |= self.watch.try_clear()?;
            if !self.changed {
                break;
            }
            self.read()?;
            self.changed = false;
        }
        let different = self.wanted ^ self.reported;
        if different == 0 {
            return Ok(None);
        }
        let vcpu = different.trailing_zeros();
        self.reported ^= 1 << vcpu;
        let is_online = self.wanted & 1 << vcpu != 0;
        Ok(Some(if is_online { VcpuRequest::Online(vcpu) } else { VcpuRequest::Offline(vcpu) }))
    }

    fn read(&mut self) -> Result<(), StoreError> {
        let mut surplus = None;
        let listed = self.store.directory("cpu", |name| {
            // Other names are not of vCPUs.
            if let Ok(number) = parse_number::<u32>(name.as_bytes())
                && number >= self.vcpus
            {
                surplus = Some(number);
            }
        });
        match listed {
            // A toolstack without hotplug has no nodes.
            Err(error) if error.is_not_found() => return Ok(()),
            listed => listed?,
        }
        if let Some(number) = surplus {
            let last = self.vcpus.saturating_sub(1);
            log::warn!("cpu/{number}: found a vCPU that the domain has not, expected 0 to {last}");
        }
        for vcpu in 0..self.vcpus {
            let value = match self.store.read_string::<16>(format_args!("cpu/{vcpu}/availability"))
            {
                Ok(value) => value,
                Err(StoreError {
                    kind: ErrorKind::BufferTooSmall { .. } | ErrorKind::NotText,
                    ..
                }) => heapless::String::new(),
                Err(error) if error.is_not_found() => continue,
                Err(error) => return Err(error),
            };
            let bit = 1 << vcpu;
            match (value.as_str(), vcpu) {
                ("online", _) => self.wanted |= bit,
                ("offline", 1..) => self.wanted &= !bit,
                (other, _) => log::warn!(
                    "cpu/{vcpu}/availability: found '{}', expected {}",
                    other.escape_debug(),
                    if vcpu == 0 { "'online'" } else { "'online' or 'offline'" }
                ),
            }
        }
        Ok(())
    }
}
