//! The xenstore client and its ring page, which the server rewrites before each load.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xen_fuzz::{Peer, Use, use_store, with_page};
use xen_sim::World;
use xen_store::RingTransport;

fuzz_target!(|input: (Vec<Use>, [u32; 4], &[u8])| {
    let (uses, header, deeds) = input;
    with_page(|mem| {
        mem.write(2048, &header);
        let world = World::new(1);
        Peer::new(mem, deeds).against(|| {
            use_store(&world, &uses, |guest, channel| RingTransport::new(guest, mem, channel.port()));
        });
        world.check().unwrap();
    });
});
