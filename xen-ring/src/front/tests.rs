use super::*;
use proptest::prelude::*;
use std::boxed::Box;
use xen_hypercall::sync::Ordering::Relaxed;
use xen_hypercall::{Page, SharedMem};

type Ring<'m> = FrontRing<&'m SharedMem, u64, u64>;

const SLOTS: u32 = 256;

fn page() -> Box<[Page; 1]> {
    Box::new([Page::ZERO])
}

/// Remote end, written directly from io/ring.h.
struct Back<'m> {
    mem: &'m SharedMem,
    req_cons: u32,
    rsp_prod_pvt: u32,
}

impl Back<'_> {
    fn take(&mut self) -> Option<u64> {
        (self.mem.u32::<REQ_PROD>().load(Relaxed) != self.req_cons).then(|| {
            let value = self.mem.read(64 + (self.req_cons % SLOTS) as usize * 8).unwrap();
            self.req_cons = self.req_cons.wrapping_add(1);
            value
        })
    }

    fn respond(&mut self, value: u64) {
        self.mem.write(64 + (self.rsp_prod_pvt % SLOTS) as usize * 8, &value).unwrap();
        self.rsp_prod_pvt = self.rsp_prod_pvt.wrapping_add(1);
    }

    /// Publishes the responses, with the decision of the C macro.
    fn push(&mut self) -> bool {
        let old = self.mem.u32::<RSP_PROD>().load(Relaxed);
        let new = self.rsp_prod_pvt;
        self.mem.u32::<RSP_PROD>().store(new, Relaxed);
        new.wrapping_sub(self.mem.u32::<RSP_EVENT>().load(Relaxed)) < new.wrapping_sub(old)
    }
}

fn pair<'m>(mem: &'m SharedMem, start: u32) -> (Ring<'m>, Back<'m>) {
    let mut front = Ring::new(mem).unwrap();
    front.jump_to(start);
    (front, Back { mem, req_cons: start, rsp_prod_pvt: start })
}

#[test]
fn new_ring_matches_c_macros() {
    let mut page = page();
    page[0].0.fill(0xaa);
    let mem = SharedMem::from_pages(&mut page);
    let ring = Ring::new(mem).unwrap();
    let header: [u32; 4] = mem.read(0).unwrap();
    assert_eq!(header, [0, 1, 0, 1]);
    assert_eq!(mem.read::<[u8; 32]>(4064).unwrap(), [0; 32]);
    assert_eq!((ring.free(), ring.slots()), (SLOTS, SLOTS));
}

#[test]
fn sleeping_peer_is_notified_once() {
    let mut page = page();
    let (mut front, mut back) = pair(SharedMem::from_pages(&mut page), 0);
    assert_eq!(front.publish(), Notify::Skip);
    for value in 0..3 {
        front.push(&value).unwrap();
    }
    assert_eq!(front.publish(), Notify::Send);
    front.push(&3).unwrap();
    assert_eq!(front.publish(), Notify::Skip, "the peer is awake: its event index is behind");
    for value in 0..4 {
        assert_eq!(back.take(), Some(value));
    }
}

#[test]
fn final_check_sees_late_response() {
    let mut page = page();
    let (mut front, mut back) = pair(SharedMem::from_pages(&mut page), 0);
    front.push(&7).unwrap();
    let _ = front.publish();
    assert_eq!(front.pop(), Ok(None));
    assert_eq!(front.final_check(), Ok(false));
    let value = back.take().unwrap();
    back.respond(value);
    assert!(back.push(), "the front end sleeps, so the back end must notify");
    assert_eq!(front.final_check(), Ok(true));
    assert_eq!(front.pop(), Ok(Some(7)));
}

/// D-R01.
#[test]
fn response_index_past_requests_poisons() {
    let mut page = page();
    let mem = SharedMem::from_pages(&mut page);
    let (mut front, _) = pair(mem, 0);
    front.push(&1).unwrap();
    let _ = front.publish();
    mem.u32::<RSP_PROD>().store(SLOTS + 1, Relaxed);
    let corrupt = Corrupt { found: SLOTS + 1, own: 0, limit: 1 };
    assert_eq!(front.pop(), Err(corrupt));
    mem.u32::<RSP_PROD>().store(1, Relaxed);
    assert_eq!(front.pop(), Err(corrupt), "a poisoned ring stays so");
    assert_eq!(front.final_check(), Err(corrupt));
    mem.u32::<RSP_PROD>().store(0, Relaxed);
    assert_eq!(front.final_check(), Err(corrupt), "also with a valid index");
    assert_eq!(front.push(&2), Err(Full));
}

