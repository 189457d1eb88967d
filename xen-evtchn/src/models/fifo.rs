//! FIFO format: Xen appends to a queue while the vCPU removes from it.

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
/// Offset of the flag in the models: no page of Xen's has both.
const UPCALL_PENDING: usize = 2048;
const QUEUE: u32 = EVTCHN_FIFO_PRIORITY_DEFAULT;
const READY: usize = offset_of!(EvtchnFifoControlBlock, ready);
const HEAD: usize = offset_of!(EvtchnFifoControlBlock, head) + QUEUE as usize * 4;

/// Xen's side of one queue. One sender at a time has Xen's lock.
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

    /// Unmasks a port: by itself, or by hypercall.
    fn unmask(&self, port: u32) {
        let word = self.word(port).unwrap();
        if fifo::unmask(word) && word.fetch_and(!MASKED) & PENDING != 0 {
            self.send(port);
        }
    }

    /// Runs the upcall, and returns the queues that are not empty.
    fn upcall(&self, mut handle: impl FnMut(Port)) -> u32 {
        self.mem.u8::<UPCALL_PENDING>().store(0, Relaxed);
        Queues(self.mem).run(|page| (page == 0).then_some(self.words), || {}, &mut handle)
    }

    fn interrupts(&self) -> bool {
        self.mem.u8::<UPCALL_PENDING>().load(Relaxed) != 0
    }
}

/// Starts a sender that stores work and sends an event. Returns the flag of the work.
fn send_with_work(xen: &Xen, port: u32) -> (Arc<AtomicBool>, thread::JoinHandle<()>) {
    let xen = xen.clone();
    work_then(move || xen.send(port))
}

/// D-E06.
#[test]
fn event_during_removal_is_seen() {
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
        assert!(seen || xen.interrupts(), "work was missed, and no interrupt comes");
    });
}

/// D-E06.
#[test]
fn event_linked_during_removal_is_kept() {
    loom::model(|| {
        let xen = start();
        xen.send(1);
        let (work, sender) = send_with_work(&xen, 2);
        let mut delivered = Vec::new();
        let mut upcall = || {
            xen.upcall(|port| {
                assert!(port != Port(2) || work.load(Relaxed), "the event is seen before its work");
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

/// D-E03.
#[test]
fn event_around_unmask_interrupts() {
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
fn mask_in_handler_keeps_events() {
    loom::model(|| {
        let xen = start();
        xen.send(1);
        let (work, sender) = send_with_work(&xen, 1);
        xen.upcall(|_| {
            fifo::mask(xen.word(1).unwrap());
        });
        let seen = work.load(Relaxed);
        // One sender at a time has Xen's lock.
        sender.join().unwrap();
        xen.unmask(1);
        assert!(seen || xen.interrupts(), "work was missed, and no interrupt comes");
    });
}

#[test]
fn pending_port_shows_work() {
    loom::model(|| {
        let xen = start();
        fifo::mask(xen.word(1).unwrap());
        let (work, sender) = send_with_work(&xen, 1);
        if fifo::is_pending(xen.word(1).unwrap()) {
            assert!(work.load(Relaxed), "the event is seen before its work");
        }
        sender.join().unwrap();
    });
}

#[test]
fn event_is_delivered_to_one_run() {
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
fn events_beyond_budget_come_later() {
    loom::model(|| {
        let xen = start();
        (1..=3).for_each(|port| xen.send(port));
        let (work, sender) = send_with_work(&xen, 4);
        let mut delivered = Vec::new();
        let mut upcall = || {
            xen.upcall(|port| {
                assert!(port != Port(4) || work.load(Relaxed), "the event is seen before its work");
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
