//! Nodes that a guest publishes about itself.

use super::{Runtime, XenStore, XsOps};
use crate::connection::Transport;
use crate::error::StoreError;
use core::fmt::{self, Display, Write};

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
