//! Packets from a guest.

use super::credit::Credit;
use super::error::RingViolation;
use super::multicast::{Change, MulticastFilter};
use super::static_grants::StaticGrants;
use super::{
    ChecksumState, MacAddress, Packet, PacketHash, PacketMeta, PacketSink, Segmentation, Segments,
    TxStatistics, TxViolation, checksum,
};
use core::fmt;
use heapless::Vec;
use xen_grant::{CopyBatch, MAX_COPIES, MapError};
use xen_hypercall::{
    DomId, ForeignFrames, GrantRef, OutOfMemory, PAGE_SIZE, Pages, StableSharedMem,
};
use xen_ring::{BackRing, Corrupt};
use xen_sys::io::netif::{
    NetTxFlags, NetifExtraFlags, NetifExtraInfo, NetifExtraMcast, NetifExtraType, NetifStatus,
    NetifTxRequest, NetifTxResponse, XEN_NETIF_NR_SLOTS_MIN,
};
use xenbus::net::ETHERNET_HEADER;
use zerocopy::{FromBytes, IntoBytes};

/// Slots of a packet that end the connection of its frontend. With fewer, but more than are
/// allowed, the packet is dropped.
const FATAL_SLOTS: usize = 20;
/// Extra info of a packet, one of each kind at most.
const MAX_EXTRAS: usize = 4;
/// Pages that packets are copied to: the largest packet, and more small ones than fit one
/// hypercall.
const BATCH_PAGES: usize = 40;
/// Fragments that one batch may have. A packet's fragments follow each other in memory, so each may
/// become two copies.
const BATCH_SLOTS: usize = MAX_COPIES;
/// Room for copies that has to be left for another packet to be taken in.
const RESERVE: usize = 2 * XEN_NETIF_NR_SLOTS_MIN;

/// The transmit ring of a queue.
pub(super) struct TxRing<M> {
    pub(super) ring: BackRing<M, NetifTxRequest, NetifTxResponse>,
    /// The first slot of a packet that the rate limit delays.
    delayed: Option<NetifTxRequest>,
}

impl<M: StableSharedMem> TxRing<M> {
    pub(super) fn new(ring: BackRing<M, NetifTxRequest, NetifTxResponse>) -> Self {
        Self { ring, delayed: None }
    }

    /// Returns whether a packet waits for the rate limit.
    pub(super) fn is_delayed(&self) -> bool {
        self.delayed.is_some()
    }

    /// Takes the first slot of the next packet that `credit` allows.
    fn next_packet(
        &mut self,
        credit: &mut Option<Credit>,
        statistics: &mut TxStatistics,
    ) -> Result<Option<NetifTxRequest>, Corrupt> {
        let delayed = self.delayed.take();
        let Some(first) = (match delayed {
            Some(first) => Some(first),
            None => self.ring.pop()?,
        }) else {
            return Ok(None);
        };
        let Some(credit) = credit else { return Ok(Some(first)) };
        if credit.take(u64::from(first.size)) {
            return Ok(Some(first));
        }
        statistics.throttled += u64::from(delayed.is_none());
        self.delayed = Some(first);
        Ok(None)
    }
}

/// The state of an interface that its transmit rings share.
pub(super) struct Policy {
    pub(super) credit: Option<Credit>,
    pub(super) multicast: MulticastFilter,
}

#[derive(Clone, Copy, Debug)]
struct Fragment {
    gref: GrantRef,
    offset: u16,
    size: u16,
}

/// Fragments of a batch that are copied already.
type Copied = [bool; BATCH_SLOTS];

/// A packet that was taken from the ring and is not answered yet.
#[derive(Clone, Copy, Debug)]
struct Taken {
    /// Its offset in the batch's memory; no bytes if it is dropped.
    start: usize,
    len: usize,
    /// Its fragments, and the ids to answer.
    fragments: (usize, usize),
    ids: (usize, usize),
    extras: usize,
    meta: PacketMeta,
    status: NetifStatus,
}

