//! Devices that the driver domain does not serve: the refusal reaches toolstack and frontend, and
//! frees the place for another device.

use core::time::Duration;
use xen_example_sim_shell::{Setup, SharedDisk, Testbed};
use xen_sim::{Device, Disk, Vif};

/// Number of devices of a kind that the driver domain serves.
const SERVED: u32 = 30;

const INIT_WAIT: u32 = 2;
const CLOSED: u32 = 6;

/// Time for the retries of the driver domain, and for the end of a device without a connected
/// frontend.
const A_WHILE: Duration = Duration::from_secs(11);

fn testbed() -> Testbed {
    Testbed::new(Setup::new(1, SharedDisk::noise(1, 1 << 20))).unwrap()
}

fn backend_state(testbed: &Testbed, device: &Device) -> u32 {
    testbed.world.device_states(device).1
}

fn error(testbed: &Testbed, device: &Device) -> Option<String> {
    let path = device.backend_path();
    let (home, name) = path.split_at(path.find("/backend").unwrap());
    testbed.world.store().read(format!("{home}/error{name}/error"))
}

/// Attaches more devices than are served, and detaches one: each refused device has an error node,
/// and the first of them is served then.
fn one_too_many(
    attach: impl Fn(&Testbed, u32) -> Device,
    first: impl Fn(&Testbed) -> Device,
    why: &str,
) {
    let testbed = testbed();
    let others: Vec<_> = (1..SERVED + 2).map(|number| attach(&testbed, number)).collect();
    testbed.world.run_for(A_WHILE);
    let (served, refused) = others.split_at(SERVED as usize - 1);
    assert!(served.iter().all(|device| backend_state(&testbed, device) == INIT_WAIT));
    for device in refused {
        assert_eq!(error(&testbed, device).as_deref(), Some(why), "{device:?}");
    }

    testbed.world.detach(&first(&testbed));
    testbed.world.run_for(A_WHILE);
    let states: Vec<_> = refused.iter().map(|device| backend_state(&testbed, device)).collect();
    assert_eq!(states.iter().filter(|&&state| state == INIT_WAIT).count(), 1, "{states:?}");

    for device in &others {
        testbed.world.detach(device);
    }
    testbed.world.run_for(A_WHILE);
    assert!(
        refused.iter().all(|device| backend_state(&testbed, device) == 0),
        "a device that is not served is removed too"
    );
}

#[test]
fn interface_without_port_is_served_later() {
    one_too_many(
        |testbed, number| {
            testbed.world.attach_vif(testbed.guest.inner(), testbed.driver(), &Vif::new(number))
        },
        |testbed| testbed.vif,
        "all 30 ports of the switch are in use",
    );
}

#[test]
fn disk_beyond_limit_is_served_later() {
    one_too_many(
        |testbed, number| {
            let disk = Disk { target: "memory".to_owned(), ..Disk::new(&format!("xvdq{number}")) };
            testbed.world.attach_disk(testbed.guest.inner(), testbed.driver(), &disk)
        },
        |testbed| testbed.vbd,
        "30 disks are served already",
    );
}

#[test]
fn unknown_disk_is_refused_and_removed() {
    let testbed = testbed();
    let disk = Disk { target: "absent".to_owned(), ..Disk::new("xvdb") };
    let device = testbed.world.attach_disk(testbed.guest.inner(), testbed.driver(), &disk);
    testbed.world.run_for(A_WHILE);
    let expected = "disk \"absent\" could not be opened: no such disk";
    assert_eq!(error(&testbed, &device).as_deref(), Some(expected));
    assert_eq!(backend_state(&testbed, &device), CLOSED);
    testbed.world.detach(&device);
    testbed.world.run_for(Duration::from_secs(1));
    assert_eq!(backend_state(&testbed, &device), 0);
}

/// A disk whose hotplug script writes late is served then, or refused, or removed while it waits.
#[test]
fn disks_wait_for_hotplug_scripts() {
    let timeout = Duration::from_secs(20);
    let setup = Setup::new(1, SharedDisk::noise(1, 1 << 20));
    let testbed = Testbed::new(Setup { hotplug_timeout: Some(timeout), ..setup }).unwrap();
    let store = testbed.world.store();
    // More than can wait at once.
    let devices: Vec<_> = (1..8)
        .map(|number| {
            let target = format!("{}memory", if number == 2 { "aio:" } else { "" });
            let disk = Disk { target, ..Disk::new(&format!("xvdq{number}")) };
            let device = testbed.world.attach_disk(testbed.guest.inner(), testbed.driver(), &disk);
            store.remove(format!("{}/physical-device", device.backend_path())).unwrap();
            device
        })
        .collect();
    let [late, prefixed, failed, gone, ..] = devices[..] else { panic!() };
    testbed.world.run_for(Duration::from_secs(5));
    assert_eq!(backend_state(&testbed, &late), 1, "its script is not done");
    store.write(format!("{}/physical-device-path", late.backend_path()), "/dev/loop0").unwrap();
    store.write(format!("{}/physical-device", prefixed.backend_path()), "7:1").unwrap();
    store.write(format!("{}/hotplug-status", failed.backend_path()), "error").unwrap();
    testbed.world.detach(&gone);
    testbed.world.run_for(A_WHILE);
    assert_eq!([late, prefixed].map(|device| backend_state(&testbed, &device)), [INIT_WAIT; 2]);
    assert_eq!(backend_state(&testbed, &gone), 0, "it was removed while it waited");
    let why = error(&testbed, &failed);
    assert!(why.as_deref().is_some_and(|why| why.starts_with("hotplug-status: ")), "{why:?}");
    // Those that had no place at first had their time too.
    testbed.world.run_for(2 * timeout);
    for device in &devices[4..] {
        let why = error(&testbed, device);
        assert!(why.as_deref().is_some_and(|why| why.starts_with("physical-device: ")), "{why:?}");
    }
    for device in &devices {
        testbed.world.detach(device);
    }
    testbed.world.run_for(A_WHILE);
    assert!(devices.iter().all(|device| backend_state(&testbed, device) == 0));
}
