//! Interrupt lines: the I/O APIC, by which the events of vCPU 0 can come where there is no better
//! way, and a device that has one, the clock.
//!
//! Xen emulates one for HVM guests and for a PVH dom0, not for PVH guests; only the former have the
//! PIC too, without which it raises no line for events.

use super::interrupts::{self, LINE_VECTOR, UPCALL_VECTOR};
use crate::platform::Rt;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
use spin::{Mutex, Once};
use x86_64::instructions::port::Port;
use xen_evtchn::{Callback, set_callback};
use xen_hypercall::Errno;

/// Usual address of the first I/O APIC. The ACPI tables have the exact one; this kernel doesn't
/// read them.
const IO_APIC: usize = 0xfec0_0000;
/// Offset of what the register that was selected holds.
const WINDOW: usize = 0x10;
const VERSION: u32 = 1;
const REDIRECTIONS: u32 = 0x10;

/// In a redirection: triggered by a level, active when high, to the CPU with a physical number.
const LEVEL: u32 = 1 << 15;
const MASKED: u32 = 1 << 16;

/// Held while a register is selected.
static SELECTED: Mutex<()> = Mutex::new(());

/// Interrupts that came by a line.
static TAKEN: AtomicU32 = AtomicU32::new(0);

/// Reason why no event comes by a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// The callback is none by a line.
    #[error("{0:?} is not by a line")]
    Callback(Callback),
    /// The domain has no I/O APIC: it is a PVH guest.
    #[error("the domain has no I/O APIC")]
    NoIoApic,
    /// The domain has no PIC, so that Xen raises no line for events: it is a PVH dom0.
    #[error("Xen raises no line for the events of a domain without a PIC")]
    NoPic,
    /// The I/O APIC has no such pin.
    #[error("line {line} of an I/O APIC with {pins} pins")]
    Pin {
        /// The pin that was asked for.
        line: u32,
        /// Number of pins.
        pins: u32,
    },
    /// Xen refused the callback.
    #[error("Xen refused the callback: {0}")]
    Xen(Errno),
}

fn register(offset: usize) -> *mut u32 {
    core::ptr::with_exposed_provenance_mut(IO_APIC + offset)
}

fn read(index: u32) -> u32 {
    // SAFETY: the first 4 GiB are mapped and no RAM lies there; where no device does either, Xen
    // answers with all ones.
    unsafe {
        register(0).write_volatile(index);
        register(WINDOW).read_volatile()
    }
}

fn write(index: u32, value: u32) {
    // SAFETY: as in `read`. An interrupt that this lets through finds a gate.
    unsafe {
        register(0).write_volatile(index);
        register(WINDOW).write_volatile(value);
    }
}

/// Returns how many pins the I/O APIC has; `None` without one.
pub(crate) fn pins() -> Option<u32> {
    let _lock = SELECTED.lock();
    let version = read(VERSION);
    (version != u32::MAX && version != 0).then(|| (version >> 16 & 0xff) + 1)
}

/// Has the events of vCPU 0, which executes this, come by the line of `callback`; those of others
/// don't come any more.
pub(crate) fn start(callback: Callback) -> Result<(), LineError> {
    let line = callback.line().ok_or(LineError::Callback(callback))?;
    let pins = pins().ok_or(LineError::NoIoApic)?;
    if line >= pins {
        return Err(LineError::Pin { line, pins });
    }
    if !pic() {
        return Err(LineError::NoPic);
    }
    interrupts::turn_local_apic_on();
    route(line, true);
    set_callback(&Rt::new(), callback).map_err(LineError::Xen)
}

/// Has events come by the vector of the whole domain again, and masks the line of `callback`.
pub(crate) fn stop(callback: Callback) -> Result<(), LineError> {
    let line = callback.line().ok_or(LineError::Callback(callback))?;
    set_callback(&Rt::new(), Callback::Vector(UPCALL_VECTOR)).map_err(LineError::Xen)?;
    route(line, false);
    Ok(())
}

/// Has interrupts of `line` come to vCPU 0, whose local APIC has the number 0, or no longer.
fn route(line: u32, on: bool) {
    let low = REDIRECTIONS + 2 * line;
    let _lock = SELECTED.lock();
    write(low, MASKED);
    write(low + 1, 0);
    write(low, u32::from(LINE_VECTOR) | LEVEL | if on { 0 } else { MASKED });
}

/// Counts an interrupt.
pub(crate) fn count() {
    TAKEN.fetch_add(1, Relaxed);
}

/// Returns how many interrupts came by a line.
pub(crate) fn taken() -> u32 {
    TAKEN.load(Relaxed)
}

/// Returns whether the domain has a PIC, all of whose interrupts are masked then: it is an HVM
/// guest.
pub(crate) fn pic() -> bool {
    const ALL: u8 = 0xff;
    /// All but the one of the second PIC, which is masked too.
    const PROBE: u8 = 0xfb;
    static FOUND: Once<bool> = Once::new();
    *FOUND.call_once(|| {
        let (mut first, mut second) = (Port::<u8>::new(0x21), Port::<u8>::new(0xa1));
        // SAFETY: the masks of the two PICs. Where there is none, Xen ignores the writes.
        unsafe {
            second.write(ALL);
            first.write(PROBE);
            let found = first.read() == PROBE;
            first.write(ALL);
            found
        }
    })
}

/// Reads register `index` of the clock, and writes it if there is something to write.
fn clock(index: u8, value: Option<u8>) -> u8 {
    let _lock = SELECTED.lock();
    // SAFETY: the clock's two ports; where there is none, Xen answers with all ones. Its interrupt
    // is masked at both controllers.
    unsafe {
        Port::<u8>::new(0x70).write(index);
        let mut data = Port::<u8>::new(0x71);
        if let Some(value) = value {
            data.write(value);
        }
        data.read()
    }
}

const CLOCK_B: u8 = 0x0b;
const CLOCK_C: u8 = 0x0c;
/// In register B: interrupts when the second changes.
const EACH_SECOND: u8 = 1 << 4;
/// In register C: there was an interrupt.
const INTERRUPT: u8 = 1 << 7;

/// Has the clock interrupt once a second, or no longer.
pub(crate) fn clock_interrupts(on: bool) {
    let control = clock(CLOCK_B, None) & !EACH_SECOND;
    clock(CLOCK_B, Some(control | if on { EACH_SECOND } else { 0 }));
}

/// Reads what the clock has interrupted for, which lets it interrupt again.
pub(crate) fn end_clock_interrupt() -> bool {
    clock(CLOCK_C, None) & INTERRUPT != 0
}
