//! `xen_version`: version, features and build of Xen. Source: `version.h`, `features.h`.

use super::{check, command, count};
use crate::{Errno, Hypercall};
use core::fmt;
use xen_sys::version::*;
use xen_sys::xen::{HYPERVISOR_XEN_VERSION, XenDomainHandle};
use zerocopy::FromZeros;

/// Version number of Xen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct XenVersion {
    /// Major number.
    pub major: u16,
    /// Minor number.
    pub minor: u16,
}

impl fmt::Display for XenVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// Returns Xen's version.
///
/// # Errors
///
/// None are documented; `ENOSYS` means that there is no Xen.
#[doc(alias = "XENVER_version")]
pub fn version<H: Hypercall + ?Sized>(xen: &H) -> Result<XenVersion, Errno> {
    // SAFETY: the command takes no structure.
    let number = unsafe { command(xen, HYPERVISOR_XEN_VERSION, XENVER_VERSION, &mut ()) }?;
    Ok(XenVersion { major: (number >> 16) as u16, minor: number as u16 })
}

/// Returns the vendor's part of the version, for example `.6-pre` behind `4.17`, padded with zero
/// bytes.
///
/// # Errors
///
/// Xen's error.
#[doc(alias = "XENVER_extraversion")]
pub fn extra_version<H: Hypercall + ?Sized>(xen: &H) -> Result<[u8; 16], Errno> {
    let mut text = [0; 16];
    // SAFETY: the command writes 16 bytes.
    unsafe { command(xen, HYPERVISOR_XEN_VERSION, XENVER_EXTRAVERSION, &mut text) }?;
    Ok(text)
}

/// Returns the kinds of guests that this Xen supports, for example `xen-3.0-x86_64 hvm-3.0-x86_64`,
/// padded with zero bytes.
///
/// # Errors
///
/// Xen's error.
#[doc(alias = "XENVER_capabilities")]
pub fn capabilities<H: Hypercall + ?Sized>(xen: &H) -> Result<[u8; 1024], Errno> {
    let mut text = [0; 1024];
    // SAFETY: the command writes 1024 bytes.
    unsafe { command(xen, HYPERVISOR_XEN_VERSION, XENVER_CAPABILITIES, &mut text) }?;
    Ok(text)
}

/// Returns 32 feature flags; `submap` 0 has bits 0 to 31 (`XENFEAT_*`).
///
/// # Errors
///
/// `EINVAL` if Xen has no such submap.
#[doc(alias = "XENVER_get_features")]
pub fn features<H: Hypercall + ?Sized>(xen: &H, submap: u32) -> Result<u32, Errno> {
    let mut arg = XenFeatureInfo { submap_idx: submap, ..Default::default() };
    // SAFETY: the command's own structure, which contains no pointer.
    unsafe { command(xen, HYPERVISOR_XEN_VERSION, XENVER_GET_FEATURES, &mut arg) }?;
    Ok(arg.submap)
}

/// Returns compiler, author and date of Xen's build; texts padded with zero bytes.
///
/// # Errors
///
/// Xen's error. A hypervisor that hides the information writes `<denied>` or nothing.
#[doc(alias = "XENVER_compile_info")]
pub fn compile_info<H: Hypercall + ?Sized>(xen: &H) -> Result<XenCompileInfo, Errno> {
    let mut info = XenCompileInfo::new_zeroed();
    // SAFETY: the command's own structure, which contains no pointer.
    unsafe { command(xen, HYPERVISOR_XEN_VERSION, XENVER_COMPILE_INFO, &mut info) }?;
    Ok(info)
}

/// Returns the source revision of Xen, padded with zero bytes.
///
/// # Errors
///
/// Xen's error.
#[doc(alias = "XENVER_changeset")]
pub fn changeset<H: Hypercall + ?Sized>(xen: &H) -> Result<XenChangesetInfo, Errno> {
    let mut text = [0; 64];
    // SAFETY: the command writes 64 bytes.
    unsafe { command(xen, HYPERVISOR_XEN_VERSION, XENVER_CHANGESET, &mut text) }?;
    Ok(text)
}

