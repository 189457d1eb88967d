//! The multicast addresses that a frontend asks for.

use super::MacAddress;
use heapless::Vec;

/// The most addresses of a frontend, as in Linux's netback.
#[doc(alias = "XEN_NETBK_MCAST_MAX")]
const MAX_ADDRESSES: usize = 64;

/// A change of the filter.
///
/// Source: `XEN_NETIF_EXTRA_TYPE_MCAST_ADD` and `XEN_NETIF_EXTRA_TYPE_MCAST_DEL` in `io/netif.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Add(MacAddress),
    Remove(MacAddress),
}

/// The filter of a frontend. It can be changed whether or not it is in use.
#[derive(Debug, Default)]
pub(super) struct MulticastFilter {
    enabled: bool,
    addresses: Vec<MacAddress, MAX_ADDRESSES>,
}

impl MulticastFilter {
    pub(super) fn new(enabled: bool) -> Self {
        Self { enabled, addresses: Vec::new() }
    }

    pub(super) fn set_enabled(&mut self, enabled: bool) {
        self.enabled = enabled;
    }

    /// Carries out a change. `false` if the address is no multicast address or there is no room.
    pub(super) fn change(&mut self, change: Change) -> bool {
        match change {
            Change::Add(address) => {
                is_multicast(address)
                    && (self.addresses.contains(&address) || self.addresses.push(address).is_ok())
            }
            Change::Remove(address) => {
                self.addresses.retain(|found| *found != address);
                true
            }
        }
    }

    /// Returns whether a packet to `destination` is for the frontend. Broadcast always is.
    pub(super) fn accepts(&self, destination: MacAddress) -> bool {
        !self.enabled || !is_multicast(destination) || self.addresses.contains(&destination)
    }
}

fn is_multicast(address: MacAddress) -> bool {
    address.0.first().is_some_and(|first| first & 1 != 0) && address != MacAddress::BROADCAST
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(last: u8) -> MacAddress {
        MacAddress([1, 0, 0x5e, 0, 0, last])
    }

    #[test]
    fn filter_has_room_for_its_limit() {
        let mut filter = MulticastFilter::new(true);
        for last in 0..MAX_ADDRESSES as u8 {
            assert!(filter.change(Change::Add(group(last))));
        }
        assert!(!filter.change(Change::Add(group(200))) && !filter.accepts(group(200)));
        assert!(filter.change(Change::Add(group(3))), "it is there already");
        assert!(filter.change(Change::Remove(group(3))) && !filter.accepts(group(3)));
        assert!(filter.change(Change::Add(group(200))) && filter.accepts(group(200)));
    }

    #[test]
    fn only_multicast_is_filtered() {
        let mut filter = MulticastFilter::new(true);
        let unicast = MacAddress([0, 0x16, 0x3e, 0, 0, 1]);
        assert!(filter.accepts(unicast) && filter.accepts(MacAddress::BROADCAST));
        assert!(!filter.accepts(group(1)));
        assert!(!filter.change(Change::Add(unicast)));
        assert!(!filter.change(Change::Add(MacAddress::BROADCAST)));
        assert!(MulticastFilter::new(false).accepts(group(1)));
    }
}
