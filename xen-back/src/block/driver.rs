//! The protocol of a disk in xenstore.

use super::queue::{Draining, Queue};
use super::rings::{Abi, Rings};
use super::validate::{DiskLimits, MAX_SEGMENTS};
use super::{
    BlkBackError, BlockDeviceError, Config, DescribeDisk, DiskInfo, ForeignRequest, OpenDisk,
    Request, Statistics, VbdConfig,
};
use core::fmt;
use core::time::Duration;
use heapless::Vec;
use xen_evtchn::Channel;
use xen_grant::{GrantMapArea, GrantMapping, ReadWrite};
use xen_hypercall::{ForeignFrames, GrantRef, Port};
use xen_store::PathText;
use xen_sys::io::blkif::VdiskInfo;
use xenbus::{BackendDriver, KeyList, KeyValues, NodeWriter, Peer, XenbusError};

/// The largest ring that can be offered, as the binary logarithm of its pages.
const MAX_RING_ORDER: u32 = 4;

type RingRefs = Vec<GrantRef, { 1 << MAX_RING_ORDER }>;

pub(super) struct Connection<P: ForeignFrames> {
    // Dropped in this order: the ring is unmapped last, after the end of its events.
    pub(super) channel: Channel<P>,
    pub(super) queue: Queue<P, GrantMapping<P, ReadWrite>>,
}

/// A disk: its storage and the connection to its frontend.
pub(super) struct Driver<P: ForeignFrames, O: OpenDisk> {
    platform: P,
    pub(super) config: Config,
    opener: O,
    pub(super) disk: Option<O::Disk>,
    writable: bool,
    cdrom: bool,
    removable: bool,
    discard: bool,
    info: DiskInfo,
    pub(super) limits: DiskLimits,
    pub(super) connection: Option<Connection<P>>,
    /// The requests in flight of the connection before.
    draining: Option<Draining<P>>,
    /// All of these were completed since the last poll.
    drained: bool,
    pub(super) statistics: Statistics,
}

impl<P: ForeignFrames, O: OpenDisk> Driver<P, O> {
    pub(super) fn new(platform: P, opener: O, config: Config) -> Self {
        let info = DiskInfo::new(0);
        let config = Config { budget: config.budget.max(1), ..config };
        Self {
            platform,
            config,
            opener,
            disk: None,
            writable: false,
            cdrom: false,
            removable: false,
            discard: false,
            info,
            limits: DiskLimits::new(&info, true, false),
            connection: None,
            draining: None,
            drained: false,
            statistics: Statistics::default(),
        }
    }

    pub(super) fn is_read_only(&self) -> bool {
        !self.writable || self.info.read_only
    }

    /// Reads the properties of the storage. Returns whether the size of a connected disk has
    /// changed.
    pub(super) fn update_info(&mut self) -> bool {
        let Some(disk) = &self.disk else { return false };
        let sectors = self.info.sectors;
        self.info = disk.disk_info();
        self.limits = DiskLimits::new(&self.info, self.is_read_only(), self.discard);
        self.connection.is_some() && self.info.sectors != sectors
    }

    pub(super) fn in_flight(&self) -> u32 {
        let connected = self.connection.as_ref().map_or(0, |link| link.queue.in_flight());
        connected + self.draining.as_ref().map_or(0, Draining::in_flight)
    }

    /// Returns whether a poll has work: requests were taken or completed since the last one.
    pub(super) fn needs_poll(&self) -> bool {
        self.drained
            || self.connection.as_ref().is_some_and(|link| link.queue.needs_poll())
            || self.draining.as_ref().is_some_and(Draining::needs_poll)
    }

    /// Completes a request, of the connection or of the one before.
    pub(super) fn complete(
        &mut self,
        request: Request<P>,
        result: Result<(), BlockDeviceError>,
    ) -> Result<(), ForeignRequest<P>> {
        match (&mut self.connection, &mut self.draining) {
            (Some(Connection { queue, .. }), _) if queue.owns(&request) => {
                queue.complete(request, result, &mut self.statistics);
            }
            (_, Some(draining)) if draining.owns(&request) => draining.complete(request),
            _ => return Err(ForeignRequest { request }),
        }
        self.check_drained();
        Ok(())
    }

