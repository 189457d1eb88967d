//! The pages of the balloon: those of the heap, and frames behind RAM that never had memory.

use crate::platform::{BOOT, Rt};
use crate::{machine, memory, paging};
use spin::Mutex;
use xen_guest::{Balloon, BalloonConfig, BalloonError};
use xen_hypercall::{Gfn, PAGE_SHIFT, PAGE_SIZE, UnpopulatedFrames};
use xen_store::XenStore;

/// Frames for more memory than at the boot: 256 MiB.
type NewFrames = UnpopulatedFrames<1024>;

/// Large pages, in which the memory of the boot window is mapped.
const ALIGN: u64 = 2 << 20;

/// RAM that the kernel keeps for itself when the balloon takes pages.
const RESERVE: usize = 4 << 20;

/// Frames behind RAM.
struct New {
    frames: NewFrames,
    first: u64,
    /// A bit for each frame whose memory the heap has had: it is not added, but freed.
    added: [u64; 1024],
}

static NEW: Mutex<Option<New>> = Mutex::new(None);

/// Creates the balloon of this kernel.
pub(crate) fn create(store: &XenStore<Rt>) -> Result<Balloon<Rt>, BalloonError> {
    let page = |bytes: u64| bytes >> PAGE_SHIFT;
    let (mut pages, mut end) = (0, 0);
    if let Some(boot) = BOOT.get() {
        pages = boot.ram().map(|ram| page(ram.end - ram.start)).sum();
        end = boot.ram().map(|ram| ram.end).max().unwrap_or_default();
        let map = boot.memory_map.iter();
        let map = map.map(|region| region.addr..region.addr.saturating_add(region.size));
        let occupied = map.chain(machine::frames::occupied());
        let gap = NewFrames::gap(&occupied, end, ALIGN);
        let gap = gap.filter(|gap| {
            let start = gap.address();
            paging::map(start..start + ((NewFrames::FRAMES as u64) << PAGE_SHIFT)).is_some()
        });
        if let Some(first) = gap {
            let mut new = NEW.lock();
            if new.is_none() {
                *new =
                    Some(New { frames: NewFrames::new(first), first: first.0, added: [0; 1024] });
            }
            end = end.max(first.address() + ((NewFrames::FRAMES as u64) << PAGE_SHIFT));
        }
    }
    let (_, total) = memory::usage();
    let in_use = pages.saturating_sub((memory::free() / PAGE_SIZE) as u64);
    let minimum = in_use + (RESERVE.min(total) / PAGE_SIZE) as u64;
    Balloon::new(store, BalloonConfig::new(pages, Gfn(0)..Gfn::containing(end), minimum))
}

/// Takes free pages out of the heap.
pub(crate) fn take(order: u32) -> Option<Gfn> {
    let size = PAGE_SIZE.checked_shl(order)?;
    let is_plenty = memory::free().checked_sub(size).is_some_and(|left| left >= RESERVE);
    let start = is_plenty.then(|| memory::take(size)).flatten()?;
    Some(Gfn::containing(start as u64))
}

/// Fills pages of `take` with zeroes.
///
/// # Safety
///
/// The pages must be taken, and have memory.
pub(crate) unsafe fn scrub(first: Gfn, order: u32) {
    let start: *mut u8 = core::ptr::with_exposed_provenance_mut(first.address() as usize);
    // SAFETY: mapped to its own address, and without another user, as the caller ensures.
    unsafe { start.write_bytes(0, PAGE_SIZE << order) };
}

/// Adds pages to the heap.
///
/// # Safety
///
/// The pages must have memory, and be taken or new ones.
pub(crate) unsafe fn add(first: Gfn, order: u32) {
    let (start, size) = (first.address() as usize, PAGE_SIZE << order);
    let mut new = NEW.lock();
    let new = new.as_mut().filter(|new| {
        first.0.checked_sub(new.first).is_some_and(|index| index < NewFrames::FRAMES as u64)
    });
    let Some(new) = new else {
        // SAFETY: taken by `take`, as the caller ensures.
        return unsafe { memory::give_back(start, size) };
    };
    for frame in first.0..first.0 + (1 << order) {
        let index = (frame - new.first) as usize;
        let Some(word) = new.added.get_mut(index / 64) else { continue };
        let bit = 1 << (index % 64);
        let page = Gfn(frame).address() as usize;
        // SAFETY: the page has memory and no user, as the caller ensures: new to the heap, or taken
        // from it.
        unsafe {
            if *word & bit == 0 {
                memory::add_new(page, PAGE_SIZE);
            } else {
                memory::give_back(page, PAGE_SIZE);
            }
        }
        *word |= bit;
    }
}

/// Reserves frames that never had memory.
pub(crate) fn new_frames(order: u32) -> Option<Gfn> {
    let count = 1usize.checked_shl(order).and_then(core::num::NonZeroUsize::new)?;
    // The range starts at a large page, and all requests are for large pages or single ones.
    let mut new = NEW.lock();
    let frames = &mut new.as_mut()?.frames;
    let first = frames.reserve(count)?;
    let is_aligned = first.0.is_multiple_of(count.get() as u64);
    if !is_aligned {
        frames.release(first, count);
    }
    is_aligned.then_some(first)
}
