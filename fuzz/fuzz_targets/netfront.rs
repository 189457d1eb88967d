//! A network interface against a backend that answers, announces and forgets as it likes.
#![no_main]

use arbitrary::Arbitrary;
use core::time::Duration;
use libfuzzer_sys::fuzz_target;
use xen_front::net::{Config, Net, TxChecksum, Vif};
use xen_fuzz::{Back, Deed, Devil};
use xen_grant::{GrantTable, Quarantine};
use xen_hypercall::{Platform, start};
use xen_sim::{DomainConfig, Vif as VirtualVif, World};
use xen_store::XenStore;

const NETBACK: Back = Back {
    rings: &["tx-ring-ref", "rx-ring-ref"],
    slots: &[12, 8],
    nodes: &[
        ("feature-rx-copy", "1"),
        ("feature-sg", "1"),
        ("feature-rx-flip", "0"),
        ("multi-queue-max-queues", "2"),
        ("mac", "00:16:3e:00:00:00"),
        ("mtu", "1500"),
    ],
    answer: |ring, slot| {
        if ring == 0 {
            // The id of the request; status 0.
            let id = [slot[8], slot[9]];
            slot.fill(0);
            slot[..2].copy_from_slice(&id);
        } else {
            // Offset 0, no flags, 60 bytes.
            slot[2..].copy_from_slice(&[0, 0, 0, 0, 60, 0]);
        }
    },
};

#[derive(Arbitrary, Debug)]
enum Call {
    Transmit { len: u16, partial: bool },
    TransmitWith { len: u16 },
    Receive(u16),
    ReceiveWith,
    Flush,
    FinalCheck,
    Poll,
    Wait(u8),
}

fuzz_target!(|input: (bool, Vec<Call>, Vec<Deed>)| {
    let (checksum_offload, calls, deeds) = input;
    let world = World::new(1);
    let small = |name| DomainConfig {
        pages: 256,
        foreign_pages: 128,
        max_grant_frames: 2,
        ..DomainConfig::new(name)
    };
    let (driver_domain, guest) = (world.create_guest(small("network")), world.create_guest(small("guest")));
    let device = world.attach_vif(&guest, &driver_domain, &VirtualVif::new(0));
    let devil = Devil::start(&world, &device, NETBACK, deeds);
    let store = XenStore::new(guest.clone(), start::xenstore_ring(guest.clone()).unwrap()).unwrap();
    let grants = GrantTable::new(guest.clone()).unwrap();
    let config = Config { rx_slots: 8, tx_slots: 6, checksum_offload, timeout: Duration::from_secs(2) };
    if let Ok(mut net) = Net::open(&store, &grants, Vif(0), config) {
        let mut buffer = [0; 4096];
        for call in calls.iter().take(60) {
            match *call {
                Call::Transmit { len, partial } => {
                    let checksum = if partial { TxChecksum::Fill } else { TxChecksum::Complete };
                    let _ = net.transmit(&buffer[..usize::from(len) % 4096], checksum);
                }
                Call::TransmitWith { len } => {
                    drop(net.transmit_with(len.into(), TxChecksum::Complete, |p| p.len()))
                }
                Call::Receive(len) => drop(net.receive(&mut buffer[..usize::from(len) % 4096])),
                Call::ReceiveWith => drop(net.receive_with(|packet, _| assert!(packet.len() <= 4096))),
                Call::Flush => drop(net.flush()),
                Call::FinalCheck => drop(net.final_check()),
                Call::Poll => drop(net.poll(guest.now())),
                Call::Wait(millis) => net.wait(Some(guest.now() + Duration::from_millis(millis.into()))),
            }
            assert!(net.tx_free() <= 6);
        }
        devil.repent();
        let _ = net.close();
    }
    world.destroy(driver_domain.id());
    assert_eq!(grants.sweep_quarantine(), Quarantine::default());
    // The last requests, which end watches, are still to be carried out.
    for _ in 0..4 {
        world.run_until_idle();
        let _ = store.poll();
    }
    drop((store, grants));
    let left = world.check();
    assert!(left.is_ok(), "{left:?}");
});
