//! The control ring against a backend that answers as it likes.

use super::*;
use crate::net::{ControlRingError, HashConfig, HashState};
use proptest::prelude::*;
use std::boxed::Box;
use std::vec;
use std::vec::Vec as StdVec;
use xen_hypercall::{PAGE_SIZE, Page, SharedMem};
use xen_ring::BackRing;
use xen_sys::io::netif::{NetifCtrlStatus, NetifCtrlType, NetifHashType};

type Mem<'m> = &'m SharedMem;
type Request = XenNetifCtrlRequest;
type Response = XenNetifCtrlResponse;

const FIRST: u32 = 40;
const TIMEOUT: Duration = Duration::from_secs(5);

/// A frontend's control ring, and the backend's view of it.
struct Ends<'m> {
    ring: ControlRing<Mem<'m>>,
    hash: HashControl<StdVec<u8>>,
    wish: HashWish,
    back: BackRing<Mem<'m>, Request, Response>,
    now: Instant,
}

fn page() -> Box<[Page; 1]> {
    Box::new([Page::ZERO])
}

impl<'m> Ends<'m> {
    fn new(page: &'m mut [Page; 1], queues: usize) -> Self {
        let mem: Mem<'m> = SharedMem::from_pages(page);
        let ring = ControlRing::new(FrontRing::new(mem).unwrap());
        let hash = HashControl::new(vec![0; 2 * PAGE_SIZE], GrantRef(FIRST), queues);
        let back = BackRing::attach(mem).unwrap();
        let now = Instant::from_nanos(0);
        Self { ring, hash, wish: HashWish::default(), back, now }
    }

    fn set(&mut self, config: Option<HashConfig>) {
        self.wish = HashWish { config, changed: true };
    }

    /// Polls the frontend once, as `ControlConnection::poll` does.
    fn poll(&mut self) -> Result<HashState, ProtocolError> {
        while let Some((request, result)) = self.ring.take()? {
            self.hash.answered(request, result);
        }
        self.hash.step(&mut self.ring, &mut self.wish, self.now, TIMEOUT);
        let _ = self.ring.publish();
        Ok(self.hash.state())
    }

    /// Takes all requests.
    fn requests(&mut self) -> StdVec<Request> {
        core::iter::from_fn(|| self.back.pop().unwrap()).collect()
    }

    fn respond(&mut self, response: Response) {
        self.back.push(&response).unwrap();
        let _ = self.back.publish();
    }

    /// Answers all requests in the opposite order. Returns them in theirs.
    fn answer(
        &mut self,
        answer: impl Fn(ControlRequest) -> Result<u32, ControlError>,
    ) -> StdVec<Request> {
        let requests = self.requests();
        for request in requests.iter().rev() {
            let result = answer(ControlRequest::from_wire(request).unwrap());
            self.respond(control::response(request, result));
        }
        requests
    }
}

/// Answers as Linux's netback does.
fn good(request: ControlRequest) -> Result<u32, ControlError> {
    Ok(match request {
        ControlRequest::GetHashFlags => 15,
        ControlRequest::GetHashMappingSize => 128,
        _ => 0,
    })
}

fn config() -> HashConfig {
    HashConfig::default().with_mapping(&[0, 3, 5]).unwrap()
}

