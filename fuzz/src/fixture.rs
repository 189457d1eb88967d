//! Worlds to put drivers into.

use xen_hypercall::{Page, SharedMem, boot};
use xen_sim::{Domain, DomainConfig, World};
use xen_store::XenStore;

/// Runs a target on a zeroed page.
pub(crate) fn with_page(target: impl FnOnce(&SharedMem)) {
    let mut page = Box::new([Page::ZERO]);
    target(SharedMem::from_pages(&mut page));
}

/// Returns the configuration of a short-lived domain.
pub(crate) fn small(name: &str) -> DomainConfig {
    DomainConfig { pages: 256, foreign_pages: 128, max_grant_frames: 2, ..DomainConfig::new(name) }
}

pub(crate) fn store_of(domain: &Domain) -> XenStore<Domain> {
    let ring = boot::xenstore_ring(domain.clone()).expect("the toolstack made one");
    XenStore::new(domain.clone(), ring).expect("a new domain has memory")
}

/// Lets the last requests be carried out, which end watches.
pub(crate) fn settle(world: &World, stores: &[&XenStore<Domain>]) {
    for _ in 0..4 {
        world.run_until_idle();
        for store in stores {
            let _ = store.poll();
        }
    }
}

/// Ends the target if anything was left behind.
pub(crate) fn check(world: &World) {
    if let Err(findings) = world.check() {
        panic!("{findings}");
    }
}
