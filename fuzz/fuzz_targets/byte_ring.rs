//! Both ends of a byte ring, each against a peer that rewrites the page before each load.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use xen_fuzz::{Peer, with_page};
use xen_ring::{ByteConsumer, ByteProducer};

#[derive(Arbitrary, Debug)]
enum Call {
    Write(u16),
    Free,
    Read(u16),
    Available,
}

fuzz_target!(|input: ([u32; 2], Vec<Call>, &[u8])| {
    let (start, calls, deeds) = input;
    with_page(|mem| {
        mem.write(2048, &start);
        Peer::new(mem, deeds).against(|| {
            // Two rings that overlap: the peer of one is also the other.
            let mut tx = ByteProducer::<1024, 1024, 2048, 2052>::attach(mem);
            let mut rx = ByteConsumer::<1024, 1024, 2048, 2052>::attach(mem);
            let mut buffer = [0xee; 2048];
            let (mut tx_dead, mut rx_dead) = (false, false);
            for call in calls {
                let (result, dead) = match call {
                    Call::Write(len) => (tx.write(mem, &buffer[..usize::from(len) % 2048]), &mut tx_dead),
                    Call::Free => (tx.free(mem), &mut tx_dead),
                    Call::Read(len) => (rx.read(mem, &mut buffer[..usize::from(len) % 2048]), &mut rx_dead),
                    Call::Available => (rx.available(mem), &mut rx_dead),
                };
                assert!(result.is_ok_and(|count| count <= 1024) || result.is_err());
                assert!(!*dead || result.is_err(), "a poisoned ring stays so");
                *dead = result.is_err();
            }
        });
    });
});
