//! Serves whatever the toolstack asks this domain to serve.

use crate::config::Config;
use crate::disks::Disks;
use crate::network::Network;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;
use log::{info, warn};
use xen_back::block::{Blkback, BlkbackEvent, DiskSpec, HotplugError, HotplugWait, Storage};
use xen_hypercall::ops::sched;
use xen_hypercall::{ForeignFrames, Instant, Port};
use xen_store::xenbus::{Backend, BackendEvent, DeviceId, backends};
use xen_store::{Limits, StoreError, Watch, XenStore, XsOps};

/// The most devices of a kind that are served. Xen's servers let a domain have 128 watches, and
/// each device takes two.
pub(crate) const DEVICES: usize = 30;

/// The most disks that wait for a hotplug script at once, each with one more watch.
const WAITING: usize = 4;

/// Limits of the service's xenstore client: watches for all devices of both kinds, for one
/// that is refused, for disks that wait for a script, and for those that come.
pub const LIMITS: Limits = Limits { requests: 4, watches: 2 * (2 * DEVICES + 1) + WAITING + 1 };

/// Maximum number of devices of a kind. A device beyond it is refused.
const LISTED: usize = 4 * DEVICES;

/// The kinds of devices that are served.
const VBD: &str = "vbd";
const VIF: &str = "vif";

/// Time between retries of a failed store request without an event.
pub(crate) const RETRY: Duration = Duration::from_millis(200);

/// Reason for a refused device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// No storage or interface exists for it.
    Never,
    /// No place is free.
    Full,
}

/// A device that is not served. Its end of the device is closed.
struct Refused {
    kind: &'static str,
    id: DeviceId,
    why: Why,
}

/// All devices that this domain serves.
pub struct Service<P: ForeignFrames, D: Storage> {
    store: XenStore<P>,
    watch: Watch<P>,
    config: Config,
    disks: Disks<D>,
    vbds: Vec<Blkback<P, D>>,
    /// Disks whose storage a hotplug script sets up.
    waiting: Vec<(Backend<P>, HotplugWait<P>)>,
    network: Network<P>,
    refused: Vec<Refused>,
    /// New devices are possible, or the last check failed.
    look_again: bool,
    /// Earliest time of the next check.
    not_before: Instant,
}

/// Result of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// More work is pending.
    pub busy: bool,
    /// Time of the next work without an event.
    pub deadline: Option<Instant>,
    /// Something about a device was refused.
    pub(crate) refused: bool,
    /// A device has gone, and left room for another one.
    pub(crate) freed: bool,
}

impl Turn {
    pub(crate) fn by(&mut self, deadline: Option<Instant>) {
        self.deadline = [self.deadline, deadline].into_iter().flatten().min();
    }

    /// Has what was refused tried again.
    pub(crate) fn note<T, E: fmt::Display>(&mut self, result: Result<T, E>) {
        if let Err(error) = result {
            warn!("{error}");
            self.refused = true;
        }
    }
}

