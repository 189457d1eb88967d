//! Copies and mappings in batches: what each came to, and pages that their owner has paged out.

use crate::common::{pages, pair, table};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use xen_grant::{CopyBatch, GrantMapArea, MAX_COPIES, MapError, ReadWrite, Version};
use xen_hypercall::{GrantRef, PAGE_SIZE, Pages};
use xen_sim::{Call, DomainConfig, Interpose, Interposed};
use xen_sys::grant_table::{
    GNTTABOP_COPY, GNTTABOP_MAP_GRANT_REF, GnttabCopy, GnttabMapGrantRef, GrantStatus,
};
use xen_sys::xen::HYPERVISOR_GRANT_TABLE_OP;

const NOT_GRANTED: GrantRef = GrantRef(400);

#[test]
fn grants_are_copied_without_a_mapping() {
    let (world, front, back) = pair(4);
    let third = world.create(DomainConfig::new("third"));
    let (from, to) = (table(&front, Version::V1), table(&third, Version::V1));
    let mut page = pages(&front, 1);
    page.as_mut_slice()[10..15].copy_from_slice(b"hello");
    let source = from.grant_read_only(page, back.id()).unwrap();
    let dest = to.grant_writable(pages(&third, 1), back.id()).unwrap();
    let mut local = pages(&back, 1);
    let mut batch = CopyBatch::new(&mut local, front.id());
    let from = |offset| (front.id(), source.reference(), offset);
    let to = |offset| (third.id(), dest.reference(), offset);
    batch.copy_grant_to_grant(from(10), to(4091), 5).unwrap();
    assert_eq!(
        batch.copy_grant_to_grant(from(0), to(4091), 6),
        Err(MapError::Range { offset: 4091, len: 6 })
    );
    assert_eq!(
        batch.copy_grant_to_grant(from(4096), to(0), 1),
        Err(MapError::Range { offset: 4096, len: 1 })
    );
    batch.run().unwrap();
    assert_eq!(dest.as_ref().read::<[u8; 5]>(4091), Some(*b"hello"));
    batch.copy_grant_to_grant(to(0), from(0), 5).unwrap();
    let refused =
        MapError::Refused { reference: dest.reference(), status: GrantStatus::GENERAL_ERROR };
    assert_eq!(batch.run(), Err(refused), "the other one is read-only");
}

#[test]
fn copies_end_within_their_pages() {
    let (_world, front, back) = pair(4);
    let grants = table(&front, Version::V1);
    let shared = grants.grant_writable(pages(&front, 1), back.id()).unwrap();
    let reference = shared.reference();
    let result = |beyond: Option<usize>, len| match beyond {
        Some(offset) => Err(MapError::Range { offset, len }),
        None => Ok(()),
    };
    let granted = [
        (0, PAGE_SIZE, None),
        (PAGE_SIZE - 1, 1, None),
        (PAGE_SIZE, 0, None),
        (1, PAGE_SIZE, Some(1)),
        (PAGE_SIZE, 1, Some(PAGE_SIZE)),
        (PAGE_SIZE + 1, 0, Some(PAGE_SIZE + 1)),
        (0, PAGE_SIZE + 1, Some(0)),
    ];
    let mut local = pages(&back, 1);
    for (offset, len, beyond) in granted {
        let mut batch = CopyBatch::new(&mut local, front.id());
        let (end, start) = ((front.id(), reference, offset), (front.id(), reference, 0));
        let expected = result(beyond, len);
        assert_eq!(batch.copy_from_grant(reference, offset, 0, len), expected);
        assert_eq!(batch.copy_to_grant(0, reference, offset, len), expected);
        assert_eq!(batch.copy_grant_to_grant(end, start, len), expected);
        assert_eq!(batch.copy_grant_to_grant(start, end, len), expected);
    }
    let own = [
        (PAGE_SIZE, PAGE_SIZE, None),
        (2 * PAGE_SIZE, 0, None),
        (2 * PAGE_SIZE - 1, 1, None),
        (PAGE_SIZE + 1, PAGE_SIZE, Some(PAGE_SIZE + 1)),
        (2 * PAGE_SIZE, 1, Some(2 * PAGE_SIZE)),
        (2 * PAGE_SIZE + 1, 0, Some(2 * PAGE_SIZE + 1)),
    ];
    let mut local = pages(&back, 2);
    for (at, len, beyond) in own {
        let mut batch = CopyBatch::new(&mut local, front.id());
        assert_eq!(batch.copy_from_grant(reference, 0, at, len), result(beyond, len));
        assert_eq!(batch.copy_to_grant(at, reference, 0, len), result(beyond, len));
    }
}

