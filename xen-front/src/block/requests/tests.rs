use super::*;
use crate::block::ring::{Body, RING_SLOTS, WireRequest};
use crate::block::segments::Segments;
use core::sync::atomic::Ordering::Relaxed;
use proptest::prelude::*;
use std::boxed::Box;
use std::vec::Vec as StdVec;
use xen_hypercall::{GrantRef, Page, Pages, SharedMem, observe_loads};
use xen_ring::{BackRing, Notify};
use xen_sim::{Domain, DomainConfig, World};
use xen_sys::io::blkif::{BlkifOp, BlkifRequest, BlkifRequestSegment, BlkifResponse};

const SLOTS: usize = RING_SLOTS as usize;

type Back<'m> = BackRing<&'m SharedMem, BlkifRequest, BlkifResponse>;

const RSP_PROD: usize = 8;
const HEADER: usize = 64;
const SLOT: usize = 112;

fn page() -> Box<[Page; 1]> {
    Box::new([Page::ZERO])
}

/// A ring and the requests on it, identified by their sectors.
struct Front<'m> {
    ring: RequestRing<&'m SharedMem>,
    requests: Requests<Domain, Pages<Domain>>,
}

impl<'m> Front<'m> {
    fn new(mem: &'m SharedMem, handle: u16) -> Self {
        let guest = World::new(1).create_guest(DomainConfig::new("guest"));
        let requests = Requests::alloc(guest, RING_SLOTS).unwrap();
        Self { ring: RequestRing::new(mem, handle).unwrap(), requests }
    }

    fn push_wire(&mut self, request: &WireRequest<'_>) -> Option<Token> {
        let slot = self.requests.next_free()?;
        let number = self.ring.push(slot, request)?;
        let &WireRequest { operation, sector, .. } = request;
        let command = Command::new(operation, sector, 1);
        let token = Token(number);
        self.requests.add(token, command, InFlight { number, buffer: RequestBuffer::unused(None) });
        Some(token)
    }

    fn push(&mut self, sector: u64) -> Option<Token> {
        let body = Body::Segments(&[]);
        self.push_wire(&WireRequest { operation: BlkifOp::READ, sector, body })
    }

    fn next_response(&mut self) -> Result<Option<(u64, BlkifStatus)>, ProtocolError> {
        let next = self.requests.next_response(&mut self.ring);
        next.map(|next| next.map(|ended| (ended.command.sector, ended.status)))
    }

    fn end_next(&mut self) -> Option<u64> {
        self.requests.end_next().map(|ended| ended.command.sector)
    }
}

/// Returns a frontend with one published read of sector 7, and the request on the ring.
fn one_in_flight(mem: &SharedMem) -> (Front<'_>, BlkifRequest) {
    let mut front = Front::new(mem, 0);
    front.push(7).unwrap();
    let _ = front.ring.publish();
    let request = mem.read(HEADER).unwrap();
    (front, request)
}

/// Writes a response to slot `index` and publishes it without any check.
fn respond(mem: &SharedMem, index: u32, response: &BlkifResponse) {
    mem.write(HEADER + index as usize % SLOTS * SLOT, response).unwrap();
    mem.u32::<RSP_PROD>().store(index + 1, Relaxed);
}

fn okay(request: &BlkifRequest) -> BlkifResponse {
    BlkifResponse { id: request.id, operation: request.operation, ..Default::default() }
}

#[test]
fn request_layout_is_the_headers() {
    let mut page = page();
    let mem = SharedMem::from_pages(&mut page);
    let mut front = Front::new(mem, 0xca00);
    let guest = World::new(1).create_guest(DomainConfig::new("guest"));
    let mut segments = Segments::new();
    segments.add(&Pages::alloc(guest, 2).unwrap(), 9, true).unwrap();
    segments.set_refs([GrantRef(11), GrantRef(12)].into_iter());
    let segments = segments.list();
    let body = Body::Segments(segments);
    let request = WireRequest { operation: BlkifOp::WRITE, sector: 0x1234, body };
    front.push_wire(&request).unwrap();
    assert_eq!(front.ring.publish(), Notify::Send);
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
    assert_eq!(front.next_response(), Ok(Some((0x1234, BlkifStatus::ERROR))));
    assert_eq!((front.next_response(), front.requests.in_flight()), (Ok(None), 0));
}

/// A table of 32 requests is one page.
#[test]
fn in_flight_request_is_small() {
    fn check<T: Send + 'static>(limit: usize) {
        assert!(size_of::<T>() <= limit, "{}", size_of::<T>());
    }
    check::<InFlight<Domain, Pages<Domain>>>(64);
    check::<Entry<Domain, Pages<Domain>>>(128);
    check::<Requests<Domain, Pages<Domain>>>(128);
}

