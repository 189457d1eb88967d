//! Memory safety of safe code: programs that violated it, each of which now ends in an error.
#![forbid(unsafe_code)]

use xen_grant::{GrantError, GrantMapArea, GrantTable, MapError, ReadOnly, ReadWrite, Version};
use xen_hypercall::boot::{self, PlaceError};
use xen_hypercall::ops::{hvm, sched};
use xen_hypercall::{AlreadyTaken, DomId, Errno, Pages, Platform, Singleton};
use xen_sim::{CountCalls, Domain, DomainConfig, Interposed, World};
use xen_sys::sched::ShutdownReason;

/// Returns two domains of each of two worlds: their numbers and frames are the same.
fn worlds() -> [(World, Domain, Domain); 2] {
    [1, 2].map(|seed| {
        let world = World::new(seed);
        let (front, back) =
            (world.create(DomainConfig::new("front")), world.create(DomainConfig::new("back")));
        (world, front, back)
    })
}

fn page(domain: &Domain) -> Pages<Domain> {
    Pages::alloc(domain.clone(), 1).unwrap()
}

const TABLE: AlreadyTaken = AlreadyTaken(Singleton::GrantTable);
const INFO: PlaceError = PlaceError::Taken(AlreadyTaken(Singleton::SharedInfo));

#[test]
fn exchange_across_tables_is_refused() {
    let [(_a, front, back), (_b, other, _)] = worlds();
    let (ours, theirs) =
        (GrantTable::new(front.clone()).unwrap(), GrantTable::new(other.clone()).unwrap());
    let mut first = ours.grant_writable(page(&front), back.id()).unwrap();
    let mut second = theirs.grant_writable(page(&other), back.id()).unwrap();
    // Another reference, so that the two differ.
    let spare = theirs.grant_writable(page(&other), back.id()).unwrap();
    let refs = [first.reference(), second.reference()];
    assert_eq!(first.swap_grant_ref(&mut second), Err(MapError::OtherTable));
    assert_eq!(second.swap_grant_ref(&mut first), Err(MapError::OtherTable));
    assert_eq!([first.reference(), second.reference()], refs);
    // What a peer had mapped is in the right page's deferred list.
    let mapping = GrantMapArea::reserve(back.clone(), 1)
        .unwrap()
        .map::<ReadWrite>(front.id(), first.refs())
        .unwrap();
    assert!(first.end_access().is_err() && second.end_access().is_ok());
    drop((mapping, spare));
}

#[test]
fn pages_of_another_domain_are_refused() {
    let [(_a, front, back), (_b, other, _)] = worlds();
    for version in [Version::V1, Version::V2] {
        let grants = GrantTable::with_version(front.clone(), version).unwrap();
        let free = grants.free();
        for count in [1, 3] {
            let foreign = || Pages::alloc(other.clone(), count).unwrap();
            let mut failed = vec![
                grants.grant_writable(foreign(), back.id()).unwrap_err(),
                grants.grant_read_only(foreign(), back.id()).unwrap_err(),
                grants.grant_access::<ReadOnly>(foreign(), back.id()).unwrap_err(),
            ];
            if version == Version::V2 {
                failed.push(
                    grants.grant_sub_page::<ReadWrite>(foreign(), back.id(), 0, 8).unwrap_err(),
                );
            }
            for failed in failed {
                assert_eq!((failed.error, failed.pages.count()), (GrantError::OtherDomain, count));
                assert!(failed.pages.platform().claims().is_same_domain(other.claims()));
            }
        }
        assert_eq!(grants.free(), free);
    }
}

#[test]
fn pages_of_a_neighbour_are_refused() {
    let [(_world, front, back), _] = worlds();
    let grants = GrantTable::new(front.clone()).unwrap();
    let failed = grants.grant_writable(page(&back), back.id()).unwrap_err();
    assert_eq!(failed.error, GrantError::OtherDomain);
}

#[test]
fn handles_of_one_domain_match() {
    let [(_world, front, back), _] = worlds();
    assert!(front.vcpu(0).claims().is_same_domain((&&front).claims()));
    assert!(!front.claims().is_same_domain(back.claims()));
    let between = Interposed::new(front.clone(), std::sync::Arc::new(CountCalls::default()));
    assert!(between.claims().is_same_domain(front.claims()));
    let grants = GrantTable::new(front.clone()).unwrap();
    assert!(grants.grant_writable(Pages::alloc(front.vcpu(0), 1).unwrap(), back.id()).is_ok());
}

