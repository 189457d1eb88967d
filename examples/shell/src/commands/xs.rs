//! `xs ...`: xenstore, printed as dom0's `xenstore-list`, `-ls`, `-read` and `-watch` print it.

use crate::error::Error;
use alloc::string::String;
use alloc::vec::Vec;
use alloc::{format, vec};
use core::fmt::{self, Write};
use core::time::Duration;
use xen_hypercall::Platform;
use xen_store::{XenStore, XsOps};
use xen_sys::io::xs_wire::XENSTORE_PAYLOAD_MAX;

pub(crate) fn ls<P: Platform>(
    store: &XenStore<P>,
    path: &str,
    out: &mut dyn Write,
) -> Result<(), Error> {
    for name in children(store, path)? {
        writeln!(out, "{name}")?;
    }
    Ok(())
}

/// Lists all below `path`, each node a space further in than the one above it.
pub(crate) fn tree<P: Platform>(
    store: &XenStore<P>,
    path: &str,
    out: &mut dyn Write,
) -> Result<(), Error> {
    // Directories to list, the next one last: a guest's own stack is too small for a deep tree.
    let mut todo: Vec<(usize, String, String)> = Vec::new();
    let below = |todo: &mut Vec<_>, depth, path: &str, names: Vec<String>| {
        let slash = if path.ends_with('/') { "" } else { "/" };
        todo.extend(
            names.into_iter().rev().map(|name| (depth, format!("{path}{slash}{name}"), name)),
        );
    };
    below(&mut todo, 0, path, children(store, path)?);
    let mut value = vec![0; XENSTORE_PAYLOAD_MAX];
    while let Some((depth, path, name)) = todo.pop() {
        match store.read(&path, &mut value) {
            Ok(len) => writeln!(out, "{:depth$}{name} = \"{}\"", "", Text(&value[..len]))?,
            // It has gone since its parent was listed.
            Err(error) if error.is_not_found() => continue,
            Err(error) => writeln!(out, "{:depth$}{name}: {}", "", error.kind)?,
        }
        if let Ok(names) = children(store, &path) {
            below(&mut todo, depth + 1, &path, names);
        }
    }
    Ok(())
}

pub(crate) fn read<P: Platform>(
    store: &XenStore<P>,
    path: &str,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let mut value = vec![0; XENSTORE_PAYLOAD_MAX];
    let len = store.read(path, &mut value)?;
    writeln!(out, "{}", Text(&value[..len]))?;
    Ok(())
}

pub(crate) fn write<P: Platform>(
    store: &XenStore<P>,
    path: &str,
    value: &str,
) -> Result<(), Error> {
    Ok(store.write(path, value)?)
}

pub(crate) fn rm<P: Platform>(store: &XenStore<P>, path: &str) -> Result<(), Error> {
    Ok(store.remove(path)?)
}

/// Prints each path that changes. Xenstore reports one change at once, which shows that the watch
/// is set.
pub(crate) fn watch<P: Platform>(
    store: &XenStore<P>,
    path: &str,
    time: Duration,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let deadline = store.platform().now() + time;
    let watch = store.watch(path)?;
    while let Some(event) = watch.wait_next(deadline)? {
        writeln!(out, "{}", event.path())?;
    }
    Ok(())
}

/// Returns the names of a node's children, as the server orders them.
pub(crate) fn children<P: Platform>(store: &XenStore<P>, path: &str) -> Result<Vec<String>, Error> {
    let mut names = Vec::new();
    store.directory(path, |name| names.push(name.into()))?;
    Ok(names)
}

/// A value as text on one line, the way that dom0's tools write it.
struct Text<'a>(&'a [u8]);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|&byte| match byte {
            b'\n' => f.write_str("\\n"),
            b'\r' => f.write_str("\\r"),
            b'\t' => f.write_str("\\t"),
            b'\\' => f.write_str("\\\\"),
            b' '..=b'~' => f.write_char(char::from(byte)),
            _ => write!(f, "\\{byte:03o}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn values_stay_on_their_line() {
        assert_eq!(Text(b"hello \"world\"").to_string(), "hello \"world\"");
        assert_eq!(Text(b"a\nb\tc\\\0\xff").to_string(), "a\\nb\\tc\\\\\\000\\377");
    }
}
