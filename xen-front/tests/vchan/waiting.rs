//! Both ends while xenstored answers nothing: only the functions that say so wait.

use core::time::Duration;
use std::sync::Arc;
use xen_front::vchan::{Client, Server, VchanError, VchanOrders, VchanPeer};
use xen_grant::GrantTable;
use xen_hypercall::boot;
use xen_sim::{Domain, DomainConfig, ForbidWait, Interposed, World};
use xen_store::{XenStore, XsOps};

type Guest = Interposed<Domain, ForbidWait>;

/// Two domains whose waits one switch forbids.
struct Silent {
    world: World,
    waits: Arc<ForbidWait>,
    one: XenStore<Guest>,
    two: XenStore<Guest>,
    grants: GrantTable<Guest>,
}

impl Silent {
    fn new() -> Self {
        let (world, waits) = (World::new(5), Arc::<ForbidWait>::default());
        let store = |name| {
            let guest = world.create_guest(DomainConfig::new(name));
            let guest = Guest::new(guest, Arc::clone(&waits));
            XenStore::new(guest.clone(), boot::xenstore_ring(guest).unwrap()).unwrap()
        };
        let (one, two) = (store("server"), store("client"));
        let grants = GrantTable::new(one.platform().clone()).unwrap();
        Self { world, waits, one, two, grants }
    }

    fn server(&self) -> Server<Guest> {
        let client = self.two.domid().unwrap();
        let orders = VchanOrders::new(10, 11).unwrap();
        Server::open(&self.one, &self.grants, client, "data/vchan", orders).unwrap()
    }

    fn client(&self) -> Client<Guest> {
        let server = self.one.domid().unwrap();
        let path = format!("/local/domain/{}/data/vchan", server.0);
        Client::try_connect(&self.two, server, path).unwrap()
    }

    fn stop(&self, stopped: bool) {
        self.world.store().set_stopped(stopped);
        self.waits.set(stopped);
    }
}

#[test]
fn connected_ends_never_wait() {
    let silent = Silent::new();
    let mut server = silent.server();
    silent.stop(true);
    // No client yet.
    assert_eq!((server.read(&mut [0; 8]), server.final_check_readable()), (Ok(0), Ok(false)));
    assert_eq!((server.write(&[7; 3000]), server.write(&[7])), (Ok(2048), Ok(0)));
    silent.stop(false);
    let mut client = silent.client();
    silent.stop(true);
    for _ in 0..90 {
        assert_eq!((server.peer(), client.peer()), (VchanPeer::Live, VchanPeer::Live));
        // A full ring, and an empty one.
        assert_eq!((server.space(), server.write(&[7])), (Ok(0), Ok(0)));
        assert_eq!(server.final_check_writable(), Ok(false));
        assert_eq!((client.available(), client.write(&[8; 2000])), (Ok(2048), Ok(1024)));
        assert_eq!(client.final_check_writable(), Ok(false));
        assert_eq!((server.read(&mut [0; 2000]), server.read(&mut [0; 8])), (Ok(1024), Ok(0)));
        assert_eq!(server.final_check_readable(), Ok(false));
        assert_eq!(client.final_check_readable(), Ok(true));
        silent.world.run_for(Duration::from_secs(1));
    }
    drop(client);
    assert_eq!(server.write(&[7]), Err(VchanError::Disconnected));
    assert_eq!(server.final_check_readable(), Ok(true));
    drop(server);
    silent.stop(false);
}

#[test]
fn client_outlives_server_without_wait() {
    let silent = Silent::new();
    let server = silent.server();
    let mut client = silent.client();
    silent.stop(true);
    drop(server);
    assert_eq!(client.read(&mut [0; 8]), Err(VchanError::Disconnected));
    assert_eq!(client.write(&[7]), Err(VchanError::Disconnected));
    assert_eq!(client.final_check_writable(), Ok(true));
    drop(client);
    silent.stop(false);
}
