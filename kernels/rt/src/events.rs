//! Events: where Xen's upcall ends, and how the kernel waits.
//!
//! xen-evtchn has the event words; a kernel adds the interrupt, and a `wait` that
//! misses nothing.

use crate::platform::Rt;
use crate::{clock, interrupts, suspend, vcpus};
use core::sync::atomic::{
    AtomicU64,
    Ordering::{AcqRel, Relaxed},
};
use spin::Once;
use x86_64::instructions::interrupts as cpu;
use xen_evtchn::{Callback, Delivery, EventChannels, FIFO_PORTS, set_callback, set_upcall_vector};
use xen_hypercall::{Errno, Instant, Mapped, Platform, Port, SharedMem, ops::sched, start};

/// The event channels of this kernel.
pub(crate) type Events = EventChannels<Rt, &'static Mapped<Rt>>;

static SHARED_INFO: Once<Mapped<Rt>> = Once::new();

/// The event words in the format of the start, and in the one that [`use_fifo`] has changed to.
static TWO_LEVEL: Once<Events> = Once::new();
static FIFO: Once<Events> = Once::new();

/// One bit per port: an upcall came for it, and no `wait` has reported it yet.
static FIRED: [AtomicU64; FIFO_PORTS as usize / 64] =
    [const { AtomicU64::new(0) }; FIFO_PORTS as usize / 64];

/// Returns the event channels; `None` until `init`.
pub(crate) fn events() -> Option<&'static Events> {
    FIFO.get().or_else(|| TWO_LEVEL.get())
}

/// Hook of the kernel at an event.
static HANDLER: Once<fn(Rt, Port)> = Once::new();

/// Has `handler` called for each event on an unmasked port. The first one stays.
pub(crate) fn set_handler(handler: fn(Rt, Port)) {
    HANDLER.call_once(|| handler);
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
        start::shared_info(Rt::new()).unwrap_or_else(|error| panic!("shared info: {error}"));
    let shared_info = SHARED_INFO.call_once(|| shared_info);
    TWO_LEVEL.call_once(|| EventChannels::new(Rt::new(), shared_info));
    init_vcpu(0);
}

/// Changes to the FIFO format, or stays if Xen has none. Run it on vCPU 0, while no event comes on
/// any other, and no open port is in use.
///
/// # Errors
///
/// Those of [`EventChannels::with_fifo`] and [`EventChannels::add_vcpu`].
pub(crate) fn use_fifo() -> Result<(), Errno> {
    let shared_info = SHARED_INFO.get().ok_or(Errno::ENODEV)?;
    // An upcall before the end would read the event in the old format.
    cpu::without_interrupts(|| {
        FIFO.try_call_once(|| {
            let events = EventChannels::with_fifo(Rt::new(), shared_info)?;
            vcpus::others().try_for_each(|vcpu| events.add_vcpu(vcpu))?;
            Ok(events)
        })
    })
    .map(drop)
}

/// Turns events on for `vcpu`, which executes this. With the word `callback` on the command line
/// they come by the vector of the whole domain, as on a Xen that has no other; so they do in an HVM
/// guest, which has other ways to change to: a vCPU that has a vector of its own keeps it for good.
///
/// # Panics
///
/// As [`init`].
pub(crate) fn init_vcpu(vcpu: u32) {
    interrupts::enable_local_apic(set_upcall(vcpu));
    cpu::enable();
}

/// Sets the interrupt for events of `vcpu`.
fn set_upcall(vcpu: u32) -> Delivery {
    let (xen, vector) = (Rt::new(), interrupts::UPCALL_VECTOR);
    let delivery =
        if xen.has_pic() || xen.command_line().split_whitespace().any(|word| word == "callback") {
            set_callback(&xen, Callback::Vector(vector)).map(|()| Delivery::CallbackVector)
        } else {
            set_upcall_vector(&xen, vcpu, vector)
        };
    delivery.unwrap_or_else(|errno| panic!("upcall vector: {errno}"))
}

/// Sets up again what the domain had before it was resumed elsewhere. Run it on vCPU 0 with
/// interrupts off, while the `others` that there are stand still.
///
/// # Panics
///
/// As [`init`].
pub(crate) fn resume(others: impl Iterator<Item = u32>) {
    let (Some(shared_info), Some(events)) = (SHARED_INFO.get(), events()) else { return };
    start::resume_shared_info(shared_info).unwrap_or_else(|errno| panic!("shared info: {errno}"));
    events.resume().unwrap_or_else(|errno| panic!("event words: {errno}"));
    // What was noted is about ports that are nobody's now.
    FIRED.iter().for_each(|word| word.store(0, Relaxed));
    // Local APICs keep their state.
    for vcpu in core::iter::once(0).chain(others) {
        set_upcall(vcpu);
    }
}

/// Notes which ports have events. Runs in the interrupt handler, so it takes no lock and allocates
/// nothing.
pub(crate) fn on_upcall() {
    if let Some(events) = events() {
        // It ends however fast peers send; Xen raises another upcall for the rest.
        events.on_upcall(vcpus::current(), note);
        // Not in the midst of the event words, which may be others afterwards.
        suspend::stand_still();
    }
}

/// Notes an event, and hands it on.
fn note(port: Port) {
    if let Some(handler) = HANDLER.get() {
        handler(Rt::new(), port);
    }
    if let Some(word) = FIRED.get(port.0 as usize / 64) {
        word.fetch_or(1 << (port.0 % 64), AcqRel);
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
    cpu::disable();
    drain_vcpu(vcpu);
}

/// Handles the events in the queues of `vcpu`, which is down or takes no upcalls.
pub(crate) fn drain_vcpu(vcpu: u32) {
    if let Some(events) = events() {
        events.drain_vcpu(vcpu, note);
    }
}

/// Takes an event of one of `ports`, and returns whether there was one: from an upcall's record, or
/// pending on a masked port, which makes no upcall.
fn take(ports: &[Port]) -> bool {
    let mut any = false;
    for &port in ports {
        let bit = 1 << (port.0 % 64);
        any |= FIRED
            .get(port.0 as usize / 64)
            .is_some_and(|word| word.fetch_and(!bit, AcqRel) & bit != 0);
        any |= events().is_some_and(|events| events.take_pending(port));
    }
    any
}

/// Waits as [`Platform::wait`] specifies.
///
/// A port that is not masked has to be one of this vCPU's: another one's upcall would take the
/// event between the check and the sleep.
///
/// An event between the check and the sleep must end the sleep. Interrupts are off from the
/// one to the other, so its upcall can't run; the event stays pending, and Xen does not block a
/// vCPU that polls a pending port.
///
/// Where interrupts are off already, they stay off; the event is taken from its port then.
pub(crate) fn wait(ports: &[Port], deadline: Option<Instant>) {
    let enabled = cpu::are_enabled();
    cpu::disable();
    let asleep = !take(ports) && deadline.is_none_or(|at| Rt::new().now() < at);
    if asleep {
        // A refusal returns at once, which the contract allows.
        let _ = sched::poll(&Rt::new(), ports, deadline.map(clock::system_time));
    }
    if enabled {
        cpu::enable();
    }
    if asleep {
        // The upcall that was held back has run by now, if upcalls may run. The caller is about to
        // check, so this event is returned.
        take(ports);
    }
}
