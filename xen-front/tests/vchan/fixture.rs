//! Two domains with what a vchan needs.

use core::time::Duration;
use xen_front::vchan::{Client, End, Server, VchanError, VchanOrders};
use xen_grant::{DeferredGrants, GrantTable};
use xen_hypercall::{Instant, Platform, SharedMem, boot};
use xen_sim::{Domain, DomainConfig, World};
use xen_store::{XenStore, XsOps};

pub(crate) const PATH: &str = "data/vchan";

pub(crate) struct Fixture {
    pub(crate) world: World,
    pub(crate) one: Domain,
    pub(crate) two: Domain,
    pub(crate) one_store: XenStore<Domain>,
    pub(crate) two_store: XenStore<Domain>,
    pub(crate) grants: GrantTable<Domain>,
}

fn guest(world: &World, name: &str) -> (Domain, XenStore<Domain>) {
    let mut config = DomainConfig::new(name);
    config.pages = 2048;
    let domain = world.create_guest(config);
    let store =
        XenStore::new(domain.clone(), boot::xenstore_ring(domain.clone()).unwrap()).unwrap();
    (domain, store)
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let world = World::new(5);
        let (one, one_store) = guest(&world, "server");
        let (two, two_store) = guest(&world, "client");
        let grants = GrantTable::new(one.clone()).unwrap();
        Self { world, one, two, one_store, two_store, grants }
    }

    pub(crate) fn soon(&self) -> Instant {
        self.one.now() + Duration::from_secs(5)
    }

    /// Returns the server's directory by its absolute path.
    pub(crate) fn path(&self) -> String {
        format!("/local/domain/{}/{PATH}", self.one.id().0)
    }

    pub(crate) fn server(&self, left: u16, right: u16) -> Server<Domain> {
        let orders = VchanOrders::new(left, right).unwrap();
        Server::open(&self.one_store, &self.grants, self.two.id(), PATH, orders).unwrap()
    }

    pub(crate) fn try_client(&self) -> Result<Client<Domain>, VchanError> {
        Client::try_connect(&self.two_store, self.one.id(), self.path())
    }

    pub(crate) fn pair(&self, left: u16, right: u16) -> (Server<Domain>, Client<Domain>) {
        let mut server = self.server(left, right);
        let client = self.try_client().unwrap();
        server.wait_for_client(self.soon()).unwrap();
        (server, client)
    }

    /// Checks that no node, grant, mapping, port or page is left.
    pub(crate) fn finish(self) {
        let Self { world, one_store, two_store, grants, one, .. } = self;
        if world.is_alive(one.id()) {
            assert!(!one_store.exists(PATH).unwrap());
        }
        assert_eq!(grants.retry_deferred(), DeferredGrants { waiting: 0, lost: 0 });
        world.run_until_idle();
        drop((one_store, two_store, grants));
        world.check().unwrap();
    }
}

/// Returns the bytes of a stream.
pub(crate) fn stream(len: usize, salt: u8) -> Vec<u8> {
    (0..len).map(|at| ((at * 31 + at / 251) as u8).wrapping_add(salt)).collect()
}

/// Writes at most `len` bytes of what follows in the stream; `at` is how much was written.
pub(crate) fn send<M: AsRef<SharedMem>>(
    end: &mut End<Domain, M>,
    stream: &[u8],
    at: &mut usize,
    len: usize,
) {
    let rest = &stream[*at..];
    *at += end.write(&rest[..len.min(rest.len())]).unwrap();
}

/// Reads at most `len` bytes, which have to be what follows in the stream; `at` is how much was
/// read.
pub(crate) fn receive<M: AsRef<SharedMem>>(
    end: &mut End<Domain, M>,
    stream: &[u8],
    at: &mut usize,
    len: usize,
) {
    let mut buffer = vec![0; len];
    let count = end.read(&mut buffer).unwrap();
    assert!(buffer[..count] == stream[*at..*at + count], "{count} bytes at {at}");
    *at += count;
}