/// The assembly of a guest's packets.
pub(super) struct Tx<P: ForeignFrames> {
    memory: Pages<P>,
    guest: DomId,
    taken: Vec<Taken, BATCH_SLOTS>,
    fragments: Vec<Fragment, BATCH_SLOTS>,
    /// The ids of one batch: of fragments, and of slots of packets that are dropped.
    ids: Vec<u16, 256>,
    /// Copies that the batch may come to.
    copies: usize,
    /// The offset of the next packet.
    next: usize,
}

/// The fragments of a packet, in order; none if there are too many.
type Fragments = Vec<Fragment, XEN_NETIF_NR_SLOTS_MIN>;

/// The slots of a packet, without its fragments.
struct Parsed {
    size: usize,
    flags: NetTxFlags,
    slots: usize,
    extras: usize,
    segmentation: Option<Segmentation>,
    hash: Option<PacketHash>,
    multicast: Option<Change>,
    /// Its extra information is of an unknown kind, invalid, or too much.
    malformed: bool,
}

impl<P: ForeignFrames> Tx<P> {
    pub(super) fn new(platform: &P, guest: DomId) -> Result<Self, OutOfMemory> {
        Ok(Self {
            memory: Pages::alloc(platform.clone(), BATCH_PAGES)?,
            guest,
            taken: Vec::new(),
            fragments: Vec::new(),
            ids: Vec::new(),
            copies: 0,
            next: 0,
        })
    }

    /// Takes packets, as many as one hypercall can copy, and forwards them. Returns whether there
    /// were any; responses are pushed, not published.
    pub(super) fn process_ring<M: StableSharedMem>(
        &mut self,
        ring: &mut TxRing<M>,
        policy: &mut Policy,
        grants: Option<&StaticGrants<P>>,
        port: &mut (impl PacketSink + ?Sized),
        statistics: &mut TxStatistics,
    ) -> Result<bool, RingViolation> {
        self.taken.clear();
        self.fragments.clear();
        self.ids.clear();
        (self.copies, self.next) = (0, 0);
        let collected = self.collect(ring, policy, statistics);
        let copied = grants.map(|grants| self.copy_static(grants, statistics));
        if self.copy(0, self.taken.len(), copied.as_ref()).is_err() {
            // A copy failed: repeats them one packet at a time to find which.
            for index in 0..self.taken.len() {
                if self.copy(index, index + 1, copied.as_ref()).is_err() {
                    statistics.failed += 1;
                    if let Some(taken) = self.taken.get_mut(index) {
                        (taken.len, taken.status) = (0, NetifStatus::ERROR);
                    }
                }
            }
        }
        for taken in &mut self.taken {
            let bytes = self
                .memory
                .as_slice()
                .get(taken.start..taken.start + taken.len)
                .unwrap_or_default();
            if bytes.is_empty() {
                continue;
            }
            let PacketMeta { checksum, segmentation, .. } = taken.meta;
            let blank = checksum == ChecksumState::Partial && !checksum::can_complete(bytes);
            let whole = segmentation.is_some_and(|found| Segments::new(bytes, found).is_none());
            if blank || whole {
                // Its receiver could neither complete nor segment it.
                statistics.refused += 1;
                taken.status = NetifStatus::ERROR;
                continue;
            }
            statistics.packets += 1;
            statistics.bytes += bytes.len() as u64;
            statistics.segmented += u64::from(segmentation.is_some());
            port.receive(Packet { bytes, meta: taken.meta });
        }
        for taken in &self.taken {
            let ids = self.ids.get(taken.ids.0..taken.ids.1).unwrap_or_default();
            // There is room: a slot was taken for each response.
            for &id in ids {
                let _ = ring.ring.push(&NetifTxResponse { id, status: taken.status });
            }
            for _ in 0..taken.extras {
                let _ = ring.ring.push(&NetifTxResponse { id: 0, status: NetifStatus::NULL });
            }
        }
        collected.map(|()| !self.taken.is_empty())
    }

