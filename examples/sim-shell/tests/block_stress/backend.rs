//! The driver domain: it serves the disk by either backend, and completes requests late and in any
//! order.

use super::rng::Rng;
use super::storage::{Disk, DiskFeatures, SECTOR, Storage};
use core::time::Duration;
use std::sync::{Arc, Mutex, MutexGuard};
use xen_back::block::{
    AsyncBlkBack, BlkBack, BlkBackError, BlkBackEvent, BlockDevice, BlockDeviceError, Config,
    IoBuffer, Operation, PreparedDisk, Request,
};
use xen_example_sim_shell::{Reset, Xen};
use xen_hypercall::{Instant, Platform, boot};
use xen_sim::{Domain, Step, Task};
use xen_store::{RingTransport, XenStore, XsOps};
use xenbus::{DeviceEvent, DeviceId, DeviceWatcher, Removal};

/// Time between tries of what has failed.
const RETRY: Duration = Duration::from_millis(50);

/// Requests to xenstore that can wait when the domain ends.
const LAST_REQUESTS: usize = 32;

/// Features of the next backend.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Features {
    /// The backend is an [`AsyncBlkBack`].
    pub(crate) shuffles: bool,
    pub(crate) config: Config,
    pub(crate) disk: DiskFeatures,
    /// The longest time from a request's arrival to its completion.
    pub(crate) latency: Duration,
    /// One request in so many fails; 0 for none.
    pub(crate) failing: usize,
}

/// Control of all driver domains.
#[derive(Clone, Debug)]
pub(crate) struct Control {
    pub(crate) storage: Storage,
    pub(crate) reset: Reset,
    features: Arc<Mutex<Features>>,
    /// The last error of a backend.
    error: Arc<Mutex<Option<String>>>,
    seed: u64,
}

