//! Our frontend and our backend, from connecting to closing.

use super::fixture::{Back, Done, Fixture, MODES, Native, SECTORS, noise};
use core::time::Duration;
use std::sync::Arc;
use xen_back::block::{BlkBack, BlkBackEvent, Config, GrantMode, MemoryDisk, PreparedDisk};
use xen_front::block::{BlkFront, Request};
use xen_grant::DeferredGrants;
use xen_hypercall::{Pages, Platform, boot};
use xen_ring::Notify;
use xen_sim::{Domain, Interposed, TraceCalls};
use xen_store::{XenStore, XsOps};
use xen_sys::event_channel::EVTCHNOP_SEND;
use xen_sys::grant_table::GNTTABOP_UNMAP_GRANT_REF;
use xen_sys::io::blkif::{BlkifOp, BlkifStatus};
use xen_sys::xen::{HYPERVISOR_EVENT_CHANNEL_OP, HYPERVISOR_GRANT_TABLE_OP};
use xenbus::{DeviceId, DeviceState, backends};

/// Transfers the bytes, a request after the other, as long as there is room.
fn transfer(
    fixture: &Fixture,
    front: &mut BlkFront<Domain>,
    back: &mut Back,
    write: bool,
    bytes: &mut [u8],
) {
    const STEP: usize = 4 * 4096;
    let total = bytes.len().div_ceil(STEP);
    let (mut next, mut finished) = (0, 0);
    let mut tokens = Vec::new();
    while finished < total {
        while next < total && front.free_slots() > 0 {
            let part = &bytes[next * STEP..bytes.len().min((next + 1) * STEP)];
            let mut buffer = Pages::alloc(fixture.guest.clone(), 4).unwrap();
            buffer.as_mut_slice()[..part.len()].copy_from_slice(part);
            let (sector, sectors) = ((next * STEP / 512) as u64, part.len() / 512);
            let request = match write {
                true => Request::Write { sector, sectors, buffer },
                false => Request::Read { sector, sectors, buffer },
            };
            tokens.push((front.submit(request).unwrap(), next));
            next += 1;
        }
        let mut completion = None;
        fixture.run(front, back, |front| {
            completion = front.complete();
            completion.is_some()
        });
        let completion = completion.unwrap();
        assert_eq!(completion.outcome, Ok(()));
        let at = tokens.iter().position(|(token, _)| *token == completion.token).unwrap();
        let (_, index) = tokens.swap_remove(at);
        let end = bytes.len().min((index + 1) * STEP);
        let part = &mut bytes[index * STEP..end];
        if !write {
            part.copy_from_slice(&completion.buffer.unwrap().as_slice()[..part.len()]);
        }
        finished += 1;
    }
}

#[test]
fn whole_disk_is_read_and_written() {
    for mode in MODES {
        let fixture = Fixture::new();
        let (mut front, mut back) = (fixture.front(), fixture.back(mode));
        fixture.reach(&mut front, &mut back, DeviceState::Connected);
        assert_eq!((front.info().sectors, front.info().sector_size), (SECTORS as u64, 512));
        let mut all = vec![0; SECTORS * 512];
        transfer(&fixture, &mut front, &mut back, false, &mut all);
        assert!(all == Fixture::content(), "{mode:?}: read");
        let mut new = noise(SECTORS * 512, 99);
        transfer(&fixture, &mut front, &mut back, true, &mut new);
        assert!(new == fixture.disk.borrow().as_ref(), "{mode:?}: write");
        front.submit(Request::Flush).unwrap();
        fixture.run(&mut front, &mut back, |front| {
            front.complete().is_some_and(|done| done.outcome == Ok(()))
        });
        front.close();
        fixture.reach(&mut front, &mut back, DeviceState::Closed);
        assert_eq!(fixture.states(), (6, 6));
        assert_eq!((back.statistics().failed, back.statistics().refused), (0, 0));
        let counters = fixture.driver.counters();
        assert_eq!(counters.maps, counters.unmaps, "{mode:?}");
        drop((front, back));
        fixture.finish();
    }
}

