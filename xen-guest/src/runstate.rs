//! Run state of vCPUs: the time that each has run, waited, slept, and was stopped.

use crate::area::{Area, AreaKind};
use core::mem::offset_of;
use core::time::Duration;
use thiserror::Error;
use xen_hypercall::ops::{vcpu, vm_assist};
use xen_hypercall::sync::{Ordering, fence, spin_loop};
use xen_hypercall::{Errno, Hypercall, Instant, Platform, SharedMem};
use xen_sys::vcpu::{VcpuRunstate, VcpuRunstateInfo, XEN_RUNSTATE_UPDATE};
use xen_sys::xen::VMASST_TYPE_RUNSTATE_UPDATE_FLAG;

/// Maximum number of reads of an area that changes.
const ATTEMPTS: u32 = 1024;

/// Run state of a vCPU, with the time in each state since the start of the domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "vcpu_runstate_info")]
pub struct Runstate {
    /// Present state.
    pub state: VcpuRunstate,
    /// System time of the change to it.
    pub since: Instant,
    /// Time on a physical CPU.
    pub running: Duration,
    /// Time in which the vCPU could run and had no physical CPU.
    pub runnable: Duration,
    /// Time asleep.
    pub blocked: Duration,
    /// Time in which the vCPU was down, or the domain was paused.
    pub offline: Duration,
}

impl Runstate {
    /// Returns the run state of `vcpu` by a hypercall.
    ///
    /// # Errors
    ///
    /// `ENOENT` if there is no such vCPU, `EINVAL` for an unknown state.
    pub fn query<H: Hypercall>(xen: &H, vcpu: u32) -> Result<Self, Errno> {
        Self::new(&vcpu::get_runstate_info(xen, vcpu)?).map_err(|_| Errno::EINVAL)
    }

    /// Returns the time in which the vCPU was not stopped by its kernel and did not run: taken by
    /// other domains, or by a pause of this one.
    pub fn steal(&self) -> Duration {
        self.runnable.saturating_add(self.offline)
    }

    fn new(info: &VcpuRunstateInfo) -> Result<Self, RunstateError> {
        if !(VcpuRunstate::RUNNING.0..=VcpuRunstate::OFFLINE.0).contains(&info.state.0) {
            return Err(RunstateError::State { found: info.state.0 });
        }
        let [running, runnable, blocked, offline] = info.time.map(Duration::from_nanos);
        let since = Instant::from_nanos(info.state_entry_time);
        Ok(Self { state: info.state, since, running, runnable, blocked, offline })
    }
}

/// Invalid run state of Xen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RunstateError {
    /// The area changed in each read, or its update never ended.
    #[error("run state: found an update in each of {ATTEMPTS} reads, expected its end")]
    Unstable,
    /// Unknown state.
    #[error("run state: found state {found}, expected 0 to 3")]
    State {
        /// Found value.
        found: i32,
    },
}

/// Run state of one vCPU that Xen keeps up to date in memory: a read costs no hypercall, from any
/// vCPU.
///
/// The page is freed when the value is dropped; before Xen 4.18, which cannot end a registration,
/// it is never freed.
#[derive(Debug)]
#[doc(alias("VCPUOP_register_runstate_memory_area", "VCPUOP_register_runstate_phys_area"))]
pub struct RunstateArea<P: Platform>(Area<P>);

impl<P: Platform> RunstateArea<P> {
    /// Registers an area for `vcpu`: by its frame, or before Xen 4.18 by its address, which must
    /// then stay mapped in all address spaces. Enables the flag of an update.
    ///
    /// # Errors
    ///
    /// `ENOMEM` if the platform has no page, `ENOENT` if there is no such vCPU.
    #[doc(alias = "VMASST_TYPE_runstate_update_flag")]
    pub fn register(platform: P, vcpu: u32) -> Result<Self, Errno> {
        // Without it a read may be of two updates; each read compares two copies anyway.
        let _ = vm_assist::enable(&platform, VMASST_TYPE_RUNSTATE_UPDATE_FLAG);
        Area::register(platform, AreaKind::Runstate, vcpu).map(Self)
    }

