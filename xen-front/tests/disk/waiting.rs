//! Polls of a disk while xenstored answers nothing.

use super::*;
use std::sync::Arc;
use xen_sim::{ForbidWait, Interposed};

type Guest = Interposed<Domain, ForbidWait>;

/// Action after xenstored has stopped.
#[derive(Clone, Copy, Debug)]
enum Next {
    Poll,
    Close,
    CloseNow,
    Unplug,
    Reopen,
    Resume,
}

/// Polls `before` times while xenstored runs, and for a minute and a half while it is stopped.
/// Returns the states before and after that, and the number of polls that returned an error.
fn stop_after(before: u32, next: Next) -> (DeviceState, DeviceState, u32) {
    let world = World::new(1);
    let driver_domain = world.create_guest(DomainConfig::new("disks"));
    let guest = world.create_guest(DomainConfig::new("guest"));
    let device = world.attach_disk(&guest, &driver_domain, &VirtualDisk::new("xvda"));
    let back = Backend::start(&world, &device, SECTORS);
    let waits = Arc::<ForbidWait>::default();
    let guest = Guest::new(guest, Arc::clone(&waits));
    let store = XenStore::new(guest.clone(), boot::xenstore_ring(guest.clone()).unwrap()).unwrap();
    let grants = GrantTable::new(guest.clone()).unwrap();
    let mut block = BlkFront::open(&store, &grants, device.id).unwrap();
    waits.set(true);
    world.run_until_idle();
    for _ in 0..before {
        block.poll(guest.now()).unwrap();
        world.run_until_idle();
    }
    let stopped_in = block.state();
    if matches!(next, Next::Unplug) {
        world.detach(&device);
        world.run_until_idle();
        // The device has read it, and its next step is written.
        block.poll(guest.now()).unwrap();
    }
    if stopped_in == DeviceState::Connected {
        // A request that the backend never completes: no step of the device waits for it.
        back.state().misbehaviour = Misbehaviour::Forget;
        let submitted = block.submit(Request::Flush).is_ok();
        assert!(submitted || matches!(next, Next::Unplug));
    }
    world.store().set_stopped(true);
    match next {
        Next::Poll | Next::Unplug => {}
        Next::Close => block.close(),
        Next::CloseNow => block.close_now(),
        Next::Reopen => block.reopen(),
        Next::Resume => block.resume(),
    }
    let mut errors = 0;
    for round in 0..90 {
        if round == 30 && matches!(next, Next::Close) {
            // `close` alone leaves the request in flight to the backend, without a deadline.
            block.close_now();
        }
        errors += u32::from(block.poll(guest.now()).is_err());
        while block.complete().is_some() {}
        world.run_for(Duration::from_secs(1));
    }
    let state = block.state();
    world.store().set_stopped(false);
    waits.set(false);
    drop(block);
    drop((store, grants));
    (stopped_in, state, errors)
}

#[test]
fn poll_without_xenstored_never_waits() {
    let mut seen = Vec::new();
    for next in [Next::Poll, Next::Close, Next::CloseNow, Next::Unplug, Next::Reopen, Next::Resume]
    {
        for before in 0..12 {
            let (stopped_in, state, errors) = stop_after(before, next);
            // A device that is connected needs no answer.
            assert!(errors > 0 || state == DeviceState::Connected, "{before}, {next:?}: {state:?}");
            seen.push(stopped_in);
        }
    }
    assert!(seen.contains(&DeviceState::Connecting) && seen.contains(&DeviceState::Connected));
}
