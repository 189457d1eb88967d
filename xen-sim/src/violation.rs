//! What a domain did that no sound kernel does, and what was left over at the end.

use core::fmt;
use xen_hypercall::{DomId, GrantRef, Port};

/// A rule that was broken. Real Xen lets these pass, and data is lost or shared with strangers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// A page was given back to the allocator while another domain had it mapped.
    FreedWhileMapped {
        /// Whose page.
        domain: DomId,
        /// Its frame.
        gfn: u64,
    },
    /// A page was given back to the allocator while an entry of the grant table still names it.
    FreedWhileGranted {
        /// Whose page.
        domain: DomId,
        /// Its frame.
        gfn: u64,
        /// The entry.
        grant: GrantRef,
    },
    /// A page changed after it was given back to the allocator.
    WrittenAfterFree {
        /// Whose page.
        domain: DomId,
        /// Its frame.
        gfn: u64,
    },
    /// Something was freed or released that is not an allocation or reservation.
    BadFree {
        /// Who freed it.
        domain: DomId,
        /// The first page's frame; zero if the address belongs to none.
        gfn: u64,
    },
    /// A grant was mapped over the domain's own RAM, which is lost by that.
    MappedOverRam {
        /// Who mapped it.
        domain: DomId,
        /// The frame.
        gfn: u64,
    },
    /// A domain mapped a grant of its own. Xen moves the page then, as a translated domain has each
    /// page once: where it was is nothing.
    MappedOwnGrant {
        /// Who mapped it.
        domain: DomId,
        /// The grant.
        grant: GrantRef,
    },
    /// A port was left open.
    PortOpen {
        /// Whose.
        domain: DomId,
        /// Which.
        port: Port,
    },
    /// An entry of the grant table was left in force.
    GrantLive {
        /// Whose.
        domain: DomId,
        /// Which.
        grant: GrantRef,
        /// Whom it gives access.
        peer: DomId,
    },
    /// A mapping of another domain's page was left in place.
    MappingLive {
        /// Who has it mapped.
        domain: DomId,
        /// Whose page it is.
        peer: DomId,
        /// The entry it was mapped by; none if that was by privilege.
        grant: Option<GrantRef>,
    },
    /// A page was never given back to the allocator.
    PageLost {
        /// Whose.
        domain: DomId,
        /// Its frame.
        gfn: u64,
    },
    /// More pages were in use at a time than the domain's budget has
    /// ([`DomainConfig::page_budget`](crate::DomainConfig)).
    OverBudget {
        /// Whose.
        domain: DomId,
        /// How many pages.
        pages: usize,
    },
    /// Frames without RAM were never released.
    FramesReserved {
        /// Whose.
        domain: DomId,
        /// How many.
        count: usize,
    },
    /// A watch was left registered in xenstore.
    WatchLive {
        /// Whose.
        domain: DomId,
        /// What it watches.
        path: String,
    },
    /// A transaction was left open in xenstore.
    TransactionOpen {
        /// Whose.
        domain: DomId,
        /// Its number.
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
                    "domain {domain} mapped its own grant {grant}, which moves the page away from its frame"
                )
            }
            Self::PortOpen { domain, port } => {
                write!(f, "port {port} of domain {domain} was left open")
            }
            Self::GrantLive { domain, grant, peer } => {
                write!(f, "grant {grant} of domain {domain} to domain {peer} was left in force")
            }
            Self::MappingLive { domain, peer, grant: Some(grant) } => {
                write!(f, "domain {domain} still has grant {grant} of domain {peer} mapped")
            }
            Self::MappingLive { domain, peer, grant: None } => {
                write!(f, "domain {domain} still has a page of domain {peer} mapped by privilege")
            }
            Self::PageLost { domain, gfn } => {
                write!(f, "gfn {gfn:#x} of domain {domain} was never freed")
            }
            Self::OverBudget { domain, pages } => {
                write!(f, "domain {domain} had {pages} pages in use at a time")
            }
            Self::FramesReserved { domain, count } => {
                write!(f, "domain {domain} never released {count} frame(s) without RAM")
            }
            Self::WatchLive { domain, path } => write!(f, "domain {domain} still watches {path}"),
            Self::TransactionOpen { domain, id } => {
                write!(f, "transaction {id} of domain {domain} was left open")
            }
        }
    }
}

impl core::error::Error for Violation {}
