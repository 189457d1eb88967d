//! Discards.

use super::blkback::{Misbehaviour, discard_of};
use super::{Fixture, SECTORS};
use core::time::Duration;
use xen_front::block::*;
use xen_hypercall::Platform;
use xen_sim::Domain;
use xen_sys::io::blkif::{BLKIF_DISCARD_SECURE, BlkifOp};

fn discard(sector: u64, sectors: u64, secure: bool) -> Request<xen_hypercall::Pages<Domain>> {
    Request::Discard { sector, sectors, secure }
}

impl Fixture {
    /// Submits a discard and returns its outcome.
    fn discard(&self, block: &mut BlkFront<Domain>, secure: bool) -> Result<(), IoError> {
        let token = block.submit(discard(8, 8, secure)).unwrap();
        let [done] = <[_; 1]>::try_from(self.complete(block, 1)).unwrap();
        assert!(done.token == token && done.buffer.is_none());
        done.outcome
    }
}

#[test]
fn discard_has_its_range_and_flag() {
    let fixture = Fixture::new();
    fixture.back.state().set("discard-granularity", 12288);
    fixture.back.state().set("discard-alignment", 4096);
    let mut block = fixture.block();
    let found = block.info().discard.unwrap();
    assert_eq!((found.granularity, found.alignment, found.secure), (12288, 4096, true));
    for (sector, sectors, secure) in [(3, 5, false), (0, SECTORS as u64, true)] {
        block.submit(discard(sector, sectors, secure)).unwrap();
        assert_eq!(fixture.complete(&mut block, 1)[0].outcome, Ok(()));
        let sent = discard_of(fixture.back.state().seen.last().unwrap());
        assert_eq!((sent.sector_number, sent.nr_sectors), (sector, sectors));
        assert_eq!(sent.flag, if secure { BLKIF_DISCARD_SECURE } else { 0 });
    }
    assert!(fixture.back.state().disk.iter().all(|&byte| byte == 0));
    fixture.close(block);
    fixture.finish();
}

#[test]
fn late_unsupported_discard_is_turned_off() {
    let fixture = Fixture::new();
    fixture.back.state().unsupported.push(BlkifOp::DISCARD);
    let mut block = fixture.block();
    assert_eq!(fixture.discard(&mut block, true), Err(IoError::Unsupported));
    // The backend may support discards all the same.
    assert_eq!(block.info().discard.map(|discard| discard.secure), Some(false));
    let refused = block.submit(discard(8, 8, true)).unwrap_err();
    assert_eq!(refused.reason, RequestError::NoSecureDiscard);
    assert_eq!(fixture.discard(&mut block, false), Err(IoError::Unsupported));
    assert_eq!(block.info().discard, None);
    let refused = block.submit(discard(8, 8, false)).unwrap_err();
    assert_eq!(refused.reason, RequestError::NoDiscard);
    assert_eq!(fixture.back.state().seen.len(), 2);
    // Another connection may be to a backend that supports it.
    fixture.back.state().unsupported.clear();
    fixture.write_backend_state(2);
    block.reopen();
    fixture.poll_until(&mut block, DeviceState::Connected);
    assert_eq!(fixture.discard(&mut block, true), Ok(()));
    fixture.close(block);
    fixture.finish();
}

#[test]
fn discards_are_requeued_as_they_were() {
    let fixture = Fixture::new();
    let mut block = fixture.block();
    fixture.back.state().misbehaviour = Misbehaviour::Forget;
    let plain = block.submit(discard(16, 8, false)).unwrap();
    let secure = block.submit(discard(32, 8, true)).unwrap();
    block.kick();
    fixture.world.run_for(Duration::from_millis(10));
    fixture.back.state().misbehaviour = Misbehaviour::None;
    // The new backend must not get a secure discard as a plain one.
    fixture.back.state().set("discard-secure", 0);
    block.reopen();
    fixture.poll_until(&mut block, DeviceState::Connected);
    let mut done = fixture.complete(&mut block, 2);
    done.sort_by_key(|done| done.token);
    let outcomes: Vec<_> = done.iter().map(|done| (done.token, done.outcome)).collect();
    assert_eq!(outcomes, [(plain, Ok(())), (secure, Err(IoError::Unsupported))]);
    let state = fixture.back.state();
    assert_eq!(state.seen_on, [1, 1, 2]);
    let sent = discard_of(&state.seen[2]);
    assert_eq!((sent.sector_number, sent.nr_sectors, sent.flag), (16, 8, 0));
    drop(state);
    fixture.close(block);
    fixture.finish();
}

#[test]
fn blocking_discard_reports_its_reason() {
    let fixture = Fixture::new();
    let mut disk = fixture.disk();
    disk.write(8, &[7; 4096]).unwrap();
    disk.discard(10, 2, false).unwrap();
    let mut bytes = [1; 4096];
    disk.read(8, &mut bytes).unwrap();
    assert!(bytes[..1024] == [7; 1024] && bytes[1024..2048] == [0; 1024]);
    let capacity = SECTORS as u64;
    assert_eq!(
        disk.discard(capacity - 1, 2, false),
        Err(RequestError::OutOfRange { sector: capacity - 1, sectors: 2, capacity }.into())
    );
    assert_eq!(disk.discard(0, 0, false), Err(RequestError::NoSectors.into()));
    fixture.back.state().unsupported.push(BlkifOp::DISCARD);
    assert_eq!(disk.discard(0, 1, false), Err(IoError::Unsupported.into()));
    assert_eq!(disk.discard(0, 1, false), Err(RequestError::NoDiscard.into()));
    fixture.back.state().misbehaviour = Misbehaviour::None;
    disk.close(fixture.guest.now() + Duration::from_secs(5)).unwrap();
    fixture.finish();
}
