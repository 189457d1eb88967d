use super::*;
use core::sync::atomic::Ordering::Relaxed;
use proptest::prelude::*;
use std::boxed::Box;
use std::vec::Vec as StdVec;
use xen_hypercall::{GrantRef, Page, SharedMem, observe_loads};
use xen_ring::BackRing;

const SLOTS: usize = DEFAULT_DEPTH;

type Front<'m> = Requests<&'m SharedMem, u32, SLOTS>;
type Back<'m> = BackRing<&'m SharedMem, BlkifRequest, BlkifResponse>;

const RSP_PROD: usize = 8;
const HEADER: usize = 64;
const SLOT: usize = 112;

fn page() -> Box<[Page; 1]> {
    Box::new([Page::ZERO])
}

fn read(sector: u64) -> WireRequest<'static> {
    WireRequest { operation: BlkifOp::READ, sector, segments: &[] }
}

/// A front end with one read published, whose payload is 7, and what the peer got.
fn one_in_flight(mem: &SharedMem) -> (Front<'_>, Token, BlkifRequest) {
    let mut front = Front::new(mem, 0).unwrap();
    let token = Token(front.next);
    front.push(token, &read(5), 7).unwrap();
    let _ = front.publish();
    let request = mem.read(HEADER).unwrap();
    (front, token, request)
}

/// Writes a response to slot `index` and publishes it, whatever it says.
fn respond(mem: &SharedMem, index: u32, response: &BlkifResponse) {
    mem.write(HEADER + index as usize % SLOTS * SLOT, response).unwrap();
    mem.u32::<RSP_PROD>().store(index + 1, Relaxed);
}

fn okay(request: &BlkifRequest) -> BlkifResponse {
    BlkifResponse { id: request.id, operation: request.operation, ..Default::default() }
}

#[test]
fn a_request_lies_in_the_ring_as_the_header_says_and_its_payload_comes_back() {
    let mut page = page();
    let mem = SharedMem::from_pages(&mut page);
    let mut front = Front::new(mem, 0xca00).unwrap();
    let list = segments(&[GrantRef(11), GrantRef(12)], 9);
    let order = WireRequest { operation: BlkifOp::WRITE, sector: 0x1234, segments: &list };
    let token = Token(front.next);
    front.push(token, &order, 7).unwrap();
    assert_eq!(front.publish(), Notify::Send);
    let request: BlkifRequest = mem.read(HEADER).unwrap();
    assert_eq!(
        (request.operation, request.nr_segments, request.handle),
        (BlkifOp::WRITE, 2, 0xca00)
    );
    assert_eq!(request.sector_number, 0x1234);
    let part =
        |gref, last_sect| BlkifRequestSegment { gref, first_sect: 0, last_sect, _pad0: [0; 2] };
    assert_eq!(
        request.seg[..3],
        [part(GrantRef(11), 7), part(GrantRef(12), 0), Default::default()]
    );
    respond(mem, 0, &BlkifResponse { status: BlkifStatus::ERROR, ..okay(&request) });
    let done = Shadow { token, operation: BlkifOp::WRITE, payload: 7 };
    assert_eq!(front.next_completed(), Ok(Some((done, BlkifStatus::ERROR))));
    assert_eq!((front.next_completed(), front.in_flight()), (Ok(None), 0));
}

#[test]
fn segments_cover_the_sectors_and_no_more_pages_than_these_need() {
    let refs: StdVec<_> = (1..=11).map(GrantRef).collect();
    for sectors in 1..=88 {
        let list = segments(&refs, sectors);
        let total: usize = list.iter().map(|s| usize::from(s.last_sect - s.first_sect) + 1).sum();
        assert_eq!((total, list.len()), (sectors, sectors.div_ceil(8)));
        assert!(list.iter().all(|s| s.first_sect == 0 && s.last_sect < 8));
    }
    assert!(segments(&[], 0).is_empty());
}

#[test]
fn the_ring_takes_32_requests_and_hands_the_next_payload_back() {
    let mut page = page();
    let mut front = Front::new(SharedMem::from_pages(&mut page), 0).unwrap();
    for payload in 0..32 {
        assert!(front.push(Token(front.next), &read(0), payload).is_ok());
    }
    assert_eq!(
        (front.push(Token(front.next), &read(0), 99), front.free_slots(), front.in_flight()),
        (Err(99), 0, 32)
    );
}

