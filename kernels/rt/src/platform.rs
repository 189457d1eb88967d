//! The platform: what this kernel supplies to the drivers, and what it offers to `main`.

use crate::{balloon, clock, cpu, debug, events, foreign, machine, memory, paging, suspend, vcpus};
use core::num::NonZeroUsize;
use core::ptr::NonNull;
use core::time::Duration;
use spin::Once;
use xen_evtchn::{Eoi, EventChannels, EventDispatcher};
use xen_guest::arch::InterruptFlag;
use xen_guest::wall_clock::{self, WallClockError};
use xen_guest::{Balloon, BalloonError, BootInfo, BootModule, LocalInterrupts, Runstate, power};
use xen_hypercall::ops::sched::SuspendOutcome;
use xen_hypercall::{
    BalloonPages, Claims, Errno, ForeignFrames, ForeignRange, Gfn, Hypercall, Instant, Mapped,
    PAGE_SIZE, Platform, Port,
};
use xen_store::XenStore;
use xen_sys::arch_x86::hvm::start_info::HvmMemmapTableEntry;
use xen_sys::sched::ShutdownReason;

/// The domain that this kernel runs in.
///
/// A value of no size: all state is static, because there is one machine. `main` gets it; copy it
/// freely.
#[derive(Clone, Copy, Debug)]
pub struct Rt(());

/// The resources that this domain has once.
static CLAIMS: Claims = Claims::new();

pub(crate) static BOOT: Once<BootInfo> = Once::new();

impl Rt {
    pub(crate) const fn new() -> Self {
        Self(())
    }