impl<P: ForeignFrames, D: Storage + Clone> Service<P, D> {
    /// Begins to serve: from here on, devices that the toolstack makes are taken up.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub fn new(store: &XenStore<P>, disks: Disks<D>, config: Config) -> Result<Self, StoreError> {
        let watch = store.watch("backend")?;
        let now = store.platform().now();
        let network = Network::new(&config, now);
        let (vbds, waiting, refused) = (Vec::new(), Vec::new(), Vec::new());
        let (look_again, not_before) = (true, now);
        let store = store.clone();
        Ok(Self {
            store,
            watch,
            config,
            disks,
            vbds,
            waiting,
            network,
            refused,
            look_again,
            not_before,
        })
    }

    /// Forgets all devices, as if its drivers had been loaded anew; the next check finds those
    /// that are still online.
    pub fn drop_devices(&mut self) {
        self.vbds.clear();
        self.waiting.clear();
        self.network.clear();
        self.refused.clear();
        self.look_again = true;
    }

    /// Serves for ever.
    pub fn run(mut self) -> ! {
        let store = self.store.clone();
        let platform = store.platform();
        let mut ports = Vec::new();
        loop {
            let turn = self.turn(platform.now());
            if turn.busy {
                // On a shared processor the guests must run to produce more requests.
                sched::yield_now(platform);
            } else {
                ports.clear();
                self.ports(&mut ports);
                platform.wait(&ports, turn.deadline);
            }
        }
    }

    /// Adds the ports to wait for.
    pub fn ports(&self, ports: &mut Vec<Port>) {
        ports.push(self.store.port());
        ports.extend(self.vbds.iter().filter_map(Blkback::port));
        ports.extend(self.network.ports());
    }

    /// Does what can be done now.
    pub fn turn(&mut self, now: Instant) -> Turn {
        let mut turn = Turn { busy: false, deadline: None, refused: false, freed: false };
        turn.note(self.look_for_devices(now));
        self.look_at_scripts(now, &mut turn);
        let mut index = 0;
        while let Some(vbd) = self.vbds.get_mut(index) {
            match vbd.poll(now) {
                Ok(BlkbackEvent::Idle) => turn.by(vbd.deadline()),
                Ok(BlkbackEvent::Busy) => turn.busy = true,
                Ok(BlkbackEvent::Removed) => {
                    let vbd = self.vbds.swap_remove(index);
                    turn.freed = true;
                    info!("{}: removed; {}", vbd.backend().path(), Tally(&vbd));
                    turn.note(vbd.remove());
                    continue;
                }
                // A frontend's fault ends in the device's directory, for the toolstack; the store's
                // is tried again.
                Err(error) => {
                    warn!("{}: {error}", vbd.backend().path());
                    turn.by(Some(now + RETRY));
                }
            }
            index += 1;
        }
        self.network.turn(now, &mut turn);
        if turn.freed {
            // The next check finds these devices again, as new ones.
            self.refused.retain(|refused| refused.why != Why::Full);
            (self.look_again, turn.busy) = (true, true);
        }
        if turn.refused {
            // A device that can't be removed now is found again, as one that is not served.
            (self.look_again, self.not_before) = (true, now + RETRY);
        }
        if self.look_again {
            turn.by(Some(self.not_before));
        }
        turn
    }

    fn look_for_devices(&mut self, now: Instant) -> Result<(), StoreError> {
        self.look_again |= self.watch.try_clear()?;
        if now < self.not_before || !core::mem::take(&mut self.look_again) {
            return Ok(());
        }
        let mut result = Ok(());
        for kind in [VBD, VIF] {
            let found = backends::<LISTED>(&self.store, kind)?;
            self.refused.retain(|refused| refused.kind != kind || found.contains(&refused.id));
            for id in found {
                let unwanted = self.is_refused(kind, id) && !self.is_online(kind, id)?;
                if unwanted || !self.knows(kind, id) {
                    result = result.and(self.take_up(kind, id, now));
                }
            }
        }
        result
    }

    /// Takes up the disks whose script has written where their storage is.
    fn look_at_scripts(&mut self, now: Instant, turn: &mut Turn) {
        for (mut backend, mut wait) in core::mem::take(&mut self.waiting) {
            match backend.poll(now) {
                Ok(BackendEvent::Setup) => {}
                Ok(BackendEvent::Removed) => {
                    turn.note(backend.remove());
                    turn.freed = true;
                    continue;
                }
                // The toolstack has it closed before its script was done.
                Ok(_) => {
                    turn.by(backend.deadline());
                    self.waiting.push((backend, wait));
                    continue;
                }
                Err(error) => {
                    turn.note(Err::<(), _>(error));
                    self.waiting.push((backend, wait));
                    continue;
                }
            }
            let done = match wait.poll(&backend, now) {
                Ok(Some(spec)) => self.serve_disk(backend, spec, now),
                Ok(None) => {
                    turn.by(Some(wait.deadline()));
                    self.waiting.push((backend, wait));
                    continue;
                }
                Err(HotplugError::Store(error)) => {
                    self.waiting.push((backend, wait));
                    turn.note(Err::<(), _>(error));
                    continue;
                }
                Err(error) => self.refuse(VBD, backend, Why::Never, format_args!("{error}"), now),
            };
            turn.note(done);
            // Others may have waited for their turn to wait.
            self.look_again = true;
        }
    }

    fn is_refused(&self, kind: &str, id: DeviceId) -> bool {
        self.refused.iter().any(|refused| (refused.kind, refused.id) == (kind, id))
    }

    /// Returns whether the toolstack has the device online.
    fn is_online(&self, kind: &str, id: DeviceId) -> Result<bool, StoreError> {
        self.store
            .read_number_or(format_args!("backend/{kind}/{id}/online"), 1u32)
            .map(|online| online != 0)
    }

    fn knows(&self, kind: &str, id: DeviceId) -> bool {
        let served = match kind {
            VIF => self.network.has(id),
            _ => {
                self.vbds.iter().any(|vbd| vbd.backend().id() == id)
                    || self.waiting.iter().any(|(backend, _)| backend.id() == id)
            }
        };
        served || self.is_refused(kind, id)
    }

    fn take_up(
        &mut self,
        kind: &'static str,
        id: DeviceId,
        now: Instant,
    ) -> Result<(), StoreError> {
        let taken = Backend::open(&self.store, kind, id).and_then(|mut backend| {
            backend.set_timeout(self.config.close_timeout);
            match kind {
                _ if self.is_refused(kind, id) => backend.remove(),
                VIF => self.take_up_interface(backend, now),
                _ => self.take_up_disk(backend, now),
            }
        });
        match taken {
            // A directory that is being made or removed; its next change triggers a check.
            Err(error) if error.is_not_found() => Ok(()),
            result => result,
        }
    }

    fn take_up_interface(&mut self, backend: Backend<P>, now: Instant) -> Result<(), StoreError> {
        let Some(backend) = self.network.add(backend)? else { return Ok(()) };
        let text = format_args!("all {DEVICES} ports of the switch are in use");
        self.refuse(VIF, backend, Why::Full, text, now)
    }

    fn take_up_disk(&mut self, backend: Backend<P>, now: Instant) -> Result<(), StoreError> {
        if self.vbds.len() + self.waiting.len() >= DEVICES {
            let text = format_args!("{DEVICES} disks are served already");
            return self.refuse(VBD, backend, Why::Full, text, now);
        }
        if let Some(timeout) = self.config.hotplug_timeout {
            // One that finds no place is found again when another one's script is done.
            if self.waiting.len() < WAITING {
                let wait = HotplugWait::new(&backend, timeout)?;
                self.waiting.push((backend, wait));
            }
            return Ok(());
        }
        let spec = DiskSpec::read(&backend)?;
        self.serve_disk(backend, spec, now)
    }

    fn serve_disk(
        &mut self,
        backend: Backend<P>,
        spec: DiskSpec,
        now: Instant,
    ) -> Result<(), StoreError> {
        let (name, id) = (spec.storage_name(), backend.id());
        let Some(disk) = self.disks.find(name.name).filter(|_| name.is_raw()) else {
            let text = format_args!("there is no disk {:?}", spec.params);
            return self.refuse(VBD, backend, Why::Never, text, now);
        };
        info!("{}: disk {} for domain {}", backend.path(), spec.params, id.guest);
        self.vbds.push(Blkback::new(backend, spec, disk, self.config.block));
        Ok(())
    }

    /// Writes the reason of the refusal for the toolstack, and the state Closed for the frontend.
    fn refuse(
        &mut self,
        kind: &'static str,
        mut backend: Backend<P>,
        why: Why,
        text: fmt::Arguments<'_>,
        now: Instant,
    ) -> Result<(), StoreError> {
        warn!("{}: {text}", backend.path());
        backend.fail(text)?;
        // The frontend has nothing to release.
        backend.set_timeout(Duration::ZERO);
        backend.poll(now)?;
        self.refused.push(Refused { kind, id: backend.id(), why });
        Ok(())
    }
}

impl<P: ForeignFrames, D: Storage> fmt::Debug for Service<P, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
            .field("config", &self.config)
            .field("vbds", &self.vbds.len())
            .finish_non_exhaustive()
    }
}

struct Tally<'t, P: ForeignFrames, D: Storage>(&'t Blkback<P, D>);

impl<P: ForeignFrames, D: Storage> fmt::Display for Tally<'_, P, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let done = self.0.statistics();
        write!(
            f,
            "{} reads, {} writes, {} flushes, {} refused, {} failed",
            done.reads, done.writes, done.flushes, done.refused, done.failed
        )
    }
}
