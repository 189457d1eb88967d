//! A disk in a file, served to a frontend in a simulated Xen.

use core::time::Duration;
use std::path::PathBuf;
use xen_back::block::{BlkBack, Config, FileDisk, GrantMode, PreparedDisk};
use xen_front::block::{BlkFront, Completion, Request};
use xen_grant::GrantTable;
use xen_hypercall::{Pages, Platform, boot};
use xen_sim::{Device, Disk, Domain, DomainConfig, World};
use xen_store::XenStore;
use xenbus::{DeviceState, backends};

const SECTORS: usize = 64;

/// A file that is removed with the value.
struct DiskFile(PathBuf);

impl DiskFile {
    fn new(name: &str, content: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("xen-back-{name}-{}", std::process::id()));
        std::fs::write(&path, content).unwrap();
        Self(path)
    }
}

impl Drop for DiskFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

struct Fixture {
    world: World,
    guest: Domain,
    driver: Domain,
    guest_store: XenStore<Domain>,
    driver_store: XenStore<Domain>,
    grants: GrantTable<Domain>,
    device: Device,
}

type Front<'a> = BlkFront<Domain>;
type Back = BlkBack<Domain, PreparedDisk<FileDisk>>;

impl Fixture {
    fn new() -> Self {
        let world = World::new(7);
        let driver = world.create_guest(DomainConfig::new("driver"));
        let guest = world.create_guest(DomainConfig::new("guest"));
        let device = world.attach_disk(&guest, &driver, &Disk::new("xvda"));
        let store = |domain: &Domain| {
            XenStore::new(domain.clone(), boot::xenstore_ring(domain.clone()).unwrap())
        };
        let (guest_store, driver_store) = (store(&guest).unwrap(), store(&driver).unwrap());
        let grants = GrantTable::new(guest.clone()).unwrap();
        Self { world, guest, driver, guest_store, driver_store, grants, device }
    }

    fn ends(&self, disk: FileDisk, mode: GrantMode) -> (Front<'_>, Back) {
        let found = backends::<4>(&self.driver_store, "vbd").unwrap();
        let config = Config { mode, budget: 8, ..Config::default() };
        let front = BlkFront::open(&self.guest_store, &self.grants, self.device.id).unwrap();
        let disk = PreparedDisk::new(disk);
        (front, BlkBack::new(&self.driver_store, found[0], disk, config).unwrap())
    }

    /// Runs both ends until `done` returns a value.
    fn run<T>(
        &self,
        front: &mut Front<'_>,
        back: &mut Back,
        mut done: impl FnMut(&mut Front<'_>) -> Option<T>,
    ) -> T {
        for _ in 0..2000 {
            front.poll(self.guest.now()).unwrap();
            if let Some(value) = done(front) {
                return value;
            }
            back.poll(self.driver.now()).unwrap();
            self.world.run_for(Duration::from_micros(10));
        }
        panic!("not done: {front:?} {back:?}");
    }

    fn reach(&self, front: &mut Front<'_>, back: &mut Back, state: DeviceState) {
        self.run(front, back, |front| {
            (front.poll(self.guest.now()).unwrap() == state).then_some(())
        });
    }

    fn carry_out(
        &self,
        front: &mut Front<'_>,
        back: &mut Back,
        request: Request<Pages<Domain>>,
    ) -> Completion<Pages<Domain>> {
        front.submit(request).unwrap();
        self.run(front, back, |front| front.complete())
    }
}

/// Rows 85 and 93.
#[test]
fn file_disk_serves_a_frontend() {
    for mode in [GrantMode::Copy, GrantMode::Map] {
        let content: Vec<u8> = (0..SECTORS * 512).map(|at| (at / 512 * 7 + at) as u8).collect();
        let file = DiskFile::new("served", &content);
        let fixture = Fixture::new();
        let (mut front, mut back) = fixture.ends(FileDisk::open(&file.0, false).unwrap(), mode);
        fixture.reach(&mut front, &mut back, DeviceState::Connected);
        assert_eq!(front.info().sectors, SECTORS as u64);
        let page = || Pages::alloc(fixture.guest.clone(), 1).unwrap();

        let read = Request::Read { sector: 8, sectors: 8, buffer: page() };
        let done = fixture.carry_out(&mut front, &mut back, read);
        assert_eq!(done.outcome, Ok(()));
        assert!(done.buffer.unwrap().as_slice() == &content[8 * 512..16 * 512], "{mode:?}");

        let mut buffer = page();
        buffer.as_mut_slice().fill(0x5a);
        let write = Request::Write { sector: 56, sectors: 8, buffer };
        assert_eq!(fixture.carry_out(&mut front, &mut back, write).outcome, Ok(()));
        assert_eq!(fixture.carry_out(&mut front, &mut back, Request::Flush).outcome, Ok(()));

        front.close();
        fixture.reach(&mut front, &mut back, DeviceState::Closed);
        drop((front, back));
        let mut expected = content;
        expected[56 * 512..].fill(0x5a);
        assert!(std::fs::read(&file.0).unwrap() == expected, "{mode:?}: the file");
        let Fixture { world, guest_store, driver_store, grants, .. } = fixture;
        // A store ends dropped watches when it is polled.
        for _ in 0..4 {
            let _ = (guest_store.poll(), driver_store.poll());
            world.run_until_idle();
        }
        drop((guest_store, driver_store, grants));
        world.check().unwrap();
    }
}
