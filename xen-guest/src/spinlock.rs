//! Spin lock whose waiters release their CPU (feature `spinlock`).
//!
//! On a host with more vCPUs than CPUs, a vCPU that spins may keep the holder of the lock from its
//! CPU. A waiter of this lock blocks in Xen after a short spin, and the holder notifies the next
//! waiter.

use core::cell::UnsafeCell;
use core::fmt;
use core::ops::{Deref, DerefMut};
#[cfg(not(loom))]
use xen_evtchn::{Channel, EventChannels};
#[cfg(not(loom))]
use xen_hypercall::ops::sched;
use xen_hypercall::sync::{AtomicU32, AtomicU64, Ordering, fence, spin_loop};
#[cfg(not(loom))]
use xen_hypercall::{Errno, Platform, SharedMem};

/// Number of reads of the lock before a waiter blocks.
const SPINS: u32 = if cfg!(loom) { 0 } else { 1 << 10 };

/// Port of each vCPU on which it blocks for a lock: [`KickPorts`] in a kernel.
pub trait LockWaits {
    /// Clears the event of the port of `vcpu`, which executes this.
    fn clear(&self, vcpu: usize);

    /// Blocks until the port of `vcpu`, which executes this, has an event. May return early.
    fn wait(&self, vcpu: usize);

    /// Sends an event to the port of `vcpu`.
    fn kick(&self, vcpu: usize);
}

/// One masked port for each of the first `N` vCPUs, on which it polls for a lock.
#[cfg(not(loom))]
pub struct KickPorts<'e, P: Platform, M: AsRef<SharedMem>, const N: usize> {
    platform: P,
    events: &'e EventChannels<P, M>,
    channels: heapless::Vec<Channel<P>, N>,
}

#[cfg(not(loom))]
impl<'e, P: Platform, M: AsRef<SharedMem>, const N: usize> KickPorts<'e, P, M, N> {
    /// Opens a port for each of the first `vcpus` vCPUs, at most `N`.
    ///
    /// # Errors
    ///
    /// `ENOENT` if there is no such vCPU, `ENOSPC`.
    pub fn new(platform: P, events: &'e EventChannels<P, M>, vcpus: u32) -> Result<Self, Errno> {
        let mut channels = heapless::Vec::new();
        for vcpu in (0..vcpus).take(N) {
            // There is room for `N`.
            let _ = channels.push(Channel::bind_ipi(platform.clone(), vcpu)?);
        }
        Ok(Self { platform, events, channels })
    }
}

#[cfg(not(loom))]
impl<P: Platform, M: AsRef<SharedMem>, const N: usize> LockWaits for KickPorts<'_, P, M, N> {
    fn clear(&self, vcpu: usize) {
        if let Some(channel) = self.channels.get(vcpu) {
            self.events.take_pending(channel.port());
        }
    }

    fn wait(&self, vcpu: usize) {
        if let Some(channel) = self.channels.get(vcpu) {
            // A refusal makes the waiter spin.
            let _ = sched::poll(&self.platform, &[channel.port()], None);
        }
    }

    fn kick(&self, vcpu: usize) {
        if let Some(channel) = self.channels.get(vcpu) {
            // Xen refuses no event on an open port.
            let _ = channel.notify();
        }
    }
}

#[cfg(not(loom))]
impl<P: Platform, M: AsRef<SharedMem>, const N: usize> fmt::Debug for KickPorts<'_, P, M, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KickPorts").field("channels", &self.channels).finish_non_exhaustive()
    }
}

/// Record of the waiters of all locks that `N` vCPUs use, with the means to block.
#[derive(Debug)]
pub struct LockWaiters<W, const N: usize> {
    waits: W,
    /// For each vCPU the lock and the ticket that it waits for; zero for none.
    slots: [AtomicU64; N],
}

impl<W: LockWaits, const N: usize> LockWaiters<W, N> {
    /// Creates a record without waiters.
    pub fn new(waits: W) -> Self {
        Self { waits, slots: core::array::from_fn(|_| AtomicU64::new(0)) }
    }

    /// Notifies the vCPU that waits for `key`.
    fn kick(&self, key: u64) {
        if let Some(vcpu) = self.slots.iter().position(|slot| slot.load(Ordering::Relaxed) == key) {
            self.waits.kick(vcpu);
        }
    }
}

