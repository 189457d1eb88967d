//! A learning switch.

use super::MacAddress;
use core::fmt;
use heapless::Vec;

/// Addresses that are recorded for each port. A further address replaces the oldest of the same
/// port, never one of another port.
const ADDRESSES: usize = 16;

/// The destination of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forward {
    /// One port.
    To(usize),
    /// Every port but the one it came from.
    Flood,
    /// None.
    Drop(Reason),
}

/// The reason why a packet is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Its source port is not in use.
    NoPort,
    /// Its source address is one that its port may not use.
    Source,
    /// Its receiver is behind the port that it came from.
    SamePort,
}

#[derive(Clone, Debug)]
struct Table {
    /// The only address that may send here, if there is such a rule.
    only: Option<MacAddress>,
    /// The addresses behind this port, the latest last.
    seen: Vec<MacAddress, ADDRESSES>,
}

/// A forwarding table of at most `N` ports, by the source addresses of earlier packets. It moves no
/// packets itself.
///
/// An address is behind the port that it sent from last. A port can be held to one address, and
/// each records a bounded number, so a guest that invents addresses can neither take another's
/// packets nor displace the entries of another.
#[derive(Clone, Debug)]
pub struct Switch<const N: usize> {
    ports: [Option<Table>; N],
}

impl<const N: usize> Default for Switch<N> {
    fn default() -> Self {
        Self { ports: [const { None }; N] }
    }
}

impl<const N: usize> Switch<N> {
    /// Makes a switch without ports.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the first free port into use; `None` if there is none. With `only`, packets from any
    /// other address are dropped, and packets to that address no longer go to a port that has
    /// used it before.
    pub fn connect(&mut self, only: Option<MacAddress>) -> Option<usize> {
        let index = self.ports.iter().position(Option::is_none)?;
        for table in self.ports.iter_mut().flatten() {
            table.seen.retain(|seen| Some(*seen) != only);
        }
        *self.ports.get_mut(index)? = Some(Table { only, seen: Vec::new() });
        Some(index)
    }

    /// Disconnects a port and removes its addresses.
    pub fn disconnect(&mut self, port: usize) {
        if let Some(table) = self.ports.get_mut(port) {
            *table = None;
        }
    }

    /// Records the source of a packet that came in at `port`, and returns its destination.
    pub fn forward(&mut self, port: usize, source: MacAddress, destination: MacAddress) -> Forward {
        let Some(Some(table)) = self.ports.get(port) else { return Forward::Drop(Reason::NoPort) };
        if !source.is_unicast() || table.only.is_some_and(|only| only != source) {
            return Forward::Drop(Reason::Source);
        }
        // Two ports with a rule for the same address are one guest that came back before its old
        // device was gone.
        let entitled = table.only == Some(source);
        let others = self.ports.iter().enumerate().filter(|(index, _)| *index != port && !entitled);
        if others.flat_map(|(_, table)| table).any(|table| table.only == Some(source)) {
            return Forward::Drop(Reason::Source);
        }
        self.learn(port, source);
        // A group's address is behind no port, as no packet has it as its source.
        let behind = |table: &Option<Table>| {
            table.as_ref().is_some_and(|table| table.seen.contains(&destination))
        };
        match self.ports.iter().position(behind) {
            Some(found) if found == port => Forward::Drop(Reason::SamePort),
            Some(found) => Forward::To(found),
            None => Forward::Flood,
        }
    }

