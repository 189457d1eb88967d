//! Everything at once: a guest with a disk, an interface, grants, ports and xenstore, our backends
//! in a driver domain that is killed and replaced, devices that are unplugged, and hypercalls and
//! allocations that fail. Afterwards nothing may be left.

use crate::fixture::{check, small};
use crate::input::{streams, values};
use arbitrary::Arbitrary;
use core::time::Duration;
use std::cell::OnceCell;
use std::sync::Arc;
use xen_back::block::{
    BlkBack, BlkBackEvent, Config as DiskConfig, GrantMode, MemoryDisk, PreparedDisk,
};
use xen_back::net::{NetBack, NetBackEvent, Packet};
use xen_evtchn::Channel;
use xen_front::block::{BlkFront, Request};
use xen_front::net::{NetFront, NetFrontConfig, PacketMeta, Vif as FrontVif};
use xen_grant::{
    DeferredGrants, GrantMapArea, GrantMapping, GrantTable, Granted, ReadOnly, ReadWrite,
};
use xen_hypercall::{Pages, Platform, boot};
use xen_sim::{ChoiceSource, Device, Disk, Domain, FailByChoice, Interposed, Vif, World};
use xen_store::{Watch, XenStore, XsOps};
use xenbus::{DeviceId, DeviceState};

type Guest = Interposed<Domain, FailByChoice>;

/// The most calls of a run.
const CALLS: usize = 120;
const PATHS: [&str; 4] = ["data/a", "data/a/b", "device/vbd/51712/state", "domid"];

/// Driver domains that one input can use up.
const DRIVERS: usize = 3;

#[derive(Arbitrary, Debug)]
enum Call {
    OpenDisk,
    Read { sector: u8, sectors: u8 },
    Write { sector: u8, sectors: u8 },
    Flush,
    CloseDisk { now: bool },
    OpenNet,
    Transmit(u16),
    Receive,
    CloseNet,
    StoreRead(u8),
    StoreWrite(u8, u16),
    StoreRemove(u8),
    StoreWatch(u8),
    StoreUnwatch(u8),
    Transaction(u8),
    Share { pages: u8, writable: bool },
    Map { which: u8, write: bool },
    Unmap(u8),
    Reclaim(u8),
    OpenPort,
    Notify(u8),
    ClosePort(u8),
    Unplug { net: bool, by_force: bool },
    Plug { net: bool },
    KillDriver,
    Pass(u8),
}

enum Share {
    ReadOnly(Granted<Guest, ReadOnly>),
    ReadWrite(Granted<Guest, ReadWrite>),
}

enum Map {
    ReadOnly(GrantMapping<Guest, ReadOnly>),
    ReadWrite(GrantMapping<Guest, ReadWrite>),
}

/// A driver domain and its connection to xenstore.
struct Driver {
    domain: Domain,
    platform: Guest,
    store: XenStore<Guest>,
}

fn platform(domain: &Domain, faults: &Arc<FailByChoice>) -> Guest {
    Interposed::new(domain.clone(), Arc::clone(faults))
}

fn store_of(platform: &Guest) -> XenStore<Guest> {
    let ring = boot::xenstore_ring(platform.clone()).expect("the toolstack made one");
    let store = XenStore::new(platform.clone(), ring).expect("nothing fails yet");
    store.set_timeout(Duration::from_millis(250));
    store
}

/// Server of the devices.
struct Served<'a> {
    world: &'a World,
    guest: &'a Domain,
    faults: &'a Arc<FailByChoice>,
    drivers: &'a [OnceCell<Driver>; DRIVERS],
    current: usize,
    devices: [Option<Device>; 2],
    disk: Option<BlkBack<Guest, PreparedDisk<MemoryDisk<Vec<u8>>>>>,
    net: Option<NetBack<Guest>>,
    echo: Vec<Vec<u8>>,
}

