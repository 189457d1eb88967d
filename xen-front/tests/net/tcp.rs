//! smoltcp on both ends: on the device, and behind the backend.

use super::*;
use smoltcp::iface::{Config as IfaceConfig, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{self, Device as _, DeviceCapabilities, Medium};
use smoltcp::socket::tcp::{Socket, SocketBuffer};
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr};

/// The wire behind the backend. As in a domain beside the guest, packets have no checksums there.
struct Behind<'l> {
    back: &'l Backend,
    flags: NetRxFlags,
    /// Computes checksums, and then spoils every tenth packet.
    spoil: bool,
    count: u32,
    /// The packets from the device that stand for several on a wire.
    segmented: u32,
}

struct Received(Vec<u8>);
struct Sending<'b, 'l>(&'b mut Behind<'l>);

impl<'l> phy::Device for Behind<'l> {
    type RxToken<'t>
        = Received
    where
        Self: 't;
    type TxToken<'t>
        = Sending<'t, 'l>
    where
        Self: 't;

    fn receive(&mut self, _: smoltcp::time::Instant) -> Option<(Received, Sending<'_, 'l>)> {
        let (mut packet, flags) = self.back.state().received.pop_front()?;
        let info = self.back.state().received_info.pop_front()?;
        self.segmented += u32::from(info.1.is_some());
        // This end's stack reads complete packets.
        if flags.contains(NetTxFlags::CSUM_BLANK) {
            assert_ne!(checksum::verify(&packet), Some(true));
            assert!(checksum::complete(&mut packet));
        }
        Some((Received(packet), Sending(self)))
    }

    fn transmit(&mut self, _: smoltcp::time::Instant) -> Option<Sending<'_, 'l>> {
        Some(Sending(self))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = 1514;
        capabilities
    }
}

impl phy::RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

impl phy::TxToken for Sending<'_, '_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let Self(Behind { back, flags, spoil, count, .. }) = self;
        let mut packet = vec![0; len];
        let result = f(&mut packet);
        *count += 1;
        if checksum::verify(&packet).is_some() {
            if flags.contains(NetRxFlags::CSUM_BLANK) {
                // The pseudo-header's sum would be here.
                let at = if packet[12..14] == [8, 0] { 50 } else { 70 };
                packet[at..at + 2].copy_from_slice(&[0x12, 0x34]);
            } else if *spoil && *count % 10 == 0 {
                *packet.last_mut().unwrap() ^= 0x55;
            }
        }
        // Packets of other protocols are complete.
        let flags = match checksum::verify(&packet) {
            None => NetRxFlags::empty(),
            Some(_) => *flags,
        };
        back.state().to_send.push_back((packet, flags));
        result
    }
}

fn end(device: &mut impl phy::Device, mac: [u8; 6], address: IpAddress) -> Interface {
    let config = IfaceConfig::new(EthernetAddress(mac).into());
    let mut iface = Interface::new(config, device, smoltcp::time::Instant::ZERO);
    iface.update_ip_addrs(|addresses| addresses.push(IpCidr::new(address, 24)).unwrap());
    iface
}

fn sockets() -> (SocketSet<'static>, SocketHandle) {
    let mut set = SocketSet::new(Vec::new());
    let buffer = || SocketBuffer::new(vec![0; 1 << 16]);
    let handle = set.add(Socket::new(buffer(), buffer()));
    (set, handle)
}

/// Bytes of a stream, and each of them.
pub(super) const BYTES: usize = 300_000;

pub(super) fn byte(at: usize) -> u8 {
    ((at * 31) >> 3) as u8
}

/// An echo server behind the backend.
pub(super) struct EchoServer<'l> {
    behind: Behind<'l>,
    iface: Interface,
    sockets: SocketSet<'static>,
    tcp: SocketHandle,
}

impl<'l> EchoServer<'l> {
    /// Listens at port 7 of `address`.
    pub(super) fn new(
        back: &'l Backend,
        address: IpAddress,
        flags: NetRxFlags,
        spoil: bool,
    ) -> Self {
        let mut behind = Behind { back, flags, spoil, count: 0, segmented: 0 };
        let iface = end(&mut behind, [2, 0, 0, 0, 0, 1], address);
        let (mut sockets, tcp) = sockets();
        sockets.get_mut::<Socket<'_>>(tcp).listen(7).unwrap();
        Self { behind, iface, sockets, tcp }
    }

    /// Does what can be done now.
    pub(super) fn turn(&mut self, now: Instant) {
        self.iface.poll(timestamp(now), &mut self.behind, &mut self.sockets);
        let socket = self.sockets.get_mut::<Socket<'_>>(self.tcp);
        if socket.can_recv() && socket.can_send() {
            let mut data = vec![0; socket.send_capacity() - socket.send_queue()];
            let count = socket.recv_slice(&mut data).unwrap();
            assert_eq!(socket.send_slice(&data[..count]), Ok(count));
        }
    }
}

/// Sends [`BYTES`] to an echo behind the backend; returns the packets that the device dropped for
/// their checksum, and the number of those that it sent as one for several.
fn echo(config: NetFrontConfig, flags: NetRxFlags, spoil: bool) -> (u64, u32) {
    let (here, there) = (IpAddress::v4(10, 0, 0, 2), IpAddress::v4(10, 0, 0, 1));
    echo_between(here, there, config, flags, spoil)
}

