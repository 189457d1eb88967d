//! The interrupt controller of a guest, as far as private interrupts go: the upcall and the timer.

use crate::device_tree::GicRegisters;
use arm_gic::gicv2::GicV2;
use arm_gic::gicv2::registers::{Gicc, Gicd as GicdV2};
use arm_gic::gicv3::registers::{Gicd, GicrSgi};
use arm_gic::gicv3::{GicCpuInterface, GicDistributor, GicRedistributorIterator};
use arm_gic::{IntId, InterruptGroup, UniqueMmioPointer};
use core::ops::Range;
use core::ptr::NonNull;
use thiserror::Error;

/// Number of the first private interrupt.
const FIRST_PPI: u32 = 16;
/// Number of private interrupts.
const PPIS: u32 = 16;
/// Mask that no priority is above.
const EACH_PRIORITY: u8 = 0xff;

/// Reason why an interrupt cannot be enabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum GicError {
    /// The interrupt is not private to a CPU.
    #[error("interrupt {0}: expected a private one, from 16 to 31")]
    NotPrivate(u32),
    /// The controller has no registers for the vCPU.
    #[error("the interrupt controller has no redistributor of vCPU {0}")]
    NoRedistributor(u32),
    /// The controller has no such interrupt.
    #[error("the interrupt controller refuses interrupt {0}")]
    Refused(u32),
}

/// Driver of a GIC of version 2 or 3, for private interrupts.
///
/// A kernel that has a driver of its own uses that instead.
#[derive(Clone, Debug)]
pub struct InterruptController {
    registers: GicRegisters,
}

impl InterruptController {
    /// Creates the driver.
    ///
    /// # Safety
    ///
    /// The registers must be those of the device tree, and must be mapped to their own addresses as
    /// device memory, permanently. Nothing else may use them.
    pub unsafe fn new(registers: GicRegisters) -> Self {
        Self { registers }
    }

    /// Sets up the part of `vcpu`, which executes this, and enables the interrupts of `numbers`.
    /// The common part is set up as well, which has no effect when repeated.
    ///
    /// # Errors
    ///
    /// [`GicError`].
    pub fn enable(&self, vcpu: u32, numbers: &[u32]) -> Result<(), GicError> {
        let private = |number: u32| {
            let index = number.checked_sub(FIRST_PPI).filter(|&index| index < PPIS);
            index.map(IntId::ppi).ok_or(GicError::NotPrivate(number))
        };
        match &self.registers {
            GicRegisters::V2 { distributor, cpu_interface } => {
                let mut gic = v2(distributor, cpu_interface);
                gic.setup();
                for &number in numbers {
                    gic.enable_interrupt(private(number)?, true)
                        .map_err(|_| GicError::Refused(number))?;
                }
            }
            GicRegisters::V3 { distributor, redistributors } => {
                GicCpuInterface::enable_system_register_el1();
                GicCpuInterface::set_priority_mask(EACH_PRIORITY);
                if let Some(distributor) = NonNull::new(registers::<Gicd>(distributor.start)) {
                    // SAFETY: mapped, and not used by anything else, by the obligation of `new`.
                    // Other vCPUs do the same with it at most.
                    let mut gic =
                        GicDistributor::new(unsafe { UniqueMmioPointer::new(distributor) });
                    // In a domain, which has one security state, the bit of all interrupts.
                    gic.enable_affinity_routing_secure(true);
                    gic.enable_group1_non_secure(true);
                }
                let first = NonNull::new(registers::<GicrSgi>(redistributors.start));
                // SAFETY: as above; each vCPU uses its own.
                let all =
                    first.and_then(|first| unsafe { GicRedistributorIterator::new(first).ok() });
                let own = all.and_then(|mut all| all.nth(vcpu as usize));
                let mut own = own.ok_or(GicError::NoRedistributor(vcpu))?;
                // It is awake already if Xen emulates no sleep.
                let _ = own.mark_core_awake();
                for &number in numbers {
                    own.enable_interrupt(private(number)?, true)
                        .map_err(|_| GicError::Refused(number))?;
                }
                GicCpuInterface::enable_group1(true);
            }
        }
        Ok(())
    }

    /// Takes the interrupt that is pending on this vCPU; `None` for a spurious one.
    pub fn acknowledge(&self) -> Option<u32> {
        let taken = match &self.registers {
            GicRegisters::V2 { distributor, cpu_interface } => {
                v2(distributor, cpu_interface).get_and_acknowledge_interrupt(InterruptGroup::Group0)
            }
            GicRegisters::V3 { .. } => {
                GicCpuInterface::get_and_acknowledge_interrupt(InterruptGroup::Group1)
            }
        };
        taken.map(u32::from)
    }

    /// Ends interrupt `number`, which this vCPU has taken.
    pub fn end(&self, number: u32) {
        let Ok(number) = IntId::try_from(number) else { return };
        match &self.registers {
            GicRegisters::V2 { distributor, cpu_interface } => {
                v2(distributor, cpu_interface).end_interrupt(number, InterruptGroup::Group0);
            }
            GicRegisters::V3 { .. } => {
                GicCpuInterface::end_interrupt(number, InterruptGroup::Group1);
            }
        }
    }
}

/// Returns the driver of version 2, for this vCPU.
fn v2(distributor: &Range<u64>, cpu_interface: &Range<u64>) -> GicV2<'static> {
    let (distributor, cpu_interface) =
        (registers::<GicdV2>(distributor.start), registers::<Gicc>(cpu_interface.start));
    // SAFETY: mapped, and used by nothing else, by the obligation of `InterruptController::new`.
    // Registers of private interrupts are banked: each vCPU has its own at the same address.
    unsafe { GicV2::new(distributor, cpu_interface) }
}

fn registers<T>(address: u64) -> *mut T {
    core::ptr::with_exposed_provenance_mut(address as usize)
}
