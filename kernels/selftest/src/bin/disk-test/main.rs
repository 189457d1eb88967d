//! A kernel whose vCPUs write and verify a disk at once, each on a queue of its own, while the
//! toolstack saves, restores and moves the domain, and restarts the backend.
//!
//! It fills the disk, prints the digest that the disk has to have, and waits for the node
//! `data/continue`. Then it does `ios=N` random requests, and more until there is the node
//! `data/end`, reads the whole disk, each part by another queue than the one that wrote it, and
//! prints the new digest. `depth=N` is the number of requests of each ring.

#![no_std]
#![no_main]

extern crate alloc;

mod pattern;
mod worker;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::fmt::Display;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::SeqCst};
use core::time::Duration;
use pattern::SECTORS_PER_BLOCK;
use spin::Mutex;
use worker::{Region, Round, Worker};
use xen_front::block::{BlkFront, BlkFrontConfig, BlkQueue, DeviceState, list};
use xen_grant::GrantTable;
use xen_guest::{ShutdownRequest, ShutdownWatcher, SuspendError};
use xen_hypercall::ops::sched::SuspendOutcome;
use xen_hypercall::{Errno, Instant, Platform, boot};
use xen_kernel_rt::{Rt, early_println};
use xen_store::{XenStore, XsOps};

xen_kernel_rt::entry!(main);

/// The most vCPUs, each with a queue.
const VCPUS: usize = 4;

/// Time for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// Requests of a round, after which the node of the end is read.
const BATCH: u64 = 500;

/// The nodes that the toolstack creates for the kernel to continue, and to end; and the time
/// between reads.
const CONTINUE: &str = "data/continue";
const END: &str = "data/end";
const CONTINUE_INTERVAL: Duration = Duration::from_millis(50);

/// Time between retries of what a busy machine refuses.
const RETRY: Duration = Duration::from_millis(1);

static QUEUES: [Mutex<Option<BlkQueue<Rt>>>; VCPUS] = [const { Mutex::new(None) }; VCPUS];
static REGIONS: [Mutex<Region>; VCPUS] =
    [const { Mutex::new(Region { blocks: 0..0, generations: Vec::new() }) }; VCPUS];
/// The round, the number of rounds so far, and the vCPUs that have done it.
static ROUND: Mutex<(Round, usize)> = Mutex::new((Round::Fill, 0));
static ROUNDS: AtomicU32 = AtomicU32::new(0);
static DONE: AtomicU32 = AtomicU32::new(0);
static COMPLETED: AtomicU64 = AtomicU64::new(0);
/// The other vCPUs wait, and those that do: no queue is used while the domain is suspended.
static PAUSE: AtomicBool = AtomicBool::new(false);
static PAUSED: AtomicU32 = AtomicU32::new(0);
static ERROR: Mutex<Option<String>> = Mutex::new(None);

fn main(xen: Rt) {
    match run(xen) {
        Ok(()) => early_println!("disk-test: end: ok"),
        Err(error) => early_println!("disk-test: error: {error}"),
    }
}

fn text(error: impl Display) -> String {
    error.to_string()
}

/// Returns the number of a word of the command line.
fn number(xen: Rt, name: &str, default: u64) -> u64 {
    let mut words = xen.command_line().split_whitespace();
    let found = words.find_map(|word| word.strip_prefix(name)?.strip_prefix('=')?.parse().ok());
    found.unwrap_or(default)
}

