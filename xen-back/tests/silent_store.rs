//! Backends while xenstored answers nothing: no poll waits (issue 11, bar 2).

use core::time::Duration;
use std::sync::Arc;
use xen_back::block::{BlkBack, Config, MemoryDisk, PreparedDisk};
use xen_back::net::{NetBack, Packet, PacketMeta};
use xen_evtchn::Channel;
use xen_grant::GrantTable;
use xen_hypercall::{Instant, Pages, Platform, boot};
use xen_sim::{Device, Disk, Domain, DomainConfig, ForbidWait, Interposed, Vif, World};
use xen_store::XenStore;
use xenbus::{DeviceId, DeviceWatcher};

type Driver = Interposed<Domain, ForbidWait>;

/// Polls in which xenstored answers the first `answers` times, then nothing.
fn poll_all(
    answers: usize,
    attach: impl Fn(&World, &Domain, &Domain) -> Device,
    keys: &[&str],
    mut run: impl FnMut(&XenStore<Driver>, DeviceId, &mut dyn FnMut() -> Option<Instant>) -> bool,
) -> bool {
    let world = World::new(3);
    let driver = world.create_guest(DomainConfig::new("driver"));
    let guest = world.create_guest(DomainConfig::new("guest"));
    let device = attach(&world, &guest, &driver);
    let grants = GrantTable::new(guest.clone()).unwrap();
    let share =
        || grants.grant_writable(Pages::alloc(guest.clone(), 1).unwrap(), driver.id()).unwrap();
    let (first, second) = (share(), share());
    let channel = Channel::alloc_unbound(guest.clone(), driver.id()).unwrap();
    let (nodes, path) = (guest.store(), device.frontend_path());
    let values = [first.refs()[0].0, channel.port().0, second.refs()[0].0];
    for (key, value) in keys.iter().zip(values) {
        nodes.write(format!("{path}/{key}"), value).unwrap();
    }
    nodes.write(format!("{path}/request-rx-copy"), 1).unwrap();
    nodes.write(format!("{path}/state"), if keys.len() > 2 { 4 } else { 3 }).unwrap();
    let waits = Arc::<ForbidWait>::default();
    let platform = Interposed::new(driver.clone(), Arc::clone(&waits));
    let ring = boot::xenstore_ring(platform.clone()).unwrap();
    let store = XenStore::new(platform, ring).unwrap();
    let id = DeviceId { guest: guest.id(), device: device.id };
    waits.set(true);
    let mut round = 0;
    let connected = run(&store, id, &mut || {
        if round < answers {
            world.run_for(Duration::from_micros(10));
        }
        round += 1;
        // Every deadline passes.
        (round < 60).then(|| driver.now() + Duration::from_secs(round as u64 * 5))
    });
    drop(store);
    connected
}

/// Checks that a caller that waits until the next poll does not spin.
fn check_timeout(timeout: Option<Instant>, now: Instant) {
    assert!(timeout.is_none_or(|timeout| timeout > now), "{timeout:?}, {now:?}");
}

#[test]
fn block_polls_do_not_wait() {
    let attach = |world: &World, guest: &Domain, driver: &Domain| {
        world.attach_disk(guest, driver, &Disk::new("xvda"))
    };
    let poll = |answers| {
        poll_all(answers, attach, &["ring-ref", "event-channel"], |store, id, next| {
            let disk = PreparedDisk::new(MemoryDisk::new(vec![0; 4096]));
            let mut back = BlkBack::new(store, id, disk, Config::default()).unwrap();
            let mut connected = false;
            while let Some(now) = next() {
                let _ = back.poll(now);
                check_timeout(back.poll_timeout(now), now);
                connected |= back.is_connected();
            }
            let _ = back.begin_removal().1.poll();
            connected
        })
    };
    let connected = (0..40).map(poll).filter(|connected| *connected).count();
    assert!((1..40).contains(&connected), "{connected} of 40 were connected");
}

#[test]
fn net_polls_do_not_wait() {
    let attach = |world: &World, guest: &Domain, driver: &Domain| {
        world.attach_vif(guest, driver, &Vif::new(0))
    };
    let keys = ["tx-ring-ref", "event-channel", "rx-ring-ref"];
    let poll = |answers| {
        poll_all(answers, attach, &keys, |store, id, next| {
            let mut back = NetBack::new(store, id).unwrap();
            let mut connected = false;
            while let Some(now) = next() {
                // A packet for a guest without buffers: it is dropped in time.
                back.send(Packet::new(&[0; 60], PacketMeta::default()));
                let _ = back.poll(now, &mut |_: Packet<'_>| {});
                check_timeout(back.poll_timeout(now), now);
                connected |= back.is_connected();
            }
            let _ = back.begin_removal().poll();
            connected
        })
    };
    let connected = (0..40).map(poll).filter(|connected| *connected).count();
    assert!((1..40).contains(&connected), "{connected} of 40 were connected");
}

#[test]
fn watcher_polls_do_not_wait() {
    let attach = |world: &World, guest: &Domain, driver: &Domain| {
        world.attach_disk(guest, driver, &Disk::new("xvda"))
    };
    let poll = |answers| {
        poll_all(answers, attach, &[], |store, _, next| {
            let mut watcher = DeviceWatcher::<_, DeviceId, 4>::new(store, "vbd").unwrap();
            let mut found = false;
            while let Some(now) = next() {
                found |= matches!(watcher.poll(), Ok(Some(_)));
                let _ = watcher.poll_timeout(now);
            }
            found
        })
    };
    let found = (0..10).map(poll).filter(|found| *found).count();
    assert!((1..10).contains(&found), "{found} of 10 found the device");
}
