//! The front end of a ring against a back end that rewrites the page before each load.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xen_fuzz::{Call, Peer, Ring, drive, with_page};
use xen_hypercall::SharedMem;
use xen_ring::FrontRing;

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

fuzz_target!(|input: (Vec<Call>, &[u8])| {
    let (calls, deeds) = input;
    with_page(|mem| {
        let mut ring = Front(FrontRing::new(mem).expect("a page holds a ring"));
        Peer::new(mem, deeds).against(|| drive(&mut ring, &calls));
    });
});