    fn learn(&mut self, port: usize, address: MacAddress) {
        for (index, table) in self.ports.iter_mut().enumerate() {
            let Some(table) = table else { continue };
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

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoPort => "the port is not in use",
            Self::Source => "the port may not send from this address",
            Self::SamePort => "the receiver is behind the same port",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mac(last: u8) -> MacAddress {
        MacAddress([0, 0x16, 0x3e, 0, 0, last])
    }

    #[test]
    fn address_follows_guest_to_new_port() {
        let mut switch = Switch::<3>::new();
        let [old, peer] = [Some(mac(1)), None].map(|only| switch.connect(only).unwrap());
        switch.forward(peer, mac(2), MacAddress([0xff; 6]));
        assert_eq!(switch.forward(old, mac(1), mac(2)), Forward::To(peer));
        let new = switch.connect(Some(mac(1))).unwrap();
        assert_eq!(switch.forward(new, mac(1), mac(2)), Forward::To(peer));
        assert_eq!(switch.forward(peer, mac(2), mac(1)), Forward::To(new));
        assert_eq!(switch.forward(peer, mac(1), mac(2)), Forward::Drop(Reason::Source));
    }

    #[test]
    fn held_address_is_forgotten_elsewhere() {
        let mut switch = Switch::<3>::new();
        let [thief, peer] = [(); 2].map(|()| switch.connect(None).unwrap());
        switch.forward(peer, mac(2), MacAddress::BROADCAST);
        switch.forward(thief, mac(3), MacAddress::BROADCAST);
        assert_eq!(switch.forward(thief, mac(1), mac(2)), Forward::To(peer));
        assert_eq!(switch.forward(peer, mac(2), mac(1)), Forward::To(thief));
        let owner = switch.connect(Some(mac(1))).unwrap();
        assert_eq!(
            switch.forward(peer, mac(2), mac(1)),
            Forward::Flood,
            "the owner has not sent yet"
        );
        assert_eq!(
            switch.forward(peer, mac(2), mac(3)),
            Forward::To(thief),
            "other addresses stay"
        );
        assert_eq!(switch.forward(owner, mac(1), mac(2)), Forward::To(peer));
        assert_eq!(switch.forward(peer, mac(2), mac(1)), Forward::To(owner));
        // A port without a rule makes others forget nothing.
        switch.disconnect(thief);
        switch.connect(None).unwrap();
        assert_eq!(switch.forward(peer, mac(2), mac(1)), Forward::To(owner));
    }

    #[test]
    fn only_unknown_and_group_are_flooded() {
        let mut switch = Switch::<3>::new();
        let ports = [(); 3].map(|()| switch.connect(None).unwrap());
        assert_eq!(switch.connect(None), None);
        assert_eq!(switch.forward(ports[0], mac(1), mac(2)), Forward::Flood);
        assert_eq!(switch.forward(ports[1], mac(2), mac(1)), Forward::To(ports[0]));
        assert_eq!(switch.forward(ports[0], mac(1), mac(2)), Forward::To(ports[1]));
        assert_eq!(switch.forward(ports[0], mac(3), mac(1)), Forward::Drop(Reason::SamePort));
        assert_eq!(switch.forward(ports[0], mac(1), MacAddress::BROADCAST), Forward::Flood);
        assert_eq!(
            switch.forward(ports[0], mac(1), MacAddress([1, 0, 0x5e, 0, 0, 1])),
            Forward::Flood
        );
        // It has moved.
        assert_eq!(switch.forward(ports[2], mac(2), mac(1)), Forward::To(ports[0]));
        assert_eq!(switch.forward(ports[0], mac(1), mac(2)), Forward::To(ports[2]));
        switch.disconnect(ports[2]);
        assert_eq!(switch.forward(ports[0], mac(1), mac(2)), Forward::Flood);
        assert_eq!(switch.forward(ports[2], mac(2), mac(1)), Forward::Drop(Reason::NoPort));
    }

    #[test]
    fn locked_port_takes_no_other_address() {
        let mut switch = Switch::<2>::new();
        let (a, b) = (switch.connect(Some(mac(1))).unwrap(), switch.connect(Some(mac(2))).unwrap());
        assert_eq!(switch.forward(a, mac(1), mac(2)), Forward::Flood);
        assert_eq!(switch.forward(b, mac(1), mac(2)), Forward::Drop(Reason::Source));
        assert_eq!(switch.forward(b, MacAddress::BROADCAST, mac(1)), Forward::Drop(Reason::Source));
        assert_eq!(switch.forward(b, mac(2), mac(1)), Forward::To(a));
        switch.disconnect(a);
        let free = switch.connect(None).unwrap();
        assert_eq!(switch.forward(free, mac(2), mac(9)), Forward::Drop(Reason::Source));
        let group = MacAddress::BROADCAST;
        assert_eq!(switch.forward(free, group, mac(2)), Forward::Drop(Reason::Source));
    }

    #[test]
    fn address_in_use_outlives_older_ones() {
        let mut switch = Switch::<2>::new();
        let [peer, port] = [(); 2].map(|()| switch.connect(None).unwrap());
        let last = ADDRESSES as u8;
        for address in (1..=last).chain([1, last + 1]) {
            switch.forward(port, mac(address), MacAddress::BROADCAST);
        }
        let found = (1..=last + 1).map(|address| switch.forward(peer, mac(99), mac(address)));
        let (known, flooded): (std::vec::Vec<_>, std::vec::Vec<_>) =
            (1..=last + 1).zip(found).partition(|(_, found)| *found == Forward::To(port));
        assert_eq!((known.len(), flooded), (ADDRESSES, std::vec![(2, Forward::Flood)]));
    }

    #[test]
    fn invented_addresses_evict_own_port_only() {
        let mut switch = Switch::<2>::new();
        let (a, b) = (switch.connect(None).unwrap(), switch.connect(None).unwrap());
        switch.forward(a, mac(1), mac(2));
        for address in 0..1000u16 {
            let [high, low] = address.to_be_bytes();
            switch.forward(b, MacAddress([2, 0, 0, 0, high, low]), mac(1));
        }
        assert_eq!(switch.forward(b, mac(9), mac(1)), Forward::To(a));
        assert!(switch.ports.iter().flatten().all(|table| table.seen.len() <= ADDRESSES));
    }
}
