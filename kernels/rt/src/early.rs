//! Early output: a kernel's words before any driver runs, and its last words when something has
//! gone wrong.
//!
//! Neither way needs memory, an interrupt or a peer:
//! - a guest on x86 writes to I/O port 0xe9, which every Xen logs line by line as `(d1) ...` (as
//!   far as `guest_loglvl` lets it), a guest on Arm to the UART of `vuart="sbsa_uart"`, if it has
//!   one;
//! - dom0 uses the `console_io` hypercall, and so does a guest on Arm without a UART: Xen refuses
//!   it to guests that the toolstack started, unless Xen is a debug build.

use crate::{clock, output, platform::Rt};
use core::fmt::{self, Write};
use core::sync::atomic::{AtomicU8, Ordering::Relaxed};
use xen_hypercall::ops::console_io;

/// Prints a line to the early output.
#[macro_export]
macro_rules! early_println {
    ($($arg:tt)*) => {{
        use core::fmt::Write as _;
        let _ = core::writeln!($crate::early::Early, $($arg)*);
    }};
}

/// Prints text to the early output.
#[macro_export]
macro_rules! early_print {
    ($($arg:tt)*) => {{
        use core::fmt::Write as _;
        let _ = core::write!($crate::early::Early, $($arg)*);
    }};
}

/// No Xen here.
const BARE: u8 = 0;
/// A guest.
const GUEST: u8 = 1;
/// `console_io`.
const DOM0: u8 = 2;

/// Target of output: one of the above.
static ROUTE: AtomicU8 = AtomicU8::new(BARE);

/// Picks Xen's way for a guest or for dom0, and makes it the way of the `log` crate too.
pub(crate) fn init(dom0: bool) {
    ROUTE.store(if dom0 { DOM0 } else { GUEST }, Relaxed);
    // It fails only if there is a logger already, and then that one stays.
    let _ = log::set_logger(&Early);
    log::set_max_level(log::LevelFilter::Info);
}

/// The early output as a [`core::fmt::Write`] and as a [`log::Log`].
#[derive(Clone, Copy, Debug)]
pub struct Early;

impl Write for Early {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        match ROUTE.load(Relaxed) {
            // If Xen refuses, there is nowhere left to say so.
            DOM0 => drop(console_io::write(&Rt::new(), text.as_bytes())),
            route => output::write(text, route == BARE),
        }
        Ok(())
    }
}

impl log::Log for Early {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let now = clock::now().as_nanos() / 1_000;
        let (seconds, micros) = (now / 1_000_000, now % 1_000_000);
        early_println!(
            "[{seconds:5}.{micros:06}] {:5} {}: {}",
            record.level(),
            record.target(),
            record.args()
        );
    }

    fn flush(&self) {}
}
