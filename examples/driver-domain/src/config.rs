//! The command line: what there is to serve.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use xen_back::block::GrantMode;

/// One disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskConfig {
    /// The name that guests ask for, as `target=NAME`.
    pub name: String,
    /// The size in MiB.
    pub mib: usize,
}

/// What the command line asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// The disks.
    pub disks: Vec<DiskConfig>,
    /// How guests' pages are reached.
    pub mode: GrantMode,
}

/// A word of the command line that is not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadWord(String);

impl fmt::Display for BadWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected disk=NAME:MIB, grants=copy or grants=map", self.0)
    }
}

impl core::error::Error for BadWord {}

impl Config {
    /// Reads a command line: any number of `disk=NAME:MIB`, and `grants=copy` or `grants=map`.
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
                    let mib = mib.parse().ok().filter(|&mib| mib > 0 && mib < 1 << 20).ok_or_else(bad)?;
                    config.disks.push(DiskConfig { name: name.to_string(), mib });
                }
                Some(("grants", "copy")) => config.mode = GrantMode::Copy,
                Some(("grants", "map")) => config.mode = GrantMode::Map,
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
    fn words_are_taken_in_any_order_and_others_refused() {
        let config = Config::parse(" grants=map  disk=a:1 disk=b:96").unwrap();
        assert_eq!(config.mode, GrantMode::Map);
        assert_eq!(config.disks[1], DiskConfig { name: "b".to_string(), mib: 96 });
        for line in ["disk=a", "disk=a:0", "disk=a:x", "quiet", "grants=steal"] {
            assert_eq!(Config::parse(line), Err(BadWord(line.to_string())));
        }
    }
}
