//! Network interfaces against a backend in another domain, well-behaved and not.

mod backpressure;
mod carrier;
mod control;
mod large;
mod netback;
#[path = "../persistent/mod.rs"]
mod persistent;
mod queues;
mod round_trips;
mod waiting;

use core::time::Duration;
use netback::{Backend, Misbehaviour};
use persistent::while_peer_writes;
use xen_front::net::*;
use xen_grant::{DeferredGrants, GrantTable};
use xen_hypercall::{Instant, Platform, boot};
use xen_sim::{Device, Domain, DomainConfig, EventWait, Vif as VirtualVif, World};
use xen_store::XenStore;
use xen_sys::io::netif::{NetRxFlags, NetTxFlags, XenNetifCtrlRequest};
use xen_sys::xen::{HYPERVISOR_EVENT_CHANNEL_OP, HYPERVISOR_SCHED_OP};
use xenbus::XenbusError;

/// A world, a guest with what its drivers share, and an interface with its backend.
struct Fixture {
    world: World,
    guest: Domain,
    store: XenStore<Domain>,
    grants: GrantTable<Domain>,
    device: Device,
    back: Backend,
}

impl Fixture {
    fn new() -> Self {
        let world = World::new(1);
        let driver_domain = world.create_guest(DomainConfig::new("network"));
        let guest = world.create_guest(DomainConfig::new("guest"));
        let device = world.attach_vif(&guest, &driver_domain, &VirtualVif::new(0));
        let back = Backend::start(&world, &device);
        let store =
            XenStore::new(guest.clone(), boot::xenstore_ring(guest.clone()).unwrap()).unwrap();
        let grants = GrantTable::new(guest.clone()).unwrap();
        Self { world, guest, store, grants, device, back }
    }

    fn connect(&self, config: NetFrontConfig) -> Result<NetFront<Domain>, NetFrontError> {
        NetFront::connect(&self.store, &self.grants, Vif(0), config)
    }

    fn net(&self) -> NetFront<Domain> {
        self.connect(small()).unwrap()
    }

    fn error(&self) -> NetFrontError {
        self.connect(small()).map(drop).unwrap_err()
    }

    fn deadline(&self) -> Instant {
        self.guest.now() + Duration::from_secs(10)
    }

    fn set(&self, end: &str, key: &str, value: &str) {
        let path =
            if end == "front" { self.device.frontend_path() } else { self.device.backend_path() };
        self.world.store().write(format!("{path}/{key}"), value).unwrap();
    }

    fn remove(&self, end: &str, key: &str) {
        let path =
            if end == "front" { self.device.frontend_path() } else { self.device.backend_path() };
        self.world.store().remove(format!("{path}/{key}")).unwrap();
    }

    /// Sends packets to the guest.
    fn send(&self, packets: impl IntoIterator<Item = (Vec<u8>, NetRxFlags)>) {
        self.back.state().to_send.extend(packets);
        self.world.domain(self.device.backend).unwrap().kick();
        self.world.run_until_idle();
    }

    /// Polls and waits until the device is in the state `wanted`.
    fn wait_for(&self, net: &mut NetFront<Domain>, wanted: DeviceState) {
        let deadline = self.deadline();
        while net.poll(self.guest.now()).unwrap() != wanted {
            assert!(self.guest.now() < deadline, "{:?}", net.state());
            net.wait(Some(deadline));
        }
    }

    fn states(&self) -> (u32, u32) {
        self.world.device_states(&self.device)
    }

    /// Drops the services and checks that nothing was left behind.
    fn finish(self) {
        let Self { world, store, grants, .. } = self;
        assert_eq!(grants.retry_deferred(), DeferredGrants::default());
        drop((store, grants));
        assert_eq!(world.violations(), []);
    }
}

fn small() -> NetFrontConfig {
    NetFrontConfig::default()
        .with_rx_slots(24)
        .with_tx_slots(20)
        .with_timeout(Duration::from_secs(10))
}

fn packet(n: u8) -> Vec<u8> {
    vec![n; 60 + usize::from(n)]
}

fn received(net: &mut NetFront<Domain>) -> Vec<(Vec<u8>, ChecksumState)> {
    core::iter::from_fn(|| {
        net.receive_with(|packet, meta| (packet.to_vec(), meta.checksum)).unwrap()
    })
    .collect()
}