/// Fills a ring for `depth` requests, with a backend that takes rings of `1 << limit` pages, and
/// returns how many were in flight.
fn fill_ring(depth: u16, mode: GrantMode, limit: u32) -> usize {
    let fixture = Fixture::new();
    let mut front = fixture.front_with_depth(depth);
    let mut back =
        fixture.back_with(Config { mode, ring_order: limit, budget: 100, ..Config::default() });
    fixture.reach(&mut front, &mut back, DeviceState::Connected);
    let (store, path) = (fixture.guest.store(), fixture.device.frontend_path());
    let node = |key: String| store.read(format!("{path}/{key}"));
    let order = limit.min((depth / 32).ilog2());
    assert_eq!(node("ring-page-order".into()), (order != 0).then(|| order.to_string()));
    assert_eq!(node("num-ring-pages".into()), (order != 0).then(|| (1 << order).to_string()));
    assert_eq!(front.ring_pages(), 1 << order);
    assert_eq!(node("ring-ref".into()).is_some(), order == 0);
    for index in 0..16 {
        let named = order != 0 && index < 1 << order;
        assert_eq!(
            node(format!("ring-ref{index}")).is_some(),
            named,
            "order {order}, page {index}"
        );
    }
    let content = Fixture::content();
    // Twice, so that the indices wrap round the slots.
    let mut most = 0;
    for _ in 0..2 {
        let mut tokens = Vec::new();
        while front.free_slots() > 0 {
            let sector = tokens.len() % (SECTORS / 8) * 8;
            let buffer = Pages::alloc(fixture.guest.clone(), 1).unwrap();
            let request = Request::Read { sector: sector as u64, sectors: 8, buffer };
            tokens.push((front.submit(request).unwrap(), sector));
        }
        most = most.max(front.in_flight());
        while !tokens.is_empty() {
            let mut done = None;
            fixture.run(&mut front, &mut back, |front| {
                done = front.complete();
                done.is_some()
            });
            let done = done.unwrap();
            let at = tokens.iter().position(|(token, _)| *token == done.token).unwrap();
            let (_, sector) = tokens.swap_remove(at);
            let read = done.buffer.unwrap();
            assert!(read.as_slice() == &content[sector * 512..][..4096], "sector {sector}");
        }
    }
    front.close();
    fixture.reach(&mut front, &mut back, DeviceState::Closed);
    drop((front, back));
    fixture.finish();
    most
}

#[test]
fn rings_of_all_sizes_fill() {
    for mode in MODES {
        assert_eq!(fill_ring(32, mode, 4), 32);
        assert_eq!(fill_ring(64, mode, 4), 64);
        assert_eq!(fill_ring(128, mode, 4), 128);
        assert_eq!(fill_ring(256, mode, 4), 256);
        assert_eq!(fill_ring(512, mode, 4), 512);
    }
}

#[test]
fn either_ring_size_name_is_enough() {
    for [offered, hidden] in
        [["max-ring-page-order", "num-ring-pages"], ["max-ring-pages", "ring-page-order"]]
    {
        let fixture = Fixture::new();
        let mut back = fixture.back_with(Config { ring_order: 2, ..Config::default() });
        fixture.settle(&mut back).unwrap();
        for name in
            ["max-ring-page-order", "max-ring-pages"].into_iter().filter(|&name| name != offered)
        {
            fixture.driver_store.remove(format_args!("{}/{name}", back.path())).unwrap();
        }
        let mut front = fixture.front_with_depth(512);
        // The frontend publishes, and one of its names is removed before the backend reads it.
        front.poll(fixture.guest.now()).unwrap();
        fixture.world.run_for(Duration::from_micros(100));
        front.poll(fixture.guest.now()).unwrap();
        fixture
            .guest_store
            .remove(format_args!("device/vbd/{}/{hidden}", fixture.device.id))
            .unwrap();
        fixture.reach(&mut front, &mut back, DeviceState::Connected);
        assert_eq!(front.ring_pages(), 4, "{offered}");
        front.close();
        fixture.reach(&mut front, &mut back, DeviceState::Closed);
        drop((front, back));
        fixture.finish();
    }
}

#[test]
fn ring_has_at_most_offered_pages() {
    assert_eq!(fill_ring(512, GrantMode::Copy, 0), 32);
    assert_eq!(fill_ring(512, GrantMode::Copy, 2), 128);
    // An order that there is not is cut down to the largest.
    assert_eq!(fill_ring(512, GrantMode::Copy, 99), 512);
}

