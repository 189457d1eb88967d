//! A learning switch with VLANs and limits of each port.

use core::fmt;
use core::time::Duration;
use heapless::Vec;
use xen_back::net::MacAddress;
use xen_hypercall::Instant;

/// Addresses that are recorded for each port. A further address replaces the oldest of the same
/// port, never one of another port.
const ADDRESSES: usize = 16;

/// The time in which a port may send [`PortConfig::floods`] packets to all others.
const FLOOD_PERIOD: Duration = Duration::from_secs(1);

/// The destination of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Forward {
    /// One port.
    To(usize),
    /// Every port of the VLAN but the one it came from: those that [`Switch::is_flooded`] names.
    Flood,
    /// None.
    Drop(Reason),
}

/// The reason why a packet is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Its source port is not in use.
    NoPort,
    /// Its source address is one that its port may not use.
    Source,
    /// Its receiver is behind the port that it came from.
    SamePort,
    /// A packet with a VLAN tag, by which it could leave the VLAN of its port.
    Tagged,
    /// Its port has sent too many packets to all others.
    FloodLimit,
}

/// Rules of a port.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PortConfig {
    /// The only address that may send here, if there is such a rule.
    pub(crate) only: Option<MacAddress>,
    /// The VLAN. Packets stay within it, without a tag.
    pub(crate) vlan: u16,
    /// The most packets for all other ports in a second.
    pub(crate) floods: u32,
}

impl PortConfig {
    /// Returns the rules of a port in the VLAN 0, which is that of this domain.
    pub(crate) fn new(only: Option<MacAddress>) -> Self {
        Self { only, vlan: 0, floods: 2000 }
    }
}

#[derive(Clone, Debug)]
struct Table {
    config: PortConfig,
    /// The addresses behind this port, the latest last.
    seen: Vec<MacAddress, ADDRESSES>,
    /// The start of the period, and the packets for all others in it.
    flooded: (Option<Instant>, u32),
}

/// A forwarding table of at most `N` ports, by the source addresses of earlier packets. It moves no
/// packets itself.
///
/// An address is behind the port of its VLAN that it sent from last. A port can be held to one
/// address, and each records a bounded number, so a guest that invents addresses can neither take
/// another's packets nor displace the entries of another.
#[derive(Clone, Debug)]
pub(crate) struct Switch<const N: usize> {
    ports: [Option<Table>; N],
}

impl<const N: usize> Switch<N> {
    /// Makes a switch without ports.
    pub(crate) fn new() -> Self {
        Self { ports: [const { None }; N] }
    }

    /// Takes the first free port into use; `None` if there is none. With an only address, packets
    /// from any other are dropped, and packets to that address no longer go to a port of the VLAN
    /// that has used it before.
    pub(crate) fn connect(&mut self, config: PortConfig) -> Option<usize> {
        let index = self.ports.iter().position(Option::is_none)?;
        for table in self.ports.iter_mut().flatten().filter(|table| table.is_in(config.vlan)) {
            table.seen.retain(|seen| Some(*seen) != config.only);
        }
        *self.ports.get_mut(index)? = Some(Table { config, seen: Vec::new(), flooded: (None, 0) });
        Some(index)
    }

    /// Disconnects a port and removes its addresses.
    pub(crate) fn disconnect(&mut self, port: usize) {
        if let Some(table) = self.ports.get_mut(port) {
            *table = None;
        }
    }

    /// Returns whether a packet of port `from` that goes to all others goes to port `to`.
    pub(crate) fn is_flooded(&self, from: usize, to: usize) -> bool {
        let vlan = |port: usize| Some(self.ports.get(port)?.as_ref()?.config.vlan);
        from != to && vlan(from).is_some() && vlan(from) == vlan(to)
    }

