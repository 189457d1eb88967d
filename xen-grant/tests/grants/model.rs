//! The table and its peer against a model of what each step has to come to, in both versions.

use crate::common::{pages, pair, table};
use proptest::prelude::*;
use xen_grant::{
    CopyBatch, DeferredGrants, GrantMapArea, GrantMapping, GrantTable, Granted, ReadOnly,
    ReadWrite, Version,
};
use xen_hypercall::{GrantRef, Pages};
use xen_sim::Domain;

#[derive(Clone, Debug)]
enum Step {
    Grant { pages: usize, writable: bool },
    End(usize),
    Restrict(usize),
    Map { grant: usize, page: usize, writable: bool },
    Unmap(usize),
    Fetch { grant: usize, page: usize },
    Store { grant: usize, page: usize, byte: u8 },
    Sweep,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (1usize..=4, any::<bool>())
            .prop_map(|(pages, writable)| Step::Grant { pages, writable }),
        1 => (14usize..=16, any::<bool>())
            .prop_map(|(pages, writable)| Step::Grant { pages, writable }),
        3 => any::<usize>().prop_map(Step::End),
        1 => any::<usize>().prop_map(Step::Restrict),
        3 => (any::<usize>(), 0usize..4, any::<bool>())
            .prop_map(|(grant, page, writable)| Step::Map { grant, page, writable }),
        2 => any::<usize>().prop_map(Step::Unmap),
        1 => (any::<usize>(), 0usize..4).prop_map(|(grant, page)| Step::Fetch { grant, page }),
        1 => (any::<usize>(), 0usize..4, 1u8..)
            .prop_map(|(grant, page, byte)| Step::Store { grant, page, byte }),
        1 => Just(Step::Sweep),
    ]
}

enum Kind {
    ReadOnly(Granted<Domain, ReadOnly>),
    ReadWrite(Granted<Domain, ReadWrite>),
}

impl Kind {
    fn end_access(self) -> Option<Pages<Domain>> {
        match self {
            Self::ReadOnly(granted) => granted.end_access().ok(),
            Self::ReadWrite(granted) => granted.end_access().ok(),
        }
    }
}

/// The expected state of a reference: the byte in its page, and its number of mappings.
#[derive(Clone, Copy)]
struct Page {
    reference: GrantRef,
    byte: u8,
    mapped: usize,
}

struct Model {
    version: Version,
    live: Vec<(Kind, Vec<Page>)>,
    /// Deferred references, by allocation, and whether their entries allow writes.
    deferred: Vec<(Vec<Page>, bool)>,
    mappings: Vec<(GrantMapping<Domain, ReadOnly>, GrantRef)>,
    writable_mappings: Vec<(GrantMapping<Domain, ReadWrite>, GrantRef)>,
}

impl Model {
    fn page(&mut self, reference: GrantRef) -> &mut Page {
        let live = self.live.iter_mut().flat_map(|(_, pages)| pages);
        let mut all = live.chain(self.deferred.iter_mut().flat_map(|(pages, _)| pages));
        all.find(|page| page.reference == reference).expect("a mapped page is somewhere")
    }

    fn sweep(&mut self) {
        for (pages, _) in &mut self.deferred {
            pages.retain(|page| page.mapped > 0);
        }
        self.deferred.retain(|(pages, _)| !pages.is_empty());
    }

    fn used(&self) -> usize {
        let granted: usize = self.live.iter().map(|(_, pages)| pages.len()).sum();
        granted + self.deferred.iter().map(|(pages, _)| pages.len()).sum::<usize>()
    }

    /// Picks a reference that the peer has, and returns whether it allows that access.
    fn pick(&self, grant: usize, page: usize, writable: bool) -> Option<(GrantRef, bool)> {
        let count = self.live.len() + self.deferred.len();
        let index = grant.checked_rem(count)?;
        if let Some((kind, pages)) = self.live.get(index) {
            let allowed = !writable || matches!(kind, Kind::ReadWrite(_));
            return Some((pages[page % pages.len()].reference, allowed));
        }
        let (pages, may_write) = &self.deferred[index - self.live.len()];
        // A deferred entry of version 1 is still valid; one of version 2 is not.
        let allowed = self.version == Version::V1 && (!writable || *may_write);
        Some((pages[page % pages.len()].reference, allowed))
    }

    fn unmap(&mut self, index: usize) {
        let count = self.mappings.len() + self.writable_mappings.len();
        let Some(index) = index.checked_rem(count) else { return };
        let reference = if index < self.mappings.len() {
            self.mappings.swap_remove(index).1
        } else {
            self.writable_mappings.swap_remove(index - self.mappings.len()).1
        };
        self.page(reference).mapped -= 1;
    }
}

fn grant(
    grants: &GrantTable<Domain>,
    front: &Domain,
    back: &Domain,
    count: usize,
    writable: bool,
) -> (Kind, Vec<GrantRef>) {
    let memory = pages(front, count);
    if writable {
        let granted = grants.grant_writable(memory, back.id()).unwrap();
        let refs = granted.refs().to_vec();
        (Kind::ReadWrite(granted), refs)
    } else {
        let granted = grants.grant_read_only(memory, back.id()).unwrap();
        let refs = granted.refs().to_vec();
        (Kind::ReadOnly(granted), refs)
    }
}

