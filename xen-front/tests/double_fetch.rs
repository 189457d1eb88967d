//! The console and xenstore load each byte that the other end can write once. Disks and network
//! interfaces are in xen-back's tests.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;
use xen_evtchn::Channel;
use xen_front::console::Console;
use xen_hypercall::{DomId, Gfn, Page, SharedMem, observe_loads};
use xen_sim::{DomainConfig, SharedLoads, World};
use xen_store::wire::{HEADER_LEN, MessageType, XsdSockmsg, decode, encode};
use xen_store::{Limits, RingTransport, XenStore};

const IN_CONS: usize = 3072;
const IN_PROD: usize = 3076;

#[test]
fn console_bytes_are_loaded_once() {
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
        (address - base..address - base + len)
            .for_each(|byte| *counts.entry(byte).or_default() += 1);
        // The peer's index changes as soon as it was read, and it overwrites the reader's own.
        mem.u32::<IN_CONS>().store(0xdead_beef, Relaxed);
        mem.copy_from(0, &[b'x'; 1024]).unwrap();
    };
    let mut buffer = [0; 200];
    let read = observe_loads(&mut peer, || console.read(&mut buffer));
    assert_eq!(
        (read, &buffer[..101]),
        (Ok(100), [[b'x'; 100].as_slice(), &[0]].concat().as_slice())
    );
    let expected = (0..100).chain(IN_PROD..IN_PROD + 4).map(|byte| (byte, 1)).collect();
    assert_eq!(counts, expected);
    assert_eq!(mem.u32::<IN_CONS>().load(Relaxed), 100);
}

#[test]
fn xenstore_reply_is_loaded_once() {
    const RSP: usize = 1024;
    const RSP_PROD: usize = 2060;
    let world = World::new(1);
    let guest = world.create(DomainConfig::new("guest"));
    let mut page = Box::new([Page::ZERO]);
    let mem = SharedMem::from_pages(&mut page);
    // The reply starts ten bytes before the end of its ring.
    mem.write(2056, &[1014u32, 1014]).unwrap();
    let channel = Channel::alloc_unbound(guest.clone(), DomId(0)).unwrap();
    let transport = RingTransport::new(guest.clone(), mem, channel.port());
    let store = XenStore::with_transport(
        guest,
        transport,
        channel.port(),
        Limits { requests: 4, watches: 2 },
    )
    .unwrap();
    let request = store.begin_read("domid").unwrap();
    // A new client first ends the watches of an older one.
    let header_at = |at| decode(&mem.read::<[u8; HEADER_LEN]>(at).unwrap()).unwrap();
    let first = header_at(0);
    let sent = header_at(HEADER_LEN + first.len as usize);
    let header = XsdSockmsg { type_: MessageType::READ, req_id: sent.req_id, tx_id: 0, len: 5 };
    let reply = [encode(&header).as_slice(), b"51712"].concat();
    for (index, byte) in reply.iter().enumerate() {
        mem.write(RSP + (1014 + index) % 1024, byte).unwrap();
    }
    mem.u32::<RSP_PROD>().store(1014 + reply.len() as u32, Relaxed);

    let mut value = [0; 16];
    let (loads, found) = SharedLoads::of_memory(mem, || request.try_finish(&mut value));
    assert_eq!((found.unwrap(), &value[..5]), (Ok(5), b"51712".as_slice()));
    let body = (RSP + 1014..2048).chain(RSP..RSP + reply.len() - 10);
    assert!(body.clone().all(|byte| loads.at(Gfn(0), byte) == 1));
    // Before each piece the index and the server's state are read again.
    let others =
        loads.iter().map(|(_, byte, _)| byte).filter(|byte| !body.clone().any(|at| at == *byte));
    assert!(others.eq(RSP_PROD..RSP_PROD + 8));
}
