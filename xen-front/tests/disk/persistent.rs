//! Persistent grants: pages that the backend keeps mapped, and copies through them.

use super::blkback::Misbehaviour;
use super::memory::Scattered;
use super::{Fixture, SECTORS};
use core::time::Duration;
use proptest::prelude::*;
use xen_front::block::*;
use xen_front::{DmaBuffer, IoMemory};
use xen_grant::{DeferredGrants, GrantMapArea, PagesRange, ReadWrite};
use xen_hypercall::{GrantRef, Pages, Platform};
use xen_sim::{Disk as VirtualDisk, Domain, DomainConfig};

impl Fixture {
    /// Has the backend offer persistent grants.
    pub(super) fn persistent(self) -> Self {
        self.back.state().set("feature-persistent", 1);
        self
    }

    pub(super) fn connect_as<B: IoMemory<Platform = Domain>>(
        &self,
        config: BlkFrontConfig,
    ) -> BlkFront<Domain, B> {
        let id = self.device.get().id;
        let mut block = BlkFront::new(&self.store, &self.grants, id, config).unwrap();
        self.reach(&mut block, DeviceState::Connected);
        block
    }

    fn dma(&self, pages: usize, byte: u8) -> DmaBuffer<Domain> {
        let buffer = DmaBuffer::alloc(self.guest.clone(), pages).unwrap();
        buffer.as_ref().copy_from(0, &vec![byte; pages * 4096]).unwrap();
        buffer
    }

    fn filled(&self, byte: u8) -> Pages<Domain> {
        let mut pages = self.pages(1);
        pages.as_mut_slice().fill(byte);
        pages
    }

    fn front_node(&self) -> Option<u32> {
        let front = self.device.get().frontend_path();
        self.world.store().read_number(format!("{front}/feature-persistent"))
    }

    /// Submits requests, and completes them without an error.
    pub(super) fn run<B: IoMemory<Platform = Domain>>(
        &self,
        block: &mut BlkFront<Domain, B>,
        requests: impl IntoIterator<Item = Request<B>>,
    ) -> Vec<B> {
        let mut tokens = Vec::new();
        for request in requests {
            tokens.push(block.submit(request).map_err(|refused| refused.reason).unwrap());
        }
        let mut done: Vec<_> = self.settled(block, tokens.len());
        assert!(done.iter().all(|done| done.outcome == Ok(())), "{:?}", done[0].outcome);
        done.sort_by_key(|done| done.token);
        done.into_iter().filter_map(|done| done.buffer).collect()
    }

    pub(super) fn settled<B: IoMemory<Platform = Domain>>(
        &self,
        block: &mut BlkFront<Domain, B>,
        count: usize,
    ) -> Vec<Completion<B>> {
        let (mut done, deadline) = (Vec::new(), self.deadline());
        while done.len() < count {
            assert!(self.guest.now() < deadline);
            block.poll(self.guest.now()).unwrap();
            self.world.run_for(Duration::from_millis(1));
            done.extend(core::iter::from_fn(|| block.complete()));
        }
        done
    }

    pub(super) fn shut<B: IoMemory<Platform = Domain>>(self, block: BlkFront<Domain, B>) {
        self.close(block);
        self.finish();
    }
}

fn text(buffer: &DmaBuffer<Domain>, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    buffer.as_ref().copy_to(0, &mut bytes).unwrap();
    bytes
}

#[test]
fn pages_are_mapped_once() {
    let fixture = Fixture::new().persistent();
    let mut block = fixture.block();
    assert!(block.has_persistent_grants());
    assert_eq!(fixture.front_node(), Some(1));
    assert_eq!(block.free_slots(), 32);
    let free = fixture.grants.free();
    for round in 0..20u8 {
        let writes = (0..32).map(|index| fixture.write(index * 8, round ^ index as u8));
        drop(fixture.run(&mut block, writes));
        let found = fixture.run(&mut block, (0..32).map(|index| fixture.read(index * 8)));
        for (index, page) in (0..).zip(found) {
            assert!(page.as_slice().iter().all(|&byte| byte == round ^ index));
        }
    }
    let state = fixture.back.state();
    let (maps, hits) = (state.maps, state.map_hits);
    drop(state);
    assert_eq!((maps, maps + hits, fixture.grants.free()), (32, 20 * 64, free));
    fixture.shut(block);
}