fn run(version: Version, steps: &[Step]) {
    let (world, front, back) = pair(4);
    let grants = table(&front, version);
    let mut model = Model {
        version,
        live: vec![],
        deferred: vec![],
        mappings: vec![],
        writable_mappings: vec![],
    };
    let window = || GrantMapArea::reserve(back.clone(), 1).unwrap();
    for step in steps {
        match *step {
            Step::Grant { pages, writable } => {
                let (kind, refs) = grant(&grants, &front, &back, pages, writable);
                assert_eq!(refs.len(), pages);
                let fresh = |&reference| Page { reference, byte: 0, mapped: 0 };
                model.live.push((kind, refs.iter().map(fresh).collect()));
            }
            Step::End(index) => {
                let Some(index) = index.checked_rem(model.live.len()) else { continue };
                let (kind, mut pages) = model.live.swap_remove(index);
                let writable = matches!(kind, Kind::ReadWrite(_));
                let used = pages.iter().any(|page| page.mapped > 0);
                match kind.end_access() {
                    Some(memory) => {
                        assert!(!used, "a page in use was returned");
                        let bytes: Vec<_> =
                            memory.as_slice().chunks(4096).map(|page| page[7]).collect();
                        assert!(bytes.iter().copied().eq(pages.iter().map(|page| page.byte)));
                    }
                    None => {
                        assert!(used, "a page that is not in use was deferred");
                        pages.retain(|page| page.mapped > 0);
                        model.deferred.push((pages, writable));
                    }
                }
            }
            Step::Restrict(index) => {
                let Some(index) = index.checked_rem(model.live.len()) else { continue };
                let (kind, pages) = model.live.swap_remove(index);
                let used = pages.iter().any(|page| page.mapped > 0);
                let kind = match kind {
                    Kind::ReadWrite(granted) => match granted.into_read_only() {
                        Ok(granted) => {
                            assert!(!used);
                            Kind::ReadOnly(granted)
                        }
                        Err(granted) => {
                            assert!(used);
                            Kind::ReadWrite(granted)
                        }
                    },
                    kind => kind,
                };
                model.live.push((kind, pages));
            }
            Step::Map { grant, page, writable } => {
                let Some((reference, allowed)) = model.pick(grant, page, writable) else {
                    continue;
                };
                let done = if writable {
                    let mapping = window().map::<ReadWrite>(front.id(), &[reference]);
                    mapping
                        .map(|mapping| model.writable_mappings.push((mapping, reference)))
                        .is_ok()
                } else {
                    let mapping = window().map::<ReadOnly>(front.id(), &[reference]);
                    mapping.map(|mapping| model.mappings.push((mapping, reference))).is_ok()
                };
                assert_eq!(done, allowed, "mapping {reference}");
                model.page(reference).mapped += usize::from(done);
            }
            Step::Unmap(index) => model.unmap(index),
            Step::Fetch { grant, page } => {
                let Some((reference, allowed)) = model.pick(grant, page, false) else { continue };
                let mut local = pages(&back, 1);
                let mut batch = CopyBatch::new(&mut local, front.id());
                batch.copy_from_grant(reference, 7, 0, 1).unwrap();
                assert_eq!(batch.run().is_ok(), allowed, "copying from {reference}");
                let byte = model.page(reference).byte;
                assert!(!allowed || local.as_slice()[0] == byte);
            }
            Step::Store { grant, page, byte } => {
                let Some((reference, allowed)) = model.pick(grant, page, true) else { continue };
                let mut local = pages(&back, 1);
                local.as_mut_slice()[0] = byte;
                let mut batch = CopyBatch::new(&mut local, front.id());
                batch.copy_to_grant(0, reference, 7, 1).unwrap();
                assert_eq!(batch.run().is_ok(), allowed, "copying to {reference}");
                if allowed {
                    model.page(reference).byte = byte;
                }
            }
            Step::Sweep => {
                model.sweep();
                grants.retry_deferred();
            }
        }
        assert_eq!(grants.deferred(), DeferredGrants { waiting: model.deferred.len(), lost: 0 });
        let all = grants.free() as usize + model.used() + 8;
        let per_frame = crate::common::per_frame(version);
        assert!(all.is_multiple_of(per_frame) && all <= 4 * per_frame, "{all} references in all");
        for (mapping, reference) in &model.mappings {
            let found = mapping.as_ref().read::<u8>(7);
            let live = model.live.iter().flat_map(|(_, pages)| pages);
            let known = live.chain(model.deferred.iter().flat_map(|(pages, _)| pages));
            let known =
                known.into_iter().find(|page| page.reference == *reference).map(|page| page.byte);
            assert_eq!(found, known, "the peer sees the page of {reference}");
        }
    }
    model.mappings.clear();
    model.writable_mappings.clear();
    drop(model);
    assert_eq!(grants.retry_deferred(), DeferredGrants::default());
    drop(grants);
    world.check().unwrap();
}

proptest! {
    #[test]
    fn version_1_matches_the_model(steps in proptest::collection::vec(step(), 1..80)) {
        run(Version::V1, &steps);
    }

    #[test]
    fn version_2_matches_the_model(steps in proptest::collection::vec(step(), 1..80)) {
        run(Version::V2, &steps);
    }
}
