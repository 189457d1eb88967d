//! A block backend that lives in the test: it does what `io/blkif.h` asks for, unless its
//! [`Misbehaviour`] say otherwise.

use core::time::Duration;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use xen_evtchn::Channel;
use xen_grant::{GrantMapArea, GrantMapping, ReadOnly, ReadWrite};
use xen_hypercall::{DomId, GrantRef, Instant, Platform, Port, SharedMem};
use xen_ring::{BackRing, Notify};
use xen_sim::{Device, Domain, Step, Store, World};
use xen_sys::io::blkif::{
    BlkifOp, BlkifRequest, BlkifRequestDiscard, BlkifRequestIndirect, BlkifRequestSegment,
    BlkifResponse, BlkifStatus,
};
use zerocopy::{FromBytes, IntoBytes};

/// The pages that a backend with persistent grants keeps mapped.
type Persistent = Option<HashMap<GrantRef, GrantMapping<Domain, ReadWrite>>>;

type Ring = BackRing<GrantMapping<Domain, ReadWrite>, BlkifRequest, BlkifResponse>;

/// A violation of the protocol by the backend, or of its duties.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Misbehaviour {
    #[default]
    None,
    /// No response to a request.
    Silent,
    /// Responses to an id with these bits changed.
    WrongId(u64),
    /// Two responses to each request.
    Twice,
    /// Responses to another operation.
    WrongOperation,
    /// Responses to indirect requests with the operation of those.
    OuterOperation,
    /// Responses with this status.
    Status(i16),
    /// Pages that stay mapped after the response.
    KeepPages,
    /// Pages that are mapped, without a response.
    Hold,
    /// No response to a request, even if the misbehaviour changes later.
    Forget,
    /// One response a second, to the latest of at least two requests.
    Starve,
    /// One response a second, in the order of the requests.
    Slow,
    /// Success without a transfer.
    Pretend,
    /// As [`Pretend`](Self::Pretend), but the first sector of each page is read.
    ReadPart,
    /// More published responses than requests.
    WrongIndex,
    /// No nodes that describe the disk.
    NeverReady,
}

/// The disk, the configuration of its backend, and a record of the requests.
pub struct State {
    pub misbehaviour: Misbehaviour,
    pub disk: Vec<u8>,
    /// Nodes of the backend's directory, in the order of the writes.
    pub nodes: Vec<(&'static str, String)>,
    /// Operations that it refuses with EOPNOTSUPP.
    pub unsupported: Vec<BlkifOp>,
    /// All requests that came.
    pub seen: Vec<BlkifRequest>,
    /// The connection, counted from 1, that each of the requests came on.
    pub seen_on: Vec<usize>,
    /// The connections so far.
    pub connections: usize,
    /// The content of the pages of reads when the requests came.
    pub read_pages: Vec<u8>,
    /// The queue that each of the requests came on.
    pub seen_queue: Vec<usize>,
    /// The queue with the misbehaviour; all if that is `None`.
    pub only_queue: Option<usize>,
    /// The most requests that the ring had at once.
    pub depth: usize,
    /// Pages that it keeps mapped on each connection, if both ends support persistent grants.
    pub persistent_cap: usize,
    /// Requests' pages that it has mapped, and that were mapped already.
    pub maps: usize,
    pub map_hits: usize,
    /// Pages with segments of indirect requests that it has mapped.
    pub indirect_maps: usize,
    /// Pages of writes that were granted for writing, without persistent grants.
    pub writable_writes: usize,
    kept: Vec<GrantMapping<Domain, ReadWrite>>,
    kept_read_only: Vec<GrantMapping<Domain, ReadOnly>>,
}

impl State {
    #[expect(clippy::needless_pass_by_value, reason = "numbers and texts are both handy")]
    pub fn set(&mut self, name: &'static str, value: impl ToString) {
        self.nodes.retain(|node| node.0 != name);
        self.nodes.push((name, value.to_string()));
    }

    /// Unmaps the pages that were kept.
    pub fn unmap_kept(&mut self) {
        self.kept.clear();
        self.kept_read_only.clear();
    }
}

#[derive(Clone)]
pub struct Backend(Arc<Mutex<State>>);

impl Backend {
    /// Starts a backend for `device` in its domain, with a disk of `sectors` sectors of random
    /// bytes.
    pub fn start(world: &World, device: &Device, sectors: usize) -> Self {
        let backend = Self::new(sectors);
        backend.serve(world, device);
        backend
    }

