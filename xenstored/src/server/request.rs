//! Payloads of requests.

use super::Result;
use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use xen_hypercall::DomId;
use xen_store::wire::{ServerError, check_path, parse_number};

/// Splits a payload into texts that each end with a NUL. What follows the last NUL is left out.
pub(super) fn texts(body: &[u8]) -> Vec<&[u8]> {
    let mut parts: Vec<&[u8]> = body.split(|&byte| byte == 0).collect();
    parts.pop();
    parts
}

/// Returns the one text that the payload consists of.
pub(super) fn one_text(body: &[u8]) -> Result<&[u8]> {
    match body.split_last() {
        Some((0, text)) if !text.contains(&0) => Ok(text),
        _ => Err(ServerError::Invalid),
    }
}

pub(super) fn number(text: &[u8]) -> Result<u32> {
    parse_number(text).map_err(|_| ServerError::Invalid)
}

pub(super) fn domain(text: &[u8]) -> Result<DomId> {
    let id = u16::try_from(number(text)?).map_err(|_| ServerError::Invalid)?;
    if id < DomId::FIRST_RESERVED.0 { Ok(DomId(id)) } else { Err(ServerError::Invalid) }
}

/// Makes a path absolute; relative ones start at the domain's own.
pub(super) fn absolute(text: &[u8], domain: DomId) -> Result<String> {
    let text = core::str::from_utf8(text).map_err(|_| ServerError::Invalid)?;
    // A special name has the form of a relative path, but is none.
    if text.starts_with('@') {
        return Err(ServerError::Invalid);
    }
    check_path(text.as_bytes()).map_err(|_| ServerError::Invalid)?;
    Ok(if text.starts_with('/') {
        text.to_owned()
    } else {
        format!("/local/domain/{domain}/{text}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_end_with_a_nul() {
        assert_eq!(texts(b"a\0b\0"), [b"a", b"b"]);
        assert_eq!(texts(b"a\0b"), [b"a"]);
        assert_eq!(texts(b""), [b""; 0]);
        assert_eq!(one_text(b"a\0"), Ok(&b"a"[..]));
        for body in [&b""[..], b"a", b"a\0b\0"] {
            assert!(one_text(body).is_err());
        }
    }

    #[test]
    fn paths_are_checked_and_made_absolute() {
        assert_eq!(absolute(b"device/vbd", DomId(7)).unwrap(), "/local/domain/7/device/vbd");
        assert_eq!(absolute(b"/", DomId(7)).unwrap(), "/");
        for path in [&b""[..], b"/a/", b"a//b", b"a b", b"@releaseDomain", b"\xff"] {
            assert_eq!(absolute(path, DomId(7)), Err(ServerError::Invalid), "{path:?}");
        }
    }
}
