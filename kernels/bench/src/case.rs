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

/// Traffic of an interface with dom0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traffic {
    /// A TCP stream to dom0; an operation is 64 KiB.
    TcpOut,
    /// A TCP stream from dom0; an operation is 64 KiB.
    TcpIn,
    /// A byte by TCP, which comes back.
    TcpRr,
    /// Datagrams to dom0, of 64 bytes.
    UdpOut,
    /// Datagrams from dom0, of 64 bytes.
    UdpIn,
}

/// Services of a guest kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// A read of the clock.
    Clock,
    /// Sleeps until a moment, a millisecond ahead.
    Timer,
    /// MiB that the balloon returns to Xen.
    BalloonDown,
    /// MiB that the balloon gets.
    BalloonUp,
    /// The suspend of the domain, until its first datagram elsewhere.
    Resume,
}

/// One measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// Transfers of the disk.
    Block(Transfers),
    /// A number of operations of the interface.
    Net(Traffic, u64),
    /// A number of operations of a service.
    Guest(Service, u64),
}

/// Transfers of a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfers {
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
    /// `case=KIND:KIB:DEPTH:COUNT:WAIT:MEMORY` of a disk and `case=KIND:COUNT` of an interface or
    /// a service.
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
        let case: fn(u64) -> Self = match parts.next()? {
            "tcp-out" => |count| Self::Net(Traffic::TcpOut, count),
            "tcp-in" => |count| Self::Net(Traffic::TcpIn, count),
            "tcp-rr" => |count| Self::Net(Traffic::TcpRr, count),
            "udp-out" => |count| Self::Net(Traffic::UdpOut, count),
            "udp-in" => |count| Self::Net(Traffic::UdpIn, count),
            "clock" => |count| Self::Guest(Service::Clock, count),
            "timer" => |count| Self::Guest(Service::Timer, count),
            "balloon-down" => |count| Self::Guest(Service::BalloonDown, count),
            "balloon-up" => |count| Self::Guest(Service::BalloonUp, count),
            "resume" => |count| Self::Guest(Service::Resume, count),
            _ => return Transfers::parse(word).map(Self::Block),
        };
        let count = parts.next()?.parse().ok().filter(|count| *count > 0)?;
        parts.next().is_none().then(|| case(count))
    }
}

impl Transfers {
    fn parse(word: &str) -> Option<Self> {
        let mut parts = word.split(':');
        let (write, random) = match parts.next()? {
            "read" => (false, false),
            "write" => (true, false),
            "randread" => (false, true),
            "randwrite" => (true, true),
            _ => return None,
        };
        let transfers = Self {
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
        let Self { kib, depth, count, .. } = transfers;
        let valid = kib > 0 && kib.is_multiple_of(4) && depth > 0 && count > 0;
        (valid && parts.next().is_none()).then_some(transfers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn cases_are_read_in_order() {
        let line = "callback case=randread:4:32:5000:upcall:dma case=write:128:8:9:poll:private \
                    case=udp-in:7 case=balloon-up:64";
        let cases: Vec<_> = Case::all(line).map(Result::unwrap).collect();
        let access = Access { write: false, random: true };
        let (wait, memory) = (Wait::Upcall, Memory::Dma);
        let first = Transfers { access, kib: 4, depth: 32, count: 5000, wait, memory };
        let access = Access { write: true, random: false };
        let (wait, memory) = (Wait::Poll, Memory::Private);
        let second = Transfers { access, kib: 128, depth: 8, count: 9, wait, memory };
        let third = Case::Net(Traffic::UdpIn, 7);
        let fourth = Case::Guest(Service::BalloonUp, 64);
        assert_eq!(cases, [Case::Block(first), Case::Block(second), third, fourth]);
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
            "case=tcp-in",
            "case=tcp-in:0",
            "case=tcp-in:1:2",
            "case=clock:-1",
        ] {
            assert!(Case::all(word).next().unwrap().is_err(), "{word}");
        }
    }
}
