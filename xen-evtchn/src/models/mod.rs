//! Loom models: all orders in which Xen's events and this domain's handling can meet.
//!
//! `RUSTFLAGS="--cfg loom" cargo test --manifest-path models/Cargo.toml -p xen-evtchn --lib
//! --profile models`

mod claims;
mod dispatcher;
mod fifo;
mod growth;
mod pages;
mod two_level;

use crate::EventChannels;
use core::mem::offset_of;
use core::num::NonZeroUsize;
use core::ptr::NonNull;
use loom::sync::Arc;
use loom::sync::atomic::Ordering::{Relaxed, SeqCst};
use loom::sync::atomic::{AtomicBool, fence};
use loom::thread::{self, JoinHandle};
use xen_hypercall::{Claims, Gfn, Hypercall, Instant, PAGE_SIZE, Platform, Port, SharedMem};
use xen_sys::event_channel::{EVTCHNOP_BIND_VCPU, EVTCHNOP_UNMASK};
use xen_sys::xen::{HYPERVISOR_EVENT_CHANNEL_OP, SharedInfo, VcpuInfo};

const PORT: Port = Port(3);
const BIT: u64 = 1 << 3;
const UPCALL_PENDING: usize =
    offset_of!(SharedInfo, vcpu_info) + offset_of!(VcpuInfo, evtchn_upcall_pending);
const SELECTOR: usize =
    offset_of!(SharedInfo, vcpu_info) + offset_of!(VcpuInfo, evtchn_pending_sel);
/// Distance of the second vCPU's `vcpu_info`.
const SECOND: usize = size_of::<VcpuInfo>();
const PENDING: usize = offset_of!(SharedInfo, evtchn_pending);
const MASK: usize = offset_of!(SharedInfo, evtchn_mask);
/// Offset in the models of the vCPU that Xen notifies: shared info is shorter.
const NOTIFIED: usize = 4000;
/// Words of a vCPU's page: the port that raises an upcall, and the ports of other vCPUs.
const VCPU_PAGE: [(core::ops::Range<usize>, usize); 2] = [(512..516, 4), (1024..1032, 8)];

type Events = EventChannels<Xen, &'static SharedMem>;

/// Xen's side of the words of one vCPU. Its atomic operations are sequentially consistent.
#[derive(Clone, Copy)]
struct Xen {
    words: &'static SharedMem,
}

impl Xen {
    fn send(self) {
        let was_pending = self.words.u64::<PENDING>().fetch_or(BIT) & BIT != 0;
        fence(SeqCst);
        if !was_pending && self.words.u64::<MASK>().load(Relaxed) & BIT == 0 {
            self.raise();
        }
    }

    fn unmask(self) {
        if self.words.u64::<MASK>().fetch_and(!BIT) & BIT != 0
            && self.words.u64::<PENDING>().fetch_or(0) & BIT != 0
        {
            self.raise();
        }
    }

    fn raise(self) {
        // Xen's operations on bits are barriers as well.
        fence(SeqCst);
        let info = self.words.u32::<NOTIFIED>().fetch_or(0) as usize * SECOND;
        let (Some(selector), Some(flag)) =
            (self.words.u64_at(SELECTOR + info), self.words.u8_at(UPCALL_PENDING + info))
        else {
            return;
        };
        if selector.fetch_or(1) & 1 == 0 {
            flag.swap(1);
        }
    }

    /// Sets the bit of the first word in the selector of `vcpu`.
    fn select(self, vcpu: usize) {
        if let Some(selector) = self.words.u64_at(SELECTOR + vcpu * size_of::<VcpuInfo>()) {
            selector.fetch_or(1);
        }
    }

    fn interrupts(self) -> bool {
        self.interrupts_vcpu(0)
    }

    fn interrupts_vcpu(self, vcpu: usize) -> bool {
        self.words.u8_at(UPCALL_PENDING + vcpu * SECOND).is_some_and(|flag| flag.load(Relaxed) != 0)
    }

    fn is_masked(self) -> bool {
        self.words.u64::<MASK>().fetch_or(0) & BIT != 0
    }
}

// SAFETY: answers within this process and does not access the caller's memory.
unsafe impl Hypercall for Xen {
    unsafe fn hypercall(&self, op: usize, args: [usize; 5]) -> isize {
        assert_eq!(op, HYPERVISOR_EVENT_CHANNEL_OP);
        if args[0] == EVTCHNOP_BIND_VCPU as usize {
            // The models move to the second vCPU only.
            self.words.u32::<NOTIFIED>().swap(1);
        } else {
            assert_eq!(args[0], EVTCHNOP_UNMASK as usize);
            self.unmask();
        }
        0
    }
}

// SAFETY: returns memory of models, which lives as long as the process.
unsafe impl Platform for Xen {
    fn alloc_pages(&self, _count: NonZeroUsize) -> Option<NonNull<u8>> {
        Some(NonNull::from(SharedMem::for_model(PAGE_SIZE, &VCPU_PAGE)).cast())
    }
    unsafe fn free_pages(&self, _pages: NonNull<u8>, _count: NonZeroUsize) {}
    fn virt_to_gfn(&self, _page: NonNull<u8>) -> Gfn {
        Gfn(0)
    }
    unsafe fn map_frames(&self, _first: Gfn, _count: NonZeroUsize) -> Option<NonNull<u8>> {
        None
    }
    fn claims(&self) -> &Claims {
        unreachable!("no model claims a resource of the domain")
    }
    fn now(&self) -> Instant {
        Instant::default()
    }
}

fn start() -> (Xen, Arc<Events>) {
    let words = [
        (UPCALL_PENDING..UPCALL_PENDING + 1, 1),
        (SELECTOR..SELECTOR + 8, 8),
        (SECOND + UPCALL_PENDING..SECOND + UPCALL_PENDING + 1, 1),
        (SECOND + SELECTOR..SECOND + SELECTOR + 8, 8),
        (PENDING..PENDING + 64 * 8, 8),
        (MASK..MASK + 64 * 8, 8),
        (NOTIFIED..NOTIFIED + 4, 4),
    ];
    let xen = Xen { words: SharedMem::for_model(PAGE_SIZE, &words) };
    (xen, Arc::new(EventChannels::new(xen, xen.words)))
}

/// Checks orders with at most a few switches between threads: enough for the known faults, where
/// all orders take too long.
fn model_of_few_switches(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(model);
}

/// Starts a peer that stores work and then sends an event. Returns the flag of the work.
fn work_then(send: impl FnOnce() + Send + 'static) -> (Arc<AtomicBool>, JoinHandle<()>) {
    let work = Arc::new(AtomicBool::new(false));
    let peer = thread::spawn({
        let work = work.clone();
        move || {
            work.store(true, Relaxed);
            send();
        }
    });
    (work, peer)
}
