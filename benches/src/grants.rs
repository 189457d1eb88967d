//! A page shared and taken back.

use crate::machine::Machine;
use crate::{Case, Outcome, measured, opaque};
use xen_grant::GrantTable;
use xen_hypercall::{DomId, Pages};

pub(crate) const CASES: [Case; 1] = [Case { name: "grant/1", run }];

#[inline(never)]
fn share_and_reclaim(table: &GrantTable<Machine>, pages: Pages<Machine>, sum: &mut u64) -> Pages<Machine> {
    let shared = table.share_writable(pages, DomId(7)).expect("a reference is free");
    let mut reference = shared.reference();
    opaque(&mut reference);
    *sum += u64::from(reference.0);
    shared.reclaim().expect("nobody uses it")
}

fn run(rounds: u64) -> Outcome {
    let machine = Machine::new();
    let table = GrantTable::new(machine).expect("a yes");
    let mut pages = Pages::alloc(machine, 1).expect("a page");
    let mut sum = 0;
    let outcome = measured(|outcome| {
        for _ in 0..rounds {
            pages = share_and_reclaim(&table, pages, &mut sum);
            outcome.units += 1;
        }
    });
    assert!(sum >= 8 * rounds, "the first eight references are Xen's");
    outcome
}
