//! Values of a hostile toolstack, and how often it changes them.

use crate::fixture::{BOOT, KIB, guest, guest_on};
use core::time::Duration;
use std::sync::Arc;
use xen_hypercall::Platform;
use xen_sim::{DomainConfig, ForbidWait, Interposed, World};

/// D-K01: values that are no target.
#[test]
fn bad_targets_change_nothing() {
    let mut guest = guest(21);
    guest.set_pages(3000);
    let calls = guest.memory_calls();
    let long = "9".repeat(4000);
    let numbers = [0, 1, 1023 * KIB, (BOOT + 1) * KIB, u64::MAX].map(|kib| kib.to_string());
    let texts = ["", "-1", "text", " 8192", "8192 ", "0x2000", "8192.0", "\u{fc}", long.as_str()];
    let mut expected = 0;
    for value in numbers.iter().map(String::as_str).chain(texts) {
        guest.world.set_memory_target(guest.domain.id(), value);
        guest.settle();
        expected += 1;
        let statistics = guest.balloon.statistics();
        assert_eq!((statistics.current, statistics.bad_targets), (3000, expected), "{value:?}");
    }
    let node = |name: &str| format!("/local/domain/{}/memory/{name}", guest.domain.id());
    guest.world.store().remove(node("target")).unwrap();
    for value in ["x", "0"] {
        guest.world.store().write(node("static-max"), value).unwrap();
        guest.world.set_memory_target(guest.domain.id(), 3500 * KIB);
    }
    guest.settle();
    assert_eq!((guest.balloon.statistics().current, guest.memory_calls()), (3000, calls));
    // Later valid values work.
    let node = format!("/local/domain/{}/memory/static-max", guest.domain.id());
    guest.world.store().write(node, BOOT * KIB).unwrap();
    guest.set_pages(3500);
    guest.set_pages(BOOT);
    guest.end();
}

/// D-K01: a target each millisecond.
#[test]
fn fast_targets_converge() {
    let mut guest = guest(22);
    let mut seed = 1u64;
    for _ in 0..300 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let pages = 1024 + (seed >> 33) % (BOOT - 1024);
        guest.world.set_memory_target(guest.domain.id(), pages * KIB);
        let next = guest.domain.now() + Duration::from_millis(1);
        while guest.domain.now() < next {
            let now = guest.domain.now();
            guest.balloon.poll(now).unwrap();
            guest.domain.wait(&[guest.store.port()], Some(next));
        }
    }
    guest.set_pages(2222);
    let statistics = guest.balloon.statistics();
    assert_eq!((guest.reservation(), statistics.bad_targets), (2222, 0));
    assert!(statistics.targets > 100, "{statistics:?}");
    guest.set_pages(BOOT);
    guest.end();
}

#[test]
fn poll_never_waits() {
    let waits = Arc::<ForbidWait>::default();
    let between = waits.clone();
    let config = DomainConfig::new("guest");
    let mut guest =
        guest_on(World::new(23), config, BOOT, |domain| Interposed::new(domain, between));
    guest.settle();
    guest.world.set_memory_target(guest.domain.id(), 2000 * KIB);
    guest.world.store().set_stopped(true);
    for _ in 0..20 {
        waits.set(true);
        let now = guest.domain.now();
        guest.balloon.poll(now).unwrap();
        waits.set(false);
        guest.world.run_for(Duration::from_millis(10));
    }
    guest.world.store().set_stopped(false);
    for _ in 0..50 {
        waits.set(true);
        let now = guest.domain.now();
        guest.balloon.poll(now).unwrap();
        waits.set(false);
        guest.world.run_for(Duration::from_millis(10));
    }
    assert_eq!(guest.reservation(), 2000);
    guest.end();
}
