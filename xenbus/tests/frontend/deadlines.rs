//! Deadlines of a frontend whose backend does not follow, or follows in circles.

use super::*;

#[test]
fn connect_timeout_names_both_states() {
    with_store(|world, store| {
        let mut device = open(world, store, 1, 2);
        world.server.borrow_mut().reaction = None;
        device.set_timeout(Duration::from_secs(7));
        let before = world.now.get();
        let error = device.wait_for(DeviceState::Connected, never()).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "{BACKEND}/state: found state INIT_WAIT (2), expected CONNECTED (4) within \
                 7000 ms; own state is INITIALISED (3)"
            )
        );
        assert_eq!(world.now.get() - before, 7_000_000_000);
        // It does not answer to Closing either: the device is closed without it.
        let error = device.close_and_wait(never()).unwrap_err();
        assert!(
            matches!(
                error,
                XenbusError::Timeout { awaited: State::CLOSING, own: State::CLOSING, .. }
            ),
            "{error}"
        );
        assert_eq!((states(world).0.as_str(), device.state()), ("6", DeviceState::Closed));
    });
}

/// Makes the backend change its state every 10 ms in the order of `states`. Each wait lasts 10 ms.
fn restless(world: &World<'_>, states: &'static [&'static str]) {
    world.server.borrow_mut().reaction = None;
    let mut turn = 0;
    world.tick.set(10_000_000);
    world.hook(move |_, server| {
        server.set(&format!("{BACKEND}/state"), states[turn % states.len()].as_bytes());
        turn += 1;
    });
}

#[test]
fn backend_flips_do_not_extend_deadline() {
    with_store(|world, store| {
        let mut device = open_initialised(world, store);
        restless(world, &["1", "2", "3", "junk"]);
        let before = world.now.get();
        let error = device.wait_for(DeviceState::Connected, never()).unwrap_err();
        assert!(matches!(error, XenbusError::Timeout { awaited: State::CONNECTED, .. }), "{error}");
        assert!((7..9).contains(&((world.now.get() - before) / 1_000_000_000)));
        // Nor does it keep the device from being closed.
        let before = world.now.get();
        restless(world, &["1", "2", "4", "3"]);
        let error = device.close_and_wait(never()).unwrap_err();
        assert!(matches!(error, XenbusError::Timeout { own: State::CLOSING, .. }), "{error}");
        assert!((7..9).contains(&((world.now.get() - before) / 1_000_000_000)));
        assert_eq!(states(world).0, "6");
    });
}

#[test]
fn backend_cycles_end_in_timeout() {
    with_store(|world, store| {
        let mut device = open(world, store, 1, 1);
        device.set_timeout(Duration::from_secs(7));
        // It makes the frontend go round: Closing, Closed, Initialising and again.
        restless(world, &["4", "5", "6"]);
        let before = world.now.get();
        let error = device.wait_for(DeviceState::Connected, never()).unwrap_err();
        assert!(matches!(error, XenbusError::Timeout { .. }), "{error}");
        assert!((world.now.get() - before) / 1_000_000_000 <= 4 * 7 + 1);
        assert!(written(world).len() > 10, "the states did not move");
        // The next attempt has as much time again.
        let before = world.now.get();
        let error = device.wait_for(DeviceState::Connected, never()).unwrap_err();
        assert!(matches!(error, XenbusError::Timeout { .. }), "{error}");
        assert_eq!((world.now.get() - before) / 1_000_000_000, 4 * 7);
    });
}

#[test]
fn attempt_has_own_deadline() {
    with_store(|world, store| {
        let mut device = open(world, store, 1, 2);
        device.set_timeout(Duration::from_secs(7));
        for _ in 0..10 {
            connect(&mut device);
            pass(world, 20);
            device.close_and_wait(never()).unwrap();
            pass(world, 30);
            device.reopen();
        }
    });
}

#[test]
fn step_begins_with_own_state() {
    let timed_out = |world: &World<'_>, device: &mut Device<'_>| {
        let error = settle(world, device).unwrap_err();
        let expected = Duration::from_secs(7);
        assert!(
            matches!(error, XenbusError::Timeout { waited, .. } if waited == expected),
            "{error}"
        );
    };
    with_store(|world, store| {
        let mut device = open(world, store, 1, 1);
        world.server.borrow_mut().reaction = None;
        device.set_timeout(Duration::from_secs(7));
        assert_eq!(settle(world, &mut device), Ok(DeviceState::Connecting));
        pass(world, 5);
        assert_eq!(settle(world, &mut device), Ok(DeviceState::Connecting));
        set_peer(world, "2");
        assert_eq!(settle(world, &mut device), Ok(DeviceState::Connecting));
        assert_eq!(device.own_state(), State::INITIALISED);
        pass(world, 6);
        assert_eq!(settle(world, &mut device), Ok(DeviceState::Connecting));
        pass(world, 1);
        timed_out(world, &mut device);
    });
    with_store(|world, store| {
        let mut device = open(world, store, 1, 1);
        world.server.borrow_mut().reaction = None;
        device.set_timeout(Duration::from_secs(7));
        assert_eq!(settle(world, &mut device), Ok(DeviceState::Connecting));
        pass(world, 6);
        // To write the same state again is no step.
        set_peer(world, "6");
        assert_eq!(settle(world, &mut device), Ok(DeviceState::Connecting));
        assert_eq!(kicks(world), 1);
        pass(world, 1);
        timed_out(world, &mut device);
    });
}

/// Returns the states of a timeout: own, found, awaited.
fn timeout_of<const NET: bool>(device: &mut Driven<'_, NET>, wanted: DeviceState) -> [u32; 3] {
    match device.wait_for(wanted, never()) {
        Err(XenbusError::Timeout { awaited, found, own, .. }) => [own.0, found.0, awaited.0],
        other => panic!("{other:?}"),
    }
}

#[test]
fn timeout_names_awaited_state() {
    for (own, peer, expected) in [(1, 1, [1, 1, 2]), (1, 2, [3, 2, 4]), (6, 4, [6, 4, 6])] {
        with_store(|world, store| {
            plug(world, own, peer);
            assert_eq!(timeout_of(&mut create::<false>(store), DeviceState::Connected), expected);
        });
    }
    with_store(|world, store| {
        plug(world, 1, 2);
        assert_eq!(timeout_of(&mut create::<true>(store), DeviceState::Connected), [4, 2, 4]);
    });
    with_store(|world, store| {
        let mut device = connected(world, store);
        world.server.borrow_mut().reaction = None;
        device.close();
        assert_eq!(timeout_of(&mut device, DeviceState::Closed), [5, 4, 5]);
    });
}

#[test]
fn close_has_time_of_its_own() {
    with_store(|world, store| {
        let mut device = open_initialised(world, store);
        // All but a second of what the attempt to connect may take.
        pass(world, 27);
        device.close();
        pass(world, 2);
        assert_eq!(settle(world, &mut device), Ok(DeviceState::Closing));
        assert_eq!(states(world).0, "5");
    });
}
