//! The FIFO format: Xen appends to a queue while the vCPU takes off it.

use super::work_then;
use crate::fifo::{self, Queues};
use core::mem::offset_of;
use loom::sync::Arc;
use loom::sync::atomic::Ordering::Relaxed;
use loom::sync::atomic::{AtomicBool, AtomicU32, fence};
use loom::thread;
use std::sync::atomic::Ordering::SeqCst;
use std::vec::Vec;
use xen_hypercall::{PAGE_SIZE, Port, SharedMem, SharedU32};
use xen_sys::event_channel::*;

const PENDING: u32 = 1 << EVTCHN_FIFO_PENDING;
const MASKED: u32 = 1 << EVTCHN_FIFO_MASKED;
const LINKED: u32 = 1 << EVTCHN_FIFO_LINKED;
/// Where the models have the flag: no page of Xen's has both.
const UPCALL_PENDING: usize = 2048;
const QUEUE: u32 = EVTCHN_FIFO_PRIORITY_DEFAULT;
const READY: usize = offset_of!(EvtchnFifoControlBlock, ready);
const HEAD: usize = offset_of!(EvtchnFifoControlBlock, head) + QUEUE as usize * 4;

/// What Xen does with one queue. One sender at a time has Xen's lock.
#[derive(Clone)]
struct Xen {
    mem: &'static SharedMem,
    words: &'static SharedMem,
    tail: Arc<AtomicU32>,
}

fn start() -> Xen {
    let mem =
        SharedMem::for_model(PAGE_SIZE, &[(0..72, 4), (UPCALL_PENDING..UPCALL_PENDING + 1, 1)]);
    let words = SharedMem::for_model(PAGE_SIZE, &[(0..24, 4)]);
    Xen { mem, words, tail: Arc::new(AtomicU32::new(0)) }
}

impl Xen {
    fn word(&self, port: u32) -> Option<SharedU32<'static>> {
        self.words.u32_at(port as usize * 4)
    }

    fn send(&self, port: u32) {
        let word = self.word(port).unwrap();
        word.fetch_or(PENDING);
        fence(SeqCst);
        if word.load(Relaxed) & (MASKED | LINKED) != 0 || word.fetch_or(LINKED) & LINKED != 0 {
            return;
        }
        let tail = self.tail.load(Relaxed);
        let linked = tail != 0 && tail != port && self.link(tail, port);
        self.tail.store(port, Relaxed);
        if !linked {
            self.mem.u32::<HEAD>().store(port, Relaxed);
            if self.mem.u32::<READY>().fetch_or(1 << QUEUE) & 1 << QUEUE == 0 {
                self.mem.u8::<UPCALL_PENDING>().swap(1);
            }
        }
    }

    fn link(&self, tail: u32, port: u32) -> bool {
        let word = self.word(tail).unwrap();
        let mut old = word.load(Relaxed);
        while old & LINKED != 0 {
            match word.compare_exchange(old, old & !EVTCHN_FIFO_LINK_MASK | port) {
                Ok(_) => return true,
                Err(now) => old = now,
            }
        }
        false
    }

    /// The domain's way to unmask: by itself, or by hypercall.
    fn unmask(&self, port: u32) {
        let word = self.word(port).unwrap();
        if fifo::unmask(word) && word.fetch_and(!MASKED) & PENDING != 0 {
            self.send(port);
        }
    }

    /// Returns the queues that are left.
    fn upcall(&self, mut handle: impl FnMut(Port)) -> u32 {
        self.mem.u8::<UPCALL_PENDING>().store(0, Relaxed);
        Queues(self.mem).run(|page| (page == 0).then_some(self.words), || {}, &mut handle)
    }

    fn interrupts(&self) -> bool {
        self.mem.u8::<UPCALL_PENDING>().load(Relaxed) != 0
    }
}

/// Starts a sender that has work, and returns what shows it.
fn send_with_work(xen: &Xen, port: u32) -> (Arc<AtomicBool>, thread::JoinHandle<()>) {
    let xen = xen.clone();
    work_then(move || xen.send(port))
}