/// Returns the start of Xen's part of a PV guest's address space; without a meaning in other
/// domains.
///
/// # Errors
///
/// Xen's error.
#[doc(alias = "XENVER_platform_parameters")]
pub fn platform_parameters<H: Hypercall + ?Sized>(xen: &H) -> Result<XenPlatformParameters, Errno> {
    let mut arg = XenPlatformParameters::default();
    // SAFETY: the command's own structure, which contains no pointer.
    unsafe { command(xen, HYPERVISOR_XEN_VERSION, XENVER_PLATFORM_PARAMETERS, &mut arg) }?;
    Ok(arg)
}

/// Returns the size of a page in bytes.
///
/// # Errors
///
/// Xen's error.
#[doc(alias = "XENVER_pagesize")]
pub fn page_size<H: Hypercall + ?Sized>(xen: &H) -> Result<usize, Errno> {
    // SAFETY: the command takes no structure.
    check(unsafe { xen.hypercall(HYPERVISOR_XEN_VERSION, [XENVER_PAGESIZE as usize, 0, 0, 0, 0]) })
}

/// Returns this domain's UUID; zero if the toolstack set none.
///
/// # Errors
///
/// Xen's error.
#[doc(alias = "XENVER_guest_handle")]
pub fn guest_handle<H: Hypercall + ?Sized>(xen: &H) -> Result<XenDomainHandle, Errno> {
    let mut handle = XenDomainHandle::default();
    // SAFETY: the command writes 16 bytes.
    unsafe { command(xen, HYPERVISOR_XEN_VERSION, XENVER_GUEST_HANDLE, &mut handle) }?;
    Ok(handle)
}

/// Returns the first part of Xen's own command line, padded with zero bytes.
///
/// # Errors
///
/// Xen's error. In a guest the text is empty or `<denied>`.
#[doc(alias = "XENVER_commandline")]
pub fn command_line<H: Hypercall + ?Sized>(xen: &H) -> Result<XenCommandline, Errno> {
    let mut text = [0; 1024];
    // SAFETY: the command writes at most 1024 bytes.
    unsafe { command(xen, HYPERVISOR_XEN_VERSION, XENVER_COMMANDLINE, &mut text) }?;
    Ok(text)
}

/// Bytes of a variable length, at most `N`.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct VarBuf<const N: usize> {
    len: u32,
    bytes: [u8; N],
}

impl<const N: usize> VarBuf<N> {
    /// Returns the bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..(self.len as usize).min(N)]
    }
}

impl<const N: usize> fmt::Display for VarBuf<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().utf8_chunks().try_for_each(|chunk| f.write_str(chunk.valid()))
    }
}

impl<const N: usize> fmt::Debug for VarBuf<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VarBuf({})", self.as_bytes().escape_ascii())
    }
}

fn varbuf<H: Hypercall + ?Sized, const N: usize>(xen: &H, number: u32) -> Result<VarBuf<N>, Errno> {
    let mut buffer = VarBuf { len: count(N), bytes: [0; N] };
    // SAFETY: the structure starts with the size of its buffer, and Xen writes at most as much.
    let len = unsafe { command(xen, HYPERVISOR_XEN_VERSION, number, &mut buffer) }?;
    buffer.len = count(len.min(N));
    Ok(buffer)
}

/// Returns the linker's build identifier of Xen, at most `N` bytes.
///
/// # Errors
///
/// `EPERM` in a guest, `ENODATA` if there is none, `ENOBUFS` if it is longer than `N`.
#[doc(alias = "XENVER_build_id")]
pub fn build_id<H: Hypercall + ?Sized, const N: usize>(xen: &H) -> Result<VarBuf<N>, Errno> {
    varbuf(xen, XENVER_BUILD_ID)
}

/// Returns the same text as [`extra_version`], of any length up to `N`.
///
/// # Errors
///
/// `ENOSYS` if Xen is older than 4.18, `ENOBUFS` if the text is longer than `N`.
#[doc(alias = "XENVER_extraversion2")]
pub fn extra_version2<H: Hypercall + ?Sized, const N: usize>(xen: &H) -> Result<VarBuf<N>, Errno> {
    varbuf(xen, XENVER_EXTRAVERSION2)
}

