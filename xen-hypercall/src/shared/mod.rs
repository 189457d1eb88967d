//! The one accessor for memory that another domain can write.

mod read_only;
mod slots;

cfg_if::cfg_if! {
    if #[cfg(all(feature = "hook", not(any(loom, target_os = "none"))))] {
        mod hook;
        use hook::before_load;
        pub use hook::observe_loads;
    } else {
        #[inline(always)]
        fn before_load(_: *const u8, _: usize) {}
    }
}

cfg_if::cfg_if! {
    if #[cfg(loom)] {
        mod model;
        mod word;
        pub use model::SharedMem;
    } else {
        mod access;
        mod copy;
        mod memory;
        #[cfg_attr(
           any(
                miri,
                all(feature = "asm-access", any(target_arch = "x86_64", target_arch = "aarch64"))
            ),
            path = "opaque_word.rs"
        )]
        mod word;
       #[cfg_attr(
            all(target_arch = "x86_64", target_feature = "sse2", not(miri)),
            path = "vector.rs"
        )]
       #[cfg_attr(
            not(all(target_arch = "x86_64", target_feature = "sse2", not(miri))),
            path = "no_vector.rs"
        )]
        mod vector;
        pub use memory::SharedMem;
    }
}

pub use read_only::ReadOnlyMem;
pub use slots::{SharedSlots, SlotMem, StableSharedMem};
pub use word::{SharedU8, SharedU16, SharedU32, SharedU64};
