//! Ethernet addresses of packets and of the node `mac`.

use core::fmt;
use thiserror::Error;

/// An Ethernet address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddress(pub [u8; 6]);

/// Error of a text that is not the address of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MacError {
    /// Text other than six pairs of hexadecimal digits with colons between them.
    #[error("not an Ethernet address from byte {at} on, expected the form 00:16:3e:01:02:03")]
    Syntax {
        /// Position of the first wrong byte.
        at: usize,
    },
    /// Address of a group, or all zeroes.
    #[error("found {0}, expected the address of one interface")]
    NotUnicast(MacAddress),
}

impl MacAddress {
    /// Broadcast address.
    pub const BROADCAST: Self = Self([0xff; 6]);

    /// Parses the address of one interface: six pairs of hexadecimal digits with colons between
    /// them.
    ///
    /// # Errors
    ///
    /// [`MacError`] if the text has another form or is not a unicast address.
    pub fn parse(text: &[u8]) -> Result<Self, MacError> {
        let digit = |at: usize| {
            let byte = text.get(at).copied().map(char::from);
            byte.and_then(|byte| byte.to_digit(16)).ok_or(MacError::Syntax { at })
        };
        let mut mac = [0; 6];
        for (index, byte) in mac.iter_mut().enumerate() {
            let at = index * 3;
            *byte = (digit(at)? << 4 | digit(at + 1)?) as u8;
            let expected = if index < 5 { Some(&b':') } else { None };
            if text.get(at + 2) != expected {
                return Err(MacError::Syntax { at: at + 2 });
            }
        }
        let mac = Self(mac);
        if mac.is_unicast() { Ok(mac) } else { Err(MacError::NotUnicast(mac)) }
    }

    /// Returns whether the address is a unicast address other than zero.
    pub fn is_unicast(self) -> bool {
        let [first, ..] = self.0;
        first & 1 == 0 && self != Self::default()
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::string::ToString;

    #[test]
    fn only_whole_unicast_addresses_are_valid() {
        let syntax = |at| Err(MacError::Syntax { at });
        assert_eq!(MacAddress::parse(b"00:16:3E:aa:0f:9"), syntax(16));
        assert_eq!(MacAddress::parse(b"00:16:3E:aa:0f:99\n"), syntax(17));
        assert_eq!(MacAddress::parse(b"00-16-3E-aa-0f-99"), syntax(2));
        assert_eq!(MacAddress::parse(b"+0:16:3E:aa:0f:99"), syntax(0));
        assert_eq!(MacAddress::parse(b""), syntax(0));
        assert_eq!(
            MacAddress::parse(b"00:16:3E:aa:0f:99"),
            Ok(MacAddress([0, 0x16, 0x3e, 0xaa, 0x0f, 0x99]))
        );
        assert!(matches!(MacAddress::parse(b"ff:ff:ff:ff:ff:ff"), Err(MacError::NotUnicast(_))));
        assert!(matches!(MacAddress::parse(b"00:00:00:00:00:00"), Err(MacError::NotUnicast(_))));
    }

    proptest! {
        #[test]
        fn addresses_round_trip(mut bytes: [u8; 6]) {
            bytes[0] &= 0xfe;
            prop_assume!(bytes != [0; 6]);
            let mac = MacAddress(bytes);
            prop_assert_eq!(MacAddress::parse(mac.to_string().as_bytes()), Ok(mac));
        }

        #[test]
        fn any_bytes_cause_no_panic(text in proptest::collection::vec(any::<u8>(), 0..20)) {
            let _ = MacAddress::parse(&text);
        }
    }
}
