//! Disks whose backend breaks the protocol, keeps pages, is silent or goes.

use super::*;

/// D-B01, D-B02.
#[test]
fn unknown_answers_break_device() {
    for misbehaviour in [
        Misbehaviour::WrongId(1),
        Misbehaviour::WrongId(32),
        Misbehaviour::WrongId(u64::MAX),
        Misbehaviour::Twice,
        Misbehaviour::WrongOperation,
        Misbehaviour::WrongIndex,
    ] {
        let fixture = Fixture::new();
        let mut disk = fixture.disk();
        let all = vec![0x11; 200 * 512];
        fixture.back.state().misbehaviour = misbehaviour;
        let reason = broken(disk.write(0, &all));
        let fits = match misbehaviour {
            Misbehaviour::WrongOperation => matches!(reason, ProtocolError::WrongOperation { .. }),
            Misbehaviour::WrongIndex => matches!(reason, ProtocolError::Ring(_)),
            _ => matches!(reason, ProtocolError::UnknownId { .. }),
        };
        assert!(fits, "{misbehaviour:?}: {reason:?}");
        assert_eq!(disk.block().broken(), Some(reason));
        assert_eq!(
            disk.read(0, &mut [0; 512]),
            Err(TransferError::Refused(RequestError::Broken(reason)))
        );
        fixture.back.state().misbehaviour = Misbehaviour::None;
        disk.close(fixture.deadline()).unwrap();
        let mut disk = fixture.disk();
        disk.write(0, &all).unwrap();
        assert!(fixture.back.state().disk.starts_with(&all));
        disk.close(fixture.deadline()).unwrap();
        fixture.finish();
    }
}

/// D-B03.
#[test]
fn unknown_status_fails_request_only() {
    let fixture = Fixture::new();
    let mut disk = fixture.disk();
    for (status, error) in
        [(77, IoError::UnknownStatus(77)), (-1, IoError::Failed), (-2, IoError::Unsupported)]
    {
        fixture.back.state().misbehaviour = Misbehaviour::Status(status);
        assert_eq!(disk.read(0, &mut [0; 512]), Err(TransferError::Io(error)));
    }
    fixture.back.state().misbehaviour = Misbehaviour::None;
    disk.read(0, &mut [0; 512]).unwrap();
    disk.close(fixture.deadline()).unwrap();
    fixture.finish();
}

#[test]
fn kept_pages_are_deferred_until_released() {
    let fixture = Fixture::new();
    let mut block = fixture.block();
    fixture.back.state().misbehaviour = Misbehaviour::KeepPages;
    block.submit(Request::Read { sector: 0, sectors: 16, buffer: fixture.pages(2) }).unwrap();
    let done = fixture.complete(&mut block, 1).remove(0);
    assert!(matches!(done.outcome, Err(IoError::Broken(ProtocolError::PageInUse(_)))), "{done:?}");
    assert!(done.buffer.is_none());
    assert_eq!(
        (block.broken().map(IoError::Broken).map(Err), block.free_slots()),
        (Some(done.outcome), 0)
    );
    // Not even a request that the disk has no sectors for is judged any more.
    let request = Request::Read { sector: u64::MAX, sectors: 8, buffer: fixture.pages(1) };
    assert_eq!(
        block.submit(request).unwrap_err().reason,
        RequestError::Broken(block.broken().unwrap())
    );
    assert_eq!(fixture.grants.retry_deferred(), DeferredGrants { waiting: 1, lost: 0 });
    fixture.close(block);
    fixture.back.state().unmap_kept();
    fixture.finish();
}

#[test]
fn late_answers_do_no_harm() {
    let fixture = Fixture::new();
    let mut disk = fixture.disk();
    fixture.back.state().misbehaviour = Misbehaviour::Silent;
    let mut data = vec![0; 3 << 20 >> 1];
    assert!(matches!(disk.read(0, &mut data), Err(TransferError::Timeout { .. })));
    assert!(matches!(disk.flush(), Err(TransferError::Timeout { .. })));
    fixture.back.state().misbehaviour = Misbehaviour::None;
    fixture.world.domain(fixture.device.get().backend).unwrap().kick();
    let content = fixture.back.state().disk.clone();
    disk.read(0, &mut data).unwrap();
    assert_eq!(data, content[..data.len()]);
    disk.close(fixture.deadline()).unwrap();
    fixture.finish();
}

#[test]
fn never_ready_backend_times_out() {
    let fixture = Fixture::new();
    fixture.back.state().misbehaviour = Misbehaviour::NeverReady;
    let start = fixture.guest.now();
    let error = fixture.connect_error();
    assert!(matches!(error, BlkFrontError::Xenbus(XenbusError::Timeout { .. })), "{error}");
    let waited = fixture.guest.now().saturating_duration_since(start);
    assert!(waited >= Duration::from_secs(10) && waited < Duration::from_secs(11), "{waited:?}");
    fixture.finish();
}

