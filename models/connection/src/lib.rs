//! Connection to xenstore over a shared page: all interleavings of a domain and its server.

#![cfg(all(test, loom))]

use core::mem::offset_of;
use core::num::NonZeroUsize;
use core::ptr::NonNull;
use loom::sync::Arc;
use loom::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use loom::sync::atomic::{AtomicBool, fence};
use loom::thread;
use xen_hypercall::{Claims, Gfn, Hypercall, Instant, PAGE_SIZE, Platform, Port, SharedMem};
use xen_store::{RingTransport, Transport};
use xen_sys::event_channel::EVTCHNOP_SEND;
use xen_sys::io::xs_wire::{
    ServerFeatures, XENSTORE_CONNECTED, XENSTORE_RECONNECT, XENSTORE_RING_SIZE,
    XenstoreDomainInterface as Page,
};
use xen_sys::xen::HYPERVISOR_EVENT_CHANNEL_OP;

const CONNECTION: usize = offset_of!(Page, connection);
const FEATURES: usize = offset_of!(Page, server_features);
const REQ: usize = offset_of!(Page, req);
const REQ_PROD: usize = offset_of!(Page, req_prod);
const RSP: usize = offset_of!(Page, rsp);
const RSP_CONS: usize = offset_of!(Page, rsp_cons);
const RSP_PROD: usize = offset_of!(Page, rsp_prod);

/// The channel that notifies the server.
#[derive(Clone)]
struct Xen {
    notified: Arc<AtomicBool>,
}

// SAFETY: it answers within this process and touches no memory of the caller's.
unsafe impl Hypercall for Xen {
    unsafe fn hypercall(&self, op: usize, args: [usize; 5]) -> isize {
        assert_eq!((op, args[0]), (HYPERVISOR_EVENT_CHANNEL_OP, EVTCHNOP_SEND as usize));
        self.notified.store(true, SeqCst);
        0
    }
}

// SAFETY: it never hands out memory.
unsafe impl Platform for Xen {
    fn alloc_pages(&self, _count: NonZeroUsize) -> Option<NonNull<u8>> {
        None
    }
    unsafe fn free_pages(&self, _pages: NonNull<u8>, _count: NonZeroUsize) {}
    fn virt_to_gfn(&self, _page: NonNull<u8>) -> Gfn {
        Gfn(0)
    }
    unsafe fn map_frames(&self, _first: Gfn, _count: NonZeroUsize) -> Option<NonNull<u8>> {
        None
    }
    fn claims(&self) -> &Claims {
        unreachable!("a connection takes no resource of the domain")
    }
    fn now(&self) -> Instant {
        Instant::default()
    }
}

type Domain = RingTransport<Xen, &'static SharedMem>;

/// Makes the page, the domain's end and what shows that the server was notified.
fn page() -> (&'static SharedMem, Domain, Arc<AtomicBool>) {
    let indices = offset_of!(Page, req_cons);
    // The first bytes of each ring are enough.
    let words =
        [(REQ..REQ + 4, 1), (RSP..RSP + 4, 1), (indices..size_of::<Page>().next_multiple_of(4), 4)];
    let mem = SharedMem::for_model(PAGE_SIZE, &words);
    let notified = Arc::new(AtomicBool::new(false));
    (mem, RingTransport::new(Xen { notified: notified.clone() }, mem, Port(1)), notified)
}

/// A domain that sees that its server is there attaches to the indices that the server has set.
#[test]
fn domain_attaches_to_the_servers_indices() {
    loom::model(|| {
        let (mem, mut domain, _) = page();
        // The state that an earlier server left.
        mem.u32::<CONNECTION>().store(XENSTORE_RECONNECT, Relaxed);
        mem.u32::<RSP_CONS>().store(5, Relaxed);
        mem.u32::<RSP_PROD>().store(5, Relaxed);
        let server = thread::spawn(move || {
            mem.u32::<RSP_CONS>().store(0, Relaxed);
            mem.u32::<RSP_PROD>().store(0, Relaxed);
            mem.u32::<CONNECTION>().store(XENSTORE_CONNECTED, Release);
        });
        let early = domain.try_read(&mut [0; 4]);
        assert!(matches!(early, Ok(0)), "{early:?}");
        server.join().unwrap();
        mem.copy_from(RSP, &[7]).unwrap();
        mem.u32::<RSP_PROD>().store(1, Release);
        let mut byte = [0; 4];
        assert!(matches!(domain.try_read(&mut byte), Ok(1)));
        assert_eq!(byte, [7, 0, 0, 0]);
    });
}

/// A server that found no room for a reply is notified when there is room, or has seen it.
#[test]
fn full_server_is_notified_of_room() {
    loom::model(|| {
        let (mem, mut domain, notified) = page();
        mem.u32::<CONNECTION>().store(XENSTORE_CONNECTED, Relaxed);
        let full = XENSTORE_RING_SIZE as u32;
        // All but one byte is in use.
        mem.u32::<RSP_PROD>().store(full - 1, Relaxed);
        let server = thread::spawn(move || {
            mem.u32::<RSP_PROD>().store(full, Release);
            fence(SeqCst);
            // It has more to send, and sleeps if there is no room.
            mem.u32::<RSP_CONS>().load(Acquire) == 0
        });
        let mut byte = [0];
        assert!(matches!(domain.try_read(&mut byte), Ok(1)));
        domain.notify().unwrap();
        let asleep = server.join().unwrap();
        assert!(!asleep || notified.load(SeqCst), "asleep, and not notified");
    });
}

/// A server that sees a request to reconnect sees all that the domain has written before, and
/// starts over after it.
#[test]
fn server_restarts_after_last_request() {
    loom::model(|| {
        let (mem, mut domain, _) = page();
        mem.u32::<FEATURES>().store(ServerFeatures::RECONNECTION.0, Relaxed);
        mem.u32::<CONNECTION>().store(XENSTORE_CONNECTED, Relaxed);
        let server = thread::spawn(move || {
            if mem.u32::<CONNECTION>().load(Acquire) == XENSTORE_RECONNECT {
                // The checker reports a copy that another one may overtake.
                mem.copy_from(REQ, &[0]).unwrap();
                mem.u32::<REQ_PROD>().store(0, Relaxed);
            }
        });
        assert!(matches!(domain.try_write(&[7]), Ok(1)));
        domain.reconnect().unwrap();
        server.join().unwrap();
    });
}
