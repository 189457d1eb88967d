//! Resources that Xen and the toolstack prepare for a guest: console and xenstore rings, shared
//! info, the grant table.

use crate::{
    AlreadyTaken, Claim, DomId, Errno, Gfn, Hypercall, Mapped, OutOfMemory, Place, Platform, Port,
    Singleton, ops,
};
use thiserror::Error;
use xen_sys::event_channel::EvtchnStat;
use xen_sys::hvm::params::{
    HVM_PARAM_CONSOLE_EVTCHN, HVM_PARAM_CONSOLE_PFN, HVM_PARAM_STORE_EVTCHN, HVM_PARAM_STORE_PFN,
};
use xen_sys::memory::{
    XENMAPIDX_GRANT_TABLE_STATUS, XENMAPSPACE_GRANT_TABLE, XENMAPSPACE_SHARED_INFO,
};

/// Returns the number of this domain, which is also `domid` in xenstore.
///
/// Opens a port for this domain itself, whose status has the number: this works in all kinds of
/// domains, on every processor. A domain has another number after a restore or a migration.
///
/// # Errors
///
/// `ENOSPC` if all ports are in use, `EPERM` or `EACCES` if a security policy forbids a port for
/// the domain itself, `EINVAL` for an invalid status.
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

/// Ring page that Xen or the toolstack set up, and its port.
#[derive(Debug)]
pub struct BootRing<P: Platform> {
    /// The page.
    pub page: Mapped<P>,
    /// Port, connected to the other end or waiting for it.
    pub port: Port,
}

/// Error of a ring at boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BootError {
    /// Xen refused to read parameter `HVM_PARAM_*` number `param`.
    #[error("HVM parameter {param} cannot be read: {errno}")]
    Param {
        /// Number of the parameter.
        param: u32,
        /// Error of Xen.
        errno: Errno,
    },
    /// The toolstack has set no frame or no port: the ring does not exist (yet).
    #[error("not set up by the toolstack: found {gfn}, port {port}, expected both set")]
    Absent {
        /// Frame that was found.
        gfn: Gfn,
        /// Port that was found.
        port: u64,
    },
    /// The platform could not map the frame.
    #[error("ring page: {0}")]
    Map(OutOfMemory),
}

impl BootError {
    /// Returns whether the ring comes later: Xen, which started the domain itself, has opened its
    /// port, and the toolstack sets the frame when it runs.
    pub fn is_late(&self) -> bool {
        matches!(self, Self::Absent { gfn, port } if gfn.0 == u64::MAX && *port != 0)
    }
}

/// Maps the xenstore ring of this HVM or PVH domain. It must be called once: the ring has one
/// client.
///
/// # Errors
///
/// [`BootError`]; `Absent` before xenstored has started, as in dom0.
pub fn xenstore_ring<P: Platform>(platform: P) -> Result<BootRing<P>, BootError> {
    ring(platform, HVM_PARAM_STORE_PFN, HVM_PARAM_STORE_EVTCHN)
}

/// Maps the console ring of this HVM or PVH domain. It must be called once: the ring has one
/// driver.
///
/// # Errors
///
/// [`BootError`]; `Absent` if there is no such console, as in dom0.
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
    // Toolstacks have used both zero and all ones for "none".
    if gfn.0 == 0 || gfn.0 >= u64::from(u32::MAX) {
        return Err(absent);
    }
    // SAFETY: Xen states that this frame is the ring, so it is ordinary memory outside the
    // allocator's RAM. Only drivers access it, through the accessor.
    let page = unsafe { Mapped::map(platform, gfn, 1) }.map_err(BootError::Map)?;
    Ok(BootRing { page, port: Port(port) })
}

/// Error of a page of Xen's that is placed in this domain's memory map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PlaceError {
    /// The domain has one page of this kind, which has an owner.
    #[error("{0}")]
    Taken(AlreadyTaken),
    /// The platform has no page of RAM to replace, or no room among the frames without RAM.
    #[error("no room for a page of Xen: {0}")]
    Memory(OutOfMemory),
    /// Xen refused the placement.
    #[error("Xen refused to place its page in the memory map: {0}")]
    Xen(Errno),
}

/// Maps this domain's shared info page (`SharedInfo` of `xen_sys::xen`) in place of a page of RAM.
///
/// One value exists at a time: Xen moves the page when it is placed again. After the value is
/// dropped, the page can be placed again; its memory is not freed.
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
        // SAFETY: the frame is a page that was allocated for this and is never freed. The claim
        // ensures that the page is not accessed at an earlier place.
        unsafe { ops::memory::add_to_physmap(platform, XENMAPSPACE_SHARED_INFO, 0, gfn) }
    });
    placed.map_err(|(errno, _)| PlaceError::Xen(errno))
}

/// Maps shared info again at the place of [`shared_info`], in a domain that was suspended and
/// resumed elsewhere. Until then, the page there is a copy of the old one, which Xen does not use.
///
/// # Errors
///
/// `EINVAL` for a page that is not from [`shared_info`]. Xen's error; the call can be repeated.
#[doc(alias = "XENMAPSPACE_shared_info")]
pub fn resume_shared_info<P: Platform>(shared_info: &Mapped<P>) -> Result<(), Errno> {
    if !shared_info.is_of(Singleton::SharedInfo) {
        return Err(Errno::EINVAL);
    }
    let (platform, gfn) = (shared_info.platform(), shared_info.first_gfn());
    // SAFETY: the frame is reserved for shared info, which has no other place, is accessed as
    // shared memory alone, and is never freed.
    unsafe { ops::memory::add_to_physmap(platform, XENMAPSPACE_SHARED_INFO, 0, gfn) }
}

/// Places frame `index` of this domain's grant table at `place`, permanently.
///
/// # Errors
///
/// Xen's error, and the place for another call.
///
/// # Safety
///
/// Xen moves the frame from its earlier place: no other owner of the table (`GrantTable` of
/// `xen-grant`) may exist, or it must be the caller, which places each frame once. Each entry that
/// is written must give access only to memory that is accessed as shared memory until the entry has
/// ended.
/// ended.
#[doc(alias = "XENMAPSPACE_grant_table")]
pub unsafe fn grant_frame<P: Platform>(
    place: Place<P>,
    index: u32,
) -> Result<Mapped<P>, (Errno, Place<P>)> {
    grant_space(place, index.into())
}

/// Places frame `index` of the states of this domain's version 2 grant table at `place`,
/// permanently.
///
/// # Errors
///
/// Xen's error, and the place for another call.
///
/// # Safety
///
/// Those of [`grant_frame`]. No state may be written: a state shows that a peer uses a page.
#[doc(alias = "XENMAPIDX_grant_table_status")]
pub unsafe fn grant_status_frame<P: Platform>(
    place: Place<P>,
    index: u32,
) -> Result<Mapped<P>, (Errno, Place<P>)> {
    grant_space(place, u64::from(index) | XENMAPIDX_GRANT_TABLE_STATUS)
}

fn grant_space<P: Platform>(place: Place<P>, index: u64) -> Result<Mapped<P>, (Errno, Place<P>)> {
    place.fill(None, |platform, gfn| {
        // SAFETY: the frame is a page that was allocated for this and is never freed. The caller of
        // the public function ensures that the table's frame is not accessed at an earlier place.
        unsafe { ops::memory::add_to_physmap(platform, XENMAPSPACE_GRANT_TABLE, index, gfn) }
    })
}
