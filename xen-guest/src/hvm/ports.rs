//! I/O ports.

/// Access to I/O ports, in the widths of the unplug protocol and of PCI.
///
/// `Ports` of x86 implements it with the instructions; a simulated device does in software.
pub trait PortIo {
    /// Reads a byte.
    ///
    /// # Safety
    ///
    /// The access must not make a device break an invariant of other code.
    unsafe fn read8(&self, port: u16) -> u8;

    /// Reads two bytes.
    ///
    /// # Safety
    ///
    /// That of [`read8`](Self::read8).
    unsafe fn read16(&self, port: u16) -> u16;

    /// Reads four bytes.
    ///
    /// # Safety
    ///
    /// That of [`read8`](Self::read8).
    unsafe fn read32(&self, port: u16) -> u32;

    /// Writes a byte.
    ///
    /// # Safety
    ///
    /// That of [`read8`](Self::read8).
    unsafe fn write8(&self, port: u16, value: u8);

    /// Writes two bytes.
    ///
    /// # Safety
    ///
    /// That of [`read8`](Self::read8).
    unsafe fn write16(&self, port: u16, value: u16);

    /// Writes four bytes.
    ///
    /// # Safety
    ///
    /// That of [`read8`](Self::read8).
    unsafe fn write32(&self, port: u16, value: u32);
}

/// I/O ports of the CPU, by `in` and `out`. For kernel mode.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy, Debug, Default)]
pub struct Ports;

#[cfg(target_arch = "x86_64")]
mod instructions {
    use super::{PortIo, Ports};
    use core::arch::asm;

    impl PortIo for Ports {
        unsafe fn read8(&self, port: u16) -> u8 {
            let value;
            // SAFETY: the caller's obligation.
            unsafe {
                asm!("in al, dx", out("al") value, in("dx") port,
                    options(nostack, preserves_flags));
            };
            value
        }

        unsafe fn read16(&self, port: u16) -> u16 {
            let value;
            // SAFETY: the caller's obligation.
            unsafe {
                asm!("in ax, dx", out("ax") value, in("dx") port,
                    options(nostack, preserves_flags));
            };
            value
        }

        unsafe fn read32(&self, port: u16) -> u32 {
            let value;
            // SAFETY: the caller's obligation.
            unsafe {
                asm!("in eax, dx", out("eax") value, in("dx") port,
                    options(nostack, preserves_flags));
            };
            value
        }

        unsafe fn write8(&self, port: u16, value: u8) {
            // SAFETY: the caller's obligation.
            unsafe {
                asm!("out dx, al", in("dx") port, in("al") value,
                    options(nostack, preserves_flags));
            };
        }

        unsafe fn write16(&self, port: u16, value: u16) {
            // SAFETY: the caller's obligation.
            unsafe {
                asm!("out dx, ax", in("dx") port, in("ax") value,
                    options(nostack, preserves_flags));
            };
        }

        unsafe fn write32(&self, port: u16, value: u32) {
            // SAFETY: the caller's obligation.
            unsafe {
                asm!("out dx, eax", in("dx") port, in("eax") value,
                    options(nostack, preserves_flags));
            };
        }
    }
}
