//! A machine without a Xen: every hypercall succeeds, and the frames in it are recorded.
//! The measured code makes no hypercall.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::num::NonZeroUsize;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex};
use xen_hypercall::{Claims, Gfn, Hypercall, Instant, PAGE_SIZE, Platform, SharedMem};
use xen_sys::event_channel::{
    EVTCHNOP_EXPAND_ARRAY, EVTCHNOP_INIT_CONTROL, EvtchnExpandArray, EvtchnInitControl,
};
use xen_sys::grant_table::{GNTTABOP_QUERY_SIZE, GnttabQuerySize, GrantStatus};
use xen_sys::xen::{HYPERVISOR_EVENT_CHANNEL_OP, HYPERVISOR_GRANT_TABLE_OP};

/// Number of pages of a machine's memory.
const PAGES: usize = 256;

fn layout() -> Layout {
    Layout::from_size_align(PAGES * PAGE_SIZE, PAGE_SIZE).expect("the size is valid")
}

/// Frames from a machine's hypercalls, and the number of its pages in use.
#[derive(Debug, Default)]
struct Recorded {
    control: Option<Gfn>,
    array: Vec<Gfn>,
    used: usize,
}

#[derive(Debug)]
struct World {
    /// Address of the memory. A frame is the number of a page in it.
    memory: usize,
    recorded: Mutex<Recorded>,
    claims: Claims,
}

impl Drop for World {
    fn drop(&mut self) {
        let memory = std::ptr::with_exposed_provenance_mut(self.memory);
        // SAFETY: `Machine::new` allocated it with this layout, and the last machine that refers to
        // it is dropped.
        unsafe { dealloc(memory, layout()) };
    }
}

/// Handle of a machine. The measured code does not clone it.
#[derive(Clone, Debug)]
pub(crate) struct Machine(Arc<World>);

impl Machine {
    /// Creates a machine.
    pub(crate) fn new() -> Self {
        // SAFETY: the size is not zero.
        let memory = unsafe { alloc_zeroed(layout()) };
        assert!(!memory.is_null());
        let memory = memory.expose_provenance();
        Self(Arc::new(World { memory, recorded: Mutex::default(), claims: Claims::new() }))
    }

    /// Returns the page with the queues of vCPU 0.
    pub(crate) fn control(&self) -> &SharedMem {
        self.page(self.recorded(|recorded| recorded.control.expect("the FIFO format is in use")))
    }

    /// Returns page `index` of the event words.
    pub(crate) fn array(&self, index: usize) -> &SharedMem {
        self.page(
            self.recorded(|recorded| {
                *recorded.array.get(index).expect("the array has grown so far")
            }),
        )
    }

    fn recorded<R>(&self, read: impl FnOnce(&Recorded) -> R) -> R {
        read(&self.0.recorded.lock().expect("no holder panics"))
    }

    fn page(&self, frame: Gfn) -> &SharedMem {
        // SAFETY: a page of the machine's memory, which lives as long as `self`. Pages of event
        // words are accessed as shared memory only.
        unsafe { SharedMem::from_raw(self.address(frame), PAGE_SIZE) }
    }

    fn address(&self, frame: Gfn) -> NonNull<u8> {
        let address = self.0.memory + frame.0 as usize * PAGE_SIZE;
        NonNull::new(std::ptr::with_exposed_provenance_mut(address)).expect("no page lies at zero")
    }
}

// SAFETY: a call only writes its result into the command's argument.
unsafe impl Hypercall for Machine {
    unsafe fn hypercall(&self, op: usize, args: [usize; 5]) -> isize {
        let mut recorded = self.0.recorded.lock().expect("no holder panics");
        match (op, args[0] as u32) {
            (HYPERVISOR_EVENT_CHANNEL_OP, EVTCHNOP_INIT_CONTROL) => {
                // SAFETY: the command's argument, by the caller's obligation.
                let arg =
                    unsafe { &*std::ptr::with_exposed_provenance::<EvtchnInitControl>(args[1]) };
                recorded.control = Some(Gfn(arg.control_gfn));
            }
            (HYPERVISOR_EVENT_CHANNEL_OP, EVTCHNOP_EXPAND_ARRAY) => {
                // SAFETY: the command's argument, by the caller's obligation.
                let arg =
                    unsafe { &*std::ptr::with_exposed_provenance::<EvtchnExpandArray>(args[1]) };
                recorded.array.push(Gfn(arg.array_gfn));
            }
            (HYPERVISOR_GRANT_TABLE_OP, GNTTABOP_QUERY_SIZE) => {
                // SAFETY: the command's argument, by the caller's obligation.
                let arg = unsafe {
                    &mut *std::ptr::with_exposed_provenance_mut::<GnttabQuerySize>(args[1])
                };
                (arg.nr_frames, arg.max_nr_frames, arg.status) = (1, 4, GrantStatus::OKAY);
            }
            _ => {}
        }
        0
    }
}

// SAFETY: pages come zeroed from the machine's memory, each once; a frame is the number of its
// page.
unsafe impl Platform for Machine {
    fn alloc_pages(&self, count: NonZeroUsize) -> Option<NonNull<u8>> {
        let mut recorded = self.0.recorded.lock().expect("no holder panics");
        let first = recorded.used;
        recorded.used = first.checked_add(count.get()).filter(|&used| used <= PAGES)?;
        Some(self.address(Gfn(first as u64)))
    }

    unsafe fn free_pages(&self, _pages: NonNull<u8>, _count: NonZeroUsize) {}

    fn virt_to_gfn(&self, page: NonNull<u8>) -> Gfn {
        Gfn(((page.as_ptr().expose_provenance() - self.0.memory) / PAGE_SIZE) as u64)
    }

    unsafe fn map_frames(&self, first: Gfn, _count: NonZeroUsize) -> Option<NonNull<u8>> {
        Some(self.address(first))
    }

    fn claims(&self) -> &Claims {
        &self.0.claims
    }

    fn now(&self) -> Instant {
        Instant::from_nanos(0)
    }
}