/// Returns the same text as [`capabilities`], of any length up to `N`.
///
/// # Errors
///
/// `ENOSYS` if Xen is older than 4.18, `ENOBUFS` if the text is longer than `N`.
#[doc(alias = "XENVER_capabilities2")]
pub fn capabilities2<H: Hypercall + ?Sized, const N: usize>(xen: &H) -> Result<VarBuf<N>, Errno> {
    varbuf(xen, XENVER_CAPABILITIES2)
}

/// Returns the same text as [`changeset`], of any length up to `N`.
///
/// # Errors
///
/// `ENOSYS` if Xen is older than 4.18, `ENOBUFS` if the text is longer than `N`.
#[doc(alias = "XENVER_changeset2")]
pub fn changeset2<H: Hypercall + ?Sized, const N: usize>(xen: &H) -> Result<VarBuf<N>, Errno> {
    varbuf(xen, XENVER_CHANGESET2)
}

/// Returns the same text as [`command_line`], of any length up to `N`.
///
/// # Errors
///
/// `EPERM` in a guest, `ENOSYS` if Xen is older than 4.18, `ENOBUFS` if the text is longer than
/// `N`.
#[doc(alias = "XENVER_commandline2")]
pub fn command_line2<H: Hypercall + ?Sized, const N: usize>(xen: &H) -> Result<VarBuf<N>, Errno> {
    varbuf(xen, XENVER_COMMANDLINE2)
}

/// Returns the part of a padded text before its first zero byte.
///
/// ```
/// assert_eq!(xen_hypercall::ops::version::unpadded(b".3-rc\0\0\0"), b".3-rc");
/// ```
pub fn unpadded(text: &[u8]) -> &[u8] {
    text.split(|&byte| byte == 0).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::recorder::{Recorder, issues};
    use std::string::ToString;

    const OP: usize = HYPERVISOR_XEN_VERSION;

    #[test]
    fn each_function_issues_its_operation() {
        issues! {
            version() => OP, [XENVER_VERSION];
            extra_version() => OP, [XENVER_EXTRAVERSION], [0u8; 16];
            compile_info() => OP, [XENVER_COMPILE_INFO], [0u8; 144];
            capabilities() => OP, [XENVER_CAPABILITIES], [0u8; 1024];
            changeset() => OP, [XENVER_CHANGESET], [0u8; 64];
            platform_parameters() => OP, [XENVER_PLATFORM_PARAMETERS], 0u64;
            features(1) => OP, [XENVER_GET_FEATURES], XenFeatureInfo { submap_idx: 1, submap: 0 };
            page_size() => OP, [XENVER_PAGESIZE, 0];
            guest_handle() => OP, [XENVER_GUEST_HANDLE], [0u8; 16];
            command_line() => OP, [XENVER_COMMANDLINE], [0u8; 1024];
        }
    }

    #[test]
    fn text_request_has_size_of_buffer() {
        type Ask = fn(&Recorder) -> Result<VarBuf<8>, Errno>;
        let ask: [(u32, Ask); 5] = [
            (XENVER_BUILD_ID, build_id),
            (XENVER_EXTRAVERSION2, extra_version2),
            (XENVER_CAPABILITIES2, capabilities2),
            (XENVER_CHANGESET2, changeset2),
            (XENVER_COMMANDLINE2, command_line2),
        ];
        for (number, ask) in ask {
            let xen = Recorder::expecting(1, 12).answering(b"\x08\0\0\0.3-rc").returning(5);
            let text = ask(&xen).unwrap();
            assert_eq!((xen.op(), xen.args()[0]), (OP, number as usize));
            assert_eq!(xen.bytes(), b"\x08\0\0\0\0\0\0\0\0\0\0\0");
            assert_eq!(text.to_string(), ".3-rc");
        }
    }

    #[test]
    fn text_length_is_limited_to_buffer() {
        let text: VarBuf<8> = build_id(&Recorder::default().returning(1000)).unwrap();
        assert_eq!(text.as_bytes().len(), 8);
    }

    #[test]
    fn version_has_two_numbers() {
        let version = version(&Recorder::default().returning(0x0004_0014)).unwrap();
        assert_eq!(version.to_string(), "4.20");
        assert!(version > XenVersion { major: 4, minor: 17 });
    }
}
