//! From bytes to what a target does.

use arbitrary::{Arbitrary, Unstructured};
use std::fmt::Debug;

/// Splits an input into two streams: what the driver is asked to do, and what its peer does
/// meanwhile.
///
/// The first byte says where, in 256ths of the rest, so that a change of one stream does not turn
/// the other into something else.
pub(crate) fn streams(data: &[u8]) -> (&[u8], &[u8]) {
    let Some((&at, rest)) = data.split_first() else { return (&[], &[]) };
    rest.split_at(rest.len() * usize::from(at) / 256)
}

/// Reads values until the bytes end, `limit` at most. With `XEN_FUZZ_SHOW` in the environment,
/// prints them: what a finding consists of.
pub(crate) fn values<'a, T: Arbitrary<'a> + Debug>(bytes: &'a [u8], limit: usize) -> Vec<T> {
    let mut bytes = Unstructured::new(bytes);
    let mut values = Vec::new();
    while values.len() < limit && !bytes.is_empty() {
        values.extend(bytes.arbitrary());
    }
    if std::env::var_os("XEN_FUZZ_SHOW").is_some() {
        values.iter().for_each(|value| eprintln!("{value:?}"));
    }
    values
}

/// Takes a fixed number of bytes from the start; zeroes behind the end.
pub(crate) fn head<const N: usize>(bytes: &mut &[u8]) -> [u8; N] {
    let (found, rest) = bytes.split_at(N.min(bytes.len()));
    *bytes = rest;
    let mut head = [0; N];
    head[..found.len()].copy_from_slice(found);
    head
}
