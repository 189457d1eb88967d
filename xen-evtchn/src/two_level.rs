//! The 2-level event ABI: one pending and one mask bit per port in shared info, a selector per vCPU.

use core::fmt;
use core::mem::offset_of;
use core::sync::atomic::AtomicU32;
use xen_hypercall::sync::{Ordering, fence};
use xen_hypercall::{Errno, Platform, Port, SharedMem, SharedU64, ops};
use xen_sys::xen::{SharedInfo, VcpuInfo};

/// The number of ports that the 2-level ABI can have on a 64-bit kernel.
#[doc(alias = "EVTCHN_2L_NR_CHANNELS")]
pub const PORTS: u32 = 64 * 64;

/// vCPUs that have a place in shared info; others have to register theirs.
#[doc(alias = "XEN_LEGACY_MAX_VCPUS")]
const LEGACY_VCPUS: usize = 32;

const PENDING: usize = offset_of!(SharedInfo, evtchn_pending);
const MASK: usize = offset_of!(SharedInfo, evtchn_mask);

/// The event words of this domain: masks, and the dispatch that an upcall runs.
///
/// `M` is the shared info page, as [`xen_hypercall::start::shared_info`] maps it. Everything is lock-free and may be
/// called from an upcall handler.
pub struct EventChannels<P: Platform, M: AsRef<SharedMem>> {
    platform: P,
    shared_info: M,
    /// The word that each vCPU's next scan starts with, so that low ports don't always come before high ones.
    start: [AtomicU32; LEGACY_VCPUS],
}

impl<P: Platform, M: AsRef<SharedMem>> EventChannels<P, M> {
    /// Takes over the event words and masks every port. Do it once, before ports are opened.
    pub fn new(platform: P, shared_info: M) -> Self {
        let this = Self { platform, shared_info, start: [const { AtomicU32::new(0) }; LEGACY_VCPUS] };
        for index in 0..64 {
            if let Some(word) = this.word(MASK, index) {
                // No port is open yet; opening one is a hypercall, which orders everything.
                word.store(u64::MAX, Ordering::Relaxed);
            }
        }
        this
    }

    /// Returns the shared info page, which holds the clock as well.
    pub fn shared_info(&self) -> &M {
        &self.shared_info
    }

    /// Handles the upcall of `vcpu`: calls `handle` for each unmasked port that is pending, its pending bit cleared *before*.
    ///
    /// An event that comes while its port is being handled is therefore pending again, and seen by this or the next upcall.
    /// A polling kernel calls this from its loop instead.
    pub fn on_upcall(&self, vcpu: u32, mut handle: impl FnMut(Port)) {
        let Some(info) = self.vcpu_info(vcpu) else { return };
        let Some(start) = self.start.get(vcpu as usize) else { return };
        // Clearing first: whatever is raised from here on sets the flag, and with it the interrupt, again.
        info.upcall_pending.swap(0);
        let mut selector = info.pending_sel.swap(0);
        let first = start.load(Ordering::Relaxed) % 64;
        // The next scan starts behind where this one found its first, so that neighbours take turns.
        start.store(first + 1 + selector.rotate_right(first).trailing_zeros(), Ordering::Relaxed);
        while selector != 0 {
            // The lowest set bit at or after `first`, then round.
            let index = (selector.rotate_right(first).trailing_zeros() + first) % 64;
            selector &= !(1 << index);
            self.scan(index, &mut handle);
        }
    }

    fn scan(&self, index: u32, handle: &mut impl FnMut(Port)) {
        let (Some(pending), Some(mask)) = (self.word(PENDING, index), self.word(MASK, index)) else { return };
        // Only a hint: clearing the bit below is what orders the handler after the event.
        let mut bits = pending.load(Ordering::Relaxed) & !mask.load(Ordering::Relaxed);
        while bits != 0 {
            let bit = bits.trailing_zeros();
            bits &= bits - 1;
            pending.fetch_and(!(1 << bit));
            handle(Port(index * 64 + bit));
        }
    }

    /// Masks `port`: its events become pending, but make no upcall. A port beyond [`PORTS`] is ignored.
    pub fn mask(&self, port: Port) {
        if let Some((word, bit)) = self.bit(MASK, port) {
            word.fetch_or(bit);
        }
    }

    /// Clears the mask of `port`; an event that is pending is delivered now.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the port is beyond [`PORTS`], or if an event is pending and the port is not open.
    pub fn unmask(&self, port: Port) -> Result<(), Errno> {
        let (mask, bit) = self.bit(MASK, port).ok_or(Errno::EINVAL)?;
        let (pending, _) = self.bit(PENDING, port).ok_or(Errno::EINVAL)?;
        mask.fetch_and(!bit);
        // Xen sets the pending bit, then looks at the mask; we do it the other way round. With both sides ordered, at least one
        // sees the other's write.
        fence(Ordering::SeqCst);
        // An event from before needs Xen's help, which Xen gives only for a masked port.
        if pending.load(Ordering::Relaxed) & bit != 0 {
            mask.fetch_or(bit);
            ops::event_channel::unmask(&self.platform, port)?;
        }
        Ok(())
    }

    /// Tells whether an event is pending on `port`, masked or not.
    pub fn is_pending(&self, port: Port) -> bool {
        self.bit(PENDING, port).is_some_and(|(word, bit)| word.load(Ordering::Acquire) & bit != 0)
    }

    /// Clears the pending bit of `port` and tells whether it was set: how a masked port is polled.
    pub fn take_pending(&self, port: Port) -> bool {
        self.bit(PENDING, port).is_some_and(|(word, bit)| word.fetch_and(!bit) & bit != 0)
    }

    fn word(&self, array: usize, index: u32) -> Option<SharedU64<'_>> {
        self.shared_info.as_ref().u64_at(array + index as usize * size_of::<u64>())
    }

    fn bit(&self, array: usize, port: Port) -> Option<(SharedU64<'_>, u64)> {
        let word = (port.0 < PORTS).then(|| self.word(array, port.0 / 64)).flatten()?;
        Some((word, 1 << (port.0 % 64)))
    }

    fn vcpu_info(&self, vcpu: u32) -> Option<VcpuWords<'_>> {
        let index = usize::try_from(vcpu).ok().filter(|&index| index < LEGACY_VCPUS)?;
        let base = offset_of!(SharedInfo, vcpu_info) + index * size_of::<VcpuInfo>();
        let mem = self.shared_info.as_ref();
        Some(VcpuWords {
            upcall_pending: mem.u8_at(base + offset_of!(VcpuInfo, evtchn_upcall_pending))?,
            pending_sel: mem.u64_at(base + offset_of!(VcpuInfo, evtchn_pending_sel))?,
        })
    }
}

struct VcpuWords<'a> {
    upcall_pending: xen_hypercall::SharedU8<'a>,
    pending_sel: SharedU64<'a>,
}

impl<P: Platform, M: AsRef<SharedMem>> fmt::Debug for EventChannels<P, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventChannels")
            .field("shared_info", &self.shared_info.as_ref())
            .finish_non_exhaustive()
    }
}
