//! The queues of a disk, shared by the device and the owners of its queues.

use super::buffer::Zeroed;
use super::queue::Queue;
use super::requests::Moved;
use super::{Completion, DeviceState, IoError, ProtocolError, Request, SubmitError, Token};
use crate::IoMemory;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use spin::{Mutex, MutexGuard};
use xen_hypercall::{OutOfMemory, PageArc, PageVec, Platform, Port};

/// A queue, in cache lines of its own.
#[derive(Debug)]
#[repr(align(128))]
struct Slot<P: Platform, B: IoMemory<Platform = P>> {
    /// The queue has an owner other than the device.
    taken: AtomicBool,
    /// Locked by the owner of the queue, and by the device for as long as it changes the
    /// connection. A code path that locks two queues locks the one with the lower index first.
    queue: Mutex<Queue<P, B>>,
}

impl<P: Platform, B: IoMemory<Platform = P>> Slot<P, B> {
    fn alloc(platform: &P, index: usize, depth: u16) -> Result<Self, OutOfMemory> {
        let queue = Queue::alloc(platform.clone(), index, depth)?;
        Ok(Self { taken: AtomicBool::new(false), queue: Mutex::new(queue) })
    }
}

/// The queues of a disk.
///
/// A request completes on the queue that it was submitted to. If the backend supports fewer queues
/// than the disk has, the requests of a queue without a ring move to the table of another queue,
/// which issues them. Each returns when it is completed.
#[derive(Debug)]
pub(super) struct Queues<P: Platform, B: IoMemory<Platform = P>> {
    first: Slot<P, B>,
    others: PageVec<P, Slot<P, B>>,
    /// The number of rings of the connection; at least 1.
    rings: AtomicUsize,
}

impl<P: Platform, B: IoMemory<Platform = P>> Queues<P, B> {
    /// Allocates `count` queues, at least one, of at most `depth` requests each.
    pub(super) fn alloc(
        platform: &P,
        count: u16,
        depth: u16,
    ) -> Result<PageArc<P, Self>, OutOfMemory> {
        let first = Slot::alloc(platform, 0, depth)?;
        let mut others = PageVec::with_capacity(platform.clone(), usize::from(count) - 1)?;
        for index in 1..count {
            // The capacity is reserved.
            let _ = others.push(Slot::alloc(platform, index.into(), depth)?);
        }
        PageArc::new(platform.clone(), Self { first, others, rings: AtomicUsize::new(1) })
    }

    /// Returns the number of queues.
    pub(super) fn len(&self) -> usize {
        1 + self.others.len()
    }

    #[inline]
    fn slot(&self, index: usize) -> &Slot<P, B> {
        match index.checked_sub(1) {
            None => &self.first,
            Some(other) => self.others.get(other).unwrap_or(&self.first),
        }
    }

