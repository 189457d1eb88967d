//! Both ends of the device in a simulated Xen: connect, suspend, restart, unplug, hostile peers.

mod fixture;

use core::time::Duration;
use downstream_device::{RotBack, RotError, RotFront};
use fixture::{Fixture, TEXT, rotated};
use xen_hypercall::Platform;
use xen_ring::FlexError;
use xen_sim::{ChoiceSource, Domain, HostilePeer};
use xenbus::{BackendDevice, BackendEvent, DeviceState, FrontendDevice, XenbusError};

#[test]
fn device_connects_rotates_and_closes() {
    let fixture = Fixture::new();
    let free = fixture.grants.free();
    let (mut front, mut back) = (fixture.front(3), fixture.back());
    fixture.connect(&mut front, &mut back);
    let text = TEXT.repeat(2000);
    assert_eq!(fixture.echo(&mut front, &mut back, &text), rotated(&text, 3));
    front.driver_mut().set_shift(25);
    assert_eq!(fixture.echo(&mut front, &mut back, TEXT), rotated(TEXT, 25));
    front.driver_mut().set_shift(3);
    front.close();
    fixture.run(&mut front, &mut back, |front| front.state() == DeviceState::Closed);
    assert_eq!(fixture.grants.free(), free);
    front.reopen();
    fixture.check_works(&mut front, &mut back);
    fixture.finish(front, back);
}

#[test]
fn resumed_guest_connects_again() {
    let mut fixture = Fixture::new();
    let (mut front, mut back) = (fixture.front(3), fixture.back());
    fixture.check_works(&mut front, &mut back);
    fixture.suspend();
    fixture.run_back(&mut back, BackendEvent::Removed);
    drop(back);
    front.resume();
    let mut back = fixture.back();
    fixture.check_works(&mut front, &mut back);
    fixture.finish(front, back);
}

#[test]
fn restarted_backend_connects_again() {
    let fixture = Fixture::new();
    let (mut front, mut back) = (fixture.front(3), fixture.back());
    for _ in 0..3 {
        fixture.check_works(&mut front, &mut back);
        drop(back);
        back = fixture.back();
    }
    fixture.check_works(&mut front, &mut back);
    fixture.finish(front, back);
}

#[test]
fn restarted_frontend_connects_again() {
    let fixture = Fixture::new();
    let (mut front, mut back) = (fixture.front(3), fixture.back());
    for _ in 0..3 {
        fixture.check_works(&mut front, &mut back);
        drop(front);
        front = fixture.front(3);
    }
    fixture.check_works(&mut front, &mut back);
    fixture.finish(front, back);
}

#[test]
fn unplugged_device_ends_at_both_ends() {
    for forced in [false, true] {
        let fixture = Fixture::new();
        let (mut front, mut back) = (fixture.front(3), fixture.back());
        fixture.check_works(&mut front, &mut back);
        if forced {
            fixture.world.remove_device(&fixture.device);
        } else {
            fixture.world.detach(&fixture.device);
        }
        fixture.run(&mut front, &mut back, |front| front.state() == DeviceState::Unplugged);
        fixture.run_back(&mut back, BackendEvent::Removed);
        fixture.finish(front, back);
    }
}

#[test]
fn wrong_nodes_are_typed_errors() {
    let is_typed = |error: &RotError| matches!(error, RotError::Xenbus(XenbusError::Store(_)));
    for value in ["", "many", "-1", "4294967296"] {
        let fixture = Fixture::new();
        fixture.set_back("limit", value);
        assert!(is_typed(&fixture.back_error()), "{value}");
        let fixture = Fixture::new();
        fixture.set_back("max-shift", value);
        fixture.set_back("state", "2");
        assert!(is_typed(&fixture.front_error(3)), "{value}");
        for key in ["ring-ref", "config-ref", "event-channel"] {
            let fixture = Fixture::new();
            let (_memory, nodes) = fixture.hostile_nodes(0);
            assert!(is_typed(&fixture.back_error_with(&nodes, key, value)), "{key}: {value}");
        }
    }
    let fixture = Fixture::new();
    let (_memory, nodes) = fixture.hostile_nodes(0);
    let error = fixture.back_error_with(&nodes, "ring-ref", "77");
    assert!(matches!(error, RotError::Map(_)), "{error}");
    let error = fixture.back_error_with(&nodes, "event-channel", "77");
    assert!(matches!(error, RotError::Port(_)), "{error}");
}

