//! Static grants against a backend that answers as it likes.

use super::*;
use crate::net::ProtocolError;
use std::boxed::Box;
use std::vec::Vec as StdVec;
use xen_hypercall::Page;
use xen_ring::{BackRing, FrontRing};
use xen_sys::io::netif::{XenNetifCtrlRequest, XenNetifCtrlResponse};
use xenbus::net::control;
use zerocopy::FromBytes;

type Mem<'m> = &'m SharedMem;

const PAGE: GrantRef = GrantRef(70);
const TIMEOUT: Duration = Duration::from_secs(5);
/// Buffers of a queue.
const BUFFERS: u32 = 6;

struct Ends<'m> {
    ring: ControlRing<Mem<'m>>,
    grants: StaticGrantControl<Mem<'m>>,
    wish: StaticGrantWish,
    back: BackRing<Mem<'m>, XenNetifCtrlRequest, XenNetifCtrlResponse>,
    page: Mem<'m>,
    now: Instant,
}

/// Lists the buffers of a queue: half of them can be written.
fn list(queue: usize, visit: &mut dyn FnMut(XenNetifGref)) {
    for index in 0..BUFFERS {
        let ref_ = GrantRef(queue as u32 * 100 + index);
        visit(XenNetifGref { ref_, flags: u16::from(index >= BUFFERS / 2), ..Default::default() });
    }
}

fn pages() -> Box<[[Page; 1]; 2]> {
    Box::new([const { [Page::ZERO] }; 2])
}

impl<'m> Ends<'m> {
    fn new(pages: &'m mut [[Page; 1]; 2], queues: usize) -> Self {
        let [ring, page] = pages.each_mut().map(SharedMem::from_pages);
        Self {
            ring: ControlRing::new(FrontRing::new(ring).unwrap()),
            grants: StaticGrantControl::new(page, PAGE, queues),
            wish: StaticGrantWish::default(),
            back: BackRing::attach(ring).unwrap(),
            page,
            now: Instant::from_nanos(0),
        }
    }

    fn set(&mut self, enabled: bool) {
        self.wish = StaticGrantWish { enabled, changed: true };
    }

    fn poll(&mut self) -> Result<StaticGrantState, ProtocolError> {
        while let Some((request, result)) = self.ring.take()? {
            self.grants.answered(request, result);
        }
        self.grants.step(&mut self.ring, &list, &mut self.wish, self.now, TIMEOUT);
        let _ = self.ring.publish();
        Ok(self.grants.state())
    }

    /// Answers requests until there are none. Returns these, with the references of their lists.
    fn run(
        &mut self,
        answer: impl Fn(ControlRequest) -> Result<u32, ControlError>,
    ) -> StdVec<(u16, u32, StdVec<u32>)> {
        let mut seen = StdVec::new();
        self.poll().unwrap();
        while let Some(request) = self.back.pop().unwrap() {
            let wire = ControlRequest::from_wire(&request).unwrap();
            let [queue, page, entries] = request.data;
            let mut refs = StdVec::new();
            if request.type_.0 > 8 {
                assert_eq!(GrantRef(page), PAGE);
                let mut bytes = std::vec![0; entries as usize * 8];
                self.page.copy_to(0, &mut bytes).unwrap();
                for entry in bytes.chunks_exact(8) {
                    let entry = XenNetifGref::read_from_bytes(entry).unwrap();
                    assert_eq!(entry.flags, u16::from(entry.ref_.0 % 100 >= BUFFERS / 2));
                    refs.push(entry.ref_.0);
                }
            }
            seen.push((request.type_.0, queue, refs));
            self.back.push(&control::response(&request, answer(wire))).unwrap();
            let _ = self.back.publish();
            self.poll().unwrap();
        }
        seen
    }
}

/// Answers as a backend that keeps up to `limit` grants mapped.
fn limited(limit: u32) -> impl Fn(ControlRequest) -> Result<u32, ControlError> {
    move |request| {
        Ok(match request {
            ControlRequest::GetGrefMappingSize { .. } => limit,
            ControlRequest::DelGrefMapping(list) => list.entries,
            _ => 0,
        })
    }
}

