//! Terminals of the shell.

use alloc::string::String;
use core::fmt;
use xen_front::console::{Console, HypervisorConsole};
use xen_hypercall::{Hypercall, Instant, Platform, Port};

/// A terminal: text out, and typed bytes in. A line feed out begins a new line.
pub trait Terminal: fmt::Write {
    /// Returns the next byte that was typed, `None` if there is none now.
    fn read(&mut self) -> Option<u8>;

    /// Returns the port whose events announce input, if there is one; otherwise the shell polls.
    fn port(&self) -> Option<Port>;

    /// Waits until all text has left, at most until `deadline`.
    fn flush(&mut self, deadline: Instant);

    /// Continues where the domain was resumed elsewhere; a failure is not reported.
    fn resume(&mut self) {}
}

impl<P: Platform> Terminal for Console<P> {
    fn read(&mut self) -> Option<u8> {
        let mut byte = [0];
        // A broken console has no input any more; there is no better place to say so.
        matches!(Self::read(self, &mut byte), Ok(1)).then_some(byte[0])
    }

    fn port(&self) -> Option<Port> {
        Some(Self::port(self))
    }

    fn flush(&mut self, deadline: Instant) {
        let _ = Self::flush(self, deadline);
    }

    fn resume(&mut self) {
        let _ = Self::resume(self);
    }
}

impl<H: Hypercall> Terminal for HypervisorConsole<H> {
    fn read(&mut self) -> Option<u8> {
        let mut byte = [0];
        matches!(Self::read(self, &mut byte), Ok(1)).then_some(byte[0])
    }

    fn port(&self) -> Option<Port> {
        None
    }

    fn flush(&mut self, _: Instant) {}
}

/// A terminal without input.
#[derive(Clone, Copy, Debug)]
pub struct Mute<W>(
    /// Target of the text.
    pub W,
);

impl<W: fmt::Write> fmt::Write for Mute<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write_str(text)
    }
}

impl<W: fmt::Write> Terminal for Mute<W> {
    fn read(&mut self) -> Option<u8> {
        None
    }

    fn port(&self) -> Option<Port> {
        None
    }

    fn flush(&mut self, _: Instant) {}
}

impl<T: Terminal + ?Sized> Terminal for &mut T {
    fn read(&mut self) -> Option<u8> {
        (**self).read()
    }

    fn port(&self) -> Option<Port> {
        (**self).port()
    }

    fn flush(&mut self, deadline: Instant) {
        (**self).flush(deadline);
    }

    fn resume(&mut self) {
        (**self).resume();
    }
}

/// Collects text and passes it on line by line, because each piece that a console gets is a
/// notification to its reader.
#[derive(Debug)]
pub struct LineWriter<'t, T: Terminal> {
    terminal: &'t mut T,
    line: String,
}

impl<'t, T: Terminal> LineWriter<'t, T> {
    /// Writes to `terminal`. What is left of a last line goes out when this is dropped.
    pub fn new(terminal: &'t mut T) -> Self {
        Self { terminal, line: String::new() }
    }
}

impl<T: Terminal> fmt::Write for LineWriter<'_, T> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.line.push_str(text);
        if !text.contains('\n') {
            return Ok(());
        }
        let end = self.line.rfind('\n').map_or(0, |at| at + 1);
        let result = self.terminal.write_str(&self.line[..end]);
        self.line.drain(..end);
        result
    }
}

impl<T: Terminal> Drop for LineWriter<'_, T> {
    fn drop(&mut self) {
        if !self.line.is_empty() {
            let _ = self.terminal.write_str(&self.line);
        }
    }
}
