//! The console ring, shared with a console daemon.

use super::ConsoleError;
use crate::connection;
use core::fmt;
use core::mem::offset_of;
use core::time::Duration;
use xen_evtchn::Channel;
use xen_hypercall::boot::{self, BootError, BootRing};
use xen_hypercall::{Instant, Mapped, Platform, Port, SharedMem};
use xen_ring::{ByteConsumer, ByteProducer};
use xen_sys::io::console::XenconsInterface as Page;

/// Sizes of the two rings in bytes.
const OUT: usize = 2048;
const IN: usize = 1024;

type Output = ByteProducer<
    { offset_of!(Page, out) },
    OUT,
    { offset_of!(Page, out_cons) },
    { offset_of!(Page, out_prod) },
>;
type Input = ByteConsumer<
    { offset_of!(Page, in_) },
    IN,
    { offset_of!(Page, in_cons) },
    { offset_of!(Page, in_prod) },
>;

/// Default time that formatted text waits for room: [`Console::set_text_timeout`] changes it.
pub(super) const TEXT_TIMEOUT: Duration = Duration::from_secs(2);

/// Bytes in place of a line feed in formatted text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Newline {
    /// A carriage return and a line feed, which a terminal in raw mode needs: `xl console` sets
    /// that mode.
    #[default]
    CrLf,
    /// A line feed.
    Raw,
}

/// A console in ring memory `M`: bytes out, bytes in.
///
/// [`write`](Self::write), [`write_all`](Self::write_all) and [`read`](Self::read) transfer
/// bytes unchanged. [`fmt::Write`] is for text: it replaces line feeds according to [`Newline`] and
/// waits for room, at most for the text timeout in each `write!`. Text without room is then lost,
/// and the next text does not wait before the reader has made room.
///
/// Each call notifies the peer at most once per batch of bytes that it put into the ring.
///
/// Source: `io/console.h`.
pub struct Console<P: Platform, M = Mapped<P>> {
    page: M,
    output: Output,
    input: Input,
    channel: Channel<P>,
    platform: P,
    newline: Newline,
    text_timeout: Duration,
    /// Time until which the pieces of one formatted text wait for room.
    text_deadline: Option<Instant>,
    /// Formatted text found no room, and the reader has made none since.
    stalled: bool,
    /// The ring has changes that the peer was not notified of.
    unseen: bool,
}

impl<P: Platform> Console<P> {
    /// Takes the ring that the toolstack set up before the domain started
    /// ([`console_ring`](xen_hypercall::boot::console_ring)).
    pub fn primary(ring: BootRing<P>) -> Self {
        let platform = ring.page.platform().clone();
        let channel = Channel::from_toolstack(platform.clone(), ring.port);
        Self::new(platform, ring.page, channel)
    }
}

impl<P: Platform> Console<P> {
    /// Continues after the domain was suspended and resumed elsewhere, with the ring that the
    /// toolstack has set up anew. Bytes in the old ring are lost, in both directions.
    ///
    /// # Errors
    ///
    /// Those of [`console_ring`](xen_hypercall::boot::console_ring); call it again.
    pub fn resume(&mut self) -> Result<(), BootError> {
        let ring = boot::console_ring(self.platform.clone())?;
        let (newline, text_timeout) = (self.newline, self.text_timeout);
        *self = Self { newline, text_timeout, ..Self::primary(ring) };
        Ok(())
    }
}

impl<P: Platform, M: AsRef<SharedMem>> Console<P, M> {
    /// Attaches to a console at the indices in its page; zeroed memory is a new console.
    pub fn new(platform: P, page: M, channel: Channel<P>) -> Self {
        let (output, input) = (Output::attach(page.as_ref()), Input::attach(page.as_ref()));
        let (newline, text_timeout) = (Newline::default(), TEXT_TIMEOUT);
        let (text_deadline, stalled, unseen) = (None, false, false);
        Self {
            page,
            output,
            input,
            channel,
            platform,
            newline,
            text_timeout,
            text_deadline,
            stalled,
            unseen,
        }
    }

    /// Returns the port whose events announce input or room.
    pub fn port(&self) -> Port {
        self.channel.port()
    }

    /// Returns the memory of the ring.
    pub(super) fn memory(&self) -> &M {
        &self.page
    }

    /// Returns the settings of formatted text.
    pub(super) fn text_settings(&self) -> (Newline, Duration) {
        (self.newline, self.text_timeout)
    }

    /// Closes the port and returns the memory of the ring.
    pub(super) fn into_memory(self) -> M {
        self.page
    }

    /// Returns the channel, to unmask it or to bind it to a vCPU.
    pub fn channel(&self) -> &Channel<P> {
        &self.channel
    }

    /// Sets the bytes in place of line feeds in formatted text.
    pub fn set_newline(&mut self, newline: Newline) {
        self.newline = newline;
    }

    /// Sets the time that formatted text waits for room; with zero it never waits.
    pub fn set_text_timeout(&mut self, timeout: Duration) {
        self.text_timeout = timeout;
    }

    /// Writes as many of `bytes` as there is room for, without waiting, and returns their number.
    ///
    /// # Errors
    ///
    /// [`ConsoleError`], not `Timeout`.
    pub fn write(&mut self, bytes: &[u8]) -> Result<usize, ConsoleError> {
        let count = self.push(bytes)?;
        self.kick()?;
        Ok(count)
    }

