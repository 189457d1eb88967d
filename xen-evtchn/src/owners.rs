//! Owners and masks of the ports in the 2-level format.

use xen_hypercall::sync::{AtomicU64, Ordering, fence};
use xen_hypercall::{EventPages, Platform, Port};

/// Offset in a vCPU's page of one bit for each port of another vCPU.
pub(crate) const FOREIGN: usize = 1024;
/// Words of 64 ports; a model has one.
const WORDS: usize = if cfg!(loom) { 1 } else { crate::PORTS as usize / 64 };

/// State of ports beyond the bits in shared info. The bits of other vCPUs' ports are in the vCPUs'
/// pages.
pub(crate) struct Owners {
    /// Ports that were opened for vCPU 0, maybe before it had a page.
    first: [AtomicU64; WORDS],
    /// Ports that the kernel has masked since the last unmask.
    masked: [AtomicU64; WORDS],
}

impl Owners {
    pub(crate) fn new() -> Self {
        Self {
            first: core::array::from_fn(|_| AtomicU64::new(0)),
            masked: core::array::from_fn(|_| AtomicU64::new(0)),
        }
    }

    /// Assigns `port` to `vcpu`.
    pub(crate) fn set<P: Platform, const N: usize>(
        &self,
        pages: &EventPages<P, N>,
        port: Port,
        vcpu: u32,
    ) {
        let Some((first, bit)) = bit(&self.first, port) else { return };
        if vcpu == 0 {
            first.fetch_or(bit, Ordering::Relaxed);
        } else {
            first.fetch_and(!bit, Ordering::Relaxed);
        }
        // Either this call finds the page of a vCPU that is added meanwhile, or `take_over` reads
        // the word above.
        fence(Ordering::SeqCst);
        for (index, page) in pages.iter() {
            let Some(word) = page.u64_at(FOREIGN + port.0 as usize / 64 * 8) else { continue };
            if index == vcpu as usize {
                word.fetch_and(!bit);
            } else {
                word.fetch_or(bit);
            }
        }
    }

    /// Marks the ports of other vCPUs in the new page of `vcpu`, which is not vCPU 0.
    pub(crate) fn take_over<P: Platform, const N: usize>(
        &self,
        pages: &EventPages<P, N>,
        vcpu: usize,
    ) {
        let Some(page) = pages.memory(vcpu) else { return };
        // See `set`.
        fence(Ordering::SeqCst);
        for (index, first) in self.first.iter().enumerate() {
            let foreign = |page: usize| {
                let word = pages.memory(page)?.u64_at(FOREIGN + index * 8)?;
                Some(word.load(Ordering::Relaxed))
            };
            // A port that vCPU 0 has as foreign is this vCPU's only if all others have it as
            // foreign too.
            let others = (1..N).filter(|&other| other != vcpu).filter_map(foreign);
            let theirs = foreign(0).unwrap_or(0) & !others.fold(u64::MAX, |all, word| all & word);
            let firsts = first.load(Ordering::Relaxed);
            if let Some(word) = page.u64_at(FOREIGN + index * 8) {
                word.fetch_or(firsts | theirs);
            }
        }
    }

    /// Clears all owners, when no port is open.
    pub(crate) fn reset<P: Platform, const N: usize>(&self, pages: &EventPages<P, N>) {
        for (index, first) in self.first.iter().enumerate() {
            first.store(0, Ordering::Relaxed);
            for (_, page) in pages.iter() {
                if let Some(word) = page.u64_at(FOREIGN + index * 8) {
                    word.store(0, Ordering::Relaxed);
                }
            }
        }
    }

    /// Records that the kernel is about to mask `port`.
    pub(crate) fn mask(&self, port: Port) {
        if let Some((word, bit)) = bit(&self.masked, port) {
            word.fetch_or(bit, Ordering::Relaxed);
        }
    }

    /// Records that the kernel is about to unmask `port`.
    pub(crate) fn unmask(&self, port: Port) {
        if let Some((word, bit)) = bit(&self.masked, port) {
            word.fetch_and(!bit, Ordering::Relaxed);
        }
    }

    /// Returns whether the kernel has masked `port` since the last unmask.
    pub(crate) fn is_masked(&self, port: Port) -> bool {
        // A mask that Xen has cleared was recorded before, and is ordered by the mask bit.
        bit(&self.masked, port).is_some_and(|(word, bit)| word.load(Ordering::Relaxed) & bit != 0)
    }
}

fn bit(words: &[AtomicU64; WORDS], port: Port) -> Option<(&AtomicU64, u64)> {
    Some((words.get(port.0 as usize / 64)?, 1 << (port.0 % 64)))
}
