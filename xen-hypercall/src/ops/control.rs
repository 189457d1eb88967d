//! Common part of [`super::domctl`], [`super::sysctl`] and similar modules: an interface version in
//! every call.
//!
//! Xen refuses every version but its own with `EACCES`, and does not return its own. The version
//! grows by about one with each release, so it can be found by attempts.

use crate::Errno;
use thiserror::Error;

/// Error of an operation of the toolstack's interfaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ControlError {
    /// Xen's interface has another version than these bindings. Nothing was done.
    #[error("found another interface version of Xen, expected {ours:#x}, that of the bindings")]
    Version {
        /// Version of the bindings.
        ours: u32,
    },
    /// Xen refused the operation.
    #[error("refused: {0}")]
    Call(Errno),
}

impl ControlError {
    /// Returns the error for Xen's result of a call with version `ours`.
    pub(super) fn of(errno: Errno, ours: u32) -> Self {
        if errno == Errno::EACCES { Self::Version { ours } } else { Self::Call(errno) }
    }
}

/// Returns the version that Xen accepts, among those near `ours`, the likely ones first. `call`
/// issues a call with one version.
pub(super) fn find_version(ours: u32, call: impl Fn(u32) -> Result<usize, Errno>) -> Option<u32> {
    let near =
        (0..16).flat_map(|distance| [ours.checked_sub(distance), ours.checked_add(distance)]);
    near.flatten().find(|&version| call(version) != Err(Errno::EACCES))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_is_found_above_and_below() {
        for theirs in [0x15, 0x17, 0x18, 0x20] {
            let call = |v| if v == theirs { Err(Errno::EPERM) } else { Err(Errno::EACCES) };
            assert_eq!(find_version(0x17, call), Some(theirs));
        }
        assert_eq!(find_version(0x17, |_| Err(Errno::EACCES)), None);
        assert_eq!(find_version(0, |v| if v == 3 { Ok(0) } else { Err(Errno::EACCES) }), Some(3));
    }

    #[test]
    fn eacces_means_other_version() {
        assert_eq!(ControlError::of(Errno::EACCES, 3), ControlError::Version { ours: 3 });
        assert_eq!(ControlError::of(Errno::EPERM, 3), ControlError::Call(Errno::EPERM));
    }
}
