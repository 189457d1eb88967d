//! Packets to a guest.

use super::static_grants::StaticGrants;
use super::{
    ChecksumState, Packet, PacketMeta, RxStatistics, SegmentationKind, Segments, checksum,
};
use core::fmt;
use core::ops::Range;
use core::time::Duration;
use heapless::{Deque, Vec};
use xen_grant::{CopyBatch, MAX_COPIES, MapError};
use xen_hypercall::{
    DomId, ForeignFrames, GrantRef, Instant, OutOfMemory, PAGE_SIZE, Pages, StableSharedMem,
};
use xen_ring::{BackRing, Corrupt};
use xen_sys::io::netif::{
    NetRxFlags, NetifExtraFlags, NetifExtraInfo, NetifRxRequest, NetifRxResponse, NetifStatus,
};
use xenbus::net::xdp;

/// Pages of packets that wait for the guest: half a millisecond of a fast network, and the most
/// that a guest without receive buffers can occupy.
const QUEUE_PAGES: usize = 64;
/// Packets that can wait.
const QUEUE_PACKETS: usize = 256;

/// The time for which a packet waits for receive buffers before it is dropped. A frontend can have
/// fewer buffers than a packet needs, which must not block all later packets. The value is that of
/// Linux's netback (`rx_drain_timeout_msecs`).
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) type RxRing<M> = BackRing<M, NetifRxRequest, NetifRxResponse>;

/// Features of the frontend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrontendFeatures {
    /// Packets in several slots.
    pub(super) scatter_gather: bool,
    /// TCP and UDP whose checksum is left blank.
    pub(super) partial_checksums: PerFamily,
    /// TCP that is to be cut.
    pub(super) segmentation: PerFamily,
    /// An event when receive buffers are posted that were requested.
    pub(super) rx_notify: bool,
    /// Free bytes before the packet in each slot, at most [`MAX_HEADROOM`](xdp::MAX_HEADROOM).
    pub(super) headroom: u16,
}

/// A feature for each version of IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PerFamily {
    pub(super) ipv4: bool,
    pub(super) ipv6: bool,
}

impl FrontendFeatures {
    /// Returns whether the frontend accepts unsegmented packets of `kind`.
    fn can_segment(&self, kind: SegmentationKind) -> bool {
        match kind {
            SegmentationKind::TcpIpv4 => self.segmentation.ipv4,
            SegmentationKind::TcpIpv6 => self.segmentation.ipv6,
            _ => false,
        }
    }