#[test]
fn interface_connects_transfers_and_closes() {
    let fixture = Fixture::new();
    assert_eq!(list::<4>(&fixture.store).unwrap(), [Vif(0)]);
    let free = fixture.grants.free();
    let mut net = fixture.net();
    assert!(fixture.world.is_connected(&fixture.device));
    assert_eq!(net.config(), small());
    assert_eq!((net.vif(), net.mac().0, net.mtu()), (Vif(0), [0, 0x16, 0x3e, 0, 0, 0], 1500));
    for round in 0..100 {
        net.transmit(&packet(round), PacketMeta::default()).unwrap();
        net.flush().unwrap();
        fixture.send([(packet(!round), NetRxFlags::DATA_VALIDATED)]);
        assert_eq!(
            fixture.back.state().received.pop_front(),
            Some((packet(round), NetTxFlags::empty()))
        );
        assert_eq!(received(&mut net), [(packet(!round), ChecksumState::Verified)]);
    }
    let NetFrontStatistics { rx_packets, rx_bytes, tx_packets, tx_bytes, .. } = net.statistics();
    assert_eq!((rx_packets, rx_bytes), (100, (0..100).map(|n| 60 + 255 - n).sum()));
    assert_eq!(tx_bytes, (0..100).map(|n| 60 + n).sum());
    assert!(tx_packets >= 80, "{tx_packets}");
    net.close_and_wait().unwrap();
    assert_eq!((fixture.states(), fixture.grants.free()), ((6, 6), free));
    fixture.finish();
}

#[test]
fn stale_nodes_are_replaced() {
    let fixture = Fixture::new();
    for key in ["multi-queue-num-queues", "event-channel", "ctrl-ring-ref", "feature-gso-tcpv6"] {
        fixture.set("front", key, "7");
    }
    fixture.net().close_and_wait().unwrap();
    let state = fixture.back.state();
    for key in [
        "request-rx-copy",
        "feature-rx-notify",
        "feature-sg",
        "feature-gso-tcpv4",
        "feature-gso-tcpv6",
        "feature-ipv6-csum-offload",
    ] {
        assert_eq!(state.seen(key), Some("1"), "{key}");
    }
    assert_eq!(state.seen("feature-no-csum-offload"), Some("0"));
    for key in ["multi-queue-num-queues", "event-channel", "ctrl-ring-ref"] {
        assert_eq!(state.seen(key), None, "{key}");
    }
    drop(state);
    for key in ["event-channel-tx", "event-channel-rx"] {
        fixture.set("front", key, "7");
    }
    let one_channel = small().with_split_event_channels(false);
    fixture.connect(one_channel).unwrap().close_and_wait().unwrap();
    for key in ["event-channel-tx", "event-channel-rx"] {
        assert_eq!(fixture.back.state().seen(key), None, "{key}");
    }
    let plain = |key| if key == "feature-no-csum-offload" { Some("1") } else { Some("0") };
    fixture.connect(small().with_checksum_offload(false)).unwrap().close_and_wait().unwrap();
    for key in ["feature-no-csum-offload", "feature-ipv6-csum-offload", "feature-gso-tcpv4"] {
        assert_eq!(fixture.back.state().seen(key), plain(key), "{key}");
    }
    // A packet of 18 slots and two extra ones would never fit.
    for config in [small().with_rx_slots(19), small().with_scatter_gather(false)] {
        fixture.connect(config).unwrap().close_and_wait().unwrap();
        for key in ["feature-sg", "feature-gso-tcpv4", "feature-gso-tcpv6"] {
            assert_eq!(fixture.back.state().seen(key), plain(key), "{key}");
        }
    }
    fixture.finish();
}

