//! What Xen and the toolstack prepared for a guest: console and xenstore rings, shared info, the
//! grant table.

use crate::{
    AlreadyTaken, Claim, DomId, Errno, Gfn, Hypercall, Mapped, OutOfMemory, Place, Platform, Port,
    Singleton, ops,
};
use core::fmt;
use xen_sys::event_channel::EvtchnStat;
use xen_sys::hvm::params::{
    HVM_PARAM_CONSOLE_EVTCHN, HVM_PARAM_CONSOLE_PFN, HVM_PARAM_STORE_EVTCHN, HVM_PARAM_STORE_PFN,
};
use xen_sys::memory::{
    XENMAPIDX_GRANT_TABLE_STATUS, XENMAPSPACE_GRANT_TABLE, XENMAPSPACE_SHARED_INFO,
};

/// Asks Xen for this domain's number, which stands in xenstore too, as `domid`.
///
/// By way of a port that waits for this domain itself, for the time of the question: that works in
/// all kinds of domains, on every processor. A domain that is restored, or has migrated, has
/// another number than before.
///
/// # Errors
///
/// `ENOSPC` if all ports are in use, `EPERM` or `EACCES` if a security policy does not let the
/// domain talk to itself, `EINVAL` for an answer that makes no sense.
pub fn own_domain<H: Hypercall + ?Sized>(xen: &H) -> Result<DomId, Errno> {
    let port = ops::event_channel::alloc_unbound(xen, DomId::SELF)?;
    let status = ops::event_channel::status(xen, port);
    // A port that was opened just now can be closed.
    let _ = ops::event_channel::close(xen, port);
    let status = status?;
    let domain = DomId(status.u[0] as u16);
    let told = status.status == EvtchnStat::UNBOUND && domain.0 < DomId::FIRST_RESERVED.0;
    told.then_some(domain).ok_or(Errno::EINVAL)
}

/// A ring page that Xen or the toolstack set up, and the port that goes with it.
#[derive(Debug)]
pub struct BootRing<P: Platform> {
    /// The page.
    pub page: Mapped<P>,
    /// The port: bound to the other side, or waiting for it.
    pub port: Port,
}

/// Why a ring of the start of day could not be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BootError {
    /// Xen refused to tell parameter `HVM_PARAM_*` number `param`.
    Param {
        /// The parameter's number.
        param: u32,
        /// Xen's answer.
        errno: Errno,
    },
    /// The toolstack has set no frame or no port: there is no such ring (yet).
    Absent {
        /// The frame that was found.
        gfn: Gfn,
        /// The port that was found.
        port: u64,
    },
    /// The platform could not map the frame.
    Map(OutOfMemory),
}

impl fmt::Display for BootError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Param { param, errno } => {
                write!(f, "HVM parameter {param} could not be read: {errno}")
            }
            Self::Absent { gfn, port } => {
                write!(
                    f,
                    "not set up by the toolstack: found {gfn}, port {port}, expected both set"
                )
            }
            Self::Map(error) => write!(f, "ring page: {error}"),
        }
    }
}

impl core::error::Error for BootError {}

/// Maps the xenstore ring of this HVM or PVH domain. Take it once: it has one client.
///
/// # Errors
///
/// [`BootError`]; `Absent` where xenstored has not started yet, as in dom0.
pub fn xenstore_ring<P: Platform>(platform: P) -> Result<BootRing<P>, BootError> {
    ring(platform, HVM_PARAM_STORE_PFN, HVM_PARAM_STORE_EVTCHN)
}

/// Maps the console ring of this HVM or PVH domain. Take it once: it has one driver.
///
/// # Errors
///
/// [`BootError`]; `Absent` where there is no such console, as in dom0.
pub fn console_ring<P: Platform>(platform: P) -> Result<BootRing<P>, BootError> {
    ring(platform, HVM_PARAM_CONSOLE_PFN, HVM_PARAM_CONSOLE_EVTCHN)
}

fn ring<P: Platform>(platform: P, pfn: u32, evtchn: u32) -> Result<BootRing<P>, BootError> {
    let param = |param| {
        ops::hvm::get_param(&platform, param).map_err(|errno| BootError::Param { param, errno })
    };
    let (gfn, port) = (Gfn(param(pfn)?), param(evtchn)?);
    let absent = BootError::Absent { gfn, port };
    let port = u32::try_from(port).ok().filter(|&port| port != 0).ok_or(absent)?;
    // Both zero and all ones have stood for "none" in toolstacks.
    if gfn.0 == 0 || gfn.0 >= u64::from(u32::MAX) {
        return Err(absent);
    }
    // SAFETY: Xen says that this frame is the ring, so it is ordinary memory outside the
    // allocator's RAM; only drivers get it, through the accessor.
    let page = unsafe { Mapped::map(platform, gfn, 1) }.map_err(BootError::Map)?;
    Ok(BootRing { page, port: Port(port) })
}

