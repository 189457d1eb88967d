//! Frames without RAM, to map other domains' memory into.

use crate::machine::frames;
use core::num::NonZeroUsize;
use core::ptr::NonNull;
use spin::Mutex;
use xen_hypercall::{ForeignRange, UnpopulatedFrames};

/// 128 MiB of addresses: 30 disks with 1056 persistent grants each, and rings.
pub(crate) type Frames = UnpopulatedFrames<512>;

/// The range, once it was needed.
static FRAMES: Mutex<Option<Frames>> = Mutex::new(None);

/// Reserves `count` frames side by side; `None` if there are not so many.
pub(crate) fn reserve(count: NonZeroUsize) -> Option<ForeignRange> {
    let mut known = FRAMES.lock();
    if known.is_none() {
        *known = frames::place();
    }
    let first = known.as_mut()?.reserve(count)?;
    let address = core::ptr::with_exposed_provenance_mut(first.address() as usize);
    Some(ForeignRange { start: NonNull::new(address)?, first, count })
}

/// Frees frames from `reserve`.
pub(crate) fn release(range: ForeignRange) {
    if let Some(frames) = FRAMES.lock().as_mut() {
        let _ = frames.release(range.first, range.count);
    }
}
