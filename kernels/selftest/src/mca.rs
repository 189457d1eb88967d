//! Machine checks, for a PV dom0.

use crate::report::{Report, fails, op};
use xen_hypercall::Errno;
use xen_hypercall::ops::mca;
use xen_sys::arch_x86::xen_mca::McinfoLogicalCpu;
use zerocopy::FromZeros;

pub(crate) fn test(t: &mut Report) {
    op!(t, mca::physcpuinfo(&mut [McinfoLogicalCpu::new_zeroed(); 4]) => fails(Errno::ENOSYS));
    op!(t, mca::fetch(false, &mut [0; 128]) => fails(Errno::ENOSYS));
    op!(t, mca::acknowledge(false, 9999) => fails(Errno::ENOSYS));
}
