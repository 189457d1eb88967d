//! The configuration of a disk.

use super::ring::{MAX_DEPTH, RING_SLOTS};

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
}

/// 32 requests: a ring of one page.
impl Default for BlkFrontConfig {
    fn default() -> Self {
        Self { depth: RING_SLOTS }
    }
}

impl BlkFrontConfig {
    /// Returns the configuration with another [`depth`](Self::depth).
    #[must_use]
    pub fn with_depth(self, depth: u16) -> Self {
        Self { depth, ..self }
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