fn echo_between(
    here: IpAddress,
    there: IpAddress,
    config: NetFrontConfig,
    flags: NetRxFlags,
    spoil: bool,
) -> (u64, u32) {
    let fixture = Fixture::new();
    let mut net = fixture.connect(config).unwrap();
    let mut server = EchoServer::new(&fixture.back, there, flags, spoil);
    let mut iface = end(&mut net.phy(), net_mac(), here);
    let (mut set, tcp) = sockets();
    set.get_mut::<Socket<'_>>(tcp).connect(iface.context(), (there, 7), 50000).unwrap();
    let (mut sent, mut got) = (0, 0);
    for _ in 0..100_000 {
        if got == BYTES {
            break;
        }
        net.poll(fixture.guest.now()).unwrap();
        iface.poll(timestamp(fixture.guest.now()), &mut net.phy(), &mut set);
        let socket = set.get_mut::<Socket<'_>>(tcp);
        if socket.can_send() {
            let send = |room: &mut [u8]| {
                let count = room.len().min(BYTES - sent);
                (0..count).for_each(|at| room[at] = byte(sent + at));
                (count, count)
            };
            sent += socket.send(send).unwrap();
        }
        if socket.can_recv() {
            let check = |data: &mut [u8]| {
                assert!(data.iter().enumerate().all(|(at, found)| *found == byte(got + at)));
                (data.len(), data.len())
            };
            got += socket.recv(check).unwrap();
        }
        server.turn(fixture.guest.now());
        fixture.world.domain(fixture.device.backend).unwrap().kick();
        net.wait(Some(fixture.guest.now() + Duration::from_millis(10)));
        // What is lost is sent again after a time, and the kick above does not let any pass.
        fixture.world.run_for(Duration::from_millis(1));
    }
    assert_eq!((sent, got), (BYTES, BYTES));
    let (statistics, segmented) = (net.statistics(), server.behind.segmented);
    assert_eq!(net.phy().capabilities().max_transmission_unit, 1514);
    net.close_and_wait().unwrap();
    fixture.finish();
    assert_eq!(statistics.tx_segmented, u64::from(segmented));
    (statistics.rx_bad_checksum, segmented)
}

fn net_mac() -> [u8; 6] {
    [0, 0x16, 0x3e, 0, 0, 0]
}

#[test]
fn partial_checksums_carry_stream() {
    let flags = NetRxFlags::CSUM_BLANK | NetRxFlags::DATA_VALIDATED;
    let (dropped, segmented) = echo(small(), flags, false);
    assert_eq!((dropped, segmented > 3), (0, cfg!(feature = "smoltcp-segmentation")));
}

#[test]
fn ipv6_carries_stream() {
    let address = |last| IpAddress::v6(0xfd00, 0, 0, 0, 0, 0, 0, last);
    let partial = NetRxFlags::CSUM_BLANK | NetRxFlags::DATA_VALIDATED;
    let (bad, _) = echo_between(address(2), address(1), small(), partial, false);
    assert_eq!(bad, 0);
}

#[test]
fn complete_checksums_carry_stream() {
    let config = small().with_checksum_offload(false);
    assert_eq!(echo(config, NetRxFlags::DATA_VALIDATED, false), (0, 0));
}

#[test]
fn unchecked_corrupt_packet_is_dropped() {
    assert!(echo(small(), NetRxFlags::empty(), true).0 > 0);
}

#[test]
fn capabilities_follow_configuration() {
    let fixture = Fixture::new();
    fixture.set("front", "mtu", "1400");
    let mut net = fixture.net();
    let capabilities = net.phy().capabilities();
    assert_eq!(capabilities.medium, Medium::Ethernet);
    assert_eq!(capabilities.max_transmission_unit, 1414);
    assert_eq!(capabilities.max_burst_size, Some(24));
    #[cfg(feature = "smoltcp-segmentation")]
    assert_eq!(capabilities.segmentation.tcpv4.map(usize::from), Some(65535));
    // The backend or the driver computes these two, the stack that of IPv4.
    let phy::ChecksumCapabilities { ipv4, udp, tcp, .. } = capabilities.checksum;
    assert!(matches!((udp, tcp), (phy::Checksum::None, phy::Checksum::None)));
    assert!(matches!(ipv4, phy::Checksum::Both));
    net.close_and_wait().unwrap();
    fixture.finish();
}

#[test]
fn dropped_phy_flushes() {
    let fixture = Fixture::new();
    let mut net = fixture.net();
    let mut device = net.phy();
    let token = device.transmit(smoltcp::time::Instant::ZERO).unwrap();
    phy::TxToken::consume(token, 60, |packet| packet.fill(7));
    fixture.world.run_until_idle();
    assert_eq!(fixture.back.state().received.len(), 0);
    drop(device);
    fixture.world.run_until_idle();
    assert_eq!(fixture.back.state().received.pop_front(), Some((vec![7; 60], NetTxFlags::empty())));
    net.close_and_wait().unwrap();
    fixture.finish();
}

#[test]
fn timestamp_counts_whole_microseconds() {
    let now = Instant::from_nanos(1_234_567_890);
    assert_eq!(timestamp(now), smoltcp::time::Instant::from_micros(1_234_567));
}

#[test]
fn two_slots_are_enough_for_tcp() {
    assert_eq!(
        echo(small().with_rx_slots(1).with_tx_slots(1), NetRxFlags::DATA_VALIDATED, false).0,
        0
    );
}
