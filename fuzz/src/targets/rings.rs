//! Both ends of request/response rings, and byte rings, each against a peer that rewrites the page
//! before each load.

use crate::fixture::with_page;
use crate::input::{head, streams, values};
use arbitrary::Arbitrary;
use xen_hypercall::SharedMem;
use xen_ring::{BackRing, ByteConsumer, ByteProducer, FrontRing};
use xen_sim::{ChoiceSource, HostilePeer};

/// Step of a driver with its end.
#[derive(Arbitrary, Debug)]
enum Call {
    /// A write of this many values.
    Push(u8),
    /// A publication of the written values.
    Publish,
    /// A read of up to this many values.
    Pop(u8),
    /// A request for an event, and a final check.
    FinalCheck,
}

/// An end of a ring.
trait Ring {
    /// Does one call; whether a ring is poisoned is asked afterwards.
    fn call(&mut self, call: &Call);
    /// Returns whether the peer broke the protocol.
    fn is_poisoned(&self) -> bool;
    /// Returns how many values are under way, and how many can be.
    fn level(&self) -> (u32, u32);
}

/// Makes the calls, and checks what holds whatever the peer does.
fn drive(ring: &mut impl Ring, calls: &[Call]) {
    let mut poisoned = false;
    for call in calls {
        ring.call(call);
        let (used, slots) = ring.level();
        assert!(used <= slots, "{used} of {slots} slots in use");
        assert!(!poisoned || ring.is_poisoned(), "a poisoned ring stays so");
        poisoned = ring.is_poisoned();
    }
}

struct Front<'m>(FrontRing<&'m SharedMem, [u32; 3], u32>);

impl Ring for Front<'_> {
    fn call(&mut self, call: &Call) {
        let poisoned = self.is_poisoned();
        match call {
            Call::Push(count) => {
                for value in 0..u32::from(*count) {
                    let free = self.0.free();
                    let pushed = self.0.push(&[value; 3]).is_ok();
                    assert_eq!(pushed, free > 0 && !poisoned);
                }
            }
            Call::Publish => {
                let _ = self.0.publish();
            }
            Call::Pop(count) => {
                for _ in 0..*count {
                    let asked = self.0.outstanding();
                    match self.0.pop() {
                        Ok(Some(_)) => assert!(asked > 0, "an answer to nothing"),
                        Ok(None) => break,
                        Err(corrupt) => assert_eq!(self.0.poison(), Some(corrupt)),
                    }
                }
            }
            Call::FinalCheck => assert!(self.0.final_check().is_ok() || self.is_poisoned()),
        }
    }

    fn is_poisoned(&self) -> bool {
        self.0.poison().is_some()
    }

    fn level(&self) -> (u32, u32) {
        (self.0.slots() - self.0.free(), self.0.slots())
    }
}

struct Back<'m>(BackRing<&'m SharedMem, [u32; 3], u32>);

impl Ring for Back<'_> {
    fn call(&mut self, call: &Call) {
        match call {
            Call::Push(count) => {
                for value in 0..u32::from(*count) {
                    let due = self.0.outstanding();
                    assert_eq!(self.0.push(&value).is_ok(), due > 0);
                }
            }
            Call::Publish => {
                let _ = self.0.publish();
            }
            Call::Pop(count) => {
                for _ in 0..*count {
                    match self.0.pop() {
                        Ok(Some(_)) => {}
                        Ok(None) => break,
                        Err(corrupt) => assert_eq!(self.0.poison(), Some(corrupt)),
                    }
                }
            }
            Call::FinalCheck => assert!(self.0.final_check().is_ok() || self.is_poisoned()),
        }
    }

    fn is_poisoned(&self) -> bool {
        self.0.poison().is_some()
    }

    fn level(&self) -> (u32, u32) {
        (self.0.outstanding(), self.0.slots())
    }
}

/// Runs the front end of a ring.
pub fn front(data: &[u8]) {
    let (calls, deeds) = streams(data);
    with_page(|mem| {
        let mut ring = Front(FrontRing::new(mem).expect("a page holds a ring"));
        HostilePeer::new(ChoiceSource::from_bytes(deeds))
            .against_memory(mem, || drive(&mut ring, &values(calls, 200)));
    });
}

/// Runs the back end of a ring, which continues from another one's end.
pub fn back(data: &[u8]) {
    let (mut calls, deeds) = streams(data);
    let start = u32::from_le_bytes(head(&mut calls));
    with_page(|mem| {
        // Any index is a good one to start with.
        mem.write(0, &[start, 1, start, 1]);
        HostilePeer::new(ChoiceSource::from_bytes(deeds)).against_memory(mem, || {
            let mut ring = Back(BackRing::attach(mem).expect("a page holds a ring"));
            drive(&mut ring, &values(calls, 200));
        });
    });
}

#[derive(Arbitrary, Debug)]
enum ByteCall {
    Write(u16),
    Free,
    Read(u16),
    Available,
}

/// Runs both ends of a byte ring.
pub fn bytes(data: &[u8]) {
    let (mut calls, deeds) = streams(data);
    let start: [u8; 8] = head(&mut calls);
    with_page(|mem| {
        mem.write(2048, &start);
        HostilePeer::new(ChoiceSource::from_bytes(deeds)).against_memory(mem, || {
            // Two rings that overlap: the peer of one is also the other.
            let mut tx = ByteProducer::<1024, 1024, 2048, 2052>::attach(mem);
            let mut rx = ByteConsumer::<1024, 1024, 2048, 2052>::attach(mem);
            let mut buffer = [0xee; 2048];
            let (mut tx_dead, mut rx_dead) = (false, false);
            for call in values(calls, 200) {
                let (result, dead) = match call {
                    ByteCall::Write(len) => {
                        (tx.write(mem, &buffer[..usize::from(len) % 2048]), &mut tx_dead)
                    }
                    ByteCall::Free => (tx.free(mem), &mut tx_dead),
                    ByteCall::Read(len) => {
                        (rx.read(mem, &mut buffer[..usize::from(len) % 2048]), &mut rx_dead)
                    }
                    ByteCall::Available => (rx.available(mem), &mut rx_dead),
                };
                assert!(result.is_ok_and(|count| count <= 1024) || result.is_err());
                assert!(!*dead || result.is_err(), "a poisoned ring stays so");
                *dead = result.is_err();
            }
        });
    });
}
