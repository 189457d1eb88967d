//! Two vCPUs: the second one is started, has a clock and a timer of its own, and takes events, in
//! both formats.

use crate::report::{Report, fails, is, op};
use crate::{delivery, storm};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::mem::offset_of;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};
use core::time::Duration;
use spin::Once;
use xen_evtchn::{Channel, Eoi};
use xen_guest::clock::TimeInfo;
use xen_guest::spinlock::{KickPorts, LockWaiters, TicketLock};
use xen_hypercall::ops::vcpu;
use xen_hypercall::{Errno, Mapped, Platform, Port};
use xen_kernel_rt::Rt;
use xen_sys::xen::{SharedInfo, VcpuInfo, VcpuTimeInfo};

/// Maximum time of any step. A run near this time has failed.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(400);

/// vCPUs that are tested.
const VCPUS: usize = 2;
/// Ports that events are counted of.
const PORTS: usize = 1 << 13;

/// Events that each vCPU has taken by upcall, by port.
static TAKEN: [[AtomicU32; PORTS]; VCPUS] = [const { [const { AtomicU32::new(0) }; PORTS] }; VCPUS];

/// The port that an event is answered on, by the port that it came on (none is zero), until so many
/// have come.
static ANSWERS: [AtomicU32; PORTS] = [const { AtomicU32::new(0) }; PORTS];
static LIMITS: [AtomicU32; PORTS] = [const { AtomicU32::new(0) }; PORTS];

/// Job of the second vCPU: the number of a job of [`JOBS`], counted from 1, or [`STOP`].
static JOB: AtomicU32 = AtomicU32::new(0);
const STOP: u32 = u32::MAX;
/// Result of the job.
static ANSWER: AtomicU64 = AtomicU64::new(0);

/// Jobs of the second vCPU.
const JOBS: [fn(Rt) -> u64; 4] =
    [|xen| u64::from(xen.vcpu()), |xen| u64::from(own_timer(xen)), count_locked, read_moments];
const WHO: u32 = 1;
const TIMER: u32 = 2;
const LOCK: u32 = 3;
const MOMENTS: u32 = 4;

/// Count of both vCPUs, and the ports on which a vCPU waits for it.
static COUNT: TicketLock<u64> = TicketLock::new(0);
static WAITERS: Once<Waiters> = Once::new();
type Waiters = LockWaiters<KickPorts<'static, Rt, &'static Mapped<Rt>, VCPUS>, VCPUS>;
/// Times that each vCPU counts.
const COUNTS: u64 = 20_000;

/// Counts with a lock; returns the number of times.
fn count_locked(xen: Rt) -> u64 {
    let Some(waiters) = WAITERS.get() else { return 0 };
    (0..COUNTS).for_each(|_| *COUNT.lock(waiters, xen.vcpu() as usize) += 1);
    COUNTS
}

/// Tests a lock that both vCPUs use at the same time.
fn lock(t: &mut Report) {
    let xen = t.xen;
    match KickPorts::new(xen, xen.events(), VCPUS as u32) {
        Ok(ports) => drop(WAITERS.call_once(|| LockWaiters::new(ports))),
        Err(errno) => return t.line("ports for a lock", &[], Err(errno), is(())).unwrap_or(()),
    }
    let Ok(work) = ipi(xen, 1) else { return t.fact("a port for a lock", false) };
    JOB.store(LOCK, SeqCst);
    let notified = work.notify().is_ok();
    count_locked(xen);
    let ended = until(xen, || JOB.load(SeqCst) == 0);
    let count = WAITERS.get().map_or(0, |waiters| *COUNT.lock(waiters, 0));
    t.fact("both vCPUs count with a lock", notified && ended && count == 2 * COUNTS);
}

/// The latest moment that a vCPU has read, in nanoseconds.
static LATEST: AtomicU64 = AtomicU64::new(0);

/// Reads the clock; returns the number of moments that came before one of the other vCPU, read
/// earlier.
fn read_moments(xen: Rt) -> u64 {
    let is_early = |_: &u64| {
        let latest = LATEST.load(SeqCst);
        let now = xen.now().as_nanos();
        LATEST.fetch_max(now, SeqCst);
        now < latest
    };
    (0..COUNTS).filter(is_early).count() as u64
}

/// Reads the clock on both vCPUs at the same time.
fn moments(t: &mut Report) {
    let xen = t.xen;
    let time = TimeInfo::of_vcpu(xen.events().shared_info().as_ref(), 0);
    let is_stable = time.and_then(|time| time.read(&|| 0).ok()).map(|read| read.is_stable);
    // Dom0 runs where Xen has a stable tick counter.
    t.fact("Xen flags a stable tick counter, in dom0 here", is_stable == Some(t.dom0));
    let Ok(work) = ipi(xen, 1) else { return t.fact("a port for moments", false) };
    JOB.store(MOMENTS, SeqCst);
    let notified = work.notify().is_ok();
    let early = read_moments(xen);
    let ended = until(xen, || JOB.load(SeqCst) == 0);
    let early = early + ANSWER.load(SeqCst);
    t.fact("moments of both vCPUs are in order", notified && ended && early == 0);
}

