//! Serves whatever the toolstack asks this domain to serve.

use crate::config::Config;
use crate::disks::{DiskSizes, Disks, NamedDisk};
use crate::network::Network;
use crate::refusals::{Kind, Refusals, Vbd, Vif};
use crate::removals::Removals;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;
use log::{info, warn};
use xen_back::block::{BlkBack, BlkBackError, BlkBackEvent, BlockDevice};
use xen_evtchn::Eoi;
use xen_hypercall::ops::sched;
use xen_hypercall::{ForeignFrames, Instant, Port};
use xen_store::{Limits, StoreError, XenStore};
use xenbus::{DeviceEvent, DeviceId, DeviceWatcher, XenbusError};

/// The most devices of a kind that are served.
pub(crate) const DEVICES: usize = 30;

/// The most devices of a kind. Those beyond [`DEVICES`] are refused.
const LISTED: usize = 4 * DEVICES;

/// Limits of the service's xenstore client: two watches for each device of either kind, a third one
/// for each interface that is connected, and one for the sizes of disks. At the server, the devices
/// of a kind and those of a guest share watches.
pub const LIMITS: Limits = Limits { requests: 16, watches: 2 * 2 * LISTED + 3 * DEVICES + 1 };

/// Time between retries of a failed store request without an event.
pub(crate) const RETRY: Duration = Duration::from_millis(200);

/// A disk for a guest.
struct Disk<P: ForeignFrames, D: BlockDevice + Clone> {
    backend: BlkBack<P, NamedDisk<D>>,
    /// Set-up has failed: the device takes no place.
    failed: bool,
    /// Requests up to the last event that was reported.
    reported: u64,
}

type Watcher<P> = DeviceWatcher<P, DeviceId, LISTED>;

/// All devices that this domain serves.
pub struct Service<P: ForeignFrames, D: BlockDevice + Clone> {
    store: XenStore<P>,
    vbd_watcher: Watcher<P>,
    vif_watcher: Watcher<P>,
    config: Config,
    disks: Disks<D>,
    sizes: Option<DiskSizes<P, D>>,
    vbds: Vec<Disk<P, D>>,
    network: Network<P>,
    refused_vbds: Refusals<P, Vbd>,
    refused_vifs: Refusals<P, Vif>,
    removed_vbds: Removals<P>,
    removed_vifs: Removals<P>,
}

/// Result of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// More work is pending.
    pub busy: bool,
    /// Time of the next work without an event.
    pub deadline: Option<Instant>,
}

impl Turn {
    pub(crate) fn by(&mut self, deadline: Option<Instant>) {
        self.deadline = [self.deadline, deadline].into_iter().flatten().min();
    }

    /// Reports that a device could not be taken up; it is found again after a while.
    fn retry<P: ForeignFrames>(
        &mut self,
        watcher: &mut Watcher<P>,
        id: DeviceId,
        now: Instant,
        error: &XenbusError,
    ) {
        warn!("device {id}: {error}");
        watcher.forget(id);
        self.by(Some(now + RETRY));
    }
}