    /// Begins a poll: completes the requests that the storage has dropped.
    pub(super) fn begin_poll(&mut self) {
        self.drained = false;
        if let Some(Connection { queue, .. }) = &mut self.connection {
            queue.complete_dropped(&mut self.statistics);
        }
        // This poll reacts to the last one: `drained` would request another.
        self.draining.take_if(|draining| {
            draining.release_dropped();
            draining.in_flight() == 0
        });
    }

    fn check_drained(&mut self) {
        self.drained |= self.draining.take_if(|draining| draining.in_flight() == 0).is_some();
    }

    fn max_ring_order(&self) -> u32 {
        self.config.ring_order.min(MAX_RING_ORDER)
    }

    /// Returns the binary logarithm of the ring's pages, and the two names of a single page's
    /// reference, the frontend's own one first.
    ///
    /// Frontends write the size under either of two names; those from before there were larger
    /// rings under neither.
    ///
    /// A node that this connection's frontend has not written can be that of a frontend before it.
    /// The node of the ring's size decides which name is the frontend's own: `ring-page-order` goes
    /// with `ring-ref0`, also for a single page (Linux d75e7f63b7), and otherwise a single page is
    /// `ring-ref` (`io/blkif.h`, note 6). The other name of a single page is read where that one is
    /// missing: frontends differ.
    fn ring_order(&self, nodes: &KeyValues<'_>) -> Result<(u32, [&'static str; 2]), BlkBackError> {
        let limit = self.max_ring_order();
        let (found, names) = match nodes.optional_number("ring-page-order")? {
            Some(order) => (order, ["ring-ref0", "ring-ref"]),
            None => {
                let pages: u32 = nodes.number_or("num-ring-pages", 1)?;
                // A number of pages that is no power of two, or zero, is no ring.
                let order = if pages.is_power_of_two() { pages.ilog2() } else { u32::MAX };
                (order, ["ring-ref", "ring-ref0"])
            }
        };
        if found > limit {
            return Err(BlkBackError::RingOrder { found, limit });
        }
        Ok((found, names))
    }

    fn ring_refs(&self, nodes: &KeyValues<'_>) -> Result<RingRefs, BlkBackError> {
        let (order, [name, other]) = self.ring_order(nodes)?;
        let mut refs = Vec::new();
        if order == 0 {
            let reference = match nodes.optional_number(name)? {
                Some(reference) => reference,
                None => nodes.number(other)?,
            };
            let _ = refs.push(GrantRef(reference));
            return Ok(refs);
        }
        for index in 0..1u32 << order {
            let reference = GrantRef(nodes.number(format_args!("ring-ref{index}"))?);
            // Requests and responses in one page would overwrite each other's.
            if refs.contains(&reference) {
                return Err(BlkBackError::RingRef { reference });
            }
            let _ = refs.push(reference);
        }
        Ok(refs)
    }

    /// Maps the ring and binds the port that the frontend has published.
    fn map_rings(&self, peer: &Peer<'_>) -> Result<Connection<P>, BlkBackError> {
        let Peer { id: guest, nodes, .. } = peer;
        let (guest, platform) = (*guest, &self.platform);
        let abi = Abi::named(nodes.string("protocol")?).ok_or(BlkBackError::Protocol)?;
        let refs = self.ring_refs(nodes)?;
        let remote = Port(nodes.number("event-channel")?);
        let window = GrantMapArea::reserve(platform.clone(), refs.len())?;
        let mapping = window.map(guest, &refs).map_err(|failed| BlkBackError::Map(failed.error))?;
        let rings = Rings::attach(abi, mapping).map_err(BlkBackError::Ring)?;
        let queue = Queue::new(platform, guest, rings, self.config.mode, self.config.in_flight)?;
        let channel = Channel::bind_interdomain(platform.clone(), guest, remote)
            .map_err(|errno| BlkBackError::Port { port: remote, errno })?;
        Ok(Connection { channel, queue })
    }
}

