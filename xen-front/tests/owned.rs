//! Frontends are owned values: a kernel keeps them in statics and moves them between threads.

use std::sync::Mutex;
use xen_front::block::{BlkFront, BlkFrontConfig, BlockingDisk};
use xen_front::console::{Console, ConsoleFront};
use xen_front::net::{NetFront, NetFrontConfig, Vif};
use xen_front::vchan::{Client, Server};
use xen_grant::GrantTable;
use xen_hypercall::boot;
use xen_sim::{Domain, DomainConfig, World};
use xen_store::XenStore;

static DISK: Mutex<Option<BlockingDisk<Domain>>> = Mutex::new(None);
static NET: Mutex<Option<NetFront<Domain>>> = Mutex::new(None);

#[test]
fn frontends_are_send_and_static() {
    fn check<T: Send + 'static>() {}
    check::<BlkFront<Domain>>();
    check::<Console<Domain>>();
    check::<ConsoleFront<Domain>>();
    check::<Server<Domain>>();
    check::<Client<Domain>>();
    assert!(DISK.lock().unwrap().is_none());
    assert!(NET.lock().unwrap().is_none());
}

/// The figures of `docs/PORTING.md` and of the crates' READMEs.
#[test]
fn memory_is_as_documented() {
    let guest = World::new(1).create_guest(DomainConfig::new("guest"));
    let pages = || guest.counters().pages_allocated - guest.counters().pages_freed;
    let before = pages();
    let ring = boot::xenstore_ring(guest.clone()).unwrap();
    let store = XenStore::new(guest.clone(), ring).unwrap();
    assert_eq!(pages() - before, 22);
    let grants = GrantTable::new(guest.clone()).unwrap();
    let before = pages();
    let block = BlkFront::open(&store, &grants, 51712).unwrap();
    assert_eq!(pages() - before, 2, "the driver and its table; the ring comes with the connection");
    for (depth, expected) in [(1, 2), (128, 5), (512, 15)] {
        let (before, config) = (pages(), BlkFrontConfig::default().with_depth(depth));
        let deep = BlkFront::open_with(&store, &grants, 51712, config).unwrap();
        assert_eq!((pages() - before, deep.config()), (expected, config));
    }
    let before = pages();
    let net = NetFront::new(&store, &grants, Vif(0), NetFrontConfig::default()).unwrap();
    assert_eq!(pages() - before, 3, "tables; rings and buffers come with the connection");
    let before = pages();
    let console = ConsoleFront::new(&store, &grants, 1).unwrap();
    assert_eq!(pages() - before, 1, "the driver; the ring comes with the connection");
    let (block, net, console) = (size_of_val(&block), size_of_val(&net), size_of_val(&console));
    let sizes = [block, net, console, size_of::<BlockingDisk<Domain>>()];
    assert!(sizes.iter().all(|&size| size < 1024), "{sizes:?}");
}
