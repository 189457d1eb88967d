//! Claims: records of the owners of resources that a domain has once.

use crate::Platform;
use crate::sync::{AtomicU8, Ordering};
use core::fmt;
use core::sync::atomic::AtomicU32;
use thiserror::Error;

/// Resource that a domain has once: Xen moves it when it is set up a second time, and leaves a hole
/// at the first owner's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Singleton {
    /// The shared info page.
    SharedInfo,
    /// The grant table: its frames and its version.
    GrantTable,
}

impl Singleton {
    const fn bit(self) -> u8 {
        match self {
            Self::SharedInfo => 1 << 0,
            Self::GrantTable => 1 << 1,
        }
    }
}

impl fmt::Display for Singleton {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SharedInfo => "the shared info page",
            Self::GrantTable => "the grant table",
        })
    }
}

/// Error of a claim of a resource that has an owner already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{0} is taken: found a second user, expected one; drop the first one before")]
pub struct AlreadyTaken(pub Singleton);

/// Record of the owned resources of one domain and of its lost frames. The address of the record
/// identifies the domain.
///
/// A kernel has one record, as a static that [`Platform::claims`] returns.
///
/// ```
/// use xen_hypercall::Claims;
///
/// static CLAIMS: Claims = Claims::new();
/// ```
pub struct Claims {
    taken: AtomicU8,
    lost_frames: AtomicU32,
    epoch: AtomicU32,
}

impl Claims {
    /// Creates the record of a domain without owned resources.
    #[cfg(not(loom))]
    pub const fn new() -> Self {
        Self { taken: AtomicU8::new(0), lost_frames: AtomicU32::new(0), epoch: AtomicU32::new(0) }
    }

    /// Creates the record of a domain without owned resources. Loom's atomics cannot be constants.
    #[cfg(loom)]
    pub fn new() -> Self {
        Self { taken: AtomicU8::new(0), lost_frames: AtomicU32::new(0), epoch: AtomicU32::new(0) }
    }

    /// Returns whether both are the record of one domain.
    #[inline(always)]
    pub fn is_same_domain(&self, other: &Self) -> bool {
        core::ptr::eq(self, other)
    }

    /// Returns the number of lost frames without RAM: Xen refused to unmap a page there.
    pub fn lost_frames(&self) -> u32 {
        self.lost_frames.load(Ordering::Relaxed)
    }

    /// Adds lost frames.
    pub(crate) fn lose_frames(&self, count: u32) {
        self.lost_frames.fetch_add(count, Ordering::Relaxed);
    }

    /// Returns the number of times that the domain was resumed as a new one. Event channels and
    /// grants of an earlier epoch have ended: their numbers can have other owners.
    pub fn epoch(&self) -> u32 {
        self.epoch.load(Ordering::Relaxed)
    }

    /// Begins an epoch: the domain was resumed as a new one, in which no earlier port is open.
    /// `GrantTable::resume` of `xen-grant` calls this function.
    ///
    /// In a domain that was resumed in place, earlier ports stay open permanently.
    pub fn begin_epoch(&self) {
        self.epoch.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns whether a [`Claim`] of the resource exists.
    pub fn is_taken(&self, what: Singleton) -> bool {
        self.taken.load(Ordering::Relaxed) & what.bit() != 0
    }
}

impl Default for Claims {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = [Singleton::SharedInfo, Singleton::GrantTable];
        f.debug_struct("Claims")
            .field("taken", &all.map(|what| self.is_taken(what).then_some(what)))
            .field("lost_frames", &self.lost_frames())
            .field("epoch", &self.epoch())
            .finish()
    }
}

/// Token of the one owner of a [`Singleton`] of a domain. The owner must keep it as long as it
/// accesses the resource: a drop permits the next owner.
pub struct Claim<P: Platform> {
    platform: P,
    what: Singleton,
}

impl<P: Platform> Claim<P> {
    /// Claims the resource.
    ///
    /// # Errors
    ///
    /// [`AlreadyTaken`] while another claim of the resource exists.
    pub fn take(platform: P, what: Singleton) -> Result<Self, AlreadyTaken> {
        // Acquire: the last access of an earlier owner precedes the move of the resource.
        if platform.claims().taken.fetch_or(what.bit(), Ordering::Acquire) & what.bit() != 0 {
            return Err(AlreadyTaken(what));
        }
        Ok(Self { platform, what })
    }

    /// Returns the resource.
    pub fn resource(&self) -> Singleton {
        self.what
    }

    /// Returns the platform.
    #[inline(always)]
    pub fn platform(&self) -> &P {
        &self.platform
    }
}

impl<P: Platform> Drop for Claim<P> {
    fn drop(&mut self) {
        self.platform.claims().taken.fetch_and(!self.what.bit(), Ordering::Release);
    }
}

impl<P: Platform> fmt::Debug for Claim<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Claim").field(&self.what).finish()
    }
}