#[test]
fn shared_info_twice_is_refused() {
    let [(_world, front, back), _] = worlds();
    let first = boot::shared_info(front.clone()).unwrap();
    assert_eq!(boot::shared_info(front.clone()).err(), Some(INFO));
    let between = Interposed::new(front.clone(), std::sync::Arc::new(CountCalls::default()));
    assert_eq!(boot::shared_info(between).err(), Some(INFO));
    // Each domain has its own, and the first one's is where it was.
    let others = boot::shared_info(back.clone()).unwrap();
    assert!(first.as_ref().read::<u64>(0).is_some() && others.as_ref().read::<u64>(0).is_some());
    drop(first);
    let again = boot::shared_info(front).unwrap();
    assert!(again.as_ref().read::<u64>(0).is_some());
}

#[test]
fn ring_as_shared_info_is_refused() {
    let world = World::new(1);
    let guest = world.create_guest(DomainConfig::new("guest"));
    let info = boot::shared_info(guest.clone()).unwrap();
    let ring = boot::xenstore_ring(guest.clone()).unwrap();
    assert_eq!(boot::resume_shared_info(&ring.page), Err(Errno::EINVAL));
    assert_eq!(boot::resume_shared_info(&info), Ok(()));
    assert!(info.as_ref().read::<u64>(0).is_some());
}

#[test]
fn second_table_of_domain_is_refused() {
    let [(_world, front, back), _] = worlds();
    for version in [Version::V1, Version::V2] {
        let grants = GrantTable::with_version(front.clone(), version).unwrap();
        let shared = grants.grant_writable(page(&front), back.id()).unwrap();
        for wanted in [Version::V1, Version::V2] {
            let second = GrantTable::with_version(front.clone(), wanted).unwrap_err();
            assert_eq!(second, GrantError::Taken(TABLE));
        }
        let window = GrantMapArea::reserve(back.clone(), 1).unwrap();
        let mapping = window.map::<ReadWrite>(front.id(), shared.refs()).unwrap();
        assert!(shared.end_access().is_err(), "the first table sees its entries");
        drop(mapping);
        assert_eq!(grants.retry_deferred(), xen_grant::DeferredGrants::default());
    }
}

#[test]
fn failed_table_gives_its_claim_back() {
    let world = World::new(1);
    let mut config = DomainConfig::new("small");
    config.page_budget = 64;
    let domain = world.create(config);
    for n in 0.. {
        let fault = std::sync::Arc::new(xen_sim::FailNth::new(n, Errno::ENOMEM));
        let made = GrantTable::new(Interposed::new(domain.clone(), fault.clone()));
        if !fault.has_failed() {
            assert!(made.is_ok() && n > 2);
            break;
        }
        drop(made);
        assert!(!domain.claims().is_taken(Singleton::GrantTable));
    }
}

#[test]
fn read_only_mapping_sees_its_owner() {
    let [(_world, front, back), _] = worlds();
    let grants = GrantTable::new(front.clone()).unwrap();
    let shared = grants.grant_read_only(page(&front), back.id()).unwrap();
    let mapping = GrantMapArea::reserve(back.clone(), 1)
        .unwrap()
        .map::<ReadOnly>(front.id(), shared.refs())
        .unwrap();
    shared.as_ref().write(8, &7u32).unwrap();
    assert_eq!(mapping.as_ref().read::<u32>(8), Some(7));
    let mut bytes = [0; 2];
    assert!(mapping.as_ref().copy_to(4095, &mut bytes).is_none());
    assert!(mapping.as_ref().copy_to(8, &mut bytes).is_some());
    assert_eq!((bytes, mapping.as_ref().len()), ([7, 0], 4096));
}

#[test]
fn shutdown_for_suspend_is_refused() {
    let world = World::new(1);
    let guest = world.create_guest(DomainConfig::new("guest"));
    let suspend = ShutdownReason::SUSPEND;
    assert_eq!(sched::shutdown(&guest, suspend), Err(Errno::EINVAL));
    assert_eq!(sched::shutdown_code(&guest, suspend), Err(Errno::EINVAL));
    assert_eq!(sched::remote_shutdown(&guest, guest.id(), suspend), Err(Errno::EINVAL));
    // Other domains are a toolstack's to suspend: that is up to Xen.
    assert_ne!(sched::remote_shutdown(&guest, DomId(99), suspend), Err(Errno::EINVAL));
    assert!(boot::xenstore_ring(guest).is_ok(), "the domain continues");
}

#[test]
fn exception_vectors_are_refused() {
    let [(_world, guest, _), _] = worlds();
    for vector in [0, 8, 14, 17, 31] {
        assert_eq!(hvm::set_callback_irq(&guest, 2 << 56 | vector), Err(Errno::EINVAL));
        assert_eq!(hvm::set_evtchn_upcall_vector(&guest, 0, vector as u8), Err(Errno::EINVAL));
    }
    assert_eq!(hvm::set_callback_irq(&guest, 2 << 56 | 32), Ok(()));
    assert_eq!(hvm::set_callback_irq(&guest, 9), Ok(()), "a line, not a vector");
}
