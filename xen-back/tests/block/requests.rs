//! Requests that a frontend writes into the ring.

use super::fixture::{Done, Fixture, MODES, Native, SECTORS, X86};
use xen_back::block::{GrantMode, RequestError};
use xen_hypercall::GrantRef;
use xen_sys::io::blkif::{
    BlkifOp, BlkifRequest, BlkifRequestDiscard, BlkifRequestSegment, BlkifStatus, x86_32,
};
use zerocopy::IntoBytes;

/// D-B04 to D-B06, D-B08.
#[test]
fn invalid_requests_touch_no_memory() {
    for mode in MODES {
        let fixture = Fixture::new();
        let mut back = fixture.back(mode);
        let mut raw = Native::connect(&fixture, &mut back, "x86_64-abi");
        let touched = || (fixture.driver.counters().maps, fixture.driver.counters().copies);
        let before = touched();
        let error = BlkifStatus::ERROR;
        // d_b04
        for count in [0, 12, 255] {
            let request = raw.request(BlkifOp::READ, count, 1);
            raw.expect(&mut back, &request, error);
        }
        assert_eq!(
            back.statistics().last_request_error,
            Some(RequestError::SegmentCount { found: 255, limit: 11 })
        );
        for count in [0, 33, 257] {
            let request = raw.indirect(BlkifOp::READ, count, GrantRef(9));
            raw.expect(&mut back, &request, error);
        }
        // d_b05
        for (first, last) in [(3, 2), (0, 8), (255, 255)] {
            let mut request = raw.request(BlkifOp::WRITE, 2, 2);
            (request.seg[1].first_sect, request.seg[1].last_sect) = (first, last);
            raw.expect(&mut back, &request, error);
        }
        // d_b06
        for sector in [SECTORS as u64 - 7, u64::MAX - 3, u64::MAX] {
            let mut request = raw.request(BlkifOp::WRITE, 1, 0);
            request.sector_number = sector;
            raw.expect(&mut back, &request, error);
        }
        // d_b08
        for op in [4, 7, 9, 255] {
            let request = raw.request(BlkifOp(op), 1, 4);
            raw.expect(&mut back, &request, BlkifStatus::EOPNOTSUPP);
        }
        assert_eq!(touched(), before, "nothing of the guest's was touched");
        // The ring continues.
        let request = raw.request(BlkifOp::READ, 2, 5);
        raw.expect(&mut back, &request, BlkifStatus::OKAY);
        let mut page = [0; 4096];
        raw.data.as_ref().copy_to(0, &mut page).unwrap();
        assert_eq!(page, Fixture::content()[13 * 512..21 * 512]);
        raw.close(&mut back);
        drop(back);
        fixture.finish();
    }
}

#[test]
fn d_b07_indirect_segments_copied_once() {
    for mode in MODES {
        let fixture = Fixture::new();
        let mut back = fixture.back(mode);
        let mut raw = Native::connect(&fixture, &mut back, "x86_64-abi");
        let &[data, page] = raw.data.refs() else { panic!() };
        let good = BlkifRequestSegment { gref: data, first_sect: 1, last_sect: 2, _pad0: [0; 2] };
        let segments = |lying: BlkifRequestSegment| {
            let mut list = [good; 32];
            list[31] = lying;
            raw.data.as_ref().copy_from(4096, list.as_bytes()).unwrap();
        };
        segments(good);
        let request = raw.indirect(BlkifOp::READ, 32, page);
        let copies = fixture.driver.counters().copies;
        raw.expect(&mut back, &request, BlkifStatus::OKAY);
        let fetched = fixture.driver.counters().copies - copies;
        assert!(mode == GrantMode::Copy || fetched == 1, "the segments are fetched by one copy");
        let mut last = [0; 1024];
        raw.data.as_ref().copy_to(512, &mut last).unwrap();
        assert_eq!(last, Fixture::content()[(3 + 62) * 512..(3 + 64) * 512]);
        assert!(fixture.disk.borrow().as_ref() == Fixture::content(), "a read has written");

        let (maps, copies) = (fixture.driver.counters().maps, fixture.driver.counters().copies);
        raw.data.as_ref().copy_from(4096 + 31 * 8 + 5, &[8]).unwrap();
        raw.expect(&mut back, &request, BlkifStatus::ERROR);
        assert_eq!(
            (fixture.driver.counters().maps, fixture.driver.counters().copies),
            (maps, copies + 1)
        );
        raw.close(&mut back);
        drop(back);
        fixture.finish();
    }
}