    /// Records the source of a frame that came in at `port`, and returns its destination.
    pub(crate) fn forward(&mut self, port: usize, frame: &[u8], now: Instant) -> Forward {
        let mac = |at: usize| frame.get(at..)?.first_chunk().map(|bytes| MacAddress(*bytes));
        let [destination, source] = [0, 6].map(|at| mac(at).unwrap_or_default());
        let Some(Some(table)) = self.ports.get(port) else { return Forward::Drop(Reason::NoPort) };
        let PortConfig { only, vlan, .. } = table.config;
        if matches!(frame.get(12..14), Some([0x81, 0x00] | [0x88, 0xa8])) {
            return Forward::Drop(Reason::Tagged);
        }
        if !source.is_unicast() || only.is_some_and(|only| only != source) {
            return Forward::Drop(Reason::Source);
        }
        // Two ports with a rule for the same address are one guest that came back before its old
        // device was gone.
        let entitled = only == Some(source);
        let others = self.ports.iter().enumerate().filter(|(index, _)| *index != port && !entitled);
        let mut others = others.flat_map(|(_, table)| table).filter(|table| table.is_in(vlan));
        if others.any(|table| table.config.only == Some(source)) {
            return Forward::Drop(Reason::Source);
        }
        self.learn(port, vlan, source);
        // A group's address is behind no port, as no packet has it as its source.
        let behind = |table: &Option<Table>| {
            let table = table.as_ref().filter(|table| table.is_in(vlan));
            table.is_some_and(|table| table.seen.contains(&destination))
        };
        match self.ports.iter().position(behind) {
            Some(found) if found == port => Forward::Drop(Reason::SamePort),
            Some(found) => Forward::To(found),
            None => self.flood(port, now),
        }
    }

    fn flood(&mut self, port: usize, now: Instant) -> Forward {
        let Some(Some(Table { config, flooded: (since, count), .. })) = self.ports.get_mut(port)
        else {
            return Forward::Drop(Reason::NoPort);
        };
        if since.is_none_or(|since| now >= since + FLOOD_PERIOD) {
            (*since, *count) = (Some(now), 0);
        }
        if *count >= config.floods {
            return Forward::Drop(Reason::FloodLimit);
        }
        *count += 1;
        Forward::Flood
    }

    fn learn(&mut self, port: usize, vlan: u16, address: MacAddress) {
        for (index, table) in self.ports.iter_mut().enumerate() {
            let Some(table) = table.as_mut().filter(|table| table.is_in(vlan)) else { continue };
            let position = table.seen.iter().position(|seen| *seen == address);
            if index == port {
                match position {
                    Some(at) => drop(table.seen.remove(at)),
                    None if table.seen.is_full() => drop(table.seen.remove(0)),
                    None => {}
                }
                // There is room: made above.
                let _ = table.seen.push(address);
            } else if let Some(at) = position {
                table.seen.remove(at);
            }
        }
    }
}

