//! `xen_version`: what this Xen is and can do. Source: `version.h`, `features.h`.

use super::command;
use crate::{Errno, Hypercall};
use core::fmt;
use xen_sys::version::*;
use xen_sys::xen::HYPERVISOR_XEN_VERSION;

/// Xen's version number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct XenVersion {
    /// The number before the point.
    pub major: u16,
    /// The number after it.
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
/// None are documented; `ENOSYS` tells that there is no Xen.
#[doc(alias = "XENVER_version")]
pub fn version<H: Hypercall + ?Sized>(xen: &H) -> Result<XenVersion, Errno> {
    // SAFETY: the command takes no structure.
    let number = unsafe { command(xen, HYPERVISOR_XEN_VERSION, XENVER_VERSION, &mut ()) }?;
    Ok(XenVersion { major: (number >> 16) as u16, minor: number as u16 })
}

/// Returns the vendor's part of the version, for example `.6-pre` behind `4.17`, padded with zero bytes.
///
/// # Errors
///
/// Whatever Xen answers.
#[doc(alias = "XENVER_extraversion")]
pub fn extra_version<H: Hypercall + ?Sized>(xen: &H) -> Result<[u8; 16], Errno> {
    let mut text = [0; 16];
    // SAFETY: the command writes 16 bytes.
    unsafe { command(xen, HYPERVISOR_XEN_VERSION, XENVER_EXTRAVERSION, &mut text) }?;
    Ok(text)
}

/// Returns what kinds of guests this Xen runs, for example `xen-3.0-x86_64 hvm-3.0-x86_64`, padded with zero bytes.
///
/// # Errors
///
/// Whatever Xen answers.
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
    // SAFETY: the command's own structure, which points nowhere.
    unsafe { command(xen, HYPERVISOR_XEN_VERSION, XENVER_GET_FEATURES, &mut arg) }?;
    Ok(arg.submap)
}