#[test]
fn unplugged_disk_finishes_requests() {
    let fixture = Fixture::new();
    let mut block = fixture.block();
    fixture.back.state().misbehaviour = Misbehaviour::Silent;
    block.submit(Request::Read { sector: 5, sectors: 8, buffer: fixture.pages(1) }).unwrap();
    block.kick();
    fixture.world.run_for(Duration::from_millis(10));
    fixture.world.detach(&fixture.device.get());
    while block.poll(fixture.guest.now()) == Ok(DeviceState::Connected) {
        fixture.store.wait(fixture.deadline());
    }
    assert_eq!(block.state(), DeviceState::Closing);
    let refused = block.submit(Request::Flush).unwrap_err();
    assert_eq!(refused.reason, RequestError::NotConnected);
    fixture.back.state().misbehaviour = Misbehaviour::None;
    fixture.world.domain(fixture.device.get().backend).unwrap().kick();
    assert_eq!(fixture.complete(&mut block, 1)[0].outcome, Ok(()));
    while !matches!(
        block.poll(fixture.guest.now()).unwrap(),
        DeviceState::Closed | DeviceState::Unplugged
    ) {
        fixture.store.wait(fixture.deadline());
    }
    assert_eq!(block.port(), None);
    drop(block);
    fixture.finish();
}

#[test]
fn idle_disk_can_be_unplugged() {
    let fixture = Fixture::new();
    let mut disk = fixture.disk();
    fixture.world.detach(&fixture.device.get());
    let deadline = fixture.deadline();
    while !matches!(
        disk.poll(fixture.guest.now()),
        Ok(DeviceState::Closed | DeviceState::Unplugged)
    ) {
        assert!(fixture.guest.now() < deadline);
        fixture.store.wait(deadline);
    }
    disk.close(fixture.deadline()).unwrap();
    fixture.finish();
}

#[test]
fn removed_device_fails_its_requests() {
    let fixture = Fixture::new();
    let mut block = fixture.block();
    fixture.back.state().misbehaviour = Misbehaviour::Silent;
    for sector in 0..3 {
        block.submit(Request::Read { sector, sectors: 8, buffer: fixture.pages(1) }).unwrap();
    }
    block.kick();
    fixture.world.run_for(Duration::from_millis(10));
    fixture.world.remove_device(&fixture.device.get());
    for done in fixture.complete(&mut block, 3) {
        assert_eq!(done.outcome, Err(IoError::Closed));
        assert!(done.buffer.is_some());
    }
    fixture.poll_until(&mut block, DeviceState::Unplugged);
    assert_eq!(block.port(), None);
    drop(block);
    fixture.finish();
}

#[test]
fn repeated_reopen_loses_no_request() {
    let fixture = Fixture::new();
    let mut block = fixture.block();
    fixture.back.state().misbehaviour = Misbehaviour::Silent;
    let mut tokens: Vec<_> = (0..3)
        .map(|sector| {
            block.submit(Request::Read { sector, sectors: 8, buffer: fixture.pages(1) }).unwrap()
        })
        .collect();
    block.kick();
    fixture.world.run_for(Duration::from_millis(10));
    for _ in 0..3 {
        block.reopen();
        assert_eq!(block.in_flight(), 3);
    }
    block.close_now();
    for done in fixture.complete(&mut block, 3) {
        tokens.retain(|token| *token != done.token);
        assert!(done.buffer.is_some());
    }
    assert_eq!(tokens, []);
    fixture.poll_until(&mut block, DeviceState::Closed);
    drop(block);
    fixture.finish();
}

#[test]
fn dead_driver_domain_fails_transfer() {
    let fixture = Fixture::new();
    let mut disk = fixture.disk();
    fixture.back.state().misbehaviour = Misbehaviour::Silent;
    fixture.world.run_for(Duration::from_millis(1));
    let world = &fixture.world;
    let (backend, start) = (fixture.device.get().backend, fixture.guest.now());
    let killer = world.dom0().spawn({
        let store = world.store();
        let path = fixture.device.get().backend_path();
        move |domain: &Domain| {
            if domain.now() < start + Duration::from_millis(500) {
                return xen_sim::Step::Sleep(start + Duration::from_millis(500));
            }
            let _ = store.remove(&path);
            xen_sim::Step::Done
        }
    });
    let error = disk.read(0, &mut [0; 4096]).unwrap_err();
    assert_eq!(error, TransferError::Io(IoError::Closed));
    let waited = fixture.guest.now().saturating_duration_since(start);
    assert!(waited < Duration::from_millis(510), "{waited:?}");
    let refused = Err(TransferError::Refused(RequestError::NotConnected));
    assert_eq!((disk.read(0, &mut [0; 4096]), disk.flush()), (refused, refused));
    let _ = (backend, killer);
    disk.close(fixture.deadline()).unwrap();
    fixture.finish();
}

#[test]
fn other_answers_do_not_extend_timeout() {
    let fixture = Fixture::new();
    let mut disk = fixture.disk();
    fixture.back.state().misbehaviour = Misbehaviour::Starve;
    let mut data = vec![0; 3 << 20 >> 1];
    let start = fixture.guest.now();
    let waited = || fixture.guest.now().saturating_duration_since(start);
    assert!(matches!(disk.read(0, &mut data), Err(TransferError::Timeout { .. })));
    assert!(
        waited() >= Duration::from_secs(2) && waited() < Duration::from_millis(3200),
        "{:?}",
        waited()
    );
    fixture.back.state().misbehaviour = Misbehaviour::None;
    fixture.world.domain(fixture.device.get().backend).unwrap().kick();
    disk.read(0, &mut data).unwrap();
    disk.close(fixture.deadline()).unwrap();
    fixture.finish();
}