    /// Writes all of `bytes`, waiting for room until `deadline`.
    ///
    /// # Errors
    ///
    /// [`ConsoleError`]; `Timeout` has the number of bytes written.
    pub fn write_all(&mut self, bytes: &[u8], deadline: Instant) -> Result<(), ConsoleError> {
        self.push_all(bytes, deadline)?;
        self.kick()
    }

    /// Reads available bytes into `buffer`, without waiting, and returns their number.
    ///
    /// # Errors
    ///
    /// [`ConsoleError`], not `Timeout`.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ConsoleError> {
        let count = self.input.read(self.page.as_ref(), buffer)?;
        self.unseen |= count != 0;
        self.kick()?;
        Ok(count)
    }

    /// Returns the number of bytes to read.
    ///
    /// # Errors
    ///
    /// [`ConsoleError::Ring`].
    pub fn available(&mut self) -> Result<usize, ConsoleError> {
        Ok(self.input.available(self.page.as_ref())?)
    }

    /// Returns the number of bytes that can be written without waiting.
    ///
    /// # Errors
    ///
    /// [`ConsoleError::Ring`].
    pub fn room(&mut self) -> Result<usize, ConsoleError> {
        Ok(self.output.free(self.page.as_ref())?)
    }

    /// Returns whether the peer has read all that was written.
    ///
    /// # Errors
    ///
    /// [`ConsoleError::Ring`].
    pub fn is_drained(&mut self) -> Result<bool, ConsoleError> {
        Ok(self.output.is_drained(self.page.as_ref())?)
    }

    /// Waits until the peer has read everything, at most until `deadline`. Call it before the
    /// domain shuts down.
    ///
    /// # Errors
    ///
    /// [`ConsoleError`]; `Timeout` has the number of bytes that the peer read of those in the ring.
    pub fn flush(&mut self, deadline: Instant) -> Result<(), ConsoleError> {
        let before = self.room()?;
        loop {
            let room = self.room()?;
            if room == OUT {
                return Ok(());
            }
            let timeout =
                ConsoleError::Timeout { written: room.saturating_sub(before), len: OUT - before };
            self.wait(deadline, timeout)?;
        }
    }

    /// Writes as many of `bytes` as there is room for; the next [`kick`](Self::kick) notifies the
    /// peer.
    fn push(&mut self, bytes: &[u8]) -> Result<usize, ConsoleError> {
        let count = self.output.write(self.page.as_ref(), bytes)?;
        self.unseen |= count != 0;
        Ok(count)
    }

    fn push_all(&mut self, bytes: &[u8], deadline: Instant) -> Result<(), ConsoleError> {
        let mut written = 0;
        loop {
            let rest = bytes.get(written..).unwrap_or_default();
            let count = self.push(rest)?;
            written += count;
            if count == rest.len() {
                return Ok(());
            }
            if count == 0 {
                self.wait(deadline, ConsoleError::Timeout { written, len: bytes.len() })?;
            }
        }
    }

    /// Notifies the peer of bytes written or read since the last call.
    fn kick(&mut self) -> Result<(), ConsoleError> {
        if core::mem::take(&mut self.unseen) {
            self.channel.notify().map_err(ConsoleError::Notify)?;
        }
        Ok(())
    }

    fn wait(&mut self, deadline: Instant, timeout: ConsoleError) -> Result<(), ConsoleError> {
        self.kick()?;
        let waited = connection::wait_before(&self.platform, self.port(), deadline, Duration::MAX);
        if waited { Ok(()) } else { Err(timeout) }
    }

    /// Returns the time until which text that is written now waits for room.
    fn text_deadline(&self) -> Instant {
        let timeout = if self.stalled { Duration::ZERO } else { self.text_timeout };
        self.text_deadline.unwrap_or_else(|| self.platform.now() + timeout)
    }

    fn push_text(&mut self, text: &str, deadline: Instant) -> Result<(), ConsoleError> {
        if self.newline == Newline::Raw {
            return self.push_all(text.as_bytes(), deadline);
        }
        for (at, line) in text.split('\n').enumerate() {
            if at != 0 {
                self.push_all(b"\r\n", deadline)?;
            }
            self.push_all(line.as_bytes(), deadline)?;
        }
        Ok(())
    }
}

impl<P: Platform, M: AsRef<SharedMem>> fmt::Write for Console<P, M> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let deadline = self.text_deadline();
        let result = self.push_text(text, deadline).and_then(|()| self.kick());
        self.stalled = matches!(result, Err(ConsoleError::Timeout { .. }));
        result.map_err(|_| fmt::Error)
    }

    /// Writes all pieces of a text by one deadline, which a slow reader cannot extend.
    fn write_fmt(&mut self, text: fmt::Arguments<'_>) -> fmt::Result {
        let before = self.text_deadline.replace(self.text_deadline());
        let result = fmt::write(self, text);
        self.text_deadline = before;
        result
    }
}

impl<P: Platform, M> fmt::Debug for Console<P, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Console")
            .field("output", &self.output)
            .field("input", &self.input)
            .field("channel", &self.channel)
            .finish_non_exhaustive()
    }
}
