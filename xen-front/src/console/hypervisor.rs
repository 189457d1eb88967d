//! Xen's own console, through a hypercall.

use core::fmt;
use xen_hypercall::{Errno, Hypercall, ops::console_io};

/// Xen's own console: for dom0, and for every guest of a debug build of Xen.
///
/// It needs no set-up and never blocks. Xen puts a carriage return before each line feed.
#[derive(Clone, Copy, Debug)]
pub struct HypervisorConsole<H>(
    /// The issuer of hypercalls.
    pub H,
);

impl<H: Hypercall> HypervisorConsole<H> {
    /// Writes all of `bytes`.
    ///
    /// # Errors
    ///
    /// `EPERM` in a guest that may not.
    #[doc(alias = "CONSOLEIO_write")]
    pub fn write_all(&self, bytes: &[u8]) -> Result<(), Errno> {
        if bytes.is_empty() { Ok(()) } else { console_io::write(&self.0, bytes).map(drop) }
    }

    /// Reads typed bytes into `buffer` and returns their number. `VIRQ_CONSOLE` announces typed
    /// bytes.
    ///
    /// # Errors
    ///
    /// `EPERM` in a guest that may not.
    #[doc(alias = "CONSOLEIO_read")]
    pub fn read(&self, buffer: &mut [u8]) -> Result<usize, Errno> {
        if buffer.is_empty() { Ok(0) } else { console_io::read(&self.0, buffer) }
    }
}

impl<H: Hypercall> fmt::Write for HypervisorConsole<H> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.write_all(text.as_bytes()).map_err(|_| fmt::Error)
    }
}
