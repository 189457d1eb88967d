//! What both ends have in common.

use super::VchanError;
use core::fmt;
use core::time::Duration;
use heapless::Vec;
use xen_evtchn::{Bound, Channel};
use xen_grant::MAX_PAGES;
use xen_hypercall::{Instant, Platform, Port, SharedMem};
use xen_ring::{Notify, Vchan, VchanPeer};

/// The most parts of a ring: one of 256 pages has 16, each of as many pages as are shared or mapped
/// as one.
const PARTS: usize = 256 / MAX_PAGES;

/// The pages of one ring's own.
pub(super) type Parts<M> = Vec<M, PARTS>;

/// The longest wait for an event. A domain that is destroyed sends none, so look again after this
/// long.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// One end of a vchan, in memory of kind `M`. [`Server`](super::Server) and
/// [`Client`](super::Client) are such.
///
/// When it is dropped, the peer is told that it has left.
pub struct End<P: Platform, M: AsRef<SharedMem>> {
    // Dropped in this order: the peer hears of it when its memory has been let go of.
    ring: Vchan<M, Parts<M>>,
    channel: NotifyOnDrop<P>,
    platform: P,
}

/// Notifies the peer a last time.
struct NotifyOnDrop<P: Platform>(Channel<P>);

impl<P: Platform> Drop for NotifyOnDrop<P> {
    fn drop(&mut self) {
        // A peer that can't be notified has gone before.
        let _ = self.0.notify();
    }
}

impl<P: Platform, M: AsRef<SharedMem>> End<P, M> {
    pub(super) fn new(platform: P, ring: Vchan<M, Parts<M>>, channel: Channel<P>) -> Self {
        Self { ring, channel: NotifyOnDrop(channel), platform }
    }

    /// Returns the port whose events tell that there are bytes, or room, or that the peer came or
    /// left.
    pub fn port(&self) -> Port {
        self.channel.0.port()
    }

    /// Returns the channel, to unmask it or to bind it to a vCPU.
    pub fn channel(&self) -> &Channel<P> {
        &self.channel.0
    }

    /// Tells whether the peer is there: by its own word, and by Xen's, which knows of one that
    /// vanished.
    #[doc(alias = "libxenvchan_is_open")]
    pub fn peer(&self) -> VchanPeer {
        match self.ring.peer() {
            VchanPeer::Live if !self.is_bound() => VchanPeer::Gone,
            peer => peer,
        }
    }

    /// Tells whether the peer has its end of the event channel open.
    pub(super) fn is_bound(&self) -> bool {
        self.channel
            .0
            .status()
            .is_ok_and(|status| matches!(status.bound, Bound::Interdomain { .. }))
    }

    /// Returns how many bytes there are to read.
    ///
    /// # Errors
    ///
    /// [`VchanError::Corrupt`].
    #[doc(alias = "libxenvchan_data_ready")]
    pub fn available(&mut self) -> Result<usize, VchanError> {
        Ok(self.ring.available()?)
    }

    /// Returns how many bytes there is room for.
    ///
    /// # Errors
    ///
    /// [`VchanError::Corrupt`].
    #[doc(alias = "libxenvchan_buffer_space")]
    pub fn space(&mut self) -> Result<usize, VchanError> {
        Ok(self.ring.free()?)
    }

    /// Takes as many bytes as there are and `buffer` holds, without waiting, and returns how many.
    ///
    /// # Errors
    ///
    /// [`VchanError::Corrupt`]; [`VchanError::Disconnected`] if there are none, and there will be
    /// none. A server may get another client after that.
    #[doc(alias = "libxenvchan_read")]
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize, VchanError> {
        let count = self.take(buffer)?;
        if count == 0 && !buffer.is_empty() && self.ring.peer() == VchanPeer::Gone {
            // What it wrote between our look and its leaving.
            return match self.take(buffer)? {
                0 => Err(VchanError::Disconnected),
                count => Ok(count),
            };
        }
        Ok(count)
    }

    fn take(&mut self, buffer: &mut [u8]) -> Result<usize, VchanError> {
        let (count, notify) = self.ring.read(buffer)?;
        self.notify(notify);
        Ok(count)
    }

