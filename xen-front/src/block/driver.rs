//! The block protocol's part of a device's lifecycle.

use super::connection::Connection;
use super::queue::Queue;
use super::{BlkFrontConfig, BlkFrontError, Discard, DiskInfo, VbdNumber};
use crate::IoMemory;
use core::fmt;
use xen_grant::GrantTable;
use xen_hypercall::{Instant, Platform};
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
const STALE_KEYS: [&str; 21] = [
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
];

/// The driver of a disk: its parameters, and its queue.
pub(super) struct Vbd<P: Platform, B: IoMemory<Platform = P>> {
    pub(super) grants: GrantTable<P>,
    pub(super) config: BlkFrontConfig,
    pub(super) number: VbdNumber,
    /// The connections so far.
    connections: u32,
    /// The disk cannot be used: requests of earlier connections are not issued again.
    pub(super) refused: bool,
    pub(super) queue: Queue<P, B>,
}

impl<P: Platform, B: IoMemory<Platform = P>> Vbd<P, B> {
    pub(super) fn new(
        grants: &GrantTable<P>,
        id: u32,
        config: BlkFrontConfig,
    ) -> Result<Self, BlkFrontError> {
        Ok(Self {
            grants: grants.clone(),
            config,
            number: VbdNumber(id),
            connections: 0,
            refused: false,
            queue: Queue::alloc(grants.platform().clone(), config.valid_depth())?,
        })
    }
}

impl<P: Platform, B: IoMemory<Platform = P>> FrontendDriver for Vbd<P, B> {
    const KIND: &'static str = "vbd";
    const STALE_NODES: &'static [&'static str] = &STALE_KEYS;
    const WATCHED_NODE: Option<&'static str> = Some("sectors");

    type Error = BlkFrontError;

    fn setup_keys(&self, keys: &mut KeyList<'_>) {
        keys.peers(&["max-ring-page-order", "max-ring-pages", "mode"]);
        for key in ["virtual-device", "virtual-device-ext", "device-type", "trusted"] {
            keys.own(key);
        }
    }

    fn setup(&mut self, peer: &Peer<'_>) -> Result<(), BlkFrontError> {
        let nodes = &peer.nodes;
        let extended = nodes.own_number("virtual-device-ext")?;
        let number = nodes.own_number("virtual-device")?.or(extended);
        self.number = number.map_or(self.number, VbdNumber);
        self.queue.info = DiskInfo::configured(nodes)?;
        // Backends publish the largest ring by either of two names.
        let pages: u32 = nodes.number_or("max-ring-pages", 1)?;
        let order =
            nodes.number_or("max-ring-page-order", 0)?.max(pages.checked_ilog2().unwrap_or(0));
        let order = self.config.ring_order().min(order);
        self.connections = self.connections.wrapping_add(1);
        let (id, handle, connection) = (peer.id, self.number.0 as u16, self.connections);
        let mut connection = Connection::new(&self.grants, id, handle, order, connection)?;
        if let Some(pages) = self.config.pool_pages() {
            connection.offer_persistent(if B::IS_DMA { 0 } else { pages });
        }
        self.queue.begin(connection);
        Ok(())
    }

    fn write_nodes(&self, nodes: &mut NodeWriter<'_>) {
        let Some(connection) = self.queue.connection() else { return };
        let refs = connection.ring_refs();
        nodes.write("event-channel", connection.port().unwrap_or_default());
        nodes.write("protocol", PROTOCOL);
        nodes.write("feature-persistent", u8::from(connection.offers_persistent()));
        // A backend reads the ring's size from one of two nodes (`io/blkif.h`, note 6), and a
        // backend that supports a single page reads neither.
        if let [reference] = refs {
            nodes.write("ring-ref", reference);
            return;
        }
        nodes.write("ring-page-order", refs.len().ilog2());
        nodes.write("num-ring-pages", refs.len());
        for (index, reference) in refs.iter().enumerate() {
            nodes.write(format_args!("ring-ref{index}"), reference);
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
        ]);
        keys.peers(&Discard::KEYS);
    }

    fn connect(&mut self, peer: &Peer<'_>) -> Result<(), BlkFrontError> {
        let info = self.queue.info.published(&peer.nodes);
        self.refused = info.is_err();
        self.queue.info = info?;
        self.queue.set_persistent(peer.nodes.number_or("feature-persistent", 0u32)? != 0);
        Ok(())
    }

    fn run(&mut self, _now: Instant) -> Result<(), BlkFrontError> {
        self.queue.submit_requeued();
        Ok(())
    }

    /// Takes a new size; what is no number is the end of a node that goes with its device.
    fn node_changed(&mut self, value: &[u8]) -> Result<(), BlkFrontError> {
        if let Ok(sectors) = parse_number(value) {
            self.queue.info.resize(sectors)?;
        }
        Ok(())
    }

    /// Requests in flight are awaited as long as the backend can complete them.
    fn quiesce(&mut self, backend: XenbusState) -> bool {
        if !matches!(backend, XenbusState::CONNECTED | XenbusState::CLOSING) {
            self.queue.end();
        }
        self.queue.is_idle()
    }

    fn disconnect(&mut self, cause: Cause) {
        match cause {
            Cause::Closed | Cause::Unplugged => return self.queue.finish(),
            Cause::Resumed => self.queue.close_port(),
            Cause::Reopened => {}
        }
        self.refused = false;
        self.queue.retire();
    }
}

impl<P: Platform, B: IoMemory<Platform = P>> fmt::Debug for Vbd<P, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, queue, .. } = self;
        let mut out = f.debug_struct("Vbd");
        out.field("number", number).field("info", &queue.info);
        out.field("in_flight", &queue.requests.count());
        out.field("broken", &queue.broken()).finish_non_exhaustive()
    }
}
