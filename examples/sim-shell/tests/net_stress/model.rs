//! The packets of both directions, and their content.

use super::rng::Rng;
use super::seeds;
use core::num::NonZeroU16;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard};
use xen_back::net::{ChecksumState, PacketMeta, Segmentation, SegmentationKind, checksum};

/// Bytes of the headers of Ethernet, IPv4 and TCP.
const HEADERS: usize = 54;

/// The most bytes of a packet that is not segmented.
const FRAME: usize = 1514;

/// The most payload of a segment.
const SEGMENT: u16 = 1448;

/// The direction of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    FromGuest,
    ToGuest,
}

/// Counters of a scenario.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    /// Packets and segments that have arrived, from the guest and to it.
    arrived: [u64; 2],
    /// Bytes of these.
    bytes: [u64; 2],
    /// Packets that were sent.
    sent: [u64; 2],
}

impl seeds::Tally for Tally {
    fn add(&mut self, other: &Self) {
        for (to, from) in [
            (&mut self.arrived, &other.arrived),
            (&mut self.bytes, &other.bytes),
            (&mut self.sent, &other.sent),
        ] {
            to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
        }
    }

    fn verified(&self) -> u64 {
        self.arrived.iter().sum()
    }
}

/// The packets that were sent in one direction.
#[derive(Debug, Default)]
struct Sent {
    /// The payload of each, by its number.
    lens: Vec<usize>,
    /// Number and offset of what has arrived.
    arrived: HashSet<(u32, u32)>,
}

/// The packets of a scenario.
#[derive(Debug, Default)]
pub(crate) struct Packets {
    sent: [Sent; 2],
    pub(crate) tally: Tally,
}

/// The packets of a scenario, for both ends.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model(Arc<Mutex<Packets>>);

impl Model {
    pub(crate) fn packets(&self) -> MutexGuard<'_, Packets> {
        self.0.lock().unwrap()
    }
}

fn macs(direction: Direction) -> [u8; 12] {
    let (guest, other) = ([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
    let (to, from) = match direction {
        Direction::FromGuest => (other, guest),
        Direction::ToGuest => (guest, other),
    };
    core::array::from_fn(|at| if at < 6 { to[at] } else { from[at - 6] })
}

/// Returns byte `at` of the payload of packet `number`.
fn content(direction: Direction, number: u32, at: usize) -> u8 {
    let word = (u64::from(number) << 32 | (at / 8) as u64) ^ direction as u64;
    let mixed = word.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ mixed >> 29).to_le_bytes()[at % 8]
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap())
}

impl Packets {
    /// Makes the next packet of a direction; `large` ones may be segmented.
    pub(crate) fn make(
        &mut self,
        direction: Direction,
        large: bool,
        rng: &mut Rng,
    ) -> (Vec<u8>, PacketMeta) {
        let sent = &mut self.sent[direction as usize];
        let number = sent.lens.len() as u32;
        let len = if large {
            1 + rng.below(65_000)
        } else {
            [rng.below(80), rng.below(FRAME - HEADERS + 1), FRAME - HEADERS][rng.below(3)]
        };
        sent.lens.push(len);
        self.tally.sent[direction as usize] += 1;
        let mut frame = macs(direction).to_vec();
        frame.extend([8, 0, 0x45, 0]);
        frame.extend(((40 + len) as u16).to_be_bytes());
        frame.extend([0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
        let sum = checksum::ipv4_header(&frame[14..34]);
        frame[24..26].copy_from_slice(&sum.to_be_bytes());
        // The ports select a queue. The sequence number is the offset of the payload.
        frame.extend((number as u16 % 16).to_be_bytes());
        frame.extend([0, 7, 0, 0, 0, 0]);
        frame.extend(number.to_be_bytes());
        frame.extend([0x50, 0x10, 0xff, 0xff, 0, 0, 0, 0]);
        frame.extend((0..len).map(|at| content(direction, number, at)));
        let partial = large || rng.one_in(2);
        let meta = if partial {
            assert!(checksum::set_partial(&mut frame));
            PacketMeta::new(ChecksumState::Partial)
        } else {
            assert!(checksum::complete(&mut frame));
            PacketMeta::default()
        };
        if !large {
            return (frame, meta);
        }
        let size = NonZeroU16::new(SEGMENT).unwrap();
        (frame, meta.with_segmentation(Segmentation { kind: SegmentationKind::TcpIpv4, size }))
    }

    /// Forgets the packet that was made last: it was not sent.
    pub(crate) fn unmake(&mut self, direction: Direction) {
        self.sent[direction as usize].lens.pop();
        self.tally.sent[direction as usize] -= 1;
    }

    /// Checks a packet that has arrived.
    pub(crate) fn arrive(&mut self, direction: Direction, frame: &[u8], meta: PacketMeta) {
        assert_eq!(frame[..12], macs(direction), "another receiver");
        let end = 14 + usize::from(u16::from_be_bytes([frame[16], frame[17]]));
        let (number, offset) = (word(frame, 42), word(frame, 38));
        let sent = &mut self.sent[direction as usize];
        let len = *sent.lens.get(number as usize).expect("a packet that was sent");
        let payload = &frame[HEADERS..end];
        let first = offset as usize;
        assert!(first + payload.len() <= len, "{number}: {first} and {} bytes", payload.len());
        if meta.segmentation.is_some() {
            assert_eq!(payload.len(), len, "{number}: a whole packet");
        } else if len > FRAME - HEADERS {
            assert_eq!(first % usize::from(SEGMENT), 0);
        } else {
            assert_eq!(payload.len(), len, "{number}");
        }
        for (at, byte) in (first..).zip(payload) {
            assert_eq!(*byte, content(direction, number, at), "{number}: byte {at}");
        }
        if meta.checksum != ChecksumState::Partial {
            assert_eq!(checksum::verify(frame), Some(true), "{number}");
        }
        assert!(sent.arrived.insert((number, offset)), "{direction:?} {number} arrives twice");
        self.tally.arrived[direction as usize] += 1;
        self.tally.bytes[direction as usize] += frame.len() as u64;
    }
}
