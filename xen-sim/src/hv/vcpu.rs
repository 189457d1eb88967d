//! `vcpu_op`.

use super::{Answer, Caller};
use crate::guest::Guest;
use crate::machine::Machine;
use core::mem::offset_of;
use core::sync::atomic::Ordering::{Release, SeqCst};
use xen_hypercall::{DomId, Errno, PAGE_SIZE};
use xen_sys::vcpu::*;
use xen_sys::xen::{VcpuInfo, VcpuTimeInfo};

/// Shortest period that Xen accepts.
const MIN_PERIOD_NS: u64 = 1_000_000;

impl Machine {
    pub(crate) fn vcpu_op(
        &mut self,
        caller: Caller,
        command: u32,
        index: u32,
        arg: Guest,
    ) -> Answer {
        let me = caller.domain;
        if index as usize >= self.dom(me).vcpus.len() {
            return Err(Errno::ENOENT);
        }
        let (now, phys_areas) = (self.now, self.version >= (4, 18));
        let vcpu = &mut self.dom_mut(me).vcpus[index as usize];
        match command {
            VCPUOP_IS_UP => return Ok(usize::from(vcpu.up)),
            VCPUOP_UP => {
                if !vcpu.initialised {
                    return Err(Errno::EINVAL);
                }
                vcpu.up = true;
                self.set_runstate(me, index, VcpuRunstate::RUNNING);
            }
            VCPUOP_DOWN => {
                vcpu.up = false;
                self.set_runstate(me, index, VcpuRunstate::OFFLINE);
            }
            VCPUOP_INITIALISE => {
                if core::mem::replace(&mut vcpu.initialised, true) {
                    return Err(Errno::EEXIST);
                }
            }
            VCPUOP_GET_RUNSTATE_INFO => {
                self.account_runstate(me, index);
                arg.write(self.dom(me).vcpus[index as usize].runstate)?;
            }
            VCPUOP_REGISTER_RUNSTATE_MEMORY_AREA => {
                let op: VcpuRegisterRunstateMemoryArea = arg.read()?;
                let area = self.area_at_address(me, op.addr, size_of::<VcpuRunstateInfo>())?;
                self.dom_mut(me).vcpus[index as usize].runstate_area = area;
                self.write_runstate(me, index);
            }
            VCPUOP_REGISTER_VCPU_TIME_MEMORY_AREA => {
                let op: VcpuRegisterTimeMemoryArea = arg.read()?;
                let area = self.area_at_address(me, op.addr, size_of::<VcpuTimeInfo>())?;
                self.dom_mut(me).vcpus[index as usize].time_area = area;
                self.update_clocks();
            }
            // Xen has these since 4.18.
            VCPUOP_REGISTER_RUNSTATE_PHYS_AREA if phys_areas => {
                let op: VcpuRegisterRunstateMemoryArea = arg.read()?;
                let area = self.area_at_frame(me, op.addr, size_of::<VcpuRunstateInfo>())?;
                self.dom_mut(me).vcpus[index as usize].runstate_area = area;
                self.write_runstate(me, index);
            }
            VCPUOP_REGISTER_VCPU_TIME_PHYS_AREA if phys_areas => {
                let op: VcpuRegisterTimeMemoryArea = arg.read()?;
                let area = self.area_at_frame(me, op.addr, size_of::<VcpuTimeInfo>())?;
                self.dom_mut(me).vcpus[index as usize].time_area = area;
                self.update_clocks();
            }
            VCPUOP_SET_PERIODIC_TIMER => {
                let op: VcpuSetPeriodicTimer = arg.read()?;
                if op.period_ns < MIN_PERIOD_NS {
                    return Err(Errno::EINVAL);
                }
                vcpu.period = Some((now + op.period_ns, op.period_ns));
            }
            VCPUOP_STOP_PERIODIC_TIMER => vcpu.period = None,
            VCPUOP_SET_SINGLESHOT_TIMER => {
                // A vCPU can set only its own timer.
                if caller.vcpu != index {
                    return Err(Errno::EINVAL);
                }
                let op: VcpuSetSingleshotTimer = arg.read()?;
                if op.flags & VCPU_SSHOTTMR_FUTURE != 0 && op.timeout_abs_ns < now {
                    return Err(Errno::ETIME);
                }
                vcpu.timer = Some(op.timeout_abs_ns);
                self.fire_timers();
            }
            VCPUOP_STOP_SINGLESHOT_TIMER => {
                if caller.vcpu != index {
                    return Err(Errno::EINVAL);
                }
                vcpu.timer = None;
            }
            VCPUOP_REGISTER_VCPU_INFO => return self.register_vcpu_info(caller, index, arg),
            VCPUOP_SEND_NMI => {}
            _ => return Err(Errno::ENOSYS),
        }
        Ok(0)
    }