#[test]
fn xsa_361_bad_reference_fails_request() {
    for mode in MODES {
        let fixture = Fixture::new();
        let mut back = fixture.back(mode);
        let mut raw = Native::connect(&fixture, &mut back, "x86_64-abi");
        let before = fixture.disk.borrow().as_ref().to_vec();
        for bad in 0..11 {
            for operation in [BlkifOp::READ, BlkifOp::WRITE] {
                let mut request = raw.request(operation, 11, 0);
                request.seg[bad].gref = GrantRef(400 + bad as u32);
                raw.expect(&mut back, &request, BlkifStatus::ERROR);
            }
        }
        assert!(before == fixture.disk.borrow().as_ref(), "nothing was written");
        let counters = fixture.driver.counters();
        // The ring itself is still mapped.
        assert_eq!(counters.maps, counters.unmaps + 1);
        raw.close(&mut back);
        drop(back);
        fixture.finish();
    }
}

#[test]
fn bad_reference_unmaps_all_parts() {
    for mode in MODES {
        let fixture = Fixture::new();
        let mut back = fixture.back(mode);
        let mut raw = Native::connect(&fixture, &mut back, "x86_64-abi");
        let &[data, page] = raw.data.refs() else { panic!() };
        let good = BlkifRequestSegment { gref: data, first_sect: 0, last_sect: 7, _pad0: [0; 2] };
        let request = raw.indirect(BlkifOp::READ, 32, page);
        // Mapped as two parts of 16.
        for (bad, status) in [
            (Some(20), BlkifStatus::ERROR),
            (Some(3), BlkifStatus::ERROR),
            (None, BlkifStatus::OKAY),
        ] {
            let mut list = [good; 32];
            if let Some(bad) = bad {
                list[bad].gref = GrantRef(400);
            }
            raw.data.as_ref().copy_from(4096, list.as_bytes()).unwrap();
            raw.expect(&mut back, &request, status);
            let counters = fixture.driver.counters();
            // The ring itself is still mapped.
            assert_eq!(counters.maps, counters.unmaps + 1, "{mode:?} {bad:?}");
        }
        raw.close(&mut back);
        drop(back);
        fixture.finish();
    }
}

#[test]
fn x86_32_layout_is_served() {
    let fixture = Fixture::new();
    let mut back = fixture.back(GrantMode::Copy);
    let mut raw = X86::connect(&fixture, &mut back, "x86_32-abi");
    let segment = BlkifRequestSegment {
        gref: raw.data.refs()[0],
        first_sect: 0,
        last_sect: 7,
        _pad0: [0; 2],
    };
    let mut request = x86_32::BlkifRequest {
        operation: BlkifOp::READ,
        nr_segments: 1,
        id: 77.into(),
        sector_number: 8.into(),
        ..Default::default()
    };
    request.seg[0] = segment;
    // More than once round the ring.
    for _ in 0..40 {
        let response = raw.ask(&mut back, &request);
        assert_eq!((response.id.get(), response.status), (77, BlkifStatus::OKAY));
    }
    let mut page = [0; 4096];
    raw.data.as_ref().copy_to(0, &mut page).unwrap();
    assert_eq!(page, Fixture::content()[8 * 512..16 * 512]);
    raw.close(&mut back);
    drop(back);
    fixture.finish();
}

#[test]
fn barrier_is_write_between_flushes() {
    for mode in MODES {
        let fixture = Fixture::new();
        let mut back = fixture.back(mode);
        let mut raw = Native::connect(&fixture, &mut back, "x86_64-abi");
        let barrier = raw.request(BlkifOp::WRITE_BARRIER, 1, 16);
        raw.expect(&mut back, &barrier, BlkifStatus::OKAY);
        let expected = [Done::Flush, Done::Write(16, 8), Done::Flush];
        assert_eq!(core::mem::take(&mut fixture.disk.borrow_mut().done), expected, "{mode:?}");
        // Without data both are the same.
        for operation in [BlkifOp::WRITE_BARRIER, BlkifOp::FLUSH_DISKCACHE] {
            let flush = raw.request(operation, 0, 0);
            raw.expect(&mut back, &flush, BlkifStatus::OKAY);
            assert_eq!(
                core::mem::take(&mut fixture.disk.borrow_mut().done),
                [Done::Flush],
                "{operation:?}"
            );
        }
        raw.close(&mut back);
        drop(back);
        fixture.finish();
    }
}