#[test]
fn buffers_of_each_queue_are_mapped() {
    let mut pages = pages();
    let mut ends = Ends::new(&mut pages, 2);
    ends.set(true);
    let all: [StdVec<u32>; 2] = [(0..6).collect(), (100..106).collect()];
    let [first, second] = all.clone();
    let requests = [(8, 0, StdVec::new()), (9, 0, first), (8, 1, StdVec::new()), (9, 1, second)];
    assert_eq!(ends.run(limited(512)), requests);
    assert_eq!(ends.poll(), Ok(StaticGrantState::Active { grants: 12 }));
    ends.set(true);
    assert_eq!(ends.run(limited(512)), [], "mapped before");
    ends.set(false);
    let [first, second] = all;
    assert_eq!(ends.run(limited(512)), [(10, 0, first), (10, 1, second)]);
    assert_eq!(ends.poll(), Ok(StaticGrantState::Off));
    ends.set(false);
    assert_eq!(ends.run(limited(512)), []);
}

#[test]
fn limit_of_backend_is_kept() {
    for (limit, expected) in [
        (0, StaticGrantState::Unsupported),
        (4, StaticGrantState::Active { grants: 4 }),
        (u32::MAX, StaticGrantState::Active { grants: 6 }),
    ] {
        let mut pages = pages();
        let mut ends = Ends::new(&mut pages, 1);
        ends.set(true);
        ends.run(limited(limit));
        assert_eq!(ends.poll(), Ok(expected));
    }
}

#[test]
fn refused_list_unmaps_others() {
    let mut pages = pages();
    let mut ends = Ends::new(&mut pages, 3);
    ends.set(true);
    let answer = |request| match request {
        ControlRequest::AddGrefMapping(list) if list.queue == 1 => {
            Err(ControlError::InvalidParameter)
        }
        request => limited(512)(request),
    };
    let requests = ends.run(answer);
    let types: StdVec<_> = requests.iter().map(|(type_, queue, _)| (*type_, *queue)).collect();
    assert_eq!(types, [(8, 0), (9, 0), (8, 1), (9, 1), (10, 0)]);
    let failed = ends.poll().unwrap();
    let StaticGrantState::Failed(ControlRingError::Refused { error, .. }) = failed else {
        panic!("{failed:?}")
    };
    assert_eq!(error, ControlError::InvalidParameter);
    // Another attempt begins anew.
    ends.set(true);
    assert_eq!(ends.run(limited(512)).len(), 6);
    assert_eq!(ends.poll(), Ok(StaticGrantState::Active { grants: 18 }));
}

#[test]
fn wrong_number_unmapped_fails() {
    for found in [0, 5, 7, u32::MAX] {
        let mut pages = pages();
        let mut ends = Ends::new(&mut pages, 1);
        ends.set(true);
        ends.run(limited(512));
        ends.set(false);
        ends.run(|_| Ok(found));
        let expected = ControlRingError::Unmapped { found, expected: 6 };
        assert_eq!(ends.poll(), Ok(StaticGrantState::Failed(expected)));
    }
}

#[test]
fn late_answer_ends_in_failure() {
    let mut pages = pages();
    let mut ends = Ends::new(&mut pages, 1);
    ends.set(true);
    assert_eq!(ends.poll(), Ok(StaticGrantState::Pending));
    assert_eq!(ends.grants.deadline(), Some(ends.now + TIMEOUT));
    ends.now = ends.now + TIMEOUT;
    let late = StaticGrantState::Failed(ControlRingError::Timeout { waited: TIMEOUT });
    assert_eq!((ends.poll(), ends.grants.deadline()), (Ok(late), None));
    // Buffers that were mapped nevertheless are unmapped.
    let types: StdVec<_> = ends.run(limited(512)).iter().map(|request| request.0).collect();
    assert_eq!((types, ends.poll()), (std::vec![8, 9, 10], Ok(late)));
}

#[test]
fn newer_request_follows_older() {
    let mut pages = pages();
    let mut ends = Ends::new(&mut pages, 1);
    ends.set(true);
    ends.poll().unwrap();
    ends.set(false);
    let types: StdVec<_> = ends.run(limited(512)).iter().map(|request| request.0).collect();
    assert_eq!((types, ends.poll()), (std::vec![8, 9, 10], Ok(StaticGrantState::Off)));
}
