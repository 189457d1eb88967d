//! Parts of the test that Arm has nothing for: interrupt lines, physical interrupts of an emulated
//! PC, machine checks, time by Xen.

/// Upcalls by an interrupt line.
pub(crate) mod lines {
    use crate::report::Report;

    /// Tests nothing.
    pub(crate) fn test(_: &mut Report) {}
}

/// Machine checks.
pub(crate) mod mca {
    pub(crate) use super::lines::test;
}

/// Physical interrupts.
pub(crate) mod pirqs {
    pub(crate) use super::lines::test;
}

/// Xen's timer and time information.
pub(crate) mod pv_time {
    pub(crate) use super::lines::test;
    pub(crate) use super::lines::test as timer;
}

/// Configuration of a domain that the test creates.
pub(crate) mod guests {
    use xen_sys::arch_arm::XenArchDomainconfig;
    use zerocopy::FromZeros;

    /// Returns the part of Arm: the interrupt controller of the host.
    pub(crate) fn config() -> XenArchDomainconfig {
        XenArchDomainconfig::new_zeroed()
    }
}