/// D-R03.
#[test]
fn response_index_moved_back_poisons() {
    let mut page = page();
    let mem = SharedMem::from_pages(&mut page);
    let (mut front, mut back) = pair(mem, 5);
    front.push(&1).unwrap();
    let _ = front.publish();
    back.respond(1);
    back.push();
    assert_eq!(front.pop(), Ok(Some(1)));
    mem.u32::<RSP_PROD>().store(5, Relaxed);
    assert!(front.pop().is_err());
}

#[test]
fn index_moved_back_in_batch_poisons() {
    let mut page = page();
    let mem = SharedMem::from_pages(&mut page);
    let (mut front, mut back) = pair(mem, 0);
    for value in 0..4 {
        front.push(&value).unwrap();
    }
    let _ = front.publish();
    (0..4).for_each(|value| back.respond(value));
    back.push();
    assert_eq!(front.pop(), Ok(Some(0)));
    mem.u32::<RSP_PROD>().store(2, Relaxed);
    // Responses that were seen can be taken; the copies are private.
    for value in 1..4 {
        assert_eq!(front.pop(), Ok(Some(value)));
    }
    assert!(front.pop().is_err());
}

/// D-R04.
#[test]
fn indices_wrap() {
    let mut page = page();
    let (mut front, mut back) = pair(SharedMem::from_pages(&mut page), 0xffff_fff0);
    for value in 0..64 {
        front.push(&value).unwrap();
        let _ = front.publish();
        assert_eq!(front.final_check(), Ok(false));
        let got = back.take().unwrap();
        back.respond(got + 1000);
        assert!(back.push());
        assert_eq!(front.pop(), Ok(Some(value + 1000)));
    }
}

/// D-R05.
#[test]
fn full_ring_is_readable() {
    let mut page = page();
    let (mut front, mut back) = pair(SharedMem::from_pages(&mut page), 0xffff_ff80);
    for value in 0..u64::from(SLOTS) {
        front.push(&value).unwrap();
    }
    assert_eq!((front.free(), front.push(&0)), (0, Err(Full)));
    assert_eq!(front.publish(), Notify::Send);
    while let Some(value) = back.take() {
        back.respond(value);
    }
    back.push();
    for value in 0..u64::from(SLOTS) {
        assert_eq!(front.pop(), Ok(Some(value)));
    }
    assert_eq!((front.free(), front.pop()), (SLOTS, Ok(None)));
}

/// D-R07.
#[test]
fn zeroed_event_index_only_delays() {
    let mut page = page();
    let mem = SharedMem::from_pages(&mut page);
    let (mut front, mut back) = pair(mem, 100);
    mem.u32::<REQ_EVENT>().store(0, Relaxed);
    mem.u32::<RSP_EVENT>().store(0, Relaxed);
    front.push(&1).unwrap();
    assert_eq!(front.publish(), Notify::Skip);
    back.respond(9);
    back.push();
    assert_eq!(front.pop(), Ok(Some(9)));
}

/// D-R11.
#[test]
fn own_index_is_never_read_back() {
    let mut page = page();
    let mem = SharedMem::from_pages(&mut page);
    let (mut front, mut back) = pair(mem, 0);
    front.push(&1).unwrap();
    let _ = front.publish();
    mem.u32::<REQ_PROD>().store(0xdead_beef, Relaxed);
    assert_eq!(front.free(), SLOTS - 1);
    front.push(&2).unwrap();
    let _ = front.publish();
    assert_eq!(mem.u32::<REQ_PROD>().load(Relaxed), 2);
    assert_eq!((back.take(), back.take()), (Some(1), Some(2)));
}

proptest! {
    /// D-R09 too: the decision is the C macro's for any event index of the peer.
    #[test]
    fn notify_matches_c_macro(start: u32, batch in 1u32..=SLOTS, event: u32) {
        let mut page = page();
        let mem = SharedMem::from_pages(&mut page);
        let (mut front, _) = pair(mem, start);
        mem.u32::<REQ_EVENT>().store(event, Relaxed);
        for _ in 0..batch {
            front.push(&0).unwrap();
        }
        let new = start.wrapping_add(batch);
        let c_says = new.wrapping_sub(event) < new.wrapping_sub(start);
        prop_assert_eq!(front.publish() == Notify::Send, c_says);
    }

    #[test]
       fn responses_never_exceed_requests(
            start: u32,
            batch in 0u32..=SLOTS,
            found: u32,
        ) {
        let mut page = page();
        let mem = SharedMem::from_pages(&mut page);
        let (mut front, _) = pair(mem, start);
        for _ in 0..batch {
            front.push(&0).unwrap();
        }
        let _ = front.publish();
        mem.u32::<RSP_PROD>().store(found, Relaxed);
        let mut taken = 0;
        while let Ok(Some(_)) = front.pop() {
            taken += 1;
        }
        let ahead = found.wrapping_sub(start);
        prop_assert_eq!(taken, if ahead <= batch { ahead } else { 0 });
        prop_assert_eq!(front.poison().is_some(), ahead > batch);
    }
}