#[test]
fn each_copy_has_its_outcome() {
    let (_world, front, back) = pair(4);
    let grants = table(&front, Version::V1);
    let shared = grants.grant_writable(pages(&front, 1), back.id()).unwrap();
    let good = shared.reference();
    for pattern in 0u32..32 {
        let mut local = pages(&back, 6);
        let mut batch = CopyBatch::new(&mut local, front.id());
        for index in 0..5 {
            let reference = if pattern >> index & 1 == 0 { good } else { NOT_GRANTED };
            // Every second one crosses pages of the own memory, and is two copies.
            let at = index * PAGE_SIZE + if index % 2 == 0 { 0 } else { PAGE_SIZE - 8 };
            batch.copy_from_grant(reference, 0, at, 16).unwrap();
            batch.copy_from_grant(reference, 0, at, 0).unwrap();
        }
        let mut failed = 0;
        let mut seen = Vec::new();
        batch
            .run_each(|index, outcome| {
                seen.push(index);
                failed |= u32::from(outcome.is_err()) << index;
            })
            .unwrap();
        assert_eq!((seen, failed), (vec![0, 1, 2, 3, 4], pattern));
        // The batch is empty again.
        batch.run_each(|_, _| panic!("there is nothing to do")).unwrap();
        (0..3).for_each(|_| batch.copy_from_grant(good, 0, 0, 1).unwrap());
        let mut seen = Vec::new();
        batch.run_each(|index, outcome| seen.push((index, outcome))).unwrap();
        assert_eq!(seen, [0, 1, 2].map(|index| (index, Ok(()))));
    }
}

#[test]
fn full_batch_refuses_a_whole_copy() {
    let (_world, front, back) = pair(4);
    let grants = table(&front, Version::V1);
    let shared = grants.grant_writable(pages(&front, 1), back.id()).unwrap();
    let mut local = pages(&back, 2);
    let mut batch = CopyBatch::new(&mut local, front.id());
    for _ in 1..MAX_COPIES - 2 {
        batch.copy_from_grant(shared.reference(), 0, 0, 1).unwrap();
    }
    batch.copy_from_grant(shared.reference(), 0, PAGE_SIZE - 1, 2).unwrap();
    let full = MapError::Count { found: MAX_COPIES + 1, room: MAX_COPIES };
    assert_eq!(
        batch.copy_from_grant(shared.reference(), 0, PAGE_SIZE - 1, 2),
        Err(full),
        "two copies"
    );
    let end = (front.id(), shared.reference(), 0);
    batch.copy_grant_to_grant(end, end, 1).unwrap();
    assert_eq!(batch.copy_grant_to_grant(end, end, 1), Err(full));
    let mut count = 0;
    batch.run_each(|_, outcome| count += usize::from(outcome.is_ok())).unwrap();
    assert_eq!(count, MAX_COPIES - 1, "one call made two copies");
}

/// An interposer that fails the last copy of a call.
struct LastFails;

impl Interpose for LastFails {
    fn result(&self, call: &Call, _result: isize) {
        let (command, [_, address, count, ..]) = (call.command(), call.args);
        if call.op == HYPERVISOR_GRANT_TABLE_OP && command == GNTTABOP_COPY {
            let copies: *mut GnttabCopy = core::ptr::with_exposed_provenance_mut(address);
            // SAFETY: the caller vouched for that many structures at the address.
            unsafe { (*copies.add(count - 1)).status = GrantStatus::GENERAL_ERROR };
        }
    }
}

