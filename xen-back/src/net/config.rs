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
    /// The most pages of each queue that a frontend may have mapped for good over the control ring,
    /// at most 512: packets in these are copied without a hypercall. Each takes a frame of
    /// [`ForeignFrames`](xen_hypercall::ForeignFrames).
    #[doc(alias("XEN_NETIF_CTRL_TYPE_GET_GREF_MAPPING_SIZE", "static grants"))]
    pub static_grants: usize,
    /// Offer of free bytes before received packets, as requested before the connection.
    ///
    /// Linux's frontend requests them when it connects with an XDP program. When a program is
    /// loaded later, it waits for a backend in state Reconfigured, without end; a connected device
    /// does not enter that state.
    #[doc(alias = "feature-xdp-headroom")]
    pub xdp_headroom: bool,
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

    /// Sets the most pages of each queue that stay mapped.
    #[must_use]
    pub fn with_static_grants(self, static_grants: usize) -> Self {
        Self { static_grants, ..self }
    }

    /// Sets whether free bytes before received packets are offered.
    #[must_use]
    pub fn with_xdp_headroom(self, xdp_headroom: bool) -> Self {
        Self { xdp_headroom, ..self }
    }

    /// Returns the number of queues that is offered.
    pub(super) fn queues(&self) -> u32 {
        self.max_queues.clamp(1, MAX_QUEUES as u32)
    }
}

/// Four queues, Linux's time of 60 seconds, no static grants, and no free bytes.
impl Default for NetBackConfig {
    fn default() -> Self {
        Self {
            max_queues: 4,
            stall_timeout: Duration::from_secs(60),
            static_grants: 0,
            xdp_headroom: false,
        }
    }
}
