//! Serves whatever the toolstack asks this domain to serve.

use crate::config::Config;
use crate::disks::{Disks, SharedDisk};
use crate::network::Network;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;
use log::{error, info, warn};
use xen_back::block::{Blkback, BlkbackEvent, DiskSpec};
use xen_hypercall::ops::sched;
use xen_hypercall::{ForeignFrames, Instant, Port};
use xen_store::xenbus::{Backend, DeviceId, backends};
use xen_store::{StoreError, Watch, XenStore};

/// The most devices of a kind.
pub(crate) const DEVICES: usize = 32;

/// When to try again what the store refused, in case no event comes.
pub(crate) const RETRY: Duration = Duration::from_millis(200);

type Vbd<'a, P> = Blkback<'a, P, SharedDisk>;

/// All devices that this domain serves.
pub struct Service<'a, P: ForeignFrames> {
    store: &'a XenStore<P>,
    watch: Watch<'a, P>,
    config: Config,
    disks: Disks,
    vbds: Vec<Vbd<'a, P>>,
    network: Network<'a, P>,
    /// Devices that can't be served, not to complain of twice.
    refused: Vec<DeviceId>,
}

/// What a turn has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// There is more to do at once.
    pub busy: bool,
    /// When there will be, if no event comes before.
    pub deadline: Option<Instant>,
}

impl Turn {
    pub(crate) fn by(&mut self, deadline: Option<Instant>) {
        self.deadline = [self.deadline, deadline].into_iter().flatten().min();
    }
}

impl<'a, P: ForeignFrames> Service<'a, P> {
    /// Begins to serve: from here on, devices that the toolstack makes are taken up.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub fn new(store: &'a XenStore<P>, config: Config) -> Result<Self, StoreError> {
        let watch = store.watch("backend")?;
        let disks = Disks::new(&config.disks);
        let network = Network::new(config.address, (config.source_mib as u64) << 20, store.platform().now());
        Ok(Self { store, watch, config, disks, vbds: Vec::new(), network, refused: Vec::new() })
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
        let mut turn = Turn { busy: false, deadline: None };
        match self.look_for_devices() {
            Ok(()) => {}
            Err(error) => {
                error!("{error}");
                turn.by(Some(now + RETRY));
            }
        }
        let mut index = 0;
        while let Some(vbd) = self.vbds.get_mut(index) {
            match vbd.poll(now) {
                Ok(BlkbackEvent::Idle) => turn.by(vbd.deadline()),
                Ok(BlkbackEvent::Busy) => turn.busy = true,
                Ok(BlkbackEvent::Removed) => {
                    let vbd = self.vbds.swap_remove(index);
                    info!("{}: removed; {}", vbd.backend().path(), Tally(&vbd));
                    if let Err(error) = vbd.remove() {
                        warn!("{error}");
                    }
                    continue;
                }
                Err(error) => {
                    warn!("{}: {error}", vbd.backend().path());
                    turn.by(Some(now + RETRY));
                }
            }
            index += 1;
        }
        self.network.turn(now, &mut turn);
        turn
    }

    fn look_for_devices(&mut self) -> Result<(), StoreError> {
        let mut changed = false;
        while self.watch.try_next()?.is_some() {
            changed = true;
        }
        if !changed {
            return Ok(());
        }
        let found = backends::<DEVICES>(self.store, "vbd")?;
        self.refused.retain(|id| found.contains(id));
        for id in found {
            let known = self.vbds.iter().any(|vbd| vbd.backend().id() == id) || self.refused.contains(&id);
            if !known {
                self.take_up_disk(id);
            }
        }
        for id in backends::<DEVICES>(self.store, "vif")? {
            if !self.network.has(id) {
                match self.network.add(self.store, id) {
                    // A directory that is being removed still has children for a moment.
                    Err(error) if error.is_not_found() => {}
                    Err(error) => warn!("vif {id}: {error}"),
                    Ok(()) => {}
                }
            }
        }
        Ok(())
    }

    fn take_up_disk(&mut self, id: DeviceId) {
        let opened = Backend::open(self.store, "vbd", id)
            .and_then(|backend| DiskSpec::read(&backend).map(|spec| (backend, spec)));
        let (mut backend, spec) = match opened {
            Ok(opened) => opened,
            // A directory that is being removed still has children for a moment.
            Err(error) if error.is_not_found() => return,
            Err(error) => {
                warn!("vbd {id}: {error}");
                return;
            }
        };
        match self.disks.find(&spec.params) {
            Some(disk) => {
                info!("{}: disk {} for domain {}", backend.path(), spec.params, id.guest);
                let mut config = xen_back::block::Config::default();
                config.mode = self.config.mode;
                self.vbds.push(Blkback::new(backend, spec, disk, config));
            }
            None => {
                warn!("{}: there is no disk {:?}", backend.path(), spec.params);
                self.refused.push(id);
                if let Err(error) = backend.fail(format_args!("there is no disk {:?}", spec.params)) {
                    warn!("{error}");
                }
            }
        }
    }
}

impl<P: ForeignFrames> fmt::Debug for Service<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
            .field("config", &self.config)
            .field("vbds", &self.vbds)
            .finish_non_exhaustive()
    }
}

struct Tally<'t, 'a, P: ForeignFrames>(&'t Vbd<'a, P>);

impl<P: ForeignFrames> fmt::Display for Tally<'_, '_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let done = self.0.statistics();
        write!(
            f,
            "{} reads, {} writes, {} flushes, {} refused, {} failed",
            done.reads, done.writes, done.flushes, done.refused, done.failed
        )
    }
}