#[test]
fn copy_fails_with_its_second_half() {
    let (_world, front, back) = pair(4);
    let grants = table(&front, Version::V1);
    let shared = grants.grant_writable(pages(&front, 1), back.id()).unwrap();
    let reference = shared.reference();
    let mut local = Pages::alloc(Interposed::new(back, Arc::new(LastFails)), 2).unwrap();
    let mut batch = CopyBatch::new(&mut local, front.id());
    batch.copy_from_grant(reference, 0, PAGE_SIZE - 8, 16).unwrap();
    let refused = MapError::Refused { reference, status: GrantStatus::GENERAL_ERROR };
    assert_eq!(batch.run(), Err(refused));
}

/// Answers as Xen does while the owner's page is paged out: for some operations, or for all.
struct PagedOut {
    left: AtomicU32,
    asked: AtomicU32,
}

impl Interpose for PagedOut {
    fn hypercall(&self, call: &Call) -> Option<isize> {
        let (command, [_, address, count, ..]) = (call.command(), call.args);
        let about_grants = call.op == HYPERVISOR_GRANT_TABLE_OP;
        if !about_grants || !matches!(command, GNTTABOP_COPY | GNTTABOP_MAP_GRANT_REF) {
            return None;
        }
        self.asked.fetch_add(1, Ordering::Relaxed);
        let left = self.left.load(Ordering::Relaxed);
        self.left.store(left.saturating_sub(1), Ordering::Relaxed);
        if left == 0 {
            return None;
        }
        for index in 0..count {
            // SAFETY: the caller of the hypercall vouches for that many structures at the address.
            unsafe {
                if command == GNTTABOP_COPY {
                    let copies: *mut GnttabCopy = core::ptr::with_exposed_provenance_mut(address);
                    (*copies.add(index)).status = GrantStatus::EAGAIN;
                } else {
                    let maps: *mut GnttabMapGrantRef =
                        core::ptr::with_exposed_provenance_mut(address);
                    (*maps.add(index)).status = GrantStatus::EAGAIN;
                }
            }
        }
        Some(0)
    }
}

#[test]
fn paged_out_page_retries_are_bounded() {
    let (world, front, back) = pair(4);
    let grants = table(&front, Version::V1);
    let mut page = pages(&front, 3);
    page.as_mut_slice()[..5].copy_from_slice(b"hello");
    let shared = grants.grant_writable(page, back.id()).unwrap();
    let retry_eagain = Arc::new(PagedOut { left: 0.into(), asked: 0.into() });
    let platform = Interposed::new(back, retry_eagain.clone());
    let refused = MapError::Refused { reference: shared.reference(), status: GrantStatus::EAGAIN };
    for (left, works) in [(1, true), (10, true), (u32::MAX, false)] {
        retry_eagain.left.store(left, Ordering::Relaxed);
        let window = GrantMapArea::reserve(platform.clone(), 3).unwrap();
        match window.map::<ReadWrite>(front.id(), shared.refs()) {
            Ok(mapping) => assert!(works && mapping.as_ref().read(0) == Some(*b"hello")),
            Err(failed) => {
                assert!(!works && failed.area.is_some());
                assert_eq!(
                    (failed.error, failed.statuses()),
                    (refused, &[GrantStatus::EAGAIN; 3][..])
                );
            }
        }
        retry_eagain.left.store(left, Ordering::Relaxed);
        let mut local = Pages::alloc(platform.clone(), 1).unwrap();
        let mut batch = CopyBatch::new(&mut local, front.id());
        batch.copy_from_grant(shared.reference(), 0, 0, 5).unwrap();
        assert_eq!(batch.run(), if works { Ok(()) } else { Err(refused) });
        assert!(!works || local.as_slice().starts_with(b"hello"));
    }
    let asked = retry_eagain.asked.load(Ordering::Relaxed);
    assert!(asked < 1000, "asked {asked} times");
    assert!(shared.end_access().is_ok(), "nothing stayed mapped");
    drop((grants, world));
}