    /// Registers the area again in a domain that was resumed elsewhere. The times start there anew.
    ///
    /// # Errors
    ///
    /// The refusal of Xen.
    pub fn resume(&self) -> Result<(), Errno> {
        let platform = self.0.pages().platform();
        let _ = vm_assist::enable(platform, VMASST_TYPE_RUNSTATE_UPDATE_FLAG);
        self.0.register_again()
    }

    /// Returns the run state. The time in the present state is that of the last change.
    ///
    /// # Errors
    ///
    /// [`RunstateError`], after a bounded number of reads.
    pub fn read(&self) -> Result<Runstate, RunstateError> {
        read(self.0.memory())
    }
}

fn read(memory: &SharedMem) -> Result<Runstate, RunstateError> {
    let page = memory.first_page();
    let entry = page.u64::<{ offset_of!(VcpuRunstateInfo, state_entry_time) }>();
    let state = page.u32::<{ offset_of!(VcpuRunstateInfo, state) }>();
    let copy = || VcpuRunstateInfo {
        state: VcpuRunstate(state.load(Ordering::Relaxed) as i32),
        state_entry_time: entry.load(Ordering::Relaxed),
        time: [
            page.u64::<{ offset_of!(VcpuRunstateInfo, time) }>().load(Ordering::Relaxed),
            page.u64::<{ offset_of!(VcpuRunstateInfo, time) + 8 }>().load(Ordering::Relaxed),
            page.u64::<{ offset_of!(VcpuRunstateInfo, time) + 16 }>().load(Ordering::Relaxed),
            page.u64::<{ offset_of!(VcpuRunstateInfo, time) + 24 }>().load(Ordering::Relaxed),
        ],
        ..Default::default()
    };
    for _ in 0..ATTEMPTS {
        let before = entry.load(Ordering::Acquire);
        let info = copy();
        fence(Ordering::Acquire);
        if before & XEN_RUNSTATE_UPDATE == 0 && info.state_entry_time == before && info == copy() {
            return Runstate::new(&info);
        }
        spin_loop();
    }
    Err(RunstateError::Unstable)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use xen_hypercall::Page;

    fn read_of(info: &VcpuRunstateInfo) -> Result<Runstate, RunstateError> {
        let mut pages = [Page::ZERO];
        let memory = SharedMem::from_pages(&mut pages);
        memory.write(0, info).unwrap();
        read(memory)
    }

    #[test]
    fn times_are_by_state() {
        let info = VcpuRunstateInfo {
            state: VcpuRunstate::BLOCKED,
            state_entry_time: 9,
            time: [1, 2, 3, 4],
            ..Default::default()
        };
        let found = read_of(&info).unwrap();
        let [running, runnable, blocked, offline] = [1, 2, 3, 4].map(Duration::from_nanos);
        assert_eq!(
            (found.running, found.runnable, found.blocked, found.offline),
            (running, runnable, blocked, offline)
        );
        assert_eq!(found.steal(), Duration::from_nanos(6));
        assert_eq!((found.state, found.since.as_nanos()), (VcpuRunstate::BLOCKED, 9));
        let most = VcpuRunstateInfo { time: [u64::MAX; 4], ..info };
        assert_eq!(read_of(&most).unwrap().steal(), Duration::from_nanos(u64::MAX) * 2);
    }

    #[test]
    fn endless_update_is_an_error() {
        let info =
            VcpuRunstateInfo { state_entry_time: XEN_RUNSTATE_UPDATE | 9, ..Default::default() };
        assert_eq!(read_of(&info), Err(RunstateError::Unstable));
    }

    #[test]
    fn unknown_state_is_an_error() {
        for found in [-1, 4, i32::MAX] {
            let info = VcpuRunstateInfo { state: VcpuRunstate(found), ..Default::default() };
            assert_eq!(read_of(&info), Err(RunstateError::State { found }));
        }
    }
}
