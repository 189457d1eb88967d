//! Received bytes, and threads that wait for them.

use super::stream::{Kind, failure, is_for_later};
use core::ops::Range;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;
use std::vec;
use std::vec::Vec;
use xen_store::connection::ConnectionError;
use xen_store::wire::{HEADER_LEN, XENSTORE_PAYLOAD_MAX};

/// The bytes that are read from, and kept for, the server at once.
pub(super) const ROOM: usize = 8 * (HEADER_LEN + XENSTORE_PAYLOAD_MAX);

/// Time that one call waits on a socket. A caller with a shorter deadline must check first whether
/// bytes are available.
pub(super) const TIMEOUT: Duration = Duration::from_millis(50);

/// Bytes that were received and not taken yet.
#[derive(Debug)]
struct Bytes {
    buffer: Vec<u8>,
    ready: Range<usize>,
    /// All that had come was read; to try once more is for the next turn.
    drained: bool,
    /// Cause of the stream's end.
    failed: Option<ConnectionError>,
}

#[derive(Debug, Default)]
struct Turns {
    /// Number of receptions and ended waits.
    count: u64,
    waiting: usize,
}

/// State that the transport shares with waiting threads.
///
/// One thread waits by reading; the first thread that polls takes the bytes. Other threads wait for
/// the reading one.
#[derive(Debug)]
pub(super) struct Inbox {
    /// Another one after a reconnect.
    kind: Mutex<Arc<Kind>>,
    /// `true` if bytes are left to write.
    full: AtomicBool,
    bytes: Mutex<Bytes>,
    turns: Mutex<Turns>,
    turned: Condvar,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Inbox {
    pub(super) fn new(kind: Arc<Kind>) -> Self {
        let bytes = Bytes { buffer: vec![0; ROOM], ready: 0..0, drained: false, failed: None };
        Self {
            kind: Mutex::new(kind),
            full: AtomicBool::new(false),
            bytes: Mutex::new(bytes),
            turns: Mutex::default(),
            turned: Condvar::new(),
        }
    }

    /// Notes whether something is left to write.
    pub(super) fn set_full(&self, full: bool) {
        self.full.store(full, Ordering::Relaxed);
    }

    /// Continues with another socket or device. The last one must be shut down, so that no thread
    /// waits for it.
    pub(super) fn restart(&self, kind: Arc<Kind>) {
        *locked(&self.kind) = kind;
        self.set_full(false);
        let mut bytes = locked(&self.bytes);
        *bytes = Bytes {
            buffer: core::mem::take(&mut bytes.buffer),
            ready: 0..0,
            drained: false,
            failed: None,
        };
    }

    /// Returns the bytes, unless a thread waits for more.
    fn try_bytes(&self) -> Option<MutexGuard<'_, Bytes>> {
        match self.bytes.try_lock() {
            Ok(bytes) => Some(bytes),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Lets the next [`take`](Self::take) read more.
    pub(super) fn next_turn(&self) {
        if let Some(mut bytes) = self.try_bytes() {
            bytes.drained = false;
        }
    }

    /// Copies received bytes to `into`. If none are left, and `more`, reads more first.
    pub(super) fn take(
        &self,
        kind: &Kind,
        into: &mut [u8],
        more: bool,
    ) -> Result<usize, ConnectionError> {
        let Some(mut bytes) = self.try_bytes() else { return Ok(0) };
        if bytes.ready.is_empty() {
            if let Some(error) = bytes.failed.take() {
                return Err(error);
            }
            if !more || bytes.drained {
                return Ok(0);
            }
            bytes.fill(kind, false);
            if let Some(error) = bytes.failed.take() {
                return Err(error);
            }
            if !bytes.ready.is_empty() {
                self.turn();
            }
        }
        let ready = bytes.buffer.get(bytes.ready.clone()).unwrap_or_default();
        let count = ready.len().min(into.len());
        if let (Some(to), Some(from)) = (into.get_mut(..count), ready.get(..count)) {
            to.copy_from_slice(from);
        }
        bytes.ready.start += count;
        Ok(count)
    }

    /// Returns the number of receptions and ended waits.
    pub(super) fn progress(&self) -> u64 {
        locked(&self.turns).count
    }

    /// Wakes the waiting threads to poll.
    pub(super) fn turn(&self) {
        let mut turns = locked(&self.turns);
        turns.count += 1;
        if turns.waiting > 0 {
            self.turned.notify_all();
        }
    }

    /// Waits until something has come, at most for `left`, unless there was progress beyond `seen`.
    pub(super) fn wait(&self, left: Duration, seen: u64) {
        let kind = || Arc::clone(&locked(&self.kind));
        if self.full.load(Ordering::Relaxed) {
            kind().wait(PollFlags::IN | PollFlags::OUT, left);
            return;
        }
        let Some(mut bytes) = self.try_bytes() else {
            // Another thread waits already, and wakes this one.
            let mut turns = locked(&self.turns);
            turns.waiting += 1;
            let waited = self.turned.wait_timeout_while(turns, left, |turns| turns.count == seen);
            waited.unwrap_or_else(PoisonError::into_inner).0.waiting -= 1;
            return;
        };
        if bytes.ready.is_empty() && bytes.failed.is_none() && self.progress() == seen {
            match &*kind() {
                socket @ Kind::Socket(_) if left >= TIMEOUT => bytes.fill(socket, true),
                other => other.wait(PollFlags::IN, left),
            }
        }
        drop(bytes);
        self.turn();
    }
}

impl Bytes {
    /// Receives what there is; may wait for it.
    fn fill(&mut self, kind: &Kind, wait: bool) {
        match kind.read(&mut self.buffer, wait) {
            Ok(0) => self.failed = Some(ConnectionError::Closed),
            Ok(count) => {
                self.ready = 0..count;
                self.drained = count < ROOM;
            }
            Err(error) if is_for_later(&error) => {}
            Err(error) => self.failed = Some(failure(&error)),
        }
    }
}

impl Kind {
    /// Waits until it is ready; the caller polls for the kind of readiness.
    fn wait(&self, what: PollFlags, left: Duration) {
        let timeout =
            Timespec { tv_sec: left.as_secs() as i64, tv_nsec: i64::from(left.subsec_nanos()) };
        let descriptor = self.descriptor();
        let mut wanted = [PollFd::new(&descriptor, what)];
        let _ = poll(&mut wanted, Some(&timeout));
        debug_assert!(!wanted.iter().any(|fd| fd.revents().contains(PollFlags::NVAL)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::net::UnixStream;
    use std::thread;

    const FOREVER: Duration = Duration::from_secs(1 << 40);

    fn pair() -> (UnixStream, Arc<Kind>, Inbox) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let kind = Arc::new(Kind::socket(ours).unwrap());
        (theirs, Arc::clone(&kind), Inbox::new(kind))
    }

    #[test]
    fn second_waiter_is_woken() {
        let (mut server, kind, inbox) = pair();
        let seen = inbox.progress();
        // A thread reads, and wakes others although none takes the bytes.
        let mut reading = inbox.bytes.lock().unwrap();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| inbox.wait(FOREVER, seen));
            while locked(&inbox.turns).waiting == 0 {
                thread::yield_now();
            }
            server.write_all(b"reply").unwrap();
            reading.fill(&kind, true);
            inbox.turn();
            waiting.join().unwrap();
            // A thread that polled before that has not missed it.
            inbox.wait(FOREVER, seen);
        });
        drop(reading);
        let mut bytes = [0; 8];
        assert_eq!((inbox.take(&kind, &mut bytes, false), &bytes), (Ok(5), b"reply\0\0\0"));
        assert_eq!(inbox.take(&kind, &mut bytes, true), Ok(0));
    }

    #[test]
    fn connection_error_is_reported_once() {
        let (server, kind, inbox) = pair();
        drop(server);
        inbox.wait(FOREVER, inbox.progress());
        assert_eq!(inbox.take(&kind, &mut [0], true), Err(ConnectionError::Closed));
        let (_server, kind, _) = pair();
        inbox.restart(Arc::clone(&kind));
        assert_eq!(inbox.take(&kind, &mut [0], true), Ok(0));
    }
}
