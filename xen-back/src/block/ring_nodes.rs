//! The frontend's nodes of its rings: how many, how large, and where.

use super::{BlkBackError, Config};
use crate::{QueueError, QueuesError};
use core::fmt;
use heapless::Vec;
use xen_hypercall::{GrantRef, Port};
use xenbus::{KeyList, KeyValues};

/// The largest ring that can be offered, as the binary logarithm of its pages.
const MAX_RING_ORDER: u32 = 4;

/// The most queues that can be offered.
pub(super) const MAX_QUEUES: usize = 8;

/// The most pages of all rings of a device: their nodes are read in one step.
const MAX_RING_PAGES: usize = 64;

type RingRefs = Vec<GrantRef, { 1 << MAX_RING_ORDER }>;

/// The offer to a frontend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RingOffer {
    pub(super) queues: u32,
    /// The binary logarithm of the most pages of a ring.
    pub(super) order: u32,
}

/// The nodes of one queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct QueueNodes {
    pub(super) refs: RingRefs,
    pub(super) port: Port,
}

/// The number and the size of a frontend's rings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Layout {
    queues: u32,
    order: u32,
    /// The two names of a single page's reference, the frontend's own one first.
    names: [&'static str; 2],
}

impl RingOffer {
    pub(super) fn new(config: &Config) -> Self {
        let queues = config.max_queues.clamp(1, MAX_QUEUES as u32);
        let most = (MAX_RING_PAGES as u32 / queues).ilog2();
        Self { queues, order: config.ring_order.min(MAX_RING_ORDER).min(most) }
    }

    /// Adds the nodes of the rings to those that a frontend has.
    pub(super) fn keys(self, keys: &mut KeyList<'_>) {
        keys.peers(&[
            "multi-queue-num-queues",
            "ring-page-order",
            "num-ring-pages",
            "ring-ref",
            "ring-ref0",
            "event-channel",
        ]);
        // Known when the nodes above are read.
        let Ok(layout) = self.layout(&keys.known()) else { return };
        if layout.queues == 1 && layout.order == 0 {
            return;
        }
        for queue in 0..layout.queues {
            keys.peer(layout.node(queue, "event-channel"));
            if layout.order == 0 {
                layout.names.iter().for_each(|name| keys.peer(layout.node(queue, name)));
                continue;
            }
            for index in 0..1u32 << layout.order {
                keys.peer(layout.node(queue, format_args!("ring-ref{index}")));
            }
        }
    }

    /// Reads the nodes of all queues.
    pub(super) fn read(
        self,
        nodes: &KeyValues<'_>,
    ) -> Result<Vec<QueueNodes, MAX_QUEUES>, BlkBackError> {
        let layout = self.layout(nodes)?;
        let mut queues = Vec::new();
        let mut seen = Vec::<GrantRef, MAX_RING_PAGES>::new();
        for queue in 0..layout.queues {
            let found = layout.read(queue, nodes)?;
            for &reference in &found.refs {
                // Requests and responses in one page would overwrite each other's.
                if seen.contains(&reference) {
                    return Err(BlkBackError::Queues(QueuesError::Queue {
                        queue,
                        error: QueueError::RepeatedRing { reference },
                    }));
                }
                let _ = seen.push(reference);
            }
            if queues.iter().any(|other: &QueueNodes| other.port == found.port) {
                return Err(BlkBackError::Queues(QueuesError::Queue {
                    queue,
                    error: QueueError::RepeatedPort { port: found.port },
                }));
            }
            let _ = queues.push(found);
        }
        Ok(queues)
    }

    fn layout(self, nodes: &KeyValues<'_>) -> Result<Layout, BlkBackError> {
        let queues = nodes.number_or("multi-queue-num-queues", 1)?;
        if !(1..=self.queues).contains(&queues) {
            return Err(BlkBackError::Queues(QueuesError::Count {
                found: queues,
                limit: self.queues,
            }));
        }
        let (order, names) = self.ring_order(nodes)?;
        Ok(Layout { queues, order, names })
    }