/// Linux d8b31d8346: the new ring is another size, and the requests wait for room in it.
#[test]
fn requests_outlive_a_smaller_ring() {
    for mode in MODES {
        let fixture = Fixture::new();
        let mut front = fixture.front_with_depth(512);
        let mut back =
            fixture.back_with(Config { mode, ring_order: 4, budget: 100, ..Config::default() });
        fixture.reach(&mut front, &mut back, DeviceState::Connected);
        let expected = noise(SECTORS * 512, 8);
        for (index, page) in expected.chunks(4096).enumerate() {
            let mut buffer = Pages::alloc(fixture.guest.clone(), 1).unwrap();
            buffer.as_mut_slice().copy_from_slice(page);
            front.submit(Request::Write { sector: index as u64 * 8, sectors: 8, buffer }).unwrap();
        }
        assert_eq!(front.in_flight(), SECTORS / 8);
        drop(back);
        front.reopen();
        // It leaves its connection before the next backend reads its nodes.
        while fixture.states().0 == 4 {
            front.poll(fixture.guest.now()).unwrap();
            fixture.world.run_for(Duration::from_micros(10));
        }
        let mut back = fixture.back_with(Config { mode, budget: 100, ..Config::default() });
        let mut done = 0;
        fixture.run(&mut front, &mut back, |front| {
            while let Some(completion) = front.complete() {
                assert_eq!(completion.outcome, Ok(()));
                done += 1;
            }
            done == SECTORS / 8
        });
        assert_eq!((front.ring_pages(), front.in_flight()), (1, 0));
        assert!(fixture.disk.borrow().as_ref() == expected);
        front.close();
        fixture.reach(&mut front, &mut back, DeviceState::Closed);
        drop((front, back));
        fixture.finish();
    }
}

#[test]
fn disk_size_changes_while_connected() {
    let fixture = Fixture::new();
    let (mut front, mut back) = (fixture.front(), fixture.back(GrantMode::Copy));
    fixture.reach(&mut front, &mut back, DeviceState::Connected);
    for sectors in [2 * SECTORS, SECTORS / 2] {
        let content = noise(sectors * 512, 5);
        fixture.disk.borrow_mut().disk = MemoryDisk::new(content.clone());
        // The storage's driver has the device polled.
        fixture.wake_back();
        // Until it has read the new size, the frontend uses the old one.
        fixture.run(&mut front, &mut back, |front| front.info().sectors == sectors as u64);
        let read = |sector| Request::Read {
            sector,
            sectors: 8,
            buffer: Pages::alloc(fixture.guest.clone(), 1).unwrap(),
        };
        let last = sectors as u64 - 8;
        assert!(front.submit(read(last + 1)).is_err());
        front.submit(read(last)).unwrap();
        let mut done = None;
        fixture.run(&mut front, &mut back, |front| {
            done = front.complete();
            done.is_some()
        });
        let page = done.unwrap().buffer.unwrap();
        assert_eq!(page.as_slice(), &content[last as usize * 512..]);
        assert_eq!((fixture.states(), back.statistics().connections), ((4, 4), 1));
    }
    front.close();
    fixture.reach(&mut front, &mut back, DeviceState::Closed);
    drop((front, back));
    fixture.finish();
}

#[test]
fn d_b09_reconnects_leak_nothing() {
    // Scaled down from 10^4, which CYCLES asks for.
    let cycles: u64 = std::env::var("CYCLES").map_or(60, |cycles| cycles.parse().unwrap());
    for mode in MODES {
        let fixture = Fixture::new();
        let mut back = fixture.back(mode);
        let mut front = fixture.front();
        for cycle in 0..cycles {
            fixture.reach(&mut front, &mut back, DeviceState::Connected);
            for sector in 0..(cycle % 5) {
                let buffer = Pages::alloc(fixture.guest.clone(), 1).unwrap();
                front.submit(Request::Read { sector, sectors: 8, buffer }).unwrap();
            }
            // Requests in flight fail, or are waited for.
            if cycle % 2 == 0 {
                front.close_now();
            } else {
                front.close();
            }
            fixture.run(&mut front, &mut back, |front| {
                while front.complete().is_some() {}
                // The last completion of a device that closes is followed by a poll.
                front.poll(fixture.guest.now()).unwrap() == DeviceState::Closed
            });
            front.reopen();
        }
        assert_eq!(back.statistics().connections, cycles);
        front.close_now();
        fixture.reach(&mut front, &mut back, DeviceState::Closed);
        drop((front, back));
        assert_eq!(fixture.grants.retry_deferred(), DeferredGrants::default());
        fixture.finish();
    }
}