#[test]
fn ring_holds_32_requests() {
    let mut page = page();
    let mut front = Front::new(SharedMem::from_pages(&mut page), 0);
    for sector in 0..32 {
        assert!(front.push(sector).is_some());
    }
    assert_eq!((front.push(99), front.ring.free(), front.requests.in_flight()), (None, 0, 32));
    assert_eq!((front.requests.next_free(), front.requests.free()), (None, 0));
}

/// D-B01.
#[test]
fn unused_id_breaks_ring() {
    for wrong in [1, 31, 32, 64, 512, 1 << 32, u64::MAX] {
        let mut page = page();
        let mem = SharedMem::from_pages(&mut page);
        let (mut front, request) = one_in_flight(mem);
        let id = request.id ^ wrong;
        respond(mem, 0, &BlkifResponse { id, ..okay(&request) });
        let broken = ProtocolError::UnknownId { id };
        assert_eq!(front.next_response(), Err(broken));
        assert_eq!((front.next_response(), front.push(9)), (Err(broken), None), "for good");
        assert_eq!((front.ring.publish(), front.ring.free()), (Notify::Skip, 0));
        assert_eq!((front.end_next(), front.end_next()), (Some(7), None));
    }
}

/// D-B01.
#[test]
fn same_id_twice_breaks_ring() {
    let mut page = page();
    let mem = SharedMem::from_pages(&mut page);
    let (mut front, request) = one_in_flight(mem);
    front.push(8).unwrap();
    let _ = front.ring.publish();
    respond(mem, 0, &okay(&request));
    assert_eq!(front.next_response().unwrap().unwrap().0, 7);
    respond(mem, 1, &okay(&request));
    assert_eq!(front.next_response(), Err(ProtocolError::UnknownId { id: request.id }));
    assert_eq!(front.end_next(), Some(8));
}

/// D-B01.
#[test]
fn repeated_id_in_reused_slot_breaks() {
    let mut page = page();
    let mem = SharedMem::from_pages(&mut page);
    let (mut front, request) = one_in_flight(mem);
    respond(mem, 0, &okay(&request));
    assert_eq!(front.next_response().unwrap().unwrap().0, 7);
    front.push(8).unwrap();
    let _ = front.ring.publish();
    let second: BlkifRequest = mem.read(HEADER + SLOT).unwrap();
    assert_eq!(second.id % 512, request.id % 512);
    respond(mem, 1, &okay(&request));
    assert_eq!(front.next_response(), Err(ProtocolError::UnknownId { id: request.id }));
}

/// D-B01.
#[test]
fn response_before_publish_breaks_ring() {
    let mut page = page();
    let mem = SharedMem::from_pages(&mut page);
    let (mut front, request) = one_in_flight(mem);
    front.push(8).unwrap();
    let second: BlkifRequest = mem.read(HEADER + SLOT).unwrap();
    respond(mem, 0, &BlkifResponse { id: second.id, ..okay(&request) });
    assert_eq!(front.next_response(), Err(ProtocolError::UnknownId { id: second.id }));
}

/// D-B02.
#[test]
fn wrong_operation_breaks_ring() {
    let mut page = page();
    let mem = SharedMem::from_pages(&mut page);
    let (mut front, request) = one_in_flight(mem);
    respond(mem, 0, &BlkifResponse { operation: BlkifOp::WRITE, ..okay(&request) });
    let broken = ProtocolError::WrongOperation { found: BlkifOp::WRITE, expected: BlkifOp::READ };
    assert_eq!(front.next_response(), Err(broken));
    assert_eq!(front.requests.in_flight(), 1, "the buffer is kept");
}

/// D-B03.
#[test]
fn unknown_status_breaks_nothing() {
    let mut page = page();
    let mem = SharedMem::from_pages(&mut page);
    let (mut front, request) = one_in_flight(mem);
    respond(mem, 0, &BlkifResponse { status: BlkifStatus(77), ..okay(&request) });
    assert_eq!(front.next_response().unwrap().unwrap().1, BlkifStatus(77));
    assert!(front.push(1).is_some());
}

#[test]
fn impossible_index_loses_no_request() {
    let mut page = page();
    let mem = SharedMem::from_pages(&mut page);
    let (mut front, _) = one_in_flight(mem);
    mem.u32::<RSP_PROD>().store(2, Relaxed);
    assert!(matches!(front.next_response(), Err(ProtocolError::Ring(_))));
    assert_eq!(front.end_next(), Some(7));
}

#[test]
fn rewritten_request_changes_nothing() {
    let mut page = page();
    let mem = SharedMem::from_pages(&mut page);
    let (mut front, request) = one_in_flight(mem);
    mem.copy_from(HEADER, &[0xff; 4096 - HEADER]).unwrap();
    respond(mem, 0, &okay(&request));
    assert_eq!(front.next_response().unwrap().unwrap().0, 7);
}

#[test]
fn response_after_first_load_is_taken() {
    let mut page = page();
    let mem = SharedMem::from_pages(&mut page);
    let (mut front, request) = one_in_flight(mem);
    // It is published right after the first load of the index.
    let mut peer = |_, _| respond(mem, 0, &okay(&request));
    let done = observe_loads(&mut peer, || front.next_response());
    assert_eq!(done.unwrap().unwrap().0, 7);
}