/// A port with a handler.
pub(crate) type Open = Channel<Rt>;

/// Runs in the upcall.
fn on_event(xen: Rt, port: Port) -> Option<Eoi> {
    let count = TAKEN.get(xen.vcpu() as usize).and_then(|ports| ports.get(port.0 as usize));
    let count = count.map_or(0, |count| count.fetch_add(1, SeqCst) + 1);
    delivery::note(port);
    let index = port.0 as usize;
    if let (Some(answer), Some(limit)) = (ANSWERS.get(index), LIMITS.get(index))
        && answer.load(SeqCst) != 0
        && count < limit.load(SeqCst)
    {
        // A refusal ends the exchange, and the count is short.
        let _ = xen_hypercall::ops::event_channel::send(&xen, Port(answer.load(SeqCst)));
    }
    Some(storm::finding(port))
}

/// Has events on `port` answered on `answer`.
fn answer(port: &Open, answer: Port, limit: u32) {
    let index = port.port().0 as usize;
    if let (Some(to), Some(most)) = (ANSWERS.get(index), LIMITS.get(index)) {
        most.store(limit, SeqCst);
        to.store(answer.0, SeqCst);
    }
}

/// Returns the number of events that `vcpu` has taken on the port.
pub(crate) fn taken(vcpu: u32, port: &Open) -> u32 {
    TAKEN[vcpu as usize].get(port.port().0 as usize).map_or(0, |count| count.load(SeqCst))
}

/// Forgets all events that were taken.
pub(crate) fn forget() {
    TAKEN.iter().flatten().for_each(|count| count.store(0, SeqCst));
}

/// Opens a port for events to `vcpu`, and binds its handler.
pub(crate) fn ipi(xen: Rt, vcpu: u32) -> Result<Open, Errno> {
    unmasked(xen, Channel::bind_ipi(xen, vcpu)?)
}

pub(crate) fn unmasked(xen: Rt, channel: Open) -> Result<Open, Errno> {
    xen.dispatcher().bind(xen.events(), channel.port())?;
    Ok(channel)
}

/// Waits, without an event of its own, until `done` holds. Returns whether it does.
pub(crate) fn until(xen: Rt, mut done: impl FnMut() -> bool) -> bool {
    let deadline = xen.now() + TIMEOUT;
    while !done() {
        if xen.now() >= deadline {
            return false;
        }
        xen.wait(&[], Some(xen.now() + Duration::from_millis(1)));
    }
    true
}

/// Runs the second vCPU.
fn second(xen: Rt) {
    loop {
        xen.sleep_unless(None, || JOB.load(SeqCst) != 0);
        match JOB.load(SeqCst) {
            0 => {}
            STOP => return,
            job => {
                if let Some(job) = JOBS.get(job as usize - 1) {
                    ANSWER.store(job(xen), SeqCst);
                }
                JOB.store(0, SeqCst);
            }
        }
    }
}

/// Has the second vCPU do a job.
fn ask(xen: Rt, job: u32) -> Result<u64, Errno> {
    let work = ipi(xen, 1)?;
    JOB.store(job, SeqCst);
    work.notify()?;
    if until(xen, || JOB.load(SeqCst) == 0) { Ok(ANSWER.load(SeqCst)) } else { Err(Errno::ETIME) }
}

/// Starts the second vCPU and checks its own state.
pub(crate) fn test(t: &mut Report) {
    let xen = t.xen;
    xen.on_event(on_event);
    t.line("vcpu::is_up", &["1".into()], xen_guest::vcpu::is_up(&t.xen, 1), is(false));
    op!(t, unsafe vcpu::up(1) => fails(Errno::EINVAL));
    t.line("Rt::start_vcpu", &["1".into()], xen.start_vcpu(1, second), is(()));
    t.line("Rt::start_vcpu", &["1".into()], xen.start_vcpu(1, second), fails(Errno::EEXIST));
    t.line("vcpu::is_up", &["1".into()], xen_guest::vcpu::is_up(&t.xen, 1), is(true));
    t.line("what vCPU 1 is", &[], ask(xen, WHO), is(1));

    let place =
        offset_of!(SharedInfo, vcpu_info) + size_of::<VcpuInfo>() + offset_of!(VcpuInfo, time);
    let noted =
        xen.events().shared_info().as_ref().u64_at(place + offset_of!(VcpuTimeInfo, system_time));
    let noted = noted.map_or(0, |word| word.load(SeqCst));
    let age = xen.now().as_nanos().checked_sub(noted);
    t.fact(
        "Xen keeps the time for vCPU 1",
        noted != 0 && age.is_some_and(|age| age < 60_000_000_000),
    );
    op!(t, vcpu::set_singleshot_timer(1, xen.now(), false) => fails(Errno::EINVAL));
    op!(t, vcpu::stop_singleshot_timer(1) => fails(Errno::EINVAL));
    let slept = ask(xen, TIMER);
    let state = slept.is_err().then(|| sleep_state(xen));
    t.line("sleeps until the timer of vCPU 1", state.as_slice(), slept, is(10));
    lock(t);
    moments(t);
}

