//! Two vCPUs: the second one is started, takes events of its own, and has a clock and a timer of its own.

use crate::report::{Report, fails, is, op};
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};
use core::time::Duration;
use xen_example_rt::Rt;
use xen_hypercall::ops::{event_channel, vcpu};
use xen_hypercall::{Errno, Platform, Port};
use xen_sys::xen::Virq;

/// How long anything may take. A run that comes near has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// vCPUs that are tested.
const VCPUS: usize = 2;
const TABLE: usize = 1 << 13;

/// Events that each vCPU has taken by upcall, by port.
static TAKEN: [[AtomicU32; TABLE]; VCPUS] = [const { [const { AtomicU32::new(0) }; TABLE] }; VCPUS];

/// The port of [`Ticks`].
static TICK: AtomicU32 = AtomicU32::new(0);

/// What the second vCPU is to do: the number of a job of [`JOBS`], counted from 1, or [`STOP`].
static JOB: AtomicU32 = AtomicU32::new(0);
const STOP: u32 = u32::MAX;
/// The port that tells it so.
static WORK: AtomicU32 = AtomicU32::new(0);
/// What came of it.
static ANSWER: AtomicU64 = AtomicU64::new(0);

/// What the second vCPU can do.
const JOBS: [fn(Rt) -> u64; 3] =
    [|xen| u64::from(xen.vcpu()), |xen| xen.now().as_nanos(), |xen| own_timer(xen).map_or(0, u64::from)];
const WHO: u32 = 1;
const TIME: u32 = 2;
const TIMER: u32 = 3;

/// Runs in the upcall.
fn on_event(xen: Rt, port: Port) {
    let count = TAKEN.get(xen.vcpu() as usize).and_then(|ports| ports.get(port.0 as usize));
    if let Some(count) = count {
        count.fetch_add(1, SeqCst);
    }
    if port.0 == TICK.load(SeqCst) {
        tick(xen);
    }
}

/// Events that `vcpu` has taken on `port`.
pub(crate) fn taken(vcpu: usize, port: Port) -> u32 {
    TAKEN[vcpu].get(port.0 as usize).map_or(0, |count| count.load(SeqCst))
}

/// Forgets all events that were taken.
pub(crate) fn forget() {
    TAKEN.iter().flatten().for_each(|count| count.store(0, SeqCst));
}

