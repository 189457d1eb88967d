//! The configuration of a disk.

use super::MAX_PAGES;
use super::ring::{MAX_DEPTH, RING_SLOTS};

/// The most queues of a disk.
pub const MAX_QUEUES: u16 = 32;

/// The configuration of a disk: the memory that it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BlkFrontConfig {
    /// The most requests in flight, those included whose completion was not taken: 1 to
    /// [`MAX_DEPTH`]. Other values are replaced by the nearest one.
    ///
    /// The ring has a page for each 32 of them, rounded up to a power of two. A backend that
    /// supports no ring that large gets the largest one that it supports, and the other requests
    /// are refused with [`RequestError::Full`](super::RequestError::Full).
    #[doc(alias("max-ring-page-order", "BLK_RING_SIZE"))]
    pub depth: u16,
    /// The pages of each ring that stay granted to a backend that keeps them mapped: persistent
    /// grants. 0 is for no persistent grants, other values are at least [`MAX_PAGES`] and at most
    /// as many pages as [`depth`](Self::depth) requests have.
    ///
    /// The data of each request is copied through them, so that the backend need not map and unmap
    /// pages for it, which costs more. The pages bound the requests in flight. Requests with
    /// [`DmaBuffer`](xen_grant::DmaBuffer)s need none of them. A backend without support for
    /// persistent grants, or one that keeps fewer pages mapped, works as well.
    #[doc(alias("feature-persistent", "max_persistent_grants"))]
    pub persistent_pages: u16,
    /// The most indirect requests in flight on each queue, each with a page for its segments that
    /// stays granted. 0 is for none; more than [`depth`](Self::depth) are replaced by that.
    ///
    /// A request of more than [`MAX_PAGES`] segments is an indirect one if the backend accepts that
    /// many segments, and takes a single slot of the ring. Other requests of more segments are
    /// split, and take several slots.
    #[doc(alias("feature-max-indirect-segments", "BLKIF_OP_INDIRECT"))]
    pub indirect_requests: u16,
    /// The number of queues, each with a ring, an event channel and [`depth`](Self::depth)
    /// requests: 1 to [`MAX_QUEUES`]. Other values are replaced by the nearest one.
    ///
    /// One for each vCPU that uses the disk; [`BlkFront::take_queue`](super::BlkFront::take_queue)
    /// hands them out. The connection has at most as many rings as the backend supports.
    #[doc(alias("multi-queue-max-queues", "multi-queue-num-queues", "max_queues"))]
    pub queues: u16,
}

/// 32 requests: a ring of one page. 352 persistent grants, 1.4 MB: as many pages as the requests
/// have, and a third of those that Linux's backend keeps mapped. 32 indirect requests: 128 KiB. One
/// queue.
impl Default for BlkFrontConfig {
    fn default() -> Self {
        Self {
            depth: RING_SLOTS,
            persistent_pages: RING_SLOTS * MAX_PAGES as u16,
            indirect_requests: RING_SLOTS,
            queues: 1,
        }
    }
}

impl BlkFrontConfig {
    /// Returns the configuration with another [`depth`](Self::depth).
    #[must_use]
    pub fn with_depth(self, depth: u16) -> Self {
        Self { depth, ..self }
    }

    /// Returns the configuration with other
    /// [`persistent_pages`](Self::persistent_pages).
    #[must_use]
    pub fn with_persistent_pages(self, persistent_pages: u16) -> Self {
        Self { persistent_pages, ..self }
    }

    /// Returns the number of persistent grants within its limits; `None` if there are to be none.
    pub(super) fn pool_pages(self) -> Option<u16> {
        let limit = self.valid_depth() * MAX_PAGES as u16;
        (self.persistent_pages != 0).then(|| self.persistent_pages.clamp(MAX_PAGES as u16, limit))
    }

    /// Returns the configuration with other [`indirect_requests`](Self::indirect_requests).
    #[must_use]
    pub fn with_indirect_requests(self, indirect_requests: u16) -> Self {
        Self { indirect_requests, ..self }
    }

    /// Returns the number of indirect requests within its limits.
    pub(super) fn valid_indirect_requests(self) -> u16 {
        self.indirect_requests.min(self.valid_depth())
    }

    /// Returns the configuration with another number of [`queues`](Self::queues).
    #[must_use]
    pub fn with_queues(self, queues: u16) -> Self {
        Self { queues, ..self }
    }

    /// Returns the number of queues within its limits.
    pub(super) fn valid_queues(self) -> u16 {
        self.queues.clamp(1, MAX_QUEUES)
    }

    /// Returns the depth within its limits.
    pub(super) fn valid_depth(self) -> u16 {
        self.depth.clamp(1, MAX_DEPTH)
    }

    /// Returns the order of the ring that has a slot for each request: the binary logarithm of its
    /// pages.
    pub(super) fn ring_order(self) -> u32 {
        self.valid_depth().div_ceil(RING_SLOTS).next_power_of_two().ilog2()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ring_order_follows_depth() {
        let orders = |depths: &[u16]| -> std::vec::Vec<u32> {
            let config = BlkFrontConfig::default();
            depths.iter().map(|&depth| config.with_depth(depth).ring_order()).collect()
        };
        assert_eq!(orders(&[32, 64, 128, 256, 512]), [0, 1, 2, 3, 4]);
        assert_eq!(orders(&[1, 31, 33, 48, 65, 257]), [0, 0, 1, 1, 2, 4]);
    }

    #[test]
    fn persistent_pages_are_clamped() {
        let config = BlkFrontConfig::default().with_depth(2);
        let pages = [0, 1, 12, 22, 23, u16::MAX];
        let pools = pages.map(|pages| config.with_persistent_pages(pages).pool_pages());
        assert_eq!(pools, [None, Some(11), Some(12), Some(22), Some(22), Some(22)]);
    }

    #[test]
    fn impossible_depths_are_clamped() {
        let config = BlkFrontConfig::default();
        let depths = [0, 1, 512, 513, u16::MAX];
        assert_eq!(
            depths.map(|depth| config.with_depth(depth).valid_depth()),
            [1, 1, 512, 512, 512]
        );
        assert_eq!(config.with_depth(u16::MAX).ring_order(), 4);
    }
}
