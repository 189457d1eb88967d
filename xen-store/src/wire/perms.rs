//! Permissions of nodes.

use super::parse_number;
use core::fmt;
use xen_hypercall::DomId;

/// Access of a domain to a node.
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
/// The first entry of a list names the owner, who may do everything; its `access` is what all
/// domains may do that have no entry. Each further entry is what one domain may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permission {
    /// Allowed access.
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

/// The permissions of a node, as a reply lists them: each entry ends in a NUL, and there is at
/// least the owner's. Anything else is [`ErrorKind::Malformed`](crate::ErrorKind::Malformed),
/// because an entry that is left out can be the one that takes a right away.
#[derive(Clone, Debug)]
pub struct Permissions<'a> {
    rest: &'a [u8],
}

impl<'a> Permissions<'a> {
    /// Reads the payload of a reply.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed).
    pub fn parse(body: &'a [u8]) -> Result<Self, crate::ErrorKind> {
        let list = body.strip_suffix(b"\0").ok_or(crate::ErrorKind::Malformed)?;
        if list.split(|&byte| byte == 0).any(|entry| entry_of(entry).is_none()) {
            return Err(crate::ErrorKind::Malformed);
        }
        Ok(Self { rest: body })
    }
}

impl Iterator for Permissions<'_> {
    type Item = Permission;

    fn next(&mut self) -> Option<Permission> {
        let end = self.rest.iter().position(|&byte| byte == 0)?;
        let (entry, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest.get(1..).unwrap_or_default();
        entry_of(entry)
    }
}

fn entry_of(text: &[u8]) -> Option<Permission> {
    core::str::from_utf8(text).ok().and_then(Permission::parse)
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
    fn permission_is_letter_and_domain() {
        for text in ["", "r", "x5", "r-1", "r65536", "r5 ", "é5"] {
            assert_eq!(Permission::parse(text), None, "{text}");
        }
    }

    #[test]
    fn malformed_permission_lists_are_refused() {
        let bodies: [&[u8]; 12] = [
            b"",
            b"\0",
            b"n0",
            b"n0\0r5",
            b"n0\0\0r5\0",
            b"n0\0\0",
            b"\0n0\0",
            b"n0\0\xff\0",
            b"n0\0x5\0",
            b"n0\0r\0",
            b"n0\0r-5\0",
            b"n0\0r5 \0",
        ];
        for body in bodies {
            assert_eq!(
                Permissions::parse(body).err(),
                Some(crate::ErrorKind::Malformed),
                "{body:?}"
            );
        }
        let both = Permissions::parse(b"n0\0b5\0").unwrap().collect::<std::vec::Vec<_>>();
        assert_eq!(both, [Permission::parse("n0").unwrap(), Permission::parse("b5").unwrap()]);
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