impl Table {
    fn is_in(&self, vlan: u16) -> bool {
        self.config.vlan == vlan
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoPort => "the port is not in use",
            Self::Source => "the port may not send from this address",
            Self::SamePort => "the receiver is behind the same port",
            Self::Tagged => "the packet has a VLAN tag",
            Self::FloodLimit => "the port sends too many packets to all others",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mac(last: u8) -> MacAddress {
        MacAddress([0, 0x16, 0x3e, 0, 0, last])
    }

    fn frame(source: MacAddress, destination: MacAddress) -> std::vec::Vec<u8> {
        [&destination.0[..], &source.0, &[8, 0]].concat()
    }

    fn forward<const N: usize>(
        switch: &mut Switch<N>,
        port: usize,
        source: MacAddress,
        destination: MacAddress,
    ) -> Forward {
        switch.forward(port, &frame(source, destination), Instant::from_nanos(0))
    }

    #[test]
    fn vlans_do_not_reach_each_other() {
        let mut switch = Switch::<4>::new();
        let config = |vlan| PortConfig { vlan, ..PortConfig::new(None) };
        let ports = [1, 1, 2, 2].map(|vlan| switch.connect(config(vlan)).unwrap());
        assert_eq!(forward(&mut switch, ports[0], mac(1), mac(2)), Forward::Flood);
        let reached = ports.map(|to| switch.is_flooded(ports[0], to));
        assert_eq!(reached, [false, true, false, false]);
        // The same address in another VLAN is another one.
        assert_eq!(forward(&mut switch, ports[2], mac(1), mac(9)), Forward::Flood);
        assert_eq!(forward(&mut switch, ports[1], mac(2), mac(1)), Forward::To(ports[0]));
        assert_eq!(forward(&mut switch, ports[3], mac(3), mac(1)), Forward::To(ports[2]));
        assert_eq!(forward(&mut switch, ports[3], mac(3), mac(2)), Forward::Flood);
        let mut tagged = frame(mac(1), mac(2));
        for tag in [[0x81, 0], [0x88, 0xa8]] {
            tagged[12..14].copy_from_slice(&tag);
            let now = Instant::from_nanos(0);
            assert_eq!(switch.forward(ports[0], &tagged, now), Forward::Drop(Reason::Tagged));
        }
    }

    #[test]
    fn floods_of_one_port_are_limited() {
        let mut switch = Switch::<3>::new();
        let config = PortConfig { floods: 3, ..PortConfig::new(None) };
        let [port, other] = [(); 2].map(|()| switch.connect(config).unwrap());
        let start = Instant::from_nanos(5);
        let send = |switch: &mut Switch<3>, port, from, millis| {
            let now = start + Duration::from_millis(millis);
            switch.forward(port, &frame(mac(from), MacAddress::BROADCAST), now)
        };
        for _ in 0..3 {
            assert_eq!(send(&mut switch, port, 1, 0), Forward::Flood);
        }
        assert_eq!(send(&mut switch, port, 1, 999), Forward::Drop(Reason::FloodLimit));
        assert_eq!(send(&mut switch, other, 2, 999), Forward::Flood, "another port");
        assert_eq!(forward(&mut switch, port, mac(1), mac(2)), Forward::To(other), "known");
        assert_eq!(send(&mut switch, port, 1, 1000), Forward::Flood);
    }

    #[test]
    fn address_follows_guest_to_new_port() {
        let mut switch = Switch::<3>::new();
        let [old, peer] =
            [Some(mac(1)), None].map(|only| switch.connect(PortConfig::new(only)).unwrap());
        forward(&mut switch, peer, mac(2), MacAddress([0xff; 6]));
        assert_eq!(forward(&mut switch, old, mac(1), mac(2)), Forward::To(peer));
        let new = switch.connect(PortConfig::new(Some(mac(1)))).unwrap();
        assert_eq!(forward(&mut switch, new, mac(1), mac(2)), Forward::To(peer));
        assert_eq!(forward(&mut switch, peer, mac(2), mac(1)), Forward::To(new));
        assert_eq!(forward(&mut switch, peer, mac(1), mac(2)), Forward::Drop(Reason::Source));
    }

    #[test]
    fn held_address_is_forgotten_elsewhere() {
        let mut switch = Switch::<3>::new();
        let [thief, peer] = [(); 2].map(|()| switch.connect(PortConfig::new(None)).unwrap());
        forward(&mut switch, peer, mac(2), MacAddress::BROADCAST);
        forward(&mut switch, thief, mac(3), MacAddress::BROADCAST);
        assert_eq!(forward(&mut switch, thief, mac(1), mac(2)), Forward::To(peer));
        assert_eq!(forward(&mut switch, peer, mac(2), mac(1)), Forward::To(thief));
        let owner = switch.connect(PortConfig::new(Some(mac(1)))).unwrap();
        assert_eq!(
            forward(&mut switch, peer, mac(2), mac(1)),
            Forward::Flood,
            "the owner has not sent yet"
        );
        assert_eq!(
            forward(&mut switch, peer, mac(2), mac(3)),
            Forward::To(thief),
            "other addresses stay"
        );
        assert_eq!(forward(&mut switch, owner, mac(1), mac(2)), Forward::To(peer));
        assert_eq!(forward(&mut switch, peer, mac(2), mac(1)), Forward::To(owner));
        // A port without a rule makes others forget nothing.
        switch.disconnect(thief);
        switch.connect(PortConfig::new(None)).unwrap();
        assert_eq!(forward(&mut switch, peer, mac(2), mac(1)), Forward::To(owner));
    }

    #[test]
    fn only_unknown_and_group_are_flooded() {
        let mut switch = Switch::<3>::new();
        let ports = [(); 3].map(|()| switch.connect(PortConfig::new(None)).unwrap());
        assert_eq!(switch.connect(PortConfig::new(None)), None);
        assert_eq!(forward(&mut switch, ports[0], mac(1), mac(2)), Forward::Flood);
        assert_eq!(forward(&mut switch, ports[1], mac(2), mac(1)), Forward::To(ports[0]));
        assert_eq!(forward(&mut switch, ports[0], mac(1), mac(2)), Forward::To(ports[1]));
        assert_eq!(forward(&mut switch, ports[0], mac(3), mac(1)), Forward::Drop(Reason::SamePort));
        assert_eq!(forward(&mut switch, ports[0], mac(1), MacAddress::BROADCAST), Forward::Flood);
        assert_eq!(
            forward(&mut switch, ports[0], mac(1), MacAddress([1, 0, 0x5e, 0, 0, 1])),
            Forward::Flood
        );
        // It has moved.
        assert_eq!(forward(&mut switch, ports[2], mac(2), mac(1)), Forward::To(ports[0]));
        assert_eq!(forward(&mut switch, ports[0], mac(1), mac(2)), Forward::To(ports[2]));
        switch.disconnect(ports[2]);
        assert_eq!(forward(&mut switch, ports[0], mac(1), mac(2)), Forward::Flood);
        assert_eq!(forward(&mut switch, ports[2], mac(2), mac(1)), Forward::Drop(Reason::NoPort));
    }

    #[test]
    fn locked_port_takes_no_other_address() {
        let mut switch = Switch::<2>::new();
        let (a, b) = (
            switch.connect(PortConfig::new(Some(mac(1)))).unwrap(),
            switch.connect(PortConfig::new(Some(mac(2)))).unwrap(),
        );
        assert_eq!(forward(&mut switch, a, mac(1), mac(2)), Forward::Flood);
        assert_eq!(forward(&mut switch, b, mac(1), mac(2)), Forward::Drop(Reason::Source));
        assert_eq!(
            forward(&mut switch, b, MacAddress::BROADCAST, mac(1)),
            Forward::Drop(Reason::Source)
        );
        assert_eq!(forward(&mut switch, b, mac(2), mac(1)), Forward::To(a));
        switch.disconnect(a);
        let free = switch.connect(PortConfig::new(None)).unwrap();
        assert_eq!(forward(&mut switch, free, mac(2), mac(9)), Forward::Drop(Reason::Source));
        let group = MacAddress::BROADCAST;
        assert_eq!(forward(&mut switch, free, group, mac(2)), Forward::Drop(Reason::Source));
    }

    #[test]
    fn address_in_use_outlives_older_ones() {
        let mut switch = Switch::<2>::new();
        let [peer, port] = [(); 2].map(|()| switch.connect(PortConfig::new(None)).unwrap());
        let last = ADDRESSES as u8;
        for address in (1..=last).chain([1, last + 1]) {
            forward(&mut switch, port, mac(address), MacAddress::BROADCAST);
        }
        let found = (1..=last + 1).map(|address| forward(&mut switch, peer, mac(99), mac(address)));
        let (known, flooded): (std::vec::Vec<_>, std::vec::Vec<_>) =
            (1..=last + 1).zip(found).partition(|(_, found)| *found == Forward::To(port));
        assert_eq!((known.len(), flooded), (ADDRESSES, std::vec![(2, Forward::Flood)]));
    }

    #[test]
    fn invented_addresses_evict_own_port_only() {
        let mut switch = Switch::<2>::new();
        let (a, b) = (
            switch.connect(PortConfig::new(None)).unwrap(),
            switch.connect(PortConfig::new(None)).unwrap(),
        );
        forward(&mut switch, a, mac(1), mac(2));
        for address in 0..1000u16 {
            let [high, low] = address.to_be_bytes();
            forward(&mut switch, b, MacAddress([2, 0, 0, 0, high, low]), mac(1));
        }
        assert_eq!(forward(&mut switch, b, mac(9), mac(1)), Forward::To(a));
        assert!(switch.ports.iter().flatten().all(|table| table.seen.len() <= ADDRESSES));
    }
}
