//! Frontends are owned values: a kernel keeps them in statics and moves them between threads.

use std::sync::Mutex;
use xen_front::block::{Block, Disk};
use xen_front::console::Console;
use xen_front::net::Net;
use xen_front::vchan::{Client, Server};
use xen_sim::Domain;

static DISK: Mutex<Option<Disk<Domain>>> = Mutex::new(None);
static NET: Mutex<Option<Net<Domain>>> = Mutex::new(None);

#[test]
fn frontends_are_send_and_static() {
    fn check<T: Send + 'static>() {}
    check::<Block<Domain>>();
    check::<Console<Domain>>();
    check::<Server<Domain>>();
    check::<Client<Domain>>();
    assert!(DISK.lock().unwrap().is_none());
    assert!(NET.lock().unwrap().is_none());
}