#[test]
fn d_e06_an_event_that_comes_again_while_it_is_taken_off_is_seen_or_interrupts() {
    loom::model(|| {
        let xen = start();
        xen.send(1);
        let (work, sender) = send_with_work(&xen, 1);
        let mut seen = false;
        xen.upcall(|port| {
            assert_eq!(port, Port(1));
            seen = work.load(Relaxed);
        });
        sender.join().unwrap();
        assert!(
            seen || xen.interrupts(),
            "the work behind an event was not seen, and no interrupt comes"
        );
    });
}

#[test]
fn d_e06_an_event_that_is_linked_to_one_being_taken_off_is_not_lost() {
    loom::model(|| {
        let xen = start();
        xen.send(1);
        let (work, sender) = send_with_work(&xen, 2);
        let mut delivered = Vec::new();
        let mut upcall = || {
            xen.upcall(|port| {
                assert!(
                    port != Port(2) || work.load(Relaxed),
                    "the event is seen before the work behind it"
                );
                delivered.push(port);
            });
        };
        upcall();
        sender.join().unwrap();
        if xen.interrupts() {
            upcall();
        }
        assert_eq!(delivered, [Port(1), Port(2)]);
    });
}

#[test]
fn d_e03_an_event_around_the_unmask_interrupts() {
    loom::model(|| {
        let xen = start();
        fifo::mask(xen.word(1).unwrap());
        let (_, sender) = send_with_work(&xen, 1);
        xen.unmask(1);
        sender.join().unwrap();
        let mut delivered = 0;
        if xen.interrupts() {
            xen.upcall(|_| delivered += 1);
        }
        assert_eq!(delivered, 1);
    });
}

#[test]
fn a_port_that_masks_itself_in_its_handler_loses_nothing() {
    loom::model(|| {
        let xen = start();
        xen.send(1);
        let (work, sender) = send_with_work(&xen, 1);
        xen.upcall(|_| {
            fifo::mask(xen.word(1).unwrap());
        });
        let seen = work.load(Relaxed);
        // Xen's lock: one sender at a time.
        sender.join().unwrap();
        xen.unmask(1);
        assert!(
            seen || xen.interrupts(),
            "the work behind an event was not seen, and no interrupt comes"
        );
    });
}

#[test]
fn a_pending_port_shows_the_work_behind_the_event() {
    loom::model(|| {
        let xen = start();
        fifo::mask(xen.word(1).unwrap());
        let (work, sender) = send_with_work(&xen, 1);
        if fifo::is_pending(xen.word(1).unwrap()) {
            assert!(work.load(Relaxed), "the event is seen before the work behind it");
        }
        sender.join().unwrap();
    });
}

#[test]
fn two_that_run_the_same_queues_tell_each_event_once() {
    loom::model(|| {
        let xen = start();
        xen.send(1);
        let other = thread::spawn({
            let xen = xen.clone();
            move || {
                let mut delivered = 0;
                xen.upcall(|_| delivered += 1);
                delivered
            }
        });
        let mut delivered = 0;
        xen.upcall(|_| delivered += 1);
        xen.send(2);
        xen.send(3);
        delivered += other.join().unwrap();
        while xen.upcall(|_| delivered += 1) != 0 {}
        assert_eq!(delivered, 3);
    });
}

#[test]
fn events_behind_the_budget_come_later() {
    loom::model(|| {
        let xen = start();
        (1..=3).for_each(|port| xen.send(port));
        let (work, sender) = send_with_work(&xen, 4);
        let mut delivered = Vec::new();
        let mut upcall = || {
            xen.upcall(|port| {
                assert!(
                    port != Port(4) || work.load(Relaxed),
                    "the event is seen before the work behind it"
                );
                delivered.push(port);
            })
        };
        let left = upcall();
        sender.join().unwrap();
        assert!(left == 0 || left == 1 << QUEUE);
        assert!(left != 0 || xen.interrupts(), "an event is left, and no interrupt comes");
        while upcall() != 0 || xen.interrupts() {}
        assert_eq!(delivered, [1, 2, 3, 4].map(Port));
    });
}
