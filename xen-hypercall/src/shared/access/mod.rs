//! Accesses to a word of shared memory.
//!
//! Both ends access shared memory in words of different sizes: `u16` flags in a grant entry that is
//! copied as a whole, the bytes of a `u32` index in a copied header. On the processors that Xen
//! supports, an aligned access of up to eight bytes is one step, independently of concurrent
//! accesses of other sizes. In Rust's model of atomics, a race of two accesses that overlap and
//! differ in size is undefined (in LLVM's, to which the compiler passes them, it is defined). So an
//! access here has a meaning of its own, by this model:
//!
//! - *Every access, of any size, is a sequence of accesses to `AtomicU8`, one for each byte, with
//!   the ordering of the whole, and no other thread takes a step between them.* All accesses then
//!   have one size, and a schedule in which a thread takes a few steps in a row is one that a
//!   program must expect. Vectors and string instructions may be torn: there, threads may take
//!   steps between the bytes.
//! - A release store is a sequence of releases: an acquire load of any of its bytes sees all writes
//!   before the store.
//! - A read-modify-write is a sequence of byte-wise swaps after loads of the same bytes; a failed
//!   one is the loads.
//!
//! Implementations:
//!
//! - Under Miri, exactly that sequence.
//! - With the feature `asm-access`, an assembly block of one instruction for each access (a loop of
//!   two for a read-modify-write on arm64). To the compiler, the block may do no more than the
//!   sequence. An ordering block is declared to access memory, so the compiler moves no access over
//!   it. It costs 5 to 14 % more instructions in the rows of `cargo xtask bench`: an assembly block
//!   takes its address from a register, and returns no flags.
//! - Otherwise, the instructions of Rust's atomics of the access's size, which are the same. This
//!   relies on the compiler: Rust does not define races of different sizes, and every version so
//!   far passes them to LLVM, which does.
//! - Copies of vectors on x86-64, and bulk copies on x86-64 and arm64, are assembly blocks in all
//!   builds.
//! - The models of loom have their own memory, in which each word has one size.
//!
//! A private slice of the same memory exists only before it is shared and after other domains have
//! lost access, and never beside a `SharedMem`.
//! reaches it, and never beside a `SharedMem`.

cfg_if::cfg_if! {
    if #[cfg(miri)] {
        mod bytes;
    } else if #[cfg(all(feature = "asm-access", target_arch = "x86_64"))] {
        mod x86_64;
    } else if #[cfg(all(feature = "asm-access", target_arch = "aarch64"))] {
        mod aarch64;
    } else {
        mod atomic;
    }
}

/// Word of a copy.
///
/// # Safety
///
/// *Safety* of each function: the word must lie within shared memory, and be aligned.
pub(super) trait Access: Copy + Eq {
    /// Loads the word. Orders nothing.
    unsafe fn load(place: *mut u8) -> Self;

    /// Stores the word. Orders nothing.
    unsafe fn store(place: *mut u8, value: Self);
}

/// Word by which the two ends synchronise.
///
/// # Safety
///
/// As [`Access`].
#[cfg(any(
    miri,
    all(feature = "asm-access", any(target_arch = "x86_64", target_arch = "aarch64"))
))]
pub(super) trait Ordered: Access {
    /// Loads the word before any later access.
    unsafe fn load_acquire(place: *mut u8) -> Self;

    /// Stores the word after all earlier accesses.
    unsafe fn store_release(place: *mut u8, value: Self);

    /// Stores the word and returns the previous one, as one sequentially consistent step.
    unsafe fn swap(place: *mut u8, value: Self) -> Self;

    /// Returns the word and, if it is `current`, stores `new`, then as one sequentially consistent
    /// step.
    unsafe fn compare_exchange(place: *mut u8, current: Self, new: Self) -> Self;
}
