//! Block requests through the front end, the back end and the front end again, in one thread.

use crate::{Case, Outcome, measured, opaque};
use std::hint::black_box;
use xen_hypercall::{Page, SharedMem};
use xen_ring::{BackRing, FrontRing, Notify};
use xen_sys::io::blkif::{BlkifOp, BlkifRequest, BlkifResponse, BlkifStatus};

pub(crate) const CASES: [Case; 3] = [
    Case { name: "ring/1", run: |rounds| run(rounds, 1) },
    Case { name: "ring/8", run: |rounds| run(rounds, 8) },
    Case { name: "ring/32", run: |rounds| run(rounds, 32) },
];

pub(crate) type Front<'m> = FrontRing<&'m SharedMem, BlkifRequest, BlkifResponse>;
pub(crate) type Back<'m> = BackRing<&'m SharedMem, BlkifRequest, BlkifResponse>;

/// Requests as a driver keeps them beside the ring.
pub(crate) fn shadow() -> [BlkifRequest; 32] {
    [BlkifRequest { operation: BlkifOp::WRITE, nr_segments: 11, ..BlkifRequest::default() }; 32]
}

/// Sends each request on its way again, with the next id and sector.
#[inline(never)]
pub(crate) fn submit(front: &mut Front<'_>, shadow: &mut [BlkifRequest], next: &mut u64) -> Notify {
    front.push_from(shadow.iter_mut().map(|request| {
        *next += 1;
        request.id = *next;
        request.sector_number += 8;
        opaque(request);
        &*request
    }));
    front.publish()
}

/// Answers all requests; returns how often the front end has to be notified. A broken ring ends it.
#[inline(never)]
pub(crate) fn serve(back: &mut Back<'_>) -> u64 {
    let mut notifications = 0;
    loop {
        let Ok(mut requests) = back.requests() else { break };
        while let Some(mut request) = requests.next() {
            opaque(&mut request);
            let status =
                if request.nr_segments == 11 { BlkifStatus::OKAY } else { BlkifStatus::ERROR };
            let (id, operation) = (request.id, request.operation);
            let response = BlkifResponse { id, operation, status, ..BlkifResponse::default() };
            let Ok(()) = requests.push(&response) else { break };
        }
        let (notify, more) = requests.finish();
        notifications += u64::from(notify == Notify::Send);
        if !more {
            break;
        }
    }
    notifications
}

/// Takes all responses; returns how many there were. A broken ring ends it.
#[inline(never)]
pub(crate) fn complete(front: &mut Front<'_>, sum: &mut u64) -> u64 {
    let mut done = 0;
    loop {
        let Ok(mut responses) = front.responses() else { break };
        for mut response in &mut responses {
            opaque(&mut response);
            *sum += response.id + response.status.0 as u64;
            done += 1;
        }
        if !responses.finish() {
            break;
        }
    }
    done
}

fn run(rounds: u64, batch: usize) -> Outcome {
    let mut page = Box::new([Page::ZERO]);
    let mem = black_box(SharedMem::from_pages(&mut page));
    let mut front = Front::new(mem).expect("a page holds a ring");
    let mut back = Back::attach(mem).expect("a page holds a ring");
    let (mut shadow, mut next, mut sum) = (shadow(), 0, 0);
    let shadow = black_box(shadow.get_mut(..batch).expect("a batch is not larger"));
    let outcome = measured(|outcome| {
        for _ in 0..rounds {
            outcome.notifications +=
                u64::from(submit(&mut front, shadow, &mut next) == Notify::Send);
            outcome.notifications += serve(&mut back);
            outcome.units += complete(&mut front, &mut sum);
        }
    });
    let count = rounds * batch as u64;
    assert_eq!(
        (outcome.units, sum),
        (count, count * (count + 1) / 2),
        "every request answered once"
    );
    outcome
}