fn run(xen: Rt) -> Result<(), String> {
    xen.use_fifo_events().map_err(text)?;
    let vcpus = (number(xen, "vcpus", VCPUS as u64) as usize).clamp(1, VCPUS);
    let ios = number(xen, "ios", 0);
    let ring = boot::xenstore_ring(xen).map_err(text)?;
    let store = XenStore::new(xen, ring).map_err(text)?;
    let grants = GrantTable::new(xen).map_err(text)?;
    let disks = list::<1>(&store).map_err(text)?;
    let id = disks.first().ok_or("found no disk, expected one")?.id;
    let config = BlkFrontConfig::default().with_queues(vcpus as u16);
    let config = config.with_depth(number(xen, "depth", config.depth.into()) as u16);
    let deadline = xen.now() + CONNECT_TIMEOUT;
    let mut disk = BlkFront::connect_with(&store, &grants, id, config, deadline).map_err(text)?;
    for (index, place) in QUEUES.iter().enumerate().take(vcpus) {
        *place.lock() = disk.take_queue(index);
    }
    divide(disk.info().sectors / SECTORS_PER_BLOCK, vcpus as u64);
    let watcher =
        ShutdownWatcher::new(&store, &[ShutdownRequest::Suspend, ShutdownRequest::Poweroff]);
    let watcher = watcher.map_err(text)?;
    let rings = disk.rings();
    let mut first = First {
        xen,
        vcpus: vcpus as u32,
        disk,
        grants,
        watcher,
        state: DeviceState::Closed,
        connections: 0,
        resumes: 0,
    };
    for vcpu in 1..vcpus {
        xen.start_vcpu(vcpu as u32, other).map_err(text)?;
    }

    early_println!("disk-test: rings of {} pages", first.disk.ring_pages());
    first.round(Round::Fill, 0)?;
    early_println!("disk-test: filled by {vcpus} vCPUs on {rings} rings: {}", digest(vcpus));
    // The toolstack compares the disk with the digest meanwhile.
    while !store.exists(CONTINUE).map_err(text)? {
        first.step()?;
        xen.wait(&[], Some(xen.now() + CONTINUE_INTERVAL));
    }
    first.round(Round::Check, 1)?;
    let mut verified = 0;
    while verified < ios || !store.exists(END).map_err(text)? {
        let rest = ios.saturating_sub(verified).div_ceil(vcpus as u64);
        verified += first.round(Round::Random(rest.clamp(1, BATCH)), 0)?;
    }
    first.round(Round::Check, 1)?;
    early_println!(
        "disk-test: {verified} requests verified, resumed {} times, {} connections, {} rings: {}",
        first.resumes,
        first.connections,
        first.disk.rings(),
        digest(vcpus)
    );
    first.close()
}

/// Gives each vCPU an equal part of the disk.
fn divide(blocks: u64, vcpus: u64) {
    let part = blocks / vcpus;
    for (index, region) in (0..vcpus).zip(&REGIONS) {
        let end = if index + 1 == vcpus { blocks } else { (index + 1) * part };
        let blocks = index * part..end;
        let generations = vec![0; (blocks.end - blocks.start) as usize];
        *region.lock() = Region { blocks, generations };
    }
}

fn digest(vcpus: usize) -> String {
    let regions: Vec<_> = REGIONS.iter().take(vcpus).map(|region| region.lock()).collect();
    pattern::digest(regions.iter().flat_map(|region| region.generations.iter().copied()))
}

/// Does a round on a vCPU: its own part of the disk, or the one `shift` further.
fn work(
    xen: Rt,
    (round, shift): (Round, usize),
    vcpus: usize,
    pause: impl FnMut() -> Result<(), String>,
) -> Result<(), String> {
    let vcpu = xen.vcpu() as usize;
    let mut queue = QUEUES[vcpu].lock();
    let queue = queue.as_mut().ok_or_else(|| format!("found no queue {vcpu}, expected one"))?;
    let mut region = REGIONS[(vcpu + shift) % vcpus].lock();
    let mut worker = Worker::new(xen, queue, &mut region, round);
    worker.run(pause)?;
    COMPLETED.fetch_add(worker.completed, SeqCst);
    Ok(())
}

/// Runs on the other vCPUs: does each round.
fn other(xen: Rt) {
    let vcpus = (number(xen, "vcpus", VCPUS as u64) as usize).clamp(1, VCPUS);
    let mut rounds = 0;
    loop {
        pause(xen);
        if ROUNDS.load(SeqCst) == rounds {
            xen.wait(&[], Some(xen.now() + RETRY));
            continue;
        }
        rounds += 1;
        let round = *ROUND.lock();
        let paused = || {
            pause(xen);
            Ok(())
        };
        if let Err(error) = work(xen, round, vcpus, paused) {
            ERROR.lock().get_or_insert(error);
        }
        DONE.fetch_add(1, SeqCst);
    }
}