fn discard(flag: u8, sector_number: u64, nr_sectors: u64) -> BlkifRequest {
    let operation = BlkifOp::DISCARD;
    let discard = BlkifRequestDiscard {
        operation,
        flag,
        id: 0xd15c,
        sector_number,
        nr_sectors,
        ..Default::default()
    };
    let mut request = BlkifRequest::default();
    let bytes = discard.as_bytes();
    request.as_mut_bytes()[..bytes.len()].copy_from_slice(bytes);
    request
}

#[test]
fn statistics_count_each_request_once() {
    for mode in MODES {
        let fixture = Fixture::new();
        let mut back = fixture.back(mode);
        let mut raw = Native::connect(&fixture, &mut back, "x86_64-abi");
        for (operation, times) in
            [(BlkifOp::READ, 1), (BlkifOp::WRITE, 2), (BlkifOp::WRITE_BARRIER, 3)]
        {
            for _ in 0..times {
                let request = raw.request(operation, 1, 16);
                raw.expect(&mut back, &request, BlkifStatus::OKAY);
            }
        }
        let flush = raw.request(BlkifOp::FLUSH_DISKCACHE, 0, 0);
        raw.expect(&mut back, &flush, BlkifStatus::OKAY);
        raw.expect(&mut back, &discard(0, 8, 8), BlkifStatus::OKAY);
        // Memory that the guest has not granted.
        for times in 1..=2 {
            let mut request = raw.request(BlkifOp::READ, 1, 16);
            request.seg[0].gref = GrantRef(600);
            raw.expect(&mut back, &request, BlkifStatus::ERROR);
            assert_eq!(back.statistics().failed, times);
        }
        let refused = raw.request(BlkifOp::READ, 1, SECTORS as u64);
        raw.expect(&mut back, &refused, BlkifStatus::ERROR);
        let found = back.statistics();
        assert_eq!(
            (found.reads, found.writes, found.flushes, found.discards),
            (3, 5, 4, 1),
            "{mode:?}"
        );
        assert_eq!((found.refused, found.failed, found.connections), (1, 2, 1));
        raw.close(&mut back);
        drop(back);
        fixture.finish();
    }
}

/// D-B15. `io/blkif.h`: "ignored if discard-secure=0".
#[test]
fn unoffered_secure_flag_is_ignored() {
    let fixture = Fixture::new();
    fixture.disk.borrow_mut().secure = false;
    let mut back = fixture.back(GrantMode::Copy);
    let mut raw = Native::connect(&fixture, &mut back, "x86_64-abi");
    let offered =
        fixture.guest.store().read(format!("{}/discard-secure", fixture.device.backend_path()));
    assert_eq!(offered.as_deref(), Some("0"));
    for flag in [0, 1, 0xff] {
        raw.expect(&mut back, &discard(flag, 9, 3), BlkifStatus::OKAY);
    }
    assert_eq!(fixture.disk.borrow().done, [Done::Discard(9, 3, false); 3]);
    raw.close(&mut back);
    drop(back);
    fixture.finish();
}

/// D-B15. Linux responds with an error, too.
#[test]
fn discard_outside_disk_is_refused() {
    let fixture = Fixture::new();
    let mut back = fixture.back(GrantMode::Copy);
    let mut raw = Native::connect(&fixture, &mut back, "x86_64-abi");
    let sectors = SECTORS as u64;
    for (sector, count) in
        [(0, 0), (9, 0), (sectors, 0), (sectors, 1), (sectors - 1, 2), (u64::MAX, 1), (1, u64::MAX)]
    {
        raw.expect(&mut back, &discard(0, sector, count), BlkifStatus::ERROR);
    }
    assert_eq!(back.statistics().refused, 7);
    assert_eq!(fixture.disk.borrow().done, [], "the storage was called");
    raw.close(&mut back);
    drop(back);
    fixture.finish();
}

