//! What a guest tells its toolstack about itself.

use super::{Runtime, XenStore, XsOps};
use crate::connection::Transport;
use crate::error::StoreError;
use core::fmt::{self, Display, Write};

/// A piece of software, as toolstacks list it: a driver, for one. It displays as such; blanks in a
/// word become hyphens.
///
/// Source: `DISTRIBUTION` in `docs/misc/xenstore-paths.pandoc`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Software<'a> {
    /// Whose it is, in short.
    pub vendor: &'a str,
    /// What it is called, without its version.
    pub product: &'a str,
    /// Its version.
    pub version: &'a str,
    /// What people are to read beside, such as `debug`; empty if nothing.
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
    /// Tells which drivers this domain has: `index` counts them from zero.
    ///
    /// # Errors
    ///
    /// Those of [`XsOps::write`]; a toolstack need not have made `drivers` for the domain to write
    /// to.
    pub fn publish_driver(&self, index: u32, driver: &Software<'_>) -> Result<(), StoreError> {
        self.write_fmt(format_args!("drivers/{index}"), driver)
    }

    /// Tells whether this domain takes a new device of a `kind`, such as `vif` or `vbd`, in use as
    /// soon as it is there. If not, a toolstack waits with that for the next start.
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