#[test]
fn configuration_takes_two_round_trips() {
    let mut page = page();
    let mut ends = Ends::new(&mut page, 4);
    ends.set(Some(config()));
    assert_eq!(ends.poll(), Ok(HashState::Pending));
    let first = ends.answer(good);
    let types = |requests: &[Request]| -> StdVec<u16> {
        requests.iter().map(|request| request.type_.0).collect()
    };
    assert_eq!(types(&first), [7, 1, 4]);
    assert_eq!(first[0].data[0], 1, "Toeplitz");
    assert_eq!(ends.poll(), Ok(HashState::Pending));
    let second = ends.answer(good);
    assert_eq!(types(&second), [2, 3, 5, 6]);
    assert_eq!(second[0].data, [15, 0, 0]);
    assert_eq!(second[1].data, [FIRST, 40, 0]);
    assert_eq!(second[2].data, [3, 0, 0]);
    assert_eq!(second[3].data, [FIRST + 1, 3, 0]);
    assert_eq!(ends.poll(), Ok(HashState::Active));
    assert_eq!((ends.requests(), ends.hash.deadline()), (vec![], None));
    // Key and mapping; a queue that this connection does not have is another one.
    let pages = ends.hash.into_pages();
    assert_eq!(pages[..40], crate::net::DEFAULT_KEY);
    assert_eq!(pages[PAGE_SIZE..][..16], [0, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn removal_takes_one_request() {
    let mut page = page();
    let mut ends = Ends::new(&mut page, 1);
    ends.set(None);
    assert_eq!(ends.poll(), Ok(HashState::Pending));
    let requests = ends.answer(good);
    assert_eq!((requests.len(), requests[0].type_.0, requests[0].data), (1, 7, [0; 3]));
    assert_eq!(ends.poll(), Ok(HashState::Off));
}

#[test]
fn newer_configuration_replaces_older() {
    let mut page = page();
    let mut ends = Ends::new(&mut page, 2);
    ends.set(Some(HashConfig::default()));
    ends.poll().unwrap();
    ends.answer(good);
    ends.poll().unwrap();
    // Key and mapping are in use: the pages keep them.
    ends.set(Some(HashConfig::new(NetifHashType::IPV4, [7; 40])));
    assert_eq!(ends.poll(), Ok(HashState::Pending));
    assert_eq!(ends.answer(good).len(), 3);
    assert_eq!(ends.poll(), Ok(HashState::Pending));
    assert_eq!(ends.answer(good).len(), 3, "it begins again");
    ends.poll().unwrap();
    assert_eq!(ends.answer(good)[0].data[0], 1);
    assert_eq!(ends.poll(), Ok(HashState::Active));
    assert_eq!(ends.hash.into_pages()[..40], [7; 40]);
}

#[test]
fn refused_request_removes_hash() {
    for refused in 1..=7 {
        let mut page = page();
        let mut ends = Ends::new(&mut page, 4);
        ends.set(Some(config()));
        let answer = |request: ControlRequest| {
            if request.to_wire(0).type_.0 == refused {
                return Err(ControlError::Unknown(NetifCtrlStatus(77)));
            }
            good(request)
        };
        let mut state = ends.poll().unwrap();
        for _ in 0..3 {
            ends.answer(answer);
            state = ends.poll().unwrap();
        }
        let HashState::Failed(ControlRingError::Refused { request, error }) = state else {
            panic!("{state:?}")
        };
        assert_eq!(request.to_wire(0).type_, NetifCtrlType(refused));
        assert_eq!(error, ControlError::Unknown(NetifCtrlStatus(77)));
        assert_eq!(ends.requests(), []);
    }
}

#[test]
fn limits_of_backend_are_checked() {
    let small = ControlRingError::Mapping { found: 3, limit: 2 };
    let all = NetifHashType(15);
    let types = ControlRingError::Types { found: all, supported: NetifHashType(7) };
    for (flags, limit, expected) in [
        (u32::MAX, 2, small),
        (15, 0, ControlRingError::Mapping { found: 3, limit: 0 }),
        (7, u32::MAX, types),
    ] {
        let mut page = page();
        let mut ends = Ends::new(&mut page, 4);
        ends.set(Some(config()));
        ends.poll().unwrap();
        let answer = |request| {
            Ok(match request {
                ControlRequest::GetHashFlags => flags,
                ControlRequest::GetHashMappingSize => limit,
                _ => 0,
            })
        };
        ends.answer(answer);
        ends.poll().unwrap();
        let removed = ends.answer(answer);
        assert_eq!((removed.len(), removed[0].data[0]), (1, 0));
        assert_eq!(ends.poll(), Ok(HashState::Failed(expected)));
    }
}

#[test]
fn silent_backend_is_late() {
    let mut page = page();
    let mut ends = Ends::new(&mut page, 4);
    ends.set(Some(config()));
    assert_eq!(ends.poll(), Ok(HashState::Pending));
    assert_eq!(ends.hash.deadline(), Some(ends.now + TIMEOUT));
    let requests = ends.requests();
    ends.respond(control::response(&requests[0], Ok(0)));
    ends.now = ends.now + TIMEOUT;
    let late = HashState::Failed(ControlRingError::Timeout { waited: TIMEOUT });
    assert_eq!((ends.poll(), ends.hash.deadline()), (Ok(late), None));
    // Another one waits for the pages.
    ends.set(Some(config()));
    assert_eq!((ends.poll(), ends.requests()), (Ok(late), vec![]));
    ends.respond(control::response(&requests[1], Ok(15)));
    ends.respond(control::response(&requests[2], Ok(128)));
    ends.poll().unwrap();
    ends.answer(good);
    ends.poll().unwrap();
    ends.answer(good);
    assert_eq!(ends.poll(), Ok(HashState::Active));
}

#[test]
fn wrong_response_breaks_device() {
    let run = |respond: &dyn Fn(&mut Ends<'_>, &[Request])| {
        let mut page = page();
        let mut ends = Ends::new(&mut page, 4);
        ends.set(Some(config()));
        ends.poll().unwrap();
        let requests = ends.requests();
        respond(&mut ends, &requests);
        ends.poll().unwrap_err()
    };
    let twice = run(&|ends, requests| {
        (0..2).for_each(|_| ends.respond(control::response(&requests[1], Ok(15))));
    });
    assert_eq!(twice, ProtocolError::CtrlId { found: 1 });
    let other = run(&|ends, requests| {
        ends.respond(control::response(&Request { id: 900, ..requests[0] }, Ok(0)));
    });
    assert_eq!(other, ProtocolError::CtrlId { found: 900 });
    let type_ = run(&|ends, requests| {
        ends.respond(control::response(&Request { id: 1, ..requests[0] }, Ok(0)));
    });
    assert_eq!(type_, ProtocolError::CtrlType { found: 7, expected: 1 });
}

/// D-N01: more responses than requests, and an index that moves back.
#[test]
fn impossible_index_breaks_device() {
    for index in [4u32, 200, u32::MAX] {
        let mut page = page();
        let mem: Mem<'_> = SharedMem::from_pages(&mut page);
        let mut ring = ControlRing::new(FrontRing::new(mem).unwrap());
        (0..3).for_each(|_| ring.send(ControlRequest::GetHashFlags));
        let _ = ring.publish();
        mem.u32::<8>().store(index, core::sync::atomic::Ordering::SeqCst);
        assert!(matches!(ring.take(), Err(ProtocolError::CtrlRing(_))), "{index}");
        assert!(ring.final_check().is_err());
    }
}

#[test]
fn mapping_has_known_queues() {
    let refused = |entries, queue| Err(NetFrontError::HashMapping { entries, queue });
    assert_eq!(HashConfig::default().with_mapping(&[0, 8]), refused(2, 8));
    assert_eq!(HashConfig::default().with_mapping(&[256]), refused(1, 256));
    assert_eq!(HashConfig::default().with_mapping(&[1; 129]), refused(129, 1));
    assert!(HashConfig::default().with_mapping(&[7; 128]).is_ok());
    let none = HashConfig::default().with_mapping(&[]);
    assert_eq!(none, Ok(HashConfig::default()));
}

proptest! {
    #[test]
    fn any_responses_cause_no_panic(
        responses in proptest::collection::vec((0u16..6, 0u16..12, 0u32..5, any::<u32>()), 0..40),
        changes in proptest::collection::vec(any::<bool>(), 40),
    ) {
        let mut page = page();
        let mut ends = Ends::new(&mut page, 3);
        ends.set(Some(config()));
        for ((id, type_, status, data), change) in responses.into_iter().zip(changes) {
            ends.now = ends.now + Duration::from_secs(1);
            if ends.poll().is_err() {
                return Ok(());
            }
            if change {
                ends.set(Some(HashConfig::default()));
            }
            // As many responses as requests, at most.
            if ends.back.pop().unwrap().is_some() {
                let (type_, status) = (NetifCtrlType(type_), NetifCtrlStatus(status));
                ends.respond(Response { id, type_, status, data });
            }
        }
    }
}