#[test]
fn dma_buffers_are_granted_once() {
    for persistent in [false, true] {
        let fixture = Fixture::new();
        let fixture = if persistent { fixture.persistent() } else { fixture };
        let mut block = fixture.connect_as::<DmaBuffer<Domain>>(BlkFrontConfig::default());
        assert_eq!(block.has_persistent_grants(), persistent);
        let mut buffers = vec![fixture.dma(2, 0x11), fixture.dma(2, 0x22)];
        let allocated = fixture.guest.counters().pages_allocated;
        for round in 0..10 {
            let write = |(index, buffer): (u64, _)| Request::Write {
                sector: index * 32,
                sectors: 9,
                buffer,
            };
            buffers = fixture.run(&mut block, (0..).zip(buffers).map(write));
            let read = |(index, buffer): (u64, _)| Request::Read {
                sector: index * 32,
                sectors: 9,
                buffer,
            };
            buffers = fixture.run(&mut block, (0..).zip(buffers).map(read));
            assert_eq!(text(&buffers[0], 9 * 512), [0x11; 9 * 512], "round {round}");
            assert_eq!(text(&buffers[1], 9 * 512), [0x22; 9 * 512]);
            let state = fixture.back.state();
            let used = state.seen.last().unwrap().seg[..2].iter().map(|segment| segment.gref);
            assert!(used.eq(buffers[1].refs()));
        }
        assert_eq!(fixture.guest.counters().pages_allocated, allocated);
        assert_eq!(fixture.back.state().maps, if persistent { 4 } else { 80 });
        // The backend has the buffers mapped until the end of the connection.
        drop(buffers);
        assert_eq!(fixture.grants.deferred().waiting, if persistent { 2 } else { 0 });
        fixture.shut(block);
    }
}

#[test]
fn switched_off_grants_are_not_offered() {
    let fixture = Fixture::new().persistent();
    let mut block = fixture.connect_as(BlkFrontConfig::default().with_persistent_pages(0));
    assert!(!block.has_persistent_grants());
    assert_eq!(fixture.front_node(), Some(0));
    let free = fixture.grants.free();
    drop(fixture.run(&mut block, [fixture.write(0, 1), fixture.read(0)]));
    assert_eq!((fixture.grants.free(), fixture.back.state().map_hits), (free, 0));
    assert_eq!(fixture.back.state().writable_writes, 0);
    fixture.shut(block);
}

#[test]
fn no_memory_is_no_offer() {
    let fixture = Fixture::with_few_pages().persistent();
    let id = fixture.device.get().id;
    let config = BlkFrontConfig::default();
    let mut block = BlkFront::<Domain>::new(&fixture.store, &fixture.grants, id, config).unwrap();
    let mut all: Vec<_> =
        core::iter::from_fn(|| Pages::alloc(fixture.guest.clone(), 1).ok()).collect();
    // For the ring, and for less than a request.
    all.truncate(all.len() - 6);
    fixture.reach(&mut block, DeviceState::Connected);
    assert!(!block.has_persistent_grants());
    assert_eq!(fixture.front_node(), Some(0));
    all.truncate(all.len() - 8);
    drop(fixture.run(&mut block, [fixture.write(0, 1), fixture.read(0)]));
    drop(all);
    fixture.shut(block);
}

