//! The command line: what there is to serve.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;
use smoltcp::wire::{Ipv4Address, Ipv4Cidr};
use xen_back::block::{self, GrantMode};
use xen_back::net::{MacAddress, NetBackConfig};

/// One disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskConfig {
    /// The name that guests ask for, as `target=NAME`.
    pub name: String,
    /// The size in MiB.
    pub mib: usize,
}

/// Options of the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The disks.
    pub disks: Vec<DiskConfig>,
    /// Configuration of the disks.
    pub block: block::Config,
    /// Maximum time of a guest to close a device on request.
    pub close_timeout: Duration,
    /// The time a hotplug script may take to set up a disk's storage; no script is waited for
    /// without it.
    pub hotplug_timeout: Option<Duration>,
    /// Address of this domain in the guests' network.
    pub address: Ipv4Cidr,
    /// The TCP port of the echo server.
    pub echo: u16,
    /// Data of the TCP source for each client, in MiB.
    pub source_mib: u32,
    /// Configuration of the interfaces.
    pub net: NetBackConfig,
    /// VLANs of interfaces, by their addresses; 0 for others, as for this domain.
    pub vlans: Vec<(MacAddress, u16)>,
}

/// No disk, grants copied, 30 seconds, 10.1.0.1/24, port 7, 64 MiB.
impl Default for Config {
    fn default() -> Self {
        let address = Ipv4Cidr::new(Ipv4Address::new(10, 1, 0, 1), 24);
        Self {
            disks: Vec::new(),
            block: block::Config::default(),
            close_timeout: Duration::from_secs(30),
            hotplug_timeout: None,
            address,
            echo: 7,
            source_mib: 64,
            net: NetBackConfig::default(),
            vlans: Vec::new(),
        }
    }
}

/// A word of the command line that is not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0}: expected disk=NAME:MIB, grants=copy, grants=map, grants=persistent, ring=ORDER, \
     segments=COUNT, hotplug=SECONDS, address=A.B.C.D/N, echo=PORT, source=MIB, static=GRANTS, \
     xdp=on or vlan=ID:MAC"
)]
pub struct BadWord(String);

impl Config {
    /// Reads a command line: any number of `disk=NAME:MIB`; `grants=copy`, `grants=map` or
    /// `grants=persistent`; `ring=ORDER`; `segments=COUNT`; `hotplug=SECONDS`;
    /// `address=10.1.0.1/24`; `echo=PORT`; `source=MIB`; `static=GRANTS`, for each queue of an
    /// interface; `xdp=on`; any number of `vlan=ID:MAC`.
    ///
    /// # Errors
    ///
    /// The first word that is none of these.
    pub fn parse(line: &str) -> Result<Self, BadWord> {
        let mut config = Self::default();
        for word in line.split_whitespace() {
            let bad = || BadWord(word.to_string());
            match word.split_once('=') {
                Some(("disk", disk)) => {
                    let (name, mib) = disk.split_once(':').ok_or_else(bad)?;
                    let mib =
                        mib.parse().ok().filter(|&mib| mib > 0 && mib < 1 << 20).ok_or_else(bad)?;
                    config.disks.push(DiskConfig { name: name.to_string(), mib });
                }
                Some(("grants", "copy")) => config.block.mode = GrantMode::Copy,
                Some(("grants", "map")) => {
                    (config.block.mode, config.block.persistent_grants) = (GrantMode::Map, 0);
                }
                Some(("grants", "persistent")) => {
                    config.block.mode = GrantMode::Map;
                    config.block.persistent_grants = block::Config::PERSISTENT_GRANTS;
                }
                Some(("ring", order)) => {
                    let order = order.parse().ok().filter(|&order| order <= 4);
                    config.block.ring_order = order.ok_or_else(bad)?;
                }
                Some(("segments", count)) => {
                    let count = count.parse().ok().filter(|count| (11..=256).contains(count));
                    config.block.max_segments = count.ok_or_else(bad)?;
                }
                Some(("hotplug", seconds)) => {
                    let seconds =
                        seconds.parse().ok().filter(|&seconds| seconds > 0).ok_or_else(bad)?;
                    config.hotplug_timeout = Some(Duration::from_secs(seconds));
                }
                Some(("address", cidr)) => config.address = cidr.parse().map_err(|()| bad())?,
                Some(("echo", port)) => {
                    config.echo = port.parse().ok().filter(|&port| port > 0).ok_or_else(bad)?;
                }
                Some(("source", mib)) => {
                    config.source_mib =
                        mib.parse().ok().filter(|&mib| mib < 1 << 20).ok_or_else(bad)?;
                }
                Some(("static", grants)) => {
                    let grants = grants.parse().ok().filter(|&grants| grants <= 512);
                    config.net = config.net.with_static_grants(grants.ok_or_else(bad)?);
                }
                Some(("xdp", "on")) => config.net = config.net.with_xdp_headroom(true),
                Some(("vlan", vlan)) => {
                    let (id, mac) = vlan.split_once(':').ok_or_else(bad)?;
                    let id = id.parse().ok().filter(|id| (1..4095).contains(id)).ok_or_else(bad)?;
                    let mac = MacAddress::parse(mac.as_bytes()).map_err(|_| bad())?;
                    config.vlans.push((mac, id));
                }
                _ => return Err(bad()),
            }
        }
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_in_any_order() {
        let config = Config::parse(" grants=map  disk=a:1 disk=b:96").unwrap();
        assert_eq!((config.block.mode, config.echo), (GrantMode::Map, 7));
        assert_eq!(config.block.persistent_grants, 0);
        let persistent = Config::parse("grants=map grants=persistent").unwrap().block;
        assert_eq!((persistent.mode, persistent.persistent_grants), (GrantMode::Map, 1056));
        assert_eq!(config.disks[1], DiskConfig { name: "b".to_string(), mib: 96 });
        let limits = Config::parse("ring=4 segments=256").unwrap().block;
        assert_eq!((limits.ring_order, limits.max_segments), (4, 256));
        let vlans = Config::parse("vlan=7:00:16:3e:00:00:02").unwrap().vlans;
        assert_eq!(vlans, [(MacAddress([0, 0x16, 0x3e, 0, 0, 2]), 7)]);
        for line in [
            "disk=a",
            "disk=a:0",
            "disk=a:x",
            "quiet",
            "grants=steal",
            "static=513",
            "static=-1",
            "xdp=off",
            "address=10.1.0.1",
            "ring=5",
            "segments=10",
            "segments=257",
            "echo=0",
            "source=-1",
            "vlan=7",
            "vlan=0:00:16:3e:00:00:02",
            "vlan=4095:00:16:3e:00:00:02",
            "vlan=7:00:16:3e:00:00",
        ] {
            assert_eq!(Config::parse(line), Err(BadWord(line.to_string())));
        }
    }
}