    /// Starts backends for many devices of one domain, in one task that reads only the nodes of
    /// those whose nodes have changed.
    #[allow(dead_code, reason = "the test of many disks uses it")]
    pub fn start_all(world: &World, devices: &[Device], sectors: usize) -> Vec<Self> {
        let backends: Vec<_> = devices.iter().map(|_| Self::new(sectors)).collect();
        let Some(first) = devices.first() else { return backends };
        let domain = world.domain(first.backend).unwrap();
        let store = domain.store();
        let end = |(&device, state): (&Device, &Self)| {
            let (front, back) = (device.frontend_path(), device.backend_path());
            store.watch(format!("{front}/state"), "front").unwrap();
            store.watch(format!("{back}/state"), "back").unwrap();
            let end = End {
                device,
                state: state.clone(),
                store: store.clone(),
                links: Vec::new(),
                own: 0,
            };
            ([format!("{front}/state"), format!("{back}/state")], false, end)
        };
        let mut ends: Vec<_> = devices.iter().zip(&backends).map(end).collect();
        domain.spawn(move |domain: &Domain| {
            while let Some(event) = store.next_event() {
                for (paths, changed, _) in &mut ends {
                    *changed |= paths.contains(&event.path);
                }
            }
            let mut step = Step::Idle;
            for (_, changed, end) in &mut ends {
                if core::mem::take(changed) {
                    end.follow(domain);
                }
                if !matches!(end.work(domain), Step::Idle) {
                    step = Step::Worked;
                }
            }
            step
        });
        backends
    }

    fn new(sectors: usize) -> Self {
        let mut byte = 0x9e37_79b9_u32;
        let disk = (0..sectors * 512).map(|_| {
            byte = byte.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (byte >> 24) as u8
        });
        let mut state = State {
            misbehaviour: Misbehaviour::None,
            disk: disk.collect(),
            nodes: Vec::new(),
            unsupported: Vec::new(),
            seen: Vec::new(),
            seen_on: Vec::new(),
            seen_queue: Vec::new(),
            only_queue: None,
            connections: 0,
            read_pages: Vec::new(),
            depth: 0,
            persistent_cap: 1056,
            maps: 0,
            map_hits: 0,
            indirect_maps: 0,
            writable_writes: 0,
            kept: Vec::new(),
            kept_read_only: Vec::new(),
        };
        state.set("sectors", sectors);
        state.set("sector-size", 512);
        state.set("info", 0);
        state.set("feature-flush-cache", 1);
        state.set("feature-barrier", 1);
        state.set("feature-discard", 1);
        state.set("discard-secure", 1);
        Self(Arc::new(Mutex::new(state)))
    }

