//! The cases on the command line.

use crate::Error;

/// Method of waiting for an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// `hlt`, until an upcall.
    Upcall,
    /// `SCHEDOP_poll` of the masked port.
    Poll,
}

/// Memory of the requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// [`DmaBuffer`](xen_front::DmaBuffer)s, which stay granted to the backend: no copy.
    Dma,
    /// Private pages, which the driver copies through pages that stay granted.
    Private,
}

/// Kind of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// A write; otherwise a read.
    pub write: bool,
    /// At pseudo-random places; otherwise one after the other.
    pub random: bool,
}

/// One measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    /// The kind of its transfers.
    pub access: Access,
    /// KiB of each transfer, a multiple of 4.
    pub kib: usize,
    /// Transfers in flight.
    pub depth: usize,
    /// Number of transfers.
    pub count: u64,
    /// The method of waiting.
    pub wait: Wait,
    /// The memory of its requests.
    pub memory: Memory,
}

impl Case {
    /// Iterates over the cases of a command line: the words
    /// `case=KIND:KIB:DEPTH:COUNT:WAIT:MEMORY`.
    /// Other words belong to the kernel's runtime.
    ///
    /// An item is [`Error::Word`] for a word that is no case.
    pub fn all(line: &'static str) -> impl Iterator<Item = Result<Self, Error>> {
        line.split_whitespace()
            .filter_map(|word| word.strip_prefix("case="))
            .map(|word| Self::parse(word).ok_or(Error::Word(word)))
    }

    fn parse(word: &str) -> Option<Self> {
        let mut parts = word.split(':');
        let (write, random) = match parts.next()? {
            "read" => (false, false),
            "write" => (true, false),
            "randread" => (false, true),
            "randwrite" => (true, true),
            _ => return None,
        };
        let case = Self {
            access: Access { write, random },
            kib: parts.next()?.parse().ok()?,
            depth: parts.next()?.parse().ok()?,
            count: parts.next()?.parse().ok()?,
            wait: match parts.next()? {
                "upcall" => Wait::Upcall,
                "poll" => Wait::Poll,
                _ => return None,
            },
            memory: match parts.next()? {
                "dma" => Memory::Dma,
                "private" => Memory::Private,
                _ => return None,
            },
        };
        let valid = case.kib > 0 && case.kib.is_multiple_of(4) && case.depth > 0 && case.count > 0;
        (valid && parts.next().is_none()).then_some(case)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn cases_are_read_in_order() {
        let line = "callback case=randread:4:32:5000:upcall:dma case=write:128:8:9:poll:private";
        let cases: Vec<_> = Case::all(line).map(Result::unwrap).collect();
        let access = Access { write: false, random: true };
        let (wait, memory) = (Wait::Upcall, Memory::Dma);
        let first = Case { access, kib: 4, depth: 32, count: 5000, wait, memory };
        let access = Access { write: true, random: false };
        let (wait, memory) = (Wait::Poll, Memory::Private);
        let second = Case { access, kib: 128, depth: 8, count: 9, wait, memory };
        assert_eq!(cases, [first, second]);
    }

    #[test]
    fn invalid_case_is_an_error() {
        for word in [
            "case=",
            "case=trim:4:1:1:poll:dma",
            "case=read:6:1:1:poll:dma",
            "case=read:0:1:1:poll:dma",
            "case=read:4:0:1:poll:dma",
            "case=read:4:1:0:poll:dma",
            "case=read:4:1:1:spin:dma",
            "case=read:4:1:1:poll:mmap",
            "case=read:4:1:1:poll:dma:more",
            "case=read:4:1:1:poll",
        ] {
            assert!(Case::all(word).next().unwrap().is_err(), "{word}");
        }
    }
}
