//! Permissions of nodes.

use super::parse_number;
use core::fmt;
use xen_hypercall::DomId;

/// What a domain may do with a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nothing.
    None,
    /// Reading.
    Read,
    /// Writing.
    Write,
    /// Both.
    Both,
}

/// One entry of a node's permissions.
///
/// The first entry of a list names the owner, who may do everything; its `access` is what all domains may do that have no entry.
/// Each further entry is what one domain may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permission {
    /// What is allowed.
    pub access: Access,
    /// To whom; the owner, in the first entry.
    pub domain: DomId,
}

impl Permission {
    /// Reads one entry, such as `b5`. `None` if it is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let (letter, domain) = text.split_at_checked(1)?;
        let access = match letter {
            "n" => Access::None,
            "r" => Access::Read,
            "w" => Access::Write,
            "b" => Access::Both,
            _ => return None,
        };
        let domain = DomId(parse_number(domain.as_bytes()).ok()?);
        Some(Self { access, domain })
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = match self.access {
            Access::None => 'n',
            Access::Read => 'r',
            Access::Write => 'w',
            Access::Both => 'b',
        };
        write!(f, "{letter}{}", self.domain.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::string::ToString;

    #[test]
    fn only_a_letter_and_a_domain_number_are_a_permission() {
        for text in ["", "r", "x5", "r-1", "r65536", "r5 ", "é5"] {
            assert_eq!(Permission::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn permissions_round_trip(which in 0usize..4, domain: u16) {
            let access = [Access::None, Access::Read, Access::Write, Access::Both][which];
            let permission = Permission { access, domain: DomId(domain) };
            prop_assert_eq!(Permission::parse(&permission.to_string()), Some(permission));
        }
    }
}
