//! `console_io`: Xen's own console. For dom0, and in debug builds of Xen for every guest. Source:
//! `xen.h`.

use super::check;
use crate::{Errno, Hypercall};
use xen_sys::xen::{CONSOLEIO_READ, CONSOLEIO_WRITE, HYPERVISOR_CONSOLE_IO};

/// Writes `text` and returns the number of bytes that Xen accepted.
///
/// # Errors
///
/// `EPERM` in a guest.
#[doc(alias = "CONSOLEIO_write")]
pub fn write<H: Hypercall + ?Sized>(xen: &H, text: &[u8]) -> Result<usize, Errno> {
    let address = text.as_ptr().expose_provenance();
    // SAFETY: Xen reads text.len() bytes, which are borrowed during the call.
    check(unsafe {
        xen.hypercall(HYPERVISOR_CONSOLE_IO, [CONSOLEIO_WRITE as usize, text.len(), address, 0, 0])
    })?;
    Ok(text.len())
}

/// Reads typed characters into `buffer` and returns their number of bytes.
///
/// # Errors
///
/// `EPERM` in a guest.
#[doc(alias = "CONSOLEIO_read")]
pub fn read<H: Hypercall + ?Sized>(xen: &H, buffer: &mut [u8]) -> Result<usize, Errno> {
    let address = buffer.as_mut_ptr().expose_provenance();
    // SAFETY: Xen writes at most buffer.len() bytes, which are borrowed mutably during the call.
    let count = check(unsafe {
        xen.hypercall(HYPERVISOR_CONSOLE_IO, [CONSOLEIO_READ as usize, buffer.len(), address, 0, 0])
    })?;
    Ok(count.min(buffer.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::recorder::{Recorder, issues};

    #[test]
    fn each_function_issues_its_operation() {
        issues! {
            write(b"hello") => HYPERVISOR_CONSOLE_IO, [CONSOLEIO_WRITE, 5], *b"hello";
            read(&mut [1, 2, 3]) => HYPERVISOR_CONSOLE_IO, [CONSOLEIO_READ, 3], [1u8, 2, 3];
        }
    }

    #[test]
    fn count_is_limited_to_buffer() {
        let xen = Recorder::expecting(2, 2).returning(9);
        assert_eq!(read(&xen, &mut [0; 2]), Ok(2));
    }
}