#[test]
fn batch_is_one_hypercall() {
    let fixture = Fixture::new();
    let mut net = fixture.net();
    fixture.world.run_until_idle();
    let before = fixture.guest.counters();
    for _ in 0..10 {
        for n in 0..20 {
            net.transmit(&packet(n), PacketMeta::new(ChecksumState::Partial)).unwrap();
        }
        net.flush().unwrap();
        fixture.send((0..20).map(|n| (packet(n), NetRxFlags::DATA_VALIDATED)));
        assert_eq!(received(&mut net).len(), 20);
        assert_eq!(net.final_check(), Ok(false));
    }
    let after = fixture.guest.counters();
    assert_eq!(fixture.back.state().received.len(), 200);
    assert_eq!(after.notifications - before.notifications, 10);
    assert_eq!(after.pages_allocated, before.pages_allocated);
    for (op, count) in &after.hypercalls {
        let made = count - before.hypercalls.get(op).unwrap_or(&0);
        let allowed = [HYPERVISOR_EVENT_CHANNEL_OP, HYPERVISOR_SCHED_OP].contains(op);
        assert!(made == 0 || allowed, "hypercall {op}: {made}");
    }
    net.close_and_wait().unwrap();
    fixture.finish();
}

#[test]
fn full_transmit_ring_wakes_waiter() {
    let fixture = Fixture::new();
    let mut net = fixture.net();
    fixture.back.state().misbehaviour = Misbehaviour::Silent;
    for n in 0..20 {
        net.transmit(&packet(n), PacketMeta::default()).unwrap();
    }
    assert_eq!(net.transmit(&packet(0), PacketMeta::default()), Err(TxError::Full));
    assert_eq!(net.final_check(), Ok(false));
    fixture.back.state().misbehaviour = Misbehaviour::None;
    fixture.world.domain(fixture.device.backend).unwrap().kick();
    let start = fixture.guest.now();
    net.wait(Some(fixture.deadline()));
    assert!(
        fixture.guest.now() < start + Duration::from_secs(1),
        "woken up by an event, not by the deadline"
    );
    net.transmit(&packet(0), PacketMeta::default()).unwrap();
    net.close_and_wait().unwrap();
    fixture.finish();
}

#[test]
fn address_and_mtu_have_fallbacks() {
    let fixture = Fixture::new();
    fixture.set("back", "mac", "00:16:3e:12:34:56");
    assert_eq!(fixture.net().mac().to_string(), "00:16:3e:00:00:00");
    fixture.remove("front", "mac");
    assert_eq!(fixture.net().mac().to_string(), "00:16:3e:12:34:56");
    for (found, expected) in [
        ("1400", 1400),
        ("9000", 9000),
        ("65517", 65517),
        ("65518", 65517),
        ("4294967295", 65517),
        ("0", 1500),
        ("-1", 1500),
        ("many", 1500),
        ("", 1500),
    ] {
        fixture.set("front", "mtu", found);
        fixture.set("back", "mtu", found);
        assert_eq!(fixture.net().mtu(), expected, "{found}");
        // Without scatter-gather in either direction, a large packet cannot be exchanged.
        for config in [small().with_scatter_gather(false), small().with_rx_slots(19)] {
            let mtu = fixture.connect(config).unwrap().mtu();
            assert_eq!(mtu, expected.min(1500), "{found}");
        }
    }
    fixture.set("front", "mac", "ff:ff:ff:ff:ff:ff");
    assert!(matches!(fixture.error(), NetFrontError::Mac(MacError::NotUnicast(_))));
    fixture.set("front", "mac", "a rather long text that is no Ethernet address");
    assert_eq!(fixture.error(), NetFrontError::Mac(MacError::Syntax { at: 1 }));
}

#[test]
fn failed_open_has_reason() {
    let fixture = Fixture::new();
    let open = |vif, config| {
        NetFront::connect(&fixture.store, &fixture.grants, vif, config).map(drop).unwrap_err()
    };
    let missing = open(Vif(3), small());
    assert!(
        matches!(missing, NetFrontError::Xenbus(XenbusError::Store(error)) if error.is_not_found()),
        "{missing}"
    );
    for found in [0, 257, u16::MAX] {
        assert_eq!(open(Vif(0), small().with_rx_slots(found)), NetFrontError::Slots { found });
        assert_eq!(open(Vif(0), small().with_tx_slots(found)), NetFrontError::Slots { found });
    }
    fixture.finish();
}

