//! Network interfaces served to our own frontend, and to frontends that break every rule, in a simulated Xen.

use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::sync::Arc;
use xen_back::net::switch::{Forward, Switch};
use xen_back::net::{
    Checksum, DRAIN_TIMEOUT, NetError, Netback, NetbackEvent, Packet, Port, TxViolation, checksum,
};
use xen_evtchn::Channel;
use xen_front::net::{Config, Link, Net, TxChecksum, Vif as FrontVif};
use xen_grant::{GrantTable, ReadWrite, Shared};
use xen_hypercall::{GrantRef, Pages, Platform, start};
use xen_ring::FrontRing;
use xen_sim::{
    Call, Device, Domain, DomainConfig, EventWait, Interpose, Interposed, TraceCalls, Vif, World,
    run_until_due,
};
use xen_store::XenStore;
use xen_store::xenbus::{Backend, DeviceId};
use xen_sys::event_channel::EVTCHNOP_SEND;
use xen_sys::grant_table::{GNTTABOP_COPY, GNTTABOP_UNMAP_GRANT_REF};
use xen_sys::io::netif::{
    NetRxFlags, NetTxFlags, NetifExtraFlags, NetifExtraInfo, NetifExtraType, NetifRxRequest, NetifRxResponse,
    NetifStatus, NetifTxRequest, NetifTxResponse,
};
use xen_sys::xen::{HYPERVISOR_EVENT_CHANNEL_OP, HYPERVISOR_GRANT_TABLE_OP};
use zerocopy::{FromBytes, IntoBytes};

/// Polls after which a test gives up.
const POLLS: usize = 1000;
/// The time without an event after which a backend alone has settled.
const SETTLED: Duration = Duration::from_micros(200);
/// The time without an event after which both ends sleep for good.
const ASLEEP: Duration = Duration::from_millis(100);

struct Guest {
    domain: Domain,
    device: Device,
    store: XenStore<Domain>,
    grants: GrantTable<Domain>,
}

/// A world with some guests and a driver domain that serves each an interface.
struct Lab {
    world: World,
    driver: Domain,
    driver_store: XenStore<Domain>,
    guests: Vec<Guest>,
}

fn store_of(domain: &Domain) -> XenStore<Domain> {
    XenStore::new(domain.clone(), start::xenstore_ring(domain.clone()).unwrap()).unwrap()
}

