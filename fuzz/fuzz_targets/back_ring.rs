//! The back end of a ring against a front end that rewrites the page before each load.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xen_fuzz::{Call, Peer, Ring, drive, with_page};
use xen_hypercall::SharedMem;
use xen_ring::BackRing;

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

fuzz_target!(|input: (u32, Vec<Call>, &[u8])| {
    let (start, calls, deeds) = input;
    with_page(|mem| {
        // Where the one before has stopped: any index is a good one.
        mem.write(0, &[start, 1, start, 1]);
        Peer::new(mem, deeds).against(|| {
            let mut ring = Back(BackRing::attach(mem).expect("a page holds a ring"));
            drive(&mut ring, &calls);
        });
    });
});
