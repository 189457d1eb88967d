//! Log lines to the device model.

use super::PortIo;
use super::unplug::PORT_LOG;
use core::fmt;

/// Log of the device model, which [`unplug`](super::unplug) returns: a line ends with a newline.
///
/// QEMU has them as trace event `xen_platform_log`, cut at 4,095 bytes.
#[derive(Clone, Copy, Debug)]
pub struct DeviceModelLog<I> {
    ports: I,
}

impl<I: PortIo> DeviceModelLog<I> {
    pub(super) fn new(ports: I) -> Self {
        Self { ports }
    }
}

impl<I: PortIo> fmt::Write for DeviceModelLog<I> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            // SAFETY: the device model logs bytes at this port, and changes nothing.
            unsafe { self.ports.write8(PORT_LOG, byte) };
        }
        Ok(())
    }
}
