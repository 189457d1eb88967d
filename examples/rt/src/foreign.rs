//! Frames without RAM, to map other domains' memory into: a range that the memory map doesn't name.

use crate::paging;
use crate::platform::BOOT;
use core::num::NonZeroUsize;
use core::ptr::NonNull;
use spin::Mutex;
use xen_hypercall::{ForeignRange, PAGE_SIZE, UnpopulatedFrames};

/// 64 MiB of addresses.
type Frames = UnpopulatedFrames<256>;

/// The range, once it was needed.
static FRAMES: Mutex<Option<Frames>> = Mutex::new(None);

/// Picks the range, in a gap of the memory map above 4 GiB, and has its addresses lead to it.
fn place() -> Option<Frames> {
    let regions = BOOT.get()?.memory_map.iter();
    let taken = regions.map(|region| region.addr..region.addr.saturating_add(region.size));
    let first = Frames::gap(&taken, paging::BOOT_WINDOW.end, 1 << 30)?;
    let start = first.address();
    paging::map(start..start.checked_add((Frames::FRAMES * PAGE_SIZE) as u64)?)?;
    Some(Frames::new(first))
}

/// Reserves `count` frames side by side; `None` if there are not so many.
pub(crate) fn reserve(count: NonZeroUsize) -> Option<ForeignRange> {
    let mut frames = FRAMES.lock();
    if frames.is_none() {
        *frames = place();
    }
    let first = frames.as_mut()?.reserve(count)?;
    let address = core::ptr::with_exposed_provenance_mut(first.address() as usize);
    Some(ForeignRange { start: NonNull::new(address)?, first, count })
}

/// Takes back what `reserve` gave.
pub(crate) fn release(range: ForeignRange) {
    if let Some(frames) = FRAMES.lock().as_mut() {
        let _ = frames.release(range.first, range.count);
    }
}