/// The second vCPU's life.
fn second(xen: Rt) {
    loop {
        xen.sleep_unless(|| JOB.load(SeqCst) != 0);
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

/// Waits, without an event of its own, until `done` holds. Tells whether it does.
pub(crate) fn until(xen: Rt, mut done: impl FnMut() -> bool) -> bool {
    let deadline = xen.now() + PATIENCE;
    while !done() {
        if xen.now() >= deadline {
            return false;
        }
        xen.wait(&[], Some(xen.now() + Duration::from_millis(1)));
    }
    true
}

/// Has the second vCPU do a job.
fn ask(xen: Rt, job: u32) -> Option<u64> {
    JOB.store(job, SeqCst);
    event_channel::send(&xen, Port(WORK.load(SeqCst))).ok()?;
    until(xen, || JOB.load(SeqCst) == 0).then(|| ANSWER.load(SeqCst))
}

/// Opens a port for events to `vcpu`, and unmasks it.
fn ipi(xen: Rt, vcpu: u32) -> Result<Port, Errno> {
    let port = event_channel::bind_ipi(&xen, vcpu)?;
    xen.events().unmask(port)?;
    Ok(port)
}

pub(crate) fn close(xen: Rt, port: Port) {
    xen.events().mask(port);
    let _ = event_channel::close(&xen, port);
}

pub(crate) fn test(t: &mut Report) {
    let xen = t.xen;
    xen.on_event(on_event);
    op!(t, vcpu::is_up(1) => is(false));
    op!(t, unsafe vcpu::up(1) => fails(Errno::EINVAL));
    let Ok(work) = ipi(xen, 1) else { return t.fact("a port of vCPU 1", false) };
    WORK.store(work.0, SeqCst);
    t.line("Rt::start_vcpu", &["1".into()], xen.start_vcpu(1, second), is(()));
    t.line("Rt::start_vcpu", &["1".into()], xen.start_vcpu(1, second), fails(Errno::EEXIST));
    op!(t, vcpu::is_up(1) => is(true));
    let who = ask(xen, WHO);
    t.line("what vCPU 1 is", &[], who.ok_or(Errno::ETIME), is(1));

    clocks(t);
    moved(t);
}

/// Stops the second vCPU.
pub(crate) fn stop(t: &mut Report) {
    JOB.store(STOP, SeqCst);
    let _ = event_channel::send(&t.xen, Port(WORK.load(SeqCst)));
    let xen = t.xen;
    let down = until(xen, || vcpu::is_up(&xen, 1) == Ok(false));
    t.fact("vCPU 1 has stopped", down);
    close(xen, Port(WORK.load(SeqCst)));
}

fn clocks(t: &mut Report) {
    let before = t.xen.now().as_nanos();
    let theirs = ask(t.xen, TIME).unwrap_or(0);
    let after = t.xen.now().as_nanos();
    t.fact("the clock of vCPU 1 agrees with this one's", (before..=after).contains(&theirs));
    op!(t, vcpu::set_singleshot_timer(1, t.xen.now(), false) => fails(Errno::EINVAL));
    op!(t, vcpu::stop_singleshot_timer(1) => fails(Errno::EINVAL));
    let events = ask(t.xen, TIMER);
    t.line("events of the timer of vCPU 1", &[], events.ok_or(Errno::ETIME), is(10));
}

/// Runs on the second vCPU: sets its own timer, again and again. Returns how many events came.
fn own_timer(xen: Rt) -> Result<u32, Errno> {
    let vcpu = xen.vcpu();
    let port = event_channel::bind_virq(&xen, Virq::TIMER, vcpu)?;
    xen.events().unmask(port)?;
    let before = taken(vcpu as usize, port);
    let come = || taken(vcpu as usize, port) - before;
    for round in 1..=10 {
        let at = xen.now() + Duration::from_millis(2);
        vcpu::set_singleshot_timer(&xen, vcpu, at, false)?;
        while come() < round {
            xen.sleep_unless(|| come() >= round);
        }
        if xen.now() < at {
            break;
        }
    }
    let count = come();
    close(xen, port);
    Ok(count)
}

/// Wakes this vCPU every now and then, so that it sees when its patience is over. Each tick sets the timer for the next: Xen's periodic timer
/// stands still while the vCPU sleeps.
pub(crate) struct Ticks(Rt, Port);

impl Ticks {
    pub(crate) fn start(xen: Rt) -> Result<Self, Errno> {
        let port = event_channel::bind_virq(&xen, Virq::TIMER, 0)?;
        xen.events().unmask(port)?;
        TICK.store(port.0, SeqCst);
        tick(xen);
        Ok(Self(xen, port))
    }
}

impl Drop for Ticks {
    fn drop(&mut self) {
        TICK.store(0, SeqCst);
        let _ = vcpu::stop_singleshot_timer(&self.0, 0);
        close(self.0, self.1);
    }
}

fn tick(xen: Rt) {
    let _ = vcpu::set_singleshot_timer(&xen, 0, xen.now() + Duration::from_millis(20), false);
}

/// A port that is moved from one vCPU to the other.
fn moved(t: &mut Report) {
    forget();
    let xen = t.xen;
    let me = xen_hypercall::DomId::SELF;
    let Ok(a) = event_channel::alloc_unbound(&xen, me) else { return t.fact("a port", false) };
    let Ok(b) = event_channel::bind_interdomain(&xen, me, a) else { return t.fact("its other end", false) };
    // It is pending since it was bound.
    let _ = xen.events().take_pending(b);
    let _ = xen.events().unmask(b);
    for (round, vcpu) in [(1, 0), (2, 1), (3, 0)] {
        op!(t, event_channel::bind_vcpu(b, vcpu) => is(()));
        op!(t, event_channel::send(a) => is(()));
        t.fact("the event came", until(xen, || taken(0, b) + taken(1, b) == round));
    }
    t.line("events in all", &[], Ok::<_, Errno>(taken(0, b) + taken(1, b)), is(3));
    close(xen, b);
    close(xen, a);
}
