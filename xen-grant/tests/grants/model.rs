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
    Share { pages: usize, writable: bool },
    Reclaim(usize),
    Restrict(usize),
    Map { share: usize, page: usize, writable: bool },
    Unmap(usize),
    Fetch { share: usize, page: usize },
    Store { share: usize, page: usize, byte: u8 },
    Sweep,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (1usize..=4, any::<bool>()).prop_map(|(pages, writable)| Step::Share { pages, writable }),
        1 => (14usize..=16, any::<bool>()).prop_map(|(pages, writable)| Step::Share { pages, writable }),
        3 => any::<usize>().prop_map(Step::Reclaim),
        1 => any::<usize>().prop_map(Step::Restrict),
        3 => (any::<usize>(), 0usize..4, any::<bool>())
            .prop_map(|(share, page, writable)| Step::Map { share, page, writable }),
        2 => any::<usize>().prop_map(Step::Unmap),
        1 => (any::<usize>(), 0usize..4).prop_map(|(share, page)| Step::Fetch { share, page }),
        1 => (any::<usize>(), 0usize..4, 1u8..).prop_map(|(share, page, byte)| Step::Store { share, page, byte }),
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
            Self::ReadOnly(shared) => shared.end_access().ok(),
            Self::ReadWrite(shared) => shared.end_access().ok(),
        }
    }
}

/// What is known of a reference: what its page holds, who may do what, how often it is mapped.
#[derive(Clone, Copy)]
struct Page {
    reference: GrantRef,
    byte: u8,
    mapped: usize,
}

struct Model {
    version: Version,
    shares: Vec<(Kind, Vec<Page>)>,
    /// References in deferred list, by allocation, and whether their entries let the peer write.
    held: Vec<(Vec<Page>, bool)>,
    mappings: Vec<(GrantMapping<Domain, ReadOnly>, GrantRef)>,
    writable_mappings: Vec<(GrantMapping<Domain, ReadWrite>, GrantRef)>,
}

impl Model {
    fn page(&mut self, reference: GrantRef) -> &mut Page {
        let shares = self.shares.iter_mut().flat_map(|(_, pages)| pages);
        let mut all = shares.chain(self.held.iter_mut().flat_map(|(pages, _)| pages));
        all.find(|page| page.reference == reference).expect("a mapped page is somewhere")
    }

    fn sweep(&mut self) {
        for (pages, _) in &mut self.held {
            pages.retain(|page| page.mapped > 0);
        }
        self.held.retain(|(pages, _)| !pages.is_empty());
    }

    fn used(&self) -> usize {
        let shared: usize = self.shares.iter().map(|(_, pages)| pages.len()).sum();
        shared + self.held.iter().map(|(pages, _)| pages.len()).sum::<usize>()
    }

