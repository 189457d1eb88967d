//! What a domain has done.

use std::collections::BTreeMap;

/// Counts what a domain has asked of the hypervisor since it was created.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Hypercalls, by number (`xen_sys::xen::HYPERVISOR_*`).
    pub hypercalls: BTreeMap<usize, u64>,
    /// Events sent to others.
    pub notifications: u64,
    /// Events that became pending here.
    pub events: u64,
    /// Interrupts taken for them.
    pub upcalls: u64,
    /// Grants of others that it mapped.
    pub maps: u64,
    /// Mappings that it ended.
    pub unmaps: u64,
    /// Copy operations.
    pub copies: u64,
    /// Bytes copied by them.
    pub bytes_copied: u64,
    /// Times it waited.
    pub waits: u64,
    /// The most pages that were in use at a time.
    pub pages_peak: usize,
    /// Pages allocated.
    pub pages_allocated: u64,
    /// Pages freed.
    pub pages_freed: u64,
}

impl Counters {
    /// Returns the number of all hypercalls.
    pub fn total_hypercalls(&self) -> u64 {
        self.hypercalls.values().sum()
    }
}