/// Why a page that Xen keeps could not be put into this domain's memory map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaceError {
    /// The domain has one page of the kind, which has an owner.
    Taken(AlreadyTaken),
    /// The platform had no place for it: no page of RAM to give up, or no room among the frames
    /// without.
    Memory(OutOfMemory),
    /// Xen refused to put it there.
    Xen(Errno),
}

impl fmt::Display for PlaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken(error) => error.fmt(f),
            Self::Memory(error) => write!(f, "no room for a page of Xen's: {error}"),
            Self::Xen(errno) => {
                write!(f, "Xen refused to put a page of its own into the memory map: {errno}")
            }
        }
    }
}

impl core::error::Error for PlaceError {}

/// Puts this domain's shared info page (`SharedInfo` of `xen_sys::xen`) in the place of a page of
/// RAM.
///
/// There is one at a time: Xen moves the page when it is put somewhere else. When the value is
/// dropped, the page can be put in another place; its memory is not freed.
///
/// # Errors
///
/// [`PlaceError::Taken`] while an earlier value exists. [`PlaceError::Memory`] or
/// [`PlaceError::Xen`]; a page of RAM is lost after the latter.
#[doc(alias = "XENMAPSPACE_shared_info")]
pub fn shared_info<P: Platform>(platform: P) -> Result<Mapped<P>, PlaceError> {
    let claim = Claim::take(platform.clone(), Singleton::SharedInfo).map_err(PlaceError::Taken)?;
    let place = Place::alloc(platform).map_err(PlaceError::Memory)?;
    let placed = place.fill(Some(claim), |platform, gfn| {
        // SAFETY: the frame is a page that was allocated for this and is never freed; the claim
        // says that no earlier place of the page is accessed.
        unsafe { ops::memory::add_to_physmap(platform, XENMAPSPACE_SHARED_INFO, 0, gfn) }
    });
    placed.map_err(|(errno, _)| PlaceError::Xen(errno))
}

/// Puts shared info back where [`shared_info`] had put it, in a domain that was suspended and is
/// now resumed elsewhere: the page there until then is a copy of the old one, which Xen does not
/// use.
///
/// # Errors
///
/// `EINVAL` for a page that is not from [`shared_info`]. Xen's refusal; call it again.
#[doc(alias = "XENMAPSPACE_shared_info")]
pub fn resume_shared_info<P: Platform>(shared_info: &Mapped<P>) -> Result<(), Errno> {
    if !shared_info.is_of(Singleton::SharedInfo) {
        return Err(Errno::EINVAL);
    }
    let (platform, gfn) = (shared_info.platform(), shared_info.first_gfn());
    // SAFETY: the frame was given up for shared info, which has no other place, is reached as
    // shared memory alone, and never freed.
    unsafe { ops::memory::add_to_physmap(platform, XENMAPSPACE_SHARED_INFO, 0, gfn) }
}

/// Puts frame `index` of this domain's grant table at `place`, for good.
///
/// # Errors
///
/// Xen's refusal, and the place for another try.
///
/// # Safety
///
/// Xen moves the frame from where it was before: no other owner of the table (`GrantTable` of
/// `xen-grant`) may exist, or it must be the caller, which places each frame once. Each entry that
/// is written must give access only to memory that is reached as shared memory until the entry has
/// ended.
#[doc(alias = "XENMAPSPACE_grant_table")]
pub unsafe fn grant_frame<P: Platform>(
    place: Place<P>,
    index: u32,
) -> Result<Mapped<P>, (Errno, Place<P>)> {
    grant_space(place, index.into())
}

/// Puts frame `index` of the states of this domain's version 2 grant table at `place`, for good.
///
/// # Errors
///
/// Xen's refusal, and the place for another try.
///
/// # Safety
///
/// Those of [`grant_frame`]; no state may be written, because it says that a peer uses a page.
#[doc(alias = "XENMAPIDX_grant_table_status")]
pub unsafe fn grant_status_frame<P: Platform>(
    place: Place<P>,
    index: u32,
) -> Result<Mapped<P>, (Errno, Place<P>)> {
    grant_space(place, u64::from(index) | XENMAPIDX_GRANT_TABLE_STATUS)
}

fn grant_space<P: Platform>(place: Place<P>, index: u64) -> Result<Mapped<P>, (Errno, Place<P>)> {
    place.fill(None, |platform, gfn| {
        // SAFETY: the frame is a page that was allocated for this and is never freed; the callers'
        // callers vouch that no earlier place of the table's frame is accessed.
        unsafe { ops::memory::add_to_physmap(platform, XENMAPSPACE_GRANT_TABLE, index, gfn) }
    })
}
