//! Polls of a device while xenstored answers nothing.

use super::*;
use std::sync::Arc;
use xen_sim::{ForbidWait, Interposed};

type Guest = Interposed<Domain, ForbidWait>;

/// Action after xenstored has stopped.
#[derive(Clone, Copy, Debug)]
enum Next {
    Poll,
    Close,
    Unplug,
    Reopen,
    Resume,
}

/// Polls `before` times while xenstored runs, and for a minute and a half while it is stopped.
/// Returns the states before and after that, and the number of polls that returned an error.
fn stop_after(before: u32, next: Next) -> (DeviceState, DeviceState, u32) {
    let world = World::new(1);
    let driver_domain = world.create_guest(DomainConfig::new("network"));
    let guest = world.create_guest(DomainConfig::new("guest"));
    let device = world.attach_vif(&guest, &driver_domain, &VirtualVif::new(0));
    let _back = Backend::start(&world, &device);
    let waits = Arc::<ForbidWait>::default();
    let guest = Guest::new(guest, Arc::clone(&waits));
    let store = XenStore::new(guest.clone(), boot::xenstore_ring(guest.clone()).unwrap()).unwrap();
    let grants = GrantTable::new(guest.clone()).unwrap();
    let mut net = NetFront::new(&store, &grants, Vif(0), small()).unwrap();
    waits.set(true);
    world.run_until_idle();
    for _ in 0..before {
        net.poll(guest.now()).unwrap();
        world.run_until_idle();
    }
    let stopped_in = net.state();
    if matches!(next, Next::Unplug) {
        world.detach(&device);
        world.run_until_idle();
        // The device has seen it, and its next step is written.
        net.poll(guest.now()).unwrap();
    }
    world.store().set_stopped(true);
    match next {
        Next::Poll | Next::Unplug => {}
        Next::Close => net.close(),
        Next::Reopen => net.reopen(),
        Next::Resume => net.resume(),
    }
    let mut errors = 0;
    for _ in 0..90 {
        errors += u32::from(net.poll(guest.now()).is_err());
        world.run_for(Duration::from_secs(1));
    }
    let state = net.state();
    world.store().set_stopped(false);
    waits.set(false);
    drop(net);
    drop((store, grants));
    (stopped_in, state, errors)
}

#[test]
fn poll_without_xenstored_never_waits() {
    let mut seen = Vec::new();
    for next in [Next::Poll, Next::Close, Next::Unplug, Next::Reopen, Next::Resume] {
        for before in 0..12 {
            let (stopped_in, state, errors) = stop_after(before, next);
            // A device that is connected needs no answer.
            assert!(errors > 0 || state == DeviceState::Connected, "{before}, {next:?}: {state:?}");
            seen.push(stopped_in);
        }
    }
    assert!(seen.contains(&DeviceState::Connecting) && seen.contains(&DeviceState::Connected));
}
