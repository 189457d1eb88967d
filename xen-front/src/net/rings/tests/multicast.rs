//! Changes of the backend's multicast filter.

use super::*;
use crate::net::MacAddress;
use xen_sys::io::netif::NetifExtraMcast;

#[test]
fn refused_filter_change_is_counted() {
    let mut memory = Memory::new();
    let mut world = World::new(&mut memory, true);
    let group = MacAddress([1, 0, 0x5e, 0, 0, 7]);
    for (change, status, errors) in [
        (FilterChange::Add(group), NetifStatus::OKAY, 0),
        (FilterChange::Remove(group), NetifStatus::OKAY, 0),
        (FilterChange::Add(group), NetifStatus::ERROR, 1),
    ] {
        world.front.change_filter(change).unwrap();
        let _ = world.front.publish();
        let request = world.tx.pop().unwrap().unwrap();
        assert_eq!((request.flags, request.size), (NetTxFlags::EXTRA_INFO, 0));
        let slot = world.tx.pop().unwrap().unwrap();
        let [low, high, rest]: [u32; 3] = zerocopy::transmute!(slot);
        let info: NetifExtraInfo = zerocopy::transmute!([low, high]);
        let added = matches!(change, FilterChange::Add(_));
        let kind = if added { NetifExtraType::MCAST_ADD } else { NetifExtraType::MCAST_DEL };
        let NetifExtraMcast { addr } = zerocopy::transmute!(info.u);
        assert_eq!((info.type_, info.flags.bits(), addr, rest), (kind, 0, group.0, 0));
        for (id, status) in [(request.id, status), (0x5a5a, NetifStatus::NULL)] {
            world.tx.push(&NetifTxResponse { id, status }).unwrap();
        }
        let _ = world.tx.publish();
        world.starve();
        for id in 0..SLOTS {
            world.complete(id);
        }
        world.transmit(&packet(0), PacketMeta::default()).unwrap();
        let (request, _) = world.transmitted();
        world.complete(request.id);
        assert_eq!(world.front.statistics.filter_errors, errors);
        assert_eq!(world.front.statistics.tx_errors, 0);
    }
}
