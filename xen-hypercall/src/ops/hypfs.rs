//! `hypfs_op`: Xen's tree of parameters and properties; for dom0. Source: `hypfs.h`.
//!
//! All functions return `EPERM` in a guest, `ENOSYS` if Xen was built without it. A path starts
//! with a slash.

use super::check;
use crate::{Errno, Hypercall};
use xen_sys::hypfs::*;
use xen_sys::xen::HYPERVISOR_HYPFS_OP;
use zerocopy::FromBytes;

fn op<H: Hypercall + ?Sized>(
    xen: &H,
    number: u32,
    path: &str,
    data: usize,
    len: usize,
) -> Result<usize, Errno> {
    let mut text = [0; XEN_HYPFS_MAX_PATHLEN as usize];
    // There must be one zero byte behind the path.
    let room =
        text.get_mut(..path.len()).filter(|room| room.len() < XEN_HYPFS_MAX_PATHLEN as usize);
    room.ok_or(Errno::ENAMETOOLONG)?.copy_from_slice(path.as_bytes());
    let call = [number as usize, text.as_ptr().expose_provenance(), path.len() + 1, data, len];
    // SAFETY: private; the path is only read, and each caller below passes a buffer of that length
    // that fits the command.
    // that fits the command.
    check(unsafe { xen.hypercall(HYPERVISOR_HYPFS_OP, call) })
}

/// Returns the version of the interface.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "XEN_HYPFS_OP_get_version")]
pub fn version<H: Hypercall + ?Sized>(xen: &H) -> Result<usize, Errno> {
    // SAFETY: the command takes no structure.
    check(unsafe {
        xen.hypercall(HYPERVISOR_HYPFS_OP, [XEN_HYPFS_OP_GET_VERSION as usize, 0, 0, 0, 0])
    })
}

/// Node and its content: the entries of a directory ([`XenHypfsDirlistentry`], each with its name),
/// or a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node<'a> {
    /// Kind and attributes of the node.
    pub entry: XenHypfsDirentry,
    /// Content; `None` if it did not fit, see [`XenHypfsDirentry::content_len`].
    pub content: Option<&'a [u8]>,
}

/// Reads the node at `path` into `buffer`.
///
/// # Errors
///
/// See the [module](self); `ENOENT` if there is no such node, `ENAMETOOLONG`, `ENOBUFS` for a
/// buffer of less than 12 bytes.
#[doc(alias = "XEN_HYPFS_OP_read")]
pub fn read<'a, H: Hypercall + ?Sized>(
    xen: &H,
    path: &str,
    buffer: &'a mut [u8],
) -> Result<Node<'a>, Errno> {
    let (data, len) = (buffer.as_mut_ptr().expose_provenance(), buffer.len());
    let fits = match op(xen, XEN_HYPFS_OP_READ, path, data, len) {
        Ok(_) => true,
        // Xen still writes the entry, if there was room for it.
        Err(Errno::ENOBUFS) => false,
        Err(errno) => return Err(errno),
    };
    let (entry, content) =
        XenHypfsDirentry::read_from_prefix(buffer).map_err(|_| Errno::ENOBUFS)?;
    Ok(Node { entry, content: content.get(..entry.content_len as usize).filter(|_| fits) })
}

/// Writes the value of the node at `path`.
///
/// # Errors
///
/// See the [module](self); `ENOENT` if there is no such node, `EACCES` for a read-only one, `EDOM`
/// or `EINVAL` for a wrong value.
#[doc(alias = "XEN_HYPFS_OP_write_contents")]
pub fn write<H: Hypercall + ?Sized>(xen: &H, path: &str, value: &[u8]) -> Result<(), Errno> {
    op(xen, XEN_HYPFS_OP_WRITE_CONTENTS, path, value.as_ptr().expose_provenance(), value.len())
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::recorder::{Recorder, issues};
    use zerocopy::IntoBytes;

    const OP: usize = HYPERVISOR_HYPFS_OP;

    #[test]
    fn each_function_issues_its_operation() {
        let buffer = &mut [0; 64];
        issues! {
            version() => OP, [XEN_HYPFS_OP_GET_VERSION, 0, 0, 0, 0];
            read("/params", buffer) => OP, [XEN_HYPFS_OP_READ], *b"/params\0";
            write("/params/x", b"on") => OP, [XEN_HYPFS_OP_WRITE_CONTENTS], *b"/params/x\0";
        }
        let xen = Recorder::default();
        write(&xen, "/x", b"on").unwrap();
        assert_eq!((xen.args()[2], xen.args()[4]), (3, 2));
    }

    #[test]
    fn node_is_read_up_to_buffer() {
        let entry = XenHypfsDirentry { type_: 2, content_len: 5, ..Default::default() };
        let mut answer = [0; 17];
        answer[..12].copy_from_slice(entry.as_bytes());
        answer[12..].copy_from_slice(b"hello");
        let xen = Recorder::expecting(3, 17).answering(&answer);
        let (short, long) = (&mut [0; 17], &mut [0; 17]);
        assert_eq!(read(&xen, "/x", long), Ok(Node { entry, content: Some(b"hello") }));
        let xen = Recorder::expecting(3, 17).answering(&answer).returning(-105);
        assert_eq!(read(&xen, "/x", short), Ok(Node { entry, content: None }));
    }

    #[test]
    fn long_path_is_refused() {
        let xen = Recorder::default();
        let path = "/".repeat(XEN_HYPFS_MAX_PATHLEN as usize);
        assert_eq!(write(&xen, &path, b""), Err(Errno::ENAMETOOLONG));
        assert_eq!(write(&xen, &path[1..], b""), Ok(()));
        assert_eq!(xen.calls(), 1);
    }
}
