//! Indirect requests of our own frontend.

use super::fixture::{Back, Fixture, SECTORS, noise};
use core::time::Duration;
use xen_back::block::{Config, GrantMode};
use xen_front::block::{BlkFront, BlkFrontConfig, MAX_SEGMENTS, Request};
use xen_hypercall::{Pages, Platform};
use xen_sim::Domain;
use xenbus::DeviceState;

const LONG: usize = MAX_SEGMENTS * 8;

/// Copies, maps for each request, and maps persistently.
const WAYS: [(GrantMode, u32, u16); 3] =
    [(GrantMode::Copy, 0, 352), (GrantMode::Map, 0, 0), (GrantMode::Map, 1056, 352)];

fn config((mode, persistent_grants, _): (GrantMode, u32, u16), max_segments: u32) -> Config {
    Config { mode, persistent_grants, max_segments, budget: 8, ..Config::default() }
}

fn front(fixture: &Fixture, (_, _, pages): (GrantMode, u32, u16)) -> BlkFront<Domain> {
    let config = BlkFrontConfig::default().with_persistent_pages(pages);
    BlkFront::open_with(&fixture.guest_store, &fixture.grants, fixture.device.id, config).unwrap()
}

fn write(fixture: &Fixture, sector: usize, data: &[u8]) -> Request<Pages<Domain>> {
    let sectors = data.len() / 512;
    let mut buffer = Pages::alloc(fixture.guest.clone(), sectors.div_ceil(8)).unwrap();
    buffer.as_mut_slice()[..data.len()].copy_from_slice(data);
    Request::Write { sector: sector as u64, sectors, buffer }
}

/// Takes completions until there are `count`, all without an error.
fn complete(
    fixture: &Fixture,
    front: &mut BlkFront<Domain>,
    back: &mut Back,
    count: usize,
) -> Vec<Pages<Domain>> {
    let mut done = Vec::new();
    fixture.run(front, back, |front| {
        done.extend(core::iter::from_fn(|| front.complete()));
        done.len() == count
    });
    assert!(done.iter().all(|done| done.outcome == Ok(())));
    done.into_iter().filter_map(|done| done.buffer).collect()
}

fn close(fixture: Fixture, mut front: BlkFront<Domain>, mut back: Back) {
    front.close();
    fixture.run(&mut front, &mut back, |front| {
        front.poll(fixture.guest.now()).unwrap() == DeviceState::Closed
    });
    drop((front, back));
    fixture.finish();
}

#[test]
fn frontend_uses_indirect_requests() {
    for way in WAYS {
        // The requests on the ring for one of 64 segments.
        for (segments, expected) in [(256, 1), (64, 1), (32, 6)] {
            let fixture = Fixture::new();
            let (mut front, mut back) =
                (front(&fixture, way), fixture.back_with(config(way, segments)));
            fixture.reach(&mut front, &mut back, DeviceState::Connected);
            assert_eq!(front.has_persistent_grants(), way.1 != 0);
            let data = noise(SECTORS * 512, 9);
            for round in 0..SECTORS / LONG {
                let part = &data[round * LONG * 512..][..LONG * 512];
                front.submit(write(&fixture, round * LONG, part)).unwrap();
                complete(&fixture, &mut front, &mut back, 1);
            }
            assert!(fixture.disk.borrow().as_ref() == data);
            assert_eq!(back.statistics().writes, expected * (SECTORS / LONG) as u64);
            let buffer = Pages::alloc(fixture.guest.clone(), MAX_SEGMENTS).unwrap();
            front.submit(Request::Read { sector: 16, sectors: LONG - 1, buffer }).unwrap();
            let found = complete(&fixture, &mut front, &mut back, 1).remove(0);
            let len = (LONG - 1) * 512;
            assert!(found.as_slice()[..len] == data[16 * 512..][..len]);
            drop(found);
            let statistics = back.statistics();
            assert_eq!((statistics.reads, statistics.refused), (expected, 0));
            close(fixture, front, back);
        }
    }
}

#[test]
fn requests_survive_another_limit() {
    for way in WAYS {
        for (first, second, expected) in [(256, 32, 6), (32, 64, 1), (64, 256, 1)] {
            let fixture = Fixture::new();
            let (mut front, mut back) =
                (front(&fixture, way), fixture.back_with(config(way, first)));
            fixture.reach(&mut front, &mut back, DeviceState::Connected);
            let data = noise(3 * LONG * 512, 11);
            for (index, part) in data.chunks(LONG * 512).enumerate() {
                front.submit(write(&fixture, index * LONG, part)).unwrap();
            }
            front.kick();
            drop(back);
            front.reopen();
            while fixture.states().0 == 4 {
                front.poll(fixture.guest.now()).unwrap();
                fixture.world.run_for(Duration::from_micros(10));
            }
            let mut back = fixture.back_with(config(way, second));
            complete(&fixture, &mut front, &mut back, 3);
            assert!(fixture.disk.borrow().as_ref()[..data.len()] == data);
            let statistics = back.statistics();
            assert_eq!((statistics.writes, statistics.refused), (3 * expected, 0));
            close(fixture, front, back);
        }
    }
}
