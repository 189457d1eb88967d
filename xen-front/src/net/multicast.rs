//! The multicast addresses that a device receives, and their way to the backend's filter.

use super::{MacAddress, NetFrontError};
use heapless::Vec;
use xen_sys::io::netif::{NetifExtraInfo, NetifExtraMcast, NetifExtraType};

/// The most addresses of a device, as in Linux's netback.
#[doc(alias = "XEN_NETBK_MCAST_MAX")]
pub const MAX_GROUPS: usize = 64;

/// A change of the backend's filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FilterChange {
    Add(MacAddress),
    Remove(MacAddress),
}

impl FilterChange {
    /// Returns the extra information of the request.
    pub(super) fn extra_info(self) -> NetifExtraInfo {
        let (type_, MacAddress(addr)) = match self {
            Self::Add(address) => (NetifExtraType::MCAST_ADD, address),
            Self::Remove(address) => (NetifExtraType::MCAST_DEL, address),
        };
        let u = zerocopy::transmute!(NetifExtraMcast { addr });
        NetifExtraInfo { type_, u, ..NetifExtraInfo::default() }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Group {
    address: MacAddress,
    /// The device receives the group; otherwise it waits for its removal from the filter.
    joined: bool,
    /// Presence in the filter of this connection's backend.
    filtered: bool,
}

/// The groups of a device. A new connection's filter is empty and gets all of them.
#[derive(Debug, Default)]
pub(super) struct Groups(Vec<Group, MAX_GROUPS>);

impl Groups {
    /// Adds a group.
    pub(super) fn join(&mut self, address: MacAddress) -> Result<(), NetFrontError> {
        let is_group = address.0.first().is_some_and(|first| first & 1 != 0);
        if !is_group || address == MacAddress::BROADCAST {
            return Err(NetFrontError::NotMulticast { address });
        }
        if let Some(group) = self.find(address) {
            group.joined = true;
            return Ok(());
        }
        let group = Group { address, joined: true, filtered: false };
        self.0.push(group).map_err(|_| NetFrontError::TooManyGroups)
    }

    /// Removes a group.
    pub(super) fn leave(&mut self, address: MacAddress) {
        if let Some(group) = self.find(address) {
            group.joined = false;
        }
        self.0.retain(|group| group.joined || group.filtered);
    }

    /// Forgets what is in the filter: it is that of a new connection.
    pub(super) fn restart(&mut self) {
        self.0.retain(|group| group.joined);
        self.0.iter_mut().for_each(|group| group.filtered = false);
    }

    /// Returns the next change of the filter.
    pub(super) fn next_change(&self) -> Option<FilterChange> {
        let changed = self.0.iter().find(|group| group.joined != group.filtered)?;
        let change = if changed.joined { FilterChange::Add } else { FilterChange::Remove };
        Some(change(changed.address))
    }

    /// Records that a change was sent.
    pub(super) fn sent(&mut self, change: FilterChange) {
        match change {
            FilterChange::Add(address) => {
                if let Some(group) = self.find(address) {
                    group.filtered = true;
                }
            }
            FilterChange::Remove(address) => self.0.retain(|group| group.address != address),
        }
    }

    fn find(&mut self, address: MacAddress) -> Option<&mut Group> {
        self.0.iter_mut().find(|group| group.address == address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(last: u8) -> MacAddress {
        MacAddress([1, 0, 0x5e, 0, 0, last])
    }

    fn changes(groups: &mut Groups) -> std::vec::Vec<FilterChange> {
        let next = || {
            let change = groups.next_change()?;
            groups.sent(change);
            Some(change)
        };
        core::iter::from_fn(next).collect()
    }

    #[test]
    fn changes_follow_last_wish() {
        use FilterChange::{Add, Remove};
        let mut groups = Groups::default();
        groups.join(group(1)).unwrap();
        groups.join(group(2)).unwrap();
        groups.leave(group(2));
        assert_eq!(changes(&mut groups), [Add(group(1))], "it left before it was sent");
        groups.leave(group(1));
        groups.join(group(1)).unwrap();
        assert_eq!(changes(&mut groups), []);
        groups.leave(group(1));
        groups.join(group(3)).unwrap();
        assert_eq!(changes(&mut groups), [Remove(group(1)), Add(group(3))]);
        groups.leave(group(3));
        groups.join(group(4)).unwrap();
        groups.restart();
        assert_eq!(changes(&mut groups), [Add(group(4))]);
    }

    #[test]
    fn only_64_groups_are_joined() {
        let mut groups = Groups::default();
        for address in [MacAddress::BROADCAST, MacAddress([0, 0x16, 0x3e, 0, 0, 1])] {
            assert_eq!(groups.join(address), Err(NetFrontError::NotMulticast { address }));
        }
        (0..64).for_each(|last| groups.join(group(last)).unwrap());
        assert_eq!(groups.join(group(64)), Err(NetFrontError::TooManyGroups));
        assert_eq!(groups.join(group(63)), Ok(()));
        assert_eq!(changes(&mut groups).len(), 64);
        groups.leave(group(0));
        assert_eq!(groups.join(group(64)), Err(NetFrontError::TooManyGroups), "not removed yet");
        assert_eq!(changes(&mut groups), [FilterChange::Remove(group(0))]);
        assert_eq!(groups.join(group(64)), Ok(()));
    }
}