    /// Returns whether the frontend accepts `packet` with a partial checksum.
    fn accepts_partial(&self, packet: &[u8]) -> bool {
        match packet.get(12..14) {
            Some([0x86, 0xdd]) => self.partial_checksums.ipv6,
            _ => self.partial_checksums.ipv4,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    start: usize,
    len: usize,
    meta: PacketMeta,
    /// Slots that carry its bytes.
    pages: u16,
    /// Slots of extra information, which follow the first slot.
    extras: u16,
    /// The time when it was queued.
    since: Instant,
}

/// Properties of a packet that its number of slots depends on, besides its length.
#[derive(Clone, Copy, Debug)]
struct Shape {
    meta: PacketMeta,
    /// Free bytes at the start of each slot.
    headroom: u16,
}

impl Shape {
    /// Returns the bytes of a packet that a slot has room for.
    fn room(self) -> usize {
        PAGE_SIZE - usize::from(self.headroom)
    }

    /// Returns the number of slots for the bytes of a packet of `len` bytes.
    fn pages(self, len: usize) -> usize {
        if self.headroom == 0 { len.div_ceil(PAGE_SIZE) } else { len.div_ceil(self.room()) }
    }

    /// Returns the slots of a packet of `len` bytes, with those of the extra information.
    fn slots(self, len: usize) -> usize {
        self.pages(len) + self.extras()
    }

    /// Returns the number of slots of extra information.
    fn extras(self) -> usize {
        let PacketMeta { segmentation, hash, .. } = self.meta;
        let flags = [segmentation.is_some(), hash.is_some(), self.headroom > 0];
        flags.into_iter().map(usize::from).sum()
    }

    /// Returns the extra information of a slot.
    fn extra_info(self, index: usize) -> NetifExtraInfo {
        let headroom = (self.headroom > 0).then(|| xdp::extra_info(self.headroom));
        let mut info = self.meta.extra_infos().chain(headroom).nth(index).unwrap_or_default();
        info.flags.set(NetifExtraFlags::MORE, index + 1 < self.extras());
        info
    }
}

impl Waiting {
    /// Slots that it takes.
    fn slots(&self) -> usize {
        usize::from(self.pages) + usize::from(self.extras)
    }

    /// Returns the part of the packet that its slot `index` carries.
    fn slot(&self, index: usize) -> Slot {
        let extras = usize::from(self.extras);
        match index.checked_sub(1) {
            None => Slot::Page(0),
            Some(extra) if extra < extras => Slot::Extra(extra),
            _ => Slot::Page(index - extras),
        }
    }

    /// Returns the range of its bytes in a slot that has `room` bytes.
    fn part(&self, page: usize, room: usize) -> Range<usize> {
        let at = page * room;
        at..at + (self.len - at).min(room)
    }

    /// Returns the time at which it is dropped.
    fn deadline(&self) -> Instant {
        self.since + DRAIN_TIMEOUT
    }
}

/// Slots that are copied already.
type Copied = [bool; MAX_COPIES];

/// The content of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    /// A page of the packet's bytes.
    Page(usize),
    /// Extra information.
    Extra(usize),
}

/// The queue of packets to a guest.
///
/// Their bytes are stored in a ring of memory, each packet contiguous.
pub(super) struct Rx<P: ForeignFrames> {
    memory: Pages<P>,
    guest: DomId,
    features: FrontendFeatures,
    waiting: Deque<Waiting, QUEUE_PACKETS>,
    /// The offset of the next packet.
    next: usize,
    /// Slots that were taken from the ring, for a packet that needs more than there were.
    slots: Vec<NetifRxRequest, MAX_COPIES>,
    /// The most buffers that the frontend is known to have, once a packet has waited for more until
    /// its deadline.
    most: Option<usize>,
    stall: Stall,
}

/// The time for which the frontend has posted no receive buffers that a packet waits for.
#[derive(Clone, Copy, Debug)]
struct Stall {
    timeout: Duration,
    since: Option<Instant>,
    stalled: bool,
}

impl<P: ForeignFrames> Rx<P> {
    /// Creates the queue; the interface has `queues` of them.
    pub(super) fn new(
        platform: &P,
        guest: DomId,
        features: FrontendFeatures,
        queues: usize,
        stall_timeout: Duration,
    ) -> Result<Self, OutOfMemory> {
        let pages = if queues > 1 { QUEUE_PAGES / 2 } else { QUEUE_PAGES };
        let memory = Pages::alloc(platform.clone(), pages)?;
        let (waiting, slots) = (Deque::new(), Vec::new());
        let stall = Stall { timeout: stall_timeout, since: None, stalled: false };
        Ok(Self { memory, guest, features, waiting, next: 0, slots, most: None, stall })
    }

    /// Returns whether the frontend has posted no receive buffers for too long.
    pub(super) fn is_stalled(&self) -> bool {
        self.stall.stalled
    }

