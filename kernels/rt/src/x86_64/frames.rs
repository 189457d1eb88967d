//! A range of addresses for other domains' memory: neither the memory map nor a PCI device has it.

use super::{hvm, paging, pci};
use crate::foreign::Frames;
use crate::platform::BOOT;
use core::num::NonZeroUsize;
use core::ops::Range;
use core::ptr::NonNull;
use xen_guest::hvm::PlatformDevice;
use xen_hypercall::arch::cpuid;
use xen_hypercall::{Gfn, PAGE_SIZE};

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
pub(crate) fn place() -> Option<Frames> {
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

/// Returns no frame for a page of Xen's: it replaces a page of RAM, which Xen frees.
pub(crate) fn for_xen() -> Option<(NonNull<u8>, Gfn)> {
    None
}

/// Interrupt controllers and firmware, of which a memory map need not have all.
const DEVICES: Range<u64> = 0xfec0_0000..0x1_0000_0000;

/// Returns ranges that the memory of a balloon must leave out, besides those of the memory map.
pub(crate) fn occupied() -> impl Iterator<Item = Range<u64>> + Clone {
    pci::memory().into_iter().chain([DEVICES])
}
