//! `console ...`: secondary consoles.

use super::{CLOSE_TIMEOUT, CONNECT_TIMEOUT, DEVICES, names};
use crate::error::Error;
use crate::system::System;
use alloc::string::ToString;
use xen_front::console::{self, ConsoleFront};
use xen_hypercall::Platform;

/// Connects console `number`, writes `text` as a line, waits until it is read, and closes the
/// console.
pub(crate) fn write<P: Platform>(
    system: &System<'_, P>,
    number: u32,
    text: &str,
) -> Result<(), Error> {
    let (store, grants) = (system.store()?, system.grants()?);
    let numbers = console::list::<DEVICES>(store)?;
    if !numbers.contains(&number) {
        let (found, expected) = (number.to_string(), names(numbers.iter()));
        return Err(Error::NoDevice { kind: "console", found, expected });
    }
    let failed = |error| Error::Console { number, error };
    let deadline = system.platform.now() + CONNECT_TIMEOUT;
    let mut front = ConsoleFront::connect(store, grants, number, deadline).map_err(failed)?;
    if let Some(ring) = front.console() {
        ring.write_all(text.as_bytes(), deadline).map_err(failed)?;
        ring.write_all(b"\n", deadline).map_err(failed)?;
        ring.flush(deadline).map_err(failed)?;
    }
    front.close_and_wait(system.platform.now() + CLOSE_TIMEOUT).map_err(failed)
}
