//! Which paths may be sent.

use thiserror::Error;
use xen_sys::io::xs_wire::{XENSTORE_ABS_PATH_MAX, XENSTORE_REL_PATH_MAX};

/// Error of a text that is not a xenstore path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PathError {
    /// Empty text.
    #[error("the path is empty")]
    Empty,
    /// Too many bytes.
    #[error("the path has {len} bytes, expected at most {limit}")]
    TooLong {
        /// Number of bytes found.
        len: usize,
        /// Limit: 3072 if the path is absolute, 2048 if it is relative.
        limit: usize,
    },
    /// A byte is not a letter, digit, `-`, `/`, `_` or `@`.
    #[error(
        "the path has '{}' at byte {at}, expected letters, digits and -/_@", .byte.escape_ascii()
    )]
    Byte {
        /// The byte.
        byte: u8,
        /// Its position.
        at: usize,
    },
    /// A name between two slashes is empty.
    #[error("the path has an empty name before byte {at}")]
    EmptyName {
        /// The position of the second slash.
        at: usize,
    },
    /// The path ends in a slash.
    #[error("the path ends in a slash")]
    TrailingSlash,
}

/// Checks that `path` may be sent, before the server would refuse it, or do something else than was
/// meant.
///
/// Source: `docs/misc/xenstore.txt`, "permitted characters"; `XENSTORE_ABS_PATH_MAX` in
/// `io/xs_wire.h`.
///
/// # Errors
///
/// [`PathError`] says what is wrong, and where.
pub fn check_path(path: &[u8]) -> Result<(), PathError> {
    let limit =
        if path.first() == Some(&b'/') { XENSTORE_ABS_PATH_MAX } else { XENSTORE_REL_PATH_MAX };
    if path.is_empty() {
        return Err(PathError::Empty);
    }
    if path.len() > limit {
        return Err(PathError::TooLong { len: path.len(), limit });
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-/_@".contains(&byte);
    // Without an early exit the compiler checks many bytes at once.
    let is_allowed = path.iter().fold(true, |all, &byte| all & allowed(byte));
    let mut bytes = path.iter().enumerate();
    if !is_allowed && let Some((at, &byte)) = bytes.find(|&(_, &byte)| !allowed(byte)) {
        return Err(PathError::Byte { byte, at });
    }
    if let Some(at) = path.windows(2).position(|pair| pair == b"//") {
        return Err(PathError::EmptyName { at: at + 1 });
    }
    if path.len() > 1 && path.last() == Some(&b'/') {
        return Err(PathError::TrailingSlash);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paths_that_guests_use_pass() {
        for path in [
            "/",
            "domid",
            "device/vbd/51712/state",
            "/local/domain/0/backend/vbd/5/51712",
            "@introduceDomain",
        ] {
            assert_eq!(check_path(path.as_bytes()), Ok(()), "{path}");
        }
    }

    /// D-X10.
    #[test]
    fn invalid_paths_are_refused() {
        assert_eq!(check_path(b""), Err(PathError::Empty));
        assert_eq!(check_path(b"a\0b"), Err(PathError::Byte { byte: 0, at: 1 }));
        assert_eq!(check_path(b"a b"), Err(PathError::Byte { byte: b' ', at: 1 }));
        assert_eq!(check_path("ä".as_bytes()), Err(PathError::Byte { byte: 0xc3, at: 0 }));
        assert_eq!(check_path(b"/a//b"), Err(PathError::EmptyName { at: 3 }));
        assert_eq!(check_path(b"/local/domain/"), Err(PathError::TrailingSlash));
        assert_eq!(check_path(b"//"), Err(PathError::EmptyName { at: 1 }));
    }

    /// D-X10.
    #[test]
    fn path_length_is_limited() {
        let long = [b'a'; 4000];
        assert_eq!(check_path(&long[..2048]), Ok(()));
        assert_eq!(check_path(&long[..2049]), Err(PathError::TooLong { len: 2049, limit: 2048 }));
        let mut absolute = long;
        absolute[0] = b'/';
        assert_eq!(check_path(&absolute[..3072]), Ok(()));
        assert_eq!(
            check_path(&absolute[..3073]),
            Err(PathError::TooLong { len: 3073, limit: 3072 })
        );
    }

    proptest! {
        #[test]
        fn valid_path_has_no_nul(path in proptest::collection::vec(any::<u8>(), 0..40)) {
            if check_path(&path).is_ok() && path != b"/" {
                let names = path.strip_prefix(b"/").unwrap_or(&path).split(|&b| b == b'/');
                prop_assert!(names.into_iter().all(|name| !name.is_empty() && !name.contains(&0)));
            }
        }
    }
}
