//! Helpers of the tests: two domains, and each test in both versions.

use xen_grant::{GrantTable, Version};
use xen_hypercall::{Pages, Platform};
use xen_sim::{Domain, DomainConfig, World};

pub(crate) fn table<P: Platform>(platform: &P, version: Version) -> GrantTable<P> {
    let grants = GrantTable::with_version(platform.clone(), version).unwrap();
    assert_eq!(grants.version(), version);
    grants
}

pub(crate) fn per_frame(version: Version) -> usize {
    if version == Version::V1 { 512 } else { 256 }
}

pub(crate) fn pair(grant_frames: u32) -> (World, Domain, Domain) {
    pair_with(grant_frames, DomainConfig::new("front"))
}

/// Makes a pair whose first one can fill `grant_frames` frames with pages.
pub(crate) fn large_pair(grant_frames: u32) -> (World, Domain, Domain) {
    let mut config = DomainConfig::new("front");
    config.pages = 600 * grant_frames as usize;
    pair_with(grant_frames, config)
}

fn pair_with(grant_frames: u32, mut config: DomainConfig) -> (World, Domain, Domain) {
    let world = World::new(1);
    config.max_grant_frames = grant_frames;
    let front = world.create(config);
    let back = world.create(DomainConfig::new("back"));
    (world, front, back)
}

pub(crate) fn pages(domain: &Domain, count: usize) -> Pages<Domain> {
    Pages::alloc(domain.clone(), count).unwrap()
}

/// Makes two tests of each function: on a table of version 1 and on one of version 2.
macro_rules! in_both_versions {
    ($($name:ident)*) => {$(
        mod $name {
            use super::Version;

            #[test]
            fn version_1() {
                super::$name(Version::V1);
            }

            #[test]
            fn version_2() {
                super::$name(Version::V2);
            }
        }
    )*};
}

pub(crate) use in_both_versions;
