//! The state of the backend's link.

use super::*;

/// Polls until the link is as `wanted`.
fn wait_for_link(fixture: &Fixture, net: &mut NetFront<Domain>, wanted: bool) {
    let deadline = fixture.deadline();
    loop {
        net.poll(fixture.guest.now()).unwrap();
        if net.state() == DeviceState::Connected && net.has_carrier() == wanted {
            return;
        }
        assert!(fixture.guest.now() < deadline, "carrier: {}", net.has_carrier());
        net.wait(Some(deadline));
    }
}

#[test]
fn carrier_follows_backend_node() {
    let fixture = Fixture::new();
    let mut net = fixture.net();
    assert!(net.has_carrier(), "no node");
    for (value, expected) in [("0", false), ("1", true), ("0", false)] {
        fixture.set("back", "carrier", value);
        wait_for_link(&fixture, &mut net, expected);
    }
    // No state, and then no node.
    fixture.set("back", "carrier", "down");
    fixture.world.run_until_idle();
    for _ in 0..4 {
        net.poll(fixture.guest.now()).unwrap();
        fixture.world.run_until_idle();
    }
    assert!(!net.has_carrier());
    fixture.remove("back", "carrier");
    wait_for_link(&fixture, &mut net, true);
    net.close_and_wait().unwrap();
    fixture.finish();
}

#[test]
fn link_that_is_down_stays_down() {
    let fixture = Fixture::new();
    fixture.set("back", "carrier", "0");
    let mut net = fixture.net();
    wait_for_link(&fixture, &mut net, false);
    net.reopen();
    assert!(!net.has_carrier());
    wait_for_link(&fixture, &mut net, false);
    // The link is the backend's: packets of this connection are still transferred.
    fixture.send([(packet(3), NetRxFlags::empty())]);
    assert_eq!(received(&mut net), [(packet(3), ChecksumState::Unknown)]);
    fixture.set("back", "carrier", "1");
    wait_for_link(&fixture, &mut net, true);
    net.close();
    assert!(!net.has_carrier());
    net.close_and_wait().unwrap();
    fixture.finish();
}
