//! Frames without RAM, to map other domains' memory into: a range that the memory map doesn't name.

use crate::paging;
use crate::platform::BOOT;
use core::num::NonZeroUsize;
use core::ptr::NonNull;
use spin::Mutex;
use xen_hypercall::{ForeignRange, Gfn, PAGE_SIZE};

/// Frames that can be reserved: 64 MiB of addresses.
const FRAMES: usize = 16 * 1024;
const WORDS: usize = FRAMES / 64;

/// Where the range begins, once it was needed, and which of its frames are taken.
struct Frames {
    first: Option<Gfn>,
    taken: [u64; WORDS],
}

static FRAMES_IN_USE: Mutex<Frames> = Mutex::new(Frames { first: None, taken: [0; WORDS] });

impl Frames {
    fn is_taken(&self, index: usize) -> bool {
        self.taken[index / 64] & 1 << (index % 64) != 0
    }

    fn flip(&mut self, start: usize, count: usize) {
        (start..start + count).for_each(|index| self.taken[index / 64] ^= 1 << (index % 64));
    }

    /// Finds the first run of `count` frames that nobody has.
    fn find(&self, count: usize) -> Option<usize> {
        let mut run = 0;
        for index in 0..FRAMES {
            run = if self.is_taken(index) { 0 } else { run + 1 };
            if run == count {
                return Some(index + 1 - count);
            }
        }
        None
    }
}

/// Picks the range: the first gap of the memory map above 4 GiB, where no device of a PC is. Not above all that the map names:
/// dom0's can have a reserved region just below the last address that the CPU has.
fn place() -> Option<Gfn> {
    let map = &BOOT.get()?.memory_map;
    let size = (FRAMES * PAGE_SIZE) as u64;
    let mut start = paging::BOOT_WINDOW.end;
    // Each region in the way moves the start up, and can be in the way once.
    while let Some(end) = map
        .iter()
        .map(|region| region.addr..region.addr.saturating_add(region.size))
        .find(|region| region.start < start + size && start < region.end)
        .map(|region| region.end)
    {
        start = end.checked_next_multiple_of(1 << 30)?;
    }
    paging::map(start..start.checked_add(size)?)?;
    Some(Gfn::containing(start))
}

/// Reserves `count` frames side by side; `None` if there are not so many.
pub(crate) fn reserve(count: NonZeroUsize) -> Option<ForeignRange> {
    let mut frames = FRAMES_IN_USE.lock();
    let base = match frames.first {
        Some(base) => base,
        None => *frames.first.insert(place()?),
    };
    let start = frames.find(count.get())?;
    frames.flip(start, count.get());
    let first = Gfn(base.0 + start as u64);
    let address = core::ptr::with_exposed_provenance_mut(first.address() as usize);
    Some(ForeignRange { start: NonNull::new(address)?, first, count })
}

/// Takes back what `reserve` gave.
pub(crate) fn release(range: ForeignRange) {
    let mut frames = FRAMES_IN_USE.lock();
    if let Some(base) = frames.first {
        frames.flip((range.first.0 - base.0) as usize, range.count.get());
    }
}
