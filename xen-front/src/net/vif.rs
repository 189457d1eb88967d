//! Names of network devices.

use core::fmt;
use heapless::Vec;
use xen_store::wire::parse_number;
use xen_store::{StoreError, XsOps};

/// A network device by its handle, the number in `device/vif/NUMBER`. Displays as `eth0`, and so
/// on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Vif(pub u32);

impl Vif {
    /// Reads a name such as `eth0`. `None` if it is not one.
    pub fn parse(name: &str) -> Option<Self> {
        let digits = name.strip_prefix("eth")?;
        let canonical = digits == "0" || !digits.starts_with('0');
        parse_number(digits.as_bytes()).ok().filter(|_| canonical).map(Self)
    }
}

impl fmt::Display for Vif {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "eth{}", self.0)
    }
}

/// Returns this domain's network devices, lowest handle first, at most `N`.
///
/// # Errors
///
/// Those of [`xenbus::devices`].
pub fn list<const N: usize>(store: &impl XsOps) -> Result<Vec<Vif, N>, StoreError> {
    Ok(xenbus::devices::<N>(store, "vif")?.into_iter().map(Vif).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::string::ToString;

    #[test]
    fn only_canonical_names_are_parsed() {
        for name in ["", "eth", "eth-1", "eth00", "eth01", "eth4294967296", "et0", "Eth0", "eth0 "]
        {
            assert_eq!(Vif::parse(name), None, "{name}");
        }
    }

    proptest! {
        #[test]
        fn names_round_trip(handle: u32) {
            prop_assert_eq!(Vif::parse(&Vif(handle).to_string()), Some(Vif(handle)));
        }
    }
}