impl<'a> Served<'a> {
    fn driver(&self) -> &'a Driver {
        self.drivers[self.current].get_or_init(|| {
            let domain = self.world.create_guest(small("driver"));
            // A toolstack that fails to make a domain makes none.
            let platform = platform(&domain, &Arc::default());
            let store = store_of(&platform);
            Driver { domain, platform, store }
        })
    }

    fn plug(&mut self, net: bool) {
        let slot = usize::from(net);
        if self.devices[slot].is_none() {
            let driver = &self.driver().domain;
            self.devices[slot] = Some(match net {
                true => self.world.attach_vif(self.guest, driver, &Vif::new(0)),
                false => self.world.attach_disk(self.guest, driver, &Disk::new("xvda")),
            });
        }
    }

    fn unplug(&mut self, net: bool, by_force: bool) {
        let Some(device) = self.devices[usize::from(net)] else { return };
        if by_force {
            self.world.remove_device(&device);
            self.devices[usize::from(net)] = None;
        } else {
            self.world.detach(&device);
        }
    }

    /// Kills the driver domain, and has the next one take over, as long as there are any.
    fn kill(&mut self) {
        if self.current + 1 < DRIVERS {
            self.world.destroy(self.driver().domain.id());
            (self.disk, self.net) = (None, None);
            self.current += 1;
            for (slot, net) in [(0, false), (1, true)] {
                if let Some(device) = self.devices[slot].take() {
                    self.world.remove_device(&device);
                    self.plug(net);
                }
            }
        }
    }

    /// Lets the driver domain work for a moment.
    fn pass(&mut self) {
        let driver = self.driver();
        let id = |device: &Device| DeviceId { guest: device.frontend, device: device.id };
        let mine = |device: &&Device| device.backend == driver.domain.id();
        if let (None, Some(device)) = (&self.disk, self.devices[0].as_ref().filter(mine)) {
            let mode =
                if self.current.is_multiple_of(2) { GrantMode::Map } else { GrantMode::Copy };
            let config = DiskConfig { mode, ..DiskConfig::default() };
            let disk = PreparedDisk::new(MemoryDisk::new(vec![0; 256 * 512]));
            self.disk = BlkBack::new(&driver.store, id(device), disk, config).ok();
        }
        if let (None, Some(device)) = (&self.net, self.devices[1].as_ref().filter(mine)) {
            self.net = NetBack::new(&driver.store, id(device)).ok();
        }
        let now = driver.platform.now();
        if let Some(disk) = &mut self.disk
            && disk.poll(now) == Ok(BlkBackEvent::Removed)
        {
            self.disk = None;
        }
        if let Some(net) = &mut self.net {
            let echo = &mut self.echo;
            if net.poll(now, &mut |packet: Packet<'_>| echo.push(packet.bytes.to_vec()))
                == Ok(NetBackEvent::Removed)
            {
                self.net = None;
            } else {
                for bytes in self.echo.drain(..) {
                    net.send(Packet::new(&bytes, PacketMeta::default()));
                }
                let _ = net.flush();
            }
        }
        self.world.run_for(Duration::from_micros(10));
    }
}

/// Services and devices of the guest.
struct Having {
    disk: Option<BlkFront<Guest>>,
    net: Option<NetFront<Guest>>,
    shares: Vec<Share>,
    maps: Vec<Map>,
    ports: Vec<(Channel<Guest>, Channel<Domain>)>,
    watches: Vec<Watch<Guest>>,
}

