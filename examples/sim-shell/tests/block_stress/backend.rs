//! The backend: it serves the disk by either driver, and completes requests late and in any order.

use super::rng::Rng;
use super::serving::{self, Progress, Turn};
use super::storage::{Disk, DiskFeatures, SECTOR, Storage};
use core::time::Duration;
use xen_back::block::{
    AsyncBlkBack, BlkBack, BlkBackError, BlkBackEvent, BlockDevice, BlockDeviceError, Config,
    IoBuffer, Operation, PreparedDisk, Request,
};
use xen_back::{QueueError, QueuesError};
use xen_example_sim_shell::Xen;
use xen_hypercall::Instant;
use xen_store::XenStore;
use xenbus::{DeviceId, Removal, XenbusError};

pub(crate) type Control = serving::Control<Backend>;
pub(crate) type Server = serving::Server<Backend>;

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

/// A request that the storage has.
struct Held {
    request: Request<Xen>,
    /// Sectors that were transferred.
    moved: usize,
    at: Instant,
}

pub(crate) struct ShuffledDisk {
    back: AsyncBlkBack<Xen, PreparedDisk<Disk>>,
    disk: Disk,
    held: Vec<Held>,
    features: Features,
}

pub(crate) enum Backend {
    Shuffled(Box<ShuffledDisk>),
    InOrder(Box<BlkBack<Xen, PreparedDisk<Disk>>>),
}

impl serving::Backend for Backend {
    const KIND: &'static str = "vbd";

    type Model = Storage;
    type Features = Features;

    fn new(
        store: &XenStore<Xen>,
        id: DeviceId,
        storage: &Storage,
        features: Features,
    ) -> Result<Self, XenbusError> {
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

    fn turn(
        &mut self,
        now: Instant,
        _: &Control,
        rng: &mut Rng,
        turn: &mut Turn,
    ) -> Result<Progress, String> {
        let polled = match self {
            Self::Shuffled(shuffled) => shuffled.turn(now, rng, turn),
            Self::InOrder(back) => back.poll(now).inspect(|_| turn.by(back.poll_timeout(now))),
        };
        match polled {
            Ok(BlkBackEvent::Idle) => Ok(Progress::Idle),
            Ok(BlkBackEvent::Busy) => Ok(Progress::Busy),
            Ok(BlkBackEvent::Removed) => Ok(Progress::Removed),
            Err(
                error @ BlkBackError::Queues(QueuesError::Queue {
                    error: QueueError::Corrupt(_),
                    ..
                }),
            ) => {
                panic!("the frontend has broken the protocol: {error}")
            }
            Err(error) => Err(error.to_string()),
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

    fn begin_removal(self) -> Removal<Xen> {
        match self {
            Self::Shuffled(shuffled) => shuffled.back.begin_removal().1,
            Self::InOrder(back) => back.begin_removal().1,
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
