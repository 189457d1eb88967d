//! Frontends are owned values: a kernel keeps them in statics and moves them between threads.

use std::sync::Mutex;
use xen_front::block::{BlkFront, BlockingDisk};
use xen_front::console::Console;
use xen_front::net::NetFront;
use xen_front::vchan::{Client, Server};
use xen_sim::Domain;

static DISK: Mutex<Option<BlockingDisk<Domain>>> = Mutex::new(None);
static NET: Mutex<Option<NetFront<Domain>>> = Mutex::new(None);

#[test]
fn frontends_are_send_and_static() {
    fn check<T: Send + 'static>() {}
    check::<BlkFront<Domain>>();
    check::<Console<Domain>>();
    check::<Server<Domain>>();
    check::<Client<Domain>>();
    assert!(DISK.lock().unwrap().is_none());
    assert!(NET.lock().unwrap().is_none());
}

#[test]
fn net_front_is_small() {
    assert!(size_of::<NetFront<Domain>>() < 1024, "{} bytes", size_of::<NetFront<Domain>>());
}
