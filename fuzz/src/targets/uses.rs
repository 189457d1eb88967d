//! Requests of a xenstore client.

use arbitrary::Arbitrary;
use xen_evtchn::Channel;
use xen_hypercall::{DomId, Platform};
use xen_sim::Domain;
use xen_store::{Limits, Transport, Watch, XenStore, XsOps};

/// The paths that requests are about; the last one is refused by the client itself.
const PATHS: [&str; 4] =
    ["domid", "/local/domain/0/backend/vbd/1/51712", "device/vif/0/state", "a//b"];

/// One use of the client.
#[derive(Arbitrary, Debug)]
pub(super) enum Use {
    /// A read of a node as bytes.
    Read(u8),
    /// A read of a node as a number.
    Number(u8),
    /// A list of a node.
    List(u8),
    /// A list of a node into a buffer.
    ListInto(u8),
    /// A write of a node.
    Write(u8, u16),
    /// A read of a node's permissions.
    Permissions(u8),
    /// Request of the domain ID.
    Domid,
    /// Transaction with reads and writes.
    Transaction(u8),
    /// A new watch of a node.
    Watch(u8),
    /// The events of a watch.
    Events(u8),
    /// The end of a watch.
    Unwatch(u8),
    /// The begin of a read, with this many polls.
    Begin(u8, u8),
    /// The drop of a read in flight.
    Forget(u8),
}

/// Makes a client over a transport and uses it; whatever comes back, it neither panics nor loses
/// memory.
pub(super) fn use_store<T: Transport>(
    guest: &Domain,
    uses: &[Use],
    transport: impl FnOnce(Domain, &Channel<Domain>) -> T,
) {
    let channel = Channel::alloc_unbound(guest.clone(), DomId(0)).expect("there are free ports");
    let transport = transport(guest.clone(), &channel);
    let store = XenStore::with_transport(
        guest.clone(),
        transport,
        channel.port(),
        Limits { requests: 3, watches: 4 },
    );
    let store = store.expect("a new domain has memory");
    store.set_timeout(core::time::Duration::from_millis(250));
    let mut watches: Vec<Watch<_, _>> = Vec::new();
    let mut pending = Vec::new();
    let mut buffer = [0; 5000];
    let start = guest.now();
    for one in uses {
        let path = |path: &u8| PATHS[usize::from(*path) % PATHS.len()];
        match one {
            Use::Read(p) => drop(store.read(path(p), &mut buffer[..100])),
            Use::Number(p) => drop(store.read_number::<u32>(path(p))),
            Use::List(p) => drop(store.directory(path(p), |name| assert!(!name.is_empty()))),
            Use::ListInto(p) => {
                drop(store.directory_into(path(p), &mut buffer).map(Iterator::count))
            }
            Use::Write(p, len) => {
                drop(store.write(path(p), &[b'x'; 5000][..usize::from(*len) % 5000]))
            }
            Use::Permissions(p) => drop(store.permissions::<4>(path(p))),
            Use::Domid => drop(store.domid()),
            Use::Transaction(p) => drop(store.transaction(|transaction| {
                let number = transaction.read_number::<u64>(path(p))?;
                transaction.write(path(p), number.to_string())
            })),
            Use::Watch(p) => watches.extend(store.watch(path(p))),
            Use::Events(n) => {
                if let Some(watch) = watches.get(usize::from(*n)) {
                    drop(watch.wait_next(guest.now() + core::time::Duration::from_millis(1)));
                }
            }
            Use::Unwatch(n) if usize::from(*n) < watches.len() => {
                drop(watches.swap_remove(usize::from(*n)))
            }
            Use::Unwatch(_) => {}
            Use::Begin(p, polls) => {
                if let Ok(request) = store.begin_read(path(p)) {
                    let done = (0..*polls % 8).find_map(|_| request.try_finish(&mut buffer[..64]));
                    if done.is_none() {
                        pending.push(request);
                    }
                }
            }
            Use::Forget(n) if usize::from(*n) < pending.len() => {
                drop(pending.swap_remove(usize::from(*n)))
            }
            Use::Forget(_) => {}
        }
    }
    drop((watches, pending));
    // Ten tries of a transaction, four calls each, a quarter of a second each: nothing waits for
    // longer than it may.
    assert!(guest.now().saturating_duration_since(start).as_secs() < 64 * 11);
    drop((store, channel));
}
