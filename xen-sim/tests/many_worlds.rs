//! A world costs nothing once it is gone. In a process of its own, which counts what that process
//! has open.

use xen_grant::GrantTable;
use xen_hypercall::{Pages, boot};
use xen_sim::{Disk, DomainConfig, World};
use xen_store::{XenStore, XsOps};

/// Runs a small world from creation to its end.
fn one(seed: u64) {
    let world = World::new(seed);
    let guest = world.create_guest(DomainConfig::new("guest"));
    world.attach_disk(&guest, &world.dom0(), &Disk::new("xvda"));
    let store = XenStore::new(guest.clone(), boot::xenstore_ring(guest.clone()).unwrap()).unwrap();
    store.write("data/x", "1").unwrap();
    let grants = GrantTable::new(guest.clone()).unwrap();
    let shared =
        grants.grant_writable(Pages::alloc(guest.clone(), 1).unwrap(), world.dom0().id()).unwrap();
    shared.end_access().unwrap();
    drop((grants, store));
    world.check().unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn dropped_worlds_release_host_memory() {
    let mappings =
        || std::fs::read_to_string("/proc/self/maps").unwrap().matches("memfd:xen-sim").count();
    one(0);
    assert_eq!(mappings(), 0);
    for seed in 1..200 {
        one(seed);
    }
    assert_eq!(mappings(), 0);
}