#[test]
fn little_memory_is_small_pool() {
    let fixture = Fixture::with_few_pages().persistent();
    let id = fixture.device.get().id;
    let config = BlkFrontConfig::default();
    let mut block = BlkFront::<Domain>::new(&fixture.store, &fixture.grants, id, config).unwrap();
    let mut all: Vec<_> =
        core::iter::from_fn(|| Pages::alloc(fixture.guest.clone(), 1).ok()).collect();
    all.truncate(all.len() - 40);
    fixture.reach(&mut block, DeviceState::Connected);
    assert!(block.has_persistent_grants());
    let fits = block.free_slots();
    assert!((1..4).contains(&fits), "{fits}");
    let content = fixture.back.state().disk.clone();
    all.truncate(all.len() - 11 * fits);
    let read = |sector| Request::Read { sector, sectors: 88, buffer: fixture.pages(11) };
    let found = fixture.run(&mut block, (0..fits as u64).map(read));
    assert!(found[0].as_slice() == &content[..11 * 4096]);
    drop((found, all));
    fixture.shut(block);
}

#[test]
fn pool_limits_requests_in_flight() {
    let fixture = Fixture::new().persistent();
    let mut block = fixture.connect_as(BlkFrontConfig::default().with_persistent_pages(13));
    assert_eq!(block.free_slots(), 1);
    let read = |sectors: usize| Request::Read { sector: 0, sectors, buffer: fixture.pages(11) };
    block.submit(read(88)).unwrap();
    // Smaller ones still fit.
    block.submit(read(16)).unwrap();
    assert_eq!(block.free_slots(), 0);
    assert_eq!(block.submit(read(1)).unwrap_err().reason, RequestError::Full);
    let done = fixture.settled(&mut block, 2);
    assert!(done.iter().all(|done| done.outcome == Ok(())));
    drop(done);
    drop(fixture.run(&mut block, [read(88)]));
    fixture.shut(block);
}

/// D-B12, and a cap as in Linux's backend.
#[test]
fn unmapped_pages_do_no_harm() {
    for cap in [0, 3] {
        let fixture = Fixture::new().persistent();
        fixture.back.state().persistent_cap = cap;
        let mut block = fixture.block();
        for round in 0..3 {
            drop(fixture.run(&mut block, (0..32).map(|index| fixture.write(index * 8, round))));
            let found = fixture.run(&mut block, (0..32).map(|index| fixture.read(index * 8)));
            assert!(found.iter().all(|page| page.as_slice().iter().all(|&byte| byte == round)));
        }
        assert!(fixture.back.state().maps >= 3 * 64 - 6 * cap);
        fixture.shut(block);
    }
}

/// XSA-403.
#[test]
fn private_bytes_are_not_copied() {
    for trusted in [true, false] {
        let disk = VirtualDisk { trusted, ..VirtualDisk::new("xvda") };
        let fixture = Fixture::with_disk(&disk).persistent();
        let mut block = fixture.connect_for::<PagesRange<Domain>>();
        let buffer = |range| PagesRange::new(fixture.filled(0x5e), range).unwrap();
        // Sub-page ranges, at any byte: an untrusted backend gets no access to the page.
        let write = Request::Write { sector: 3, sectors: 2, buffer: buffer(777..3000) };
        drop(fixture.run(&mut block, [write]));
        let backend = fixture.world.domain(fixture.device.get().backend).unwrap();
        let mut exposed = 0;
        for reference in (8..512).map(GrantRef) {
            let area = GrantMapArea::reserve(backend.clone(), 1).unwrap();
            if let Ok(page) = area.map::<ReadWrite>(fixture.guest.id(), &[reference]) {
                let mut bytes = [0; 4096];
                page.as_ref().copy_to(0, &mut bytes).unwrap();
                exposed += bytes.iter().filter(|&&byte| byte == 0x5e).count();
            }
        }
        assert_eq!(exposed, 1024, "trusted: {trusted}");
        assert!(fixture.back.state().disk[3 * 512..5 * 512].iter().all(|&byte| byte == 0x5e));
        let read = Request::Read { sector: 2, sectors: 2, buffer: buffer(777..3000) };
        let mut expected = [0x5e; 4096];
        expected[777..1801].copy_from_slice(&fixture.back.state().disk[2 * 512..4 * 512]);
        let read = fixture.run(&mut block, [read]).remove(0);
        assert!(read.into_pages().as_slice() == expected);
        fixture.shut(block);
    }
}

