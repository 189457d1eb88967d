//! Runtime of a store.

use crate::connection::Buffer;
use core::ops::Deref;
use xen_hypercall::{Instant, OutOfMemory, PAGE_SIZE, PageArc, Pages, Platform, Port};

/// The kernel or the process of a store: memory once, time, and a way to wait. Every [`Platform`]
/// is one.
pub trait Runtime: Clone {
    /// Memory for messages.
    type Memory: Buffer;

    /// A counted reference to a value: a [`PageArc`] in a kernel.
    type Shared<T>: Clone + Deref<Target = T>;

    /// Moves a value to where counted references to it can be made.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] if there is no memory.
    fn share<T>(&self, value: T) -> Result<Self::Shared<T>, OutOfMemory>;

    /// Allocates memory of at least `len` bytes.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] if there is none.
    fn memory(&self, len: usize) -> Result<Self::Memory, OutOfMemory>;

    /// Returns the present moment. Never goes back.
    fn now(&self) -> Instant;

    /// Returns a number that changes whenever something was received, where one thread may receive
    /// what another one waits for.
    fn progress(&self) -> u64 {
        0
    }

    /// Waits until `port` has an event, or [`progress`](Self::progress) is no longer what was
    /// `seen`, or until `deadline`; may return early.
    fn wait(&self, port: Port, deadline: Instant, seen: u64);
}

impl<P: Platform> Runtime for P {
    type Memory = Pages<P>;
    type Shared<T> = PageArc<P, T>;

    fn share<T>(&self, value: T) -> Result<PageArc<P, T>, OutOfMemory> {
        PageArc::new(self.clone(), value)
    }

    fn memory(&self, len: usize) -> Result<Pages<P>, OutOfMemory> {
        Pages::alloc(self.clone(), len.div_ceil(PAGE_SIZE))
    }

    fn now(&self) -> Instant {
        Platform::now(self)
    }

    fn wait(&self, port: Port, deadline: Instant, _seen: u64) {
        Platform::wait(self, &[port], Some(deadline));
    }
}
