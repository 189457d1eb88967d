//! A network interface against a backend that answers, announces and forgets as it likes.

use crate::fixture::{check, settle, small, store_of};
use crate::input::{head, streams, values};
use arbitrary::Arbitrary;
use core::time::Duration;
use xen_front::net::{ChecksumState, NetFront, NetFrontConfig, PacketMeta, Vif};
use xen_grant::{DeferredGrants, GrantTable};
use xen_hypercall::Platform;
use xen_sim::{ChoiceSource, HostileBackend, HostilePeer, Vif as VirtualVif, World};

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
    Close,
    Reopen,
    Resume,
}

/// Runs the target.
pub fn run(data: &[u8]) {
    let (mut calls, deeds) = streams(data);
    let (deeds, rewrites) = streams(deeds);
    let [options] = head(&mut calls);
    let (checksum_offload, polls) = (options % 2 == 0, options / 2 % 16);
    let world = World::new(1);
    let (driver_domain, guest) =
        (world.create_guest(small("network")), world.create_guest(small("guest")));
    let device = world.attach_vif(&guest, &driver_domain, &VirtualVif::new(0));
    let backend = HostileBackend::start(&world, &device, ChoiceSource::from_bytes(deeds));
    let mut peer = HostilePeer::new(ChoiceSource::from_bytes(rewrites));
    let store = store_of(&guest);
    let grants = GrantTable::new(guest.clone()).unwrap();
    let config = NetFrontConfig::default()
        .with_rx_slots(8)
        .with_tx_slots(6)
        .with_checksum_offload(checksum_offload)
        .with_timeout(Duration::from_secs(2));
    if let Ok(mut net) = NetFront::new(&store, &grants, Vif(0), config) {
        let mut buffer = [0; 4096];
        // Connecting takes some exchanges with xenstored.
        for _ in 0..polls {
            peer.against(&guest, || {
                let _ = net.poll(guest.now());
                net.wait(Some(guest.now() + Duration::from_millis(1)));
            });
        }
        for call in values(calls, 60) {
            peer.against(&guest, || match call {
                Call::Transmit { len, partial } => {
                    let checksum = if partial {
                        PacketMeta::new(ChecksumState::Partial)
                    } else {
                        PacketMeta::default()
                    };
                    let _ = net.transmit(&buffer[..usize::from(len) % 4096], checksum);
                }
                Call::TransmitWith { len } => {
                    drop(net.transmit_with(len.into(), PacketMeta::default(), |p| p.len()))
                }
                Call::Receive(len) => drop(net.receive(&mut buffer[..usize::from(len) % 4096])),
                Call::ReceiveWith => {
                    drop(net.receive_with(|packet, _| assert!(packet.len() <= 4096)))
                }
                Call::Flush => drop(net.flush()),
                Call::FinalCheck => drop(net.final_check()),
                Call::Poll => drop(net.poll(guest.now())),
                Call::Wait(millis) => {
                    net.wait(Some(guest.now() + Duration::from_millis(millis.into())))
                }
                Call::Close => net.close(),
                Call::Reopen => net.reopen(),
                Call::Resume => net.resume(),
            });
            assert!(net.tx_free() <= 6);
        }
        backend.behave();
        let _ = net.close_and_wait();
    }
    world.destroy(driver_domain.id());
    assert_eq!(grants.retry_deferred(), DeferredGrants::default());
    settle(&world, &[&store]);
    drop((store, grants));
    check(&world);
}
