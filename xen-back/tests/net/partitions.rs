//! Packets in all partitions into slots (D-N11, XSA-432).

use super::fixture::Fixture;
use super::raw::{LAST, MORE, Raw};
use xen_back::net::NetBack;
use xen_sim::Domain;
use xen_sys::io::netif::{
    NetTxFlags, NetifExtraFlags, NetifExtraInfo, NetifExtraType, NetifStatus, NetifTxRequest,
};
use zerocopy::IntoBytes;

/// Slots that are sent at a time.
const ROUND: usize = 240;

/// Frontend whose packets must arrive unchanged.
struct Sender<'a, 'b> {
    raw: Raw<'a>,
    back: &'b mut NetBack<Domain>,
    content: Vec<u8>,
    slots: Vec<NetifTxRequest>,
    expected: Vec<Vec<u8>>,
    sent: usize,
}

impl<'a, 'b> Sender<'a, 'b> {
    fn new(fixture: &'a Fixture, back: &'b mut NetBack<Domain>) -> Self {
        let raw = Raw::connect(fixture, back, &[]);
        let content: Vec<u8> =
            (0..8 * 4096usize).map(|index| (index / 7 + index / 4096 * 3) as u8).collect();
        raw.data.as_ref().copy_from(0, &content).unwrap();
        Self { raw, back, content, slots: Vec::new(), expected: Vec::new(), sent: 0 }
    }

    /// Sends a packet, with `extras` of hashes behind its first slot.
    fn send(&mut self, sizes: &[u16], extras: usize) {
        if self.slots.len() + sizes.len() + extras > ROUND {
            self.flush();
        }
        let mut bytes = Vec::new();
        for (index, &size) in sizes.iter().enumerate() {
            // At the end of its page, or at its start.
            let offset = if (self.sent + index).is_multiple_of(2) { 4096 - size } else { 0 };
            let id = ((self.sent + index) % 8) as u16;
            let at = usize::from(id) * 4096 + usize::from(offset);
            bytes.extend_from_slice(&self.content[at..at + usize::from(size)]);
            let mut slot = NetifTxRequest { offset, ..self.raw.slot(id, size, MORE) };
            if index + 1 == sizes.len() {
                slot.flags = LAST;
            }
            if index == 0 {
                slot.size = sizes.iter().sum();
                if extras > 0 {
                    slot.flags |= NetTxFlags::EXTRA_INFO;
                }
            }
            self.slots.push(slot);
            for extra in (0..extras).filter(|_| index == 0) {
                let more = if extra + 1 < extras { 1 } else { 0 };
                let info = NetifExtraInfo {
                    type_: NetifExtraType::HASH,
                    flags: NetifExtraFlags(more),
                    u: [0x0101, 1, 2],
                };
                let mut slot = NetifTxRequest::default();
                slot.as_mut_bytes()[..8].copy_from_slice(info.as_bytes());
                self.slots.push(slot);
            }
        }
        self.expected.push(bytes);
        self.sent += 1;
    }

    fn flush(&mut self) {
        let (_, packets, responses) = self.raw.transmit(self.back, &self.slots);
        assert!(packets == self.expected, "before packet {}", self.sent);
        assert_eq!(responses.len(), self.slots.len());
        let answered = [NetifStatus::OKAY, NetifStatus::NULL];
        assert!(responses.iter().all(|response| answered.contains(&response.status)));
        self.slots.clear();
        self.expected.clear();
    }

    fn finish(mut self) -> usize {
        self.flush();
        let Self { raw, back, sent, .. } = self;
        assert_eq!(back.tx_statistics().packets, sent as u64);
        assert_eq!((back.tx_statistics().refused, back.tx_statistics().failed), (0, 0));
        raw.close(back);
        sent
    }
}

#[test]
fn small_packets_in_any_slots_arrive() {
    let fixture = Fixture::new(1);
    let mut back = fixture.back(0);
    let mut sender = Sender::new(&fixture, &mut back);
    for len in 60..=128u16 {
        sender.send(&[len], 0);
        for first in 0..=len {
            sender.send(&[first, len - first], usize::from(first % 5));
            // A second cut at several places, slots of no bytes among them.
            for second in (0..=len - first).step_by(23) {
                sender.send(&[first, second, len - first - second], 0);
            }
        }
        for count in 4..=18u16 {
            // All of one byte, and the rest in each place in turn.
            for large in 0..count {
                let size = |index| if index == large { len - (count - 1) } else { 1 };
                sender.send(&(0..count).map(size).collect::<Vec<_>>(), usize::from(count % 3));
            }
        }
    }
    assert!(sender.finish() > 30_000);
    drop(back);
    fixture.finish();
}

#[test]
fn largest_packets_in_any_slots_arrive() {
    let fixture = Fixture::new(1);
    let mut back = fixture.back(0);
    let mut sender = Sender::new(&fixture, &mut back);
    for len in [65_535u32, 65_534, 61_441] {
        for count in 16..=18usize {
            // Whole pages, the remainder in each place in turn, and slots of no bytes behind it.
            let pages = (len / 4096) as usize;
            for place in 0..count {
                let mut sizes = vec![4096u16; pages];
                sizes.push((len % 4096) as u16);
                sizes.resize(count, 0);
                sizes.rotate_right(place);
                sender.send(&sizes, place % 2);
            }
            // Slots of about the same size.
            let each = len.div_ceil(count as u32).min(4096) as u16;
            let mut left = len;
            let sizes = (0..count).map(|_| {
                let size = left.min(u32::from(each)) as u16;
                left -= u32::from(size);
                size
            });
            let sizes: Vec<_> = sizes.collect();
            sender.send(&sizes, 4);
        }
    }
    sender.finish();
    drop(back);
    fixture.finish();
}