proptest! {
    #[test]
    fn each_request_ends_once(
        steps in proptest::collection::vec((0usize..40, any::<prop::sample::Index>()), 1..200)
    ) {
        let mut page = page();
        let mem = SharedMem::from_pages(&mut page);
        let (mut front, mut back) = (Front::new(mem, 0), Back::attach(mem).unwrap());
        let mut waiting: StdVec<BlkifRequest> = StdVec::new();
        let (mut next, mut out) = (0, StdVec::new());
        for (pushes, pick) in steps {
            for _ in 0..pushes {
                if front.push(next).is_some() {
                    next += 1;
                }
            }
            let _ = front.ring.publish();
            while let Ok(Some(request)) = back.pop() {
                waiting.push(request);
            }
            let answers = pick.index(waiting.len() + 1);
            for _ in 0..answers {
                let request = waiting.swap_remove(pick.index(waiting.len()));
                back.push(&okay(&request)).unwrap();
            }
            let _ = back.publish();
            while let Some((sector, status)) = front.next_response().unwrap() {
                prop_assert_eq!(status, BlkifStatus::OKAY);
                out.push(sector);
            }
            prop_assert_eq!(front.requests.in_flight(), waiting.len());
        }
        prop_assert_eq!((out.len() + waiting.len()) as u64, next);
        out.extend(waiting.iter().map(|request| request.sector_number));
        out.sort_unstable();
        prop_assert!(out.iter().copied().eq(0..next));
    }

    #[test]
    fn hostile_ring_ends_each_request_once(
        count in 0u32..=32, index: u32,
        garbage in proptest::collection::vec(any::<u8>(), 4096 - HEADER), lawful: bool,
    ) {
        let mut page = page();
        let mem = SharedMem::from_pages(&mut page);
        let mut front = Front::new(mem, 0);
        for sector in 0..count {
            front.push(sector.into()).unwrap();
        }
        let _ = front.ring.publish();
        mem.copy_from(HEADER, &garbage).unwrap();
        mem.u32::<RSP_PROD>().store(if lawful { count } else { index }, Relaxed);
        let mut out = StdVec::new();
        while let Ok(Some((sector, _))) = front.next_response() {
            out.push(sector);
        }
        out.extend(core::iter::from_fn(|| front.end_next()));
        out.sort_unstable();
        prop_assert!(out.iter().copied().eq(0..u64::from(count)));
    }
}

/// Pushes a request of three parts, and returns those.
fn push_parts(front: &mut Front<'_>, mem: &SharedMem) -> StdVec<BlkifRequest> {
    let slot = front.requests.next_free().unwrap();
    let body = Body::Segments(&[]);
    let request = WireRequest { operation: BlkifOp::READ, sector: 7, body };
    let numbers: StdVec<_> = (0..3).filter_map(|_| front.ring.push(slot, &request)).collect();
    let command = Command::new(BlkifOp::READ, 7, 1);
    let in_flight = InFlight::new(numbers[0], 3, RequestBuffer::unused(None));
    front.requests.add(Token(numbers[0]), command, in_flight);
    let _ = front.ring.publish();
    (0..3).map(|index| mem.read(HEADER + index * SLOT).unwrap()).collect()
}

#[test]
fn failed_part_fails_the_request() {
    for (failed, order) in [(0, [0, 1, 2]), (1, [2, 0, 1]), (2, [2, 1, 0]), (3, [1, 2, 0])] {
        let mut page = page();
        let mem = SharedMem::from_pages(&mut page);
        let mut front = Front::new(mem, 0);
        let parts = push_parts(&mut front, mem);
        for (index, part) in (0..).zip(order) {
            assert_eq!((front.next_response(), front.requests.in_flight()), (Ok(None), 1));
            let status = if part == failed { BlkifStatus::ERROR } else { BlkifStatus::OKAY };
            respond(mem, index, &BlkifResponse { status, ..okay(&parts[part]) });
        }
        let expected = if failed == 3 { BlkifStatus::OKAY } else { BlkifStatus::ERROR };
        assert_eq!(front.next_response(), Ok(Some((7, expected))));
        assert_eq!(front.requests.count(), 0);
    }
}

#[test]
fn part_is_answered_once() {
    let mut page = page();
    let mem = SharedMem::from_pages(&mut page);
    let mut front = Front::new(mem, 0);
    let parts = push_parts(&mut front, mem);
    respond(mem, 0, &okay(&parts[1]));
    assert_eq!(front.next_response(), Ok(None));
    respond(mem, 1, &okay(&parts[1]));
    assert_eq!(front.next_response(), Err(ProtocolError::UnknownId { id: parts[1].id }));
    assert_eq!((front.end_next(), front.end_next()), (Some(7), None));
}