    /// Takes packets until there are no more, or no room for another one.
    fn collect<M: StableSharedMem>(
        &mut self,
        ring: &mut TxRing<M>,
        policy: &mut Policy,
        statistics: &mut TxStatistics,
    ) -> Result<(), RingViolation> {
        let mut fragments = Fragments::new();
        while self.copies + RESERVE <= MAX_COPIES
            && self.fragments.len() + XEN_NETIF_NR_SLOTS_MIN <= BATCH_SLOTS
            && self.ids.len() + FATAL_SLOTS <= self.ids.capacity()
            && self.next + super::MAX_PACKET + PAGE_SIZE <= self.memory.count() * PAGE_SIZE
        {
            let first = ring.next_packet(&mut policy.credit, statistics)?;
            let Some(first) = first else { return Ok(()) };
            let first_id = self.ids.len();
            let pop = || ring.ring.pop();
            let parsed = parse(first, pop, &mut self.ids, &mut fragments)?;
            let mut taken = self.place(&parsed, &fragments, (first_id, self.ids.len()));
            if let Some(change) = parsed.multicast.filter(|_| !parsed.malformed) {
                // The packet is a carrier of the extra information.
                let done = policy.multicast.change(change);
                statistics.filter_changes += u64::from(done);
                taken.status = if done { NetifStatus::OKAY } else { NetifStatus::ERROR };
            }
            statistics.refused += u64::from(taken.status != NetifStatus::OKAY);
            // There is room: there are fewer packets than fragments, and those that are dropped
            // leave by the ids' limit.
            let _ = self.taken.push(taken);
            if self.taken.is_full() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn place(&mut self, parsed: &Parsed, fragments: &Fragments, ids: (usize, usize)) -> Taken {
        let mut meta = PacketMeta::new(ChecksumState::from_tx_flags(parsed.flags));
        (meta.segmentation, meta.hash) = (parsed.segmentation, parsed.hash);
        let first = self.fragments.len();
        let mut taken = Taken {
            start: 0,
            len: 0,
            fragments: (first, first),
            ids,
            extras: parsed.extras,
            meta,
            status: NetifStatus::ERROR,
        };
        let whole: usize = fragments.iter().map(|fragment| usize::from(fragment.size)).sum();
        let good = parsed.slots <= XEN_NETIF_NR_SLOTS_MIN
            && parsed.size >= ETHERNET_HEADER
            && whole == parsed.size
            && parsed.multicast.is_none()
            && !parsed.malformed;
        if !good {
            return taken;
        }
        // A packet that would cross a page for no need begins at the next.
        let left = PAGE_SIZE - self.next % PAGE_SIZE;
        if parsed.size > left {
            self.next += left % PAGE_SIZE;
        }
        taken.start = self.next;
        taken.len = parsed.size;
        taken.status = NetifStatus::OKAY;
        for fragment in fragments {
            self.copies += if parsed.slots == 1 { 1 } else { 2 };
            let _ = self.fragments.push(*fragment);
        }
        taken.fragments.1 = self.fragments.len();
        // Whole cache lines for each.
        self.next = (self.next + parsed.size).next_multiple_of(64);
        taken
    }

    /// Copies the fragments that are in static grants.
    #[cold]
    fn copy_static(&mut self, grants: &StaticGrants<P>, statistics: &mut TxStatistics) -> Copied {
        let mut copied = [false; BATCH_SLOTS];
        for taken in &self.taken {
            let (mut at, range) = (taken.start, taken.fragments.0..taken.fragments.1);
            let fragments = self.fragments.get(range.clone()).unwrap_or_default();
            for (fragment, copied) in fragments.iter().zip(copied.iter_mut().skip(range.start)) {
                let end = at + usize::from(fragment.size);
                let room = self.memory.as_mut_slice().get_mut(at..end).unwrap_or_default();
                *copied = grants.read(fragment.gref, fragment.offset.into(), room).is_some();
                statistics.static_copies += u64::from(*copied);
                at = end;
            }
        }
        copied
    }

    /// Copies the fragments of some packets, by one hypercall, except for those that are `copied`
    /// already.
    fn copy(&mut self, from: usize, to: usize, copied: Option<&Copied>) -> Result<(), MapError> {
        match copied {
            None => self.copy_if(from, to, |_| true),
            Some(copied) => self.copy_if(from, to, |index| copied.get(index) != Some(&true)),
        }
    }

    #[inline(always)]
    fn copy_if(
        &mut self,
        from: usize,
        to: usize,
        is_wanted: impl Fn(usize) -> bool,
    ) -> Result<(), MapError> {
        let mut batch = CopyBatch::new(&mut self.memory, self.guest);
        for taken in self.taken.get(from..to).unwrap_or_default() {
            let (mut at, range) = (taken.start, taken.fragments.0..taken.fragments.1);
            let fragments = self.fragments.get(range.clone()).unwrap_or_default();
            for (index, fragment) in range.zip(fragments) {
                let len = usize::from(fragment.size);
                if is_wanted(index) {
                    batch.copy_from_grant(fragment.gref, usize::from(fragment.offset), at, len)?;
                }
                at += len;
            }
        }
        batch.run()
    }
}

/// Reads the slots of one packet, its ids and its fragments. An error is one that ends the
/// connection of the frontend; extra information is at most what the ring has, and none of it is
/// an error.
fn parse(
    first: NetifTxRequest,
    mut pop: impl FnMut() -> Result<Option<NetifTxRequest>, Corrupt>,
    ids: &mut Vec<u16, 256>,
    fragments: &mut Fragments,
) -> Result<Parsed, RingViolation> {
    fragments.clear();
    let mut parsed = Parsed {
        size: usize::from(first.size),
        flags: first.flags,
        slots: 1,
        extras: 0,
        segmentation: None,
        hash: None,
        multicast: None,
        malformed: false,
    };
    let _ = ids.push(first.id);
    if first.flags.contains(NetTxFlags::EXTRA_INFO) {
        loop {
            let slot = pop()?.ok_or(TxViolation::Truncated)?;
            // An extra information is shorter than the slot that it takes.
            let extra = NetifExtraInfo::read_from_prefix(slot.as_bytes())
                .map(|(extra, _)| extra)
                .unwrap_or_default();
            parsed.extras += 1;
            match extra.type_ {
                _ if parsed.extras > MAX_EXTRAS => parsed.malformed = true,
                NetifExtraType::GSO => {
                    parsed.segmentation = Segmentation::from_gso(zerocopy::transmute!(extra.u));
                    parsed.malformed |= parsed.segmentation.is_none();
                }
                NetifExtraType::MCAST_ADD | NetifExtraType::MCAST_DEL => {
                    let NetifExtraMcast { addr } = zerocopy::transmute!(extra.u);
                    let add = extra.type_ == NetifExtraType::MCAST_ADD;
                    let change = if add { Change::Add } else { Change::Remove };
                    parsed.multicast = Some(change(MacAddress(addr)));
                }
                NetifExtraType::HASH => {
                    parsed.hash = PacketHash::from_extra(zerocopy::transmute!(extra.u));
                }
                _ => parsed.malformed = true,
            }
            if !extra.flags.contains(NetifExtraFlags::MORE) {
                break;
            }
        }
    }
    let mut rest = parsed.size;
    let mut slot = first;
    while slot.flags.contains(NetTxFlags::MORE_DATA) {
        slot = pop()?.ok_or(TxViolation::Truncated)?;
        parsed.slots += 1;
        if parsed.slots > FATAL_SLOTS {
            return Err(TxViolation::TooManySlots { limit: FATAL_SLOTS }.into());
        }
        let _ = ids.push(slot.id);
        let size = usize::from(slot.size);
        check_page(slot.offset, size)?;
        // Sizes that add up to more than the whole leave nothing: the sum then differs from it.
        rest = rest.saturating_sub(size);
        let _ = fragments.push(Fragment { gref: slot.gref, offset: slot.offset, size: slot.size });
    }
    // The first slot has the size of the whole; what the others have not is its own.
    check_page(first.offset, rest)?;
    let fragment = Fragment { gref: first.gref, offset: first.offset, size: rest as u16 };
    if fragments.insert(0, fragment).is_err() {
        fragments.clear();
    }
    Ok(parsed)
}

fn check_page(offset: u16, size: usize) -> Result<(), TxViolation> {
    if usize::from(offset) + size > PAGE_SIZE {
        return Err(TxViolation::CrossesPage { offset, size: size as u16 });
    }
    Ok(())
}

impl<P: ForeignFrames> fmt::Debug for Tx<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tx")
            .field("guest", &self.guest)
            .field("taken", &self.taken.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MORE: NetTxFlags = NetTxFlags::MORE_DATA;

    fn slot(size: u16, flags: NetTxFlags) -> NetifTxRequest {
        NetifTxRequest { gref: GrantRef(8), offset: 0, flags, id: 1, size }
    }

    fn extra(kind: u8, flags: u8, u: [u16; 3]) -> NetifTxRequest {
        let info = NetifExtraInfo { type_: NetifExtraType(kind), flags: NetifExtraFlags(flags), u };
        let mut slot = NetifTxRequest::default();
        slot.as_mut_bytes()[..8].copy_from_slice(info.as_bytes());
        slot
    }

    fn parsed(slots: &[NetifTxRequest]) -> Result<(Parsed, Fragments), RingViolation> {
        let (mut slots, mut fragments) = (slots.iter().copied(), Fragments::new());
        let first = slots.next().unwrap();
        let parsed = parse(first, || Ok(slots.next()), &mut Vec::new(), &mut fragments)?;
        Ok((parsed, fragments))
    }

    fn violation(slots: &[NetifTxRequest]) -> Option<TxViolation> {
        match parsed(slots) {
            Err(RingViolation::Tx(violation)) => Some(violation),
            Err(other) => panic!("{other:?}"),
            Ok(_) => None,
        }
    }

    #[test]
    fn d_n05_page_crossing_is_fatal() {
        let crossing = |offset, size| NetifTxRequest { offset, ..slot(size, NetTxFlags::empty()) };
        for (offset, size) in [(0, 4096), (4096, 0), (2048, 2048), (4095, 1)] {
            assert!(violation(&[crossing(offset, size)]).is_none(), "{size} bytes at {offset}");
        }
        for (offset, size) in [(1, 4096), (4096, 1)] {
            let expected = Some(TxViolation::CrossesPage { offset, size });
            assert_eq!(violation(&[crossing(offset, size)]), expected);
        }
        assert_eq!(
            violation(&[crossing(4095, 2)]),
            Some(TxViolation::CrossesPage { offset: 4095, size: 2 })
        );
        assert_eq!(
            violation(&[crossing(0xffff, 0xffff)]),
            Some(TxViolation::CrossesPage { offset: 0xffff, size: 0xffff })
        );
        assert!(violation(&[slot(100, MORE), crossing(4000, 97)]).is_some());
    }

    #[test]
    fn d_n06_slot_limits_hold() {
        let packet = |count: usize| {
            let mut slots = std::vec![slot(10, MORE); count];
            slots[0].size = 10 * count as u16;
            slots[count - 1].flags = NetTxFlags::empty();
            slots
        };
        for count in [1, 2, 18] {
            assert_eq!(parsed(&packet(count)).unwrap().1.len(), count);
        }
        for count in [19, 20] {
            assert_eq!(parsed(&packet(count)).unwrap().0.slots, count);
        }
        assert_eq!(violation(&packet(21)), Some(TxViolation::TooManySlots { limit: 20 }));
        assert_eq!(violation(&packet(5)[..4]), Some(TxViolation::Truncated));
    }

    #[test]
    fn d_n07_contradictory_sizes_are_found() {
        let (parsed, fragments) =
            parsed(&[slot(100, MORE), slot(80, MORE), slot(40, NetTxFlags::empty())]).unwrap();
        let whole: usize = fragments.iter().map(|fragment| usize::from(fragment.size)).sum();
        assert_ne!(whole, parsed.size);
    }

    #[test]
    fn d_n10_bad_extra_is_found() {
        let first = slot(100, NetTxFlags::EXTRA_INFO);
        assert_eq!(violation(&[first]), Some(TxViolation::Truncated));
        let malformed = |extras: &[NetifTxRequest]| {
            let (found, _) = parsed(&[[first].as_slice(), extras].concat()).unwrap();
            assert_eq!((found.slots, found.extras), (1, extras.len()));
            found.malformed
        };
        for kind in [0, 5, 255] {
            assert!(malformed(&[extra(kind, 0, [0; 3])]), "{kind}");
            assert!(malformed(&[extra(kind, 1, [0; 3]), extra(1, 0, [1448, 1, 0])]), "{kind}");
        }
        assert!(malformed(&[extra(1, 0, [0, 1, 0])]), "no size");
        for kind in [0, 9, 255] {
            assert!(malformed(&[extra(1, 0, [1448, kind, 0])]), "segments of kind {kind}");
        }
        let (gso, _) = parsed(&[first, extra(1, 1, [1448, 1, 0]), extra(4, 0, [0; 3])]).unwrap();
        assert!(gso.segmentation.is_some() && gso.extras == 2 && gso.slots == 1);
        assert!(!gso.malformed);
        let count = |count: usize| {
            [std::vec![extra(4, 1, [0; 3]); count - 1], std::vec![extra(4, 0, [0; 3])]]
        };
        assert!(!malformed(&count(MAX_EXTRAS).concat()));
        assert!(malformed(&count(MAX_EXTRAS + 1).concat()) && malformed(&count(200).concat()));
        let endless = [[first].as_slice(), &[extra(4, 1, [0; 3]); 9]].concat();
        assert_eq!(violation(&endless), Some(TxViolation::Truncated));
    }

    proptest! {
        #[test]
        fn xsa_432_any_partition_adds_up(
            sizes in proptest::collection::vec(0u16..300, 1..=18),
        ) {
            let whole: u16 = sizes.iter().sum();
            let mut slots: std::vec::Vec<_> = sizes.iter().map(|size| slot(*size, MORE)).collect();
            slots[0].size = whole;
            slots.last_mut().unwrap().flags = NetTxFlags::empty();
            let (_, fragments) = parsed(&slots).unwrap();
            let found: std::vec::Vec<_> = fragments.iter().map(|one| one.size).collect();
            prop_assert_eq!(found, sizes);
        }

        #[test]
        fn any_fragments_stay_within_pages(
            slots in proptest::collection::vec(
                (any::<u16>(), 0u16..16, prop_oneof![0u16..2000, any::<u16>()]),
                1..30,
            ),
        ) {
            let slots: std::vec::Vec<_> = slots
                .iter()
                .map(|&(offset, flags, size)| NetifTxRequest {
                    offset: offset % 5000,
                    ..slot(size, NetTxFlags(flags))
                })
                .collect();
            if let Ok((_, fragments)) = parsed(&slots) {
                for fragment in &fragments {
                    let end = usize::from(fragment.offset) + usize::from(fragment.size);
                    prop_assert!(end <= PAGE_SIZE);
                }
            }
        }
    }
}