    /// Returns the kernel's command line.
    pub fn command_line(self) -> &'static str {
        BOOT.get().map_or("", |boot| &boot.command_line)
    }

    /// Returns the memory map.
    pub fn memory_map(self) -> &'static [HvmMemmapTableEntry] {
        BOOT.get().map_or(&[], |boot| &boot.memory_map)
    }

    /// Returns whether the memory map was asked of Xen, because the loader left none.
    pub fn memory_map_is_of_xen(self) -> bool {
        BOOT.get().is_some_and(|boot| boot.is_map_from_xen)
    }

    /// Returns the modules of the loader, whose content stays in RAM.
    pub fn modules(self) -> &'static [BootModule] {
        BOOT.get().map_or(&[], |boot| &boot.modules)
    }

    /// Maps the static shared memory with the name `id` of the device tree.
    ///
    /// # Errors
    ///
    /// `ENOENT` if there is no such memory, `EINVAL` if its node is invalid, `ENOMEM`; `ENOSYS` on
    /// x86.
    pub fn shared_memory(self, id: &str) -> Result<Mapped<Self>, Errno> {
        machine::shared_memory(id)
    }

    /// Returns the address of the ACPI root pointer.
    pub fn rsdp(self) -> Option<u64> {
        BOOT.get().and_then(|boot| boot.rsdp)
    }

    /// Returns whether there is Xen: without it, each hypercall fails with `ENOSYS`.
    pub fn has_xen(self) -> bool {
        cpu::has_xen()
    }

    /// Returns whether this is dom0, the domain that Xen itself started.
    pub fn is_dom0(self) -> bool {
        BOOT.get().is_some_and(|boot| boot.is_dom0)
    }

    /// Returns how many bytes of RAM are allocated, and how many there are to allocate.
    pub fn memory_usage(self) -> (usize, usize) {
        memory::usage()
    }

    /// Creates the balloon, by which the memory follows the toolstack's target. Poll it.
    ///
    /// # Errors
    ///
    /// [`BalloonError`].
    pub fn balloon(self, store: &XenStore<Self>) -> Result<Balloon<Self>, BalloonError> {
        balloon::create(store)
    }

    /// Returns the event channels: the ports' masks.
    ///
    /// # Panics
    ///
    /// Before `main`.
    pub fn events(self) -> &'static EventChannels<Self, &'static Mapped<Self>> {
        events::events().expect("set up before main")
    }

    /// Changes events to the FIFO format, permanently; the two-level format stays where Xen has
    /// no other.
    ///
    /// For the first vCPU, before ports are opened: those that are open are masked, and none may
    /// have an event meanwhile.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, or Xen's refusal after it has taken the format.
    pub fn use_fifo_events(self) -> Result<(), Errno> {
        events::use_fifo()
    }

    /// Runs `work` with no upcall on this vCPU meanwhile.
    pub fn without_upcalls<T>(self, work: impl FnOnce() -> T) -> T {
        events::without_upcalls(work)
    }

    /// Returns the number of the vCPU that executes this.
    pub fn vcpu(self) -> u32 {
        cpu::current()
    }

    /// Starts another vCPU, which executes `main` with 64 KiB of stack and interrupts on, and stops
    /// when that returns.
    ///
    /// # Errors
    ///
    /// `ENOENT` if the domain has no such vCPU, `EEXIST` if it was started before, `EINVAL` for 0
    /// and those above 63, `ENOMEM`.
    #[doc(alias("VCPUOP_initialise", "VCPUOP_up"))]
    pub fn start_vcpu(self, vcpu: u32, main: fn(Rt)) -> Result<(), Errno> {
        vcpus::start(vcpu, main)
    }

    /// Starts `vcpu`, again if it has stopped, which then sleeps without work; or stops it, and
    /// handles the events that are left in its queues. Ports that were opened for the vCPU must
    /// have moved before it stops.
    ///
    /// # Errors
    ///
    /// Those of [`start_vcpu`](Self::start_vcpu); `EBUSY` if the vCPU does not stop, as one with
    /// other work.
    pub fn set_vcpu_online(self, vcpu: u32, is_online: bool) -> Result<(), Errno> {
        vcpus::set_online(vcpu, is_online)
    }

    /// Returns the identifier of the local APIC of `vcpu`; `None` before its start.
    pub fn apic_id(self, vcpu: u32) -> Option<u32> {
        cpu::apic_id(vcpu)
    }

    /// Has the vCPU that executes this print its registers, its stack and, on vCPU 0, the ports
    /// when `VIRQ_DEBUG` comes (`xl debug-keys q`). Those that
    /// [`set_vcpu_online`](Self::set_vcpu_online) starts do so too.
    ///
    /// # Errors
    ///
    /// `EEXIST` if the interrupt has another port.
    pub fn dump_on_debug(self) -> Result<(), Errno> {
        debug::enable(cpu::current())
    }

    /// Returns the run state of `vcpu`.
    ///
    /// # Errors
    ///
    /// `ENOENT` if there is no such vCPU, `EINVAL` for an unknown state; on Arm, those of the
    /// registration of an area.
    pub fn runstate(self, vcpu: u32) -> Result<Runstate, Errno> {
        machine::runstate(vcpu)
    }

    /// Returns the time of day, since the start of 1970 (UTC).
    ///
    /// # Errors
    ///
    /// [`WallClockError`].
    pub fn time_of_day(self) -> Result<Duration, WallClockError> {
        let shared_info = events::shared_info().ok_or(WallClockError::NotSet)?;
        clock::time_of_day(shared_info)
    }

    /// Sets the time of day of the host, since the start of 1970 (UTC).
    ///
    /// # Errors
    ///
    /// `EPERM` in a domain that is not dom0.
    pub fn set_time_of_day(self, time: Duration) -> Result<(), Errno> {
        wall_clock::set(&self, &clock::CLOCK, clock::now(), time)
    }

    /// Returns the handlers and waiters of ports, with their storm budgets: `bind` delivers the
    /// events of a port by upcall. A port is unbound when it is closed.
    pub fn dispatcher(self) -> &'static EventDispatcher<{ events::GROUPS }> {
        &events::DISPATCHER
    }

    /// Sets the function that is called for each event on a bound port, in the upcall of the vCPU
    /// that the port is bound to. The first one stays. It must not allocate or take a lock.
    ///
    /// It returns its finding, or `None` for a port that a thread waits for. No thread may wait
    /// for a port with a finding.
    pub fn on_event(self, handler: fn(Rt, Port) -> Option<Eoi>) {
        events::set_handler(handler);
    }

    /// Reports whether the last event of `port` had work, after the driver was polled, and returns
    /// whether there was an event: see [`GuestServices::eoi`](xen_guest::GuestServices::eoi).
    pub fn eoi(self, port: Port, work: Eoi) -> bool {
        events::services().is_some_and(|services| services.eoi(port, work))
    }

    /// Handles the events in the queues of `vcpu`, which has stopped, so that its ports can have
    /// events on their new vCPU.
    pub fn drain_vcpu(self, vcpu: u32) {
        events::drain_vcpu(vcpu);
    }

    /// Sleeps until this vCPU has had an upcall or `until` has come, unless `done` holds: it is
    /// asked with interrupts off, so none comes between. Sleeps without a tick.
    ///
    /// Within [`without_upcalls`](Self::without_upcalls) no upcall can end the sleep, and it
    /// returns at once.
    pub fn sleep_unless(self, until: Option<Instant>, done: impl FnOnce() -> bool) {
        if InterruptFlag.are_enabled() {
            events::sleep_unless(until, done);
        } else {
            let _ = done();
        }
    }

    /// Suspends the domain, and sets up the kernel's part when it continues: shared info, upcalls,
    /// event words, the clock.
    ///
    /// Call it on the first vCPU; the other vCPUs are parked meanwhile, in an upcall.
    /// After [`SuspendOutcome::Resumed`] grant table, xenstore, console and devices are still to be
    /// resumed.
    ///
    /// # Errors
    ///
    /// `EINVAL` on another vCPU, `EBUSY` if another one took no upcall for a second; those of Xen,
    /// before the suspend and after the domain was resumed elsewhere.
    pub fn suspend(self) -> Result<SuspendOutcome, Errno> {
        suspend::suspend()
    }

    /// Resets the domain softly, and sets up the kernel's part as [`suspend`](Self::suspend) does
    /// after [`SuspendOutcome::Resumed`]. The toolstack destroys a domain whose soft reset it does
    /// not support.
    ///
    /// # Errors
    ///
    /// Those of [`suspend`](Self::suspend).
    pub fn soft_reset(self) -> Result<SuspendOutcome, Errno> {
        suspend::soft_reset()
    }

    /// Returns the VM generation id; `None` if the domain has none.
    pub fn generation_id(self) -> Option<u128> {
        machine::generation_id()
    }

    /// Returns whether the domain has a PIC, as an HVM guest does.
    pub fn has_pic(self) -> bool {
        machine::has_pic()
    }

    /// Returns whether [`suspend`](Self::suspend) works: Xen suspends no domain on Arm.
    pub fn can_suspend(self) -> bool {
        machine::CAN_SUSPEND
    }

    /// Ends the domain.
    pub fn shutdown(self, reason: ShutdownReason) -> ! {
        power::shutdown(&self, reason)
    }
}

