//! Requests of more segments than a slot of the ring has.

use super::Fixture;
use super::blkback::Misbehaviour;
use core::time::Duration;
use xen_front::DmaBuffer;
use xen_front::block::*;
use xen_grant::PagesRange;
use xen_sim::Domain;

const LONG: usize = MAX_SEGMENTS * SECTORS_PER_PAGE;

#[test]
fn long_request_completes_once() {
    for persistent in [false, true] {
        let fixture = Fixture::new();
        let fixture = if persistent { fixture.persistent() } else { fixture };
        let mut block = fixture.block();
        let mut model = fixture.back.state().disk.clone();
        for sectors in [1, 88, 89, 176, 177, 511, LONG] {
            let mut buffer = fixture.pages(sectors.div_ceil(SECTORS_PER_PAGE));
            buffer.as_mut_slice().fill(sectors as u8);
            let before = fixture.back.state().seen.len();
            let write = Request::Write { sector: 3, sectors, buffer };
            let buffer = fixture.run(&mut block, [write]).remove(0);
            let slots = fixture.back.state().seen.len() - before;
            assert_eq!(slots, sectors.div_ceil(MAX_PAGES * SECTORS_PER_PAGE));
            model[3 * 512..][..sectors * 512].fill(sectors as u8);
            assert!(fixture.back.state().disk == model, "{sectors} sectors");
            let read = Request::Read { sector: 1, sectors, buffer };
            let buffer = fixture.run(&mut block, [read]).remove(0);
            assert!(buffer.as_slice()[..sectors * 512] == model[512..][..sectors * 512]);
        }
        let buffer = fixture.pages(MAX_SEGMENTS + 1);
        let refused = block.submit(Request::Read { sector: 0, sectors: LONG + 1, buffer });
        assert!(matches!(
            refused.unwrap_err().reason,
            RequestError::Segments { found: 65 } | RequestError::Length { limit: LONG, .. }
        ));
        fixture.shut(block);
    }
}

#[test]
fn long_dma_buffer_is_not_copied() {
    let fixture = Fixture::new().persistent();
    let mut block = fixture.connect_as::<DmaBuffer<Domain>>(BlkFrontConfig::default());
    let mut buffer = DmaBuffer::alloc(fixture.guest.clone(), MAX_SEGMENTS).unwrap();
    for _ in 0..3 {
        let read = Request::Read { sector: 8, sectors: LONG, buffer };
        buffer = fixture.run(&mut block, [read]).remove(0);
    }
    let mut found = vec![0; LONG * 512];
    buffer.as_ref().copy_to(0, &mut found).unwrap();
    assert!(found == fixture.back.state().disk[8 * 512..][..LONG * 512]);
    assert_eq!(fixture.back.state().maps, MAX_SEGMENTS);
    drop(buffer);
    fixture.shut(block);
}

#[test]
fn long_request_waits_for_slots() {
    let fixture = Fixture::new();
    let mut block = fixture.block();
    let long = || Request::Read { sector: 0, sectors: LONG, buffer: fixture.pages(MAX_SEGMENTS) };
    for _ in 0..5 {
        block.submit(long()).unwrap();
    }
    assert_eq!((block.in_flight(), block.free_slots()), (5, 2));
    assert_eq!(block.submit(long()).unwrap_err().reason, RequestError::Full);
    block.submit(fixture.read(0)).unwrap();
    assert!(fixture.settled(&mut block, 6).iter().all(|done| done.outcome == Ok(())));
    assert_eq!(block.free_slots(), 32);
    fixture.shut(block);
}

#[test]
fn partly_answered_request_is_repeated() {
    for persistent in [false, true] {
        let fixture = Fixture::new();
        let fixture = if persistent { fixture.persistent() } else { fixture };
        let mut block = fixture.block();
        fixture.back.state().misbehaviour = Misbehaviour::Slow;
        let mut buffer = fixture.pages(40);
        buffer.as_mut_slice().fill(0x6b);
        let write = Request::Write { sector: 0, sectors: 320, buffer };
        let token = block.submit(write).unwrap();
        block.kick();
        // Two of four responses.
        fixture.world.run_for(Duration::from_millis(1500));
        assert!(block.complete().is_none());
        fixture.back.state().misbehaviour = Misbehaviour::None;
        fixture.write_backend_state(2);
        block.reopen();
        let done = fixture.settled(&mut block, 1).remove(0);
        assert_eq!((done.token, done.outcome), (token, Ok(())));
        assert!(done.buffer.unwrap().as_slice().iter().all(|&byte| byte == 0x6b));
        assert_eq!(fixture.back.state().seen_on.iter().filter(|&&on| on == 2).count(), 4);
        assert!(fixture.back.state().disk[..320 * 512].iter().all(|&byte| byte == 0x6b));
        fixture.shut(block);
    }
}

#[test]
fn split_sector_of_disk_is_refused() {
    let fixture = Fixture::new();
    fixture.back.state().set("sector-size", 4096);
    let mut block = fixture.connect_for::<PagesRange<Domain>>();
    let part = |start: usize, sectors: usize| {
        let pages = fixture.pages((start + sectors * 512).div_ceil(4096));
        PagesRange::new(pages, start..start + sectors * 512).unwrap()
    };
    let aligned = Request::Read { sector: 0, sectors: 160, buffer: part(0, 160) };
    drop(fixture.run(&mut block, [aligned]));
    let split = Request::Read { sector: 0, sectors: 160, buffer: part(512, 160) };
    let refused = block.submit(split).unwrap_err();
    assert_eq!(refused.reason, RequestError::Misaligned { sector_size: 4096 });
    drop(refused);
    fixture.shut(block);
}
