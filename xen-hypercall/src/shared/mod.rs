//! The one accessor for memory that another domain can write.

mod word;

cfg_if::cfg_if! {
    if #[cfg(all(feature = "hook", not(loom)))] {
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
        pub use model::SharedMem;
    } else {
        mod copy;
        mod memory;
        pub use memory::SharedMem;
    }
}

pub use word::{SharedU8, SharedU16, SharedU32, SharedU64};
