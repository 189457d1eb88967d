//! Asynchronous calls, by an executor of one task.

use super::{Fixture, Misbehaviour, SECTORS};
use embedded_storage_async::nor_flash::{NorFlash, ReadNorFlash};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;
use xen_front::block::{AsyncDisk, AsyncDiskEvents, RequestError, TransferError};
use xen_hypercall::Platform;
use xen_sim::Domain;

/// Counts how often it was woken.
#[derive(Default)]
struct Count(AtomicU32);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Fixture {
    fn async_disk(&self) -> (AsyncDisk<Domain>, AsyncDiskEvents<Domain>) {
        AsyncDisk::new(self.disk()).unwrap()
    }

    /// Polls a future when it was woken, and waits for the events of its disk in between.
    fn block_on<T>(&self, events: &AsyncDiskEvents<Domain>, future: impl Future<Output = T>) -> T {
        let (count, mut future) = (Arc::<Count>::default(), pin!(future));
        let waker = Waker::from(Arc::clone(&count));
        loop {
            let woken = count.0.load(Ordering::Relaxed);
            if let Poll::Ready(result) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return result;
            }
            if count.0.load(Ordering::Relaxed) == woken {
                let deadline = events.poll_timeout();
                assert!(deadline.is_some(), "a pending future has a deadline");
                self.guest.wait(&events.ports(), deadline);
                events.wake();
            }
        }
    }

    fn finish_async(self, disk: AsyncDisk<Domain>) {
        disk.into_blocking().close(self.deadline()).unwrap();
        self.finish();
    }
}

#[test]
fn async_disk_reads_what_it_wrote() {
    let fixture = Fixture::new();
    let (mut disk, events) = fixture.async_disk();
    let bytes: Vec<u8> = (0..300 * 1024).map(|at| (at / 512) as u8 ^ at as u8).collect();
    let found = fixture.block_on(&events, async {
        let mut found = vec![0; bytes.len()];
        disk.write(7, &bytes).await.unwrap();
        disk.flush().await.unwrap();
        disk.read(7, &mut found).await.unwrap();
        found
    });
    assert!(found == bytes);
    assert!(fixture.back.state().disk[7 * 512..7 * 512 + bytes.len()] == bytes);
    assert_eq!(events.poll_timeout(), None, "nothing is awaited");
    let past = fixture.block_on(&events, disk.write(SECTORS as u64, &[0; 512]));
    assert!(matches!(past, Err(TransferError::Refused(RequestError::OutOfRange { .. }))));
    fixture.finish_async(disk);
}

#[test]
fn async_flash_erases_to_ones() {
    let fixture = Fixture::new();
    let (mut disk, events) = fixture.async_disk();
    let found = fixture.block_on(&events, async {
        NorFlash::write(&mut disk, 0, &[5; 16 * 1024]).await.unwrap();
        disk.erase(4096, 12_288).await.unwrap();
        NorFlash::write(&mut disk, 8192, &[3; 512]).await.unwrap();
        let mut found = vec![0; 12_288];
        ReadNorFlash::read(&mut disk, 1, &mut found).await.unwrap();
        found
    });
    let expected = |at: usize| match at + 1 {
        8192..8704 => 3,
        4096..12_288 => 0xff,
        _ => 5,
    };
    assert!(found.iter().enumerate().all(|(at, &byte)| byte == expected(at)));
    assert!(fixture.block_on(&events, disk.erase(512, 4096)).is_err());
    fixture.finish_async(disk);
}

#[test]
fn silent_backend_ends_async_call() {
    let fixture = Fixture::new();
    let (mut disk, events) = fixture.async_disk();
    fixture.back.state().misbehaviour = Misbehaviour::Forget;
    let start = fixture.guest.now();
    let result = fixture.block_on(&events, disk.read(0, &mut [0; 512]));
    assert!(matches!(result, Err(TransferError::Timeout { .. })), "{result:?}");
    let waited = fixture.guest.now().saturating_duration_since(start);
    assert!((2..4).contains(&waited.as_secs()), "{waited:?}");
}

#[test]
fn dropped_future_is_cancelled() {
    let fixture = Fixture::new();
    let (mut disk, events) = fixture.async_disk();
    let mut bytes = vec![0; 100 * 1024];
    {
        let mut future = pin!(disk.read(0, &mut bytes));
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..3 {
            assert!(future.as_mut().poll(&mut context).is_pending(), "without an event");
        }
    }
    assert!(disk.blocking().block().in_flight() > 0);
    // The next call has its own data, and the buffers come back.
    for round in 1..20 {
        let found = fixture.block_on(&events, async {
            disk.write(0, &[round; 100 * 1024]).await.unwrap();
            disk.read(0, &mut bytes).await.unwrap();
            bytes.iter().all(|&byte| byte == round)
        });
        assert!(found, "round {round}");
    }
    assert_eq!(disk.blocking().block().in_flight(), 0);
    fixture.finish_async(disk);
}

#[test]
fn event_before_poll_is_kept() {
    let fixture = Fixture::new();
    let (mut disk, events) = fixture.async_disk();
    let count = Arc::<Count>::default();
    let waker = Waker::from(Arc::clone(&count));
    let mut bytes = [0; 512];
    let mut future = pin!(disk.read(0, &mut bytes));
    let mut context = Context::from_waker(&waker);
    assert!(future.as_mut().poll(&mut context).is_pending());
    fixture.world.run_for(Duration::from_millis(1));
    events.wake();
    assert_eq!(count.0.load(Ordering::Relaxed), 1);
    // Whatever the executor did with it, the event is known.
    assert!(future.as_mut().poll(&mut context).is_ready());
}