#[test]
fn backend_without_copy_is_refused() {
    let fixture = Fixture::new();
    fixture.back.state().set("feature-rx-copy", 0);
    assert_eq!(fixture.error(), NetFrontError::NoRxCopy);
    let home = format!("/local/domain/{}", fixture.guest.id());
    let told = fixture.world.store().read(format!("{home}/error/device/vif/0/error")).unwrap();
    assert_eq!(told, NetFrontError::NoRxCopy.to_string());
    fixture.finish();
}

#[test]
fn late_backend_connects_after_timeout() {
    let fixture = Fixture::new();
    fixture.set("back", "state", "1");
    fixture.back.state().misbehaviour = Misbehaviour::NeverReady;
    fixture.world.run_until_idle();
    fixture.set("back", "state", "1");
    let start = fixture.guest.now();
    let error = fixture.error();
    assert!(matches!(error, NetFrontError::Xenbus(XenbusError::Timeout { .. })), "{error}");
    assert!(fixture.guest.now() >= start + Duration::from_secs(10));
    fixture.back.state().misbehaviour = Misbehaviour::None;
    fixture.net().close_and_wait().unwrap();
    fixture.finish();
}

/// Lets the control domain switch the backend's state among `states`, so often that no step of ten
/// seconds ever passes.
fn restless(fixture: &Fixture, states: &'static [u32]) -> impl FnMut(u32) + Send + use<> {
    let (store, path) = (fixture.world.store(), format!("{}/state", fixture.device.backend_path()));
    move |round| store.write(&path, states[round as usize % states.len()]).unwrap()
}

const LIMIT: Duration = Duration::from_secs(11);
const PERIOD: Duration = Duration::from_secs(3);

#[test]
fn restless_backend_does_not_extend_connect() {
    for states in [&[2, 3][..], &[1, 2], &[4, 5], &[5, 6, 1], &[7, 8, 2, 77]] {
        let fixture = Fixture::new();
        // What the backend offers is there, and its own task does not interfere.
        fixture.world.run_until_idle();
        fixture.world.pause(fixture.device.backend);
        let path = format!("{}/state", fixture.device.backend_path());
        fixture.world.store().write(path, states[0]).unwrap();
        let error =
            while_peer_writes(&fixture.world, LIMIT, PERIOD, restless(&fixture, states), || {
                fixture.error()
            });
        assert!(matches!(error, NetFrontError::Xenbus(_)), "{error}");
        fixture.world.unpause(fixture.device.backend);
        fixture.finish();
    }
}

#[test]
fn restless_backend_does_not_extend_close() {
    for states in [&[2, 4][..], &[1, 3], &[4, 5], &[4, 7, 8]] {
        let fixture = Fixture::new();
        let net = fixture.net();
        fixture.world.pause(fixture.device.backend);
        let closed =
            while_peer_writes(&fixture.world, LIMIT, PERIOD, restless(&fixture, states), || {
                net.close_and_wait()
            });
        assert!(
            matches!(closed, Err(NetFrontError::Xenbus(XenbusError::Timeout { .. }))),
            "{closed:?}"
        );
        assert_eq!(fixture.states().0, 6);
        // Once the backend runs again, it finds the frontend closed and unmaps the rings.
        fixture.set("back", "state", "4");
        fixture.world.unpause(fixture.device.backend);
        fixture.world.run_until_idle();
        fixture.finish();
    }
}

#[test]
fn close_waits_for_its_whole_timeout() {
    let fixture = Fixture::new();
    let net = fixture.net();
    fixture.world.pause(fixture.device.backend);
    let start = fixture.guest.now();
    let closed = net.close_and_wait();
    assert!(
        matches!(closed, Err(NetFrontError::Xenbus(XenbusError::Timeout { .. }))),
        "{closed:?}"
    );
    let waited = fixture.guest.now().saturating_duration_since(start);
    assert!(waited >= LIMIT - Duration::from_secs(1) && waited <= LIMIT, "{waited:?}");
    fixture.world.unpause(fixture.device.backend);
    fixture.world.run_until_idle();
    fixture.finish();
}