/// Runs the target.
pub fn run(data: &[u8]) {
    let (calls, failures) = streams(data);
    let world = World::new(1);
    let guest = world.create_guest(small("guest"));
    let faults = Arc::<FailByChoice>::default();
    let own = platform(&guest, &faults);
    let (store, grants) =
        (store_of(&own), GrantTable::new(own.clone()).expect("nothing fails yet"));
    let drivers = [const { OnceCell::new() }; DRIVERS];
    let mut served = Served {
        world: &world,
        guest: &guest,
        faults: &faults,
        drivers: &drivers,
        current: 0,
        devices: [None; 2],
        disk: None,
        net: None,
        echo: Vec::new(),
    };
    served.plug(false);
    served.plug(true);
    let mut having = Having {
        disk: None,
        net: None,
        shares: Vec::new(),
        maps: Vec::new(),
        ports: Vec::new(),
        watches: Vec::new(),
    };
    served.faults.set_source(ChoiceSource::from_bytes(failures));
    for call in values(calls, CALLS) {
        having.carry_out(&call, &store, &grants, &mut served);
        having.poll(&own);
        served.pass();
        assert_eq!(world.violations(), [], "after {call:?}");
    }
    faults.set_source(ChoiceSource::default());
    having.end(&own, &mut served);
    let Served { disk, net, .. } = served;
    drop((disk, net));
    for driver in drivers.iter().filter_map(OnceCell::get) {
        world.destroy(driver.domain.id());
    }
    // What a killed driver domain had mapped has come back with its end, but for what there was no
    // memory to note down.
    let kept = grants.retry_deferred();
    if kept.lost > 0 {
        return;
    }
    assert_eq!(kept, DeferredGrants::default());
    // Each call may have set a watch, and each round ends as many as there are free requests.
    for _ in 0..CALLS {
        world.run_until_idle();
        let _ = store.poll();
    }
    drop((store, grants));
    check(&world);
}

fn take<T>(list: &mut Vec<T>, index: u8) -> Option<T> {
    let index = usize::from(index).checked_rem(list.len())?;
    Some(list.swap_remove(index))
}

