//! `mem`: the memory that the domain has, and its balloon.

use crate::error::Error;
use crate::system::System;
use core::fmt::Write;
use xen_guest::BalloonStatistics;
use xen_hypercall::{PAGE_SIZE, Platform};

pub(crate) fn print<P: Platform>(system: &System<'_, P>, out: &mut dyn Write) -> Result<(), Error> {
    let BalloonStatistics {
        current, target, minimum, maximum, ballooned, released, populated, ..
    } = system.memory()?;
    let kib = |pages: u64| pages * (PAGE_SIZE as u64 / 1024);
    writeln!(out, "memory {} KiB, target {} KiB", kib(current), kib(target))?;
    writeln!(out, "limits {} KiB to {} KiB", kib(minimum), kib(maximum))?;
    writeln!(
        out,
        "balloon {} KiB; released {released} pages, populated {populated}",
        kib(ballooned)
    )?;
    Ok(())
}
