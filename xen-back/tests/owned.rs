//! Backends are owned values: a kernel keeps them in statics and moves them between threads.

use std::sync::Mutex;
use xen_back::block::{AsyncBlkBack, BlkBack, DiskInfo, MemoryDisk, PreparedDisk, Request};
use xen_back::net::NetBack;
use xen_sim::Domain;
use xenbus::{DeviceId, DeviceWatcher, Removal};

type Disk = PreparedDisk<MemoryDisk<Vec<u8>>>;

static DISKS: Mutex<Vec<BlkBack<Domain, Disk>>> = Mutex::new(Vec::new());
static ASYNC_DISKS: Mutex<Vec<AsyncBlkBack<Domain, PreparedDisk<DiskInfo>>>> =
    Mutex::new(Vec::new());
static REQUESTS: Mutex<Vec<Request<Domain>>> = Mutex::new(Vec::new());
static NICS: Mutex<Vec<NetBack<Domain>>> = Mutex::new(Vec::new());
static WATCHER: Mutex<Option<DeviceWatcher<Domain, DeviceId, 8>>> = Mutex::new(None);
static REMOVALS: Mutex<Vec<Removal<Domain>>> = Mutex::new(Vec::new());

#[test]
fn backends_are_send_and_static() {
    assert!(DISKS.lock().unwrap().is_empty());
    assert!(ASYNC_DISKS.lock().unwrap().is_empty());
    assert!(NICS.lock().unwrap().is_empty());
    assert!(WATCHER.lock().unwrap().is_none());
    assert!(REMOVALS.lock().unwrap().is_empty());
}

/// A storage can keep requests in flight in a static, and complete them in any thread.
#[test]
fn requests_are_send_and_static() {
    assert!(REQUESTS.lock().unwrap().is_empty());
}

#[test]
fn backend_values_are_under_1_kib() {
    let sizes = [
        size_of::<BlkBack<Domain, Disk>>(),
        size_of::<AsyncBlkBack<Domain, PreparedDisk<DiskInfo>>>(),
        size_of::<Request<Domain>>(),
        size_of::<NetBack<Domain>>(),
    ];
    assert!(sizes.iter().all(|size| *size < 1024), "{sizes:?}");
}
