//! Claims of resources that a domain has once.

use core::num::NonZeroUsize;
use core::ptr::NonNull;
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;
use xen_hypercall::{Claim, Claims, Gfn, Hypercall, Instant, Platform, Singleton};

/// Platform whose domain has resources to claim.
#[derive(Clone)]
struct Domain(Arc<Resource>);

struct Resource {
    claims: Claims,
    /// Memory that only the owner of the resource accesses: a page at an address that the owner
    /// chose.
    page: UnsafeCell<u32>,
}

// SAFETY: answers no hypercall.
unsafe impl Hypercall for Domain {
    unsafe fn hypercall(&self, _op: usize, _args: [usize; 5]) -> isize {
        unreachable!("a claim needs no hypercall")
    }
}

// SAFETY: returns no memory.
unsafe impl Platform for Domain {
    fn alloc_pages(&self, _count: NonZeroUsize) -> Option<NonNull<u8>> {
        None
    }
    unsafe fn free_pages(&self, _pages: NonNull<u8>, _count: NonZeroUsize) {}
    fn virt_to_gfn(&self, _page: NonNull<u8>) -> Gfn {
        Gfn(0)
    }
    unsafe fn map_frames(&self, _first: Gfn, _count: NonZeroUsize) -> Option<NonNull<u8>> {
        None
    }
    fn claims(&self) -> &Claims {
        &self.0.claims
    }
    fn now(&self) -> Instant {
        Instant::default()
    }
}

/// Two owners never access a resource at the same time, and the second one sees the writes of the
/// first.
#[test]
fn resource_has_one_owner() {
    loom::model(|| {
        let domain = Domain(Arc::new(Resource { claims: Claims::new(), page: UnsafeCell::new(0) }));
        let takes = |domain: Domain| {
            let Ok(claim) = Claim::take(domain.clone(), Singleton::SharedInfo) else { return 0 };
            // SAFETY: the claim is the only one, as loom verifies.
            domain.0.page.with_mut(|page| unsafe { *page += 1 });
            drop(claim);
            1
        };
        let other = thread::spawn({
            let domain = domain.clone();
            move || takes(domain)
        });
        let taken = takes(domain.clone()) + other.join().unwrap();
        assert!(taken >= 1, "neither thread was first");
        // SAFETY: the other thread has ended.
        assert_eq!(domain.0.page.with(|page| unsafe { *page }), taken);
    });
}