impl Control {
    pub(crate) fn new(seed: u64, storage: Storage, features: Features) -> Self {
        let features = Arc::new(Mutex::new(features));
        Self { storage, reset: Reset::default(), features, error: Arc::default(), seed }
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

/// A request that the storage has.
struct Held {
    request: Request<Xen>,
    /// Sectors that were transferred.
    moved: usize,
    at: Instant,
}

struct ShuffledDisk {
    back: AsyncBlkBack<Xen, PreparedDisk<Disk>>,
    disk: Disk,
    held: Vec<Held>,
    features: Features,
}

enum Backend {
    Shuffled(Box<ShuffledDisk>),
    InOrder(Box<BlkBack<Xen, PreparedDisk<Disk>>>),
}

/// The work of a driver domain.
pub(crate) struct Server {
    store: XenStore<Xen>,
    watcher: DeviceWatcher<Xen, DeviceId, 8>,
    served: Vec<Backend>,
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
        let watcher = DeviceWatcher::new(&store, "vbd").map_err(|error| error.to_string())?;
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
            match backend.turn(now, &mut self.rng, &mut turn) {
                Ok(BlkBackEvent::Idle) => {}
                Ok(BlkBackEvent::Busy) => turn.busy = true,
                Ok(BlkBackEvent::Removed) => {
                    let removal = self.served.swap_remove(index).begin_removal();
                    self.removals.push(removal);
                    turn.busy = true;
                    continue;
                }
                Err(error) => {
                    assert!(
                        !matches!(error, BlkBackError::Corrupt { .. }),
                        "the frontend has broken the protocol: {error}"
                    );
                    *self.control.error.lock().unwrap() = Some(error.to_string());
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
                    match Backend::new(&self.store, id, &self.control.storage, features) {
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

impl Backend {
    fn new(
        store: &XenStore<Xen>,
        id: DeviceId,
        storage: &Storage,
        features: Features,
    ) -> Result<Self, xenbus::XenbusError> {
        let disk = storage.open(features.disk);
        let prepared = PreparedDisk::new(disk.clone());
        if !features.shuffles {
            let back = BlkBack::new(store, id, prepared, features.config)?;
            return Ok(Self::InOrder(Box::new(back)));
        }
        let back = AsyncBlkBack::new(store, id, prepared, features.config)?;
        Ok(Self::Shuffled(Box::new(ShuffledDisk { back, disk, held: Vec::new(), features })))
    }

    fn id(&self) -> DeviceId {
        match self {
            Self::Shuffled(shuffled) => shuffled.back.id(),
            Self::InOrder(back) => back.id(),
        }
    }

    fn begin_removal(self) -> Removal<Xen, RingTransport<Xen>> {
        match self {
            Self::Shuffled(shuffled) => shuffled.back.begin_removal().1,
            Self::InOrder(back) => back.begin_removal().1,
        }
    }

    /// Completes the requests that it has taken. One that takes over the ring would carry out again
    /// those that were answered before an older one.
    fn drain(&mut self, now: Instant) {
        if let Self::Shuffled(shuffled) = self {
            let ShuffledDisk { back, disk, held, .. } = &mut **shuffled;
            for Held { mut request, .. } in held.drain(..) {
                let result = request.execute(disk);
                back.complete(request, result).expect("a request of this backend");
            }
            // An error is that of a connection that has ended.
            let _ = back.poll(now);
        }
    }

    fn turn(
        &mut self,
        now: Instant,
        rng: &mut Rng,
        turn: &mut Turn,
    ) -> Result<BlkBackEvent, BlkBackError> {
        match self {
            Self::Shuffled(shuffled) => shuffled.turn(now, rng, turn),
            Self::InOrder(back) => {
                let event = back.poll(now)?;
                turn.by(back.poll_timeout(now));
                Ok(event)
            }
        }
    }
}

impl ShuffledDisk {
    fn turn(
        &mut self,
        now: Instant,
        rng: &mut Rng,
        turn: &mut Turn,
    ) -> Result<BlkBackEvent, BlkBackError> {
        let polled = self.back.poll(now);
        while let Some(request) = self.back.next_request()? {
            let longest = self.features.latency.as_nanos() as usize;
            let at = now + Duration::from_nanos(rng.below(longest + 1) as u64);
            self.held.push(Held { request, moved: 0, at });
        }
        // A connection that has ended completes its requests, too.
        let due = self.held.iter().filter(|held| held.at <= now).count();
        for _ in 0..due {
            let index = rng.below(self.held.len());
            if self.held[index].at > now {
                continue;
            }
            if let Some(result) = self.advance(index, rng) {
                let Held { request, .. } = self.held.swap_remove(index);
                self.back.complete(request, result).expect("a request of this backend");
                turn.busy = true;
            }
        }
        turn.by(self.held.iter().map(|held| held.at).min());
        let event = polled?;
        turn.by(self.back.poll_timeout(now));
        Ok(event)
    }

    /// Carries out a part of a request, or all that is left; returns its result at its end.
    fn advance(&mut self, index: usize, rng: &mut Rng) -> Option<Result<(), BlockDeviceError>> {
        let Self { held, disk, features, .. } = self;
        let Held { request, moved, .. } = &mut held[index];
        let (first, count, write) = match request.operation() {
            Operation::Read { sector, count } => (sector, count as usize, false),
            Operation::Write { sector, count } => (sector, count as usize, true),
            _ => return Some(request.execute(disk)),
        };
        if features.failing > 0 && rng.one_in(features.failing) {
            return Some(Err(BlockDeviceError::Io));
        }
        let end = if rng.one_in(2) { count } else { *moved + 1 + rng.below(count - *moved) };
        let (from, to) = (first + *moved as u64, first + end as u64);
        for (sector, mut buffer) in request.buffers() {
            for index in 0..buffer.len() / SECTOR {
                let at = sector + index as u64;
                if (from..to).contains(&at)
                    && let Err(error) = transfer(disk, at, &mut buffer, index * SECTOR, write)
                {
                    return Some(Err(error));
                }
            }
        }
        *moved = end;
        (end == count).then_some(Ok(()))
    }
}

/// Transfers one sector.
fn transfer(
    disk: &mut Disk,
    sector: u64,
    buffer: &mut IoBuffer<'_>,
    at: usize,
    write: bool,
) -> Result<(), BlockDeviceError> {
    let mut bytes = [0; SECTOR];
    if write {
        buffer.get(at, &mut bytes).ok_or(BlockDeviceError::Io)?;
        disk.write(sector, IoBuffer::private(&mut bytes))
    } else {
        disk.read(sector, IoBuffer::private(&mut bytes))?;
        buffer.put(at, &bytes).ok_or(BlockDeviceError::Io)
    }
}
