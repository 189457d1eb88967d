//! Pages granted, and the end of access.

use crate::{Case, Outcome, measured, opaque};
use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::hint::black_box;
use std::num::NonZeroUsize;
use std::ptr::NonNull;
use xen_grant::{GrantTable, ReadWrite};
use xen_hypercall::{Claims, DomId, Gfn, Hypercall, Instant, PAGE_SIZE, Pages, Platform, Port};
use xen_sys::grant_table::{GNTTABOP_QUERY_SIZE, GnttabQuerySize, GrantStatus};
use xen_sys::xen::HYPERVISOR_GRANT_TABLE_OP;

pub(crate) const CASES: [Case; 4] = [
    Case { name: "grant/1", run: |rounds| run(rounds, 1) },
    Case { name: "grant/16", run: |rounds| run(rounds, 16) },
    Case { name: "grant-frames/1", run: |rounds| run_frames(rounds, 1) },
    Case { name: "grant-frames/11", run: |rounds| run_frames(rounds, 11) },
];

/// A kernel whose memory is this process's, of no size as those of kernels are. Its Xen grants it a
/// table and does nothing else.
#[derive(Clone, Copy)]
struct Kernel;

static CLAIMS: Claims = Claims::new();

fn layout(count: NonZeroUsize) -> Layout {
    Layout::from_size_align(count.get() * PAGE_SIZE, PAGE_SIZE).expect("pages have a layout")
}

// SAFETY: it touches nothing but the structure of the one command that it answers.
unsafe impl Hypercall for Kernel {
    unsafe fn hypercall(&self, op: usize, args: [usize; 5]) -> isize {
        if op == HYPERVISOR_GRANT_TABLE_OP && args[0] == GNTTABOP_QUERY_SIZE as usize {
            let size: *mut GnttabQuerySize = std::ptr::with_exposed_provenance_mut(args[1]);
            // SAFETY: the caller vouches for the command's structure at this address.
            unsafe {
                *size = GnttabQuerySize {
                    max_nr_frames: 64,
                    status: GrantStatus::OKAY,
                    ..Default::default()
                };
            }
        }
        0
    }
}

// SAFETY: the memory comes from the process's allocator, which keeps to the same contract; frames
// are addresses.
unsafe impl Platform for Kernel {
    fn alloc_pages(&self, count: NonZeroUsize) -> Option<NonNull<u8>> {
        // SAFETY: the layout is not empty.
        NonNull::new(unsafe { alloc_zeroed(layout(count)) })
    }

    unsafe fn free_pages(&self, pages: NonNull<u8>, count: NonZeroUsize) {
        // SAFETY: by the caller's contract the pages are those of one allocation.
        unsafe { dealloc(pages.as_ptr(), layout(count)) }
    }

    #[inline(always)]
    fn virt_to_gfn(&self, page: NonNull<u8>) -> Gfn {
        // Where a guest's memory is, which is nowhere near as high as a process's.
        Gfn(Gfn::containing(page.addr().get() as u64).0 & u64::from(u32::MAX))
    }

    unsafe fn map_frames(&self, _first: Gfn, _count: NonZeroUsize) -> Option<NonNull<u8>> {
        None
    }

    #[inline(always)]
    fn claims(&self) -> &Claims {
        &CLAIMS
    }

    fn now(&self) -> Instant {
        Instant::default()
    }

    fn wait(&self, _ports: &[Port], _deadline: Option<Instant>) {}
}

#[inline(never)]
fn grant_and_end(
    table: &GrantTable<Kernel>,
    pages: Pages<Kernel>,
    sum: &mut u64,
) -> Option<Pages<Kernel>> {
    let shared = table.grant_writable(pages, DomId(7)).ok()?;
    let mut reference = shared.reference();
    opaque(&mut reference);
    *sum += u64::from(reference.0);
    shared.end_access().ok()
}

/// Grants frames as a driver does that writes each reference into a request, and ends the grants.
#[inline(never)]
fn grant_frames_and_end(
    table: &GrantTable<Kernel>,
    frames: &[Gfn],
    sum: &mut u64,
    request: &mut [u32; 16],
) -> bool {
    let frames = frames.iter().copied();
    // SAFETY: nothing uses the frames, which are memory of this process until the run ends.
    let Ok(granted) = (unsafe { table.grant_frames::<ReadWrite>(frames, DomId(7)) }) else {
        return false;
    };
    for (slot, reference) in request.iter_mut().zip(granted.refs()) {
        *slot = reference.0;
    }
    opaque(request);
    *sum += u64::from(request[0]);
    granted.end_access().is_ok()
}

fn run_frames(rounds: u64, count: usize) -> Outcome {
    let table = GrantTable::new(Kernel).expect("a yes");
    let buffer = Pages::alloc(Kernel, count).expect("memory").into_shared();
    let frames: Vec<Gfn> = (0..count).filter_map(|index| buffer.gfn(index)).collect();
    let (mut sum, mut request) = (0, [0; 16]);
    let outcome = measured(|outcome| {
        for _ in 0..rounds {
            assert!(grant_frames_and_end(&table, &frames, &mut sum, &mut request), "a free table");
            outcome.units += count as u64;
        }
    });
    assert!(sum >= 8 * rounds, "the first eight references are Xen's");
    outcome
}

fn run(rounds: u64, count: usize) -> Outcome {
    let table = GrantTable::new(Kernel).expect("a yes");
    let mut pages = black_box(Pages::alloc(Kernel, count).ok());
    let mut sum = 0;
    let outcome = measured(|outcome| {
        for _ in 0..rounds {
            pages = pages.take().and_then(|pages| grant_and_end(&table, pages, &mut sum));
            outcome.units += count as u64;
        }
    });
    assert!(
        pages.is_some() && sum >= 8 * rounds,
        "the pages came back, and the first eight references are Xen's"
    );
    outcome
}
