//! `vcpu_op`.

use super::{Answer, Caller};
use crate::guest::Guest;
use crate::machine::Machine;
use xen_hypercall::{Errno, PAGE_SIZE};
use xen_sys::vcpu::*;
use xen_sys::xen::VcpuInfo;

/// The shortest period that Xen takes.
const MIN_PERIOD_NS: u64 = 1_000_000;

impl Machine {
    pub(crate) fn vcpu_op(&mut self, caller: Caller, command: u32, index: u32, arg: Guest) -> Answer {
        let me = caller.domain;
        if index as usize >= self.dom(me).vcpus.len() {
            return Err(Errno::ENOENT);
        }
        let now = self.now;
        let vcpu = &mut self.dom_mut(me).vcpus[index as usize];
        match command {
            VCPUOP_IS_UP => return Ok(usize::from(vcpu.up)),
            VCPUOP_UP => vcpu.up = true,
            VCPUOP_DOWN => vcpu.up = false,
            VCPUOP_INITIALISE => {
                if vcpu.up {
                    return Err(Errno::EEXIST);
                }
            }
            VCPUOP_GET_RUNSTATE_INFO => {
                let state = if vcpu.up { VcpuRunstate::RUNNING } else { VcpuRunstate::OFFLINE };
                let mut info = VcpuRunstateInfo { state, ..Default::default() };
                info.time[state.0 as usize] = now;
                arg.write(info)?;
            }
            VCPUOP_REGISTER_RUNSTATE_MEMORY_AREA | VCPUOP_REGISTER_VCPU_TIME_MEMORY_AREA => {
                // Virtual addresses of the domain are those of the process, and may be gone by the next tick.
                return Err(Errno::ENOSYS);
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
                // A vCPU can set its own timer only.
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

    fn register_vcpu_info(&mut self, caller: Caller, index: u32, arg: Guest) -> Answer {
        let op: VcpuRegisterVcpuInfo = arg.read()?;
        let offset = op.offset as usize;
        let domain = self.dom(caller.domain);
        let vcpu = &domain.vcpus[index as usize];
        if offset > PAGE_SIZE - size_of::<VcpuInfo>() || !offset.is_multiple_of(8) || vcpu.info_moved {
            return Err(Errno::EINVAL);
        }
        let mfn = domain.physmap.get(op.mfn).ok_or(Errno::EINVAL)?.mfn;
        if let Some((old, at)) = vcpu.info {
            let info: Option<VcpuInfo> = self.page(old).read(at);
            info.and_then(|info| self.page(mfn).write(offset, &info)).ok_or(Errno::EINVAL)?;
        }
        let vcpu = &mut self.dom_mut(caller.domain).vcpus[index as usize];
        (vcpu.info, vcpu.info_moved) = (Some((mfn, offset)), true);
        self.update_clocks();
        Ok(0)
    }
}
