//! A client made by hand, for what a real one does only now and then.

use super::*;
use crate::nic::Nic;
use smoltcp::iface::{Config, Interface};
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::time::Instant;
use smoltcp::wire::*;
use xen_back::net::{ChecksumState, Packet, PacketMeta};

const OWN: Ipv4Address = Ipv4Address::new(10, 1, 0, 1);
const CLIENT: Ipv4Address = Ipv4Address::new(10, 1, 0, 2);
const OWN_MAC: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 1]);
const CLIENT_MAC: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 2]);

/// Segment of a server: number and length of the data, end of the window.
struct Heard {
    seq: TcpSeqNumber,
    data: usize,
    edge: TcpSeqNumber,
}

struct Client {
    nic: Nic,
    interface: Interface,
    sockets: SocketSet<'static>,
    servers: Servers,
    /// Shift of the server's window, from its first segment.
    scale: u8,
}

/// Returns a frame of the client's, to be filled in.
fn ethernet(ethertype: EthernetProtocol, len: usize) -> Vec<u8> {
    let mut frame = vec![0; EthernetFrame::<&[u8]>::buffer_len(len)];
    let (src_addr, dst_addr) = (CLIENT_MAC, OWN_MAC);
    EthernetRepr { src_addr, dst_addr, ethertype }
        .emit(&mut EthernetFrame::new_unchecked(&mut frame));
    frame
}

impl Client {
    fn new() -> Self {
        let (mut nic, now) = (Nic::default(), Instant::ZERO);
        let mut interface = Interface::new(Config::new(OWN_MAC.into()), &mut nic, now);
        interface.update_ip_addrs(|addresses| addresses.push(IpCidr::new(OWN.into(), 24)).unwrap());
        let mut sockets = SocketSet::new(Vec::new());
        let mut servers = Servers::new(&mut sockets, 7, 0);
        servers.serve(&mut sockets);
        let who = ArpRepr::EthernetIpv4 {
            operation: ArpOperation::Request,
            source_hardware_addr: CLIENT_MAC,
            source_protocol_addr: CLIENT,
            target_hardware_addr: OWN_MAC,
            target_protocol_addr: OWN,
        };
        let mut frame = ethernet(EthernetProtocol::Arp, who.buffer_len());
        who.emit(&mut ArpPacket::new_unchecked(
            EthernetFrame::new_unchecked(&mut frame).payload_mut(),
        ));
        nic.receive(Packet::new(&frame, PacketMeta::new(ChecksumState::Verified)));
        interface.poll(now, &mut nic, &mut sockets);
        nic.drain(|_| ());
        Self { nic, interface, sockets, servers, scale: 0 }
    }

    /// Sends a segment, and returns what the server says to it.
    fn say(
        &mut self,
        control: TcpControl,
        seq: i32,
        ack: Option<TcpSeqNumber>,
        window_len: u16,
        data: &[u8],
    ) -> Vec<Heard> {
        let first = control == TcpControl::Syn;
        let tcp = TcpRepr {
            src_port: 5000,
            dst_port: 7,
            control,
            seq_number: TcpSeqNumber(seq),
            ack_number: ack,
            window_len,
            window_scale: first.then_some(0),
            max_seg_size: first.then_some(1460),
            sack_permitted: false,
            sack_ranges: [None; 3],
            timestamp: None,
            payload: data,
        };
        let ip = Ipv4Repr {
            src_addr: CLIENT,
            dst_addr: OWN,
            next_header: IpProtocol::Tcp,
            payload_len: tcp.buffer_len(),
            hop_limit: 64,
        };
        let mut frame = ethernet(EthernetProtocol::Ipv4, ip.buffer_len() + tcp.buffer_len());
        let mut ethernet = EthernetFrame::new_unchecked(&mut frame);
        let sums = ChecksumCapabilities::default();
        let mut packet = Ipv4Packet::new_unchecked(ethernet.payload_mut());
        ip.emit(&mut packet, &sums);
        let mut segment = TcpPacket::new_unchecked(packet.payload_mut());
        tcp.emit(&mut segment, &CLIENT.into(), &OWN.into(), &sums);
        self.nic.receive(Packet::new(&frame, PacketMeta::new(ChecksumState::Verified)));
        self.turns()
    }

    /// Runs the stack and the server until neither has output.
    fn turns(&mut self) -> Vec<Heard> {
        let mut heard = Vec::new();
        loop {
            self.interface.poll(Instant::ZERO, &mut self.nic, &mut self.sockets);
            let moved = self.servers.serve(&mut self.sockets);
            let (before, scale) = (heard.len(), &mut self.scale);
            self.nic.drain(|packet| {
                let ethernet = EthernetFrame::new_checked(packet.bytes).unwrap();
                let ip = Ipv4Packet::new_checked(ethernet.payload()).unwrap();
                let tcp = TcpPacket::new_checked(ip.payload()).unwrap();
                let repr = TcpRepr::parse(
                    &tcp,
                    &OWN.into(),
                    &CLIENT.into(),
                    &ChecksumCapabilities::ignored(),
                )
                .unwrap();
                *scale = repr.window_scale.unwrap_or(*scale);
                let ack = repr.ack_number.unwrap();
                let edge = ack + (usize::from(repr.window_len) << *scale);
                heard.push(Heard { seq: repr.seq_number, data: repr.payload.len(), edge });
            });
            if !moved && heard.len() == before {
                return heard;
            }
        }
    }
}

#[test]
fn client_that_filled_the_window_continues() {
    for size in [1448, 1447, 1001, 536] {
        let mut client = Client::new();
        let greeting = client.say(TcpControl::Syn, 0, None, 1001, &[]);
        let (start, mut edge, mut seq) = (greeting[0].seq + 1, greeting[0].edge.0, 1);
        while seq < edge {
            // As Linux does while acknowledgements are under way: all up to the last advertised
            // edge, even if that has gone back since.
            let known = edge;
            while seq < known {
                let data = vec![7; size.min((known - seq) as usize)];
                // It takes so much of the echo and no more, so in the end the server can't take
                // more either.
                let (taken, window) = if seq > 10_000 { (1001, 0) } else { (0, 1001) };
                let heard = client.say(TcpControl::None, seq, Some(start + taken), window, &data);
                edge = heard.iter().map(|heard| heard.edge.0).fold(edge, i32::max);
                seq += data.len() as i32;
            }
        }
        let more = client.say(TcpControl::None, seq, Some(start + 1001), u16::MAX, &[]);
        let echoed: usize = more.iter().map(|heard| heard.data).sum();
        assert!(
            echoed > 10_000,
            "{echoed} bytes after the client has room again; pieces of {size}"
        );
    }
}
