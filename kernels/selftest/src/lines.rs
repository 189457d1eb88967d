//! Events by an interrupt line, as Xen raises it for HVM guests: each one interrupts once, and by
//! the vector again afterwards. In a PVH domain the refusals.

use crate::report::{Expected, Refusal, Report, is, op};
use crate::smp::{Open, forget, ipi, taken, until};
use xen_evtchn::{Callback, set_callback};
use xen_hypercall::Errno;
use xen_hypercall::ops::hvm;
use xen_kernel_rt::{LineError, Rt};
use xen_sys::hvm::params::HVM_PARAM_CALLBACK_IRQ;

/// Events by each way.
const EVENTS: u32 = 1_000;

/// Lines that every I/O APIC has, and that no device of Xen's uses.
const WAYS: [Callback; 2] =
    [Callback::Gsi(20), Callback::PciIntx { segment: 0, bus: 0, device: 1, pin: 2 }];

impl Refusal for LineError {
    fn of(errno: Errno) -> Self {
        Self::Xen(errno)
    }
}

/// Tries it in the format that is in use.
pub(crate) fn test(t: &mut Report) {
    let xen = t.xen;
    // As many as the machine's, for dom0; for a guest as Xen gives each.
    let pins = if t.hvm { Some(48) } else { t.dom0.then_some(24) };
    t.line("Rt::io_apic_pins", &[], Ok::<_, Errno>(xen.io_apic_pins()), is(pins));
    let Ok(port) = ipi(xen, 0) else { return t.fact("a port for events by lines", false) };
    let Ok(before) = hvm::get_param(&xen, HVM_PARAM_CALLBACK_IRQ) else {
        return t.fact("the way so far", false);
    };
    for callback in WAYS {
        let way = [alloc::format!("{callback:?}")];
        let refusal = if t.dom0 { LineError::NoPic } else { LineError::NoIoApic };
        let expected = if t.hvm { is(()) } else { Expected::Is(Err(refusal)) };
        if t.line("Rt::use_line", &way, xen.use_line(callback), expected).is_some() {
            t.line("events by the line, and as before", &way, events(xen, &port), is((EVENTS, 0)));
            t.line("Rt::leave_line", &way, xen.leave_line(callback), is(()));
        } else {
            // Xen does not say that it does nothing.
            t.line("set_callback", &way, set_callback(&xen, callback), is(()));
        }
        t.line("events by the line, and as before", &way, events(xen, &port), is((0, EVENTS)));
        op!(t, hvm::set_callback_irq(before) => is(()));
    }
    if !t.hvm {
        // The same goes for no way at all.
        t.line("set_callback", &["Off".into()], set_callback(&xen, Callback::Off), is(()));
        t.line(
            "events by the line, and as before",
            &["Off".into()],
            events(xen, &port),
            is((0, EVENTS)),
        );
        op!(t, hvm::set_callback_irq(before) => is(()));
    }
    let beyond = Callback::Gsi(99);
    let expected = match pins {
        Some(pins) => Expected::Is(Err(LineError::Pin { line: 99, pins })),
        None => Expected::Is(Err(LineError::NoIoApic)),
    };
    t.line("Rt::use_line", &[alloc::format!("{beyond:?}")], xen.use_line(beyond), expected);
    let vector = Callback::Vector(0x40);
    let refusal = Expected::Is(Err(LineError::Callback(vector)));
    t.line("Rt::use_line", &[alloc::format!("{vector:?}")], xen.use_line(vector), refusal);
}

/// Sends events one by one. Returns how many upcalls came for them by lines, and otherwise; an
/// event that came by none fails.
fn events(xen: Rt, port: &Open) -> Result<(u32, u32), Errno> {
    forget();
    let before = xen.line_upcalls();
    for count in 1..=EVENTS {
        port.notify()?;
        if !until(xen, || taken(0, port) == count) {
            return Err(Errno::ETIME);
        }
    }
    let by_line = xen.line_upcalls() - before;
    Ok((by_line, EVENTS.saturating_sub(by_line)))
}
