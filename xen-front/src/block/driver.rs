//! The block protocol's part of a device's lifecycle.

use super::connection::Connection;
use super::queue::Queue;
use super::queues::Queues;
use super::{BlkFrontConfig, BlkFrontError, DeviceState, Discard, DiskInfo, VbdNumber};
use crate::IoMemory;
use core::fmt;
use log::debug;
use xen_grant::GrantTable;
use xen_hypercall::{Instant, PageArc, Platform};
use xen_store::wire::parse_number;
use xenbus::{Cause, FrontendDriver, KeyList, NodeWriter, Peer, XenbusState};

/// The layout of requests and responses that this build of the driver uses.
#[doc(alias = "XEN_IO_PROTO_ABI_NATIVE")]
const PROTOCOL: &str =
    if cfg!(any(target_arch = "aarch64", target_arch = "arm")) { "arm-abi" } else { "x86_64-abi" };

/// Nodes of earlier connections, of this driver or of an earlier one, that a backend would read as
/// nodes of this connection. The driver removes those that it does not write again.
///
/// `feature-large-sector-size` is among them: the header deprecates it (note 12) and this driver
/// never writes it, but some backends count in units of `sector-size` where it is 1.
const STALE_KEYS: [&str; 54] = [
    "ring-page-order",
    "num-ring-pages",
    "multi-queue-num-queues",
    "feature-large-sector-size",
    "ring-ref",
    "ring-ref0",
    "ring-ref1",
    "ring-ref2",
    "ring-ref3",
    "ring-ref4",
    "ring-ref5",
    "ring-ref6",
    "ring-ref7",
    "ring-ref8",
    "ring-ref9",
    "ring-ref10",
    "ring-ref11",
    "ring-ref12",
    "ring-ref13",
    "ring-ref14",
    "ring-ref15",
    "event-channel",
    "queue-0",
    "queue-1",
    "queue-2",
    "queue-3",
    "queue-4",
    "queue-5",
    "queue-6",
    "queue-7",
    "queue-8",
    "queue-9",
    "queue-10",
    "queue-11",
    "queue-12",
    "queue-13",
    "queue-14",
    "queue-15",
    "queue-16",
    "queue-17",
    "queue-18",
    "queue-19",
    "queue-20",
    "queue-21",
    "queue-22",
    "queue-23",
    "queue-24",
    "queue-25",
    "queue-26",
    "queue-27",
    "queue-28",
    "queue-29",
    "queue-30",
    "queue-31",
];

/// The driver of a disk: its parameters, and its queues.
pub(super) struct Vbd<P: Platform, B: IoMemory<Platform = P>> {
    pub(super) grants: GrantTable<P>,
    pub(super) config: BlkFrontConfig,
    pub(super) number: VbdNumber,
    /// The connections so far.
    connections: u32,
    pub(super) queues: PageArc<P, Queues<P, B>>,
}

impl<P: Platform, B: IoMemory<Platform = P>> Vbd<P, B> {
    pub(super) fn new(
        grants: &GrantTable<P>,
        id: u32,
        config: BlkFrontConfig,
    ) -> Result<Self, BlkFrontError> {
        let (queues, depth) = (config.valid_queues(), config.valid_depth());
        Ok(Self {
            grants: grants.clone(),
            config,
            number: VbdNumber(id),
            connections: 0,
            queues: Queues::alloc(grants.platform(), queues, depth)?,
        })
    }

    /// Returns the number of rings of a connection to a backend that supports `max` queues.
    fn rings(&self, max: u32) -> usize {
        usize::from(self.config.valid_queues()).min(max as usize).max(1)
    }
}

