//! A driver domain: it serves disks and network interfaces to whoever the toolstack says.

use crate::faults::Xen;
use crate::{Gateway, SharedDisk};
use core::fmt;
use core::time::Duration;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use xen_back::block::{Blkback, BlkbackEvent, Config, DiskSpec};
use xen_back::net::switch::{Forward, Switch};
use xen_back::net::{Checksum, Netback, NetbackEvent, Packet, checksum};
use xen_hypercall::{Instant, Platform, start};
use xen_sim::{Domain, Step, Task};
use xen_store::xenbus::{Backend, DeviceId, backends};
use xen_store::{Nodes, StoreError, Watch, XenStore};

/// The most devices of a kind.
const DEVICES: usize = 16;

/// When to try again what xenstore or Xen refused, in case no event comes.
const RETRY: Duration = Duration::from_millis(50);

/// How long a guest may take to close a device that it was asked to.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// What a driver domain serves.
#[derive(Clone, Debug)]
pub struct Offer {
    /// Disks, by the name that the toolstack asks for (`target`).
    pub disks: Vec<(String, SharedDisk)>,
    /// How they are served.
    pub config: Config,
}

/// Asks a driver domain to drop all that it serves, as if its drivers had been loaded anew.
#[derive(Clone, Debug, Default)]
pub struct Reset(Arc<AtomicU32>);

impl Reset {
    /// Asks; it is done when the domain runs next.
    pub fn ask(&self, domain: &Domain) {
        self.0.fetch_add(1, Ordering::Relaxed);
        domain.kick();
    }
}

self_cell::self_cell!(
    struct Cell {
        owner: XenStore<Xen>,
        #[not_covariant]
        dependent: Service,
    }
);

/// The work of a driver domain, to be spawned in it.
pub struct DriverDomain {
    cell: Cell,
    offer: Offer,
    reset: Reset,
    resets: u32,
}

impl DriverDomain {
    /// Connects to xenstore, and begins to serve: from here on, devices that the toolstack makes are taken up.
    ///
    /// # Errors
    ///
    /// What went wrong at the start, in words.
    pub fn new(xen: &Xen, offer: Offer, reset: Reset) -> Result<Self, String> {
        let ring = start::xenstore_ring(xen.clone()).map_err(|error| error.to_string())?;
        let store = XenStore::new(xen.clone(), ring).map_err(|error| error.to_string())?;
        let cell = Cell::try_new(store, |store| Service::new(store, offer.clone()));
        let resets = reset.0.load(Ordering::Relaxed);
        Ok(Self { cell: cell.map_err(|error| error.to_string())?, offer, reset, resets })
    }
}

impl Drop for DriverDomain {
    /// Ends its watches before its connection to xenstore is gone: what has no room in the ring at once is sent before the next request.
    fn drop(&mut self) {
        self.cell.with_dependent_mut(|store, service| {
            service.drop_all();
            let more = |_: &usize| !std::thread::panicking() && store.exists("domid").is_ok();
            (0..2 * DEVICES).take_while(more).for_each(drop);
        });
    }
}

impl Task for DriverDomain {
    fn poll(&mut self, domain: &Domain) -> Step {
        let Self { cell, offer, reset, resets } = self;
        let asked = reset.0.load(Ordering::Relaxed);
        cell.with_dependent_mut(|store, service| {
            if *resets != asked {
                service.drop_all();
                match Service::new(store, offer.clone()) {
                    Ok(fresh) => (*service, *resets) = (fresh, asked),
                    Err(_) => return Step::Sleep(domain.now() + RETRY),
                }
            }
            let turn = service.turn(domain.now());
            match turn.deadline {
                _ if turn.busy => Step::Worked,
                Some(deadline) => Step::Sleep(deadline),
                None => Step::Idle,
            }
        })
    }
}

/// What a turn has come to.
#[derive(Clone, Copy, Debug)]
struct Turn {
    busy: bool,
    deadline: Option<Instant>,
}

impl Turn {
    fn by(&mut self, deadline: Option<Instant>) {
        self.deadline = [self.deadline, deadline].into_iter().flatten().min();
    }
}

type Vbd<'a> = Blkback<'a, Xen, SharedDisk>;

struct Vif<'a> {
    back: Netback<'a, Xen>,
    port: usize,
}

struct Service<'a> {
    store: &'a XenStore<Xen>,
    watch: Watch<'a, Xen>,
    offer: Offer,
    vbds: Vec<Vbd<'a>>,
    vifs: Vec<Vif<'a>>,
    switch: Switch<{ DEVICES + 1 }>,
    gateway: Gateway,
    gateway_port: usize,
    /// Something could not be looked at yet.
    look_again: bool,
}

impl<'a> Service<'a> {
    fn new(store: &'a XenStore<Xen>, offer: Offer) -> Result<Self, StoreError> {
        let watch = store.watch("backend")?;
        let mut switch = Switch::new();
        let gateway_port = switch.connect(None).unwrap_or(0);
        let gateway = Gateway::new(store.platform().now());
        let (vbds, vifs) = (Vec::new(), Vec::new());
        Ok(Self { store, watch, offer, vbds, vifs, switch, gateway, gateway_port, look_again: true })
    }