    /// Picks a reference that was told to the peer, and tells whether it may use it so.
    fn pick(&self, share: usize, page: usize, writable: bool) -> Option<(GrantRef, bool)> {
        let count = self.shares.len() + self.held.len();
        let index = share.checked_rem(count)?;
        if let Some((kind, pages)) = self.shares.get(index) {
            let allowed = !writable || matches!(kind, Kind::ReadWrite(_));
            return Some((pages[page % pages.len()].reference, allowed));
        }
        let (pages, may_write) = &self.held[index - self.shares.len()];
        // What is kept back in version 1 is still valid; in version 2 nothing is.
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

fn share(
    grants: &GrantTable<Domain>,
    front: &Domain,
    back: &Domain,
    count: usize,
    writable: bool,
) -> (Kind, Vec<GrantRef>) {
    let memory = pages(front, count);
    if writable {
        let shared = grants.grant_writable(memory, back.id()).unwrap();
        let refs = shared.refs().to_vec();
        (Kind::ReadWrite(shared), refs)
    } else {
        let shared = grants.grant_read_only(memory, back.id()).unwrap();
        let refs = shared.refs().to_vec();
        (Kind::ReadOnly(shared), refs)
    }
}

fn run(version: Version, steps: &[Step]) {
    let (world, front, back) = pair(4);
    let grants = table(&front, version);
    let mut model = Model {
        version,
        shares: vec![],
        held: vec![],
        mappings: vec![],
        writable_mappings: vec![],
    };
    let window = || GrantMapArea::reserve(back.clone(), 1).unwrap();
    for step in steps {
        match *step {
            Step::Share { pages, writable } => {
                let (kind, refs) = share(&grants, &front, &back, pages, writable);
                assert_eq!(refs.len(), pages);
                let fresh = |&reference| Page { reference, byte: 0, mapped: 0 };
                model.shares.push((kind, refs.iter().map(fresh).collect()));
            }
            Step::Reclaim(index) => {
                let Some(index) = index.checked_rem(model.shares.len()) else { continue };
                let (kind, mut pages) = model.shares.swap_remove(index);
                let writable = matches!(kind, Kind::ReadWrite(_));
                let used = pages.iter().any(|page| page.mapped > 0);
                match kind.end_access() {
                    Some(memory) => {
                        assert!(!used, "a page in use was given back");
                        let bytes: Vec<_> =
                            memory.as_slice().chunks(4096).map(|page| page[7]).collect();
                        assert!(bytes.iter().copied().eq(pages.iter().map(|page| page.byte)));
                    }
                    None => {
                        assert!(used, "a page that nobody uses was kept back");
                        pages.retain(|page| page.mapped > 0);
                        model.held.push((pages, writable));
                    }
                }
            }
            Step::Restrict(index) => {
                let Some(index) = index.checked_rem(model.shares.len()) else { continue };
                let (kind, pages) = model.shares.swap_remove(index);
                let used = pages.iter().any(|page| page.mapped > 0);
                let kind = match kind {
                    Kind::ReadWrite(shared) => match shared.into_read_only() {
                        Ok(shared) => {
                            assert!(!used);
                            Kind::ReadOnly(shared)
                        }
                        Err(shared) => {
                            assert!(used);
                            Kind::ReadWrite(shared)
                        }
                    },
                    kind => kind,
                };
                model.shares.push((kind, pages));
            }
            Step::Map { share, page, writable } => {
                let Some((reference, allowed)) = model.pick(share, page, writable) else {
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
            Step::Fetch { share, page } => {
                let Some((reference, allowed)) = model.pick(share, page, false) else { continue };
                let mut local = pages(&back, 1);
                let mut batch = CopyBatch::new(&mut local, front.id());
                batch.copy_from_grant(reference, 7, 0, 1).unwrap();
                assert_eq!(batch.run().is_ok(), allowed, "copying from {reference}");
                let byte = model.page(reference).byte;
                assert!(!allowed || local.as_slice()[0] == byte);
            }
            Step::Store { share, page, byte } => {
                let Some((reference, allowed)) = model.pick(share, page, true) else { continue };
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
        assert_eq!(grants.deferred(), DeferredGrants { waiting: model.held.len(), lost: 0 });
        let all = grants.free() as usize + model.used() + 8;
        let per_frame = crate::common::per_frame(version);
        assert!(all.is_multiple_of(per_frame) && all <= 4 * per_frame, "{all} references in all");
        for (mapping, reference) in &model.mappings {
            let found = mapping.as_ref().read::<u8>(7);
            let shares = model.shares.iter().flat_map(|(_, pages)| pages);
            let known = shares.chain(model.held.iter().flat_map(|(pages, _)| pages));
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
    fn version_1_does_what_the_model_says(steps in proptest::collection::vec(step(), 1..80)) {
        run(Version::V1, &steps);
    }

    #[test]
    fn version_2_does_what_the_model_says(steps in proptest::collection::vec(step(), 1..80)) {
        run(Version::V2, &steps);
    }
}
