//! Dump of each vCPU when an administrator sends `VIRQ_DEBUG` (`xl debug-keys q`).

use super::interrupts::InterruptFrame;
use crate::events;
use crate::platform::Rt;
use crate::vcpus::VCPUS;
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering::Relaxed};
use spin::Mutex;
use x86_64::instructions::interrupts as cpu;
use xen_evtchn::Channel;
use xen_guest::debug::VcpuDump;
use xen_hypercall::{Errno, PAGE_SIZE, Port};
use xen_sys::xen::Virq;

/// Words of the stack that are printed.
const STACK: usize = 16;

/// Frame of the interrupt that each vCPU executes.
static INTERRUPTED: [AtomicPtr<InterruptFrame>; VCPUS] =
    [const { AtomicPtr::new(core::ptr::null_mut()) }; VCPUS];

static CHANNELS: [Mutex<Option<Channel<Rt>>>; VCPUS] = [const { Mutex::new(None) }; VCPUS];

/// The port of each, for the upcall; zero for none.
static PORTS: [AtomicU32; VCPUS] = [const { AtomicU32::new(0) }; VCPUS];

/// Held while a dump is printed, so that those of several vCPUs come one after the other.
static PRINTING: Mutex<()> = Mutex::new(());

/// Enables the dump of `vcpu`.
///
/// # Errors
///
/// Those of `Channel::bind_virq`.
pub(crate) fn enable(vcpu: u32) -> Result<(), Errno> {
    let index = vcpu as usize;
    let (Some(slot), Some(port)) = (CHANNELS.get(index), PORTS.get(index)) else {
        return Err(Errno::ENOENT);
    };
    // The first vCPU locks the slot while this one is parked in an upcall.
    cpu::without_interrupts(|| {
        let mut slot = slot.lock();
        if slot.is_none() {
            let channel = Channel::bind_virq(Rt::new(), Virq::DEBUG, vcpu)?;
            port.store(channel.port().0, Relaxed);
            let events = events::events().ok_or(Errno::ENODEV)?;
            events::DISPATCHER.bind(events, channel.port())?;
            *slot = Some(channel);
        }
        Ok(())
    })
}

/// Disables the dump of `vcpu`, which goes down.
pub(crate) fn disable(vcpu: u32) {
    if let Some((slot, port)) = CHANNELS.get(vcpu as usize).zip(PORTS.get(vcpu as usize)) {
        port.store(0, Relaxed);
        // As in `enable`.
        cpu::without_interrupts(|| drop(slot.lock().take()));
    }
}

/// Binds the ports again that there were before the domain was resumed elsewhere.
///
/// # Errors
///
/// As [`enable`].
pub(crate) fn resume() -> Result<(), Errno> {
    for (vcpu, (slot, port)) in (0..).zip(CHANNELS.iter().zip(&PORTS)) {
        port.store(0, Relaxed);
        let old = slot.lock().take();
        if let Some(old) = old {
            old.forget();
            enable(vcpu)?;
        }
    }
    Ok(())
}

/// Returns whether `port` is that of the dump of `vcpu`.
pub(crate) fn is_debug(vcpu: u32, port: Port) -> bool {
    port.0 != 0 && PORTS.get(vcpu as usize).is_some_and(|own| own.load(Relaxed) == port.0)
}

/// Runs `handler` as an interrupt of `vcpu` with this frame.
pub(crate) fn during(vcpu: u32, frame: &mut InterruptFrame, handler: impl FnOnce()) {
    let Some(slot) = INTERRUPTED.get(vcpu as usize) else { return handler() };
    slot.store(frame, Relaxed);
    handler();
    slot.store(core::ptr::null_mut(), Relaxed);
}

/// Prints the dump of `vcpu`, whose interrupt executes this.
pub(crate) fn dump(vcpu: u32) {
    let Some(slot) = INTERRUPTED.get(vcpu as usize) else { return };
    // SAFETY: set by `during` of this vCPU, whose frame is further up on this stack.
    let Some(frame) = (unsafe { slot.load(Relaxed).as_ref() }) else { return };
    let registers = frame.registers();
    let mut stack = [0; STACK];
    let address = registers.rsp as usize;
    let in_page = (PAGE_SIZE - address % PAGE_SIZE) / 8;
    let words = stack.iter_mut().take(in_page);
    let count = words.len();
    for (index, word) in words.enumerate() {
        let place = core::ptr::with_exposed_provenance::<u64>(address + index * 8);
        // SAFETY: the CPU has pushed the frame below this address of the same page, or the page is
        // the one above, which `paging` maps like all RAM.
        *word = unsafe { place.read_unaligned() };
    }
    let stack = stack.get(..count).unwrap_or_default();
    // All vCPUs of the domain are interrupted at once.
    let _printing = PRINTING.lock();
    early_println!("debug: {}", VcpuDump { vcpu, registers: &registers, stack });
    if vcpu == 0
        && let Some(events) = events::events()
    {
        early_println!("debug: {}", events.dump());
    }
}
