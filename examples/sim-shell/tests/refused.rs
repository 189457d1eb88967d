//! Devices that the driver domain does not serve: the refusal reaches toolstack and frontend, and
//! frees the place for another device.

use core::time::Duration;
use xen_example_sim_shell::{Setup, SharedDisk, Stage};
use xen_sim::{Device, Disk, Vif};

/// Number of devices of a kind that the driver domain serves.
const SERVED: u32 = 30;

const INIT_WAIT: u32 = 2;
const CLOSED: u32 = 6;

/// Time for what the driver domain tries again, and for the end of a device that nobody has
/// connected to.
const A_WHILE: Duration = Duration::from_secs(11);

fn stage() -> Stage {
    Stage::new(Setup::new(1, SharedDisk::noise(1, 1 << 20))).unwrap()
}

fn backend_state(stage: &Stage, device: &Device) -> u32 {
    stage.world.device_states(device).1
}

fn error(stage: &Stage, device: &Device) -> Option<String> {
    let path = device.backend_path();
    let (home, name) = path.split_at(path.find("/backend").unwrap());
    stage.world.store().read(format!("{home}/error{name}/error"))
}

/// Attaches more devices than are served, and takes one away: all are told what is the matter with
/// them, and the first one refused is served then.
fn one_too_many(
    attach: impl Fn(&Stage, u32) -> Device,
    first: impl Fn(&Stage) -> Device,
    why: &str,
) {
    let stage = stage();
    let others: Vec<_> = (1..SERVED + 2).map(|number| attach(&stage, number)).collect();
    stage.world.run_for(A_WHILE);
    let (served, refused) = others.split_at(SERVED as usize - 1);
    assert!(served.iter().all(|device| backend_state(&stage, device) == INIT_WAIT));
    for device in refused {
        assert_eq!(error(&stage, device).as_deref(), Some(why), "{device:?}");
    }

    stage.world.detach(&first(&stage));
    stage.world.run_for(A_WHILE);
    let states: Vec<_> = refused.iter().map(|device| backend_state(&stage, device)).collect();
    assert_eq!(states.iter().filter(|&&state| state == INIT_WAIT).count(), 1, "{states:?}");

    for device in &others {
        stage.world.detach(device);
    }
    stage.world.run_for(A_WHILE);
    assert!(
        refused.iter().all(|device| backend_state(&stage, device) == 0),
        "a device that is not served is removed too"
    );
}

#[test]
fn interface_without_port_is_served_later() {
    one_too_many(
        |stage, number| {
            stage.world.attach_vif(stage.guest.inner(), stage.driver(), &Vif::new(number))
        },
        |stage| stage.vif,
        "all 30 ports of the switch are in use",
    );
}

#[test]
fn disk_beyond_limit_is_served_later() {
    one_too_many(
        |stage, number| {
            let disk = Disk { target: "memory".to_owned(), ..Disk::new(&format!("xvdq{number}")) };
            stage.world.attach_disk(stage.guest.inner(), stage.driver(), &disk)
        },
        |stage| stage.vbd,
        "30 disks are served already",
    );
}

#[test]
fn unknown_disk_is_refused_and_removed() {
    let stage = stage();
    let disk = Disk { target: "absent".to_owned(), ..Disk::new("xvdb") };
    let device = stage.world.attach_disk(stage.guest.inner(), stage.driver(), &disk);
    stage.world.run_for(A_WHILE);
    assert_eq!(error(&stage, &device).as_deref(), Some("there is no disk \"absent\""));
    assert_eq!(backend_state(&stage, &device), CLOSED);
    stage.world.detach(&device);
    stage.world.run_for(Duration::from_secs(1));
    assert_eq!(backend_state(&stage, &device), 0);
}

/// A disk whose hotplug script writes late is served then, or refused, or removed while it waits.
#[test]
fn disks_wait_for_hotplug_scripts() {
    let timeout = Duration::from_secs(20);
    let setup = Setup::new(1, SharedDisk::noise(1, 1 << 20));
    let stage = Stage::new(Setup { hotplug_timeout: Some(timeout), ..setup }).unwrap();
    let store = stage.world.store();
    // More than can wait at once.
    let devices: Vec<_> = (1..8)
        .map(|number| {
            let target = format!("{}memory", if number == 2 { "aio:" } else { "" });
            let disk = Disk { target, ..Disk::new(&format!("xvdq{number}")) };
            let device = stage.world.attach_disk(stage.guest.inner(), stage.driver(), &disk);
            store.remove(format!("{}/physical-device", device.backend_path())).unwrap();
            device
        })
        .collect();
    let [late, prefixed, failed, gone, ..] = devices[..] else { panic!() };
    stage.world.run_for(Duration::from_secs(5));
    assert_eq!(backend_state(&stage, &late), 1, "its script is not done");
    store.write(format!("{}/physical-device-path", late.backend_path()), "/dev/loop0").unwrap();
    store.write(format!("{}/physical-device", prefixed.backend_path()), "7:1").unwrap();
    store.write(format!("{}/hotplug-status", failed.backend_path()), "error").unwrap();
    stage.world.detach(&gone);
    stage.world.run_for(A_WHILE);
    assert_eq!([late, prefixed].map(|device| backend_state(&stage, &device)), [INIT_WAIT; 2]);
    assert_eq!(backend_state(&stage, &gone), 0, "it was removed while it waited");
    let why = error(&stage, &failed);
    assert!(why.as_deref().is_some_and(|why| why.starts_with("hotplug-status: ")), "{why:?}");
    // Those that had no place at first had their time too.
    stage.world.run_for(2 * timeout);
    for device in &devices[4..] {
        let why = error(&stage, device);
        assert!(why.as_deref().is_some_and(|why| why.starts_with("physical-device: ")), "{why:?}");
    }
    for device in &devices {
        stage.world.detach(device);
    }
    stage.world.run_for(A_WHILE);
    assert!(devices.iter().all(|device| backend_state(&stage, device) == 0));
}