impl<P: ForeignFrames, O: OpenDisk> BackendDriver for Driver<P, O> {
    const KIND: &'static str = "vbd";

    type Error = BlkBackError;

    fn setup_keys(&self, keys: &mut KeyList<'_>) {
        VbdConfig::keys(keys);
        keys.own("hotplug-status");
    }

    fn setup(&mut self, peer: &Peer<'_>) -> Result<bool, BlkBackError> {
        let config = VbdConfig::parse(&peer.nodes)?;
        if self.disk.is_none() {
            self.disk = self.opener.open_disk(&config).map_err(|error| BlkBackError::Open {
                params: PathText::new(&config.params),
                error,
            })?;
        }
        if self.disk.is_none() && peer.nodes.own_string("hotplug-status")? == Some("error") {
            return Err(BlkBackError::HotplugScript);
        }
        (self.writable, self.discard) = (config.writable, config.discard);
        (self.cdrom, self.removable) = (config.cdrom, config.removable);
        self.update_info();
        Ok(self.disk.is_some())
    }

    fn setup_timeout(&self, waited: Duration, _: XenbusError) -> BlkBackError {
        BlkBackError::HotplugTimeout { waited }
    }

    fn write_offer(&self, nodes: &mut NodeWriter<'_>) {
        let writable = !self.is_read_only();
        let discard = self.info.discard.filter(|_| writable && self.discard);
        let order = self.max_ring_order();
        nodes.write("feature-flush-cache", u32::from(writable));
        nodes.write("feature-barrier", u32::from(writable));
        nodes.write("feature-persistent", 0);
        nodes.write("feature-max-indirect-segments", MAX_SEGMENTS);
        nodes.write("max-ring-page-order", order);
        nodes.write("max-ring-pages", 1u32 << order);
        nodes.write("feature-discard", u32::from(discard.is_some()));
        nodes.write("discard-granularity", discard.map_or(0, |discard| discard.granularity));
        nodes.write("discard-alignment", discard.map_or(0, |discard| discard.alignment));
        nodes.write("discard-secure", u32::from(discard.is_some_and(|discard| discard.secure)));
        nodes.write("hotplug-status", "connected");
    }

    fn connect_keys(&self, keys: &mut KeyList<'_>) {
        keys.peers(&[
            "protocol",
            "ring-page-order",
            "num-ring-pages",
            "ring-ref",
            "ring-ref0",
            "event-channel",
        ]);
        // Known when the nodes above are read.
        let order = self.ring_order(&keys.known()).map_or(0, |(order, _)| order);
        for index in 1..1u32 << order {
            keys.peer(format_args!("ring-ref{index}"));
        }
    }

    fn connect(&mut self, peer: &Peer<'_>) -> Result<(), BlkBackError> {
        self.connection = Some(self.map_rings(peer)?);
        self.statistics.connections += 1;
        self.update_info();
        Ok(())
    }

    fn write_nodes(&self, nodes: &mut NodeWriter<'_>) {
        let mut info = VdiskInfo::empty();
        info.set(VdiskInfo::READONLY, self.is_read_only());
        info.set(VdiskInfo::CDROM, self.cdrom);
        info.set(VdiskInfo::REMOVABLE, self.removable);
        let unit = self.info.sector_size;
        nodes.write("sectors", self.info.sectors);
        nodes.write("info", info.bits());
        nodes.write("sector-size", unit);
        nodes.write("physical-sector-size", unit);
    }

    fn disconnect(&mut self) {
        let Some(Connection { channel, queue }) = self.connection.take() else { return };
        drop(channel);
        self.draining = queue.disconnect();
    }

    fn is_drained(&self) -> bool {
        self.draining.is_none()
    }
}

impl<P: ForeignFrames, O: OpenDisk> fmt::Debug for Driver<P, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { config, connection, statistics, .. } = self;
        f.debug_struct("Driver")
            .field("config", config)
            .field("connected", &connection.is_some())
            .field("statistics", statistics)
            .finish_non_exhaustive()
    }
}