/// Lock that is granted in the order of the requests.
///
/// It must be used with interrupts off, or by no interrupt handler: a vCPU waits for one lock at a
/// time. All users of a lock pass the same [`LockWaiters`].
pub struct TicketLock<T> {
    /// The next ticket to take.
    next: AtomicU32,
    /// The ticket that has the lock.
    serving: AtomicU32,
    data: UnsafeCell<T>,
}

// SAFETY: the lock gives its data to one thread at a time.
unsafe impl<T: Send> Sync for TicketLock<T> {}

impl<T> TicketLock<T> {
    /// Creates a lock.
    #[cfg(not(loom))]
    pub const fn new(data: T) -> Self {
        let (next, serving) = (AtomicU32::new(0), AtomicU32::new(0));
        Self { next, serving, data: UnsafeCell::new(data) }
    }

    /// Creates a lock.
    #[cfg(loom)]
    pub fn new(data: T) -> Self {
        let (next, serving) = (AtomicU32::new(0), AtomicU32::new(0));
        Self { next, serving, data: UnsafeCell::new(data) }
    }

    /// Waits for the lock on `vcpu`, which executes this.
    pub fn lock<'a, W: LockWaits, const N: usize>(
        &'a self,
        waiters: &'a LockWaiters<W, N>,
        vcpu: usize,
    ) -> TicketGuard<'a, T, W, N> {
        let ticket = self.next.fetch_add(1, Ordering::Relaxed);
        let guard = TicketGuard { lock: self, waiters, ticket };
        let mut spins = SPINS;
        while self.serving.load(Ordering::Acquire) != ticket {
            if spins > 0 {
                spins -= 1;
                spin_loop();
            } else {
                self.block(waiters, vcpu, ticket);
            }
        }
        guard
    }

    /// Blocks until the holder of the ticket before releases the lock.
    #[cold]
    fn block<W: LockWaits, const N: usize>(
        &self,
        waiters: &LockWaiters<W, N>,
        vcpu: usize,
        ticket: u32,
    ) {
        let Some(slot) = waiters.slots.get(vcpu) else {
            // A vCPU without a slot spins.
            return spin_loop();
        };
        // An event that comes from here on ends the wait.
        waiters.waits.clear(vcpu);
        slot.store(self.key(ticket), Ordering::Relaxed);
        // Either the holder finds the slot, or this load finds the lock released.
        fence(Ordering::SeqCst);
        if self.serving.load(Ordering::Relaxed) != ticket {
            waiters.waits.wait(vcpu);
        }
        slot.store(0, Ordering::Relaxed);
    }

    /// Returns the content of a waiter's slot. Two locks that share it cause a needless event.
    fn key(&self, ticket: u32) -> u64 {
        let lock = core::ptr::from_ref(self).addr() as u64;
        lock << 32 | u64::from(ticket) | 1 << 63
    }
}

impl<T> fmt::Debug for TicketLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TicketLock").finish_non_exhaustive()
    }
}

/// Access to the data of a lock, which is released when the guard is dropped.
pub struct TicketGuard<'a, T, W: LockWaits, const N: usize> {
    lock: &'a TicketLock<T>,
    waiters: &'a LockWaiters<W, N>,
    ticket: u32,
}

impl<T, W: LockWaits, const N: usize> Deref for TicketGuard<'_, T, W, N> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: this guard has the lock.
        unsafe { &*self.lock.data.get() }
    }
}

impl<T, W: LockWaits, const N: usize> DerefMut for TicketGuard<'_, T, W, N> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: this guard has the lock, and is borrowed mutably.
        unsafe { &mut *self.lock.data.get() }
    }
}

impl<T, W: LockWaits, const N: usize> Drop for TicketGuard<'_, T, W, N> {
    fn drop(&mut self) {
        let next = self.ticket.wrapping_add(1);
        self.lock.serving.store(next, Ordering::Release);
        // Either this finds the slot of a waiter, or the waiter finds the lock released.
        fence(Ordering::SeqCst);
        if self.lock.next.load(Ordering::Relaxed) != next {
            self.waiters.kick(self.lock.key(next));
        }
    }
}

impl<T, W: LockWaits, const N: usize> fmt::Debug for TicketGuard<'_, T, W, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TicketGuard").field("ticket", &self.ticket).finish_non_exhaustive()
    }
}
