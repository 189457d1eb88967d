//! Violations: actions that no sound kernel does, and leftovers at the end.

use core::fmt;
use xen_hypercall::{DomId, GrantRef, Port};

/// Broken rule. Real Xen does not detect it; data is lost or accessible to other domains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// A page was freed while another domain had it mapped.
    FreedWhileMapped {
        /// Owner of the page.
        domain: DomId,
        /// Frame of the page.
        gfn: u64,
    },
    /// A page was freed while an entry of the grant table named it.
    FreedWhileGranted {
        /// Owner of the page.
        domain: DomId,
        /// Frame of the page.
        gfn: u64,
        /// Grant reference.
        grant: GrantRef,
    },
    /// A page was written after it was freed.
    WrittenAfterFree {
        /// Owner of the page.
        domain: DomId,
        /// Frame of the page.
        gfn: u64,
    },
    /// A range was freed or released that is no allocation or reservation.
    BadFree {
        /// Domain that freed it.
        domain: DomId,
        /// Frame of the first page; zero if the address has none.
        gfn: u64,
    },
    /// A grant was mapped over the domain's own RAM, which loses that page.
    MappedOverRam {
        /// Domain that mapped it.
        domain: DomId,
        /// Frame of the mapping.
        gfn: u64,
    },
    /// A domain mapped a grant of its own. Xen then moves the page, as a translated domain has each
    /// page once, and its old frame is empty.
    MappedOwnGrant {
        /// Domain that mapped it.
        domain: DomId,
        /// Grant reference.
        grant: GrantRef,
    },
    /// A port is open.
    PortOpen {
        /// Domain.
        domain: DomId,
        /// Which.
        port: Port,
    },
    /// An entry of the grant table is active.
    GrantLive {
        /// Domain.
        domain: DomId,
        /// Which.
        grant: GrantRef,
        /// Domain that has access.
        peer: DomId,
    },
    /// A page of another domain is mapped.
    MappingLive {
        /// Domain that mapped it.
        domain: DomId,
        /// Owner of the page.
        peer: DomId,
        /// Grant reference; `None` for a mapping by privilege.
        grant: Option<GrantRef>,
    },
    /// A page was not freed.
    PageLost {
        /// Domain.
        domain: DomId,
        /// Frame of the page.
        gfn: u64,
    },
    /// The pages in use at a time exceeded the domain's budget
    /// ([`DomainConfig::page_budget`](crate::DomainConfig)).
    OverBudget {
        /// Domain.
        domain: DomId,
        /// Number of pages.
        pages: usize,
    },
    /// Frames without RAM were not released.
    FramesReserved {
        /// Domain.
        domain: DomId,
        /// Number of frames.
        count: usize,
    },
    /// A watch is registered in xenstore.
    WatchLive {
        /// Domain.
        domain: DomId,
        /// Watched path.
        path: String,
    },
    /// A transaction is open in xenstore.
    TransactionOpen {
        /// Domain.
        domain: DomId,
        /// Transaction ID.
        id: u32,
    },
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FreedWhileMapped { domain, gfn } => {
                write!(f, "domain {domain} freed gfn {gfn:#x} while another domain had it mapped")
            }
            Self::FreedWhileGranted { domain, gfn, grant } => {
                write!(f, "domain {domain} freed gfn {gfn:#x} while grant {grant} named it")
            }
            Self::WrittenAfterFree { domain, gfn } => {
                write!(f, "gfn {gfn:#x} of domain {domain} was written to after it was freed")
            }
            Self::BadFree { domain, gfn } => {
                write!(f, "domain {domain} freed gfn {gfn:#x}, where no such allocation is")
            }
            Self::MappedOverRam { domain, gfn } => {
                write!(f, "domain {domain} mapped a grant over its own RAM at gfn {gfn:#x}")
            }
            Self::MappedOwnGrant { domain, grant } => {
                write!(
                    f,
                    "domain {domain} mapped its own grant {grant}, which moves the \
                     page to another frame"
                )
            }
            Self::PortOpen { domain, port } => {
                write!(f, "port {port} of domain {domain} is open")
            }
            Self::GrantLive { domain, grant, peer } => {
                write!(f, "grant {grant} of domain {domain} to domain {peer} is active")
            }
            Self::MappingLive { domain, peer, grant: Some(grant) } => {
                write!(f, "domain {domain} still has grant {grant} of domain {peer} mapped")
            }
            Self::MappingLive { domain, peer, grant: None } => {
                write!(f, "domain {domain} still has a page of domain {peer} mapped by privilege")
            }
            Self::PageLost { domain, gfn } => {
                write!(f, "gfn {gfn:#x} of domain {domain} was not freed")
            }
            Self::OverBudget { domain, pages } => {
                write!(f, "domain {domain} had {pages} pages in use at a time")
            }
            Self::FramesReserved { domain, count } => {
                write!(f, "domain {domain} did not release {count} frame(s) without RAM")
            }
            Self::WatchLive { domain, path } => write!(f, "domain {domain} still watches {path}"),
            Self::TransactionOpen { domain, id } => {
                write!(f, "transaction {id} of domain {domain} is open")
            }
        }
    }
}

impl core::error::Error for Violation {}