impl<P: ForeignFrames, D: BlockDevice + Clone> Service<P, D> {
    /// Begins to serve: from here on, devices that the toolstack makes are taken up.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub fn new(store: &XenStore<P>, disks: Disks<D>, config: Config) -> Result<Self, StoreError> {
        let network = Network::new(&config, store.platform().now());
        Ok(Self {
            store: store.clone(),
            vbd_watcher: DeviceWatcher::new(store, Vbd::KIND)?,
            vif_watcher: DeviceWatcher::new(store, Vif::KIND)?,
            config,
            sizes: DiskSizes::new(store, &disks)?,
            disks,
            vbds: Vec::new(),
            network,
            refused_vbds: Refusals::new(),
            refused_vifs: Refusals::new(),
            removed_vbds: Removals::new(),
            removed_vifs: Removals::new(),
        })
    }

    /// Forgets all devices, as if its drivers had been loaded anew; the next check finds those
    /// that are still online.
    pub fn drop_devices(&mut self) {
        self.vbds.clear();
        self.network.clear();
        self.refused_vbds.clear();
        self.refused_vifs.clear();
        self.vbd_watcher.forget_all();
        self.vif_watcher.forget_all();
    }

    /// Serves for ever. `eoi` reports to the kernel whether the last event of a port had work, and
    /// returns whether the port had an event: a guest's events without work are delayed.
    pub fn run(mut self, mut eoi: impl FnMut(Port, Eoi) -> bool) -> ! {
        let store = self.store.clone();
        let platform = store.platform();
        let mut ports = Vec::new();
        loop {
            let turn = self.turn(platform.now());
            if turn.busy {
                // On a shared processor the guests must run to produce more requests.
                sched::yield_now(platform);
            } else {
                self.report(&mut eoi);
                ports.clear();
                self.ports(&mut ports);
                platform.wait(&ports, turn.deadline);
            }
        }
    }

    /// Reports the events of all devices. Work that was done without an event counts for the next
    /// one: a guest that posts buffers notifies after its packets were delivered.
    pub fn report(&mut self, eoi: &mut impl FnMut(Port, Eoi) -> bool) {
        for disk in &mut self.vbds {
            let done = disk.backend.statistics();
            let requests = done.reads + done.writes + done.flushes + done.discards;
            let total = requests + done.refused + done.failed + done.connections;
            report(disk.backend.ports(), total, &mut disk.reported, eoi);
        }
        self.network.report(eoi);
    }

    /// Adds the ports to wait for.
    pub fn ports(&self, ports: &mut Vec<Port>) {
        ports.push(self.store.port());
        ports.extend(self.vbds.iter().flat_map(|disk| disk.backend.ports()));
        ports.extend(self.network.ports());
    }

    /// Does what can be done now.
    pub fn turn(&mut self, now: Instant) -> Turn {
        let mut turn = Turn { busy: false, deadline: None };
        self.find_devices(now, &mut turn);
        if let Some(sizes) = &mut self.sizes
            && let Err(error) = sizes.poll(&self.disks)
        {
            warn!("{error}");
            turn.by(Some(now + RETRY));
        }
        self.serve_disks(now, &mut turn);
        for removal in self.network.turn(now, &mut turn) {
            self.removed_vifs.add(removal);
            if let Some(id) = self.refused_vifs.pop() {
                if let Err(error) = self.network.add(&self.store, id, &self.config) {
                    turn.retry(&mut self.vif_watcher, id, now, &error);
                }
                turn.busy = true;
            }
        }
        while let Some(removal) = self.refused_vbds.turn(now, &mut turn) {
            self.removed_vbds.add(removal);
        }
        while let Some(removal) = self.refused_vifs.turn(now, &mut turn) {
            self.removed_vifs.add(removal);
        }
        // A device whose directory could not be removed is found again.
        while let Some(id) = self.removed_vbds.turn(now, &mut turn) {
            self.vbd_watcher.forget(id);
        }
        while let Some(id) = self.removed_vifs.turn(now, &mut turn) {
            self.vif_watcher.forget(id);
        }
        turn
    }

    fn serve_disks(&mut self, now: Instant, turn: &mut Turn) {
        let mut index = 0;
        while let Some(disk) = self.vbds.get_mut(index) {
            let backend = &mut disk.backend;
            match backend.poll(now) {
                Ok(BlkBackEvent::Idle) => turn.by(backend.poll_timeout(now)),
                Ok(BlkBackEvent::Busy) => turn.busy = true,
                Ok(BlkBackEvent::Removed) => {
                    self.remove_disk(index);
                    continue;
                }
                // A frontend's fault ends in the device's directory, for the toolstack; the store's
                // is tried again.
                Err(error) => {
                    warn!("{}: {error}", backend.path());
                    disk.failed |= matches!(
                        error,
                        BlkBackError::Open { .. }
                            | BlkBackError::HotplugScript
                            | BlkBackError::HotplugTimeout { .. }
                    );
                    turn.by(Some(now + RETRY));
                }
            }
            index += 1;
        }
        if self.served_disks() < DEVICES
            && let Some(id) = self.refused_vbds.pop()
        {
            if let Err(error) = self.add_disk(id) {
                turn.retry(&mut self.vbd_watcher, id, now, &error);
            }
            turn.busy = true;
        }
    }

    fn remove_disk(&mut self, index: usize) {
        let Disk { backend, .. } = self.vbds.swap_remove(index);
        info!("{}: removed; {}", backend.path(), Tally(&backend));
        let done = backend.statistics();
        if done.persistent_misses > 0 {
            info!(
                "{}: persistent grants: {} hits, {} misses, {} evictions",
                backend.path(),
                done.persistent_hits,
                done.persistent_misses,
                done.persistent_evictions
            );
        }
        self.removed_vbds.add(backend.begin_removal().1);
    }

    fn find_devices(&mut self, now: Instant, turn: &mut Turn) {
        while let Some(id) = next_added(&mut self.vbd_watcher, now, turn) {
            if self.vbds.iter().any(|disk| disk.backend.id() == id) {
                continue;
            }
            let added = if self.served_disks() < DEVICES {
                self.add_disk(id)
            } else {
                self.refused_vbds.add(&self.store, id)
            };
            if let Err(error) = added {
                turn.retry(&mut self.vbd_watcher, id, now, &error);
                break;
            }
        }
        while let Some(id) = next_added(&mut self.vif_watcher, now, turn) {
            if self.network.has(id) {
                continue;
            }
            let added = if self.network.is_full() {
                self.refused_vifs.add(&self.store, id)
            } else {
                self.network.add(&self.store, id, &self.config)
            };
            if let Err(error) = added {
                turn.retry(&mut self.vif_watcher, id, now, &error);
                break;
            }
        }
    }

    fn served_disks(&self) -> usize {
        self.vbds.iter().filter(|disk| !disk.failed).count()
    }

    fn add_disk(&mut self, id: DeviceId) -> Result<(), XenbusError> {
        let needs_script = self.config.hotplug_timeout.is_some();
        let opener = NamedDisk::new(self.disks.clone(), needs_script);
        let mut backend = BlkBack::new(&self.store, id, opener, self.config.block)?;
        backend.set_close_timeout(self.config.close_timeout);
        if let Some(timeout) = self.config.hotplug_timeout {
            backend.set_hotplug_timeout(timeout);
        }
        self.vbds.push(Disk { backend, failed: false, reported: 0 });
        Ok(())
    }
}

