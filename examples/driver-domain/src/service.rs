//! Serves whatever the toolstack asks this domain to serve.

use crate::config::Config;
use crate::disks::Disks;
use crate::network::Network;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;
use log::{info, warn};
use xen_back::block::{Blkback, BlkbackEvent, DiskSpec, Storage};
use xen_hypercall::ops::sched;
use xen_hypercall::{ForeignFrames, Instant, Port};
use xen_store::xenbus::{Backend, DeviceId, backends};
use xen_store::{StoreError, Watch, XenStore};

/// The most devices of a kind.
pub(crate) const DEVICES: usize = 32;

/// When to try again what the store refused, in case no event comes.
pub(crate) const RETRY: Duration = Duration::from_millis(200);

/// All devices that this domain serves.
pub struct Service<'a, P: ForeignFrames, D: Storage> {
    store: &'a XenStore<P>,
    watch: Watch<'a, P>,
    config: Config,
    disks: Disks<D>,
    vbds: Vec<Blkback<'a, P, D>>,
    network: Network<'a, P>,
    /// Devices that can't be served, not to complain of twice.
    refused: Vec<DeviceId>,
    /// Devices may have come, or could not be looked at yet.
    look_again: bool,
}

/// What a turn has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// There is more to do at once.
    pub busy: bool,
    /// When there will be, if no event comes before.
    pub deadline: Option<Instant>,
    /// Something about a device was refused.
    pub(crate) refused: bool,
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

impl<'a, P: ForeignFrames, D: Storage + Clone> Service<'a, P, D> {
    /// Begins to serve: from here on, devices that the toolstack makes are taken up.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub fn new(store: &'a XenStore<P>, disks: Disks<D>, config: Config) -> Result<Self, StoreError> {
        let watch = store.watch("backend")?;
        let network = Network::new(&config, store.platform().now());
        let (vbds, refused) = (Vec::new(), Vec::new());
        Ok(Self { store, watch, config, disks, vbds, network, refused, look_again: true })
    }

    /// Forgets all devices, as if its drivers had been loaded anew; those that the toolstack still wants are taken up again.
    pub fn drop_devices(&mut self) {
        self.vbds.clear();
        self.network.clear();
        self.look_again = true;
    }

    /// Serves for ever.
    pub fn run(mut self) -> ! {
        let platform = self.store.platform();
        let mut ports = Vec::new();
        loop {
            let turn = self.turn(platform.now());
            if turn.busy {
                // On a processor that guests share with us, they have to run for more to come.
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
        let mut turn = Turn { busy: false, deadline: None, refused: false };
        turn.note(self.look_for_devices());
        let mut index = 0;
        while let Some(vbd) = self.vbds.get_mut(index) {
            match vbd.poll(now) {
                Ok(BlkbackEvent::Idle) => turn.by(vbd.deadline()),
                Ok(BlkbackEvent::Busy) => turn.busy = true,
                Ok(BlkbackEvent::Removed) => {
                    let vbd = self.vbds.swap_remove(index);
                    info!("{}: removed; {}", vbd.backend().path(), Tally(&vbd));
                    turn.note(vbd.remove());
                    continue;
                }
                // A frontend's fault ends in the device's directory, for the toolstack; the store's is tried again.
                Err(error) => {
                    warn!("{}: {error}", vbd.backend().path());
                    turn.by(Some(now + RETRY));
                }
            }
            index += 1;
        }
        self.network.turn(now, &mut turn);
        if turn.refused {
            // What can't be removed now is found again, as a device that nobody wants.
            self.look_again = true;
            turn.by(Some(now + RETRY));
        }
        turn
    }

    fn look_for_devices(&mut self) -> Result<(), StoreError> {
        while self.watch.try_next()?.is_some() {
            self.look_again = true;
        }
        if !core::mem::take(&mut self.look_again) {
            return Ok(());
        }
        let mut result = Ok(());
        let found = backends::<DEVICES>(self.store, "vbd")?;
        self.refused.retain(|id| found.contains(id));
        for id in found {
            let known = self.vbds.iter().any(|vbd| vbd.backend().id() == id) || self.refused.contains(&id);
            if !known {
                result = result.and(self.take_up("vbd", id));
            }
        }
        for id in backends::<DEVICES>(self.store, "vif")? {
            if !self.network.has(id) {
                result = result.and(self.take_up("vif", id));
            }
        }
        result
    }

    fn take_up(&mut self, kind: &str, id: DeviceId) -> Result<(), StoreError> {
        let taken = Backend::open(self.store, kind, id).and_then(|mut backend| {
            backend.set_timeout(self.config.close_timeout);
            if kind == "vif" { self.network.add(backend) } else { self.take_up_disk(backend) }
        });
        match taken {
            // A directory that is being made or removed; its next change tells.
            Err(error) if error.is_not_found() => Ok(()),
            result => result,
        }
    }

    fn take_up_disk(&mut self, mut backend: Backend<'a, P>) -> Result<(), StoreError> {
        let (spec, id) = (DiskSpec::read(&backend)?, backend.id());
        match self.disks.find(&spec.params) {
            Some(disk) => {
                info!("{}: disk {} for domain {}", backend.path(), spec.params, id.guest);
                self.vbds.push(Blkback::new(backend, spec, disk, self.config.block));
            }
            None => {
                warn!("{}: there is no disk {:?}", backend.path(), spec.params);
                backend.fail(format_args!("there is no disk {:?}", spec.params))?;
                self.refused.push(id);
            }
        }
        Ok(())
    }
}

impl<P: ForeignFrames, D: Storage> fmt::Debug for Service<'_, P, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
            .field("config", &self.config)
            .field("vbds", &self.vbds.len())
            .finish_non_exhaustive()
    }
}

struct Tally<'t, 'a, P: ForeignFrames, D: Storage>(&'t Blkback<'a, P, D>);

impl<P: ForeignFrames, D: Storage> fmt::Display for Tally<'_, '_, P, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let done = self.0.statistics();
        write!(
            f,
            "{} reads, {} writes, {} flushes, {} refused, {} failed",
            done.reads, done.writes, done.flushes, done.refused, done.failed
        )
    }
}
