//! A disk against a backend that answers, announces and forgets as it likes.
#![no_main]

use arbitrary::Arbitrary;
use core::time::Duration;
use libfuzzer_sys::fuzz_target;
use xen_front::block::{Block, BlockState, Request};
use xen_fuzz::{Back, Deed, Devil};
use xen_grant::{GrantTable, Quarantine};
use xen_hypercall::{Pages, Platform, start};
use xen_sim::{Disk, DomainConfig, World};
use xen_store::XenStore;

const BLKBACK: Back = Back {
    rings: &["ring-ref"],
    slots: &[112],
    nodes: &[
        ("sectors", "2048"),
        ("sector-size", "512"),
        ("info", "0"),
        ("physical-sector-size", "512"),
        ("feature-flush-cache", "1"),
        ("feature-barrier", "1"),
        ("max-ring-page-order", "0"),
        ("feature-persistent", "0"),
    ],
    answer: |_, slot| {
        // Operation and id of the request; status 0.
        let (operation, id) = (slot[0], slot[8..16].to_vec());
        slot[..16].fill(0);
        slot[..8].copy_from_slice(&id);
        slot[8] = operation;
    },
};

#[derive(Arbitrary, Debug)]
enum Call {
    Read { sector: u16, sectors: u8, pages: u8 },
    Write { sector: u16, sectors: u8, pages: u8 },
    Flush,
    Kick,
    Poll,
    Complete,
    Wait(u8),
    Close,
    Reopen,
}

fuzz_target!(|input: (bool, Vec<Call>, Vec<Deed>)| {
    let (trusted, calls, deeds) = input;
    let world = World::new(1);
    let small = |name| DomainConfig {
        pages: 256,
        foreign_pages: 128,
        max_grant_frames: 2,
        ..DomainConfig::new(name)
    };
    let (driver_domain, guest) = (world.create_guest(small("disks")), world.create_guest(small("guest")));
    let device = world.attach_disk(&guest, &driver_domain, &Disk { trusted, ..Disk::new("xvda") });
    let devil = Devil::start(&world, &device, BLKBACK, deeds);
    let store = XenStore::new(guest.clone(), start::xenstore_ring(guest.clone()).unwrap()).unwrap();
    let grants = GrantTable::new(guest.clone()).unwrap();
    if let Ok(mut block) = Block::open(&store, &grants, device.id) {
        let mut accepted = 0;
        let (mut tokens, mut done) = (Vec::new(), 0);
        for call in calls.iter().take(60) {
            let mut submit = |block: &mut Block<'_, _>, request| {
                if let Ok(token) = block.submit(request) {
                    tokens.push(token);
                    accepted += 1;
                }
            };
            let buffer = |pages: u8| Pages::alloc(guest.clone(), 1 + usize::from(pages) % 12).unwrap();
            match *call {
                Call::Read { sector, sectors, pages } => {
                    let (sector, sectors) = (sector.into(), sectors.into());
                    submit(&mut block, Request::Read { sector, sectors, buffer: buffer(pages) });
                }
                Call::Write { sector, sectors, pages } => {
                    let (sector, sectors) = (sector.into(), sectors.into());
                    submit(&mut block, Request::Write { sector, sectors, buffer: buffer(pages) });
                }
                Call::Flush => submit(&mut block, Request::Flush),
                Call::Kick => block.kick(),
                Call::Poll => drop(block.poll(guest.now())),
                Call::Complete => {
                    for completion in core::iter::from_fn(|| block.complete()).take(64) {
                        assert!(tokens.contains(&completion.token), "a completion of nothing");
                        tokens.retain(|&token| token != completion.token);
                        done += 1;
                    }
                }
                Call::Wait(millis) => guest.wait(
                    &[block.port().unwrap_or(store.port()), store.port()],
                    Some(guest.now() + Duration::from_millis(millis.into())),
                ),
                Call::Close => block.close(),
                Call::Reopen => block.reopen(),
            }
            assert!(block.in_flight() <= 32);
        }
        // In the end each request that was taken has completed, once.
        devil.repent();
        let _ = block.close_now();
        let deadline = guest.now() + Duration::from_secs(60);
        loop {
            let polled = block.poll(guest.now());
            while let Some(completion) = block.complete() {
                tokens.retain(|&token| token != completion.token);
                done += 1;
            }
            if guest.now() >= deadline || matches!(polled, Ok(BlockState::Closed | BlockState::Unplugged)) {
                break;
            }
            store.wait(deadline.min(guest.now() + Duration::from_secs(5)));
        }
        assert!(
            done <= accepted && (block.state() != BlockState::Closed || done == accepted),
            "{done} of {accepted}"
        );
    }
    world.destroy(driver_domain.id());
    assert_eq!(grants.sweep_quarantine(), Quarantine::default());
    // The last requests, which end watches, are still to be carried out.
    for _ in 0..4 {
        world.run_until_idle();
        let _ = store.poll();
    }
    drop((store, grants));
    assert_eq!(world.violations(), []);
    let left = world.check();
    assert!(left.is_ok(), "{left:?}");
});
