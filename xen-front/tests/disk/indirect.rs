//! Indirect requests: their segments are in a page of their own.

use super::Fixture;
use super::blkback::{Misbehaviour, indirect_of};
use core::time::Duration;
use std::collections::HashSet;
use xen_front::DmaBuffer;
use xen_front::block::*;
use xen_grant::PagesRange;
use xen_hypercall::{Pages, Platform};
use xen_sim::Domain;
use xen_sys::io::blkif::BlkifOp;

const LONG: usize = MAX_SEGMENTS * SECTORS_PER_PAGE;

impl Fixture {
    /// Has the backend accept indirect requests, in either mode.
    fn indirect(self, limit: impl ToString, persistent: bool) -> Self {
        self.back.state().set("feature-max-indirect-segments", limit);
        if persistent { self.persistent() } else { self }
    }

    fn long(&self, sector: u64) -> Request<Pages<Domain>> {
        Request::Read { sector, sectors: LONG, buffer: self.pages(MAX_SEGMENTS) }
    }

    /// Returns the slots of the ring that requests have taken so far.
    fn slots(&self) -> usize {
        self.back.state().seen.len()
    }
}

#[test]
fn indirect_request_takes_one_slot() {
    for persistent in [false, true] {
        let fixture = Fixture::new().indirect(256, persistent);
        let mut block = fixture.block();
        let mut model = fixture.back.state().disk.clone();
        for sectors in [1, 88, 89, 176, 177, 511, LONG] {
            let mut buffer = fixture.pages(sectors.div_ceil(SECTORS_PER_PAGE));
            buffer.as_mut_slice().fill(sectors as u8);
            let before = fixture.slots();
            let write = Request::Write { sector: 3, sectors, buffer };
            let buffer = fixture.run(&mut block, [write]).remove(0);
            assert_eq!(fixture.slots(), before + 1);
            let is_indirect =
                fixture.back.state().seen.last().unwrap().operation == BlkifOp::INDIRECT;
            assert_eq!(is_indirect, sectors > MAX_PAGES * SECTORS_PER_PAGE);
            model[3 * 512..][..sectors * 512].fill(sectors as u8);
            assert!(fixture.back.state().disk == model, "{sectors} sectors");
            let read = Request::Read { sector: 1, sectors, buffer };
            let buffer = fixture.run(&mut block, [read]).remove(0);
            assert!(buffer.as_slice()[..sectors * 512] == model[512..][..sectors * 512]);
        }
        // One request at a time had the same page each time.
        let maps = if persistent { 1 } else { 10 };
        assert_eq!(fixture.back.state().indirect_maps, maps);
        fixture.shut(block);
    }
}

#[test]
fn full_ring_has_a_page_each() {
    let fixture = Fixture::new().indirect(64, false);
    let mut block = fixture.connect_as::<DmaBuffer<Domain>>(BlkFrontConfig::default());
    let new = |_| DmaBuffer::alloc(fixture.guest.clone(), MAX_SEGMENTS).unwrap();
    let mut buffers: Vec<_> = (0..32).map(new).collect();
    for round in 0..3 {
        let allocated = fixture.guest.counters().pages_allocated;
        let read =
            |(index, buffer): (u64, _)| Request::Read { sector: index * 8, sectors: LONG, buffer };
        buffers = fixture.run(&mut block, (0..).zip(buffers).map(read));
        // The first round grants the buffers.
        assert!(round == 0 || fixture.guest.counters().pages_allocated == allocated);
        let state = fixture.back.state();
        assert_eq!(state.seen.len(), 32 * (round + 1));
        let pages: HashSet<_> =
            state.seen.iter().map(|request| indirect_of(request).indirect_grefs[0]).collect();
        assert_eq!(pages.len(), 32);
    }
    let mut found = vec![0; LONG * 512];
    for (index, buffer) in buffers.iter().enumerate() {
        buffer.as_ref().copy_to(0, &mut found).unwrap();
        assert!(found == fixture.back.state().disk[index * 8 * 512..][..LONG * 512]);
    }
    drop(buffers);
    fixture.shut(block);
}

#[test]
fn limits_are_kept() {
    // The slots of requests of 12, 32 and 64 segments.
    for (limit, slots) in [
        ("0", [2, 3, 6]),
        ("11", [2, 3, 6]),
        ("12", [1, 3, 6]),
        ("32", [1, 1, 6]),
        ("64", [1, 1, 1]),
        ("4294967295", [1, 1, 1]),
    ] {
        let fixture = Fixture::new().indirect(limit, false);
        let mut block = fixture.block();
        for (pages, slots) in [12, 32, 64].into_iter().zip(slots) {
            let before = fixture.slots();
            let (sectors, buffer) = (pages * SECTORS_PER_PAGE, fixture.pages(pages));
            drop(fixture.run(&mut block, [Request::Read { sector: 0, sectors, buffer }]));
            assert_eq!(fixture.slots() - before, slots, "{limit}: {pages} pages");
        }
        fixture.shut(block);
    }
}

