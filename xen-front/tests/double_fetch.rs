//! Drivers load each byte that a backend can write once.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;
use xen_evtchn::Channel;
use xen_front::console::Console;
use xen_hypercall::{DomId, Page, SharedMem, observe_loads};
use xen_sim::{DomainConfig, World};

const IN_CONS: usize = 3072;
const IN_PROD: usize = 3076;

#[test]
fn the_console_loads_each_byte_and_the_index_once_whatever_changes_meanwhile() {
    let world = World::new(1);
    let guest = world.create(DomainConfig::new("guest"));
    let mut page = Box::new([Page::ZERO]);
    let mem = SharedMem::from_pages(&mut page);
    let channel = Channel::alloc_unbound(guest.clone(), DomId(0)).unwrap();
    let mut console = Console::new(guest, mem, channel);
    mem.u32::<IN_PROD>().store(100, Relaxed);
    let base = core::ptr::from_ref(mem).cast::<u8>().addr();
    let mut counts = BTreeMap::<usize, u32>::new();
    let mut peer = |address: usize, len: usize| {
        (address - base..address - base + len).for_each(|byte| *counts.entry(byte).or_default() += 1);
        // The reader's own index is no business of the peer's, and its own moves on as soon as it was looked at.
        mem.u32::<IN_CONS>().store(0xdead_beef, Relaxed);
        mem.copy_from(0, &[b'x'; 1024]).unwrap();
    };
    let mut buffer = [0; 200];
    let read = observe_loads(&mut peer, || console.read(&mut buffer));
    assert_eq!((read, &buffer[..101]), (Ok(100), [[b'x'; 100].as_slice(), &[0]].concat().as_slice()));
    let expected = (0..100).chain(IN_PROD..IN_PROD + 4).map(|byte| (byte, 1)).collect();
    assert_eq!(counts, expected);
    assert_eq!(mem.u32::<IN_CONS>().load(Relaxed), 100);
}
