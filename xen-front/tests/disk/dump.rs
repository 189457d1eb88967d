//! Crash dump writes.

use super::Fixture;
use super::blkback::Misbehaviour;
use core::time::Duration;
use xen_front::block::*;
use xen_hypercall::Platform;
use xen_sys::io::blkif::BlkifOp;

#[test]
fn dump_needs_no_memory_or_event() {
    for persistent in [false, true] {
        let fixture = Fixture::new();
        let fixture = if persistent { fixture.persistent() } else { fixture };
        let mut disk = fixture.disk();
        disk.read(0, &mut [0; 512]).unwrap();
        let before = (fixture.guest.counters().pages_allocated, fixture.grants.free());
        // Longer than a buffer.
        let dump: Vec<u8> = (0..250 * 512).map(|index| (index / 3) as u8).collect();
        disk.write_dump(7, &dump, fixture.deadline()).unwrap();
        let after = (fixture.guest.counters().pages_allocated, fixture.grants.free());
        assert_eq!(before, after);
        let state = fixture.back.state();
        assert!(state.disk[7 * 512..][..dump.len()] == dump);
        assert_eq!(state.seen.last().unwrap().operation, BlkifOp::FLUSH_DISKCACHE);
        drop(state);
        disk.close(fixture.deadline()).unwrap();
        fixture.finish();
    }
}

#[test]
fn dump_ends_at_its_deadline() {
    let fixture = Fixture::new();
    let mut disk = fixture.disk();
    let soon = || fixture.guest.now() + Duration::from_millis(50);
    assert_eq!(disk.write_dump(0, &[0; 512], soon()), Err(DumpError::NoBuffer));
    disk.read(0, &mut [0; 512]).unwrap();
    let length = TransferError::Length { bytes: 100 };
    assert_eq!(disk.write_dump(0, &[0; 100], soon()), Err(length.into()));
    let refused = disk.write_dump(u64::MAX, &[0; 512], soon());
    assert!(matches!(refused, Err(DumpError::Transfer(TransferError::Refused(_)))));
    fixture.back.state().misbehaviour = Misbehaviour::Silent;
    assert_eq!(disk.write_dump(0, &[0; 512], soon()), Err(DumpError::Timeout));
    // The request without an answer has the only granted buffer.
    assert_eq!(disk.write_dump(0, &[0; 512], soon()), Err(DumpError::NoBuffer));
    fixture.back.state().misbehaviour = Misbehaviour::None;
    disk.read(0, &mut [0; 512]).unwrap();
    disk.write_dump(0, &[5; 512], soon()).unwrap();
    assert_eq!(fixture.back.state().disk[..512], [5; 512]);
    disk.close(fixture.deadline()).unwrap();
    fixture.finish();
}
