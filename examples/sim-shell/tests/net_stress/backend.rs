//! The driver domain: it checks the guest's packets, and sends others.

use super::model::{Direction, Model};
use super::rng::Rng;
use core::time::Duration;
use std::sync::{Arc, Mutex, MutexGuard};
use xen_back::net::{NetBack, NetBackConfig, NetBackError, NetBackEvent, Packet};
use xen_example_sim_shell::{Reset, Xen};
use xen_hypercall::{Instant, Platform, boot};
use xen_sim::{Domain, Step, Task};
use xen_store::{XenStore, XsOps};
use xenbus::{DeviceEvent, DeviceId, DeviceWatcher, Removal};

/// Time between tries of what has failed.
const RETRY: Duration = Duration::from_millis(50);

/// Requests to xenstore that can wait when the domain ends.
const LAST_REQUESTS: usize = 32;

/// Features of the next backend.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Features {
    pub(crate) config: NetBackConfig,
    /// One packet in so many is large; 0 for none.
    pub(crate) large: usize,
    /// The most packets that are sent for one of the guest.
    pub(crate) burst: usize,
}

/// Control of all driver domains.
#[derive(Clone, Debug)]
pub(crate) struct Control {
    pub(crate) model: Model,
    pub(crate) reset: Reset,
    features: Arc<Mutex<Features>>,
    /// The last error of a backend.
    error: Arc<Mutex<Option<String>>>,
    seed: u64,
}

impl Control {
    pub(crate) fn new(seed: u64, model: Model, features: Features) -> Self {
        let features = Arc::new(Mutex::new(features));
        Self { model, reset: Reset::default(), features, error: Arc::default(), seed }
    }

    /// Returns the last error of a backend since the last call.
    pub(crate) fn take_error(&self) -> Option<String> {
        self.error.lock().unwrap().take()
    }

    /// Returns the features of the next backend.
    pub(crate) fn features(&self) -> MutexGuard<'_, Features> {
        self.features.lock().unwrap()
    }
}

/// The work of a driver domain.
pub(crate) struct Server {
    store: XenStore<Xen>,
    watcher: DeviceWatcher<Xen, DeviceId, 8>,
    served: Vec<NetBack<Xen>>,
    removals: Vec<Removal<Xen>>,
    control: Control,
    resets: u32,
    rng: Rng,
}

/// The next poll.
#[derive(Default)]
struct Turn {
    busy: bool,
    deadline: Option<Instant>,
}

impl Turn {
    fn by(&mut self, deadline: Option<Instant>) {
        self.deadline = [self.deadline, deadline].into_iter().flatten().min();
    }
}

impl Server {
    pub(crate) fn new(xen: &Xen, control: Control) -> Result<Self, String> {
        let ring = boot::xenstore_ring(xen.clone()).map_err(|error| error.to_string())?;
        let store = XenStore::new(xen.clone(), ring).map_err(|error| error.to_string())?;
        let watcher = DeviceWatcher::new(&store, "vif").map_err(|error| error.to_string())?;
        let (resets, rng) = (control.reset.count(), Rng::new(control.seed));
        let (served, removals) = (Vec::new(), Vec::new());
        Ok(Self { store, watcher, served, removals, control, resets, rng })
    }

    fn turn(&mut self, now: Instant) -> Turn {
        let mut turn = Turn::default();
        let asked = self.control.reset.count();
        if self.resets != asked {
            self.resets = asked;
            self.served.clear();
            self.watcher.forget_all();
        }
        self.find_devices(now, &mut turn);
        let mut index = 0;
        while index < self.served.len() {
            match self.serve(index, now) {
                Ok(NetBackEvent::Idle) => {}
                Ok(NetBackEvent::Busy) => turn.busy = true,
                Ok(NetBackEvent::Removed) => {
                    self.removals.push(self.served.swap_remove(index).begin_removal());
                    turn.busy = true;
                    continue;
                }
                Err(error) => {
                    let broken = matches!(
                        error,
                        NetBackError::Corrupt { .. }
                            | NetBackError::CorruptControl(_)
                            | NetBackError::Tx { .. }
                    );
                    assert!(!broken, "the frontend has broken the protocol: {error}");
                    *self.control.error.lock().unwrap() = Some(error.to_string());
                    turn.by(Some(now + RETRY));
                }
            }
            turn.by(self.served[index].poll_timeout(now));
            index += 1;
        }
        self.removals.retain_mut(|removal| match removal.poll() {
            Ok(false) => {
                turn.by(removal.poll_timeout(now));
                true
            }
            Ok(true) | Err(_) => {
                turn.busy = true;
                self.watcher.forget(removal.id());
                false
            }
        });
        turn
    }

    /// Checks the packets of one guest, and sends it some for each.
    fn serve(&mut self, index: usize, now: Instant) -> Result<NetBackEvent, NetBackError> {
        let Self { served, control, rng, .. } = self;
        let back = &mut served[index];
        let mut found = 0;
        let event = back.poll(now, &mut |packet: Packet<'_>| {
            let mut packets = control.model.packets();
            packets.arrive(Direction::FromGuest, packet.bytes, packet.meta);
            found += 1;
        })?;
        let Features { large, burst, .. } = *control.features();
        for _ in 0..found {
            for _ in 0..rng.below(burst + 1) {
                let large = large > 0 && rng.one_in(large);
                let (bytes, meta) = control.model.packets().make(Direction::ToGuest, large, rng);
                back.send(Packet::new(&bytes, meta));
            }
        }
        back.flush()?;
        Ok(event)
    }

    fn find_devices(&mut self, now: Instant, turn: &mut Turn) {
        loop {
            match self.watcher.poll() {
                Ok(Some(DeviceEvent::Added(id))) => {
                    if self.served.iter().any(|back| back.id() == id) {
                        continue;
                    }
                    let config = self.control.features().config;
                    match NetBack::with_config(&self.store, id, config) {
                        Ok(back) => self.served.push(back),
                        Err(_) => {
                            self.watcher.forget(id);
                            return turn.by(Some(now + RETRY));
                        }
                    }
                }
                Ok(Some(DeviceEvent::Removed(_))) => {}
                Ok(None) => return turn.by(self.watcher.poll_timeout(now)),
                Err(_) => return turn.by(Some(now + RETRY)),
            }
        }
    }
}

impl Task for Server {
    fn poll(&mut self, domain: &Domain) -> Step {
        let turn = self.turn(domain.now());
        match turn.deadline {
            _ if turn.busy => Step::Worked,
            Some(deadline) => Step::Sleep(deadline),
            None => Step::Idle,
        }
    }
}

impl Drop for Server {
    /// Ends the watches before the connection to xenstore ends.
    fn drop(&mut self) {
        self.served.clear();
        let more = |_: &usize| !std::thread::panicking() && self.store.exists("domid").is_ok();
        (0..LAST_REQUESTS).take_while(more).for_each(drop);
    }
}