#[test]
fn discard_needs_toolstack_permission() {
    for allowed in [true, false] {
        let fixture = Fixture::new();
        if !allowed {
            fixture
                .world
                .store()
                .write(format!("{}/discard-enable", fixture.device.backend_path()), 0)
                .unwrap();
        }
        let mut back = fixture.back(GrantMode::Copy);
        let mut raw = Native::connect(&fixture, &mut back, "x86_64-abi");
        let offered = |key| {
            fixture.guest.store().read(format!("{}/{key}", fixture.device.backend_path())).unwrap()
        };
        assert_eq!(offered("feature-discard"), u32::from(allowed).to_string());
        assert_eq!(offered("discard-granularity"), if allowed { "512" } else { "0" });
        for flag in [0, 1] {
            let status = if allowed { BlkifStatus::OKAY } else { BlkifStatus::EOPNOTSUPP };
            raw.expect(&mut back, &discard(flag, 9, 3), status);
        }
        let expected = if allowed {
            &[Done::Discard(9, 3, false), Done::Discard(9, 3, true)][..]
        } else {
            &[]
        };
        assert_eq!(fixture.disk.borrow().done, expected);
        raw.close(&mut back);
        drop(back);
        fixture.finish();
    }
}

#[test]
fn adjacent_segments_are_one_operation() {
    for mode in MODES {
        let fixture = Fixture::new();
        let mut back = fixture.back(mode);
        let mut raw = Native::connect(&fixture, &mut back, "x86_64-abi");
        // Whole pages, one after the other, and then a part that does not begin where its page
        // does.
        let mut request = raw.request(BlkifOp::WRITE, 4, 40);
        request.seg[3].first_sect = 2;
        raw.expect(&mut back, &request, BlkifStatus::OKAY);
        let expected = match mode {
            GrantMode::Copy => &[Done::Write(40, 30)][..],
            GrantMode::Map => &[Done::Write(40, 24), Done::Write(64, 6)],
        };
        assert_eq!(fixture.disk.borrow().done, expected, "{mode:?}");
        raw.close(&mut back);
        drop(back);
        fixture.finish();
    }
}

#[test]
fn only_adjacent_segments_are_one_piece() {
    // Segments as their first and last sectors, and the sectors of each write.
    type Case = (&'static [(u8, u8)], &'static [usize]);
    let cases: [Case; 4] = [
        (&[(0, 7), (0, 7)], &[16]),
        (&[(3, 7), (0, 4)], &[10]),
        // The first ends as many sectors before its page's end as the second begins behind.
        (&[(0, 4), (3, 7)], &[5, 5]),
        (&[(0, 6), (0, 7)], &[7, 8]),
    ];
    let fixture = Fixture::new();
    let mut back = fixture.back(GrantMode::Map);
    let mut raw = Native::connect(&fixture, &mut back, "x86_64-abi");
    let bytes: Vec<u8> = (0..8192).map(|index| (index / 512 * 9 + index) as u8).collect();
    raw.data.as_ref().copy_from(0, &bytes).unwrap();
    for (segments, writes) in cases {
        let mut request = raw.request(BlkifOp::WRITE, segments.len() as u8, 40);
        let mut expected = Vec::new();
        for (index, &(first, last)) in segments.iter().enumerate() {
            let (segment, gref) = (&mut request.seg[index], raw.data.refs()[index]);
            (segment.gref, segment.first_sect, segment.last_sect) = (gref, first, last);
            let page = &bytes[index * 4096..][..4096];
            let range = usize::from(first) * 512..(usize::from(last) + 1) * 512;
            expected.extend_from_slice(&page[range]);
        }
        fixture.disk.borrow_mut().done.clear();
        raw.expect(&mut back, &request, BlkifStatus::OKAY);
        let mut sector = 40;
        let done = core::mem::take(&mut fixture.disk.borrow_mut().done);
        for (done, &sectors) in done.iter().zip(writes) {
            assert_eq!(*done, Done::Write(sector, sectors), "{segments:?}");
            sector += sectors as u64;
        }
        assert_eq!(sector - 40, expected.len() as u64 / 512, "{segments:?}");
        let disk = fixture.disk.borrow();
        assert!(disk.as_ref()[40 * 512..][..expected.len()] == expected, "{segments:?}");
    }
    raw.close(&mut back);
    drop(back);
    fixture.finish();
}