    fn drop_all(&mut self) {
        self.vbds.clear();
        self.vifs.clear();
    }

    fn turn(&mut self, now: Instant) -> Turn {
        let mut turn = Turn { busy: false, deadline: None };
        if self.look_for_devices().is_err() {
            self.look_again = true;
            turn.by(Some(now + RETRY));
        }
        self.poll_disks(now, &mut turn);
        self.poll_network(now, &mut turn);
        turn
    }

    fn poll_disks(&mut self, now: Instant, turn: &mut Turn) {
        let mut index = 0;
        while let Some(vbd) = self.vbds.get_mut(index) {
            match vbd.poll(now) {
                Ok(BlkbackEvent::Idle) => turn.by(vbd.deadline()),
                Ok(BlkbackEvent::Busy) => turn.busy = true,
                Ok(BlkbackEvent::Removed) => {
                    // What can't be removed now is found again, as a device that is not wanted.
                    self.look_again |= self.vbds.swap_remove(index).remove().is_err();
                    continue;
                }
                // A frontend's fault ends in the device's directory, for the toolstack; xenstore's is tried again.
                Err(_) => turn.by(Some(now + RETRY)),
            }
            index += 1;
        }
    }

    /// Moves packets until none has come any more.
    fn poll_network(&mut self, now: Instant, turn: &mut Turn) {
        let mut index = 0;
        while let Some(vif) = self.vifs.get_mut(index) {
            let mut packets = Vec::new();
            let mut take = |packet: Packet<'_>| {
                packets.push((packet.bytes.to_vec(), packet.checksum, packet.segment));
            };
            match vif.back.poll(now, &mut take) {
                Ok(NetbackEvent::Idle) => turn.by(vif.back.deadline(now)),
                Ok(NetbackEvent::Busy) => turn.busy = true,
                Ok(NetbackEvent::Removed) => {
                    let vif = self.vifs.swap_remove(index);
                    self.switch.disconnect(vif.port);
                    self.look_again |= vif.back.remove().is_err();
                    continue;
                }
                Err(_) => turn.by(Some(now + RETRY)),
            }
            let port = vif.port;
            for (bytes, checksum, segment) in packets {
                self.forward(port, Packet { bytes: &bytes, checksum, segment });
            }
            index += 1;
        }
        turn.by(self.gateway.poll(now));
        while let Some(bytes) = self.gateway.sent() {
            self.forward(self.gateway_port, Packet::new(&bytes, Checksum::Valid));
        }
        for vif in &mut self.vifs {
            if vif.back.flush().is_err() {
                turn.busy = true;
            }
        }
    }

    fn forward(&mut self, from: usize, packet: Packet<'_>) {
        let to = self.switch.forward(from, packet.source(), packet.destination());
        let goes = |port| port != from && (to == Forward::Flood || to == Forward::To(port));
        if goes(self.gateway_port) {
            let mut bytes = packet.bytes.to_vec();
            // Its stack checks sums, and takes no blank ones. What can't be filled has none. A segment that is to be cut it takes whole.
            if packet.checksum == Checksum::Blank {
                checksum::fill(&mut bytes);
            }
            self.gateway.receive(bytes);
        }
        for vif in self.vifs.iter_mut().filter(|vif| goes(vif.port)) {
            // What a guest has no room for is dropped, as on any network.
            vif.back.send(packet);
        }
    }

    fn look_for_devices(&mut self) -> Result<(), StoreError> {
        while self.watch.try_next()?.is_some() {
            self.look_again = true;
        }
        if !core::mem::take(&mut self.look_again) {
            return Ok(());
        }
        for id in backends::<DEVICES>(self.store, "vbd")? {
            if !self.vbds.iter().any(|vbd| vbd.backend().id() == id) {
                self.take_up("vbd", id)?;
            }
        }
        for id in backends::<DEVICES>(self.store, "vif")? {
            if !self.vifs.iter().any(|vif| vif.back.backend().id() == id) {
                self.take_up("vif", id)?;
            }
        }
        Ok(())
    }

    fn take_up(&mut self, kind: &str, id: DeviceId) -> Result<(), StoreError> {
        match self.try_to_take_up(kind, id) {
            // A directory that is being made or removed; its next change tells.
            Err(error) if error.is_not_found() => Ok(()),
            result => result,
        }
    }

    fn try_to_take_up(&mut self, kind: &str, id: DeviceId) -> Result<(), StoreError> {
        let mut backend = Backend::open(self.store, kind, id)?;
        backend.set_timeout(CLOSE_TIMEOUT);
        if kind == "vif" {
            let back = Netback::new(backend)?;
            if let Some(port) = self.switch.connect(back.mac()) {
                self.vifs.push(Vif { back, port });
            }
            return Ok(());
        }
        let spec = DiskSpec::read(&backend)?;
        match self.offer.disks.iter().find(|(name, _)| *name == spec.params.as_str()) {
            Some((_, disk)) => {
                self.vbds.push(Blkback::new(backend, spec, disk.clone(), self.offer.config));
                Ok(())
            }
            None => backend.fail(format_args!("there is no disk {:?}", spec.params)),
        }
    }
}

impl fmt::Debug for DriverDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DriverDomain").field("offer", &self.offer).finish_non_exhaustive()
    }
}
