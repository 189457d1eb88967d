//! Each value that a peer can write is loaded once for a decision.
#![cfg(not(loom))]

use std::collections::BTreeMap;
use xen_hypercall::sync::Ordering::Relaxed;
use xen_hypercall::{GrantRef, Page, SharedMem, observe_loads};
use xen_ring::{BackRing, ByteConsumer, ByteProducer, FlexRing, FrontRing, Vchan, VchanOrders};

type Request = [u32; 3];
type Bytes = ByteConsumer<0, 1024, 3072, 3076>;

const REQ_PROD: usize = 0;
const RSP_PROD: usize = 8;

fn page() -> Box<[Page; 1]> {
    Box::new([Page::ZERO])
}

/// Returns the number of loads of each byte in `body`, and its result.
fn loads<R>(mem: &SharedMem, body: impl FnOnce() -> R) -> (BTreeMap<usize, u32>, R) {
    let base = core::ptr::from_ref(mem).cast::<u8>().addr();
    let mut counts = BTreeMap::new();
    let mut count = |address: usize, len: usize| {
        (address.wrapping_sub(base)..address.wrapping_sub(base).wrapping_add(len))
            .for_each(|byte| *counts.entry(byte).or_default() += 1);
    };
    let result = observe_loads(&mut count, body);
    (counts, result)
}

fn once(bytes: impl IntoIterator<Item = usize>) -> BTreeMap<usize, u32> {
    bytes.into_iter().map(|byte| (byte, 1)).collect()
}

#[test]
fn back_end_loads_each_byte_once() {
    let mut page = page();
    let mem = SharedMem::from_pages(&mut page);
    let mut back = BackRing::<_, Request, u32>::attach(mem).unwrap();
    mem.u32::<REQ_PROD>().store(1, Relaxed);
    let (counts, request) = loads(mem, || back.pop().unwrap());
    assert_eq!((counts, request), (once((0..4).chain(64..76)), Some([0; 3])));
    assert_eq!(loads(mem, || back.pop().unwrap()), (once(0..4), None));
}

#[test]
fn front_end_loads_each_byte_once() {
    let mut page = page();
    let mem = SharedMem::from_pages(&mut page);
    let mut front = FrontRing::<_, Request, u32>::new(mem).unwrap();
    front.push(&[1; 3]).unwrap();
    let (counts, _) = loads(mem, || front.publish());
    assert_eq!(counts, once(4..8));
    mem.u32::<RSP_PROD>().store(1, Relaxed);
    let (counts, response) = loads(mem, || front.pop().unwrap());
    assert_eq!((counts, response), (once((8..12).chain(64..68)), Some(1)));
}

#[test]
fn byte_ring_loads_each_byte_once() {
    let mut page = page();
    let mem = SharedMem::from_pages(&mut page);
    mem.write(3072, &[1000u32, 1060]).unwrap();
    let mut rx = Bytes::attach(mem);
    let (counts, count) = loads(mem, || rx.read(mem, &mut [0; 100]).unwrap());
    assert_eq!((counts, count), (once((0..36).chain(1000..1024).chain(3076..3080)), 60));
    let mut tx = ByteProducer::<0, 1024, 3072, 3076>::attach(mem);
    let (counts, _) = loads(mem, || tx.write(mem, &[1; 100]).unwrap());
    assert_eq!(counts, once(3072..3076));
}

#[test]
fn flex_and_vchan_load_bytes_once() {
    let (mut indices, mut data) = (page(), page());
    let (indices, data) = (SharedMem::from_pages(&mut indices), SharedMem::from_pages(&mut data));
    let mut front = FlexRing::front(indices, data, &[GrantRef(8)]).unwrap();
    indices.write(4, &30u32).unwrap();
    // The index is in another page than the bytes, so its four bytes appear among them.
    let (counts, count) = loads(data, || front.read(&mut [0; 20]).unwrap());
    assert_eq!((counts.values().max(), counts.range(0..4096).count(), count), (Some(&1), 20, 20));

    let mut first = page();
    let mem = SharedMem::from_pages(&mut first);
    let orders = VchanOrders::new(10, 11).unwrap();
    let mut server = Vchan::<_, [_; 0]>::server(mem, orders, [], [], []).unwrap();
    mem.write(4, &30u32).unwrap();
    let (counts, (count, _)) = loads(mem, || server.read(&mut [0; 20]).unwrap());
    // The peer's index, its requests for notifications, and the bytes.
    assert_eq!((counts, count), (once((4..8).chain([23]).chain(1024..1044)), 20));
    let (counts, offered) = loads(mem, || VchanOrders::offered(mem).unwrap());
    assert_eq!((counts, offered), (once((16..20).chain([21])), orders));
}

/// D-R06.
#[test]
fn changing_request_is_read_once() {
    let mut page = page();
    let mem = SharedMem::from_pages(&mut page);
    let mut back = BackRing::<_, Request, u32>::attach(mem).unwrap();
    let mut version = 0u32;
    for round in 1..=1000u32 {
        mem.u32::<REQ_PROD>().store(round, Relaxed);
        let slot = 64 + (round as usize - 1) % 256 * 12;
        let mut rewrite = |_, _| {
            version += 1;
            mem.write(slot, &[version; 3]).unwrap();
        };
        let request = observe_loads(&mut rewrite, || back.pop().unwrap().unwrap());
        // The index, then three words, each with its value at its only load.
        let last = round * 4;
        assert_eq!(request, [last - 2, last - 1, last]);
        back.push(&0).unwrap();
        let _ = observe_loads(&mut |_, _| {}, || back.publish());
    }
}

/// D-R06.
#[test]
fn changing_index_is_used_as_checked() {
    for bad in [258, 1 << 31, u32::MAX] {
        let mut page = page();
        let mem = SharedMem::from_pages(&mut page);
        let mut back = BackRing::<_, Request, u32>::attach(mem).unwrap();
        let mut turn = 0;
        // Valid at its first load, invalid at any later one.
        let mut flip = |_, _| {
            mem.u32::<REQ_PROD>().store(if turn == 0 { 1 } else { bad }, Relaxed);
            turn += 1;
        };
        let popped = observe_loads(&mut flip, || back.pop());
        assert_eq!(popped, Ok(Some([0; 3])));
        let corrupt = back.pop().unwrap_err();
        assert_eq!((corrupt.found, corrupt.own), (bad, 1));
    }
}
