//! Drivers that read a backend's directory with any content.

use crate::fixture::{check, settle, small, store_of};
use crate::input::values;
use core::time::Duration;
use xen_front::block::{BlkFront, list as disks};
use xen_front::console::{ConsoleFront, list as consoles};
use xen_front::net::{NetFront, NetFrontConfig, Vif, list as vifs};
use xen_grant::GrantTable;
use xen_hypercall::Platform;
use xen_sim::{DeviceSpec, Disk, Vif as VirtualVif, World};

const KEYS: [&str; 24] = [
    "sectors",
    "sector-size",
    "physical-sector-size",
    "info",
    "feature-flush-cache",
    "feature-barrier",
    "max-ring-page-order",
    "mac",
    "mtu",
    "feature-rx-copy",
    "feature-sg",
    "backend",
    "backend-id",
    "state",
    "device-type",
    "trusted",
    "feature-discard",
    "discard-granularity",
    "discard-alignment",
    "discard-secure",
    "multi-queue-max-queues",
    "max-ring-pages",
    "feature-persistent",
    "feature-max-indirect-segments",
];

/// Runs the target.
pub fn run(data: &[u8]) {
    let nodes: Vec<(u8, bool, &[u8])> = values(data, 16);
    let world = World::new(1);
    let (back, guest) = (world.create_guest(small("back")), world.create_guest(small("guest")));
    let disk = world.attach_disk(&guest, &back, &Disk::new("xvda"));
    let vif = world.attach_vif(&guest, &back, &VirtualVif::new(0));
    let toolstack = world.store();
    let console = world.attach_device(&guest, &back, &DeviceSpec::new("console", 1));
    let devices = [disk, vif, console];
    for path in devices.map(|device| device.backend_path()) {
        toolstack.write(format!("{path}/state"), 4).expect("the toolstack may");
    }
    for (key, front, value) in &nodes {
        let device = devices[usize::from(key / 32) % devices.len()];
        let path = if *front { device.frontend_path() } else { device.backend_path() };
        let key = KEYS[usize::from(key % 32) % KEYS.len()];
        let _ = toolstack.write_bytes(format!("{path}/{key}"), value);
    }
    let store = store_of(&guest);
    let grants = GrantTable::new(guest.clone()).unwrap();
    let _ = (disks::<4>(&store), vifs::<4>(&store), consoles::<4>(&store));
    if let Ok(mut block) = BlkFront::open(&store, &grants, disk.id) {
        for _ in 0..12 {
            let _ = block.poll(guest.now());
            store.wait(guest.now() + Duration::from_millis(1));
        }
    }
    let config = NetFrontConfig::default().with_rx_slots(4).with_tx_slots(4);
    if let Ok(mut net) = NetFront::new(&store, &grants, Vif(0), config) {
        for _ in 0..12 {
            let _ = net.poll(guest.now());
            net.wait(Some(guest.now() + Duration::from_millis(1)));
        }
    }
    if let Ok(mut console) = ConsoleFront::new(&store, &grants, console.id) {
        for _ in 0..12 {
            let _ = console.poll(guest.now());
            console.wait(Some(guest.now() + Duration::from_millis(1)));
        }
    }
    settle(&world, &[&store]);
    drop((store, grants));
    check(&world);
}