impl Having {
    fn carry_out(
        &mut self,
        call: &Call,
        store: &XenStore<Guest>,
        grants: &GrantTable<Guest>,
        served: &mut Served<'_>,
    ) {
        let own = grants.platform();
        let peer = served.driver().domain.id();
        let path = |which: &u8| PATHS[usize::from(*which) % PATHS.len()];
        match call {
            Call::OpenDisk if self.disk.is_none() => {
                self.disk = BlkFront::open(store, grants, 51712).ok()
            }
            Call::OpenDisk => {}
            Call::Read { .. } | Call::Write { .. } | Call::Flush => {
                let Some(disk) = &mut self.disk else { return };
                let buffer = || Pages::alloc(own.clone(), 2);
                let request = match *call {
                    Call::Read { sector, sectors } => {
                        let Ok(buffer) = buffer() else { return };
                        Request::Read {
                            sector: sector.into(),
                            sectors: usize::from(sectors % 18),
                            buffer,
                        }
                    }
                    Call::Write { sector, sectors } => {
                        let Ok(buffer) = buffer() else { return };
                        Request::Write {
                            sector: sector.into(),
                            sectors: usize::from(sectors % 18),
                            buffer,
                        }
                    }
                    _ => Request::Flush,
                };
                let _ = disk.submit(request);
                disk.kick();
            }
            Call::CloseDisk { now } => {
                if let Some(disk) = &mut self.disk {
                    match now {
                        true => disk.close_now(),
                        false => disk.close(),
                    }
                }
            }
            Call::OpenNet if self.net.is_none() => {
                let config = NetFrontConfig::default()
                    .with_rx_slots(8)
                    .with_tx_slots(6)
                    .with_timeout(Duration::from_secs(1));
                self.net = NetFront::new(store, grants, FrontVif(0), config).ok();
            }
            Call::OpenNet => {}
            Call::Transmit(len) => {
                if let Some(net) = &mut self.net {
                    let _ = net
                        .transmit(&[0x55; 2000][..usize::from(*len) % 2000], PacketMeta::default());
                    let _ = net.flush();
                }
            }
            Call::Receive => {
                if let Some(net) = &mut self.net {
                    let _ = net.receive(&mut [0; 2000]);
                }
            }
            Call::CloseNet => drop(self.net.take().map(NetFront::close_and_wait)),
            Call::StoreRead(which) => drop(store.read(path(which), &mut [0; 100])),
            Call::StoreWrite(which, len) => {
                drop(store.write(path(which), &[b'x'; 3000][..usize::from(*len) % 3000]));
            }
            Call::StoreRemove(which) => drop(store.remove(path(which))),
            Call::StoreWatch(which) => self.watches.extend(store.watch(path(which))),
            Call::StoreUnwatch(which) => drop(take(&mut self.watches, *which)),
            Call::Transaction(which) => drop(store.transaction(|transaction| {
                transaction.write("data/count", "1")?;
                transaction.write(path(which), "2")
            })),
            Call::Share { pages, writable } => {
                let Ok(pages) = Pages::alloc(own.clone(), 1 + usize::from(pages % 4)) else {
                    return;
                };
                self.shares.extend(match writable {
                    true => grants.grant_writable(pages, peer).ok().map(Share::ReadWrite),
                    false => grants.grant_read_only(pages, peer).ok().map(Share::ReadOnly),
                });
            }
            Call::Map { which, write } => {
                let Some(index) = usize::from(*which).checked_rem(self.shares.len()) else {
                    return;
                };
                let refs = match &self.shares[index] {
                    Share::ReadOnly(shared) => shared.refs().to_vec(),
                    Share::ReadWrite(shared) => shared.refs().to_vec(),
                };
                let mapper = platform(&served.driver().domain, served.faults);
                let Ok(window) = GrantMapArea::reserve(mapper, refs.len()) else { return };
                self.maps.extend(match write {
                    true => window.map(served.guest.id(), &refs).ok().map(Map::ReadWrite),
                    false => window.map(served.guest.id(), &refs).ok().map(Map::ReadOnly),
                });
            }
            Call::Unmap(which) => match take(&mut self.maps, *which) {
                Some(Map::ReadOnly(mapping)) => drop(mapping.unmap()),
                Some(Map::ReadWrite(mapping)) => drop(mapping.unmap()),
                None => {}
            },
            Call::Reclaim(which) => match take(&mut self.shares, *which) {
                Some(Share::ReadOnly(shared)) => drop(shared.end_access()),
                Some(Share::ReadWrite(shared)) => drop(shared.end_access()),
                None => {}
            },
            Call::OpenPort => {
                let Ok(near) = Channel::alloc_unbound(own.clone(), peer) else { return };
                let far = Channel::bind_interdomain(
                    served.driver().domain.clone(),
                    served.guest.id(),
                    near.port(),
                );
                self.ports.extend(far.ok().map(|far| (near, far)));
            }
            Call::Notify(which) => {
                if let Some(index) = usize::from(*which).checked_rem(self.ports.len()) {
                    let _ = (self.ports[index].0.notify(), self.ports[index].1.notify());
                }
            }
            Call::ClosePort(which) => drop(take(&mut self.ports, *which)),
            Call::Unplug { net, by_force } => served.unplug(*net, *by_force),
            Call::Plug { net } => served.plug(*net),
            Call::KillDriver => served.kill(),
            Call::Pass(millis) => served.world.run_for(Duration::from_millis((*millis).into())),
        }
    }

    /// Lets the guest's drivers work.
    fn poll(&mut self, own: &Guest) {
        if let Some(disk) = &mut self.disk {
            while disk.complete().is_some() {}
            if matches!(disk.poll(own.now()), Ok(DeviceState::Closed | DeviceState::Unplugged)) {
                self.disk = None;
            }
        }
        if let Some(net) = &mut self.net {
            let _ = net.poll(own.now());
        }
    }

    /// Closes and gives back everything, while nothing fails.
    fn end(mut self, own: &Guest, served: &mut Served<'_>) {
        if let Some(disk) = &mut self.disk {
            disk.close_now();
        }
        for _ in 0..50 {
            self.poll(own);
            served.pass();
        }
        drop(self.net.take().map(NetFront::close_and_wait));
        for _ in 0..10 {
            served.pass();
        }
    }
}
