//! A range of addresses for other domains' memory: an extended region of Xen's.

use super::{boot, paging};
use crate::foreign::Frames;
use core::iter;
use core::ops::Range;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use xen_hypercall::{Gfn, PAGE_SIZE};

/// Memory is mapped in blocks of this size.
const ALIGN: u64 = 2 << 20;

/// Picks the end of the first extended region that is large enough, and has its addresses lead to
/// it.
pub(crate) fn place() -> Option<Frames> {
    let regions = &boot::hardware()?.extended_regions;
    let first = regions.iter().find_map(|region| {
        let end = region.end.min(paging::LIMIT);
        Frames::highest_gap(&iter::once(0..region.start), end, ALIGN)
    })?;
    let start = first.address();
    paging::map(start..start.checked_add((Frames::FRAMES * PAGE_SIZE) as u64)?)?;
    Some(Frames::new(first))
}

/// Number of frames of the grant area that are in use, for shared info and the grant table.
static XEN_FRAMES: AtomicU64 = AtomicU64::new(0);

/// Returns the next frame of the grant area, for a page of Xen's.
pub(crate) fn for_xen() -> Option<(NonNull<u8>, Gfn)> {
    let area = &boot::hardware()?.grant_area;
    let start = XEN_FRAMES.fetch_add(1, Relaxed).checked_mul(PAGE_SIZE as u64)?;
    let start = area.start.checked_add(start).filter(|&start| start < area.end)?;
    paging::map(start..start + PAGE_SIZE as u64)?;
    let address = core::ptr::with_exposed_provenance_mut(start as usize);
    Some((NonNull::new(address)?, Gfn::containing(start)))
}

/// Returns ranges that the memory of a balloon must leave out: those of Xen and its devices.
/// Beyond the boot memory, a domain's memory lies where an extended region is now.
pub(crate) fn occupied() -> impl Iterator<Item = Range<u64>> + Clone {
    let hardware = boot::hardware();
    let fixed = hardware.into_iter().flat_map(|hardware| {
        let [distributor, other] = hardware.gic.ranges();
        [hardware.grant_area.clone(), distributor, other]
    });
    let foreign = hardware.and_then(|hardware| hardware.extended_regions.first());
    let size = (Frames::FRAMES * PAGE_SIZE) as u64;
    fixed.chain(foreign.map(|region| region.end.saturating_sub(size + ALIGN)..u64::MAX))
}