    /// Returns whether the queue must be polled for buffers: the frontend sends no event for them.
    pub(super) fn needs_poll(&self) -> bool {
        !self.features.rx_notify && !self.is_empty()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Returns the time at which the oldest packet is dropped.
    pub(super) fn drain_deadline(&self) -> Option<Instant> {
        self.waiting.front().map(Waiting::deadline)
    }

    /// Returns whether the waiting packets should be placed, before the queue is full.
    pub(super) fn is_half_full(&self) -> bool {
        let size = self.memory.count() * PAGE_SIZE;
        let Some(oldest) = self.waiting.front().map(|waiting| waiting.start) else { return false };
        // The end of the queue may be before its start, or just there when all is in use.
        let used = if self.next > oldest { self.next - oldest } else { self.next + size - oldest };
        used > size / 2 || self.waiting.len() > QUEUE_PACKETS / 2
    }

    /// Queues a packet, cut if the guest can't take it whole.
    pub(super) fn queue<M: StableSharedMem>(
        &mut self,
        packet: Packet<'_>,
        ring: &mut RxRing<M>,
        statistics: &mut RxStatistics,
        now: Instant,
    ) -> bool {
        let Packet { bytes, meta } = packet;
        if self.stall.stalled && !self.has_buffers(ring) {
            statistics.overrun += 1;
            return false;
        }
        let fits = self.can_post(self.shape(meta).slots(bytes.len()), ring);
        let scatter_gather = self.features.scatter_gather;
        let whole = |kind| self.features.can_segment(kind) && scatter_gather && fits;
        let Some(segmentation) = meta.segmentation.filter(|found| !whole(found.kind)) else {
            if scatter_gather && !fits {
                statistics.refused += 1;
                return false;
            }
            return self.queue_one(bytes.len(), meta, statistics, now, |room| {
                room.copy_from_slice(bytes);
                Some(())
            });
        };
        let segments = Segments::new(bytes, segmentation);
        let mut cut = PacketMeta::new(ChecksumState::Partial);
        cut.hash = meta.hash;
        // The first one is the largest.
        let segments =
            segments.filter(|segments| self.can_post(self.shape(cut).slots(segments.len(0)), ring));
        let Some(segments) = segments else {
            statistics.refused += 1;
            return false;
        };
        // If the guest does not take all, it asks its peer for the rest.
        (0..segments.count()).all(|index| {
            self.queue_one(segments.len(index), cut, statistics, now, |room| {
                segments.write(index, ChecksumState::Partial, room)
            })
        })
    }

    /// Takes buffers, if there are any, which ends a stall.
    fn has_buffers<M: StableSharedMem>(&mut self, ring: &mut RxRing<M>) -> bool {
        if self.slots.is_empty()
            && let Ok(Some(slot)) = ring.pop()
        {
            let _ = self.slots.push(slot);
        }
        self.stall.stalled = self.slots.is_empty();
        !self.stall.stalled
    }

    /// Returns whether the frontend can be expected to post `need` buffers: it is not known to have
    /// fewer, or it has posted them.
    fn can_post<M: StableSharedMem>(&mut self, need: usize, ring: &mut RxRing<M>) -> bool {
        let Some(most) = self.most.filter(|most| need > *most) else { return true };
        // A frontend that was merely slow posts more later.
        while !self.slots.is_full()
            && let Ok(Some(slot)) = ring.pop()
        {
            let _ = self.slots.push(slot);
        }
        self.most = Some(most.max(self.slots.len()));
        self.slots.len() >= need
    }

    /// Leaves so many bytes free before each packet from here on. Packets that wait are dropped:
    /// their number of slots is that with the former number.
    pub(super) fn set_headroom(&mut self, headroom: u16, statistics: &mut RxStatistics) {
        if headroom != self.features.headroom {
            statistics.overrun += self.waiting.len() as u64;
            self.waiting.clear();
            self.features.headroom = headroom;
        }
    }

    fn shape(&self, meta: PacketMeta) -> Shape {
        Shape { meta, headroom: self.features.headroom }
    }

    fn queue_one(
        &mut self,
        len: usize,
        mut meta: PacketMeta,
        statistics: &mut RxStatistics,
        now: Instant,
        write: impl FnOnce(&mut [u8]) -> Option<()>,
    ) -> bool {
        let one_slot = PAGE_SIZE - usize::from(self.features.headroom);
        let limit = if self.features.scatter_gather { super::MAX_PACKET } else { one_slot };
        if len == 0 || len > limit {
            statistics.refused += 1;
            return false;
        }
        let Some(start) = self.place(len).filter(|_| !self.waiting.is_full()) else {
            statistics.overrun += 1;
            return false;
        };
        let Some(room) = self.memory.as_mut_slice().get_mut(start..start + len) else {
            return false;
        };
        let mut written = write(room).is_some();
        if meta.checksum == ChecksumState::Partial && !self.features.accepts_partial(room) {
            written &= checksum::complete(room);
            meta.checksum = ChecksumState::Verified;
        }
        if !written {
            statistics.refused += 1;
            return false;
        }
        self.next = (start + len).next_multiple_of(64);
        // There is room: checked above.
        let shape = self.shape(meta);
        let (pages, extras) = (shape.pages(len) as u16, shape.extras() as u16);
        let _ = self.waiting.push_back(Waiting { start, len, meta, pages, extras, since: now });
        true
    }

    /// Finds room for a packet in one piece.
    fn place(&mut self, len: usize) -> Option<usize> {
        let size = self.memory.count() * PAGE_SIZE;
        let Some(oldest) = self.waiting.front().map(|waiting| waiting.start) else {
            return (len <= size).then_some(0);
        };
        // A packet that would cross a page for no need begins at the next.
        let left = PAGE_SIZE - self.next % PAGE_SIZE;
        let start = if len > left { self.next + left % PAGE_SIZE } else { self.next };
        if self.next > oldest {
            if start + len <= size {
                return Some(start);
            }
            return (len <= oldest).then_some(0);
        }
        (start + len <= oldest).then_some(start)
    }

    /// Places waiting packets in the guest's pages, as many as one hypercall can copy and the guest
    /// has pages for. Returns whether there may be more to place; responses are pushed, not
    /// published.
    ///
    /// A packet that the guest has too few pages for is dropped once it has waited for
    /// [`DRAIN_TIMEOUT`].
    pub(super) fn process_ring<M: StableSharedMem>(
        &mut self,
        ring: &mut RxRing<M>,
        grants: Option<&StaticGrants<P>>,
        statistics: &mut RxStatistics,
        now: Instant,
    ) -> Result<bool, Corrupt> {
        let (mut packets, mut used) = (0, 0);
        let mut starved = false;
        let limit = if self.features.headroom == 0 { MAX_COPIES } else { MAX_COPIES / 2 };
        for waiting in &self.waiting {
            let need = waiting.slots();
            // A packet lies in one page, or begins at one: the bytes of each of its slots are one
            // copy at most, or two with free bytes before them, so as many slots as a hypercall has
            // copies are a batch, or half of it.
            if used + need > limit {
                break;
            }
            while self.slots.len() < used + need {
                let Some(slot) = ring.pop()? else { break };
                let _ = self.slots.push(slot);
            }
            if self.slots.len() < used + need {
                // Requests a notification of more; some may have arrived meanwhile.
                starved = !ring.final_check()?;
                break;
            }
            packets += 1;
            used += need;
        }
        let copied = grants.map(|grants| self.copy_static(packets, grants, statistics));
        let whole = self.copy(0, packets, copied.as_ref()).is_ok();
        let shape = self.shape(PacketMeta::default());
        let mut done = 0;
        for _ in 0..packets {
            let good = whole || self.copy(done, 1, copied.as_ref()).is_ok();
            let Some(waiting) = self.waiting.pop_front() else { break };
            statistics.packets += u64::from(good);
            statistics.bytes += if good { waiting.len as u64 } else { 0 };
            statistics.failed += u64::from(!good);
            for (index, slot) in self.slots.iter().skip(done).take(waiting.slots()).enumerate() {
                // There is room: a slot was taken for each response.
                let _ = ring.push(&response(slot.id, &waiting, shape, index, good));
            }
            done += waiting.slots();
        }
        // What was taken beyond that waits for its packet.
        let done = done.min(self.slots.len());
        self.slots.rotate_left(done);
        self.slots.truncate(self.slots.len() - done);
        if packets > 0 || !starved {
            self.stall.since = None;
        } else if self.stalls(now) {
            statistics.stalls += 1;
            statistics.overrun += self.waiting.len() as u64;
            self.waiting.clear();
        }
        if starved && self.drop_oldest(packets > 0, now) {
            statistics.overrun += 1;
            starved = false;
        }
        Ok(!self.waiting.is_empty() && !starved)
    }

    /// Returns whether the queue has become stalled: a packet has waited for its time, and no
    /// buffer was posted.
    fn stalls(&mut self, now: Instant) -> bool {
        let Stall { timeout, since, stalled } = &mut self.stall;
        let since = *since.get_or_insert(now);
        let stalls = self.features.rx_notify && !*stalled && now >= since + *timeout;
        *stalled |= stalls;
        stalls
    }

    /// Drops the oldest packet, for which the guest has posted too few pages, if it has waited for
    /// long enough or the guest is known to have no more. `moves` says that the guest was given
    /// pages back just now.
    fn drop_oldest(&mut self, moves: bool, now: Instant) -> bool {
        let Some(oldest) = self.waiting.front() else { return false };
        let held = self.slots.len();
        let late = now >= oldest.deadline();
        let hopeless = self.most.is_some_and(|most| oldest.slots() > most.max(held));
        if !late && !hopeless {
            return false;
        }
        // All pages that it had were here for that time, and it could not post more before it got
        // some of them back.
        if late && !moves && held > 0 {
            self.most = Some(held.max(self.most.unwrap_or(0)));
        }
        self.waiting.pop_front();
        true
    }

    /// Copies parts of the first `packets` waiting packets into slots in static grants.
    #[cold]
    fn copy_static(
        &self,
        packets: usize,
        grants: &StaticGrants<P>,
        statistics: &mut RxStatistics,
    ) -> Copied {
        let mut copied = [false; MAX_COPIES];
        let (headroom, memory) = (usize::from(self.features.headroom), self.memory.as_slice());
        let Self { waiting, slots, .. } = self;
        let room = PAGE_SIZE - headroom;
        let _ = each_part::<()>(waiting, slots, room, 0, packets, |place, gref, part| {
            let written = memory.get(part).and_then(|part| grants.write(gref, headroom, part));
            if let Some(copied) = copied.get_mut(place) {
                *copied = written.is_some();
                statistics.static_copies += u64::from(*copied);
            }
            Ok(())
        });
        copied
    }

    /// Copies the first `packets` waiting packets into the slots from `slot` on, by one hypercall,
    /// except for slots that are `copied` already.
    fn copy(
        &mut self,
        slot: usize,
        packets: usize,
        copied: Option<&Copied>,
    ) -> Result<(), MapError> {
        let headroom = usize::from(self.features.headroom);
        let Self { memory, waiting, slots, guest, .. } = self;
        let mut batch = CopyBatch::new(memory, *guest);
        let room = PAGE_SIZE - headroom;
        each_part(waiting, slots, room, slot, packets, |place, gref, part| {
            if copied.is_some_and(|copied| copied.get(place) == Some(&true)) {
                return Ok(());
            }
            batch.copy_to_grant(part.start, gref, headroom, part.len())
        })?;
        batch.run()
    }
}

/// Calls `copy` for each slot from `slot` on that carries bytes of the first `packets` waiting
/// packets: with its place in `slots`, its grant, and the range of the bytes in the memory.
#[inline(always)]
fn each_part<E>(
    waiting: &Deque<Waiting, QUEUE_PACKETS>,
    slots: &[NetifRxRequest],
    room: usize,
    slot: usize,
    packets: usize,
    mut copy: impl FnMut(usize, GrantRef, Range<usize>) -> Result<(), E>,
) -> Result<(), E> {
    let mut slots = slots.iter().enumerate().skip(slot);
    for waiting in waiting.iter().take(packets) {
        for index in 0..waiting.slots() {
            let (Some((place, slot)), Slot::Page(page)) = (slots.next(), waiting.slot(index))
            else {
                continue;
            };
            let Range { start, end } = waiting.part(page, room);
            copy(place, slot.gref, waiting.start + start..waiting.start + end)?;
        }
    }
    Ok(())
}

fn response(id: u16, waiting: &Waiting, shape: Shape, index: usize, good: bool) -> NetifRxResponse {
    if !good {
        return NetifRxResponse {
            id,
            offset: 0,
            flags: NetRxFlags::empty(),
            status: NetifStatus::ERROR.0,
        };
    }
    let page = match waiting.slot(index) {
        Slot::Page(page) => page,
        Slot::Extra(extra) => {
            let extra = Shape { meta: waiting.meta, ..shape }.extra_info(extra);
            return zerocopy::transmute!(extra);
        }
    };
    let mut flags = NetRxFlags::empty();
    flags.set(NetRxFlags::MORE_DATA, page + 1 < usize::from(waiting.pages));
    if index == 0 {
        flags.set(NetRxFlags::EXTRA_INFO, waiting.extras > 0);
        flags |= waiting.meta.checksum.rx_flags();
    }
    let len = waiting.part(page, shape.room()).len();
    // As in Linux, the free bytes count as bytes of the slot.
    NetifRxResponse { id, offset: 0, flags, status: (usize::from(shape.headroom) + len) as i16 }
}

impl<P: ForeignFrames> fmt::Debug for Rx<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rx")
            .field("guest", &self.guest)
            .field("features", &self.features)
            .field("waiting", &self.waiting.len())
            .finish_non_exhaustive()
    }
}
