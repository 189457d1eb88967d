//! Nodes that a guest publishes about itself.

use super::{Runtime, XenStore, XsOps};
use crate::connection::Transport;
use crate::error::StoreError;
use core::fmt::{self, Display, Write};
use core::net::IpAddr;

/// Description of a driver or other software for toolstacks. `Display` writes the node's value;
/// blanks in a word become hyphens.
///
/// Source: `DISTRIBUTION` in `docs/misc/xenstore-paths.pandoc`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Software<'a> {
    /// Short name of the vendor.
    pub vendor: &'a str,
    /// Name, without the version.
    pub product: &'a str,
    /// Version.
    pub version: &'a str,
    /// Further words for the reader, such as `debug`; may be empty.
    pub attributes: &'a str,
}

impl Display for Software<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, word) in [self.vendor, self.product, self.version].into_iter().enumerate() {
            if number > 0 {
                f.write_char(' ')?;
            }
            word.chars().try_for_each(|c| f.write_char(if c.is_whitespace() { '-' } else { c }))?;
        }
        if self.attributes.is_empty() { Ok(()) } else { write!(f, " {}", self.attributes) }
    }
}

impl<P: Runtime, T: Transport> XenStore<P, T> {
    /// Publishes a driver of this domain in `drivers`; `index` counts the drivers from zero.
    ///
    /// # Errors
    ///
    /// Those of [`XsOps::write`]; a toolstack need not have made `drivers` for the domain to write
    /// to.
    pub fn publish_driver(&self, index: u32, driver: &Software<'_>) -> Result<(), StoreError> {
        self.write_fmt(format_args!("drivers/{index}"), driver)
    }

    /// Publishes whether this domain supports hotplug of devices of a `kind`, such as `vif` or
    /// `vbd`. Without support a toolstack adds a device at the next start.
    ///
    /// # Errors
    ///
    /// Those of [`XsOps::write`]; a toolstack need not have made `feature` for the domain to write
    /// to.
    pub fn publish_hotplug(&self, kind: &str, able: bool) -> Result<(), StoreError> {
        self.write_fmt(format_args!("feature/hotplug/{kind}"), u8::from(able))
    }

    /// Publishes the name, the Ethernet address and the IP addresses of the network interface
    /// `device/vif/ID` in `attr/vif/ID`, in place of what was published before.
    ///
    /// Source: `~/attr/vif/$DEVID` in `docs/misc/xenstore-paths.pandoc`.
    ///
    /// # Errors
    ///
    /// Those of [`XsOps::write`]; a toolstack need not have made `attr` for the domain to write to.
    #[doc(alias("attr/vif", "ipv4", "ipv6"))]
    pub fn publish_interface(
        &self,
        id: u32,
        name: &str,
        mac: impl Display,
        addresses: &[IpAddr],
    ) -> Result<(), StoreError> {
        match self.remove(format_args!("attr/vif/{id}")) {
            Err(error) if !error.is_not_found() => return Err(error),
            _ => {}
        }
        self.write(format_args!("attr/vif/{id}/name"), name)?;
        self.write_fmt(format_args!("attr/vif/{id}/mac/0"), mac)?;
        for (family, is_v4) in [("ipv4", true), ("ipv6", false)] {
            let addresses = addresses.iter().filter(|address| address.is_ipv4() == is_v4);
            for (index, address) in addresses.enumerate() {
                self.write_fmt(format_args!("attr/vif/{id}/{family}/{index}"), address)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn software_displays_as_words() {
        let driver = Software {
            vendor: "The Vendor",
            product: "xen-front",
            version: "0.1.0",
            attributes: "",
        };
        assert_eq!(driver.to_string(), "The-Vendor xen-front 0.1.0");
        let debug = Software { attributes: "a debug build", ..driver };
        assert_eq!(debug.to_string(), "The-Vendor xen-front 0.1.0 a debug build");
    }
}
