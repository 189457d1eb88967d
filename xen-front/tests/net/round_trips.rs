//! The exchanges with xenstored that an interface needs to connect.

use super::{DeviceState, Fixture, small};
use core::time::Duration;
use xen_front::net::{NetFront, Vif};
use xen_store::XsOps;

/// Each batch of requests makes one notification of the store's server.
#[test]
fn connect_takes_8_round_trips() {
    let fixture = Fixture::new();
    // The client resets the ring first, and the backend has made its offer.
    fixture.store.exists("name").unwrap();
    fixture.world.run_for(Duration::from_millis(10));
    let before = fixture.guest.counters().notifications;
    let mut net = NetFront::new(&fixture.store, &fixture.grants, Vif(0), small()).unwrap();
    fixture.wait_for(&mut net, DeviceState::Connected);
    let trips = fixture.guest.counters().notifications - before;
    // One is for the backend.
    assert!((4..=9).contains(&trips), "{trips} notifications");
    net.close_and_wait().unwrap();
    fixture.finish();
}
