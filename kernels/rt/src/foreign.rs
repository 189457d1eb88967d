//! Frames without RAM, to map other domains' memory into: a range that neither the memory map nor a
//! PCI device has.

use crate::platform::BOOT;
use crate::{hvm, paging, pci};
use core::num::NonZeroUsize;
use core::ops::Range;
use core::ptr::NonNull;
use spin::Mutex;
use xen_guest::hvm::PlatformDevice;
use xen_hypercall::arch::cpuid;
use xen_hypercall::{ForeignRange, PAGE_SIZE, UnpopulatedFrames};

/// 128 MiB of addresses: 30 disks with 1056 persistent grants each, and rings.
type Frames = UnpopulatedFrames<512>;

/// The range, once it was needed.
static FRAMES: Mutex<Option<Frames>> = Mutex::new(None);

/// On AMD processors, addresses that are not memory's but messages between processors.
const HYPER_TRANSPORT: Range<u64> = 0xfd_0000_0000..0x100_0000_0000;

/// Returns the first address that the processor has no lines for.
fn end_of_addresses() -> u64 {
    const SIZES: u32 = 0x8000_0008;
    let [last, ..] = cpuid::native(SIZES & 0x8000_0000, 0);
    let bits = if last < SIZES { 36 } else { cpuid::native(SIZES, 0)[0] & 0xff };
    1 << bits.clamp(32, 52)
}

/// Picks the range: the highest gap that neither the memory map nor a device has, as devices are
/// placed from the bottom; and has its addresses lead to it.
fn place() -> Option<Frames> {
    let regions = BOOT.get()?.memory_map.iter();
    let map = regions.map(|region| region.addr..region.addr.saturating_add(region.size));
    let devices = pci::memory();
    let taken = map.chain(devices.iter().cloned()).chain([HYPER_TRANSPORT, paging::BOOT_WINDOW]);
    let end = end_of_addresses().min(paging::LIMIT);
    let Some(first) = Frames::highest_gap(&taken, end, 1 << 30) else {
        return within(hvm::device()?);
    };
    let start = first.address();
    paging::map(start..start.checked_add((Frames::FRAMES * PAGE_SIZE) as u64)?)?;
    Some(Frames::new(first))
}

/// Uses the memory of the platform device. It is there for that, but firmware may have made the
/// addresses of devices uncacheable.
fn within(device: &PlatformDevice) -> Option<Frames> {
    let range = device.frames();
    let count = NonZeroUsize::new((range.end.0 - range.start.0) as usize)?;
    let mut frames = Frames::new(range.start);
    frames.reserve(NonZeroUsize::new(Frames::FRAMES)?)?;
    paging::map(device.memory.clone())?;
    frames.release(range.start, count).then_some(frames)
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

/// Frees frames from `reserve`.
pub(crate) fn release(range: ForeignRange) {
    if let Some(frames) = FRAMES.lock().as_mut() {
        let _ = frames.release(range.first, range.count);
    }
}
