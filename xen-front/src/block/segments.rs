//! The segments of a request on the ring.

use super::SECTORS_PER_PAGE;
use heapless::Vec;
use xen_hypercall::GrantRef;
use xen_sys::io::blkif::{BLKIF_MAX_SEGMENTS_PER_REQUEST, BlkifRequestSegment};

/// Returns the segments of `sectors` sectors in whole pages, one after the other.
pub(super) fn segments(
    refs: &[GrantRef],
    sectors: usize,
) -> Vec<BlkifRequestSegment, BLKIF_MAX_SEGMENTS_PER_REQUEST> {
    let mut list = Vec::new();
    for (page, &gref) in refs.iter().enumerate().take(sectors.div_ceil(SECTORS_PER_PAGE)) {
        let last_sect = (sectors - page * SECTORS_PER_PAGE).min(SECTORS_PER_PAGE) as u8 - 1;
        // Callers have at most as many pages as the list has room for.
        let _ = list.push(BlkifRequestSegment { gref, first_sect: 0, last_sect, _pad0: [0; 2] });
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_cover_the_sectors_only() {
        let refs: std::vec::Vec<_> = (1..=11).map(GrantRef).collect();
        for sectors in 1..=88 {
            let list = segments(&refs, sectors);
            let total: usize =
                list.iter().map(|s| usize::from(s.last_sect - s.first_sect) + 1).sum();
            assert_eq!((total, list.len()), (sectors, sectors.div_ceil(8)));
            assert!(list.iter().all(|s| s.first_sect == 0 && s.last_sect < 8));
        }
        assert!(segments(&[], 0).is_empty());
    }
}
