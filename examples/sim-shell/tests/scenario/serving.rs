//! A driver domain that serves the devices of one kind, and what a scenario controls of it.

use super::rng::Rng;
use core::time::Duration;
use std::sync::{Arc, Mutex, MutexGuard};
use xen_example_sim_shell::{Reset, Xen};
use xen_hypercall::{Instant, Platform, boot};
use xen_sim::{Domain, Step, Task};
use xen_store::{XenStore, XsOps};
use xenbus::{DeviceEvent, DeviceId, DeviceWatcher, Removal, XenbusError};

/// Time between tries of what has failed.
const RETRY: Duration = Duration::from_millis(50);

/// Requests to xenstore that can wait when the domain ends.
const LAST_REQUESTS: usize = 32;

/// A backend of one device.
pub(crate) trait Backend: Sized + Send + 'static {
    /// The kind of its devices.
    const KIND: &'static str;

    /// State that all backends of a scenario share.
    type Model: Clone + Send;

    /// The features of one backend.
    type Features: Copy + Send;

    fn new(
        store: &XenStore<Xen>,
        id: DeviceId,
        model: &Self::Model,
        features: Self::Features,
    ) -> Result<Self, XenbusError>;

    fn id(&self) -> DeviceId;

    /// Polls the backend. An error is that of a connection; a violation of the protocol panics.
    fn turn(
        &mut self,
        now: Instant,
        control: &Control<Self>,
        rng: &mut Rng,
        turn: &mut Turn,
    ) -> Result<Progress, String>;

    /// Prepares the backend for its end, without the frontend's.
    fn drain(&mut self, _: Instant) {}

    fn begin_removal(self) -> Removal<Xen>;
}

/// The result of a poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    Idle,
    Busy,
    Removed,
}

/// Control of all driver domains of a scenario.
pub(crate) struct Control<B: Backend> {
    pub(crate) model: B::Model,
    pub(crate) reset: Reset,
    features: Arc<Mutex<B::Features>>,
    /// The last error of a backend.
    error: Arc<Mutex<Option<String>>>,
    seed: u64,
}

impl<B: Backend> Clone for Control<B> {
    fn clone(&self) -> Self {
        let Self { model, reset, features, error, seed } = self;
        let (features, error) = (features.clone(), error.clone());
        Self { model: model.clone(), reset: reset.clone(), features, error, seed: *seed }
    }
}

impl<B: Backend> Control<B> {
    pub(crate) fn new(seed: u64, model: B::Model, features: B::Features) -> Self {
        let features = Arc::new(Mutex::new(features));
        Self { model, reset: Reset::default(), features, error: Arc::default(), seed }
    }

    /// Returns the last error of a backend since the last call.
    pub(crate) fn take_error(&self) -> Option<String> {
        self.error.lock().unwrap().take()
    }

    /// Returns the features of the next backend.
    pub(crate) fn features(&self) -> MutexGuard<'_, B::Features> {
        self.features.lock().unwrap()
    }
}

/// The work of a driver domain.
pub(crate) struct Server<B: Backend> {
    store: XenStore<Xen>,
    watcher: DeviceWatcher<Xen, DeviceId, 8>,
    served: Vec<B>,
    removals: Vec<Removal<Xen>>,
    control: Control<B>,
    resets: u32,
    rng: Rng,
}

/// The next poll.
#[derive(Default)]
pub(crate) struct Turn {
    pub(crate) busy: bool,
    deadline: Option<Instant>,
}

impl Turn {
    pub(crate) fn by(&mut self, deadline: Option<Instant>) {
        self.deadline = [self.deadline, deadline].into_iter().flatten().min();
    }
}

impl<B: Backend> Server<B> {
    pub(crate) fn new(xen: &Xen, control: Control<B>) -> Result<Self, String> {
        let ring = boot::xenstore_ring(xen.clone()).map_err(|error| error.to_string())?;
        let store = XenStore::new(xen.clone(), ring).map_err(|error| error.to_string())?;
        let watcher = DeviceWatcher::new(&store, B::KIND).map_err(|error| error.to_string())?;
        let (resets, rng) = (control.reset.count(), Rng::new(control.seed));
        let (served, removals) = (Vec::new(), Vec::new());
        Ok(Self { store, watcher, served, removals, control, resets, rng })
    }

    fn turn(&mut self, now: Instant) -> Turn {
        let mut turn = Turn::default();
        let asked = self.control.reset.count();
        if self.resets != asked {
            self.resets = asked;
            self.served.iter_mut().for_each(|backend| backend.drain(now));
            self.served.clear();
            self.watcher.forget_all();
        }
        self.find_devices(now, &mut turn);
        let mut index = 0;
        while let Some(backend) = self.served.get_mut(index) {
            match backend.turn(now, &self.control, &mut self.rng, &mut turn) {
                Ok(Progress::Idle) => {}
                Ok(Progress::Busy) => turn.busy = true,
                Ok(Progress::Removed) => {
                    self.removals.push(self.served.swap_remove(index).begin_removal());
                    turn.busy = true;
                    continue;
                }
                Err(error) => {
                    *self.control.error.lock().unwrap() = Some(error);
                    turn.by(Some(now + RETRY));
                }
            }
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

    fn find_devices(&mut self, now: Instant, turn: &mut Turn) {
        loop {
            match self.watcher.poll() {
                Ok(Some(DeviceEvent::Added(id))) => {
                    if self.served.iter().any(|backend| backend.id() == id) {
                        continue;
                    }
                    let features = *self.control.features();
                    match B::new(&self.store, id, &self.control.model, features) {
                        Ok(backend) => self.served.push(backend),
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

impl<B: Backend> Task for Server<B> {
    fn poll(&mut self, domain: &Domain) -> Step {
        let turn = self.turn(domain.now());
        match turn.deadline {
            _ if turn.busy => Step::Worked,
            Some(deadline) => Step::Sleep(deadline),
            None => Step::Idle,
        }
    }
}

impl<B: Backend> Drop for Server<B> {
    /// Ends the watches before the connection to xenstore ends.
    fn drop(&mut self) {
        self.served.clear();
        let more = |_: &usize| !std::thread::panicking() && self.store.exists("domid").is_ok();
        (0..LAST_REQUESTS).take_while(more).for_each(drop);
    }
}