    /// Starts another backend of the same disk, for `device` in its domain.
    pub fn serve(&self, world: &World, device: &Device) {
        let domain = world.domain(device.backend).unwrap();
        let store = domain.store();
        store.watch(format!("{}/state", device.frontend_path()), "front").unwrap();
        store.watch(device.backend_path(), "back").unwrap();
        let mut end =
            End { device: *device, state: self.clone(), store, links: Vec::new(), own: 0 };
        domain.spawn(move |domain: &Domain| end.poll(domain));
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

/// Returns a request as what it is, a discard.
pub fn discard_of(request: &BlkifRequest) -> BlkifRequestDiscard {
    assert_eq!(request.operation, BlkifOp::DISCARD);
    BlkifRequestDiscard::read_from_prefix(request.as_bytes()).unwrap().0
}

struct Link {
    ring: Ring,
    /// The ring's page once more, to write to it against all rules.
    page: GrantMapping<Domain, ReadWrite>,
    channel: Channel<Domain>,
    waiting: Vec<BlkifRequest>,
    /// The persistent grants, if both ends support them.
    persistent: Persistent,
    /// The most segments of an indirect request.
    indirect: usize,
    /// The time of the next response of a slow backend.
    next: Instant,
}

struct End {
    device: Device,
    state: Backend,
    store: Store,
    /// One for each queue.
    links: Vec<Link>,
    own: u32,
}

impl End {
    fn poll(&mut self, domain: &Domain) -> Step {
        while self.store.next_event().is_some() {}
        self.follow(domain);
        self.work(domain)
    }

    /// Follows the states.
    fn follow(&mut self, domain: &Domain) {
        let back = self.device.backend_path();
        let front = self.device.frontend_path();
        let Some(own) = self.store.read_number::<u32>(format!("{back}/state")) else {
            self.links.clear();
            return;
        };
        let peer: u32 = self.store.read_number(format!("{front}/state")).unwrap_or(0);
        self.own = own;
        if matches!(own, 1 | 2 | 6) {
            // It starts anew, whatever it was connected to before.
            self.links.clear();
        }
        match (own, peer) {
            (1, _) | (6, 1) if self.state.state().misbehaviour != Misbehaviour::NeverReady => {
                for (name, value) in self.state.state().nodes.clone() {
                    self.store.write(format!("{back}/{name}"), value).unwrap();
                }
                self.switch(2);
            }
            // In Connected it is connected to a backend of before, whose ring is not this one's.
            (2, 3) if self.state.state().misbehaviour != Misbehaviour::NeverReady => {
                self.connect(domain, &front);
            }
            (2 | 4, 5) => self.switch(5),
            (5, 6) | (4, 6) => {
                self.links.clear();
                self.switch(6);
            }
            _ => {}
        }
    }

    fn work(&mut self, domain: &Domain) -> Step {
        let mut step = Step::Idle;
        for (queue, link) in self.links.iter_mut().enumerate() {
            let mut state = self.state.state();
            let misbehaviour = state.misbehaviour;
            if state.only_queue.is_some_and(|only| only != queue) {
                state.misbehaviour = Misbehaviour::None;
            }
            let before = state.seen.len();
            let next = link.serve(domain, self.device.frontend, &mut state);
            let seen = state.seen.len();
            state.seen_queue.extend(core::iter::repeat_n(queue, seen - before));
            if state.only_queue.is_some() {
                state.misbehaviour = misbehaviour;
            }
            match (step, next) {
                (_, Step::Worked) => step = Step::Worked,
                (Step::Idle, next) => step = next,
                _ => {}
            }
        }
        step
    }

    fn switch(&mut self, state: u32) {
        self.store.write(format!("{}/state", self.device.backend_path()), state).unwrap();
    }

    fn connect(&mut self, domain: &Domain, front: &str) {
        assert_eq!(self.store.read(format!("{front}/protocol")).as_deref(), Some("x86_64-abi"));
        let queues = self.store.read_number::<usize>(format!("{front}/multi-queue-num-queues"));
        let links: Option<Vec<_>> = match queues {
            None => Self::link(self, domain, front, "").map(|link| vec![link]),
            Some(count) => {
                let offered = format!("{}/multi-queue-max-queues", self.device.backend_path());
                assert!(count >= 2);
                if count > self.store.read_number(offered).unwrap() {
                    // A test has changed the node while the frontend was connected.
                    return self.switch(5);
                }
                let link = |index| self.link(domain, front, &format!("queue-{index}/"));
                (0..count).map(link).collect()
            }
        };
        let Some(links) = links else {
            // A test has had this state written while the frontend was at another connection.
            return self.switch(5);
        };
        self.links = links;
        self.state.state().connections += 1;
        self.switch(4);
    }

    /// Connects to the ring whose nodes are below `prefix`.
    fn link(&self, domain: &Domain, front: &str, prefix: &str) -> Option<Link> {
        let number =
            |key: &str| self.store.read_number::<u32>(format!("{front}/{prefix}{key}")).unwrap();
        let owner = self.device.frontend;
        let refs: Vec<_> = match self.store.read_number::<u32>(format!("{front}/ring-page-order")) {
            None => vec![GrantRef(number("ring-ref"))],
            Some(order) => {
                let offered = format!("{}/max-ring-page-order", self.device.backend_path());
                assert_ne!(self.store.read_number(offered).unwrap_or(0), 0);
                (0..1 << order).map(|page| GrantRef(number(&format!("ring-ref{page}")))).collect()
            }
        };
        let map = || {
            GrantMapArea::reserve(domain.clone(), refs.len())
                .unwrap()
                .map::<ReadWrite>(owner, &refs)
                .ok()
        };
        let port = Port(number("event-channel"));
        let channel = Channel::bind_interdomain(domain.clone(), owner, port).ok();
        let (ring, page, channel) = (Ring::attach(map()?).unwrap(), map()?, channel?);
        let read = |path: String| self.store.read_number::<u32>(path).unwrap_or(0) != 0;
        let offered = read(format!("{}/feature-persistent", self.device.backend_path()));
        let persistent =
            (offered && read(format!("{front}/feature-persistent"))).then(HashMap::new);
        let (waiting, next) = (Vec::new(), domain.now());
        let indirect = self
            .store
            .read_number(format!("{}/feature-max-indirect-segments", self.device.backend_path()));
        let indirect = indirect.unwrap_or(0);
        Some(Link { ring, page, channel, waiting, persistent, indirect, next })
    }
}

impl Link {
    fn serve(&mut self, domain: &Domain, owner: DomId, state: &mut State) -> Step {
        domain.take_event(self.channel.port());
        while let Ok(Some(request)) = self.ring.pop() {
            state.seen.push(request);
            state.seen_on.push(state.connections);
            match state.misbehaviour {
                Misbehaviour::Hold => {
                    let io = state.io_of(domain, owner, &request, &mut self.persistent);
                    state.hold(domain, owner, &io);
                }
                Misbehaviour::Forget => continue,
                _ => {}
            }
            self.waiting.push(request);
        }
        state.depth = state.depth.max(self.waiting.len());
        if self.ring.final_check() == Ok(true) {
            return Step::Worked;
        }
        if matches!(
            state.misbehaviour,
            Misbehaviour::Silent | Misbehaviour::Hold | Misbehaviour::Forget
        ) {
            return Step::Idle;
        }
        let mut answered = core::mem::take(&mut self.waiting);
        let slow = matches!(state.misbehaviour, Misbehaviour::Starve | Misbehaviour::Slow);
        if slow {
            self.waiting = answered;
            let least = if state.misbehaviour == Misbehaviour::Starve { 2 } else { 1 };
            if domain.now() < self.next || self.waiting.len() < least {
                return Step::Sleep(self.next.max(domain.now() + Duration::from_millis(1)));
            }
            self.next = domain.now() + Duration::from_secs(1);
            let at =
                if state.misbehaviour == Misbehaviour::Starve { self.waiting.len() - 1 } else { 0 };
            answered = vec![self.waiting.remove(at)];
        }
        for request in answered {
            let io = state.io_of(domain, owner, &request, &mut self.persistent);
            if request.operation == BlkifOp::INDIRECT {
                assert!((1..=self.indirect).contains(&io.segments.len()));
            }
            let status = state.perform(domain, owner, &request, &io, &mut self.persistent);
            let mut response = BlkifResponse {
                id: request.id,
                operation: io.operation,
                status,
                ..Default::default()
            };
            match state.misbehaviour {
                Misbehaviour::WrongId(bits) => response.id ^= bits,
                Misbehaviour::WrongOperation => {
                    response.operation = BlkifOp(io.operation.0 ^ 1);
                }
                Misbehaviour::OuterOperation => response.operation = request.operation,
                Misbehaviour::Status(status) => response.status = BlkifStatus(status),
                _ => {}
            }
            // The second answer takes the place of one that is still to come, which then has none.
            let times = if state.misbehaviour == Misbehaviour::Twice { 2 } else { 1 };
            for _ in 0..times {
                let _ = self.ring.push(&response);
            }
        }
        if state.misbehaviour == Misbehaviour::WrongIndex {
            self.page.as_ref().u32::<8>().fetch_or(0x8000_0000);
            let _ = self.channel.notify();
        } else if self.ring.publish() == Notify::Send {
            self.channel.notify().unwrap();
        }
        if slow { Step::Sleep(self.next) } else { Step::Idle }
    }
}

/// A request, direct or indirect.
struct Io {
    operation: BlkifOp,
    sector: u64,
    segments: Vec<BlkifRequestSegment>,
}

/// Returns a request as what it is, an indirect one.
pub fn indirect_of(request: &BlkifRequest) -> BlkifRequestIndirect {
    assert_eq!(request.operation, BlkifOp::INDIRECT);
    BlkifRequestIndirect::read_from_prefix(request.as_bytes()).unwrap().0
}

impl State {
    /// Reads the segments of a request.
    fn io_of(
        &mut self,
        domain: &Domain,
        owner: DomId,
        request: &BlkifRequest,
        persistent: &mut Persistent,
    ) -> Io {
        let &BlkifRequest { operation, sector_number: sector, nr_segments, .. } = request;
        match operation {
            BlkifOp::DISCARD => return Io { operation, sector, segments: Vec::new() },
            BlkifOp::INDIRECT => {}
            _ => {
                let segments = request.seg[..usize::from(nr_segments)].to_vec();
                return Io { operation, sector, segments };
            }
        }
        let indirect = indirect_of(request);
        let [gref, unused @ ..] = indirect.indirect_grefs;
        assert_eq!(unused, [GrantRef(0); 7]);
        let mut bytes = vec![0; usize::from(indirect.nr_segments) * 8];
        let mut map = || {
            self.indirect_maps += 1;
            let area = GrantMapArea::reserve(domain.clone(), 1).unwrap();
            area.map::<ReadWrite>(owner, &[gref]).unwrap()
        };
        match persistent {
            // All pages are mapped for writing.
            Some(list) => {
                let page = list.entry(gref).or_insert_with(map);
                page.as_ref().copy_to(0, &mut bytes).unwrap();
            }
            None => map().as_ref().copy_to(0, &mut bytes).unwrap(),
        }
        let segments = bytes
            .chunks(8)
            .map(|bytes| BlkifRequestSegment::read_from_bytes(bytes).unwrap())
            .collect();
        Io { operation: indirect.indirect_op, sector: indirect.sector_number, segments }
    }

    /// Maps a request's pages and keeps them.
    fn hold(&mut self, domain: &Domain, owner: DomId, request: &Io) {
        for segment in &request.segments {
            let window = GrantMapArea::reserve(domain.clone(), 1).unwrap();
            if request.operation == BlkifOp::READ {
                self.kept.extend(window.map(owner, &[segment.gref]));
            } else {
                self.kept_read_only.extend(window.map(owner, &[segment.gref]));
            }
        }
    }

    fn perform(
        &mut self,
        domain: &Domain,
        owner: DomId,
        request: &BlkifRequest,
        io: &Io,
        persistent: &mut Persistent,
    ) -> BlkifStatus {
        if self.unsupported.contains(&request.operation) {
            return BlkifStatus::EOPNOTSUPP;
        }
        if self.misbehaviour == Misbehaviour::Pretend {
            return BlkifStatus::OKAY;
        }
        if request.operation == BlkifOp::DISCARD {
            let discard = discard_of(request);
            let (start, len) = (discard.sector_number * 512, discard.nr_sectors * 512);
            self.disk[start as usize..][..len as usize].fill(0);
            return BlkifStatus::OKAY;
        }
        let mut at = io.sector as usize * 512;
        for segment in &io.segments {
            let (first, last) = (usize::from(segment.first_sect), usize::from(segment.last_sect));
            assert!(first <= last && last < 8);
            let (offset, len) = (first * 512, (last + 1 - first) * 512);
            if let Some(mapped) = persistent.as_ref().and_then(|list| list.get(&segment.gref)) {
                self.map_hits += 1;
                self.transfer(mapped.as_ref(), io.operation, at, offset, len);
                at += len;
                continue;
            }
            self.maps += 1;
            let window = GrantMapArea::reserve(domain.clone(), 1).unwrap();
            if let Some(list) = persistent {
                let Ok(page) = window.map::<ReadWrite>(owner, &[segment.gref]) else {
                    return BlkifStatus::ERROR;
                };
                self.transfer(page.as_ref(), io.operation, at, offset, len);
                if list.len() < self.persistent_cap {
                    list.insert(segment.gref, page);
                }
            } else if io.operation == BlkifOp::READ {
                let Ok(page) = window.map::<ReadWrite>(owner, &[segment.gref]) else {
                    return BlkifStatus::ERROR;
                };
                self.transfer(page.as_ref(), io.operation, at, offset, len);
                if self.misbehaviour == Misbehaviour::KeepPages {
                    self.kept.push(page);
                }
            } else {
                let window = match window.map::<ReadWrite>(owner, &[segment.gref]) {
                    Ok(page) => {
                        self.writable_writes += 1;
                        page.unmap().unwrap()
                    }
                    Err(failed) => failed.area.unwrap(),
                };
                let Ok(page) = window.map::<ReadOnly>(owner, &[segment.gref]) else {
                    return BlkifStatus::ERROR;
                };
                page.as_ref().copy_to(offset, &mut self.disk[at..at + len]).unwrap();
            }
            at += len;
        }
        BlkifStatus::OKAY
    }

    /// Transfers `len` bytes between the disk and a page.
    fn transfer(
        &mut self,
        mem: &SharedMem,
        operation: BlkifOp,
        at: usize,
        offset: usize,
        len: usize,
    ) {
        if operation == BlkifOp::READ {
            let mut before = [0; 4096];
            mem.copy_to(0, &mut before).unwrap();
            self.read_pages.extend(before);
            let copied = if self.misbehaviour == Misbehaviour::ReadPart { 512 } else { len };
            mem.copy_from(offset, &self.disk[at..at + copied]).unwrap();
        } else {
            mem.copy_to(offset, &mut self.disk[at..at + len]).unwrap();
        }
    }
}