/// D-B19.
#[test]
fn unwritten_copy_is_zeroes() {
    let fixture = Fixture::new().persistent();
    let mut block = fixture.connect_as(BlkFrontConfig::default().with_persistent_pages(11));
    drop(fixture.run(&mut block, [fixture.write(0, 0x5e)]));
    fixture.back.state().misbehaviour = Misbehaviour::Pretend;
    let buffer = fixture.filled(0x33);
    let found = fixture.run(&mut block, [Request::Read { sector: 0, sectors: 7, buffer }]);
    assert!(found[0].as_slice()[..7 * 512].iter().all(|&byte| byte == 0));
    assert!(found[0].as_slice()[7 * 512..].iter().all(|&byte| byte == 0x33));
    fixture.back.state().misbehaviour = Misbehaviour::Status(-1);
    let buffer = fixture.filled(0x33);
    block.submit(Request::Read { sector: 0, sectors: 8, buffer }).unwrap();
    let failed = fixture.settled(&mut block, 1).remove(0);
    assert_eq!(failed.outcome, Err(IoError::Failed));
    assert!(failed.buffer.unwrap().as_slice().iter().all(|&byte| byte == 0x33));
    fixture.shut(block);
}

/// D-B19: the disk may have any bytes, those of the mark of unwritten sectors included.
#[test]
fn marked_sectors_are_read_twice() {
    let fixture = Fixture::new().persistent();
    let mut block = fixture.block();
    drop(fixture.run(&mut block, [fixture.read(0)]));
    let mark = fixture.back.state().read_pages[504..512].to_vec();
    assert!(mark.iter().any(|&byte| byte != 0));
    for sector in [0, 7, 8] {
        fixture.back.state().disk[sector * 512 + 504..][..8].copy_from_slice(&mark);
    }
    let content = fixture.back.state().disk[..24 * 512].to_vec();
    let seen = fixture.back.state().seen.len();
    let found = fixture.run(&mut block, [0, 8, 16].map(|sector| fixture.read(sector)));
    for (page, expected) in found.iter().zip(content.chunks(4096)) {
        assert!(page.as_slice() == expected);
    }
    // The third one has no mark.
    assert_eq!(fixture.back.state().seen.len() - seen, 5);
    let pages = fixture.back.state().read_pages.len() - 2 * 4096;
    assert!(fixture.back.state().read_pages[pages..].iter().all(|&byte| byte == 0));
    fixture.shut(block);
}

/// D-B19.
#[test]
fn cancelled_read_is_not_repeated() {
    let fixture = Fixture::new().persistent();
    let mut block = fixture.block();
    fixture.back.state().misbehaviour = Misbehaviour::Pretend;
    let token = block.submit(fixture.read(0)).unwrap();
    assert!(block.cancel(token));
    let done = fixture.settled(&mut block, 1).remove(0);
    assert_eq!((done.token, done.outcome), (token, Err(IoError::Closed)));
    assert_eq!(fixture.back.state().seen.len(), 1);
    drop(done);
    fixture.shut(block);
}

