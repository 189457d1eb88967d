//! What the store says of a device before it is connected.

use super::{MacAddress, NetError};
use xen_hypercall::Platform;
use xen_store::xenbus::Frontend;
use xen_store::{StoreError, XsOps};

/// The most payload of a packet. A backend sends no more to a frontend that takes one slot for a
/// packet.
const MAX_MTU: u16 = 1500;
/// The least that IPv4 allows.
const MIN_MTU: u16 = 68;
/// Keys of features that this driver has not: several queues, split event channels, the control
/// ring and more.
const FOREIGN_KEYS: [&str; 8] = [
    "multi-queue-num-queues",
    "event-channel-tx",
    "event-channel-rx",
    "ctrl-ring-ref",
    "event-channel-ctrl",
    "request-multicast-control",
    "feature-gso-tcpv4-prefix",
    "xdp-headroom",
];

/// Removes what another driver may have left (firmware, the kernel before a kexec) and a backend
/// would take for ours.
pub(super) fn remove_foreign_keys<P: Platform>(frontend: &Frontend<P>) -> Result<(), StoreError> {
    let (store, path) = (frontend.store(), frontend.path());
    let mut result = Ok(());
    store.directory(path, |name| {
        if result.is_ok() && FOREIGN_KEYS.contains(&name) {
            result = store.remove(format_args!("{path}/{name}"));
        }
    })?;
    result
}

/// Reads the address, which is in the frontend's directory, or else the backend's.
pub(super) fn read_mac<P: Platform>(frontend: &Frontend<P>) -> Result<MacAddress, NetError> {
    let own = frontend.store().read_string::<32>(format_args!("{}/mac", frontend.path()));
    let text = match own {
        Err(error) if error.is_not_found() => frontend.backend_string::<32>("mac")?,
        own => own?,
    };
    MacAddress::parse(text.as_bytes()).map_err(NetError::Mac)
}

/// Reads the MTU; what can't be one counts as absent.
pub(super) fn read_mtu<P: Platform>(frontend: &Frontend<P>) -> u16 {
    let own = frontend.store().read_number::<u32>(format_args!("{}/mtu", frontend.path()));
    let found = own.or_else(|_| frontend.backend_number("mtu"));
    let found = found.ok().and_then(|mtu| u16::try_from(mtu).ok());
    found.filter(|mtu| *mtu >= MIN_MTU).unwrap_or(MAX_MTU).min(MAX_MTU)
}