#[test]
fn too_large_sizes_are_refused() {
    for found in [3, 9, 32, u32::MAX] {
        let fixture = Fixture::new();
        let (_memory, nodes) = fixture.hostile_nodes(found);
        let error = fixture.back_error_with(&nodes, "", "");
        assert_eq!(error, RotError::Ring(FlexError::Order { found, limit: 2 }));
    }
    let fixture = Fixture::new();
    fixture.set_back("limit", "12");
    fixture.run_back(&mut fixture.back(), BackendEvent::Idle);
    fixture.set_back("max-shift", "12");
    fixture.set_back("state", "2");
    assert_eq!(fixture.front_error(13), RotError::Shift { found: 13, limit: 12 });
}

#[test]
fn too_large_shift_closes_device() {
    let fixture = Fixture::new();
    let (mut front, mut back) = (fixture.front(3), fixture.back());
    fixture.check_works(&mut front, &mut back);
    front.driver_mut().set_shift(26);
    front.driver_mut().write(b"a").unwrap();
    let errors = fixture.errors(&mut front, &mut back);
    assert_eq!(errors.first(), Some(&RotError::Shift { found: 26, limit: 25 }));
    front.driver_mut().set_shift(3);
    front.reopen();
    fixture.check_works(&mut front, &mut back);
    fixture.finish(front, back);
}

#[test]
fn wrong_states_do_not_last() {
    for (is_back, state) in [false, true].into_iter().flat_map(|end| (0..12).map(move |n| (end, n)))
    {
        let fixture = Fixture::new();
        let (mut front, mut back) = (fixture.front(3), fixture.back());
        fixture.check_works(&mut front, &mut back);
        let state = if state < 10 { state.to_string() } else { "a".repeat(state * 9) };
        if is_back {
            fixture.set_back("state", &state);
        } else {
            fixture.set_front("state", &state);
        }
        fixture.errors(&mut front, &mut back);
        front.reopen();
        fixture.check_works(&mut front, &mut back);
        fixture.finish(front, back);
    }
}

/// The other end rewrites memory before each load: indices, shift and size.
#[test]
fn hostile_memory_ends_in_typed_errors() {
    let mut broken = [0; 2];
    for seed in 0..60 {
        let fixture = Fixture::new();
        let (mut front, mut back) = (fixture.front(3), fixture.back());
        fixture.check_works(&mut front, &mut back);
        let (guest, driver) = (fixture.guest.clone(), fixture.driver.clone());
        let mut peer = HostilePeer::new(ChoiceSource::seeded(seed, 400));
        for _ in 0..20 {
            if seed % 2 == 0 {
                broken[0] += u32::from(peer.against(&guest, || {
                    let _ = front.driver_mut().write(TEXT);
                    let _ = front.driver_mut().read(&mut [0; 99]);
                    front.poll(guest.now()).is_err()
                }));
                let _ = back.poll(driver.now());
            } else {
                let _ = front.driver_mut().write(TEXT);
                broken[1] += u32::from(peer.against(&driver, || back.poll(driver.now()).is_err()));
                let _ = front.poll(guest.now());
            }
            fixture.world.run_for(Duration::from_millis(1));
        }
        // Another connection has none of the bytes that were on their way.
        front.reopen();
        fixture.errors(&mut front, &mut back);
        front.reopen();
        fixture.check_works(&mut front, &mut back);
        fixture.finish(front, back);
    }
    assert!(broken.iter().all(|&count| count > 10), "{broken:?}");
}

#[test]
fn drivers_can_live_in_statics() {
    fn is_static<T: Send + 'static>() {}
    is_static::<FrontendDevice<Domain, RotFront<Domain>>>();
    is_static::<BackendDevice<Domain, RotBack<Domain>>>();
}
