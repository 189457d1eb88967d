//! Numbers in nodes.

use thiserror::Error;

/// Error of a value that is not a number of the requested type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NumberError {
    /// No digit.
    #[error("the value has no digits, expected a decimal number")]
    Empty,
    /// A byte is no decimal digit.
    #[error(
        "the value has '{}' at byte {at}, expected a decimal number", .byte.escape_ascii()
    )]
    Byte {
        /// The byte.
        byte: u8,
        /// Its position.
        at: usize,
    },
    /// The number does not fit the type.
    #[error("the number is out of range")]
    OutOfRange,
}

/// An integer type that a node's value can be read as.
pub trait Number: Copy + TryFrom<i128> + sealed::Sealed {}

mod sealed {
    pub trait Sealed {}
}

macro_rules! numbers {
    ($($int:ident)*) => {$(
        impl sealed::Sealed for $int {}
        impl Number for $int {}
    )*};
}
numbers!(u8 u16 u32 u64 usize i8 i16 i32 i64 isize);

/// Parses a decimal number: digits only, after a `-` if the type has a sign. No blanks, no `+`, no
/// `0x`, no final NUL or newline.
///
/// Every number of the device protocols is decimal, and printed so by every toolstack.
///
/// # Errors
///
/// [`NumberError`] says what is wrong, and where.
pub fn parse_number<N: Number>(value: &[u8]) -> Result<N, NumberError> {
    // A type without a sign fails to convert any negative number.
    let signed = N::try_from(-1).is_ok();
    let (digits, negative) = match value.strip_prefix(b"-") {
        Some(digits) if signed => (digits, true),
        _ => (value, false),
    };
    if digits.is_empty() {
        return Err(NumberError::Empty);
    }
    let skipped = value.len() - digits.len();
    let mut number = Some(0u64);
    for (at, &byte) in digits.iter().enumerate() {
        if !byte.is_ascii_digit() {
            return Err(NumberError::Byte { byte, at: at + skipped });
        }
        let digit = u64::from(byte - b'0');
        number = number.and_then(|number| number.checked_mul(10)?.checked_add(digit));
    }
    // No type has a value whose distance from zero needs more than 64 bits.
    let number = i128::from(number.ok_or(NumberError::OutOfRange)?);
    let number = if negative { -number } else { number };
    N::try_from(number).map_err(|_| NumberError::OutOfRange)
}

/// Parses the reply to a transaction's start: its number, with a NUL or without.
///
/// # Errors
///
/// [`ErrorKind::Number`](crate::ErrorKind::Number), and
/// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) for number 0, which stands for no
/// transaction: an operation in it would take effect at once.
pub fn parse_transaction(body: &[u8]) -> Result<u32, crate::ErrorKind> {
    match parse_number(body.strip_suffix(b"\0").unwrap_or(body))? {
        0 => Err(crate::ErrorKind::Malformed),
        id => Ok(id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::string::ToString;

    /// D-X14.
    #[test]
    fn only_decimal_numbers_are_parsed() {
        let byte = |byte, at| Err(NumberError::Byte { byte, at });
        assert_eq!(parse_number::<u32>(b""), Err(NumberError::Empty));
        assert_eq!(parse_number::<u32>(b"-1"), byte(b'-', 0));
        assert_eq!(parse_number::<i32>(b"-1"), Ok(-1));
        assert_eq!(parse_number::<i32>(b"-"), Err(NumberError::Empty));
        assert_eq!(parse_number::<i32>(b"--1").ok(), None);
        assert_eq!(parse_number::<u32>(b"+1"), byte(b'+', 0));
        assert_eq!(parse_number::<u32>(b"4294967295"), Ok(u32::MAX));
        assert_eq!(parse_number::<u32>(b"4294967296"), Err(NumberError::OutOfRange));
        assert_eq!(parse_number::<u64>(b"18446744073709551616"), Err(NumberError::OutOfRange));
        assert_eq!(parse_number::<u32>(b"0x10"), byte(b'x', 1));
        assert_eq!(parse_number::<u32>(b" 7"), byte(b' ', 0));
        assert_eq!(parse_number::<u32>(b"7\n"), byte(b'\n', 1));
        assert_eq!(parse_number::<u32>(b"7\0"), byte(0, 1));
        assert_eq!(parse_number::<u64>(&[b'9'; 4096]), Err(NumberError::OutOfRange));
        assert_eq!(parse_number::<u64>(&[b'0'; 4096]), Ok(0));
        let mut late = [b'9'; 4096];
        late[0] = b'-';
        assert_eq!(parse_number::<i64>(&late), Err(NumberError::OutOfRange));
        late[4095] = b'a';
        assert_eq!(parse_number::<i64>(&late), Err(NumberError::Byte { byte: b'a', at: 4095 }));
    }

    proptest! {
        #[test]
        fn numbers_round_trip(a: u64, b: i64, c: u8) {
            prop_assert_eq!(parse_number::<u64>(a.to_string().as_bytes()), Ok(a));
            prop_assert_eq!(parse_number::<i64>(b.to_string().as_bytes()), Ok(b));
            prop_assert_eq!(parse_number::<u8>(c.to_string().as_bytes()), Ok(c));
        }

        #[test]
        fn any_bytes_parse_or_fail(value in proptest::collection::vec(any::<u8>(), 0..60)) {
            let strict = core::str::from_utf8(&value).ok().filter(|text| !text.starts_with('+'));
            let expected = strict.and_then(|text| text.parse().ok());
            prop_assert_eq!(parse_number::<i64>(&value).ok(), expected);
        }
    }
}