#[test]
fn unplugged_interface_closes() {
    let fixture = Fixture::new();
    let mut net = fixture.net();
    fixture.world.detach(&fixture.device);
    fixture.world.run_for(Duration::from_millis(10));
    fixture.wait_for(&mut net, DeviceState::Closed);
    assert_eq!(net.transmit(&packet(1), PacketMeta::default()), Err(TxError::Down));
    assert_eq!(received(&mut net), []);
    net.close_and_wait().unwrap();
    fixture.finish();
}

#[test]
fn removed_interface_is_closed() {
    let fixture = Fixture::new();
    let mut net = fixture.net();
    fixture.world.remove_device(&fixture.device);
    fixture.wait_for(&mut net, DeviceState::Unplugged);
    net.close_and_wait().unwrap();
    fixture.finish();
}

/// D-N01.
#[test]
fn broken_device_connects_again() {
    let fixture = Fixture::new();
    for receive in [false, true] {
        let mut net = fixture.net();
        fixture.back.state().misbehaviour = Misbehaviour::WrongId(0x4000);
        let broken = if receive {
            fixture.send([(packet(1), NetRxFlags::empty())]);
            net.receive(&mut [0; 2048]).unwrap_err()
        } else {
            (0..20).for_each(|n| net.transmit(&packet(n), PacketMeta::default()).unwrap());
            net.flush().unwrap();
            fixture.world.run_until_idle();
            match net.transmit(&packet(1), PacketMeta::default()) {
                Err(TxError::Broken(broken)) => broken,
                other => panic!("{other:?}"),
            }
        };
        let expected = if receive {
            ProtocolError::RxId { found: 0x4000, expected: 0 }
        } else {
            ProtocolError::TxId { found: 0x4010 }
        };
        assert_eq!(broken, expected);
        assert_eq!(net.poll(fixture.guest.now()), Err(NetFrontError::Broken(broken)));
        fixture.wait_for(&mut net, DeviceState::Closed);
        net.close_and_wait().unwrap();
        fixture.back.state().misbehaviour = Misbehaviour::None;
        fixture.back.state().to_send.clear();
    }
    let mut net = fixture.net();
    fixture.send([(packet(5), NetRxFlags::empty())]);
    assert_eq!(received(&mut net), [(packet(5), ChecksumState::Unknown)]);
    net.close_and_wait().unwrap();
    fixture.finish();
}

#[test]
fn mapped_rings_are_deferred() {
    let fixture = Fixture::new();
    let net = fixture.net();
    fixture.back.state().misbehaviour = Misbehaviour::KeepMapped;
    assert_eq!(net.close_and_wait(), Err(NetFrontError::InUse { allocations: 2 }));
    assert_eq!(fixture.grants.retry_deferred(), DeferredGrants { waiting: 2, lost: 0 });
    fixture.back.state().unmap();
    fixture.finish();
}

#[test]
fn mapped_buffers_are_reported_by_close() {
    let fixture = Fixture::new();
    let mut net = fixture.net();
    fixture.back.state().misbehaviour = Misbehaviour::KeepMapped;
    // Of each direction, one of the two allocations has a buffer that stays mapped.
    net.transmit(&packet(1), PacketMeta::default()).unwrap();
    net.flush().unwrap();
    fixture.send([(packet(2), NetRxFlags::empty())]);
    assert_eq!(net.close_and_wait(), Err(NetFrontError::InUse { allocations: 4 }));
    assert_eq!(fixture.grants.retry_deferred(), DeferredGrants { waiting: 4, lost: 0 });
    fixture.back.state().unmap();
    fixture.finish();
}

#[test]
fn empty_receive_posts_buffers_again() {
    let fixture = Fixture::new();
    let mut net = fixture.connect(small().with_rx_slots(1)).unwrap();
    type Receive = fn(&mut NetFront<Domain>) -> Option<usize>;
    let ways: [Receive; 2] = [
        |net| net.receive(&mut [0; 2048]).unwrap().map(|packet| packet.len),
        |net| net.receive_with(|packet, _| packet.len()).unwrap(),
    ];
    for receive in ways {
        fixture.send([1, 2].map(|n| (packet(n), NetRxFlags::empty())));
        assert_eq!(receive(&mut net), Some(61));
        fixture.world.run_until_idle();
        assert_eq!(fixture.back.state().to_send.len(), 1, "no buffer is published yet");
        assert_eq!(receive(&mut net), None);
        fixture.world.run_until_idle();
        assert_eq!((receive(&mut net), receive(&mut net)), (Some(62), None));
    }
    net.close_and_wait().unwrap();
    fixture.finish();
}