impl Lab {
    fn new(guests: u8) -> Self {
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

    fn back(&self, guest: usize) -> Netback<Domain> {
        let guest = &self.guests[guest];
        let id = DeviceId { guest: guest.domain.id(), device: guest.device.id };
        Netback::new(Backend::open(&self.driver_store, "vif", id).unwrap()).unwrap()
    }

    fn front(&self, guest: usize) -> Net<Domain> {
        let guest = &self.guests[guest];
        Net::open(&guest.store, &guest.grants, FrontVif(0), Config::default()).unwrap()
    }

    /// Polls the backend once, and then whenever an event wakes it, until none does.
    fn settle(&self, back: &mut Netback<Domain>, port: &mut dyn Port) -> Result<NetbackEvent, NetError> {
        let mut wait = EventWait::new(&self.driver);
        let mut last = Ok(NetbackEvent::Idle);
        for _ in 0..POLLS {
            if !wait.take() {
                if run_until_due(&[&wait], SETTLED) {
                    continue;
                }
                return last;
            }
            last = back.poll(self.driver.now(), port);
            match last {
                Ok(NetbackEvent::Idle) => {}
                Ok(NetbackEvent::Busy) => self.let_others_run(&mut wait),
                Ok(NetbackEvent::Removed) | Err(_) => return last,
            }
        }
        panic!("it never settles: {back:?}");
    }

    /// Lets the other domains run for a moment.
    fn pass(&self) {
        self.world.run_for(Duration::from_micros(10));
    }

    /// Lets the other domains run before a poll that the last one has asked for.
    fn let_others_run(&self, wait: &mut EventWait) {
        wait.wake();
        self.pass();
    }

    /// Polls both ends, each when an event wakes it, until `done`.
    fn run(
        &self,
        guest: usize,
        front: &mut Net<Domain>,
        back: &mut Netback<Domain>,
        done: impl Fn(Link, &Netback<Domain>) -> bool,
    ) {
        let domain = &self.guests[guest].domain;
        let (mut front_wait, mut back_wait) = (EventWait::new(domain), EventWait::new(&self.driver));
        let mut link = Link::Connecting;
        for _ in 0..POLLS {
            let front_due = front_wait.take();
            if front_due {
                link = front.poll(domain.now()).unwrap();
            }
            if done(link, back) {
                return;
            }
            let back_due = back_wait.take();
            if back_due && back.poll(self.driver.now(), &mut |_: Packet<'_>| {}) == Ok(NetbackEvent::Busy) {
                self.let_others_run(&mut back_wait);
            }
            if !front_due && !back_due {
                let woken = run_until_due(&[&front_wait, &back_wait], ASLEEP);
                assert!(woken, "both ends sleep: {front:?} {back:?}");
            }
        }
        panic!("it never came: {front:?} {back:?}");
    }

    fn connect(&self, guest: usize, back: &mut Netback<Domain>) -> Net<Domain> {
        let mut front = self.front(guest);
        self.run(guest, &mut front, back, |link, back| link == Link::Up && back.is_connected());
        front
    }

    fn close(&self, guest: usize, mut front: Net<Domain>, back: &mut Netback<Domain>) {
        self.world.detach(&self.guests[guest].device);
        self.run(guest, &mut front, back, |link, _| link == Link::Closed);
        assert!(!back.is_connected());
    }

    fn states(&self) -> (u32, u32) {
        self.world.device_states(&self.guests[0].device)
    }

    fn finish(self) {
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

fn frame(to: u8, from: u8, len: usize) -> Vec<u8> {
    let mut frame = vec![0, 0x16, 0x3e, 0, 0, to, 0, 0x16, 0x3e, 0, 0, from, 0x88, 0xb5];
    frame.extend((14..len).map(|index| (index * 7 + len) as u8));
    frame
}

/// TCP in IPv4.
fn tcp(to: u8, from: u8, data: &[u8]) -> Vec<u8> {
    let mut frame = vec![0, 0x16, 0x3e, 0, 0, to, 0, 0x16, 0x3e, 0, 0, from, 8, 0, 0x45, 0];
    frame.extend((40 + data.len() as u16).to_be_bytes());
    frame.extend([0, 1, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, from, 10, 0, 0, to]);
    frame.extend([0, 80, 0x30, 0x39, 1, 2, 3, 4, 5, 6, 7, 8, 0x50, 0x10, 0xff, 0xff, 0, 0, 0, 0]);
    frame.extend(data);
    frame
}

#[test]
fn packets_go_both_ways_unchanged_and_nothing_is_left_behind() {
    let lab = Lab::new(1);
    let mut back = lab.back(0);
    let mut front = lab.connect(0, &mut back);
    let mut echoed = 0;
    for len in (14..1515).step_by(13) {
        let sent = frame(9, 1, len);
        front.transmit(&sent, TxChecksum::Complete).unwrap();
        front.flush().unwrap();
        let mut received = Vec::new();
        lab.settle(&mut back, &mut |packet: Packet<'_>| received.push(packet.bytes.to_vec())).unwrap();
        assert_eq!(received, [sent.as_slice()]);
        assert!(back.send(Packet::new(&received[0], Checksum::Unknown)));
        back.flush().unwrap();
        lab.pass();
        front.poll(lab.guests[0].domain.now()).unwrap();
        let mut buffer = [0; 2048];
        let packet = front.receive(&mut buffer).unwrap().expect("the echo");
        assert_eq!((&buffer[..packet.len], packet.checksum), (sent.as_slice(), Checksum::Unknown));
        front.flush().unwrap();
        echoed += 1;
    }
    assert_eq!((back.tx_statistics().packets, back.rx_statistics().packets), (echoed, echoed));
    lab.close(0, front, &mut back);
    drop(back);
    lab.finish();
}

#[test]
fn two_guests_behind_the_switch_reach_each_other_in_batches() {
    let lab = Lab::new(2);
    let (mut one, mut two) = (lab.back(0), lab.back(1));
    let (mut first, mut second) = (lab.connect(0, &mut one), lab.connect(1, &mut two));
    let mut switch = Switch::<2>::new();
    let ports = [one.mac(), two.mac()].map(|mac| switch.connect(mac).unwrap());
    let copies = lab.driver.counters().hypercalls[&HYPERVISOR_GRANT_TABLE_OP];
    for index in 0..40 {
        front_send(
            &mut first,
            &frame(if index == 0 { 2 } else { 1 + index % 2 * 7 }, 1, 100 + usize::from(index)),
        );
    }
    first.flush().unwrap();
    let mut forward =
        |packet: Packet<'_>| match switch.forward(ports[0], packet.source(), packet.destination()) {
            Forward::Flood => {
                two.send(packet);
            }
            Forward::To(port) if port == ports[1] => {
                two.send(packet);
            }
            _ => {}
        };
    lab.settle(&mut one, &mut forward).unwrap();
    two.flush().unwrap();
    let used = lab.driver.counters().hypercalls[&HYPERVISOR_GRANT_TABLE_OP] - copies;
    assert!(used <= 4, "{used} hypercalls for 40 packets in and 21 out");
    lab.pass();
    second.poll(lab.guests[1].domain.now()).unwrap();
    let mut buffer = [0; 2048];
    let mut received = 0;
    while let Some(packet) = second.receive(&mut buffer).unwrap() {
        assert_eq!(buffer[6..12], [0, 0x16, 0x3e, 0, 0, 1], "{packet:?}");
        received += 1;
    }
    // The first and those to unknown receivers; those to the sender itself go nowhere.
    assert_eq!(received, 21);
    lab.close(0, first, &mut one);
    lab.close(1, second, &mut two);
    drop((one, two));
    lab.finish();
}

fn front_send(front: &mut Net<Domain>, bytes: &[u8]) {
    front.transmit(bytes, TxChecksum::Complete).unwrap();
}

#[test]
fn checksums_are_left_blank_completed_or_passed_on() {
    let lab = Lab::new(1);
    let mut back = lab.back(0);
    let mut front = lab.connect(0, &mut back);
    let bytes = tcp(9, 1, b"some data");
    front.transmit(&bytes, TxChecksum::Fill).unwrap();
    front.flush().unwrap();
    let mut received = Vec::new();
    lab.settle(&mut back, &mut |packet: Packet<'_>| received.push((packet.bytes.to_vec(), packet.checksum)))
        .unwrap();
    let (mut found, state) = received.pop().unwrap();
    assert_eq!(state, Checksum::Blank);
    assert!(checksum::fill(&mut found) && checksum::verify(&found) == Some(true));
    for sent in [Checksum::Blank, Checksum::Valid, Checksum::Unknown] {
        assert!(back.send(Packet::new(&found, sent)));
        back.flush().unwrap();
        lab.pass();
        front.poll(lab.guests[0].domain.now()).unwrap();
        let mut buffer = [0; 2048];
        assert_eq!(front.receive(&mut buffer).unwrap().unwrap().checksum, sent);
        front.flush().unwrap();
    }
    lab.close(0, front, &mut back);
    drop(back);
    lab.finish();
}

#[test]
fn d_n08_a_guest_that_takes_nothing_costs_a_bounded_queue_and_is_served_again_later() {
    let lab = Lab::new(1);
    let mut back = lab.back(0);
    let mut raw = Raw::connect(&lab, &mut back, &[]);
    let before = lab.driver.counters().pages_allocated;
    let sent = frame(1, 9, 1000);
    let mut taken = 0;
    for _ in 0..100_000 {
        taken += u64::from(back.send(Packet::new(&sent, Checksum::Unknown)));
        if taken % 64 == 0 {
            back.flush().unwrap();
        }
    }
    // As many as are counted, in a fourth of a page each.
    assert_eq!(taken, 256);
    assert_eq!(back.rx_statistics().overrun, 100_000 - taken);
    assert_eq!(lab.driver.counters().pages_allocated, before);
    // Pages come, and with them what had waited.
    for id in 0..8 {
        raw.rx.push(&NetifRxRequest { id, pad: 0, gref: raw.data.refs()[usize::from(id)] }).unwrap();
    }
    let _ = raw.rx.publish();
    back.flush().unwrap();
    for id in 0..8 {
        let response = raw.rx.pop().unwrap().unwrap();
        assert_eq!((response.id, response.offset, response.status), (id, 0, 1000));
        let mut found = vec![0; 1000];
        raw.data.as_ref().copy_to(usize::from(id) * 4096, &mut found).unwrap();
        assert_eq!(found, sent);
    }
    // The room of those that were placed is used again, and no more.
    let again = (0..10).filter(|_| back.send(Packet::new(&sent, Checksum::Unknown))).count();
    assert_eq!(again, 8);
    raw.close(&mut back);
    drop(back);
    lab.finish();
}

#[test]
fn a_burst_longer_than_the_queue_is_not_lost_while_the_guest_has_pages() {
    let lab = Lab::new(1);
    let mut back = lab.back(0);
    let mut raw = Raw::connect(&lab, &mut back, &[]);
    for id in 0..250 {
        raw.rx.push(&NetifRxRequest { id, pad: 0, gref: raw.data.refs()[usize::from(id) % 4] }).unwrap();
    }
    let _ = raw.rx.publish();
    // 64 pages, two packets each, are what the queue has room for.
    let sent = frame(1, 9, 1500);
    for index in 0..250 {
        assert!(back.send(Packet::new(&sent, Checksum::Unknown)), "packet {index}");
    }
    back.flush().unwrap();
    assert_eq!((back.rx_statistics().packets, back.rx_statistics().overrun), (250, 0));
    for id in 0..250 {
        let response = raw.rx.pop().unwrap().unwrap();
        assert_eq!((response.id, response.status), (id, 1500));
    }
    raw.close(&mut back);
    drop(back);
    lab.finish();
}

/// A frontend that writes its rings directly.
struct Raw<'a> {
    lab: &'a Lab,
    tx: FrontRing<Shared<Domain, ReadWrite>, NetifTxRequest, NetifTxResponse>,
    rx: FrontRing<Shared<Domain, ReadWrite>, NetifRxRequest, NetifRxResponse>,
    data: Shared<Domain, ReadWrite>,
    #[expect(dead_code, reason = "open as long as the frontend is")]
    channel: Channel<Domain>,
}

impl<'a> Raw<'a> {
    fn publish(lab: &'a Lab, back: &mut Netback<Domain>, keys: &[(&str, &str)]) -> Self {
        lab.settle(back, &mut |_: Packet<'_>| {}).unwrap();
        assert_eq!(lab.states().1, 2);
        let guest = &lab.guests[0];
        let share = |pages| {
            let pages = Pages::alloc(guest.domain.clone(), pages).unwrap();
            guest.grants.share_writable(pages, lab.driver.id()).unwrap()
        };
        let (tx, rx) = (share(1), share(1));
        let channel = Channel::alloc_unbound(guest.domain.clone(), lab.driver.id()).unwrap();
        let (store, path) = (guest.domain.store(), guest.device.frontend_path());
        store.write(format!("{path}/tx-ring-ref"), tx.refs()[0]).unwrap();
        store.write(format!("{path}/rx-ring-ref"), rx.refs()[0]).unwrap();
        store.write(format!("{path}/event-channel"), channel.port()).unwrap();
        for (key, value) in
            [("request-rx-copy", "1"), ("feature-rx-notify", "1"), ("feature-sg", "1")].iter().chain(keys)
        {
            store.write(format!("{path}/{key}"), value).unwrap();
        }
        store.write(format!("{path}/state"), 4).unwrap();
        Self {
            lab,
            tx: FrontRing::new(tx).unwrap(),
            rx: FrontRing::new(rx).unwrap(),
            data: share(8),
            channel,
        }
    }

    fn connect(lab: &'a Lab, back: &mut Netback<Domain>, keys: &[(&str, &str)]) -> Self {
        let raw = Self::publish(lab, back, keys);
        lab.settle(back, &mut |_: Packet<'_>| {}).unwrap();
        assert_eq!(lab.states(), (4, 4));
        raw
    }

    fn slot(&self, id: u16, size: u16, flags: NetTxFlags) -> NetifTxRequest {
        NetifTxRequest { gref: self.data.refs()[usize::from(id) % 8], offset: 0, flags, id, size }
    }

    /// Posts receive buffers of these ids.
    fn post(&mut self, ids: impl IntoIterator<Item = u16>) {
        for id in ids {
            let gref = self.data.refs()[usize::from(id) % 8];
            self.rx.push(&NetifRxRequest { id, pad: 0, gref }).unwrap();
        }
        let _ = self.rx.publish();
    }

    /// Takes all receive responses.
    fn received(&mut self) -> Vec<NetifRxResponse> {
        core::iter::from_fn(|| self.rx.pop().unwrap()).collect()
    }

    /// Transmits the slots; returns what the backend made of them, and the answers.
    fn transmit(
        &mut self,
        back: &mut Netback<Domain>,
        slots: &[NetifTxRequest],
    ) -> (Result<NetbackEvent, NetError>, Vec<Vec<u8>>, Vec<NetifTxResponse>) {
        slots.iter().for_each(|slot| self.tx.push(slot).unwrap());
        let _ = self.tx.publish();
        let mut packets = Vec::new();
        let result = self.lab.settle(back, &mut |packet: Packet<'_>| packets.push(packet.bytes.to_vec()));
        let responses = core::iter::from_fn(|| self.tx.pop().unwrap()).collect();
        (result, packets, responses)
    }

    fn close(self, back: &mut Netback<Domain>) {
        let guest = &self.lab.guests[0];
        let (store, path) = (guest.domain.store(), guest.device.frontend_path());
        for state in [5, 6] {
            store.write(format!("{path}/state"), state).unwrap();
            let _ = self.lab.settle(back, &mut |_: Packet<'_>| {});
        }
        assert_eq!(self.lab.states(), (6, 6));
        self.reclaim();
    }

    /// Takes the memory back, which the backend does not use any more.
    fn reclaim(self) {
        for shared in [self.tx.into_memory(), self.rx.into_memory(), self.data] {
            shared.reclaim().unwrap();
        }
    }
}

const MORE: NetTxFlags = NetTxFlags::MORE_DATA;
const LAST: NetTxFlags = NetTxFlags::empty();

#[test]
fn packets_in_many_slots_are_put_together_and_bad_ones_are_answered_alone() {
    let lab = Lab::new(1);
    let mut back = lab.back(0);
    let mut raw = Raw::connect(&lab, &mut back, &[]);
    let content: Vec<u8> = (0..8 * 4096).map(|index| (index / 100) as u8).collect();
    raw.data.as_ref().copy_from(0, &content).unwrap();
    let okay = |id| NetifTxResponse { id, status: NetifStatus::OKAY };
    let error = |id| NetifTxResponse { id, status: NetifStatus::ERROR };

    // Three slots, one of them empty (XSA-448).
    let slots = [raw.slot(0, 4096 + 100, MORE), raw.slot(1, 0, MORE), raw.slot(2, 100, LAST)];
    let (result, packets, responses) = raw.transmit(&mut back, &slots);
    assert_eq!((result, responses), (Ok(NetbackEvent::Idle), vec![okay(0), okay(1), okay(2)]));
    assert_eq!(packets, [[&content[..4096], &content[2 * 4096..2 * 4096 + 100]].concat()]);

    // Shorter than a header.
    let slots = [raw.slot(3, 13, LAST), raw.slot(4, 14, LAST)];
    let (_, packets, responses) = raw.transmit(&mut back, &slots);
    assert_eq!((packets.len(), responses), (1, vec![error(3), okay(4)]));

    // d_n06: more slots than a packet may have, and few enough to be tolerated.
    let mut slots: Vec<_> = (0..19).map(|id| raw.slot(id, 10, MORE)).collect();
    (slots[0].size, slots[18].flags) = (190, LAST);
    let (_, packets, responses) = raw.transmit(&mut back, &slots);
    assert!(
        packets.is_empty()
            && responses.len() == 19
            && responses.iter().all(|response| response.status == NetifStatus::ERROR)
    );

    // d_n07: sizes that contradict each other.
    let slots = [raw.slot(5, 100, MORE), raw.slot(6, 200, LAST)];
    let (_, packets, responses) = raw.transmit(&mut back, &slots);
    assert_eq!((packets.len(), responses), (0, vec![error(5), error(6)]));

    // A page that is not granted costs its packet, not its neighbours.
    let slots = [
        raw.slot(1, 60, LAST),
        NetifTxRequest { gref: GrantRef(500), ..raw.slot(2, 60, LAST) },
        raw.slot(3, 60, LAST),
    ];
    let (_, packets, responses) = raw.transmit(&mut back, &slots);
    assert_eq!((packets.len(), responses), (2, vec![okay(1), error(2), okay(3)]));

    // Extra information takes a slot, whose answer says that it is none.
    let info = NetifExtraInfo { type_: NetifExtraType::MCAST_ADD, ..Default::default() };
    let mut extra = NetifTxRequest::default();
    extra.as_mut_bytes()[..8].copy_from_slice(info.as_bytes());
    let slots = [raw.slot(7, 60, NetTxFlags::EXTRA_INFO), extra];
    let (_, packets, responses) = raw.transmit(&mut back, &slots);
    assert_eq!(
        (packets.len(), responses),
        (0, vec![error(7), NetifTxResponse { id: 0, status: NetifStatus::NULL }])
    );

    // A checksum that nobody can complete.
    let slots = [raw.slot(1, 60, NetTxFlags::CSUM_BLANK)];
    let (_, packets, responses) = raw.transmit(&mut back, &slots);
    assert_eq!((packets.len(), responses), (0, vec![error(1)]));
    assert_eq!(
        (back.tx_statistics().packets, back.tx_statistics().refused, back.tx_statistics().failed),
        (4, 5, 1)
    );
    raw.close(&mut back);
    drop(back);
    lab.finish();
}

#[test]
fn d_n05_and_d_n06_a_frontend_that_breaks_the_protocol_is_disconnected_and_may_come_back() {
    type Break = fn(&Raw<'_>) -> Vec<NetifTxRequest>;
    let cases: [(Break, TxViolation); 4] = [
        (
            |raw| vec![NetifTxRequest { offset: 4000, ..raw.slot(0, 97, LAST) }],
            TxViolation::CrossesPage { offset: 4000, size: 97 },
        ),
        (|raw| (0..21).map(|id| raw.slot(id, 100, MORE)).collect(), TxViolation::TooManySlots { limit: 20 }),
        (|raw| vec![raw.slot(0, 100, MORE)], TxViolation::Truncated),
        (
            |raw| {
                vec![
                    raw.slot(0, 100, NetTxFlags::EXTRA_INFO),
                    NetifTxRequest::read_from_bytes(&[9; 12]).unwrap(),
                ]
            },
            TxViolation::ExtraType(NetifExtraType(9)),
        ),
    ];
    let lab = Lab::new(1);
    let mut back = lab.back(0);
    for (slots, violation) in cases {
        let mut raw = Raw::connect(&lab, &mut back, &[]);
        let slots = slots(&raw);
        // A good packet before the bad one is still handed on and answered.
        let good = raw.slot(7, 60, LAST);
        let (result, packets, responses) = raw.transmit(&mut back, &[[good].as_slice(), &slots].concat());
        assert_eq!(result, Err(NetError::Tx(violation)));
        assert_eq!(
            (packets.len(), responses),
            (1, vec![NetifTxResponse { id: 7, status: NetifStatus::OKAY }])
        );
        let counters = lab.driver.counters();
        assert_eq!(counters.maps, counters.unmaps, "its rings are let go of");
        lab.settle(&mut back, &mut |_: Packet<'_>| {}).unwrap();
        assert_eq!(lab.states(), (4, 5));
        raw.close(&mut back);
        let guest = &lab.guests[0];
        guest.domain.store().write(format!("{}/state", guest.device.frontend_path()), 1).unwrap();
    }
    let mut raw = Raw::connect(&lab, &mut back, &[]);
    raw.tx.push(&raw.slot(0, 60, LAST)).unwrap();
    let tx = core::mem::replace(&mut raw.tx, FrontRing::new(raw.lab.guests[0].share(&lab)).unwrap());
    let memory = tx.into_memory();
    memory.as_ref().u32::<0>().store(300, Ordering::SeqCst);
    assert!(matches!(lab.settle(&mut back, &mut |_: Packet<'_>| {}), Err(NetError::Corrupt(_))));
    raw.close(&mut back);
    memory.reclaim().unwrap();
    drop(back);
    lab.finish();
}

impl Guest {
    fn share(&self, lab: &Lab) -> Shared<Domain, ReadWrite> {
        let pages = Pages::alloc(self.domain.clone(), 1).unwrap();
        self.grants.share_writable(pages, lab.driver.id()).unwrap()
    }
}

#[test]
fn d_n09_what_a_frontend_publishes_is_refused_if_it_can_not_be() {
    for (key, value) in [
        ("multi-queue-num-queues", "0"),
        ("multi-queue-num-queues", "2"),
        ("multi-queue-num-queues", "4294967295"),
        ("multi-queue-num-queues", "abc"),
        ("request-rx-copy", "0"),
        ("tx-ring-ref", "77777"),
        ("rx-ring-ref", "-1"),
        ("event-channel", "99999"),
    ] {
        let lab = Lab::new(1);
        let mut back = lab.back(0);
        let raw = Raw::publish(&lab, &mut back, &[(key, value)]);
        assert!(lab.settle(&mut back, &mut |_: Packet<'_>| {}).is_err(), "{key} = {value}");
        lab.settle(&mut back, &mut |_: Packet<'_>| {}).unwrap();
        assert_eq!(lab.states(), (4, 5), "{key} = {value}");
        let counters = lab.driver.counters();
        assert_eq!(counters.maps, counters.unmaps, "{key} = {value}");
        raw.close(&mut back);
        drop(back);
        lab.finish();
    }
}

#[test]
fn large_segments_go_whole_to_guests_that_take_them_and_cut_to_others() {
    for whole in [true, false] {
        let lab = Lab::new(1);
        let mut back = lab.back(0);
        let keys: &[(&str, &str)] = if whole { &[("feature-gso-tcpv4", "1")] } else { &[] };
        let mut raw = Raw::connect(&lab, &mut back, keys);
        let data: Vec<u8> = (0..9000).map(|index| (index / 50) as u8).collect();
        let sent = tcp(1, 9, &data);
        for id in 0..8 {
            raw.rx.push(&NetifRxRequest { id, pad: 0, gref: raw.data.refs()[usize::from(id)] }).unwrap();
        }
        let _ = raw.rx.publish();
        let segment = core::num::NonZeroU16::new(1448);
        assert!(back.send(Packet { bytes: &sent, checksum: Checksum::Blank, segment }));
        back.flush().unwrap();
        let responses: Vec<NetifRxResponse> = core::iter::from_fn(|| raw.rx.pop().unwrap()).collect();
        let page = |index: usize, len: usize| {
            let mut bytes = vec![0; len];
            raw.data.as_ref().copy_to(index * 4096, &mut bytes).unwrap();
            bytes
        };
        if whole {
            let [first, extra, second, third] = responses.as_slice() else { panic!("{responses:?}") };
            assert!(
                first.flags.contains(NetRxFlags::EXTRA_INFO | NetRxFlags::MORE_DATA | NetRxFlags::CSUM_BLANK)
            );
            let extra = NetifExtraInfo::read_from_bytes(extra.as_bytes()).unwrap();
            assert_eq!(
                (extra.type_, extra.flags, extra.u[0]),
                (NetifExtraType::GSO, NetifExtraFlags::empty(), 1448)
            );
            assert!(
                second.flags.contains(NetRxFlags::MORE_DATA) && !third.flags.contains(NetRxFlags::MORE_DATA)
            );
            let found =
                [page(0, 4096), page(2, 4096), page(3, usize::try_from(third.status).unwrap())].concat();
            assert_eq!(found, sent);
        } else {
            assert_eq!(responses.len(), 7);
            let mut found = Vec::new();
            for (index, response) in responses.iter().enumerate() {
                assert!(response.flags.contains(NetRxFlags::CSUM_BLANK));
                let mut bytes = page(index, usize::try_from(response.status).unwrap());
                assert!(bytes.len() <= 1448 + 54 && checksum::fill(&mut bytes));
                found.extend_from_slice(&bytes[54..]);
            }
            assert_eq!(found, data);
        }
        raw.close(&mut back);
        drop(back);
        lab.finish();
    }
}

fn large(bytes: &[u8]) -> Packet<'_> {
    Packet { bytes, checksum: Checksum::Blank, segment: core::num::NonZeroU16::new(1448) }
}

/// Lets the backend run until the time that a packet is given has passed, and not longer.
fn wait_for_drain(lab: &Lab, back: &mut Netback<Domain>) {
    let (now, millisecond) = (lab.driver.now(), Duration::from_millis(1));
    let deadline = back.deadline(now).unwrap();
    assert!(deadline <= now + DRAIN_TIMEOUT && deadline > now + (DRAIN_TIMEOUT - millisecond));
    lab.world.run_for(DRAIN_TIMEOUT - 2 * millisecond);
    let poll = |back: &mut Netback<Domain>| back.poll(lab.driver.now(), &mut |_: Packet<'_>| {});
    poll(back).unwrap();
    assert_eq!(back.deadline(lab.driver.now()), Some(deadline), "it is not yet dropped");
    lab.world.run_for(2 * millisecond);
    poll(back).unwrap();
}

/// iPXE 7457bfc5b, Linux 1d5d4852: a frontend with fewer buffers than the largest packet has slots.
#[test]
fn packet_beyond_all_buffers_is_drained() {
    let lab = Lab::new(1);
    let mut back = lab.back(0);
    let mut raw = Raw::connect(&lab, &mut back, &[("feature-gso-tcpv4", "1")]);
    raw.post(0..4);
    let data: Vec<u8> = (0..30_000).map(|index| (index / 100) as u8).collect();
    let bytes = tcp(1, 9, &data);
    assert!(back.send(large(&bytes)));
    for len in [200, 201] {
        assert!(back.send(Packet::new(&frame(1, 9, len), Checksum::Unknown)));
    }
    back.flush().unwrap();
    assert_eq!(raw.received(), []);
    wait_for_drain(&lab, &mut back);
    let status = |response: &NetifRxResponse| (response.id, response.status);
    assert_eq!(raw.received().iter().map(status).collect::<Vec<_>>(), [(0, 200), (1, 201)]);
    assert_eq!((back.rx_statistics().packets, back.rx_statistics().overrun), (2, 1));
    // The next one can be cut, and no time passes.
    let start = lab.driver.now();
    raw.post(0..2);
    assert!(back.send(large(&bytes)));
    let mut found = Vec::new();
    while found.len() < data.len() {
        back.flush().unwrap();
        for response in raw.received() {
            let mut bytes = vec![0; usize::try_from(response.status).unwrap()];
            raw.data.as_ref().copy_to(usize::from(response.id) * 4096, &mut bytes).unwrap();
            found.extend_from_slice(&bytes[54..]);
            raw.post([response.id]);
        }
        assert!(lab.driver.now() < start + Duration::from_secs(1));
    }
    assert_eq!((found, back.rx_statistics().overrun), (data, 1));
    raw.close(&mut back);
    drop(back);
    lab.finish();
}

#[test]
fn packet_that_never_fits_is_refused() {
    let lab = Lab::new(1);
    let mut back = lab.back(0);
    let mut raw = Raw::connect(&lab, &mut back, &[]);
    raw.post(0..2);
    let jumbo = frame(1, 9, 9000);
    // The first one waits, as the frontend may be slow, and those behind it do not wait as long again.
    assert!(back.send(Packet::new(&jumbo, Checksum::Unknown)));
    back.flush().unwrap();
    lab.world.run_for(DRAIN_TIMEOUT / 2);
    for _ in 0..2 {
        assert!(back.send(Packet::new(&jumbo, Checksum::Unknown)));
    }
    assert!(back.send(Packet::new(&frame(1, 9, 100), Checksum::Unknown)));
    back.flush().unwrap();
    assert_eq!(raw.received(), []);
    lab.world.run_for(DRAIN_TIMEOUT / 2);
    back.poll(lab.driver.now(), &mut |_: Packet<'_>| {}).unwrap();
    assert_eq!(raw.received().iter().map(|response| response.status).collect::<Vec<_>>(), [100]);
    assert_eq!((back.rx_statistics().overrun, back.rx_statistics().refused), (3, 0));
    raw.post([0]);
    assert!(!back.send(Packet::new(&jumbo, Checksum::Unknown)));
    assert_eq!((back.rx_statistics().overrun, back.rx_statistics().refused), (3, 1));
    // The frontend was merely slow: it posts more.
    raw.post([2]);
    assert!(back.send(Packet::new(&jumbo, Checksum::Unknown)));
    back.flush().unwrap();
    let received: Vec<_> = raw.received().iter().map(|response| (response.id, response.status)).collect();
    assert_eq!(received, [(1, 4096), (0, 4096), (2, 808)]);
    // What fits just so is waited for, and what has been seen to fit counts.
    for (before, len, pages) in [(0, 12_000, 3), (1, 9000, 3)] {
        raw.post(0..before * 3);
        (0..before).for_each(|_| assert!(back.send(Packet::new(&frame(1, 9, 60), Checksum::Unknown))));
        assert!(back.send(Packet::new(&frame(1, 9, len), Checksum::Unknown)));
        back.flush().unwrap();
        assert_eq!(raw.received().len(), usize::from(before));
        raw.post(0..pages - before * 2);
        back.flush().unwrap();
        assert_eq!(raw.received().len(), usize::from(pages));
    }
    assert_eq!((back.rx_statistics().overrun, back.rx_statistics().refused), (3, 1));
    raw.close(&mut back);
    drop(back);
    lab.finish();
}

#[test]
fn grown_guest_is_waited_for() {
    let lab = Lab::new(1);
    let mut back = lab.back(0);
    let mut raw = Raw::connect(&lab, &mut back, &[]);
    raw.post(0..2);
    let jumbo = frame(1, 9, 9000);
    assert!(back.send(Packet::new(&jumbo, Checksum::Unknown)));
    back.flush().unwrap();
    wait_for_drain(&lab, &mut back);
    // Two buffers are kept, and a third shows that it has more: a small packet takes one of them.
    raw.post([2]);
    assert!(back.send(Packet::new(&frame(1, 9, 60), Checksum::Unknown)));
    assert!(back.send(Packet::new(&jumbo, Checksum::Unknown)));
    back.flush().unwrap();
    assert_eq!((raw.received().len(), back.rx_statistics().overrun), (1, 1));
    raw.post([3]);
    back.flush().unwrap();
    assert_eq!(raw.received().len(), 3);
    raw.close(&mut back);
    drop(back);
    lab.finish();
}

#[test]
fn slow_guest_is_not_taken_for_small() {
    let lab = Lab::new(1);
    let mut back = lab.back(0);
    let mut raw = Raw::connect(&lab, &mut back, &[]);
    let jumbo = frame(1, 9, 9000);
    assert!(back.send(Packet::new(&frame(1, 9, 100), Checksum::Unknown)));
    assert!(back.send(Packet::new(&jumbo, Checksum::Unknown)));
    back.flush().unwrap();
    lab.world.run_for(DRAIN_TIMEOUT);
    // Its buffers come late; one is answered at the same moment, so it could not have posted more.
    raw.post(0..2);
    back.flush().unwrap();
    assert_eq!((raw.received().len(), back.rx_statistics().overrun), (1, 1));
    assert!(back.send(Packet::new(&jumbo, Checksum::Unknown)));
    raw.post(2..4);
    back.flush().unwrap();
    assert_eq!(raw.received().len(), 3);
    raw.close(&mut back);
    drop(back);
    lab.finish();
}

#[test]
fn large_batches_lose_no_slot() {
    let lab = Lab::new(1);
    let mut back = lab.back(0);
    let mut raw = Raw::connect(&lab, &mut back, &[("feature-gso-tcpv4", "1")]);
    raw.post(0..80);
    // Two slots for each, of which one has no bytes: a batch is full of slots before it is full of copies.
    let bytes = tcp(1, 9, &[7; 2000]);
    (0..40).for_each(|_| assert!(back.send(large(&bytes))));
    back.flush().unwrap();
    let received = raw.received();
    assert_eq!((received.len(), back.rx_statistics().packets), (80, 40));
    for (index, packet) in received.chunks(2).enumerate() {
        assert_eq!((usize::from(packet[0].id), packet[0].status), (2 * index, 2054));
        assert!(packet[0].flags.contains(NetRxFlags::EXTRA_INFO));
    }
    raw.close(&mut back);
    drop(back);
    lab.finish();
}

#[test]
fn silent_guest_costs_packets_after_drain() {
    let lab = Lab::new(1);
    let mut back = lab.back(0);
    let mut raw = Raw::connect(&lab, &mut back, &[]);
    for len in [100, 101, 102] {
        assert!(back.send(Packet::new(&frame(1, 9, len), Checksum::Unknown)));
    }
    back.flush().unwrap();
    wait_for_drain(&lab, &mut back);
    assert_eq!((back.rx_statistics().overrun, back.deadline(lab.driver.now())), (3, None));
    // Nothing is known of how many buffers it has: it is served again, with packets of any size.
    assert!(back.send(Packet::new(&frame(1, 9, 100), Checksum::Unknown)));
    back.flush().unwrap();
    raw.post([7]);
    back.flush().unwrap();
    assert_eq!(raw.received().len(), 1);
    raw.post(0..3);
    assert!(back.send(Packet::new(&frame(1, 9, 9000), Checksum::Unknown)));
    back.flush().unwrap();
    assert_eq!(raw.received().len(), 3);
    raw.close(&mut back);
    drop(back);
    lab.finish();
}

#[test]
fn kept_slots_are_answered_once_in_order() {
    let lab = Lab::new(1);
    let mut back = lab.back(0);
    let mut raw = Raw::connect(&lab, &mut back, &[]);
    raw.post(0..4);
    // The first takes one slot, the second four: three are kept for it.
    assert!(back.send(Packet::new(&frame(1, 9, 300), Checksum::Unknown)));
    assert!(back.send(Packet::new(&frame(1, 9, 16_000), Checksum::Unknown)));
    back.flush().unwrap();
    let ids = |raw: &mut Raw<'_>| raw.received().iter().map(|response| response.id).collect::<Vec<_>>();
    assert_eq!(ids(&mut raw), [0]);
    raw.post(4..6);
    back.flush().unwrap();
    assert_eq!(ids(&mut raw), [1, 2, 3, 4]);
    assert!(back.send(Packet::new(&frame(1, 9, 300), Checksum::Unknown)));
    back.flush().unwrap();
    assert_eq!(ids(&mut raw), [5]);
    assert_eq!((back.rx_statistics().packets, back.rx_statistics().bytes), (3, 16_600));
    raw.close(&mut back);
    drop(back);
    lab.finish();
}

/// Linux 6f5986bce5, for an interface.
#[test]
fn detached_interface_serves_until_closed() {
    let lab = Lab::new(1);
    let mut back = lab.back(0);
    let mut raw = Raw::connect(&lab, &mut back, &[]);
    let guest = &lab.guests[0];
    lab.world.detach(&guest.device);
    for front in [4, 5] {
        guest.domain.store().write(format!("{}/state", guest.device.frontend_path()), front).unwrap();
        lab.settle(&mut back, &mut |_: Packet<'_>| {}).unwrap();
        assert_eq!((lab.states(), back.is_connected()), ((front, 5), true));
        let slot = raw.slot(front as u16, 60, LAST);
        let (_, packets, responses) = raw.transmit(&mut back, &[slot]);
        assert_eq!((packets.len(), responses.len()), (1, 1));
        assert_eq!(responses[0].status, NetifStatus::OKAY);
        raw.post([0]);
        assert!(back.send(Packet::new(&frame(1, 9, 200), Checksum::Unknown)));
        back.flush().unwrap();
        assert_eq!(raw.received().len(), 1);
    }
    guest.domain.store().write(format!("{}/state", guest.device.frontend_path()), 6).unwrap();
    lab.settle(&mut back, &mut |_: Packet<'_>| {}).unwrap();
    assert!(!back.is_connected());
    raw.reclaim();
    drop(back);
    lab.finish();
}

#[test]
fn restless_frontend_does_not_extend_close() {
    let lab = Lab::new(1);
    let mut back = lab.back(0);
    let mut raw = Raw::connect(&lab, &mut back, &[]);
    let broken = [raw.slot(0, 100, MORE)];
    assert!(raw.transmit(&mut back, &broken).0.is_err());
    let guest = &lab.guests[0];
    let start = lab.driver.now();
    for state in [3, 4, 5, 7, 8].into_iter().cycle() {
        guest.domain.store().write(format!("{}/state", guest.device.frontend_path()), state).unwrap();
        back.poll(lab.driver.now(), &mut |_: Packet<'_>| {}).unwrap();
        if lab.states().1 == 6 {
            break;
        }
        assert!(lab.driver.now() < start + Duration::from_secs(33));
        lab.world.run_for(Duration::from_secs(3));
    }
    raw.reclaim();
    drop(back);
    lab.finish();
}

#[test]
fn removal_follows_unmapping() {
    let lab = Lab::new(1);
    let trace = Arc::new(TraceCalls::default());
    let driver = Interposed::new(lab.driver.clone(), trace.clone());
    let store = XenStore::new(driver.clone(), start::xenstore_ring(driver).unwrap()).unwrap();
    let guest = &lab.guests[0];
    let id = DeviceId { guest: guest.domain.id(), device: guest.device.id };
    let mut back = Netback::new(Backend::open(&store, "vif", id).unwrap()).unwrap();
    let mut front = lab.front(0);
    while front.poll(guest.domain.now()).unwrap() != Link::Up {
        back.poll(lab.driver.now(), &mut |_: Packet<'_>| {}).unwrap();
        lab.pass();
    }
    trace.take();
    back.remove().unwrap();
    let calls = trace.take();
    let first = |op, command| calls.iter().position(|call| (call.0, call.1) == (op, command));
    let unmapped = first(HYPERVISOR_GRANT_TABLE_OP, GNTTABOP_UNMAP_GRANT_REF);
    let asked = first(HYPERVISOR_EVENT_CHANNEL_OP, EVTCHNOP_SEND);
    assert!(unmapped.is_some() && unmapped < asked, "{calls:?}");
    drop((front, store));
    lab.finish();
}

/// Counts the calls of `GNTTABOP_copy` and their copies.
#[derive(Default)]
struct Copies {
    calls: AtomicUsize,
    copies: AtomicUsize,
}

impl Copies {
    fn take(&self) -> (usize, usize) {
        [&self.calls, &self.copies].map(|count| count.swap(0, Ordering::Relaxed)).into()
    }
}

impl Interpose for Copies {
    fn result(&self, call: &Call, _result: isize) {
        if (call.op, call.command()) == (HYPERVISOR_GRANT_TABLE_OP, GNTTABOP_COPY) {
            self.calls.fetch_add(1, Ordering::Relaxed);
            self.copies.fetch_add(call.args[2], Ordering::Relaxed);
        }
    }
}

#[test]
fn batches_copy_each_page_once() {
    let lab = Lab::new(1);
    let copies = Arc::new(Copies::default());
    let driver = Interposed::new(lab.driver.clone(), copies.clone());
    let store = XenStore::new(driver.clone(), start::xenstore_ring(driver).unwrap()).unwrap();
    let guest = &lab.guests[0];
    let id = DeviceId { guest: guest.domain.id(), device: guest.device.id };
    let mut back = Netback::new(Backend::open(&store, "vif", id).unwrap()).unwrap();
    let mut front = lab.front(0);
    while front.poll(guest.domain.now()).unwrap() != Link::Up {
        back.poll(lab.driver.now(), &mut |_: Packet<'_>| {}).unwrap();
        lab.pass();
    }
    // Two and a half packets of this size fill a page, and none of them lies in two.
    let sent = frame(9, 1, 1500);
    (0..58).for_each(|_| front_send(&mut front, &sent));
    front.flush().unwrap();
    copies.take();
    let mut received = 0;
    while received < 58 {
        back.poll(lab.driver.now(), &mut |_: Packet<'_>| received += 1).unwrap();
    }
    // A batch ends where the largest packet would have no room.
    assert_eq!(copies.take(), (2, 58));
    for _ in 0..64 {
        assert!(back.send(Packet::new(&sent, Checksum::Unknown)));
    }
    back.flush().unwrap();
    assert_eq!(copies.take(), (1, 64));
    lab.pass();
    front.poll(guest.domain.now()).unwrap();
    assert_eq!(core::iter::from_fn(|| front.receive(&mut [0; 2048]).unwrap()).count(), 64);
    front.flush().unwrap();
    // One more copy than a hypercall has room for.
    for _ in 0..65 {
        assert!(back.send(Packet::new(&frame(9, 1, 60), Checksum::Unknown)));
    }
    back.flush().unwrap();
    assert_eq!(copies.take(), (2, 65));
    assert_eq!(back.rx_statistics().failed, 0);
    drop((front, back));
    drop(store);
    lab.finish();
}

#[test]
fn spanning_packets_fit_their_batch() {
    let lab = Lab::new(1);
    let mut back = lab.back(0);
    let mut raw = Raw::connect(&lab, &mut back, &[]);
    let calls = || lab.driver.counters().hypercalls[&HYPERVISOR_GRANT_TABLE_OP];
    raw.post((0..100).map(|id| id % 8));
    let before = calls();
    // The small one leaves most of its page free, and the others begin at the next.
    assert!(back.send(Packet::new(&frame(1, 9, 64), Checksum::Unknown)));
    for _ in 0..16 {
        assert!(back.send(Packet::new(&frame(1, 9, 8000), Checksum::Unknown)));
    }
    back.flush().unwrap();
    assert_eq!(calls() - before, 1, "33 copies");
    assert_eq!((back.rx_statistics().packets, back.rx_statistics().failed), (17, 0));
    assert_eq!(back.rx_statistics().bytes, 64 + 16 * 8000);
    raw.close(&mut back);
    drop(back);
    lab.finish();
}

#[test]
fn packet_longer_than_a_page_needs_sg() {
    let lab = Lab::new(1);
    let mut back = lab.back(0);
    let raw = Raw::connect(&lab, &mut back, &[("feature-sg", "0")]);
    for (len, taken) in [(0, false), (4096, true), (4097, false)] {
        let bytes = vec![0x5a; len];
        assert_eq!(back.send(Packet::new(&bytes, Checksum::Unknown)), taken, "{len} bytes");
    }
    assert_eq!((back.rx_statistics().refused, back.rx_statistics().overrun), (2, 0));
    raw.close(&mut back);
    drop(back);
    lab.finish();
}

#[test]
fn unfillable_checksum_is_refused() {
    let lab = Lab::new(1);
    let mut back = lab.back(0);
    let raw = Raw::connect(&lab, &mut back, &[("feature-no-csum-offload", "1")]);
    // No transport that has a checksum.
    assert!(!back.send(Packet::new(&frame(1, 9, 100), Checksum::Blank)));
    assert_eq!((back.rx_statistics().refused, back.rx_statistics().overrun), (1, 0));
    assert!(back.send(Packet::new(&tcp(1, 9, b"data"), Checksum::Blank)));
    assert_eq!(back.rx_statistics().refused, 1);
    raw.close(&mut back);
    drop(back);
    lab.finish();
}

/// Each end runs only when an event or its deadline wakes it.
#[test]
fn events_alone_carry_packets_both_ways() {
    let lab = Lab::new(1);
    let mut back = lab.back(0);
    let guest = &lab.guests[0];
    let mut front = lab.front(0);
    let (mut front_wait, mut back_wait) = (EventWait::new(&guest.domain), EventWait::new(&lab.driver));
    let (mut sent, mut echoed) = (0, 0);
    const PACKETS: usize = 500;
    let mut queue = std::collections::VecDeque::new();
    while echoed < PACKETS {
        if back_wait.take() {
            let mut received = Vec::new();
            let event =
                back.poll(lab.driver.now(), &mut |packet: Packet<'_>| received.push(packet.bytes.to_vec()));
            queue.extend(received);
            // A packet at a time, so that most of them need an event of their own.
            if let Some(packet) = queue.pop_front() {
                assert!(back.send(Packet::new(&packet, Checksum::Unknown)));
                back.flush().unwrap();
            }
            if event.unwrap() == NetbackEvent::Busy || !queue.is_empty() {
                back_wait.wake();
            }
            if let Some(deadline) = back.deadline(lab.driver.now()) {
                back_wait.wake_at(deadline);
            }
        } else if front_wait.take() {
            let link = front.poll(guest.domain.now()).unwrap();
            let mut buffer = [0; 2048];
            while let Some(packet) = front.receive(&mut buffer).unwrap() {
                assert_eq!(buffer[..packet.len], frame(9, 1, 100 + echoed % 1000));
                echoed += 1;
            }
            // Few in flight, so that each end sleeps often.
            while link == Link::Up && sent < PACKETS && sent < echoed + 3 {
                front_send(&mut front, &frame(9, 1, 100 + sent % 1000));
                sent += 1;
            }
            if front.final_check().unwrap() {
                front_wait.wake();
            }
        } else {
            let woken = run_until_due(&[&front_wait, &back_wait], Duration::from_secs(1));
            assert!(woken, "both ends sleep: {sent} sent, {echoed} echoed");
        }
    }
    lab.close(0, front, &mut back);
    drop(back);
    lab.finish();
}

#[test]
fn event_ends_wait_for_transmit_room() {
    let lab = Lab::new(1);
    let mut back = lab.back(0);
    let guest = &lab.guests[0];
    let config = Config { tx_slots: 4, ..Config::default() };
    let mut front = Net::open(&guest.store, &guest.grants, FrontVif(0), config).unwrap();
    let (mut front_wait, mut back_wait) = (EventWait::new(&guest.domain), EventWait::new(&lab.driver));
    let (mut sent, mut received) = (0, 0);
    while received < 200 {
        if back_wait.take() {
            let event = back.poll(lab.driver.now(), &mut |_: Packet<'_>| received += 1).unwrap();
            if event == NetbackEvent::Busy {
                back_wait.wake();
            }
        } else if front_wait.take() {
            let link = front.poll(guest.domain.now()).unwrap();
            while link == Link::Up
                && sent < 200
                && front.transmit(&frame(9, 1, 60), TxChecksum::Complete).is_ok()
            {
                sent += 1;
            }
            if front.final_check().unwrap() {
                front_wait.wake();
            }
        } else {
            let woken = run_until_due(&[&front_wait, &back_wait], Duration::from_secs(1));
            assert!(woken, "both ends sleep: {sent} sent, {received} received");
        }
    }
    lab.close(0, front, &mut back);
    drop(back);
    lab.finish();
}

#[test]
fn a_page_that_can_not_be_written_costs_its_packet_alone() {
    let lab = Lab::new(1);
    let mut back = lab.back(0);
    let mut raw = Raw::connect(&lab, &mut back, &[]);
    for (id, gref) in [(0, raw.data.refs()[0]), (1, GrantRef(600)), (2, raw.data.refs()[2])] {
        raw.rx.push(&NetifRxRequest { id, pad: 0, gref }).unwrap();
    }
    let _ = raw.rx.publish();
    for _ in 0..3 {
        back.send(Packet::new(&frame(1, 9, 200), Checksum::Unknown));
    }
    back.flush().unwrap();
    let status: Vec<i16> =
        core::iter::from_fn(|| raw.rx.pop().unwrap()).map(|response| response.status).collect();
    assert_eq!(status, [200, NetifStatus::ERROR.0, 200]);
    let found = back.rx_statistics();
    assert_eq!((found.packets, found.bytes, found.failed), (2, 400, 1));
    raw.close(&mut back);
    drop(back);
    lab.finish();
}