#[test]
fn kept_pages_are_not_reused() {
    let fixture = Fixture::new().persistent();
    let mut block = fixture.connect_as::<DmaBuffer<Domain>>(BlkFrontConfig::default());
    fixture.back.state().misbehaviour = Misbehaviour::Hold;
    let request = |sector, byte| {
        let buffer = fixture.dma(3, byte);
        Request::Write { sector, sectors: 24, buffer }
    };
    let token = block.submit(request(0, 0x11)).unwrap();
    block.kick();
    fixture.world.run_for(Duration::from_millis(10));
    fixture.back.state().misbehaviour = Misbehaviour::None;
    fixture.write_backend_state(2);
    block.reopen();
    let done = fixture.settled(&mut block, 1).remove(0);
    assert_eq!((done.token, done.outcome), (token, Ok(())));
    // The content is in other pages, and the earlier backend still has these.
    assert_eq!(fixture.grants.retry_deferred(), DeferredGrants { waiting: 1, lost: 0 });
    assert!(fixture.back.state().disk[..24 * 512].iter().all(|&byte| byte == 0x11));
    fixture.back.state().unmap_kept();
    assert_eq!(fixture.grants.retry_deferred(), DeferredGrants::default());
    drop(done);
    fixture.shut(block);
}

#[test]
fn requests_outlive_their_grants() {
    for (suspended, later) in [(false, 0), (false, 1), (true, 0), (true, 1)] {
        let fixture = Fixture::new().persistent();
        let mut block = fixture.block();
        let mut dma = fixture.dma(1, 0x77);
        dma.grant(&fixture.grants, fixture.device.get().backend, 1).unwrap();
        fixture.back.state().misbehaviour = Misbehaviour::Forget;
        let requests = (0..32).map(|index| match index % 2 {
            0 => fixture.write(index * 8, 0x40 + index as u8),
            _ => Request::Read { sector: index * 8, sectors: 8, buffer: fixture.filled(0x5e) },
        });
        let tokens: Vec<_> = requests.map(|request| block.submit(request).unwrap()).collect();
        block.kick();
        fixture.world.run_for(Duration::from_millis(10));
        fixture.back.state().misbehaviour = Misbehaviour::None;
        // The next backend supports persistent grants, or does not.
        fixture.back.state().set("feature-persistent", later);
        let node = format!("{}/feature-persistent", fixture.device.get().backend_path());
        fixture.world.store().write(node, later).unwrap();
        if suspended {
            fixture.suspend();
            block.resume();
        } else {
            fixture.write_backend_state(2);
            block.reopen();
        }
        let mut done = fixture.settled(&mut block, 32);
        assert_eq!(block.has_persistent_grants(), later == 1);
        done.sort_by_key(|done| done.token);
        assert!(done.iter().map(|done| done.token).eq(tokens.iter().copied()));
        let disk = fixture.back.state().disk.clone();
        for (index, done) in done.into_iter().enumerate() {
            assert_eq!(done.outcome, Ok(()));
            let expected = &disk[index * 4096..][..4096];
            assert!(done.buffer.unwrap().as_slice() == expected);
            assert!(index % 2 == 1 || expected.iter().all(|&byte| byte == 0x40 + index as u8));
        }
        assert_eq!(fixture.back.state().seen_on.iter().filter(|&&on| on == 2).count(), 32);
        drop(dma);
        fixture.shut(block);
    }
}

#[test]
fn scattered_bytes_are_copied() {
    let fixture = Fixture::new().persistent();
    let mut block = fixture.connect_for::<Scattered>();
    // 37 sub-page ranges, no sector among them.
    let scattered = || {
        let part = |index: usize| PagesRange::new(fixture.pages(1), 7 * index..7 * index + 311);
        Scattered((0..37).map(|index| part(index).unwrap()).collect())
    };
    let content = fixture.back.state().disk.clone();
    let read = Request::Read { sector: 5, sectors: 22, buffer: scattered() };
    let buffer = fixture.run(&mut block, [read]).remove(0);
    assert!(buffer.bytes()[..22 * 512] == content[5 * 512..27 * 512]);
    drop(fixture.run(&mut block, [Request::Write { sector: 100, sectors: 22, buffer }]));
    assert!(fixture.back.state().disk[100 * 512..122 * 512] == content[5 * 512..27 * 512]);
    let refused = block.submit(Request::Read { sector: 0, sectors: 23, buffer: scattered() });
    let refused = refused.unwrap_err();
    assert_eq!(refused.reason, RequestError::Length { sectors: 23, limit: 22 });
    drop(refused);
    fixture.shut(block);
}