#[test]
fn transmit_limit_follows_mtu() {
    let fixture = Fixture::new();
    fixture.set("front", "mtu", "1400");
    let mut net = fixture.net();
    // An Ethernet header and a VLAN tag come on top.
    let transmit =
        |net: &mut NetFront<Domain>, len| net.transmit_with(len, PacketMeta::default(), |_| ());
    assert_eq!(transmit(&mut net, 1418), Ok(()));
    // A packet that can't be sent is not asked for.
    let refused = |net: &mut NetFront<Domain>, len| {
        net.transmit_with(len, PacketMeta::default(), |_| panic!("{len} bytes"))
    };
    let too_long = TxError::TooLong { len: 1419, limit: 1418 };
    assert_eq!(refused(&mut net, 1419), Err::<(), _>(too_long));
    assert_eq!(refused(&mut net, 13), Err::<(), _>(TxError::TooShort { len: 13 }));
    net.close_and_wait().unwrap();
    fixture.finish();
}

#[test]
fn whole_rings_can_be_used() {
    let fixture = Fixture::new();
    let config = small().with_rx_slots(MAX_SLOTS).with_tx_slots(MAX_SLOTS);
    let mut net = fixture.connect(config).unwrap();
    assert_eq!(net.tx_free(), 256);
    (0..=255).for_each(|n| net.transmit(&packet(n), PacketMeta::default()).unwrap());
    assert_eq!(net.tx_free(), 0);
    net.flush().unwrap();
    fixture.send((0..=255).map(|n| (packet(n), NetRxFlags::empty())));
    assert_eq!(fixture.back.state().received.len(), 256);
    assert_eq!(received(&mut net).len(), 256);
    net.close_and_wait().unwrap();
    fixture.finish();
}

#[test]
fn failed_reopen_is_repeated() {
    let fixture = Fixture::new();
    let mut net = fixture.net();
    fixture.set("front", "backend-id", "none");
    net.reopen();
    for _ in 0..2 {
        let error = loop {
            match net.poll(fixture.guest.now()) {
                Ok(state) => assert_eq!(state, DeviceState::Connecting),
                Err(error) => break error,
            }
            net.wait(Some(fixture.deadline()));
        };
        assert!(matches!(error, NetFrontError::Xenbus(XenbusError::Store(_))), "{error}");
        assert_eq!((net.state(), net.ports().len()), (DeviceState::Connecting, 0));
    }
    fixture.set("front", "backend-id", &fixture.device.backend.0.to_string());
    fixture.wait_for(&mut net, DeviceState::Connected);
    fixture.send([(packet(5), NetRxFlags::empty())]);
    assert_eq!(received(&mut net), [(packet(5), ChecksumState::Unknown)]);
    net.close_and_wait().unwrap();
    fixture.finish();
}

#[test]
fn configured_timeout_limits_each_step() {
    let fixture = Fixture::new();
    fixture.back.state().misbehaviour = Misbehaviour::NeverReady;
    let config = small().with_timeout(Duration::from_secs(7));
    let mut net = NetFront::new(&fixture.store, &fixture.grants, Vif(0), config).unwrap();
    for _ in 0..2 {
        let start = fixture.guest.now();
        // Xenstored answers, and the backend does not.
        for _ in 0..8 {
            assert_eq!(net.poll(start), Ok(DeviceState::Connecting));
            fixture.world.run_until_idle();
        }
        assert_eq!(net.poll_timeout(start), Some(start + config.timeout));
        assert_eq!(
            net.poll(start + Duration::from_nanos(6_999_999_999)),
            Ok(DeviceState::Connecting)
        );
        let error = net.poll(start + config.timeout).unwrap_err();
        assert!(matches!(error, NetFrontError::Xenbus(XenbusError::Timeout { .. })), "{error}");
        net.reopen();
    }
    fixture.back.state().misbehaviour = Misbehaviour::None;
    fixture.world.domain(fixture.device.backend).unwrap().kick();
    fixture.wait_for(&mut net, DeviceState::Connected);
    net.close_and_wait().unwrap();
    fixture.finish();
}