#[test]
fn destroy_and_detach_leak_nothing() {
    for mode in MODES {
        let fixture = Fixture::new();
        let (mut front, mut back) = (fixture.front(), fixture.back(mode));
        fixture.reach(&mut front, &mut back, DeviceState::Connected);
        let buffer = Pages::alloc(fixture.guest.clone(), 1).unwrap();
        front.submit(Request::Read { sector: 0, sectors: 8, buffer }).unwrap();
        front.poll(fixture.guest.now()).unwrap();
        fixture.world.destroy(fixture.guest.id());
        let deadline = fixture.world.now() + Duration::from_secs(60);
        while fixture.settle(&mut back) != Ok(BlkBackEvent::Removed) {
            fixture.world.run_for(Duration::from_millis(20));
            assert!(fixture.world.now() < deadline, "{back:?}");
        }
        assert!(!back.is_connected());
        back.remove().unwrap();
        assert_eq!(backends::<4>(&fixture.driver_store, "vbd").unwrap(), []);
        drop(front);
        fixture.finish();

        let fixture = Fixture::new();
        let (mut front, mut back) = (fixture.front(), fixture.back(mode));
        fixture.reach(&mut front, &mut back, DeviceState::Connected);
        fixture.world.detach(&fixture.device);
        fixture.run(&mut front, &mut back, |front| {
            matches!(front.state(), DeviceState::Closed | DeviceState::Unplugged)
        });
        assert!(!back.is_connected());
        drop((front, back));
        fixture.finish();
    }
}

/// The actions of a toolstack or a frontend that end a connection in order.
#[derive(Clone, Copy, Debug)]
enum Detach {
    /// `online` = 0, and Closing in the backend's state.
    Both,
    Online,
    State,
    /// The frontend is in Closing.
    Frontend,
}

/// D-B18. Linux 6f5986bce5, Qubes 4784, xenopsd 613.
#[test]
fn detached_disk_loses_no_write() {
    for mode in MODES {
        for detach in [Detach::Both, Detach::Online, Detach::State, Detach::Frontend] {
            let fixture = Fixture::new();
            let mut back = fixture.back(mode);
            let mut raw = Native::connect(&fixture, &mut back, "x86_64-abi");
            let front_state = format!("{}/state", fixture.device.frontend_path());
            fixture.guest.store().write(&front_state, 4).unwrap();
            fixture.settle(&mut back).unwrap();
            let (store, path) = (fixture.world.store(), fixture.device.backend_path());
            let mut expected = fixture.disk.borrow().as_ref().to_vec();
            let mut written = 0;
            let mut write = |raw: &mut Native<'_>, count: u64| {
                let bytes = noise(8192, written + 77);
                raw.data.as_ref().copy_from(0, &bytes).unwrap();
                for _ in 0..count {
                    let mut request = raw.request(BlkifOp::WRITE, 2, written * 16);
                    request.seg[1].gref = raw.data.refs()[1];
                    raw.ring.push(&request).unwrap();
                    expected[written as usize * 8192..][..8192].copy_from_slice(&bytes);
                    written += 1;
                }
                if raw.ring.publish() == Notify::Send {
                    raw.channel.notify().unwrap();
                }
            };
            let answers = |raw: &mut Native<'_>| {
                let taken = core::iter::from_fn(|| raw.ring.pop().unwrap());
                taken.map(|response| assert_eq!(response.status, BlkifStatus::OKAY)).count()
            };
            write(&mut raw, 24);
            match detach {
                Detach::Frontend => fixture.guest.store().write(&front_state, 5).unwrap(),
                _ => {
                    if matches!(detach, Detach::Both | Detach::Online) {
                        store.write(format!("{path}/online"), 0).unwrap();
                    }
                    if matches!(detach, Detach::Both | Detach::State) {
                        store.write(format!("{path}/state"), 5).unwrap();
                    }
                }
            }
            fixture.settle(&mut back).unwrap();
            assert_eq!(answers(&mut raw), 24, "{mode:?}, {detach:?}");
            assert_eq!(fixture.states().1, 5);
            // The disk is mounted: long after every deadline it is still in use.
            fixture.world.run_for(Duration::from_secs(100));
            fixture.guest.store().write(&front_state, 5).unwrap();
            write(&mut raw, 24);
            fixture.settle(&mut back).unwrap();
            assert_eq!(answers(&mut raw), 24, "{mode:?}, {detach:?}: in Closing");
            assert!(back.is_connected());
            raw.close(&mut back);
            assert!(!back.is_connected());
            let counters = fixture.driver.counters();
            assert_eq!(counters.maps, counters.unmaps);
            assert!(fixture.disk.borrow().as_ref() == expected);
            drop(back);
            fixture.finish();
        }
    }
}

