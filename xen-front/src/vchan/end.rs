//! The common part of both ends.

use super::VchanError;
use crate::connection;
use core::fmt;
use core::time::Duration;
use xen_evtchn::{Bound, Channel};
use xen_grant::MAX_PAGES;
use xen_hypercall::{Instant, OutOfMemory, PageVec, Platform, Port, SharedMem};
use xen_ring::{Notify, Vchan, VchanPeer};

/// The pages of a ring outside of the first page, in parts that are each granted or mapped as one:
/// at most 16 for a ring of 256 pages. The list is in pages of the platform.
pub(super) struct Parts<P: Platform, M>(PageVec<P, M>);

impl<P: Platform, M> Parts<P, M> {
    /// Makes the list of a ring that has one part, or none.
    pub(super) fn whole(platform: &P, part: Option<M>) -> Result<Self, VchanError> {
        let mut parts = PageVec::new(platform.clone());
        if let Some(part) = part {
            parts.push(part).map_err(|_| VchanError::Memory(OutOfMemory { pages: 1 }))?;
        }
        Ok(Self(parts))
    }

    /// Allocates the list for a ring of `pages` pages, and fills it with the parts that `part`
    /// makes of a number of pages each.
    pub(super) fn new(
        platform: &P,
        mut pages: usize,
        mut part: impl FnMut(usize) -> Result<M, VchanError>,
    ) -> Result<Self, VchanError> {
        let count = pages.div_ceil(MAX_PAGES);
        let parts = PageVec::with_capacity(platform.clone(), count);
        let mut parts = parts.map_err(VchanError::Memory)?;
        while pages > 0 {
            let some = pages.min(MAX_PAGES);
            // The capacity is reserved.
            let _ = parts.push(part(some)?);
            pages -= some;
        }
        Ok(Self(parts))
    }
}

impl<P: Platform, M> AsRef<[M]> for Parts<P, M> {
    fn as_ref(&self) -> &[M] {
        &self.0
    }
}

/// The longest wait for an event. A destroyed domain sends none, so its state is polled at this
/// interval.
pub(super) const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// One end of a vchan, in memory of kind `M`. [`Server`](super::Server) and
/// [`Client`](super::Client) are such.
///
/// When it is dropped, the peer is notified.
pub struct End<P: Platform, M: AsRef<SharedMem>> {
    // Dropped in this order: the peer is notified when its memory is released.
    ring: Vchan<M, Parts<P, M>>,
    channel: NotifyOnDrop<P>,
    platform: P,
}

/// A channel that notifies the peer when it is dropped.
struct NotifyOnDrop<P: Platform>(Channel<P>);

impl<P: Platform> Drop for NotifyOnDrop<P> {
    fn drop(&mut self) {
        // A peer that cannot be notified has disconnected before.
        let _ = self.0.notify();
    }
}

impl<P: Platform, M: AsRef<SharedMem>> End<P, M> {
    pub(super) fn new(platform: P, ring: Vchan<M, Parts<P, M>>, channel: Channel<P>) -> Self {
        Self { ring, channel: NotifyOnDrop(channel), platform }
    }

    /// Returns the platform.
    pub(super) fn platform(&self) -> &P {
        &self.platform
    }

    /// Returns whether the offer of this server stands.
    pub(super) fn is_offered(&self) -> bool {
        self.ring.is_offered()
    }

    /// Continues with a new offer, and notifies the client.
    pub(super) fn renew(&mut self, ring: Vchan<M, Parts<P, M>>) {
        self.ring = ring;
        self.notify(Notify::Send);
    }

    /// Returns the port whose events announce bytes, room, or a peer that connected or
    /// disconnected.
    pub fn port(&self) -> Port {
        self.channel.0.port()
    }

    /// Returns the channel, to unmask it or to bind it to a vCPU.
    pub fn channel(&self) -> &Channel<P> {
        &self.channel.0
    }

