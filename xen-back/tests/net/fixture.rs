//! A world with guests whose interfaces are served.

use core::time::Duration;
use std::sync::Arc;
use xen_back::net::{
    ChecksumState, NetBack, NetBackError, NetBackEvent, Packet, PacketSink, Segmentation,
    SegmentationKind,
};
use xen_front::net::{DeviceState, NetFront, NetFrontConfig, PacketMeta, Vif as FrontVif};
use xen_grant::{GrantTable, Granted, ReadWrite};
use xen_hypercall::{Pages, Platform, boot};
use xen_sim::{
    Device, Domain, DomainConfig, EventWait, Interpose, Interposed, Vif, World, run_until_due,
};
use xen_store::XenStore;
use xenbus::DeviceId;

/// The most polls of a test.
const POLLS: usize = 1000;

/// The time without an event after which a backend alone has settled.
const SETTLED: Duration = Duration::from_micros(200);

/// The time without an event after which both ends sleep for good.
const ASLEEP: Duration = Duration::from_millis(100);

/// A backend's store, the backend, and its frontend.
pub(crate) type Connected<P> = (XenStore<P>, NetBack<P>, NetFront<Domain>);

pub(crate) struct Guest {
    pub(crate) domain: Domain,
    pub(crate) device: Device,
    pub(crate) store: XenStore<Domain>,
    pub(crate) grants: GrantTable<Domain>,
}

/// A world with some guests and a driver domain that serves each an interface.
pub(crate) struct Fixture {
    pub(crate) world: World,
    pub(crate) driver: Domain,
    pub(crate) driver_store: XenStore<Domain>,
    pub(crate) guests: Vec<Guest>,
}

pub(crate) fn store_of(domain: &Domain) -> XenStore<Domain> {
    XenStore::new(domain.clone(), boot::xenstore_ring(domain.clone()).unwrap()).unwrap()
}

impl Fixture {
    pub(crate) fn new(guests: u8) -> Self {
        let world = World::new(11);
        let driver = world.create_guest(DomainConfig::new("driver"));
        let guests = (0..guests).map(|index| {
            let domain = world.create_guest(DomainConfig::new("guest"));
            let vif = Vif { mac: [0, 0x16, 0x3e, 0, 0, index + 1], ..Vif::new(0) };
            let device = world.attach_vif(&domain, &driver, &vif);
            let (store, grants) = (store_of(&domain), GrantTable::new(domain.clone()).unwrap());
            Guest { domain, device, store, grants }
        });
        Self { guests: guests.collect(), driver_store: store_of(&driver), driver, world }
    }

    pub(crate) fn back(&self, guest: usize) -> NetBack<Domain> {
        let guest = &self.guests[guest];
        let id = DeviceId { guest: guest.domain.id(), device: guest.device.id };
        NetBack::new(&self.driver_store, id).unwrap()
    }

    pub(crate) fn front(&self, guest: usize) -> NetFront<Domain> {
        let guest = &self.guests[guest];
        NetFront::new(&guest.store, &guest.grants, FrontVif(0), NetFrontConfig::default()).unwrap()
    }

    /// Polls the backend once, and then whenever an event wakes it, until none does.
    pub(crate) fn settle(
        &self,
        back: &mut NetBack<Domain>,
        port: &mut dyn PacketSink,
    ) -> Result<NetBackEvent, NetBackError> {
        let mut wait = EventWait::new(&self.driver);
        let mut last = Ok(NetBackEvent::Idle);
        for _ in 0..POLLS {
            if !wait.take() {
                if run_until_due(&[&wait], SETTLED) {
                    continue;
                }
                return last;
            }
            last = back.poll(self.driver.now(), port);
            match last {
                Ok(NetBackEvent::Idle) => {}
                Ok(NetBackEvent::Busy) => self.let_others_run(&mut wait),
                Ok(NetBackEvent::Removed) | Err(_) => return last,
            }
        }
        panic!("it never settles: {back:?}");
    }

    /// Lets the other domains run for a moment.
    pub(crate) fn pass(&self) {
        self.world.run_for(Duration::from_micros(10));
    }

    /// Lets the other domains run before a poll that the last one has asked for.
    pub(crate) fn let_others_run(&self, wait: &mut EventWait) {
        wait.wake();
        self.pass();
    }