#[test]
fn grants_are_few_in_small_tables() {
    let guest = DomainConfig { max_grant_frames: 1, ..DomainConfig::new("guest") };
    let fixture = Fixture::with_guest(guest, &VirtualDisk::new("xvda")).persistent();
    let taken: Vec<_> = (0..300)
        .map(|_| fixture.grants.grant_read_only(fixture.pages(1), xen_hypercall::DomId(0)).unwrap())
        .collect();
    let mut block = fixture.block();
    assert!(block.has_persistent_grants() && block.free_slots() < 32);
    drop(fixture.run(&mut block, (0..8).map(|index| fixture.write(index * 8, 1))));
    drop(taken);
    fixture.shut(block);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn any_copied_transfer_matches_array(
        steps in proptest::collection::vec(
            (any::<bool>(), 0..SECTORS, 1usize..=88, 0usize..4096, any::<u8>()), 1..12
        ),
        cap in 0usize..40,
    ) {
        let fixture = Fixture::new().persistent();
        fixture.back.state().persistent_cap = cap;
        let config = BlkFrontConfig::default().with_persistent_pages(20);
        let mut block = fixture.connect_as::<PagesRange<Domain>>(config);
        let mut model = fixture.back.state().disk.clone();
        for (write, sector, count, start, byte) in steps {
            let sectors = count.min(SECTORS - sector);
            let range = sector * 512..(sector + sectors) * 512;
            let pages = fixture.pages(12);
            let mut buffer = PagesRange::new(pages, start..start + sectors * 512).unwrap();
            buffer.as_mut_slice().fill(byte);
            let sector = sector as u64;
            if write {
                model[range].fill(byte);
                drop(fixture.run(&mut block, [Request::Write { sector, sectors, buffer }]));
            } else {
                let request = Request::Read { sector, sectors, buffer };
                let found = fixture.run(&mut block, [request]).remove(0);
                prop_assert!(found.as_slice() == &model[range]);
            }
        }
        prop_assert!(fixture.back.state().disk == model);
        fixture.shut(block);
    }
}

#[test]
fn pool_takes_earlier_large_request() {
    let fixture = Fixture::new();
    let mut block = fixture.connect_as(BlkFrontConfig::default().with_persistent_pages(11));
    assert!(!block.has_persistent_grants());
    fixture.back.state().misbehaviour = Misbehaviour::Forget;
    let buffer = fixture.pages(20);
    let token = block.submit(Request::Read { sector: 0, sectors: 160, buffer }).unwrap();
    block.kick();
    fixture.world.run_for(Duration::from_millis(10));
    fixture.back.state().misbehaviour = Misbehaviour::None;
    let fixture = fixture.persistent();
    block.reopen();
    fixture.poll_until(&mut block, DeviceState::Connected);
    let done = fixture.settled(&mut block, 1).remove(0);
    assert_eq!((done.token, done.outcome), (token, Ok(())));
    assert!(block.has_persistent_grants());
    drop(done);
    fixture.shut(block);
}

/// The figures of `docs/PORTING.md`.
#[test]
fn memory_of_connection_is_as_documented() {
    for (persistent, indirect, expected) in [(0, 0, 3), (0, 32, 36), (352, 0, 361)] {
        let fixture = Fixture::new().persistent();
        fixture.back.state().set("feature-max-indirect-segments", 32);
        let counters = || fixture.guest.counters();
        let pages = || counters().pages_allocated - counters().pages_freed;
        let (before, config) = (pages(), BlkFrontConfig::default());
        let config = config.with_persistent_pages(persistent).with_indirect_requests(indirect);
        let block = fixture.connect_as::<Pages<Domain>>(config);
        assert_eq!(pages() - before, expected);
        fixture.shut(block);
    }
}