    /// Locks a queue; the first one if there is no such queue.
    #[inline]
    pub(super) fn lock(&self, index: usize) -> MutexGuard<'_, Queue<P, B>> {
        self.slot(index).queue.lock()
    }

    /// Locks the first queue, unless its lock is held.
    pub(super) fn try_lock_first(&self) -> Option<MutexGuard<'_, Queue<P, B>>> {
        self.first.queue.try_lock()
    }

    /// Calls a function for each queue, which is locked meanwhile.
    pub(super) fn for_each(&self, mut change: impl FnMut(&mut Queue<P, B>)) {
        (0..self.len()).for_each(|index| change(&mut self.lock(index)));
    }

    /// Returns the number of rings of the connection.
    #[inline]
    pub(super) fn rings(&self) -> usize {
        self.rings.load(Ordering::Relaxed)
    }

    pub(super) fn set_rings(&self, rings: usize) {
        self.rings.store(rings, Ordering::Relaxed);
    }

    /// Takes the ownership of a queue. Returns whether it was free.
    pub(super) fn take(&self, index: usize) -> bool {
        index < self.len() && !self.slot(index).taken.swap(true, Ordering::Acquire)
    }

    /// Returns the ownership of a queue to the device.
    pub(super) fn put_back(&self, index: usize) {
        self.slot(index).taken.store(false, Ordering::Release);
    }

    /// Returns whether the queue has an owner other than the device.
    #[inline]
    pub(super) fn is_taken(&self, index: usize) -> bool {
        self.slot(index).taken.load(Ordering::Acquire)
    }

    /// Returns the queue that issues the requests of queue `index`.
    fn host(&self, index: usize) -> usize {
        index % self.rings()
    }

    /// Returns the port whose events announce completions of a queue.
    pub(super) fn port(&self, index: usize) -> Option<Port> {
        self.lock(self.host(index)).port()
    }

    /// Returns the ports of all rings whose queues are not taken.
    pub(super) fn ports(&self) -> impl Iterator<Item = Port> {
        let own = (0..self.rings()).filter(|&index| !self.is_taken(index));
        own.filter_map(|index| self.port(index))
    }

    /// Returns the number of requests that can be submitted to a queue now.
    pub(super) fn free_slots(&self, index: usize) -> usize {
        let queue = self.lock(index);
        if queue.is_surplus() { queue.requests.free() } else { queue.free_slots() }
    }

    #[inline]
    pub(super) fn submit(
        &self,
        index: usize,
        request: Request<B>,
        zeroed: Zeroed,
    ) -> Result<Token, SubmitError<B>> {
        self.lock(index).submit(request, zeroed)
    }

    #[inline]
    pub(super) fn kick(&self, index: usize) {
        let mut queue = self.lock(index);
        queue.kick();
        if queue.is_surplus() && queue.requests.has_requeued() {
            drop(queue);
            self.lend(index);
        }
    }

    /// Takes the next completed request of a queue.
    #[inline(always)]
    pub(super) fn complete(&self, index: usize) -> Option<Completion<B>> {
        let mut queue = self.lock(index);
        let completion = queue.complete();
        if let Some(completed) = &completion
            && completed.outcome.is_ok()
            && completed.token.queue() == index
        {
            return completion;
        }
        self.complete_other(index, queue, completion)
    }

    /// Does what follows a failure and the completion of another queue's request, and returns the
    /// next completion of the queue.
    #[inline(never)]
    fn complete_other<'q>(
        &'q self,
        index: usize,
        mut queue: MutexGuard<'q, Queue<P, B>>,
        mut completion: Option<Completion<B>>,
    ) -> Option<Completion<B>> {
        loop {
            let broken = queue.take_break();
            drop(queue);
            if let Some((broken, connection)) = broken {
                self.mark_broken(broken, connection);
            }
            match completion {
                None if self.len() == 1 => return None,
                None => return self.complete_lent(index),
                Some(completion) if completion.token.queue() == index => {
                    if completion.outcome == Err(IoError::Unsupported) {
                        self.share_unsupported(index);
                    }
                    return Some(completion);
                }
                Some(completion) => self.return_home(completion),
            }
            queue = self.lock(index);
            completion = queue.complete_again();
        }
    }

    /// Gives a completion to the queue of its request.
    #[cold]
    fn return_home(&self, completion: Completion<B>) {
        let home = completion.token.queue();
        self.lock(home).requests.take_back(Moved::completed(completion));
    }

    /// Takes the next completed request of a queue that another queue has carried out, and has the
    /// requests of queues without a ring issued as far as there are slots.
    #[cold]
    fn complete_lent(&self, index: usize) -> Option<Completion<B>> {
        let rings = self.rings();
        if rings < self.len() && self.lock(index).reserved {
            self.lend_all();
        }
        if !self.lock(index).requests.has_lent() {
            return None;
        }
        for host in (0..self.len()).filter(|&host| host != index) {
            self.lock(host).store_completed();
            self.return_guests(host);
        }
        self.lock(index).requests.next_completed()
    }

    /// Returns the requests of other queues that a queue has completed; those too that it has not
    /// issued, if it cannot.
    pub(super) fn return_guests(&self, host: usize) {
        loop {
            let mut queue = self.lock(host);
            let requeued = queue.state != DeviceState::Connected;
            let Some(moved) = queue.requests.take_guest(host, requeued) else { return };
            drop(queue);
            self.lock(moved.token.queue()).requests.take_back(moved);
        }
    }

    /// Has the requests of all queues without a ring issued, as far as there are slots.
    pub(super) fn lend_all(&self) {
        let rings = self.rings();
        if rings < self.len() {
            (0..rings).for_each(|host| self.lock(host).reserved = false);
            (rings..self.len()).for_each(|index| self.lend(index));
        }
    }

    /// Moves the requests of a queue without a ring to one that has a ring, as far as there are
    /// slots, and issues them.
    pub(super) fn lend(&self, index: usize) {
        let host = self.host(index);
        if host == index {
            return;
        }
        let mut to = self.lock(host);
        let mut from = self.lock(index);
        if !from.is_surplus() {
            return;
        }
        while to.requests.free() != 0
            && let Some(moved) = from.requests.lend_next()
        {
            to.requests.insert(moved);
        }
        to.reserved |= from.requests.has_requeued();
        drop(from);
        to.submit_requeued();
    }

    /// Marks all queues of a connection as broken.
    fn mark_broken(&self, broken: ProtocolError, connection: u32) {
        self.for_each(|queue| queue.mark_broken(broken, connection));
    }

    /// Has the other queues not use what the backend does not support on one of them.
    fn share_unsupported(&self, index: usize) {
        let (info, connection) = {
            let queue = self.lock(index);
            (queue.info, queue.connection_number())
        };
        self.for_each(|queue| {
            if queue.connection_number() == connection {
                queue.info.restrict(&info);
            }
        });
    }

    /// Cancels a request. Returns whether it had not completed.
    pub(super) fn cancel(&self, token: Token) -> bool {
        let home = token.queue();
        let (cancelled, lent) = {
            let mut queue = self.lock(home);
            (queue.requests.cancel(token), queue.requests.has_lent())
        };
        if cancelled && lent {
            for host in (0..self.len()).filter(|&host| host != home) {
                self.lock(host).requests.cancel(token);
                self.return_guests(host);
            }
        }
        cancelled
    }
}
