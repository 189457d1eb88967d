//! Output of a guest: I/O port 0xe9; without Xen a PC's first serial line too.

use core::fmt::Write;
use x86_64::instructions::port::Port;
use xen_guest::arch::DebugPort;

/// Writes text; emulators have the port in common with Xen, which `is_bare` denies.
pub(crate) fn write(text: &str, is_bare: bool) {
    let _ = DebugPort.write_str(text);
    if is_bare {
        text.bytes().for_each(serial);
    }
}

fn serial(byte: u8) {
    let mut data = Port::<u8>::new(0x3f8);
    let mut line_status = Port::<u8>::new(0x3fd);
    // SAFETY: on a PC these ports belong to the first serial line or to no device. The wait for
    // room is bounded, because a line that is not there never has any.
    unsafe {
        let _ = (0..10_000).find(|_| line_status.read() & 0x20 != 0);
        data.write(byte);
    }
}