/// Reports the events of a device that has done `total` units of work, `reported` of them before.
pub(crate) fn report(
    ports: impl IntoIterator<Item = Port>,
    total: u64,
    reported: &mut u64,
    eoi: &mut impl FnMut(Port, Eoi) -> bool,
) {
    let work = if total == *reported { Eoi::Spurious } else { Eoi::Handled };
    for port in ports {
        if eoi(port, work) {
            *reported = total;
        }
    }
}

/// Returns the next device that the toolstack has made.
fn next_added<P: ForeignFrames>(
    watcher: &mut Watcher<P>,
    now: Instant,
    turn: &mut Turn,
) -> Option<DeviceId> {
    loop {
        match watcher.poll() {
            Ok(Some(DeviceEvent::Added(id))) => return Some(id),
            // The device itself finds that its directory is gone.
            Ok(Some(DeviceEvent::Removed(_))) => {}
            Ok(None) => {
                turn.by(watcher.poll_timeout(now));
                return None;
            }
            Err(error) => {
                warn!("{error}");
                turn.by(Some(now + RETRY));
                return None;
            }
        }
    }
}

impl<P: ForeignFrames, D: BlockDevice + Clone> fmt::Debug for Service<P, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
            .field("config", &self.config)
            .field("vbds", &self.vbds.len())
            .finish_non_exhaustive()
    }
}

struct Tally<'t, P: ForeignFrames, D: BlockDevice + Clone>(&'t BlkBack<P, NamedDisk<D>>);

impl<P: ForeignFrames, D: BlockDevice + Clone> fmt::Display for Tally<'_, P, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let done = self.0.statistics();
        write!(
            f,
            "{} reads, {} writes, {} flushes, {} refused, {} failed, {} merged",
            done.reads, done.writes, done.flushes, done.refused, done.failed, done.merged
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_before_event_is_reported() {
        let (mut reported, mut reports) = (0, Vec::new());
        let mut step = |total, had_event| {
            report(Some(Port(7)), total, &mut reported, &mut |port, work| {
                reports.push((port.0, work));
                had_event
            });
        };
        step(3, false);
        step(3, true);
        step(3, true);
        step(4, true);
        assert_eq!(reports.len(), 4);
        let work: Vec<_> = reports.iter().map(|&(_, work)| work).collect();
        assert_eq!(work, [Eoi::Handled, Eoi::Handled, Eoi::Spurious, Eoi::Handled]);
        report(None, 5, &mut reported, &mut |_, _| panic!("no port"));
    }
}
