//! Arguments of a command: each taken off the line, checked, and complained about with what was
//! found and expected.

use alloc::string::{String, ToString};
use core::fmt;
use core::net::IpAddr;
use core::str::FromStr;

/// The unit of offsets and lengths on a disk.
pub const SECTOR: u64 = 512;

/// Error in an argument.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A missing argument.
    #[error("{argument} is missing")]
    Missing {
        /// Its name in the usage.
        argument: &'static str,
    },
    /// A surplus argument.
    #[error("found '{found}', expected no more arguments")]
    Extra {
        /// The first one too many.
        found: String,
    },
    /// An argument of another form.
    #[error("found '{found}' for {argument}, expected {expected}")]
    Bad {
        /// Its name in the usage.
        argument: &'static str,
        /// Found text.
        found: String,
        /// Expected form.
        expected: &'static str,
    },
}

/// An address and the length of its network's prefix: `10.0.0.2/24`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    /// The address.
    pub address: IpAddr,
    /// The bits that name the network, at most those of the address.
    pub prefix: u8,
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// The words behind a command's name that have not been taken yet.
#[derive(Clone, Debug)]
pub struct Args<'w>(&'w [String]);

impl<'w> Args<'w> {
    /// Takes these words.
    pub fn new(words: &'w [String]) -> Self {
        Self(words)
    }

    /// Returns whether all words are taken.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes the next word if it is `flag`, and returns whether it was.
    pub fn flag(&mut self, flag: &str) -> bool {
        let found = self.0.first().is_some_and(|word| word == flag);
        if found {
            self.0 = &self.0[1..];
        }
        found
    }

    /// Takes the next word.
    ///
    /// # Errors
    ///
    /// [`Problem::Missing`].
    pub fn word(&mut self, argument: &'static str) -> Result<&'w str, Problem> {
        let (word, rest) = self.0.split_first().ok_or(Problem::Missing { argument })?;
        self.0 = rest;
        Ok(word)
    }

    /// Takes the next word as text.
    ///
    /// # Errors
    ///
    /// [`Problem::Missing`].
    pub fn text(&mut self, argument: &'static str) -> Result<String, Problem> {
        self.word(argument).map(ToString::to_string)
    }

    /// Takes a number, decimal or with `0x` before it, that `T` can hold and `accept` takes.
    ///
    /// # Errors
    ///
    /// [`Problem::Missing`], or [`Problem::Bad`] with `expected`.
    pub fn number<T: TryFrom<u64>>(
        &mut self,
        argument: &'static str,
        expected: &'static str,
        accept: impl Fn(u64) -> bool,
    ) -> Result<T, Problem> {
        self.parsed(argument, expected, |word| {
            let number = match word.strip_prefix("0x") {
                Some(hex) => u64::from_str_radix(hex, 16),
                None => word.parse(),
            };
            number.ok().filter(|&number| accept(number)).and_then(|number| T::try_from(number).ok())
        })
    }

    /// Takes a number of bytes on a disk, a multiple of 512.
    ///
    /// # Errors
    ///
    /// [`Problem::Missing`] or [`Problem::Bad`].
    pub fn sectors(&mut self, argument: &'static str) -> Result<u64, Problem> {
        self.number(argument, "a multiple of 512", |number| number.is_multiple_of(SECTOR))
    }

    /// Takes an IP address.
    ///
    /// # Errors
    ///
    /// [`Problem::Missing`] or [`Problem::Bad`].
    pub fn address(&mut self, argument: &'static str) -> Result<IpAddr, Problem> {
        self.parsed(argument, "an IP address such as 10.0.0.1 or fd00::1", |word| {
            IpAddr::from_str(word).ok()
        })
    }

    /// Takes an address with the length of its prefix.
    ///
    /// # Errors
    ///
    /// [`Problem::Missing`] or [`Problem::Bad`].
    pub fn cidr(&mut self, argument: &'static str) -> Result<Cidr, Problem> {
        self.parsed(
            argument,
            "an address and the bits of its network such as 10.0.0.2/24 or fd00::2/64",
            |word| {
                let (address, prefix) = word.split_once('/')?;
                let address: IpAddr = address.parse().ok()?;
                let most = if address.is_ipv4() { 32 } else { 128 };
                let prefix = prefix.parse().ok().filter(|&bits: &u8| bits <= most)?;
                Some(Cidr { address, prefix })
            },
        )
    }

    /// Makes sure that all words are taken.
    ///
    /// # Errors
    ///
    /// [`Problem::Extra`].
    pub fn end(&self) -> Result<(), Problem> {
        self.0.first().map_or(Ok(()), |word| Err(Problem::Extra { found: word.clone() }))
    }

    fn parsed<T>(
        &mut self,
        argument: &'static str,
        expected: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, Problem> {
        let word = self.word(argument)?;
        parse(word).ok_or_else(|| Problem::Bad { argument, found: word.into(), expected })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::words;
    use std::string::ToString;

    const FD00_2: IpAddr = IpAddr::V6(core::net::Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 2));

    fn problem<T: fmt::Debug>(
        text: &str,
        take: impl FnOnce(&mut Args<'_>) -> Result<T, Problem>,
    ) -> String {
        take(&mut Args::new(&words(text).unwrap())).unwrap_err().to_string()
    }

    #[test]
    fn numbers_have_base_and_size() {
        let words = words("512 0x200 255 256 -1 0x 1.5").unwrap();
        let mut args = Args::new(&words);
        assert_eq!(args.sectors("LEN"), Ok(512));
        assert_eq!(args.sectors("LEN"), Ok(512));
        assert_eq!(args.number::<u8>("BYTE", "0 to 255", |_| true), Ok(255));
        while !args.is_empty() {
            assert!(matches!(
                args.number::<u8>("BYTE", "0 to 255", |_| true),
                Err(Problem::Bad { .. })
            ));
        }
    }

    #[test]
    fn error_names_found_and_expected() {
        let complaint = problem("1", |args| args.sectors("OFFSET"));
        assert_eq!(complaint, "found '1' for OFFSET, expected a multiple of 512");
        let complaint = problem("10.0.0.300", |args| args.address("ADDR"));
        assert_eq!(
            complaint,
            "found '10.0.0.300' for ADDR, expected an IP address such as 10.0.0.1 or fd00::1"
        );
        assert_eq!(problem("", |args| args.text("PATH")), "PATH is missing");
        assert_eq!(problem("a b", |args| args.end()), "found 'a', expected no more arguments");
    }

    #[test]
    fn network_address_needs_both_parts() {
        let words =
            words("10.0.0.2/24 fd00::2/64 10.0.0.2 10.0.0.2/33 /24 fd00::2/129 fd00::2").unwrap();
        let mut args = Args::new(&words);
        for (address, text) in [([10, 0, 0, 2].into(), "10.0.0.2/24"), (FD00_2, "fd00::2/64")] {
            let cidr = args.cidr("ADDR/PREFIX").unwrap();
            assert_eq!((cidr.address, cidr.to_string()), (address, text.into()));
        }
        while !args.is_empty() {
            assert!(matches!(args.cidr("ADDR/PREFIX"), Err(Problem::Bad { .. })));
        }
    }
}
