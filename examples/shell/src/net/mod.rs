//! TCP/IP on one interface: smoltcp, and what the commands do with it.
//!
//! Nothing here depends on Xen: an interface is any [`Nic`].

mod echo;
mod ping;
mod serve;
mod stack;

pub use echo::{Echoed, tcp_echo};
pub use ping::{Pinged, ping};
pub use serve::{Served, tcp_serve};
pub use stack::{Nic, Stack};

use crate::args::Cidr;
use alloc::format;
use alloc::string::String;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

/// Maximum time to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Maximum silence of a peer while data is expected.
const SILENCE: Duration = Duration::from_secs(15);
/// Maximum time to close a connection.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes in flight of a connection, each way: the maximum that TCP advertises in units of
/// one byte.
///
/// With larger units the end of the window can move back by part of a unit, and the
/// stack drops the segments of a peer that has sent up to the old end.
const WINDOW: usize = u16::MAX as usize;

/// Error of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetError {
    /// The peer refused to connect.
    #[error("{peer} refused the connection")]
    Refused {
        /// The peer.
        peer: SocketAddr,
    },
    /// The peer did not answer in time.
    #[error("{peer} did not answer within {} ms", .waited.as_millis())]
    NoAnswer {
        /// The peer.
        peer: SocketAddr,
        /// Time waited.
        waited: Duration,
    },
    /// The connection ended too early.
    #[error("{peer} ended the connection after {received} bytes, expected {expected}")]
    Ended {
        /// The peer.
        peer: SocketAddr,
        /// The bytes that came back.
        received: u64,
        /// The bytes that should have.
        expected: u64,
    },
    /// Nothing moved for too long.
    #[error(
        "nothing from {peer} for {} ms after {received} bytes, expected {expected}",
        .waited.as_millis()
    )]
    Stuck {
        /// The peer.
        peer: SocketAddr,
        /// Time waited.
        waited: Duration,
        /// The bytes that came back.
        received: u64,
        /// The bytes that should have.
        expected: u64,
    },
    /// The received data differs from the sent data.
    #[error("{mismatches} bytes came back different, expected those that were sent")]
    Different {
        /// The bytes that differ.
        mismatches: u64,
    },
    /// No client connected, or no client sent anything, for too long.
    #[error(
        "nothing came to port {port} for {} ms, found {served} connections, expected {expected}",
        .waited.as_millis()
    )]
    Idle {
        /// The port.
        port: u16,
        /// Time waited.
        waited: Duration,
        /// The connections that have ended.
        served: u32,
        /// The connections that should have.
        expected: u32,
    },
    /// No interface has an address in that network.
    #[error("no route to {address}{}", expected_route(.network))]
    NoRoute {
        /// The address.
        address: IpAddr,
        /// The network of the last interface that has one.
        network: Option<Cidr>,
    },
    /// No interface is up.
    #[error("no interface is up, run 'net up' first")]
    NoInterface,
}

/// Returns what a route needs.
fn expected_route(network: &Option<Cidr>) -> String {
    match network {
        Some(network) => format!(", expected an address in the network of {network}"),
        None => format!(": {}", NetError::NoInterface),
    }
}

/// Pseudo-random bytes, the same for the same seed: xorshift64.
#[derive(Clone, Debug)]
struct Noise {
    state: u64,
    word: [u8; 8],
    used: usize,
}

impl Noise {
    fn new(seed: u64) -> Self {
        Self { state: seed | 1, word: [0; 8], used: 8 }
    }

    fn next(&mut self) -> u8 {
        if self.used == self.word.len() {
            self.state ^= self.state << 13;
            self.state ^= self.state >> 7;
            self.state ^= self.state << 17;
            self.word = self.state.to_le_bytes();
            self.used = 0;
        }
        self.used += 1;
        self.word[self.used - 1]
    }
}

#[cfg(test)]
mod tests;