#[test]
fn checksums_are_offloaded_by_agreement() {
    let mut frame = vec![0; 12];
    frame.extend([8, 0, 0x45, 0, 0, 29, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    frame.extend([0, 7, 0, 7, 0, 9, 0, 0, 0x42]);
    for (offered, refused) in [(true, 0), (true, 1), (false, 0), (false, 1)] {
        let fixture = Fixture::new();
        fixture.back.state().set("feature-no-csum-offload", refused);
        let mut net = fixture.connect(small().with_checksum_offload(offered)).unwrap();
        net.transmit(&frame, PacketMeta::new(ChecksumState::Partial)).unwrap();
        net.flush().unwrap();
        fixture.world.run_until_idle();
        let (sent, flags) = fixture.back.state().received.pop_front().unwrap();
        let blank = offered && refused == 0;
        assert_eq!(flags.contains(NetTxFlags::CSUM_BLANK), blank, "{offered}, {refused}");
        assert_eq!(checksum::verify(&sent), Some(!blank), "{offered}, {refused}");
        net.close_and_wait().unwrap();
        fixture.finish();
    }
}

#[test]
fn closed_interface_receives_nothing() {
    let fixture = Fixture::new();
    let mut net = fixture.net();
    // Two packets are in their buffers when the interface is unplugged.
    fixture.send([(packet(1), NetRxFlags::empty()), (packet(2), NetRxFlags::empty())]);
    fixture.world.detach(&fixture.device);
    // `NetFront::wait` does not wait while there are packets.
    let deadline = fixture.deadline();
    // The toolstack removes the interface once it is closed.
    while !matches!(
        net.poll(fixture.guest.now()).unwrap(),
        DeviceState::Closed | DeviceState::Unplugged
    ) {
        assert!(fixture.guest.now() < deadline, "{:?}", net.state());
        fixture.store.wait(deadline);
    }
    assert_eq!(net.receive(&mut [0; 2048]), Ok(None));
    assert_eq!(net.receive_with(|packet, _| packet.len()), Ok(None));
    assert_eq!(net.transmit_with(60, PacketMeta::default(), |_| ()), Err(TxError::Down));
    assert_eq!((net.flush(), net.final_check()), (Ok(()), Ok(false)));
    net.close_and_wait().unwrap();
    fixture.finish();
}

#[test]
fn new_connection_shows_no_old_bytes() {
    let fixture = Fixture::new();
    let mut net = fixture.net();
    net.transmit_with(200, PacketMeta::default(), |bytes| bytes.fill(0xaa)).unwrap();
    fixture.send([(vec![0xaa; 300], NetRxFlags::empty())]);
    assert_eq!(received(&mut net), [(vec![0xaa; 300], ChecksumState::Unknown)]);
    fixture.world.run_until_idle();
    net.reopen();
    fixture.wait_for(&mut net, DeviceState::Connected);
    fixture.world.run_until_idle();
    // What the caller does not write, and what the backend does not write.
    net.transmit_with(100, PacketMeta::default(), |_| ()).unwrap();
    net.flush().unwrap();
    fixture.back.state().misbehaviour = Misbehaviour::WritesNothing;
    fixture.send([(vec![0xbb; 400], NetRxFlags::empty())]);
    assert_eq!(received(&mut net), [(vec![0; 400], ChecksumState::Unknown)]);
    let sent = fixture.back.state().received.pop_back();
    assert_eq!(sent, Some((vec![0; 100], NetTxFlags::empty())));
    fixture.back.state().misbehaviour = Misbehaviour::None;
    net.close_and_wait().unwrap();
    fixture.finish();
}

#[test]
fn reopened_device_has_all_buffers_once() {
    let fixture = Fixture::new();
    let mut net = fixture.net();
    for round in 0..4 {
        assert_eq!((net.take_announcement(), net.take_announcement()), (round > 0, false));
        assert_eq!(net.tx_free(), 20);
        fixture.back.state().misbehaviour = Misbehaviour::Silent;
        (0..20).for_each(|n| net.transmit(&packet(n), PacketMeta::default()).unwrap());
        assert_eq!(net.transmit(&packet(0), PacketMeta::default()), Err(TxError::Full), "{round}");
        net.flush().unwrap();
        fixture.world.run_until_idle();
        let before = net.statistics();
        net.reopen();
        assert!(before.tx_bytes > 0 && net.statistics() == before);
        fixture.wait_for(&mut net, DeviceState::Connected);
        fixture.back.state().misbehaviour = Misbehaviour::None;
    }
    // What was in flight is lost, and what is sent now arrives once and is answered once.
    (0..20).for_each(|n| net.transmit(&packet(n), PacketMeta::default()).unwrap());
    net.flush().unwrap();
    fixture.world.run_until_idle();
    let sent: Vec<_> = fixture.back.state().received.drain(..).map(|(packet, _)| packet).collect();
    assert_eq!(sent, (0..20).map(packet).collect::<Vec<_>>());
    let before = net.statistics().tx_packets;
    (0..20).for_each(|n| net.transmit(&packet(n), PacketMeta::default()).unwrap());
    assert_eq!(net.statistics().tx_packets - before, 20);
    // As many packets arrive as there are buffers, and no more.
    fixture.send((0..30).map(|n| (packet(n), NetRxFlags::empty())));
    assert_eq!(received(&mut net).len(), 24);
    net.close_and_wait().unwrap();
    fixture.finish();
}

/// Each end runs only when an event or its deadline wakes it.
#[test]
fn events_alone_carry_packets() {
    let fixture = Fixture::new();
    let mut net = NetFront::new(&fixture.store, &fixture.grants, Vif(0), small()).unwrap();
    let mut wait = EventWait::new(&fixture.guest);
    let (mut sent, mut got) = (0, 0);
    let done = wait.clone().run_until(fixture.deadline(), || {
        let link = net.poll(fixture.guest.now()).unwrap();
        got += received(&mut net).len();
        while link == DeviceState::Connected
            && sent < 200
            && net.transmit(&packet(7), PacketMeta::default()).is_ok()
        {
            fixture.back.state().to_send.push_back((packet(9), NetRxFlags::empty()));
            sent += 1;
        }
        if net.final_check().unwrap() {
            wait.wake();
        }
        sent == 200 && got == 200
    });
    assert!(done, "{sent} sent, {got} received");
    net.close_and_wait().unwrap();
    fixture.finish();
}

#[test]
fn connected_interface_notifies_backend() {
    let fixture = Fixture::new();
    for split in [false, true] {
        let net = fixture.connect(small().with_split_event_channels(split)).unwrap();
        fixture.world.run_until_idle();
        // A port is pending when it is bound; the other event is for a backend that has read the
        // rings before.
        assert_eq!(core::mem::take(&mut fixture.back.state().events), 2 * (1 + u32::from(split)));
        net.close_and_wait().unwrap();
    }
    fixture.finish();
}

#[test]
fn dropped_interface_connects_again() {
    let fixture = Fixture::new();
    for _ in 0..3 {
        drop(fixture.net());
    }
    let mut net = fixture.net();
    fixture.send([(packet(5), NetRxFlags::empty())]);
    assert_eq!(received(&mut net), [(packet(5), ChecksumState::Unknown)]);
    net.close_and_wait().unwrap();
    fixture.finish();
}

/// D-N03.
#[test]
fn burst_beyond_buffers_arrives() {
    let fixture = Fixture::new();
    let mut net = fixture.net();
    let sent: Vec<_> = (0..100).map(|n| (packet(n), NetRxFlags::empty())).collect();
    fixture.send(sent.clone());
    let mut got = Vec::new();
    while got.len() < 100 {
        let start = fixture.guest.now();
        got.extend(received(&mut net).into_iter().map(|(packet, _)| packet));
        net.wait(Some(fixture.deadline()));
        assert!(
            got.len() == 100 || fixture.guest.now() < start + Duration::from_secs(1),
            "no stall"
        );
    }
    assert!(got.iter().zip(&sent).all(|(got, (sent, _))| got == sent));
    net.close_and_wait().unwrap();
    fixture.finish();
}

#[cfg(feature = "embassy-net-driver")]
mod embassy;
#[cfg(feature = "smoltcp")]
mod tcp;
