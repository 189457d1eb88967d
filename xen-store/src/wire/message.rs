//! Headers, and payloads put together from parts.

use super::{XENSTORE_PAYLOAD_MAX, XsdSockmsg};
use core::fmt::{self, Write};
use thiserror::Error;

/// The bytes of a header.
pub const HEADER_LEN: usize = size_of::<XsdSockmsg>();

/// A header announces more payload than a message can have; after it, nothing in the stream can be
/// trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("found a message of {len} bytes, expected at most {XENSTORE_PAYLOAD_MAX}")]
pub struct OversizedBody {
    /// The length that was found.
    pub len: u32,
}

/// Returns a header's bytes.
pub fn encode(header: &XsdSockmsg) -> [u8; HEADER_LEN] {
    zerocopy::transmute!(*header)
}

/// Reads a header and checks its length.
///
/// # Errors
///
/// [`OversizedBody`] if more than 4096 bytes are to follow.
pub fn decode(bytes: &[u8; HEADER_LEN]) -> Result<XsdSockmsg, OversizedBody> {
    let header: XsdSockmsg = zerocopy::transmute!(*bytes);
    if header.len as usize > XENSTORE_PAYLOAD_MAX {
        Err(OversizedBody { len: header.len })
    } else {
        Ok(header)
    }
}

/// A piece of a request's payload.
#[derive(Clone, Copy, Debug)]
pub enum Part<'a> {
    /// These bytes.
    Bytes(&'a [u8]),
    /// The text that the arguments display.
    Text(fmt::Arguments<'a>),
    /// A path: what this displays, checked, and a NUL.
    Path(fmt::Arguments<'a>),
    /// One NUL.
    Nul,
}

/// Writes parts one after the other into the buffer of the message; returns the number of bytes.
///
/// # Errors
///
/// [`ErrorKind::Path`](crate::ErrorKind::Path) for what is no path,
/// [`ErrorKind::TooLong`](crate::ErrorKind::TooLong) if the parts do not fit `payload`,
/// [`ErrorKind::Format`](crate::ErrorKind::Format) if a part's `Display` fails.
pub fn build(payload: &mut [u8], parts: &[Part<'_>]) -> Result<usize, crate::ErrorKind> {
    let limit = payload.len();
    let mut out = Cursor { payload, len: 0, full: false };
    for part in parts {
        let start = out.len;
        match part {
            Part::Bytes(bytes) => out.push(bytes),
            Part::Text(text) => out.write_fmt(*text),
            Part::Path(path) => match out.write_fmt(*path) {
                Ok(()) => {
                    super::check_path(out.payload.get(start..out.len).unwrap_or_default())?;
                    out.push(b"\0")
                }
                // As much as fits is longer than any path may be, unless it is the other parts that
                // fill the payload.
                Err(error) => {
                    if !out.full {
                        return Err(crate::ErrorKind::Format);
                    }
                    super::check_path(out.payload.get(start..).unwrap_or_default())?;
                    Err(error)
                }
            },
            Part::Nul => out.push(b"\0"),
        }
        .map_err(|_| {
            if out.full { crate::ErrorKind::TooLong { limit } } else { crate::ErrorKind::Format }
        })?;
    }
    Ok(out.len)
}

/// Writes the payload of a request to set a watch, or with no depth to end it; returns how many
/// bytes it has.
///
/// # Errors
///
/// Those of [`build`].
pub fn build_watch(
    payload: &mut [u8],
    path: &dyn fmt::Display,
    token: u32,
    depth: Option<u64>,
) -> Result<usize, crate::ErrorKind> {
    let path = Part::Path(format_args!("{path}"));
    match depth {
        None => build(payload, &[path, Part::Text(format_args!("{token}\0"))]),
        Some(depth) => build(payload, &[path, Part::Text(format_args!("{token}\0{depth}\0"))]),
    }
}

struct Cursor<'a> {
    payload: &'a mut [u8],
    len: usize,
    full: bool,
}

impl Cursor<'_> {
    fn push(&mut self, bytes: &[u8]) -> fmt::Result {
        let free = self.payload.get_mut(self.len..).unwrap_or_default();
        let fit = bytes.len().min(free.len());
        if let (Some(free), Some(bytes)) = (free.get_mut(..fit), bytes.get(..fit)) {
            free.copy_from_slice(bytes);
        }
        self.len += fit;
        if fit == bytes.len() {
            return Ok(());
        }
        self.full = true;
        Err(fmt::Error)
    }
}

impl Write for Cursor<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::super::MessageType;
    use super::*;
    use crate::ErrorKind;
    use crate::wire::PathError;
    use proptest::prelude::*;
    use std::{string::String, vec};

    #[test]
    fn parts_are_put_behind_one_another() {
        let mut payload = [0; 64];
        let parts = [
            Part::Path(format_args!("{}/{}", "device", 7)),
            Part::Text(format_args!("{}", 42)),
            Part::Nul,
        ];
        assert_eq!(build(&mut payload, &parts), Ok(12));
        assert_eq!(&payload[..12], b"device/7\x0042\0");
    }

    /// D-X10.
    #[test]
    fn oversized_payload_is_refused() {
        let mut payload = [0; 4096];
        let path = String::from("a").repeat(5000);
        assert_eq!(
            build(&mut payload, &[Part::Path(format_args!("{path}"))]),
            Err(ErrorKind::Path(PathError::TooLong { len: 4096, limit: 2048 }))
        );
        let value = vec![0; 4096];
        let parts = [Part::Path(format_args!("a")), Part::Bytes(&value)];
        assert_eq!(build(&mut payload, &parts), Err(ErrorKind::TooLong { limit: 4096 }));
        assert_eq!(
            build(&mut payload, &[Part::Path(format_args!("a")), Part::Bytes(&value[2..])]),
            Ok(4096)
        );
    }

    /// A `Display` that fails after what is no path.
    struct Fails;

    impl fmt::Display for Fails {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("//")?;
            Err(fmt::Error)
        }
    }

    #[test]
    fn failed_display_is_a_format_error() {
        let mut payload = [0; 64];
        for part in [Part::Path(format_args!("{Fails}")), Part::Text(format_args!("{Fails}"))] {
            assert_eq!(build(&mut payload, &[part]), Err(ErrorKind::Format));
        }
        let parts = [Part::Path(format_args!("/a b{Fails}"))];
        // The error names the bytes that filled the payload: no path either.
        assert_eq!(
            build(&mut payload[..5], &parts),
            Err(ErrorKind::Path(PathError::Byte { byte: b' ', at: 2 }))
        );
    }

    /// D-X02.
    #[test]
    fn oversized_length_is_refused() {
        for len in [4097, 0x8000_0000, u32::MAX] {
            let bytes = encode(&XsdSockmsg { len, ..Default::default() });
            assert_eq!(decode(&bytes), Err(OversizedBody { len }));
        }
    }

    proptest! {
        #[test]
        fn headers_round_trip(kind: u32, req_id: u32, tx_id: u32, len in 0u32..=4096) {
            let header = XsdSockmsg { type_: MessageType(kind), req_id, tx_id, len };
            prop_assert_eq!(decode(&encode(&header)), Ok(header));
        }
    }
}
