//! A disk against a backend that answers, announces and forgets as it likes.

use crate::fixture::{check, settle, small, store_of};
use crate::input::{head, streams, values};
use arbitrary::Arbitrary;
use core::time::Duration;
use xen_front::block::{BlkFront, BlkFrontConfig, MAX_SEGMENTS, Request};
use xen_grant::{DeferredGrants, GrantTable, PagesRange};
use xen_hypercall::{PAGE_SIZE, Pages, Platform};
use xen_sim::{ChoiceSource, Disk, HostileBackend, HostilePeer, World};
use xenbus::DeviceState;

#[derive(Arbitrary, Debug)]
enum Call {
    Read { sector: u16, sectors: u16, pages: u8 },
    Write { sector: u16, sectors: u16, pages: u8 },
    Flush,
    Discard { sector: u16, sectors: u8, secure: bool },
    Kick,
    Poll,
    Complete,
    Cancel(u8),
    Wait(u8),
    Close,
    Reopen,
}

/// Runs the target.
pub fn run(data: &[u8]) {
    let (mut calls, deeds) = streams(data);
    let (deeds, rewrites) = streams(deeds);
    let [trusted] = head(&mut calls);
    let config = BlkFrontConfig::default().with_persistent_pages(match trusted / 2 % 4 {
        0 | 1 => 0,
        2 => 30,
        _ => u16::MAX,
    });
    let trusted = trusted % 2 == 0;
    let world = World::new(1);
    let (driver_domain, guest) =
        (world.create_guest(small("disks")), world.create_guest(small("guest")));
    let device = world.attach_disk(&guest, &driver_domain, &Disk { trusted, ..Disk::new("xvda") });
    let backend = HostileBackend::start(&world, &device, ChoiceSource::from_bytes(deeds));
    let mut peer = HostilePeer::new(ChoiceSource::from_bytes(rewrites));
    let store = store_of(&guest);
    let grants = GrantTable::new(guest.clone()).unwrap();
    if let Ok(mut block) = BlkFront::new(&store, &grants, device.id, config) {
        let mut tokens = Vec::new();
        for call in values(calls, 60) {
            // Some buffers begin within a page, not all of them at a sector.
            let buffer = |pages: u8| {
                // One in 16 has more segments than a slot of the ring, up to the most and beyond.
                let most = if pages % 16 == 15 { MAX_SEGMENTS + 1 } else { 12 };
                let (count, start) =
                    (1 + usize::from(pages) * 7 % most, usize::from(pages / 48) * 256);
                let pages = Pages::alloc(guest.clone(), count).ok()?;
                PagesRange::new(pages, start..count * PAGE_SIZE).ok()
            };
            peer.against(&guest, || match call {
                Call::Read { sector, sectors, pages } => {
                    let (sector, sectors) = (sector.into(), sectors.into());
                    let Some(buffer) = buffer(pages) else { return };
                    tokens.extend(block.submit(Request::Read { sector, sectors, buffer }));
                }
                Call::Write { sector, sectors, pages } => {
                    let (sector, sectors) = (sector.into(), sectors.into());
                    let Some(buffer) = buffer(pages) else { return };
                    tokens.extend(block.submit(Request::Write { sector, sectors, buffer }));
                }
                Call::Flush => tokens.extend(block.submit(Request::Flush)),
                Call::Discard { sector, sectors, secure } => {
                    let (sector, sectors) = (sector.into(), sectors.into());
                    tokens.extend(block.submit(Request::Discard { sector, sectors, secure }));
                }
                Call::Kick => block.kick(),
                Call::Poll => drop(block.poll(guest.now())),
                Call::Complete => {
                    for completion in core::iter::from_fn(|| block.complete()).take(64) {
                        assert!(tokens.contains(&completion.token), "a completion of nothing");
                        tokens.retain(|&token| token != completion.token);
                    }
                }
                Call::Cancel(at) => {
                    if let Some(&token) = tokens.get(usize::from(at) % tokens.len().max(1)) {
                        block.cancel(token);
                    }
                }
                Call::Wait(millis) => guest.wait(
                    &[block.port().unwrap_or(store.port()), store.port()],
                    Some(guest.now() + Duration::from_millis(millis.into())),
                ),
                Call::Close => block.close(),
                Call::Reopen => block.reopen(),
            });
            assert_eq!(
                block.in_flight(),
                tokens.len(),
                "each request that was taken is accounted for"
            );
            assert!(block.in_flight() <= 32);
        }
        // In the end each request that was taken has completed, once.
        backend.behave();
        block.close_now();
        let deadline = guest.now() + Duration::from_secs(60);
        loop {
            let polled = block.poll(guest.now());
            while let Some(completion) = block.complete() {
                assert!(tokens.contains(&completion.token), "a completion of nothing");
                tokens.retain(|&token| token != completion.token);
            }
            if guest.now() >= deadline
                || matches!(polled, Ok(DeviceState::Closed | DeviceState::Unplugged))
            {
                break;
            }
            store.wait(deadline.min(guest.now() + Duration::from_secs(5)));
        }
        assert!(
            tokens.is_empty() || block.state() != DeviceState::Closed,
            "{} requests are lost",
            tokens.len()
        );
    }
    world.destroy(driver_domain.id());
    assert_eq!(grants.retry_deferred(), DeferredGrants::default());
    settle(&world, &[&store]);
    drop((store, grants));
    check(&world);
}
