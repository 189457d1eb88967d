//! Output of a guest: the UART that Xen emulates, if the domain has one, else Xen's console, which
//! Xen refuses to guests that it has not started itself.

use crate::Rt;
use core::fmt::Write;
use core::ptr::NonNull;
use spin::Once;
use xen_guest::arch::Uart;
use xen_hypercall::ops::console_io;

static UART: Once<Uart> = Once::new();

/// Uses the UART with registers at `address`, which are mapped.
pub(super) fn init(address: u64) {
    if let Some(registers) = NonNull::new(core::ptr::with_exposed_provenance_mut(address as usize))
    {
        // SAFETY: the registers of the device tree, mapped to their own address.
        UART.call_once(|| unsafe { Uart::new(registers) });
    }
}

/// Writes text. There is no machine without Xen.
pub(crate) fn write(text: &str, _is_bare: bool) {
    match UART.get().copied() {
        Some(mut uart) => drop(uart.write_str(text)),
        // After a refusal there is no other output.
        None => drop(console_io::write(&Rt::new(), text.as_bytes())),
    }
}
