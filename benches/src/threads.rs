//! Block requests from one thread to another and back, each asleep when there is nothing to do.

use crate::ring::{Back, Front, shadow};
use crate::{Case, Outcome, allocations, measured, opaque};
use std::hint::spin_loop;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use xen_hypercall::{Page, SharedMem};
use xen_ring::Notify;
use xen_sys::io::blkif::{BlkifResponse, BlkifStatus};

pub(crate) const CASES: [Case; 4] = [
    Case { name: "threads/8/0", run: |rounds| run::<1>(rounds, 8) },
    Case { name: "threads/8/2", run: |rounds| run::<4>(rounds, 8) },
    Case { name: "threads/32/0", run: |rounds| run::<1>(rounds, 32) },
    Case { name: "threads/32/2", run: |rounds| run::<4>(rounds, 32) },
];

/// An event channel: set by one side, awaited and cleared by the other.
#[repr(align(64))]
#[derive(Default)]
struct Event {
    pending: AtomicBool,
    sent: AtomicU64,
}

impl Event {
    fn send(&self, notify: Notify) {
        if notify == Notify::Send {
            self.sent.store(self.sent.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
            self.pending.store(true, Ordering::SeqCst);
        }
    }

    fn wait(&self) {
        let mut spins = 0u32;
        while !self.pending.swap(false, Ordering::SeqCst) {
            if spins % 64 == 63 {
                thread::yield_now();
            } else {
                spin_loop();
            }
            spins += 1;
        }
    }
}

#[derive(Default)]
struct Events {
    to_back: Event,
    to_front: Event,
}

fn back_end(mut ring: Back<'_>, total: u64, events: &Events) {
    let mut served = 0;
    while served < total {
        let mut requests = ring.requests().expect("a lawful peer");
        while let Some(mut request) = requests.next() {
            opaque(&mut request);
            let (id, operation, status) = (request.id, request.operation, BlkifStatus::OKAY);
            let response = BlkifResponse { id, operation, status, ..BlkifResponse::default() };
            requests.push(&response).expect("a request was taken");
            served += 1;
        }
        let (notify, more) = requests.finish();
        events.to_front.send(notify);
        if !more && served < total {
            events.to_back.wait();
        }
    }
}

/// Returns how many were done, and the sum of their ids.
fn front_end(mut ring: Front<'_>, batch: usize, total: u64, events: &Events) -> (u64, u64) {
    let mut shadow = shadow();
    let shadow = shadow.get_mut(..batch).expect("a batch is not larger");
    let (mut sent, mut done, mut sum) = (0, 0, 0);
    while done < total {
        if sent < total && ring.free() as usize >= batch {
            ring.push_from(shadow.iter_mut().map(|request| {
                sent += 1;
                request.id = sent;
                request.sector_number += 8;
                opaque(request);
                &*request
            }));
            events.to_back.send(ring.publish());
        }
        for mut response in ring.responses().expect("a lawful peer") {
            opaque(&mut response);
            sum += response.id;
            done += 1;
        }
        if done == total || (sent < total && ring.free() as usize >= batch) {
            continue;
        }
        if !ring.final_check().expect("a lawful peer") {
            events.to_front.wait();
        }
    }
    (done, sum)
}

fn run<const PAGES: usize>(rounds: u64, batch: usize) -> Outcome {
    let mut pages = Box::new([Page::ZERO; PAGES]);
    let mem = SharedMem::from_pages(&mut pages);
    let front = Front::new(mem).expect("a page holds a ring");
    let back = Back::attach(mem).expect("a page holds a ring");
    let (total, events) = (rounds * batch as u64, Events::default());
    let ready = Barrier::new(2);
    thread::scope(|scope| {
        let back_end = scope.spawn(|| {
            ready.wait();
            let before = allocations::count();
            back_end(back, total, &events);
            allocations::count() - before
        });
        ready.wait();
        let mut outcome = measured(|outcome| {
            let (done, sum) = front_end(front, batch, total, &events);
            assert_eq!(sum, done * (done + 1) / 2, "every request answered once");
            outcome.units = done;
        });
        outcome.allocations += back_end.join().expect("the back end does its part");
        let sent = |event: &Event| event.sent.load(Ordering::Relaxed);
        outcome.notifications = sent(&events.to_back) + sent(&events.to_front);
        outcome
    })
}