/// Stops the second vCPU.
pub(crate) fn stop(t: &mut Report) {
    let xen = t.xen;
    JOB.store(STOP, SeqCst);
    let work = ipi(xen, 1);
    let told = work.as_ref().is_ok_and(|work| work.notify().is_ok());
    t.fact(
        "vCPU 1 has stopped",
        told && until(xen, || xen_guest::vcpu::is_up(&xen, 1) == Ok(false)),
    );
}

/// Moment until which the second vCPU sleeps, in nanoseconds.
static SLEEPS_UNTIL: AtomicU64 = AtomicU64::new(0);

/// Returns the state of a second vCPU that does not wake.
fn sleep_state(xen: Rt) -> String {
    let pending: Vec<_> = (1..64).filter(|&port| xen.events().is_pending(Port(port))).collect();
    format!(
        "sleeps until {}, now {}, {:?}, pending {pending:?}",
        SLEEPS_UNTIL.load(SeqCst),
        xen.now().as_nanos(),
        vcpu::get_runstate_info(&xen, 1),
    )
}

/// Runs on the second vCPU: sleeps until its own timer, again and again. Returns how many sleeps
/// lasted until their moment.
fn own_timer(xen: Rt) -> u32 {
    let mut in_time = 0;
    for _ in 0..10 {
        let at = xen.now() + Duration::from_millis(2);
        SLEEPS_UNTIL.store(at.as_nanos(), SeqCst);
        let patience = xen.now() + TIMEOUT;
        while xen.now() < at && xen.now() < patience {
            xen.sleep_unless(Some(at), || xen.now() >= at);
        }
        in_time += u32::from(xen.now() < patience);
    }
    in_time
}

/// Exchanges of events between the vCPUs, each event sent by the upcall that took the one before: a
/// lost one ends its exchange, one too many shows.
pub(crate) struct Exchange {
    xen: Rt,
    /// The ports there, and back.
    pairs: Vec<(Open, Open)>,
    rounds: u32,
}

impl Exchange {
    /// Starts `count` exchanges at a time, of `rounds` rounds each.
    pub(crate) fn start(xen: Rt, count: usize, rounds: u32) -> Result<Self, Errno> {
        forget();
        let mut this = Self { xen, pairs: Vec::with_capacity(count), rounds };
        for _ in 0..count {
            let (ping, pong) = (ipi(xen, 1)?, ipi(xen, 0)?);
            answer(&ping, pong.port(), u32::MAX);
            answer(&pong, ping.port(), rounds);
            this.pairs.push((ping, pong));
        }
        this.pairs.iter().try_for_each(|(ping, _)| ping.notify())?;
        Ok(this)
    }

    /// Ends the exchanges after the present round.
    pub(crate) fn stop(&mut self) {
        self.rounds = 0;
        self.pairs.iter().for_each(|(ping, pong)| answer(pong, ping.port(), 0));
    }

    /// Waits until all rounds are over.
    pub(crate) fn wait(&self) {
        let deadline = self.xen.now() + TIMEOUT;
        let over = || {
            let done = self.pairs.iter().all(|(ping, pong)| {
                let back = taken(0, pong);
                back != 0 && back >= self.rounds && back == taken(1, ping)
            });
            done || self.xen.now() >= deadline
        };
        while !over() {
            self.xen.sleep_unless(Some(deadline), over);
        }
        // What should not have been sent would have come by then.
        self.xen.wait(&[], Some(self.xen.now() + Duration::from_millis(5)));
    }

    /// Returns the events that vCPU 1 has taken, those that came back to vCPU 0, and those that the
    /// wrong one has taken.
    pub(crate) fn taken(&self) -> (u32, u32, u32) {
        let sum = |count: fn(&(Open, Open)) -> u32| self.pairs.iter().map(count).sum();
        (
            sum(|(ping, _)| taken(1, ping)),
            sum(|(_, pong)| taken(0, pong)),
            sum(|(ping, pong)| taken(0, ping) + taken(1, pong)),
        )
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.stop();
        self.pairs.iter().for_each(|(ping, _)| answer(ping, Port(0), 0));
        self.pairs.iter().for_each(|(_, pong)| answer(pong, Port(0), 0));
    }
}
