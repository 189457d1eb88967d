//! Any sequence of grants, mappings, unmappings, copies and ends of access between two domains
//! leaves nothing behind.

use crate::fixture::check;
use crate::input::values;
use arbitrary::Arbitrary;
use xen_grant::{
    CopyBatch, DeferredGrants, GrantMapArea, GrantMapping, GrantTable, Granted, ReadOnly,
    ReadWrite, Version,
};
use xen_hypercall::{GrantRef, Pages};
use xen_sim::{Domain, DomainConfig, World};

#[derive(Arbitrary, Debug)]
enum Call {
    Share { pages: u8, writable: bool },
    Reclaim(u8),
    Drop(u8),
    Map { shared: u8, write: bool, wrong: Option<u16> },
    Unmap(u8),
    Copy { shared: u8, offset: u16, at: u16, len: u16, out: bool },
    Sweep,
}

enum Share {
    ReadOnly(Granted<Domain, ReadOnly>),
    ReadWrite(Granted<Domain, ReadWrite>),
}

enum Map {
    ReadOnly(GrantMapping<Domain, ReadOnly>),
    ReadWrite(GrantMapping<Domain, ReadWrite>),
}

impl Share {
    fn refs(&self) -> Vec<GrantRef> {
        match self {
            Self::ReadOnly(shared) => shared.refs().to_vec(),
            Self::ReadWrite(shared) => shared.refs().to_vec(),
        }
    }
}

fn take<T>(list: &mut Vec<T>, index: u8) -> Option<T> {
    let index = usize::from(index).checked_rem(list.len())?;
    Some(list.swap_remove(index))
}

struct Fixture {
    world: World,
    front: Domain,
    back: Domain,
    grants: GrantTable<Domain>,
}

impl Fixture {
    fn new(version: Version) -> Self {
        let world = World::new(1);
        let small = |name| DomainConfig {
            pages: 256,
            foreign_pages: 64,
            max_grant_frames: 2,
            ..DomainConfig::new(name)
        };
        let (front, back) = (world.create(small("front")), world.create(small("back")));
        let grants = GrantTable::with_version(front.clone(), version)
            .expect("a new domain has a grant table");
        Self { world, front, back, grants }
    }
}

/// Runs the target.
pub fn run(data: &[u8]) {
    let Some((&version, calls)) = data.split_first() else { return };
    let fixture = Fixture::new(if version % 2 == 0 { Version::V1 } else { Version::V2 });
    drive(&fixture, &values(calls, 100));
    let Fixture { world, grants, .. } = fixture;
    drop(grants);
    check(&world);
}

fn drive(fixture: &Fixture, calls: &[Call]) {
    let Fixture { world, front, back, grants } = fixture;
    let free = grants.free();
    let mut local = Pages::alloc(back.clone(), 2).unwrap();
    let (mut shares, mut maps) = (Vec::<Share>::new(), Vec::<Map>::new());
    // A page is left for deferred pages: without memory for the record the table loses those that
    // peers keep.
    let mut room = 200;
    for call in calls {
        match *call {
            Call::Share { pages, writable } => {
                let pages = 1 + usize::from(pages % 20);
                if pages > room {
                    continue;
                }
                room -= pages;
                let pages = Pages::alloc(front.clone(), pages).expect("there is room");
                shares.extend(match writable {
                    true => grants.grant_writable(pages, back.id()).ok().map(Share::ReadWrite),
                    false => grants.grant_read_only(pages, back.id()).ok().map(Share::ReadOnly),
                });
            }
            Call::Reclaim(index) => match take(&mut shares, index) {
                Some(Share::ReadOnly(shared)) => drop(shared.end_access()),
                Some(Share::ReadWrite(shared)) => drop(shared.end_access()),
                None => {}
            },
            Call::Drop(index) => drop(take(&mut shares, index)),
            Call::Map { shared, write, wrong } => {
                let Some(index) = usize::from(shared).checked_rem(shares.len()) else { continue };
                let mut refs = shares[index].refs();
                if let Some(wrong) = wrong {
                    let at = usize::from(wrong) % refs.len();
                    refs[at] = GrantRef(u32::from(wrong));
                }
                let Ok(window) = GrantMapArea::reserve(back.clone(), refs.len()) else { continue };
                maps.extend(match write {
                    true => window.map(front.id(), &refs).ok().map(Map::ReadWrite),
                    false => window.map(front.id(), &refs).ok().map(Map::ReadOnly),
                });
            }
            Call::Unmap(index) => match take(&mut maps, index) {
                Some(Map::ReadOnly(mapping)) => {
                    drop(mapping.unmap().expect("what is mapped can be unmapped"))
                }
                Some(Map::ReadWrite(mapping)) => {
                    drop(mapping.unmap().expect("what is mapped can be unmapped"))
                }
                None => {}
            },
            Call::Copy { shared, offset, at, len, out } => {
                let Some(index) = usize::from(shared).checked_rem(shares.len()) else { continue };
                let [reference, ..] = shares[index].refs()[..] else { continue };
                let (offset, at, len) = (usize::from(offset), usize::from(at), usize::from(len));
                let mut batch = CopyBatch::new(&mut local, front.id());
                let _ = match out {
                    true => batch.copy_from_grant(reference, offset, at, len),
                    false => batch.copy_to_grant(at, reference, offset, len),
                };
                let _ = batch.run();
            }
            Call::Sweep => drop(grants.retry_deferred()),
        }
        assert_eq!(world.violations(), []);
    }
    drop((maps, shares, local));
    assert_eq!(grants.retry_deferred(), DeferredGrants::default());
    assert!(grants.free() >= free);
}