    /// Returns the binary logarithm of a ring's pages, and the two names of a single page's
    /// reference, the frontend's own one first.
    ///
    /// Frontends write the size under either of two names; those from before there were larger
    /// rings under neither. All rings of a device have the same size.
    ///
    /// A node that this connection's frontend has not written can be that of a frontend before it.
    /// The node of the ring's size decides which name is the frontend's own: `ring-page-order` goes
    /// with `ring-ref0`, also for a single page (Linux d75e7f63b7), and otherwise a single page is
    /// `ring-ref` (`io/blkif.h`, note 6). The other name of a single page is read where that one is
    /// missing: frontends differ.
    fn ring_order(self, nodes: &KeyValues<'_>) -> Result<(u32, [&'static str; 2]), BlkBackError> {
        let limit = self.order;
        if let Some(found) = nodes.optional_number("ring-page-order")? {
            return if found <= limit {
                Ok((found, ["ring-ref0", "ring-ref"]))
            } else {
                Err(BlkBackError::RingOrder { found, limit })
            };
        }
        let found: u32 = nodes.number_or("num-ring-pages", 1)?;
        // A number of pages that is no power of two, or zero, is no ring.
        if found.is_power_of_two() && found.ilog2() <= limit {
            Ok((found.ilog2(), ["ring-ref", "ring-ref0"]))
        } else {
            Err(BlkBackError::RingPages { found, limit: 1 << limit })
        }
    }
}

impl Layout {
    /// Returns the path of a queue's node. A single queue has its nodes in the frontend's
    /// directory, whether or not the frontend has written the number of queues (`io/blkif.h`,
    /// "Multiple hardware queues/rings").
    fn node<K: fmt::Display>(self, queue: u32, key: K) -> QueueNode<K> {
        QueueNode { queue: (self.queues > 1).then_some(queue), key }
    }

    fn read(self, queue: u32, nodes: &KeyValues<'_>) -> Result<QueueNodes, BlkBackError> {
        let mut refs = RingRefs::new();
        let [name, other] = self.names;
        if self.order == 0 {
            let reference = match nodes.optional_number(self.node(queue, name))? {
                Some(reference) => reference,
                None => nodes.number(self.node(queue, other))?,
            };
            let _ = refs.push(GrantRef(reference));
        } else {
            for index in 0..1u32 << self.order {
                let reference = nodes.number(self.node(queue, format_args!("ring-ref{index}")))?;
                let _ = refs.push(GrantRef(reference));
            }
        }
        let port = Port(nodes.number(self.node(queue, "event-channel"))?);
        Ok(QueueNodes { refs, port })
    }
}

struct QueueNode<K> {
    queue: Option<u32>,
    key: K,
}

impl<K: fmt::Display> fmt::Display for QueueNode<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.queue {
            Some(queue) => write!(f, "queue-{queue}/{}", self.key),
            None => self.key.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offer_fits_in_one_step() {
        for (max_queues, ring_order, queues, order) in [
            (0, 0, 1, 0),
            (1, 9, 1, 4),
            (4, 4, 4, 4),
            (5, 4, 5, 3),
            (8, 4, 8, 3),
            (u32::MAX, u32::MAX, 8, 3),
        ] {
            let config = Config { max_queues, ring_order, ..Config::default() };
            assert_eq!(RingOffer::new(&config), RingOffer { queues, order });
        }
    }

    #[test]
    fn single_queue_has_flat_nodes() {
        let names = ["ring-ref", "ring-ref0"];
        let node = |queues, queue| {
            let layout = Layout { queues, order: 0, names };
            std::format!("{}", layout.node(queue, "ring-ref"))
        };
        assert_eq!((node(1, 0), node(2, 1)), ("ring-ref".into(), "queue-1/ring-ref".into()));
    }
}
