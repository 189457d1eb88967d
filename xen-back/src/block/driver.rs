//! The protocol of a disk in xenstore.

use super::connection::{Connection, Draining};
use super::ring_nodes::RingOffer;
use super::rings::Abi;
use super::validate::DiskLimits;
use super::{
    BlkBackError, BlockDeviceError, Config, DescribeDisk, DiskInfo, ForeignRequest, OpenDisk,
    Request, Statistics, VbdConfig,
};
use core::fmt;
use core::time::Duration;
use xen_hypercall::{ForeignFrames, Instant};
use xen_store::PathText;
use xen_sys::io::blkif::VdiskInfo;
use xenbus::{BackendDriver, KeyList, NodeWriter, Peer, XenbusError};

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
            limits: DiskLimits::new(&info, true, false, config.segments()),
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
        self.limits =
            DiskLimits::new(&self.info, self.is_read_only(), self.discard, self.config.segments());
        self.connection.is_some() && self.info.sectors != sectors
    }

    pub(super) fn in_flight(&self) -> u32 {
        let connected = self.connection.as_ref().map_or(0, Connection::in_flight);
        connected + self.draining.as_ref().map_or(0, Draining::in_flight)
    }

    /// Returns whether a poll has work: requests were taken or completed since the last one.
    pub(super) fn needs_poll(&self) -> bool {
        self.drained
            || self.connection.as_ref().is_some_and(Connection::needs_poll)
            || self.draining.as_ref().is_some_and(Draining::needs_poll)
    }

    /// Completes a request, of the connection or of the one before.
    pub(super) fn complete(
        &mut self,
        request: Request<P>,
        result: Result<(), BlockDeviceError>,
    ) -> Result<(), ForeignRequest<P>> {
        match (&mut self.connection, &mut self.draining) {
            (Some(connection), _) if connection.owns(&request) => {
                connection.complete(request, result, &mut self.statistics);
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
        if let Some(connection) = &mut self.connection {
            connection.complete_dropped(&mut self.statistics);
        }
        // This poll reacts to the last one: `drained` would request another.
        self.draining.take_if(|draining| {
            draining.release_dropped();
            draining.in_flight() == 0
        });
    }

    /// Unmaps persistent grants that were not used for long.
    pub(super) fn purge(&mut self, now: Instant) {
        if let Some(connection) = &mut self.connection {
            connection.purge(now, &mut self.statistics);
        }
    }

    /// Returns the time at which there is one to unmap.
    pub(super) fn purge_due(&self) -> Option<Instant> {
        self.connection.as_ref().and_then(Connection::purge_due)
    }

    fn check_drained(&mut self) {
        self.drained |= self.draining.take_if(|draining| draining.in_flight() == 0).is_some();
    }

    fn offer(&self) -> RingOffer {
        RingOffer::new(&self.config)
    }

    /// Maps the rings and binds the ports that the frontend has published.
    fn map_rings(&self, peer: &Peer<'_>) -> Result<Connection<P>, BlkBackError> {
        let Peer { id: guest, nodes, .. } = peer;
        let abi = Abi::named(nodes.string("protocol")?).ok_or(BlkBackError::Protocol)?;
        let queues = self.offer().read(nodes)?;
        // The node is the frontend's (`io/blkif.h`): one without the feature has to remove what an
        // earlier frontend has left, which counts here as in Linux.
        let persistent = nodes.number_or("feature-persistent", 0u32)? != 0;
        Connection::new(&self.platform, *guest, abi, &queues, persistent, &self.config)
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
        let RingOffer { queues, order } = self.offer();
        nodes.write("feature-flush-cache", u32::from(writable));
        nodes.write("feature-barrier", u32::from(writable));
        nodes.write("feature-persistent", u32::from(self.config.offers_persistent()));
        nodes.write("feature-max-indirect-segments", self.config.segments());
        nodes.write("max-ring-page-order", order);
        nodes.write("max-ring-pages", 1u32 << order);
        nodes.write("multi-queue-max-queues", queues);
        nodes.write("feature-discard", u32::from(discard.is_some()));
        nodes.write("discard-granularity", discard.map_or(0, |discard| discard.granularity));
        nodes.write("discard-alignment", discard.map_or(0, |discard| discard.alignment));
        nodes.write("discard-secure", u32::from(discard.is_some_and(|discard| discard.secure)));
        nodes.write("hotplug-status", "connected");
    }

    fn connect_keys(&self, keys: &mut KeyList<'_>) {
        keys.peers(&["protocol", "feature-persistent"]);
        self.offer().keys(keys);
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
        let Some(connection) = self.connection.take() else { return };
        self.draining = connection.disconnect();
        self.statistics.persistent_grants = 0;
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