    /// Returns the state of the peer: from the ring, and from Xen, which reports one that was
    /// destroyed.
    #[doc(alias = "libxenvchan_is_open")]
    pub fn peer(&self) -> VchanPeer {
        match self.ring.peer() {
            VchanPeer::Live if !self.is_bound() => VchanPeer::Gone,
            peer => peer,
        }
    }

    /// Returns whether the peer has its end of the event channel open.
    pub(super) fn is_bound(&self) -> bool {
        self.channel
            .0
            .status()
            .is_ok_and(|status| matches!(status.bound, Bound::Interdomain { .. }))
    }

    /// Returns the number of bytes to read.
    ///
    /// # Errors
    ///
    /// [`VchanError::Corrupt`].
    #[doc(alias = "libxenvchan_data_ready")]
    pub fn available(&mut self) -> Result<usize, VchanError> {
        Ok(self.ring.available()?)
    }

    /// Returns the number of bytes that can be written.
    ///
    /// # Errors
    ///
    /// [`VchanError::Corrupt`].
    #[doc(alias = "libxenvchan_buffer_space")]
    pub fn space(&mut self) -> Result<usize, VchanError> {
        Ok(self.ring.free()?)
    }

    /// Reads available bytes into `buffer`, without waiting, and returns their number.
    ///
    /// # Errors
    ///
    /// [`VchanError::Corrupt`]; [`VchanError::Disconnected`] if the peer has disconnected and all
    /// its bytes were read. Another client can connect to a server after that.
    #[doc(alias = "libxenvchan_read")]
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize, VchanError> {
        let count = self.take(buffer)?;
        if count == 0 && !buffer.is_empty() && self.ring.peer() == VchanPeer::Gone {
            // Bytes that it wrote between the first read and its shutdown.
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

    /// Writes as many of `bytes` as there is room for, without waiting, and returns their number. A
    /// server can write before its client connects.
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
            // A port that cannot send is not connected, which `peer` returns.
            let _ = self.channel.0.notify();
        }
    }

    /// Requests an event for bytes, and then checks: `true` means that there are bytes, or that the
    /// peer has disconnected; do not wait for [`port`](Self::port).
    ///
    /// # Errors
    ///
    /// [`VchanError::Corrupt`].
    pub fn final_check_readable(&mut self) -> Result<bool, VchanError> {
        Ok(self.ring.final_check_readable()? || self.peer() == VchanPeer::Gone)
    }

    /// Requests an event for room, and then checks: `true` means that there is room, or that the
    /// peer has disconnected; do not wait for [`port`](Self::port).
    ///
    /// # Errors
    ///
    /// [`VchanError::Corrupt`].
    pub fn final_check_writable(&mut self) -> Result<bool, VchanError> {
        Ok(self.ring.final_check_writable(1)? || self.peer() == VchanPeer::Gone)
    }

    /// Waits until there are bytes to read, or the peer has disconnected.
    ///
    /// # Errors
    ///
    /// [`VchanError::Timeout`] after `deadline`, [`VchanError::Corrupt`].
    pub fn wait_readable(&mut self, deadline: Instant) -> Result<(), VchanError> {
        self.wait_until(deadline, Self::final_check_readable)
    }

    /// Waits until there is room to write, or the peer has disconnected.
    ///
    /// # Errors
    ///
    /// [`VchanError::Timeout`] after `deadline`, [`VchanError::Corrupt`].
    pub fn wait_writable(&mut self, deadline: Instant) -> Result<(), VchanError> {
        self.wait_until(deadline, Self::final_check_writable)
    }

    /// Waits until the peer has read all that was written. Call it before this end closes: some
    /// peers, such as Xen's `vchan-socket-proxy`, do not read afterwards.
    ///
    /// # Errors
    ///
    /// [`VchanError::Timeout`] after `deadline`, [`VchanError::Disconnected`] if it disconnected
    /// before,
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
            if !connection::wait_before(&self.platform, self.port(), deadline, POLL_INTERVAL) {
                return Err(VchanError::Timeout);
            }
        }
        Ok(())
    }

    /// Marks this end as disconnected.
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