#[test]
fn d_b01_an_id_that_was_never_used_breaks_the_device() {
    for wrong in [1, 31, 32, 64, 1 << 32, u64::MAX] {
        let mut page = page();
        let mem = SharedMem::from_pages(&mut page);
        let (mut front, token, request) = one_in_flight(mem);
        let id = request.id ^ wrong;
        respond(mem, 0, &BlkifResponse { id, ..okay(&request) });
        let broken = ProtocolError::UnknownId { id };
        assert_eq!(front.next_completed(), Err(broken));
        assert_eq!(
            (front.next_completed(), front.push(Token(front.next), &read(0), 9)),
            (Err(broken), Err(9)),
            "for good"
        );
        assert_eq!(front.publish(), Notify::Skip);
        assert_eq!(front.take_in_flight().map(|done| (done.token, done.payload)), Some((token, 7)));
        assert_eq!(front.take_in_flight(), None);
    }
}

#[test]
fn d_b01_the_same_id_twice_breaks_the_device() {
    let mut page = page();
    let mem = SharedMem::from_pages(&mut page);
    let (mut front, _, request) = one_in_flight(mem);
    front.push(Token(front.next), &read(6), 8).unwrap();
    let _ = front.publish();
    respond(mem, 0, &okay(&request));
    assert_eq!(front.next_completed().unwrap().unwrap().0.payload, 7);
    respond(mem, 1, &okay(&request));
    assert_eq!(front.next_completed(), Err(ProtocolError::UnknownId { id: request.id }));
    assert_eq!(front.take_in_flight().map(|done| done.payload), Some(8));
}

#[test]
fn d_b01_a_repeated_id_is_found_out_though_its_slot_has_a_new_request() {
    let mut page = page();
    let mem = SharedMem::from_pages(&mut page);
    let (mut front, _, request) = one_in_flight(mem);
    respond(mem, 0, &okay(&request));
    assert_eq!(front.next_completed().unwrap().unwrap().0.payload, 7);
    front.push(Token(front.next), &read(6), 8).unwrap();
    let _ = front.publish();
    let second: BlkifRequest = mem.read(HEADER + SLOT).unwrap();
    assert_eq!(second.id % 32, request.id % 32);
    respond(mem, 1, &okay(&request));
    assert_eq!(front.next_completed(), Err(ProtocolError::UnknownId { id: request.id }));
}

#[test]
fn d_b01_a_response_to_what_was_not_published_yet_breaks_the_device() {
    let mut page = page();
    let mem = SharedMem::from_pages(&mut page);
    let (mut front, _, request) = one_in_flight(mem);
    front.push(Token(front.next), &read(6), 8).unwrap();
    let second: BlkifRequest = mem.read(HEADER + SLOT).unwrap();
    respond(mem, 0, &BlkifResponse { id: second.id, ..okay(&request) });
    assert_eq!(front.next_completed(), Err(ProtocolError::UnknownId { id: second.id }));
}

#[test]
fn d_b02_a_response_to_another_operation_breaks_the_device() {
    let mut page = page();
    let mem = SharedMem::from_pages(&mut page);
    let (mut front, _, request) = one_in_flight(mem);
    respond(mem, 0, &BlkifResponse { operation: BlkifOp::WRITE, ..okay(&request) });
    let broken = ProtocolError::WrongOperation { found: BlkifOp::WRITE, expected: BlkifOp::READ };
    assert_eq!(front.next_completed(), Err(broken));
    assert_eq!(front.in_flight(), 1, "the payload is kept");
}

#[test]
fn d_b03_an_unknown_status_is_passed_on_and_the_device_goes_on() {
    let mut page = page();
    let mem = SharedMem::from_pages(&mut page);
    let (mut front, _, request) = one_in_flight(mem);
    respond(mem, 0, &BlkifResponse { status: BlkifStatus(77), ..okay(&request) });
    assert_eq!(front.next_completed().unwrap().unwrap().1, BlkifStatus(77));
    assert!(front.push(Token(front.next), &read(0), 1).is_ok());
}