/// D-B17.
#[test]
fn impossible_limits_are_refused() {
    for limit in ["abc", "", "-1", "4294967296"] {
        let fixture = Fixture::new().indirect(limit, false);
        let error = fixture.connect_error().to_string();
        assert!(error.contains("feature-max-indirect-segments"), "{limit}: {error}");
        fixture.finish();
    }
}

#[test]
fn requests_beyond_the_pages_are_split() {
    let fixture = Fixture::new().indirect(64, false);
    let config = BlkFrontConfig::default();
    for (requests, slots) in [(0, [6, 6]), (1, [1, 6]), (2, [1, 1]), (u16::MAX, [1, 1])] {
        let mut block = fixture.connect_as(config.with_indirect_requests(requests));
        let before = fixture.slots();
        drop(fixture.run(&mut block, [fixture.long(0), fixture.long(8)]));
        assert_eq!(fixture.slots() - before, slots[0] + slots[1], "{requests} pages");
        fixture.close(block);
    }
    fixture.finish();
}

#[test]
fn lack_of_memory_splits_requests() {
    let fixture = Fixture::new().indirect(64, false);
    let mut block: BlkFront<Domain> =
        BlkFront::open(&fixture.store, &fixture.grants, fixture.device.get().id).unwrap();
    while block.port().is_none() {
        fixture.world.run_for(Duration::from_millis(1));
        block.poll(fixture.guest.now()).unwrap();
    }
    let held: Vec<_> =
        core::iter::from_fn(|| Pages::alloc(fixture.guest.clone(), 1).ok()).collect();
    fixture.reach(&mut block, DeviceState::Connected);
    drop(held);
    drop(fixture.run(&mut block, [fixture.long(0)]));
    assert_eq!(fixture.slots(), 6);
    fixture.shut(block);
}

#[test]
fn requeued_requests_follow_the_limit() {
    for persistent in [false, true] {
        // The slots of each of the two requests on the second connection.
        for (first, second, slots) in [(64, "0", 6), (0, "64", 1), (64, "32", 6), (64, "64", 1)] {
            let fixture = Fixture::new().indirect(first, persistent);
            let mut block = fixture.block();
            fixture.back.state().misbehaviour = Misbehaviour::Silent;
            let mut tokens = Vec::new();
            for sector in [0, 512] {
                let mut buffer = fixture.pages(MAX_SEGMENTS);
                buffer.as_mut_slice().fill(0x6b);
                let write = Request::Write { sector, sectors: LONG, buffer };
                tokens.push(block.submit(write).unwrap());
            }
            block.kick();
            fixture.world.run_for(Duration::from_millis(5));
            assert!(fixture.slots() >= 2 && block.complete().is_none());
            fixture.back.state().misbehaviour = Misbehaviour::None;
            fixture.back.state().set("feature-max-indirect-segments", second);
            fixture.write_backend_state(2);
            let back = fixture.device.get().backend_path();
            let store = fixture.world.store();
            store.write(format!("{back}/feature-max-indirect-segments"), second).unwrap();
            block.reopen();
            let done = fixture.settled(&mut block, 2);
            assert!(done.iter().all(|done| done.outcome == Ok(())));
            assert!(done.iter().map(|done| done.token).eq(tokens));
            drop(done);
            let state = fixture.back.state();
            assert_eq!(state.seen_on.iter().filter(|&&on| on == 2).count(), 2 * slots);
            assert!(state.disk[..1024 * 512].iter().all(|&byte| byte == 0x6b));
            drop(state);
            fixture.shut(block);
        }
    }
}

#[test]
fn outer_operation_breaks_device() {
    let fixture = Fixture::new().indirect(64, false);
    let mut block = fixture.block();
    fixture.back.state().misbehaviour = Misbehaviour::OuterOperation;
    drop(fixture.run(&mut block, [fixture.read(0)]));
    block.submit(fixture.long(0)).unwrap();
    let done = fixture.settled(&mut block, 1).remove(0);
    let (found, expected) = (BlkifOp::INDIRECT, BlkifOp::READ);
    let broken = ProtocolError::WrongOperation { found, expected };
    assert_eq!(done.outcome, Err(IoError::Broken(broken)));
    drop(done);
    fixture.shut(block);
}

#[test]
fn whole_request_keeps_sectors_whole() {
    let fixture = Fixture::new().indirect(64, false);
    fixture.back.state().set("sector-size", 4096);
    let mut block = fixture.connect_as::<PagesRange<Domain>>(BlkFrontConfig::default());
    let buffer = PagesRange::new(fixture.pages(21), 512..512 + 160 * 512).unwrap();
    let read = Request::Read { sector: 8, sectors: 160, buffer };
    let buffer = fixture.run(&mut block, [read]).remove(0);
    assert!(buffer.as_slice() == &fixture.back.state().disk[8 * 512..][..160 * 512]);
    drop(buffer);
    fixture.shut(block);
}
