//! Activity counters of a domain.

use std::collections::BTreeMap;

/// Hypervisor activity of a domain since its creation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Hypercalls, by number (`xen_sys::xen::HYPERVISOR_*`).
    pub hypercalls: BTreeMap<usize, u64>,
    /// Events that the domain sent.
    pub notifications: u64,
    /// Events that became pending in the domain.
    pub events: u64,
    /// Upcalls taken.
    pub upcalls: u64,
    /// Grants that the domain mapped.
    pub maps: u64,
    /// Grants that the domain unmapped.
    pub unmaps: u64,
    /// Grant copy operations.
    pub copies: u64,
    /// Bytes copied by grant copy operations.
    pub bytes_copied: u64,
    /// Waits.
    pub waits: u64,
    /// Maximum number of pages in use at a time.
    pub pages_peak: usize,
    /// Pages allocated.
    pub pages_allocated: u64,
    /// Pages freed.
    pub pages_freed: u64,
    /// Pages that the balloon scrubbed.
    pub pages_scrubbed: u64,
    /// Pages with other content than zeroes that the domain returned to Xen.
    pub pages_returned_dirty: u64,
}

impl Counters {
    /// Returns the total number of hypercalls.
    pub fn total_hypercalls(&self) -> u64 {
        self.hypercalls.values().sum()
    }
}