#[test]
fn an_impossible_ring_index_breaks_the_device_and_loses_no_payload() {
    let mut page = page();
    let mem = SharedMem::from_pages(&mut page);
    let (mut front, _, _) = one_in_flight(mem);
    mem.u32::<RSP_PROD>().store(2, Relaxed);
    assert!(matches!(front.next_completed(), Err(ProtocolError::Ring(_))));
    assert_eq!(front.take_in_flight().map(|done| done.payload), Some(7));
}

#[test]
fn what_the_peer_does_to_the_request_in_the_ring_changes_nothing_here() {
    let mut page = page();
    let mem = SharedMem::from_pages(&mut page);
    let (mut front, _, request) = one_in_flight(mem);
    mem.copy_from(HEADER, &[0xff; 4096 - HEADER]).unwrap();
    respond(mem, 0, &okay(&request));
    assert_eq!(front.next_completed().unwrap().unwrap().0.payload, 7);
}

#[test]
fn answer_between_two_looks_is_taken() {
    let mut page = page();
    let mem = SharedMem::from_pages(&mut page);
    let (mut front, _, request) = one_in_flight(mem);
    // It is published right after the first look at the index.
    let mut peer = |_, _| respond(mem, 0, &okay(&request));
    let done = observe_loads(&mut peer, || front.next_completed());
    assert_eq!(done.unwrap().unwrap().0.payload, 7);
}

#[test]
fn impossible_depths_have_no_ring() {
    let depths = [32, 64, 128, 256, 512];
    assert_eq!(depths.map(ring_order), [0, 1, 2, 3, 4]);
    for depth in [0, 1, 16, 33, 48, 1024, usize::MAX] {
        assert!(std::panic::catch_unwind(|| ring_order(depth)).is_err(), "{depth}");
    }
}

proptest! {
    #[test]
    fn every_payload_comes_back_once_in_whatever_order_the_peer_answers(
        steps in proptest::collection::vec((0usize..40, any::<prop::sample::Index>()), 1..200)
    ) {
        let mut page = page();
        let mem = SharedMem::from_pages(&mut page);
        let (mut front, mut back) = (Front::new(mem, 0).unwrap(), Back::attach(mem).unwrap());
        let mut waiting: StdVec<BlkifRequest> = StdVec::new();
        let (mut next, mut out) = (0u32, StdVec::new());
        for (pushes, pick) in steps {
            for _ in 0..pushes {
                if front.push(Token(front.next), &read(u64::from(next)), next).is_ok() {
                    next += 1;
                }
            }
            let _ = front.publish();
            while let Ok(Some(request)) = back.pop() {
                waiting.push(request);
            }
            let answers = pick.index(waiting.len() + 1);
            for _ in 0..answers {
                let request = waiting.swap_remove(pick.index(waiting.len()));
                back.push(&okay(&request)).unwrap();
            }
            let _ = back.publish();
            while let Some((done, status)) = front.next_completed().unwrap() {
                prop_assert_eq!(status, BlkifStatus::OKAY);
                out.push(done.payload);
            }
            prop_assert_eq!(front.in_flight(), waiting.len());
        }
        prop_assert_eq!(out.len() + waiting.len(), next as usize);
        out.extend(waiting.iter().map(|request| request.sector_number as u32));
        out.sort_unstable();
        prop_assert!(out.iter().copied().eq(0..next));
    }

    #[test]
    fn whatever_a_peer_writes_each_payload_comes_back_exactly_once(
        count in 0u32..=32, index: u32, garbage in proptest::collection::vec(any::<u8>(), 4096 - HEADER),
        lawful: bool,
    ) {
        let mut page = page();
        let mem = SharedMem::from_pages(&mut page);
        let mut front = Front::new(mem, 0).unwrap();
        for payload in 0..count {
            front.push(Token(front.next), &read(0), payload).unwrap();
        }
        let _ = front.publish();
        mem.copy_from(HEADER, &garbage).unwrap();
        mem.u32::<RSP_PROD>().store(if lawful { count } else { index }, Relaxed);
        let mut out = StdVec::new();
        while let Ok(Some((done, _))) = front.next_completed() {
            out.push(done.payload);
        }
        out.extend(core::iter::from_fn(|| front.take_in_flight()).map(|done| done.payload));
        out.sort_unstable();
        prop_assert!(out.iter().copied().eq(0..count));
    }
}
