//! Conformance suite for the xenstore protocol: cases for any server, over any transport.
//!
//! The suite has a client of its own, which sends requests that `xen_store` refuses. It needs
//! neither `std` nor `alloc`: a kernel runs it over its ring, a program over a socket. It works
//! below `data` in the domain's home, and leaves nothing there.
//!
//! ```
//! use xen_hypercall::{DomId, Port};
//! # #[cfg(all(feature = "std", unix))]
//! # fn example(path: &std::path::Path) -> std::io::Result<()> {
//! use xenstored::{conformance, user::{ProcessRuntime, Stream}};
//!
//! let stream = Stream::connect(path)?;
//! let process = ProcessRuntime::new(&stream);
//! let show = |name: &'static str, result| match result {
//!     Ok(()) => println!("ok       {name}"),
//!     Err::<_, conformance::Failure>(failure) => println!("DIFFERS  {name}: {failure}"),
//! };
//! let report = conformance::run(&process, stream, Port(0), DomId(0), show);
//! println!("{report}");
//! # Ok(())
//! # }
//! ```

mod cases;
mod client;
mod differences;
mod list;

use client::Client;
pub use client::Failure;
use core::fmt;
pub use differences::{Access, Peer, difference, differences};
use list::{Case, Who};
use xen_hypercall::{DomId, Port};
use xen_store::Runtime;
use xen_store::connection::Transport;

/// Counts of cases by result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Passed cases.
    pub passed: u32,
    /// Failed cases.
    pub failed: u32,
    /// Cases for other domains.
    pub skipped: u32,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { passed, failed, skipped } = self;
        write!(f, "{passed} passed, {failed} differ, {skipped} are for other domains")
    }
}

/// Runs all cases that `domain`, the owner of the connection, has the rights for, and calls `each`
/// with the name and the result of each case. All remaining cases fail after the connection is
/// lost.
pub fn run<H: Runtime, T: Transport>(
    host: &H,
    transport: T,
    port: Port,
    domain: DomId,
    mut each: impl FnMut(&'static str, Result<(), Failure>),
) -> Report {
    let mut client = Client::new(host, transport, port, domain);
    let mut report = Report::default();
    let mut broken = None;
    let mut number = 0;
    let visit = &mut |case: &Case<H, T>| {
        number += 1;
        let wrong = if domain == DomId(0) { Who::Guest } else { Who::Control };
        if case.who == wrong {
            report.skipped += 1;
            return;
        }
        let mut result = Ok(());
        if broken.is_none() {
            match client.start_case(number) {
                Ok(()) => result = (case.run)(&mut client),
                Err(error) => broken = Some(error),
            }
        }
        if let Some(error) = broken {
            result = Err(client::differs("a connection", error));
        } else {
            // A server that broke the protocol is given another chance.
            let again = if client.broken.take().is_some() { client.reconnect() } else { Ok(()) };
            broken = again.and_then(|()| client.end_case()).err();
        }
        *if result.is_ok() { &mut report.passed } else { &mut report.failed } += 1;
        each(case.name, result);
    };
    cases::Nodes::each(visit);
    cases::Refusals::each(visit);
    cases::Permissions::each(visit);
    cases::Transactions::each(visit);
    cases::Watches::each(visit);
    cases::Server::each(visit);
    // These end the connection to some.
    cases::Last::each(visit);
    report
}