    /// Sets the runstate of a vCPU, unless it is down.
    pub(crate) fn set_runstate(&mut self, id: DomId, index: u32, state: VcpuRunstate) {
        self.account_runstate(id, index);
        let now = self.now;
        let Some(vcpu) = self.dom_mut(id).vcpus.get_mut(index as usize) else { return };
        let state = if vcpu.up { state } else { VcpuRunstate::OFFLINE };
        if vcpu.runstate.state != state {
            vcpu.runstate.state = state;
            vcpu.runstate.state_entry_time = now;
            self.write_runstate(id, index);
        }
    }

    /// Adds the time up to now to the current runstate of a vCPU.
    fn account_runstate(&mut self, id: DomId, index: u32) {
        let now = self.now;
        let Some(vcpu) = self.dom_mut(id).vcpus.get_mut(index as usize) else { return };
        let before: u64 = vcpu.runstate.time.iter().sum();
        if let Some(time) = vcpu.runstate.time.get_mut(vcpu.runstate.state.0 as usize) {
            *time += now.saturating_sub(before + vcpu.created);
        }
    }

    /// Writes a vCPU's runstate to its registered area.
    fn write_runstate(&self, id: DomId, index: u32) {
        let domain = self.dom(id);
        let Some(vcpu) = domain.vcpus.get(index as usize) else { return };
        let Some(area) = &vcpu.runstate_area else { return };
        let word = |offset| area.word(&self.pool, offset);
        let entry = word(offset_of!(VcpuRunstateInfo, state_entry_time));
        let (Some(state), Some(entry)) = (area.half(&self.pool, 0), entry) else { return };
        if domain.runstate_update_flag {
            entry.store(vcpu.runstate.state_entry_time | XEN_RUNSTATE_UPDATE, SeqCst);
        }
        state.store(vcpu.runstate.state.0 as u32, Release);
        for (nth, &time) in vcpu.runstate.time.iter().enumerate() {
            if let Some(word) = word(offset_of!(VcpuRunstateInfo, time) + nth * 8) {
                word.store(time, Release);
            }
        }
        entry.store(vcpu.runstate.state_entry_time, SeqCst);
    }

    /// Moves a vCPU's `VcpuInfo` to a page of the domain, and marks all events there as pending.
    ///
    /// Xen before 4.18 accepts it only from the vCPU itself or for one that is down, and has
    /// another error for a second move.
    fn register_vcpu_info(&mut self, caller: Caller, index: u32, arg: Guest) -> Answer {
        let op: VcpuRegisterVcpuInfo = arg.read()?;
        let offset = op.offset as usize;
        let any_vcpu = self.version >= (4, 18);
        let domain = self.dom(caller.domain);
        let vcpu = &domain.vcpus[index as usize];
        let (moved, misplaced) = (
            vcpu.info_moved,
            offset > PAGE_SIZE - size_of::<VcpuInfo>() || !offset.is_multiple_of(8),
        );
        if any_vcpu && moved {
            return Err(Errno::EBUSY);
        }
        if misplaced {
            return Err(Errno::ENXIO);
        }
        if moved || !any_vcpu && caller.vcpu != index && vcpu.up {
            return Err(Errno::EINVAL);
        }
        let mfn = domain.physmap.get(op.mfn).ok_or(Errno::EINVAL)?.mfn;
        let info: VcpuInfo = match vcpu.info {
            Some((old, at)) => self.page(old).read(at).ok_or(Errno::EINVAL)?,
            None => VcpuInfo::default(),
        };
        self.page(mfn).write(offset, &info).ok_or(Errno::EINVAL)?;
        let vcpu = &mut self.dom_mut(caller.domain).vcpus[index as usize];
        (vcpu.info, vcpu.info_moved) = (Some((mfn, offset)), true);
        if let Some(selector) =
            self.page(mfn).u64_at(offset + offset_of!(VcpuInfo, evtchn_pending_sel))
        {
            selector.store(u64::MAX, SeqCst);
        }
        self.mark_events_pending(caller.domain, index);
        self.update_clocks();
        Ok(0)
    }
}