impl<P: Platform, B: IoMemory<Platform = P>> FrontendDriver for Vbd<P, B> {
    const KIND: &'static str = "vbd";
    const STALE_NODES: &'static [&'static str] = &STALE_KEYS;
    const WATCHED_NODE: Option<&'static str> = Some("sectors");

    type Error = BlkFrontError;

    fn setup_keys(&self, keys: &mut KeyList<'_>) {
        keys.peers(&["max-ring-page-order", "max-ring-pages", "multi-queue-max-queues", "mode"]);
        for key in ["virtual-device", "virtual-device-ext", "device-type", "trusted"] {
            keys.own(key);
        }
    }

    fn setup(&mut self, peer: &Peer<'_>) -> Result<(), BlkFrontError> {
        let nodes = &peer.nodes;
        let extended = nodes.own_number("virtual-device-ext")?;
        let number = nodes.own_number("virtual-device")?.or(extended);
        self.number = number.map_or(self.number, VbdNumber);
        let info = DiskInfo::configured(nodes)?;
        // Backends publish the largest ring by either of two names.
        let pages: u32 = nodes.number_or("max-ring-pages", 1)?;
        let order =
            nodes.number_or("max-ring-page-order", 0)?.max(pages.checked_ilog2().unwrap_or(0));
        let order = self.config.ring_order().min(order);
        let rings = self.rings(nodes.number_or("multi-queue-max-queues", 1)?);
        self.connections = self.connections.wrapping_add(1);
        let Self { queues, grants, number, config, connections, .. } = self;
        queues.set_rings(rings);
        // A request of an earlier connection must fit into the pool of any ring of this one.
        let needed = (0..queues.len()).map(|index| queues.lock(index).requests.most_pages());
        let needed = needed.max().unwrap_or(0);
        for index in 0..queues.len() {
            let connection = || {
                let (id, handle) = (peer.id, number.0 as u16);
                let mut connection = Connection::new(grants, id, handle, order, *connections)?;
                if let Some(pages) = config.pool_pages() {
                    connection.offer_persistent(if B::IS_DMA { 0 } else { pages }, needed);
                }
                Ok::<_, BlkFrontError>(connection)
            };
            let connection = (index < rings).then(connection).transpose()?;
            let mut queue = queues.lock(index);
            queue.info = info;
            queue.begin(connection);
        }
        // One node has the offer of all rings.
        let offers = |index| {
            let queue = queues.lock(index);
            queue.connection().is_some_and(Connection::offers_persistent)
        };
        if !(0..rings).all(offers) {
            for index in 0..rings {
                if let Some(connection) = queues.lock(index).connection_mut() {
                    connection.withdraw_persistent();
                }
            }
        }
        // A queue can have requests of another one, which may have a ring now.
        (0..queues.len()).for_each(|index| queues.return_guests(index));
        Ok(())
    }

    fn write_nodes(&self, nodes: &mut NodeWriter<'_>) {
        let rings = self.queues.rings();
        nodes.write("protocol", PROTOCOL);
        // A backend that supports a single page, or a single queue, reads none of these. It reads
        // the ring's size from one of two nodes (`io/blkif.h`, note 6).
        let (pages, persistent) = {
            let first = self.queues.lock(0);
            let Some(connection) = first.connection() else { return };
            (connection.ring_refs().len(), connection.offers_persistent())
        };
        nodes.write("feature-persistent", u8::from(persistent));
        if pages != 1 {
            nodes.write("ring-page-order", pages.ilog2());
            nodes.write("num-ring-pages", pages);
        }
        if rings == 1 {
            return write_ring(nodes, &self.queues.lock(0), format_args!(""));
        }
        nodes.write("multi-queue-num-queues", rings);
        for index in 0..rings {
            write_ring(nodes, &self.queues.lock(index), format_args!("queue-{index}/"));
        }
    }

    fn connect_keys(&self, keys: &mut KeyList<'_>) {
        keys.peers(&[
            "sectors",
            "sector-size",
            "physical-sector-size",
            "info",
            "feature-flush-cache",
            "feature-barrier",
            "feature-persistent",
            "feature-max-indirect-segments",
        ]);
        keys.peers(&Discard::KEYS);
    }

    fn connect(&mut self, peer: &Peer<'_>) -> Result<(), BlkFrontError> {
        let configured = self.queues.lock(0).info;
        let info = configured.published(&peer.nodes);
        let persistent = peer.nodes.number_or("feature-persistent", 0u32)? != 0;
        let indirect = peer.nodes.number_or("feature-max-indirect-segments", 0)?;
        let requests = self.config.valid_indirect_requests();
        self.queues.for_each(|queue| {
            queue.refused = info.is_err();
            queue.info = info.unwrap_or(queue.info);
            queue.set_persistent(persistent);
            queue.set_indirect(indirect, requests);
        });
        if let Ok(info) = &info {
            let (first, rings) = (self.queues.lock(0), self.queues.rings());
            let grants = first.connection().is_some_and(Connection::is_persistent);
            debug!(
                "{}: {rings} rings, persistent grants: {grants}, indirect segments: {indirect}, \
                 {info:?}",
                self.number
            );
        }
        info.map(drop)
    }

    fn run(&mut self, _now: Instant) -> Result<(), BlkFrontError> {
        self.queues.for_each(|queue| {
            queue.state = DeviceState::Connected;
            queue.submit_requeued();
        });
        self.queues.lend_all();
        Ok(())
    }

    /// Takes a new size; what is no number is the end of a node that goes with its device.
    fn node_changed(&mut self, value: &[u8]) -> Result<(), BlkFrontError> {
        if let Ok(sectors) = parse_number(value) {
            let mut result = Ok(());
            self.queues.for_each(|queue| result = queue.info.resize(sectors));
            result?;
        }
        Ok(())
    }

    /// Requests in flight are awaited as long as the backend can complete them.
    fn quiesce(&mut self, backend: XenbusState) -> bool {
        let mut idle = true;
        self.queues.for_each(|queue| {
            queue.state = DeviceState::Closing;
            if !matches!(backend, XenbusState::CONNECTED | XenbusState::CLOSING) {
                queue.end();
            }
            idle &= queue.is_idle();
        });
        idle
    }

    fn disconnect(&mut self, cause: Cause) {
        match cause {
            Cause::Closed | Cause::Unplugged => return self.queues.for_each(Queue::finish),
            Cause::Resumed => self.queues.for_each(Queue::close_port),
            Cause::Reopened => {}
        }
        self.queues.for_each(|queue| {
            queue.refused = false;
            queue.retire();
        });
    }
}

/// Writes the nodes of one ring, below `prefix`.
fn write_ring<P: Platform, B: IoMemory<Platform = P>>(
    nodes: &mut NodeWriter<'_>,
    queue: &Queue<P, B>,
    prefix: fmt::Arguments<'_>,
) {
    let Some(connection) = queue.connection() else { return };
    nodes.write(format_args!("{prefix}event-channel"), connection.port().unwrap_or_default());
    if let [reference] = connection.ring_refs() {
        return nodes.write(format_args!("{prefix}ring-ref"), reference);
    }
    for (index, reference) in connection.ring_refs().iter().enumerate() {
        nodes.write(format_args!("{prefix}ring-ref{index}"), reference);
    }
}

impl<P: Platform, B: IoMemory<Platform = P>> fmt::Debug for Vbd<P, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self { number, queues, .. }, mut in_flight) = (self, 0);
        queues.for_each(|queue| in_flight += queue.requests.count());
        let first = queues.lock(0);
        let mut out = f.debug_struct("Vbd");
        out.field("number", number).field("info", &first.info).field("rings", &queues.rings());
        out.field("in_flight", &in_flight).field("broken", &first.broken()).finish_non_exhaustive()
    }
}
