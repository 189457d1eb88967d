//! How a word of shared memory is accessed.
//!
//! Shared memory is accessed in words of different sizes by both of its ends: `u16` flags in a
//! grant entry that is copied as a whole, the bytes of a `u32` index in a copied header. On the
//! processors that Xen runs on, an aligned access of up to eight bytes is one step whatever
//! others access beside it. Rust's model of atomics leaves a race undefined in which two accesses
//! overlap and differ in size (LLVM's, which the compiler passes them to, does not). So an access
//! here has a meaning of its own, which the model defines:
//!
//! - *Every access, of any size, is a sequence of accesses to `AtomicU8`, one for each byte, with
//!   the ordering of the whole, and no other thread takes a step between them.* All accesses are
//!   then of one size, and a schedule in which a thread takes a few steps in a row is one of those
//!   that a program has to expect. Vectors and string instructions may be torn: there, threads may
//!   take steps between the bytes.
//! - A store of a release is a sequence of releases: who loads any byte of it by an acquire has
//!   what came before.
//! - A read-modify-write is a sequence of byte-wise swaps after loads of the same bytes; one that
//!   fails is the loads.
//!
//! What carries it out:
//!
//! - Under Miri, exactly that sequence.
//! - With the feature `asm-access`, an assembly block of one instruction for each access (a loop of
//!   two for a read-modify-write on arm64), of which the compiler knows no more than that it may do
//!   what the sequence does. A block that orders something does not say that it leaves memory
//!   alone, so the compiler moves no access over it. It costs 5 to 14 % more instructions in the
//!   rows of `cargo xtask bench`: an assembly block takes its address from a register, and returns
//!   no flags.
//! - Else, the instructions that Rust's atomics of the access's size become, which are the same
//!   ones. This relies on the compiler: Rust does not define races of different sizes, and every
//!   version so far passes them to LLVM, which does.
//! - Copies of vectors and bulk copies on x86-64 are assembly blocks in all builds.
//! - The models of loom have their own memory, in which each word has one size.
//!
//! A private slice of the same memory exists only before it is shared and after no other domain
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

/// A word of a copy.
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

/// A word by which the two ends synchronise.
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

    /// Stores the word and returns the one before, in one step that is ordered against everything
    /// else.
    unsafe fn swap(place: *mut u8, value: Self) -> Self;

    /// Returns the word and, if it is `current`, stores `new`, in one step that is ordered against
    /// everything else then.
    unsafe fn compare_exchange(place: *mut u8, current: Self, new: Self) -> Self;
}
