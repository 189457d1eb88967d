//! Lists in pages of the platform.

use std::sync::Arc;
use xen_hypercall::{OutOfMemory, PAGE_SIZE, PageVec, Pages};
use xen_sim::{Domain, DomainConfig, World};

fn guest() -> Domain {
    World::new(1).create_guest(DomainConfig::new("guest"))
}

fn pages(guest: &Domain) -> u64 {
    guest.counters().pages_allocated - guest.counters().pages_freed
}

#[test]
fn each_value_is_moved_out_once() {
    let guest = guest();
    let counted = Arc::new(());
    let mut list = PageVec::new(guest.clone());
    for number in 0..1000 {
        assert!(list.push((number, counted.clone())).is_ok());
    }
    assert_eq!((list.len(), Arc::strong_count(&counted)), (1000, 1001));
    assert_eq!(list.swap_remove(1000).map(|value| value.0), None);
    assert_eq!(list.swap_remove(3).map(|value| value.0), Some(3));
    assert_eq!(list.get_mut(3).map(|value| value.0), Some(999));
    let mut rest: Vec<_> = core::iter::from_fn(|| list.pop()).map(|value| value.0).collect();
    rest.sort_unstable();
    assert!(rest.iter().copied().eq((0..1000).filter(|&number| number != 3)));
    assert_eq!((Arc::strong_count(&counted), list.swap_remove(0)), (1, None));
    list.free_if_empty();
    assert_eq!(pages(&guest), 0);
    assert!(list.push((0, counted.clone())).is_ok());
    list.free_if_empty();
    assert_eq!((pages(&guest), list.len()), (1, 1));
    drop(list);
    assert_eq!((pages(&guest), Arc::strong_count(&counted)), (0, 1));
}

#[test]
fn capacity_is_allocated_once() {
    let guest = guest();
    let per_page = PAGE_SIZE / size_of::<u64>();
    let mut list = PageVec::with_capacity(guest.clone(), per_page + 1).unwrap();
    assert_eq!((pages(&guest), list.capacity()), (2, 2 * per_page));
    assert!((0..2 * per_page as u64).all(|number| list.push(number).is_ok()));
    assert_eq!(guest.counters().pages_allocated, 2);
    assert!(list.iter().copied().eq(0..2 * per_page as u64));
    assert!(PageVec::<_, u64>::with_capacity(guest.clone(), 0).is_ok());
    drop(list);
    assert_eq!(pages(&guest), 0);
}

#[test]
fn value_without_memory_is_returned() {
    let guest = guest();
    // All pages but one are in use.
    let mut used: Vec<_> = core::iter::from_fn(|| Pages::alloc(guest.clone(), 1).ok()).collect();
    used.pop();
    let mut list = PageVec::new(guest.clone());
    let room = PAGE_SIZE / size_of::<u64>();
    assert!((0..room as u64).all(|number| list.push(number).is_ok()));
    assert_eq!((list.push(7), list.len(), list.last()), (Err(7), room, Some(&(room as u64 - 1))));
    let refused = PageVec::<_, u64>::with_capacity(guest, room).err();
    assert_eq!(refused, Some(OutOfMemory { pages: 1 }));
}
