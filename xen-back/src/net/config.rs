//! Configuration of an interface.

use core::time::Duration;

/// The most queues that can be offered.
pub(super) const MAX_QUEUES: usize = 8;

/// Configuration of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NetBackConfig {
    /// The most queues that are offered, 1 to 8. A frontend usually has one for each of its vCPUs.
    #[doc(alias("multi-queue-max-queues", "xenvif_max_queues"))]
    pub max_queues: u32,
    /// The time for which a queue of a frontend with `feature-rx-notify` may have no receive
    /// buffers before it counts as stalled: packets are dropped at once until it posts some.
    #[doc(alias = "rx_stall_timeout_msecs")]
    pub stall_timeout: Duration,
}

impl NetBackConfig {
    /// Sets the most queues that are offered.
    #[must_use]
    pub fn with_max_queues(self, max_queues: u32) -> Self {
        Self { max_queues, ..self }
    }

    /// Sets the time without receive buffers after which a queue counts as stalled.
    #[must_use]
    pub fn with_stall_timeout(self, stall_timeout: Duration) -> Self {
        Self { stall_timeout, ..self }
    }

    /// Returns the number of queues that is offered.
    pub(super) fn queues(&self) -> u32 {
        self.max_queues.clamp(1, MAX_QUEUES as u32)
    }
}

/// Four queues, and Linux's time of 60 seconds.
impl Default for NetBackConfig {
    fn default() -> Self {
        Self { max_queues: 4, stall_timeout: Duration::from_secs(60) }
    }
}
