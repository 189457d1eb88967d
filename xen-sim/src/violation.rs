//! Violations: actions that no sound kernel does, and leftovers at the end.

use thiserror::Error;
use xen_hypercall::{DomId, GrantRef, Port};

/// Broken rule. Real Xen does not detect it; data is lost or accessible to other domains.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Violation {
    /// A page was freed while another domain had it mapped.
    #[error("domain {domain} freed gfn {gfn:#x} while another domain had it mapped")]
    FreedWhileMapped {
        /// Owner of the page.
        domain: DomId,
        /// Frame of the page.
        gfn: u64,
    },
    /// A page was freed while an entry of the grant table named it.
    #[error("domain {domain} freed gfn {gfn:#x} while grant {grant} named it")]
    FreedWhileGranted {
        /// Owner of the page.
        domain: DomId,
        /// Frame of the page.
        gfn: u64,
        /// Grant reference.
        grant: GrantRef,
    },
    /// A page was written after it was freed.
    #[error("gfn {gfn:#x} of domain {domain} was written to after it was freed")]
    WrittenAfterFree {
        /// Owner of the page.
        domain: DomId,
        /// Frame of the page.
        gfn: u64,
    },
    /// A range was freed or released that is no allocation or reservation.
    #[error("domain {domain} freed gfn {gfn:#x}, where no such allocation is")]
    BadFree {
        /// Domain that freed it.
        domain: DomId,
        /// Frame of the first page; zero if the address has none.
        gfn: u64,
    },
    /// A grant was mapped over the domain's own RAM, which loses that page.
    #[error("domain {domain} mapped a grant over its own RAM at gfn {gfn:#x}")]
    MappedOverRam {
        /// Domain that mapped it.
        domain: DomId,
        /// Frame of the mapping.
        gfn: u64,
    },
    /// A domain mapped a grant of its own. Xen then moves the page, as a translated domain has each
    /// page once, and its old frame is empty.
    #[error("domain {domain} mapped its own grant {grant}, which moves the page to another frame")]
    MappedOwnGrant {
        /// Domain that mapped it.
        domain: DomId,
        /// Grant reference.
        grant: GrantRef,
    },
    /// A port is open.
    #[error("port {port} of domain {domain} is open")]
    PortOpen {
        /// Domain.
        domain: DomId,
        /// Which.
        port: Port,
    },
    /// An entry of the grant table is active.
    #[error("grant {grant} of domain {domain} to domain {peer} is active")]
    GrantLive {
        /// Domain.
        domain: DomId,
        /// Which.
        grant: GrantRef,
        /// Domain that has access.
        peer: DomId,
    },
    /// A page of another domain is mapped.
    #[error("domain {domain} still has {} of domain {peer} mapped", mapped(.grant))]
    MappingLive {
        /// Domain that mapped it.
        domain: DomId,
        /// Owner of the page.
        peer: DomId,
        /// Grant reference; `None` for a mapping by privilege.
        grant: Option<GrantRef>,
    },
    /// A page was not freed.
    #[error("gfn {gfn:#x} of domain {domain} was not freed")]
    PageLost {
        /// Domain.
        domain: DomId,
        /// Frame of the page.
        gfn: u64,
    },
    /// The pages in use at a time exceeded the domain's budget
    /// ([`DomainConfig::page_budget`](crate::DomainConfig)).
    #[error("domain {domain} had {pages} pages in use at a time")]
    OverBudget {
        /// Domain.
        domain: DomId,
        /// Number of pages.
        pages: usize,
    },
    /// Frames without RAM were not released.
    #[error("domain {domain} did not release {count} frame(s) without RAM")]
    FramesReserved {
        /// Domain.
        domain: DomId,
        /// Number of frames.
        count: usize,
    },
    /// A watch is registered in xenstore.
    #[error("domain {domain} still watches {path}")]
    WatchLive {
        /// Domain.
        domain: DomId,
        /// Watched path.
        path: String,
    },
    /// A transaction is open in xenstore.
    #[error("transaction {id} of domain {domain} is open")]
    TransactionOpen {
        /// Domain.
        domain: DomId,
        /// Transaction ID.
        id: u32,
    },
}

/// Returns the name of a mapping: its grant, if it has one.
fn mapped(grant: &Option<GrantRef>) -> String {
    match grant {
        Some(grant) => format!("grant {grant}"),
        None => "a page without a grant".to_owned(),
    }
}