/// Waits while the domain is suspended.
fn pause(xen: Rt) {
    if PAUSE.load(SeqCst) {
        PAUSED.fetch_add(1, SeqCst);
        while PAUSE.load(SeqCst) {
            xen.wait(&[], Some(xen.now() + RETRY));
        }
        PAUSED.fetch_sub(1, SeqCst);
    }
}

/// The first vCPU, which keeps the connection, too.
struct First {
    xen: Rt,
    vcpus: u32,
    disk: BlkFront<Rt>,
    grants: GrantTable<Rt>,
    watcher: ShutdownWatcher<Rt>,
    state: DeviceState,
    /// The number of connections so far.
    connections: u32,
    /// The number of times that the domain was resumed elsewhere.
    resumes: u32,
}

impl First {
    /// Has all vCPUs do a round. Returns the number of requests.
    fn round(&mut self, round: Round, shift: usize) -> Result<u64, String> {
        let (xen, vcpus) = (self.xen, self.vcpus);
        COMPLETED.store(0, SeqCst);
        DONE.store(0, SeqCst);
        *ROUND.lock() = (round, shift);
        ROUNDS.fetch_add(1, SeqCst);
        work(xen, (round, shift), vcpus as usize, || self.step())?;
        while DONE.load(SeqCst) < vcpus - 1 {
            self.step()?;
            xen.wait(&[], Some(xen.now() + RETRY));
        }
        match ERROR.lock().take() {
            Some(error) => Err(error),
            None => Ok(COMPLETED.load(SeqCst)),
        }
    }

    /// Keeps the connection, and does what the toolstack requests.
    fn step(&mut self) -> Result<(), String> {
        let state = self.disk.poll(self.xen.now()).map_err(text)?;
        self.connections += u32::from(state == DeviceState::Connected && self.state != state);
        self.state = state;
        if state == DeviceState::Closed {
            // The backend was restarted.
            self.disk.reopen();
        }
        match self.watcher.poll().map_err(text)? {
            Some(ShutdownRequest::Suspend) => self.suspend(),
            Some(request) => Err(format!("found the request {request:?}, expected a suspend")),
            None => Ok(()),
        }
    }

    /// Suspends the domain with requests in flight.
    fn suspend(&mut self) -> Result<(), String> {
        let xen = self.xen;
        PAUSE.store(true, SeqCst);
        // A vCPU between two rounds pauses, too.
        while PAUSED.load(SeqCst) < self.vcpus - 1 {
            xen.wait(&[], Some(xen.now() + RETRY));
        }
        // A vCPU that took no upcall in time makes the kernel refuse it.
        let outcome = loop {
            match self.watcher.suspend(|| xen.suspend()) {
                Err(SuspendError::Xen(Errno::EBUSY)) => {}
                outcome => break outcome.map_err(text)?,
            }
        };
        if outcome == SuspendOutcome::Resumed {
            self.watcher.resume(&self.grants).map_err(text)?;
            self.disk.resume();
            self.resumes += 1;
            early_println!("disk-test: resumed {} times", self.resumes);
        }
        PAUSE.store(false, SeqCst);
        Ok(())
    }

    fn close(mut self) -> Result<(), String> {
        QUEUES.iter().for_each(|queue| drop(queue.lock().take()));
        let deadline: Instant = self.xen.now() + CONNECT_TIMEOUT;
        self.disk.close();
        while self.disk.poll(self.xen.now()).map_err(text)? != DeviceState::Closed {
            if self.xen.now() >= deadline {
                return Err(format!("found the disk {:?}, expected it closed", self.disk.state()));
            }
            self.xen.wait(&[self.disk.store().port()], Some(self.xen.now() + RETRY));
        }
        Ok(())
    }
}