    /// Polls both ends, each when an event wakes it, until `done`.
    pub(crate) fn run(
        &self,
        guest: usize,
        front: &mut NetFront<Domain>,
        back: &mut NetBack<Domain>,
        done: impl Fn(DeviceState, &NetBack<Domain>) -> bool,
    ) {
        let domain = &self.guests[guest].domain;
        let (mut front_wait, mut back_wait) =
            (EventWait::new(domain), EventWait::new(&self.driver));
        let mut link = DeviceState::Connecting;
        for _ in 0..POLLS {
            let front_due = front_wait.take();
            if front_due {
                link = front.poll(domain.now()).unwrap();
            }
            if done(link, back) {
                return;
            }
            let back_due = back_wait.take();
            if back_due
                && back.poll(self.driver.now(), &mut |_: Packet<'_>| {}) == Ok(NetBackEvent::Busy)
            {
                self.let_others_run(&mut back_wait);
            }
            if !front_due && !back_due {
                let woken = run_until_due(&[&front_wait, &back_wait], ASLEEP);
                assert!(woken, "both ends sleep: {front:?} {back:?}");
            }
        }
        panic!("it never came: {front:?} {back:?}");
    }

    pub(crate) fn connect(&self, guest: usize, back: &mut NetBack<Domain>) -> NetFront<Domain> {
        let mut front = self.front(guest);
        self.run(guest, &mut front, back, |link, back| {
            link == DeviceState::Connected && back.is_connected()
        });
        front
    }

    pub(crate) fn close(
        &self,
        guest: usize,
        mut front: NetFront<Domain>,
        back: &mut NetBack<Domain>,
    ) {
        self.world.detach(&self.guests[guest].device);
        self.run(guest, &mut front, back, |link, _| {
            matches!(link, DeviceState::Closed | DeviceState::Unplugged)
        });
        assert!(!back.is_connected());
    }

    /// Connects guest 0 with a backend on a platform whose calls `interpose` sees.
    pub(crate) fn connect_interposed<I: Interpose + 'static>(
        &self,
        interpose: &Arc<I>,
    ) -> Connected<Interposed<Domain, I>> {
        let driver = Interposed::new(self.driver.clone(), Arc::clone(interpose));
        let ring = boot::xenstore_ring(driver.clone()).unwrap();
        let store = XenStore::new(driver, ring).unwrap();
        let guest = &self.guests[0];
        let id = DeviceId { guest: guest.domain.id(), device: guest.device.id };
        let mut back = NetBack::new(&store, id).unwrap();
        let mut front = self.front(0);
        while front.poll(guest.domain.now()).unwrap() != DeviceState::Connected {
            back.poll(self.driver.now(), &mut |_: Packet<'_>| {}).unwrap();
            self.pass();
        }
        (store, back, front)
    }

    /// Closes the connection of guest 0 and checks that nothing was left behind.
    pub(crate) fn close_and_finish(self, front: NetFront<Domain>, mut back: NetBack<Domain>) {
        self.close(0, front, &mut back);
        drop(back);
        self.finish();
    }

    pub(crate) fn states(&self) -> (u32, u32) {
        self.world.device_states(&self.guests[0].device)
    }

    pub(crate) fn finish(self) {
        let Self { world, driver_store, guests, .. } = self;
        for _ in 0..4 {
            let _ = driver_store.poll();
            for guest in &guests {
                let _ = guest.store.poll();
            }
            world.run_until_idle();
        }
        drop((driver_store, guests));
        world.check().unwrap();
    }
}

pub(crate) fn frame(to: u8, from: u8, len: usize) -> Vec<u8> {
    let mut frame = vec![0, 0x16, 0x3e, 0, 0, to, 0, 0x16, 0x3e, 0, 0, from, 0x88, 0xb5];
    frame.extend((14..len).map(|index| (index * 7 + len) as u8));
    frame
}

/// Returns TCP in IPv4.
pub(crate) fn tcp(to: u8, from: u8, data: &[u8]) -> Vec<u8> {
    let mut frame = vec![0, 0x16, 0x3e, 0, 0, to, 0, 0x16, 0x3e, 0, 0, from, 8, 0, 0x45, 0];
    frame.extend((40 + data.len() as u16).to_be_bytes());
    frame.extend([0, 1, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, from, 10, 0, 0, to]);
    frame.extend([0, 80, 0x30, 0x39, 1, 2, 3, 4, 5, 6, 7, 8, 0x50, 0x10, 0xff, 0xff, 0, 0, 0, 0]);
    frame.extend(data);
    frame
}

/// Returns TCP in IPv6.
pub(crate) fn tcp6(to: u8, from: u8, data: &[u8]) -> Vec<u8> {
    let mut frame = vec![0, 0x16, 0x3e, 0, 0, to, 0, 0x16, 0x3e, 0, 0, from, 0x86, 0xdd];
    frame.extend([0x60, 0, 0, 0]);
    frame.extend((20 + data.len() as u16).to_be_bytes());
    frame.extend([6, 64]);
    for host in [from, to] {
        frame.extend([0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host]);
    }
    frame.extend([0, 80, 0x30, 0x39, 1, 2, 3, 4, 5, 6, 7, 8, 0x50, 0x10, 0xff, 0xff, 0, 0, 0, 0]);
    frame.extend(data);
    frame
}

pub(crate) fn front_send(front: &mut NetFront<Domain>, bytes: &[u8]) {
    front.transmit(bytes, PacketMeta::default()).unwrap();
}

impl Guest {
    pub(crate) fn share(&self, fixture: &Fixture) -> Granted<Domain, ReadWrite> {
        let pages = Pages::alloc(self.domain.clone(), 1).unwrap();
        self.grants.grant_writable(pages, fixture.driver.id()).unwrap()
    }
}

/// Returns segments of 1448 bytes in IPv4.
pub(crate) fn segmentation() -> Segmentation {
    let size = core::num::NonZeroU16::new(1448).unwrap();
    Segmentation { kind: SegmentationKind::TcpIpv4, size }
}

pub(crate) fn large(bytes: &[u8]) -> Packet<'_> {
    Packet::new(bytes, PacketMeta::new(ChecksumState::Partial).with_segmentation(segmentation()))
}