#[test]
fn removal_follows_unmapping() {
    let fixture = Fixture::new();
    let trace = Arc::new(TraceCalls::default());
    let driver = Interposed::new(fixture.driver.clone(), trace.clone());
    let store = XenStore::new(driver.clone(), boot::xenstore_ring(driver).unwrap()).unwrap();
    let id = DeviceId { guest: fixture.guest.id(), device: fixture.device.id };
    let config = Config { budget: 8, ..Config::default() };
    let disk = PreparedDisk::new(fixture.disk.clone());
    let mut back = BlkBack::new(&store, id, disk, config).unwrap();
    let mut front = fixture.front();
    for _ in 0..100 {
        if front.poll(fixture.guest.now()).unwrap() == DeviceState::Connected {
            break;
        }
        back.poll(fixture.driver.now()).unwrap();
        fixture.world.run_for(Duration::from_micros(10));
    }
    assert_eq!(front.state(), DeviceState::Connected);
    trace.take();
    back.remove().unwrap();
    let calls = trace.take();
    let first = |op, command| calls.iter().position(|call| (call.0, call.1) == (op, command));
    let unmapped = first(HYPERVISOR_GRANT_TABLE_OP, GNTTABOP_UNMAP_GRANT_REF);
    let asked = first(HYPERVISOR_EVENT_CHANNEL_OP, EVTCHNOP_SEND);
    assert!(unmapped.is_some() && unmapped < asked, "{calls:?}");
    drop((front, store));
    fixture.finish();
}

#[test]
fn poll_takes_at_most_budget() {
    let fixture = Fixture::new();
    let mut back = fixture.back_with(Config { budget: 3, ..Config::default() });
    let mut raw = Native::connect(&fixture, &mut back, "x86_64-abi");
    for _ in 0..8 {
        raw.ring.push(&raw.request(BlkifOp::READ, 1, 0)).unwrap();
    }
    assert_eq!(raw.ring.publish(), Notify::Send);
    let rounds = [(); 4].map(|()| {
        back.poll(fixture.driver.now()).unwrap();
        core::iter::from_fn(|| raw.ring.pop().unwrap()).count()
    });
    assert_eq!(rounds, [3, 3, 2, 0]);
    raw.close(&mut back);
    drop(back);
    fixture.finish();
}

#[test]
fn frontend_discards_are_carried_out() {
    for mode in MODES {
        let fixture = Fixture::new();
        fixture.disk.borrow_mut().alignment = 1024;
        let (mut front, mut back) = (fixture.front(), fixture.back(mode));
        fixture.reach(&mut front, &mut back, DeviceState::Connected);
        let offered = front.info().discard.unwrap();
        assert!(offered.secure && offered.alignment == 1024 % offered.granularity);
        fixture.disk.borrow_mut().done.clear();
        let last = SECTORS as u64 - 1;
        for (sector, sectors, secure) in [(7, 9, false), (last, 1, true)] {
            front.submit(Request::Discard { sector, sectors, secure }).unwrap();
            fixture.run(&mut front, &mut back, |front| {
                front.complete().is_some_and(|done| done.outcome == Ok(()))
            });
            let done = fixture.disk.borrow_mut().done.pop();
            assert_eq!(done, Some(Done::Discard(sector, sectors, secure)));
        }
        front.close();
        fixture.reach(&mut front, &mut back, DeviceState::Closed);
        drop((front, back));
        fixture.finish();
    }
}
