//! A disk's buffers, and how long a transfer waits for one.

use super::Fixture;
use super::blkback::Misbehaviour;
use core::time::Duration;
use xen_front::block::*;
use xen_hypercall::Platform;
use xen_sim::Domain;

impl Fixture {
    fn disk_with(&self, buffers: usize) -> BlockingDisk<Domain> {
        let mut disk = BlockingDisk::new(self.block_of(), buffers).unwrap();
        disk.set_timeout(Duration::from_secs(2));
        disk
    }

    fn pages_allocated(&self) -> u64 {
        self.guest.counters().pages_allocated
    }
}

/// Besides, the disk has three pages of lists.
#[test]
fn buffers_are_as_many_as_requested() {
    for (asked, expected) in [(0, 1), (1, 1), (7, 7), (32, 32), (33, 32)] {
        let fixture = Fixture::new();
        let block = fixture.block_of();
        let before = fixture.pages_allocated();
        let disk = BlockingDisk::new(block, asked).unwrap();
        assert_eq!(
            fixture.pages_allocated() - before,
            expected * MAX_PAGES as u64 + 3,
            "{asked} asked for"
        );
        fixture.close(disk.into_block());
        fixture.finish();
    }
}

#[test]
fn late_answers_return_buffers() {
    let fixture = Fixture::new();
    let mut disk = fixture.disk_with(4);
    let before = fixture.pages_allocated();
    let mut data = vec![0; 1 << 20];
    for _ in 0..2 {
        fixture.back.state().misbehaviour = Misbehaviour::Silent;
        assert!(matches!(disk.read(0, &mut data), Err(TransferError::Timeout { .. })));
        assert_eq!(disk.block().in_flight(), 4);
        fixture.back.state().misbehaviour = Misbehaviour::None;
        fixture.world.domain(fixture.device.get().backend).unwrap().kick();
        fixture.world.run_for(Duration::from_millis(10));
        assert_eq!(disk.poll(fixture.guest.now()), Ok(DeviceState::Connected));
        assert_eq!(disk.block().in_flight(), 0);
    }
    disk.read(0, &mut data).unwrap();
    assert!(data == fixture.back.state().disk[..data.len()]);
    assert_eq!(fixture.pages_allocated(), before);
    disk.close(fixture.deadline()).unwrap();
    fixture.finish();
}

#[test]
fn timeout_is_of_each_request() {
    for buffers in [1, 2] {
        let fixture = Fixture::new();
        let mut disk = fixture.disk_with(buffers);
        fixture.back.state().misbehaviour = Misbehaviour::Slow;
        let mut data = vec![0; 6 * 44 * 1024];
        let start = fixture.guest.now();
        // With two buffers each request waits for two answers.
        disk.set_timeout(Duration::from_millis(1100 * buffers as u64));
        assert_eq!(disk.read(0, &mut data), Ok(()), "{buffers} buffers");
        let waited = fixture.guest.now().saturating_duration_since(start);
        assert!((5000..5100).contains(&waited.as_millis()), "{waited:?}");
        assert!(data == fixture.back.state().disk[..data.len()]);
        fixture.back.state().misbehaviour = Misbehaviour::None;
        disk.close(fixture.deadline()).unwrap();
        fixture.finish();
    }
}

#[test]
fn timeout_is_exact() {
    let fixture = Fixture::new();
    let mut disk = fixture.disk_with(32);
    let before = fixture.pages_allocated();
    fixture.back.state().misbehaviour = Misbehaviour::Silent;
    let mut data = vec![0; 2 << 20];
    let timeout = Err(TransferError::Timeout { waited: Duration::from_secs(2) });
    assert_eq!(disk.read(0, &mut data), timeout);
    // The ring is full, which is the backend's doing.
    assert_eq!((disk.block().in_flight(), disk.block().free_slots()), (32, 0));
    assert_eq!((disk.flush(), disk.write(0, &[0; 512])), (timeout, timeout));
    fixture.back.state().misbehaviour = Misbehaviour::None;
    fixture.world.domain(fixture.device.get().backend).unwrap().kick();
    disk.flush().unwrap();
    // The flush has returned the buffers of the late answers.
    disk.read(0, &mut data).unwrap();
    assert_eq!(fixture.pages_allocated(), before);
    disk.close(fixture.deadline()).unwrap();
    fixture.finish();
}
