//! Backends are owned values: a kernel keeps them in statics and moves them between threads.

use std::sync::Mutex;
use xen_back::block::{Blkback, MemoryDisk};
use xen_back::net::Netback;
use xen_sim::Domain;

static DISKS: Mutex<Vec<Blkback<Domain, MemoryDisk<Vec<u8>>>>> = Mutex::new(Vec::new());
static NICS: Mutex<Vec<Netback<Domain>>> = Mutex::new(Vec::new());

#[test]
fn backends_are_send_and_static() {
    assert!(DISKS.lock().unwrap().is_empty());
    assert!(NICS.lock().unwrap().is_empty());
}
