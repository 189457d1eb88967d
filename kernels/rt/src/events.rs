//! Events: where Xen's upcall ends, and how the kernel waits.
//!
//! xen-evtchn has the event words; a kernel adds the interrupt, and a `wait` that
//! misses nothing.

use crate::clock::{CLOCK, Ticks};
use crate::platform::Rt;
use crate::{cpu, debug, interrupts, suspend, timers};
use core::time::Duration;
use spin::Once;
use xen_evtchn::{Eoi, EventChannels, EventDispatcher};
use xen_guest::arch::InterruptFlag;
use xen_guest::{GuestServices, LocalInterrupts};
use xen_hypercall::{Errno, Instant, Mapped, Platform, Port, SharedMem, boot};

/// The event channels of this kernel.
pub(crate) type Events = EventChannels<Rt, &'static Mapped<Rt>>;

static SHARED_INFO: Once<Mapped<Rt>> = Once::new();

/// The event words.
static EVENTS: Once<Events> = Once::new();

/// Groups of 64 ports in the dispatcher: ports beyond are polled only.
pub(crate) const GROUPS: usize = 128;

/// The handlers, waiters and storm budgets of ports.
pub(crate) static DISPATCHER: EventDispatcher<GROUPS> = EventDispatcher::new();

/// Time of a sleep without a timer.
const SHORT_SLEEP: Duration = Duration::from_millis(1);

static RT: Rt = Rt::new();

/// Parts of this kernel that xen-guest works on.
type Services = GuestServices<'static, Rt, &'static Mapped<Rt>, InterruptFlag, GROUPS, Ticks>;

/// Returns the parts of this kernel that xen-guest works on; `None` until `init`.
pub(crate) fn services() -> Option<Services> {
    Some(GuestServices {
        platform: &RT,
        events: events()?,
        dispatcher: &DISPATCHER,
        interrupts: InterruptFlag,
        clock: &CLOCK,
    })
}

/// Returns the event channels; `None` until `init`.
pub(crate) fn events() -> Option<&'static Events> {
    EVENTS.get()
}

/// Handler of a kernel: returns its finding, or `None` for a port that a thread waits for.
pub(crate) type Handler = fn(Rt, Port) -> Option<Eoi>;

static HANDLER: Once<Handler> = Once::new();

/// Sets the function that is called for each event on a bound port. The first one stays.
pub(crate) fn set_handler(handler: Handler) {
    HANDLER.call_once(|| handler);
}

/// Calls the kernel's handler. Without one, every event is for a thread that waits.
fn handle(port: Port) -> Option<Eoi> {
    if timers::is_timer(cpu::current(), port) {
        // It ends the sleep, and has no other work.
        return Some(Eoi::Handled);
    }
    if debug::is_debug(cpu::current(), port) {
        debug::dump(cpu::current());
        return Some(Eoi::Handled);
    }
    HANDLER.get().and_then(|handler| handler(Rt::new(), port))
}

/// Returns shared info; `None` until `init` has put it in place.
pub(crate) fn shared_info() -> Option<&'static SharedMem> {
    SHARED_INFO.get().map(AsRef::as_ref)
}

/// Puts shared info in place and turns events on.
///
/// # Panics
///
/// If Xen refuses: the kernel cannot continue.
pub(crate) fn init() {
    let shared_info =
        boot::shared_info(Rt::new()).unwrap_or_else(|error| panic!("shared info: {error}"));
    let shared_info = SHARED_INFO.call_once(|| shared_info);
    EVENTS.call_once(|| EventChannels::new(Rt::new(), shared_info));
    init_vcpu(0);
}

/// Changes to the FIFO format, or stays if Xen has none. Run it on vCPU 0, while no event comes on
/// any other, and no open port is in use.
///
/// # Errors
///
/// Those of [`EventChannels::use_fifo`].
pub(crate) fn use_fifo() -> Result<(), Errno> {
    let events = events().ok_or(Errno::ENODEV)?;
    // An upcall before the end would read the event in the old format.
    without_upcalls(|| {
        timers::close();
        DISPATCHER.reset();
        events.use_fifo().map(drop)
    })
}

/// Runs `work` with interrupts off.
pub(crate) fn without_upcalls<T>(work: impl FnOnce() -> T) -> T {
    let were_enabled = InterruptFlag.are_enabled();
    InterruptFlag.disable();
    let result = work();
    if were_enabled {
        InterruptFlag.enable();
    }
    result
}

/// Enables events for `vcpu`, which executes this.
///
/// # Panics
///
/// As [`init`].
pub(crate) fn init_vcpu(vcpu: u32) {
    interrupts::enable_upcall(vcpu).unwrap_or_else(|error| panic!("upcall: {error}"));
    InterruptFlag.enable();
}

/// Dispatches the events of this vCPU. Runs in the interrupt handler, so it takes no lock and
/// allocates nothing.
pub(crate) fn on_upcall() {
    if let Some(services) = services() {
        // It ends however fast peers send; Xen raises another upcall for the rest.
        services.on_upcall(cpu::current(), handle);
        // Not within the dispatch: the event words may be others afterwards.
        suspend::park_if_requested();
    }
}

/// Makes Xen take the information of `vcpu`, which executes this, after the domain was resumed
/// elsewhere: Xen before 4.18 takes it from no other.
///
/// # Panics
///
/// As [`init`].
pub(crate) fn resume_vcpu(vcpu: u32) {
    let added = events().map_or(Ok(()), |events| events.add_vcpu(vcpu));
    added.unwrap_or_else(|errno| panic!("vCPU {vcpu} after a resume: {errno}"));
}

/// Handles what waits for this vCPU, which goes down, and takes no upcall from here on.
pub(crate) fn stop_vcpu(vcpu: u32) {
    InterruptFlag.disable();
    timers::stop(vcpu);
    drain_vcpu(vcpu);
}

/// Enables events for `vcpu`, which executes this and was started, maybe after the domain was
/// resumed elsewhere.
pub(crate) fn start_vcpu(vcpu: u32) {
    resume_vcpu(vcpu);
    init_vcpu(vcpu);
}

/// Handles the events in the queues of `vcpu`, which is down or takes no upcalls.
pub(crate) fn drain_vcpu(vcpu: u32) {
    if let Some(services) = services() {
        services.drain_vcpu(vcpu, handle);
    }
}

/// Waits as [`Platform::wait`](xen_hypercall::Platform::wait) specifies. Returns at once before
/// `init`, which the contract allows.
pub(crate) fn wait(ports: &[Port], deadline: Option<Instant>) {
    if let Some(services) = services() {
        services.wait(ports, deadline);
    }
}

/// Sleeps until this vCPU has an upcall or `until` has come, unless `done` holds. Interrupts must
/// be on.
pub(crate) fn sleep_unless(until: Option<Instant>, done: impl FnOnce() -> bool) {
    let Some(services) = services() else { return };
    let mut done = Some(done);
    // The timer is locked for no longer than it is set: the first vCPU takes those of sleepers.
    let arm = |next| timers::with(cpu::current(), |timer| timer.arm(&CLOCK, next))?;
    let slept = services.idle(arm, until, || done.take().is_none_or(|done| done()));
    // Without a timer, as in a kernel that has bound its interrupt: a short sleep in its place.
    // It is short because an upcall that comes before it does not end it.
    if slept.is_err() && !done.is_none_or(|done| done()) {
        let short = Rt::new().now() + SHORT_SLEEP;
        wait(&[], Some(until.map_or(short, |until| until.min(short))));
    }
}
