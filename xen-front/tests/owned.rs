//! Frontends are owned values: a kernel keeps them in statics and moves them between threads.

use core::any::type_name;
use std::sync::{Mutex, OnceLock};
use xen_front::block::{
    BlkFront, BlkFrontConfig, BlkQueue, BlockingDisk, Completion, Request, SubmitError,
};
use xen_front::console::{Console, ConsoleFront};
use xen_front::net::{NetFront, NetFrontConfig, Vif};
use xen_front::vchan::{Client, Server, VchanOrders};
use xen_grant::{GrantTable, GrantedFrames, PagesRange};
use xen_hypercall::{Pages, boot};
use xen_sim::{Domain, DomainConfig, World};
use xen_store::XenStore;

static STORE: OnceLock<XenStore<Domain>> = OnceLock::new();
static GRANTS: OnceLock<GrantTable<Domain>> = OnceLock::new();
static BLOCK: Mutex<Option<BlkFront<Domain>>> = Mutex::new(None);
static DISK: Mutex<Option<BlockingDisk<Domain>>> = Mutex::new(None);
static NET: Mutex<Option<NetFront<Domain>>> = Mutex::new(None);
static CONSOLE: Mutex<Option<Console<Domain>>> = Mutex::new(None);
static SECOND_CONSOLE: Mutex<Option<ConsoleFront<Domain>>> = Mutex::new(None);
static SERVER: Mutex<Option<Server<Domain>>> = Mutex::new(None);
static CLIENT: Mutex<Option<Client<Domain>>> = Mutex::new(None);

/// A static requires `Send` of what its lock protects, and of the services `Sync` too.
#[test]
fn frontends_are_send_and_static() {
    fn check<T: Send + 'static>() {
        assert!(size_of::<T>() < 1024, "{} bytes: {}", size_of::<T>(), type_name::<T>());
    }
    check::<BlkFront<Domain>>();
    check::<BlkFront<Domain, PagesRange<Domain>>>();
    check::<BlkQueue<Domain>>();
    check::<BlockingDisk<Domain>>();
    check::<NetFront<Domain>>();
    check::<Console<Domain>>();
    check::<ConsoleFront<Domain>>();
    check::<Server<Domain>>();
    check::<Client<Domain>>();
    // Requests and their buffers.
    check::<Request<Pages<Domain>>>();
    check::<Request<PagesRange<Domain>>>();
    check::<Completion<Pages<Domain>>>();
    check::<SubmitError<Pages<Domain>>>();
    check::<GrantedFrames<Domain, Pages<Domain>>>();
    assert!(STORE.get().is_none() && GRANTS.get().is_none());
    assert!(BLOCK.lock().unwrap().is_none() && DISK.lock().unwrap().is_none());
    assert!(NET.lock().unwrap().is_none());
    assert!(CONSOLE.lock().unwrap().is_none() && SECOND_CONSOLE.lock().unwrap().is_none());
    assert!(SERVER.lock().unwrap().is_none() && CLIENT.lock().unwrap().is_none());
}

/// The figures of `docs/PORTING.md` and of the crates' READMEs.
#[test]
fn memory_is_as_documented() {
    let world = World::new(1);
    let guest = world.create_guest(DomainConfig::new("guest"));
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
    assert_eq!(pages() - before, 36, "tables and the longest packets; rings come later");
    let before = pages();
    let console = ConsoleFront::new(&store, &grants, 1).unwrap();
    assert_eq!(pages() - before, 1, "the driver; the ring comes with the connection");
    let client = world.create_guest(DomainConfig::new("client")).id();
    for (left, right, expected) in [(10, 11, 1), (12, 14, 8)] {
        let (before, orders) = (pages(), VchanOrders::new(left, right).unwrap());
        let _server = Server::open(&store, &grants, client, "data/vchan", orders).unwrap();
        assert_eq!(pages() - before, expected);
    }
    drop((block, net, console));
}
