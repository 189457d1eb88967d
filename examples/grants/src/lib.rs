//! Kinds of grants, used by three domains of a simulated Xen.
//!
//! The owner grants bytes of a page, the broker forwards that grant to the reader, and the reader
//! copies the bytes without a mapping. Then the owner swaps the references of two pages, and
//! transfers data through persistent grants that the reader maps once.
//!
//! `cargo run -p xen-example-grants`

#![forbid(unsafe_code)]

use std::collections::HashMap;
use std::error::Error;
use std::io::Write;

use xen_grant::{
    CopyBatch, GrantMapArea, GrantMapping, GrantTable, Granted, MapError, PersistentGrants,
    ReadOnly, ReadWrite, Version,
};
use xen_hypercall::{DomId, GrantRef, Pages};
use xen_sim::{Domain, DomainConfig, World};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const TEXT: &[u8] = b"granted bytes";
const OFFSET: usize = 256;

/// Runs all parts and writes a line to `out` for each step.
///
/// # Errors
///
/// The first step that fails, or a page or grant that is left at the end.
pub fn run(out: &mut dyn Write) -> Result<()> {
    let world = World::new(1);
    let [owner, broker, reader] =
        ["owner", "broker", "reader"].map(|name| world.create(DomainConfig::new(name)));
    copy_through_broker(&owner, &broker, &reader, out)?;
    swap_pages(&owner, &reader, out)?;
    reuse_pages(&owner, &reader, out)?;
    world.check()?;
    writeln!(out, "all: no grant is left, no page is lost")?;
    Ok(())
}

/// Grants bytes of a page, forwards the grant, and copies the bytes.
fn copy_through_broker(
    owner: &Domain,
    broker: &Domain,
    reader: &Domain,
    out: &mut dyn Write,
) -> Result<()> {
    // Sub-page and transitive grants need version 2.
    let ours = GrantTable::with_version(owner.clone(), Version::V2)?;
    let theirs = GrantTable::with_version(broker.clone(), Version::V2)?;

    let mut page = Pages::alloc(owner.clone(), 1)?;
    page.as_mut_slice()[OFFSET..][..TEXT.len()].copy_from_slice(TEXT);
    let granted = ours
        .grant_sub_page::<ReadOnly>(page, broker.id(), OFFSET, TEXT.len())
        .map_err(|failed| failed.error)?;
    let reference = granted.reference();
    writeln!(out, "owner: grants {} bytes at {OFFSET} as grant {reference}", TEXT.len())?;

    let forwarded = theirs.grant_transitive::<ReadOnly>(owner.id(), reference, reader.id())?;
    let reference = forwarded.reference();
    writeln!(out, "broker: forwards it as grant {reference}")?;

    let text = copy(reader, broker.id(), reference, OFFSET, TEXT.len())?;
    writeln!(out, "reader: copies \"{}\"", String::from_utf8_lossy(&text))?;
    if let Err(error) = copy(reader, broker.id(), reference, OFFSET + 1, TEXT.len()) {
        writeln!(out, "reader: can't copy the next byte: {error}")?;
    }

    drop(granted.end_access()?);
    if let Err(error) = copy(reader, broker.id(), reference, OFFSET, TEXT.len()) {
        writeln!(out, "reader: can't copy after the owner's end of access: {error}")?;
    }
    forwarded.end_access()?;
    Ok(())
}

/// Copies `len` bytes from a page that `owner` granted to `domain`.
fn copy(
    domain: &Domain,
    owner: DomId,
    reference: GrantRef,
    offset: usize,
    len: usize,
) -> Result<Vec<u8>> {
    let mut local = Pages::alloc(domain.clone(), 1)?;
    let mut batch = CopyBatch::new(&mut local, owner);
    batch.copy_from_grant(reference, offset, 0, len)?;
    batch.run()?;
    Ok(local.as_slice()[..len].to_vec())
}

/// Replaces the page behind a reference that the peer has.
fn swap_pages(owner: &Domain, reader: &Domain, out: &mut dyn Write) -> Result<()> {
    let table = GrantTable::new(owner.clone())?;
    let grant = |text: &[u8]| -> Result<Granted<Domain, ReadOnly>> {
        let mut page = Pages::alloc(owner.clone(), 1)?;
        page.as_mut_slice()[..text.len()].copy_from_slice(text);
        Ok(table.grant_read_only(page, reader.id()).map_err(|failed| failed.error)?)
    };
    let (mut old, mut new) = (grant(b"old")?, grant(b"new")?);
    let reference = old.reference();
    old.swap_grant_ref(&mut new)?;
    let text = copy(reader, owner.id(), reference, 0, 3)?;
    let text = String::from_utf8_lossy(&text);
    writeln!(out, "owner: swaps two pages; the reader finds \"{text}\" by grant {reference}")?;
    drop((old.end_access()?, new.end_access()?));
    Ok(())
}

/// A peer that maps each page at its first use only.
struct Mapper {
    domain: Domain,
    owner: DomId,
    mapped: HashMap<u32, GrantMapping<Domain, ReadWrite>>,
}

impl Mapper {
    /// Reads the first word of a page and writes its successor.
    fn serve(&mut self, reference: GrantRef) -> std::result::Result<u32, MapError> {
        if !self.mapped.contains_key(&reference.0) {
            let area = GrantMapArea::reserve(self.domain.clone(), 1)
                .map_err(|_| MapError::Count { found: 1, room: 0 })?;
            let mapping = area.map(self.owner, &[reference]).map_err(|failed| failed.error)?;
            self.mapped.insert(reference.0, mapping);
        }
        let memory = self.mapped[&reference.0].as_ref();
        let found: u32 = memory.read(0).unwrap_or_default();
        memory.write(0, &(found + 1));
        Ok(found)
    }
}

/// Transfers data through pages that stay granted.
fn reuse_pages(owner: &Domain, reader: &Domain, out: &mut dyn Write) -> Result<()> {
    let table = GrantTable::new(owner.clone())?;
    let mut pages = PersistentGrants::new(&table, reader.id(), 4)?;
    pages.grow(4)?;
    let mut peer = Mapper { domain: reader.clone(), owner: owner.id(), mapped: HashMap::new() };
    let requests = 6u32;
    for round in 0..requests / 2 {
        // Two requests in flight, each with a page of its own.
        let in_flight = pages.alloc(2).ok_or("all pages are in use")?;
        for ((reference, memory), number) in pages.iter(&in_flight).zip(10 * round..) {
            memory.write(0, &number);
            peer.serve(reference)?;
            if memory.read(0) != Some(number + 1) {
                return Err(format!("request {number} has no answer").into());
            }
        }
        pages.free(in_flight);
    }
    let mappings = peer.mapped.len();
    writeln!(out, "reader: serves {requests} requests with {mappings} mappings")?;
    drop(pages);
    let waiting = table.deferred().waiting;
    writeln!(out, "owner: ends its grants; {waiting} are deferred, because the reader maps them")?;
    drop(peer);
    let waiting = table.retry_deferred().waiting;
    writeln!(out, "reader: unmaps the pages; {waiting} are deferred now")?;
    Ok(())
}
