//! Bulk copies of shared memory, which are machine code of each architecture: no Xen takes part.

use crate::report::Report;
use xen_hypercall::{PAGE_SIZE, Pages, SharedMem};

/// Lengths up to two turns of the longest loop, and a bit.
const LENGTHS: usize = 140;

/// Length of the private memory.
const ROOM: usize = LENGTHS + 16;

pub(crate) fn test(t: &mut Report) {
    let Ok(pages) = Pages::alloc(t.xen, 1).map(Pages::into_shared) else {
        return t.fact("a page to copy", false);
    };
    let memory: &SharedMem = pages.as_ref();
    let mut whole = [0; PAGE_SIZE];
    memory.copy_from(0, &core::array::from_fn::<u8, PAGE_SIZE, _>(|at| at as u8 ^ (at >> 8) as u8));
    memory.copy_to(0, &mut whole);
    let is_whole = whole.iter().enumerate().all(|(at, &byte)| byte == at as u8 ^ (at >> 8) as u8);
    t.fact("a page is copied in and out", is_whole);
    let cases = || {
        (0..8)
            .flat_map(|shared| (0..8).map(move |private| (shared, private)))
            .flat_map(|(shared, private)| (0..LENGTHS).map(move |len| (shared, private, len)))
    };
    let out = cases().all(|(shared, private, len)| {
        let mut found = [0xee; ROOM];
        memory.copy_to(shared, &mut found[private..private + len]).is_some()
            && found[private..private + len] == whole[shared..shared + len]
            && is_untouched(&found, private, len)
    });
    t.fact("copies out of any place, to any place, of any length", out);
    let into = cases().all(|(shared, private, len)| {
        let mut found = [0; ROOM];
        memory.copy_from(0, &[0xee; ROOM]).is_some()
            && memory.copy_from(shared, &whole[private..private + len]).is_some()
            && memory.copy_to(0, &mut found).is_some()
            && found[shared..shared + len] == whole[private..private + len]
            && is_untouched(&found, shared, len)
    });
    t.fact("copies into any place, from any place, of any length", into);
}

/// Returns whether the bytes around a copy are as before.
fn is_untouched(found: &[u8; ROOM], start: usize, len: usize) -> bool {
    found[..start].iter().chain(&found[start + len..]).all(|&byte| byte == 0xee)
}