    /// Writes as many of `bytes` as there is room for, without waiting, and returns how many. A
    /// server may write before its client is there.
    ///
    /// # Errors
    ///
    /// [`VchanError::Corrupt`]; [`VchanError::Disconnected`] with nothing written.
    #[doc(alias = "libxenvchan_write")]
    pub fn write(&mut self, bytes: &[u8]) -> Result<usize, VchanError> {
        if self.ring.peer() == VchanPeer::Gone {
            return Err(VchanError::Disconnected);
        }
        let (count, notify) = self.ring.write(bytes)?;
        self.notify(notify);
        Ok(count)
    }

    pub(super) fn notify(&self, notify: Notify) {
        if notify == Notify::Send {
            // A port that can't send is not connected to anybody, which `peer` tells.
            let _ = self.channel.0.notify();
        }
    }

    /// Asks for an event when there are bytes, then looks: `true` means that there are, or that the
    /// peer has left; don't wait for [`port`](Self::port).
    ///
    /// # Errors
    ///
    /// [`VchanError::Corrupt`].
    pub fn final_check_readable(&mut self) -> Result<bool, VchanError> {
        Ok(self.ring.final_check_readable()? || self.peer() == VchanPeer::Gone)
    }

    /// Asks for an event when there is room, then looks: `true` means that there is, or that the
    /// peer has left; don't wait for [`port`](Self::port).
    ///
    /// # Errors
    ///
    /// [`VchanError::Corrupt`].
    pub fn final_check_writable(&mut self) -> Result<bool, VchanError> {
        Ok(self.ring.final_check_writable(1)? || self.peer() == VchanPeer::Gone)
    }

    /// Waits until there are bytes to read, or the peer has left.
    ///
    /// # Errors
    ///
    /// [`VchanError::Timeout`] after `deadline`, [`VchanError::Corrupt`].
    pub fn wait_readable(&mut self, deadline: Instant) -> Result<(), VchanError> {
        self.wait_until(deadline, Self::final_check_readable)
    }

    /// Waits until there is room to write, or the peer has left.
    ///
    /// # Errors
    ///
    /// [`VchanError::Timeout`] after `deadline`, [`VchanError::Corrupt`].
    pub fn wait_writable(&mut self, deadline: Instant) -> Result<(), VchanError> {
        self.wait_until(deadline, Self::final_check_writable)
    }

    /// Waits until the peer has read all that was written. Do it before this end closes: there are
    /// peers that don't look any more then, such as Xen's `vchan-socket-proxy`.
    ///
    /// # Errors
    ///
    /// [`VchanError::Timeout`] after `deadline`, [`VchanError::Disconnected`] if it left before,
    /// [`VchanError::Corrupt`].
    pub fn flush(&mut self, deadline: Instant) -> Result<(), VchanError> {
        self.wait_until(deadline, |end| match end.ring.final_check_writable(usize::MAX)? {
            false if end.peer() == VchanPeer::Gone => Err(VchanError::Disconnected),
            drained => Ok(drained),
        })
    }

    pub(super) fn wait_until(
        &mut self,
        deadline: Instant,
        mut check: impl FnMut(&mut Self) -> Result<bool, VchanError>,
    ) -> Result<(), VchanError> {
        while !check(self)? {
            let now = self.platform.now();
            if now >= deadline {
                return Err(VchanError::Timeout);
            }
            self.platform.wait(&[self.port()], Some(deadline.min(now + LOOK_AGAIN)));
        }
        Ok(())
    }

    /// Says that this end leaves.
    pub(super) fn shutdown(&mut self) {
        self.ring.shutdown();
    }
}

impl<P: Platform, M: AsRef<SharedMem>> Drop for End<P, M> {
    fn drop(&mut self) {
        self.shutdown();
    }
}

impl<P: Platform, M: AsRef<SharedMem>> fmt::Debug for End<P, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("End")
            .field("port", &self.port())
            .field("peer", &self.ring.peer())
            .finish_non_exhaustive()
    }
}
