//! Failures of Xen and of the kernel's allocator.

use crate::fixture::{BOOT, KIB, guest, guest_on};
use std::sync::Arc;
use xen_hypercall::Errno;
use xen_sim::{Call, DomainConfig, Interpose, Interposed, World};
use xen_sys::memory::{XENMEM_DECREASE_RESERVATION, XENMEM_POPULATE_PHYSMAP};
use xen_sys::xen::HYPERVISOR_MEMORY_OP;

/// Failure of the `n`th memory operation of a balloon, with a result.
struct Fail {
    at: u32,
    result: isize,
    seen: std::sync::atomic::AtomicU32,
}

impl Fail {
    fn new(at: u32, result: isize) -> Arc<Self> {
        Arc::new(Self { at, result, seen: Default::default() })
    }
}

impl Interpose for Fail {
    fn hypercall(&self, call: &Call) -> Option<isize> {
        let moves = [XENMEM_DECREASE_RESERVATION, XENMEM_POPULATE_PHYSMAP];
        // The result of no extent, or of an error.
        let is_move = call.op == HYPERVISOR_MEMORY_OP && moves.contains(&call.command());
        let seen = &self.seen;
        (is_move && seen.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == self.at)
            .then_some(self.result)
    }
}

#[test]
fn failed_operation_is_repeated() {
    for result in [0, -(Errno::ENOMEM.0 as isize)] {
        // Down and up: large extents and lists of pages.
        for at in 0..7 {
            let fail = Fail::new(at, result);
            let between = fail.clone();
            let config = DomainConfig::new("guest");
            let seed = 100 + u64::from(at);
            let mut guest =
                guest_on(World::new(seed), config, BOOT, |domain| Interposed::new(domain, between));
            guest.settle();
            guest.set_pages(BOOT - 2 * 512 - 100);
            guest.set_pages(BOOT);
            assert_eq!(guest.reservation(), BOOT);
            assert_eq!(guest.balloon.statistics().lost, 0);
            guest.end();
        }
    }
}

#[test]
fn memory_returns_as_xen_has_it() {
    let mut guest = guest(31);
    guest.set_pages(1500);
    // The host is short of memory: it gives a part.
    guest.world.set_max_pages(guest.domain.id(), 3000);
    guest.world.set_memory_target(guest.domain.id(), BOOT * KIB);
    guest.run(3);
    let statistics = guest.balloon.statistics();
    assert_eq!((statistics.current, guest.reservation()), (3000, 3000));
    assert!((1..10).contains(&statistics.xen_shortages), "{statistics:?}");
    guest.world.set_max_pages(guest.domain.id(), BOOT);
    guest.settle();
    assert_eq!(guest.reservation(), BOOT);
    guest.end();
}

#[test]
fn busy_kernel_returns_pages_later() {
    let mut guest = guest(32);
    guest.settle();
    guest.take_all_but(300);
    guest.world.set_memory_target(guest.domain.id(), 2000 * KIB);
    guest.run(3);
    let statistics = guest.balloon.statistics();
    assert_eq!((statistics.current, guest.reservation()), (BOOT - 300, BOOT - 300));
    assert!((1..10).contains(&statistics.kernel_shortages), "{statistics:?}");
    guest.held.clear();
    guest.settle();
    assert_eq!(guest.reservation(), 2000);
    guest.end();
}