pub(crate) fn crash() -> ! {
    power::crash(&Rt(()))
}

// SAFETY: a sound implementation for this processor, or a refusal.
unsafe impl Hypercall for Rt {
    #[inline(always)]
    unsafe fn hypercall(&self, op: usize, args: [usize; 5]) -> isize {
        // SAFETY: the caller's obligations apply unchanged.
        unsafe { cpu::hypercall(op, args) }
    }
}

// SAFETY: pages come from an allocator of RAM that is mapped to its own address, so an address is a
// frame number shifted; map_frames extends that mapping, and nothing is ever unmapped but what
// without an owner.
unsafe impl Platform for Rt {
    fn alloc_pages(&self, count: NonZeroUsize) -> Option<NonNull<u8>> {
        memory::alloc_pages(count)
    }

    unsafe fn free_pages(&self, pages: NonNull<u8>, count: NonZeroUsize) {
        // SAFETY: the caller's obligations apply unchanged.
        unsafe { memory::free_pages(pages, count) }
    }

    fn virt_to_gfn(&self, page: NonNull<u8>) -> Gfn {
        Gfn::containing(page.addr().get() as u64)
    }

    unsafe fn map_frames(&self, first: Gfn, count: NonZeroUsize) -> Option<NonNull<u8>> {
        let end = first.0.checked_add(count.get() as u64)?.checked_mul(PAGE_SIZE as u64)?;
        paging::map(first.address()..end)?;
        NonNull::new(core::ptr::with_exposed_provenance_mut(first.address() as usize))
    }

    fn reserve_xen_frame(&self) -> Option<(NonNull<u8>, Gfn)> {
        machine::frames::for_xen()
    }

    #[inline(always)]
    fn claims(&self) -> &Claims {
        &CLAIMS
    }

    fn now(&self) -> Instant {
        clock::now()
    }

    fn wait(&self, ports: &[Port], deadline: Option<Instant>) {
        events::wait(ports, deadline);
    }

    fn port_opened(&self, port: Port, vcpu: u32) -> Result<(), Errno> {
        events::events().map_or(Ok(()), |events| events.opened(port, vcpu))
    }

    fn port_closing(&self, port: Port) {
        if let Some(events) = events::events() {
            events::DISPATCHER.unbind(events, port);
            events.closing(port);
        }
    }
}

// SAFETY: pages of the heap without a user, and frames in a gap of the memory map, which nothing
// else uses; all are mapped to their own addresses.
unsafe impl BalloonPages for Rt {
    fn take_pages(&self, order: u32) -> Option<Gfn> {
        balloon::take(order)
    }

    unsafe fn scrub_pages(&self, first: Gfn, order: u32) {
        // SAFETY: the caller's obligations apply unchanged.
        unsafe { balloon::scrub(first, order) }
    }

    unsafe fn add_pages(&self, first: Gfn, order: u32) {
        // SAFETY: the caller's obligations apply unchanged.
        unsafe { balloon::add(first, order) }
    }

    fn new_frames(&self, order: u32) -> Option<Gfn> {
        balloon::new_frames(order)
    }
}

// SAFETY: the frames lie in a gap of the memory map, each range is given to one owner until it is
// released, and each is mapped to its own address.
unsafe impl ForeignFrames for Rt {
    fn reserve_frames(&self, count: NonZeroUsize) -> Option<ForeignRange> {
        foreign::reserve(count)
    }

    unsafe fn release_frames(&self, range: ForeignRange) {
        foreign::release(range);
    }
}
