//! How Xen interrupts a vCPU that has events.

use xen_hypercall::{Errno, Hypercall, ops::hvm};
use xen_sys::hvm::params::{
    HVM_PARAM_CALLBACK_TYPE_GSI, HVM_PARAM_CALLBACK_TYPE_PCI_INTX, HVM_PARAM_CALLBACK_TYPE_PPI,
    HVM_PARAM_CALLBACK_TYPE_PPI_FLAG_LOW_LEVEL, HVM_PARAM_CALLBACK_TYPE_VECTOR,
};

/// How the upcall reaches the vCPU, which decides what its handler owes to the interrupt
/// controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// As an interrupt of the vCPU's local APIC: the handler has to signal its end there.
    LocalApic,
    /// As a vector of its own past the local APIC: there is no end to signal.
    CallbackVector,
}

/// The way by which Xen tells a whole domain of events, unless its vCPUs have [vectors of their
/// own](set_upcall_vector).
#[doc(alias = "HVM_PARAM_CALLBACK_IRQ")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callback {
    /// No way: events are polled.
    Off,
    /// A line of the I/O APIC, for vCPU 0 only; for HVM guests, as no other domain has all that it
    /// goes through. Its redirection has to be level-triggered: the line is up as long as
    /// `evtchn_upcall_pending` is set, and an edge is lost where that is set anew before Xen has
    /// seen it clear. Signal the end of the interrupt when the upcall has run.
    #[doc(alias = "HVM_PARAM_CALLBACK_TYPE_GSI")]
    Gsi(u32),
    /// An interrupt pin of a PCI device, which is Xen's own platform device as a rule; otherwise as
    /// [`Gsi`](Self::Gsi).
    #[doc(alias = "HVM_PARAM_CALLBACK_TYPE_PCI_INTX")]
    PciIntx {
        /// The PCI segment.
        segment: u16,
        /// The bus.
        bus: u8,
        /// The device, below 32.
        device: u8,
        /// 0 for INTA to 3 for INTD.
        pin: u8,
    },
    /// On x86: the same interrupt vector for all vCPUs, past the local APIC: there is no end to
    /// signal.
    #[doc(alias = "HVM_PARAM_CALLBACK_TYPE_VECTOR")]
    Vector(u8),
    /// On arm: a private interrupt of each CPU (16 to 31), as the device tree's node `xen,xen`
    /// names it.
    #[doc(alias = "HVM_PARAM_CALLBACK_TYPE_PPI")]
    Ppi {
        /// The interrupt's number at the controller.
        irq: u8,
        /// Triggered by an edge, not by a level.
        edge: bool,
        /// Active when low.
        active_low: bool,
    },
}

/// Flag of the arm type: triggered by an edge. Source: `hvm/params.h`, bit 8 of the value.
const PPI_FLAG_EDGE: u64 = 1;

impl Callback {
    /// Returns the value of `HVM_PARAM_CALLBACK_IRQ` that says this.
    pub const fn to_param(self) -> u64 {
        let (kind, data) = match self {
            Self::Off => (HVM_PARAM_CALLBACK_TYPE_GSI, 0),
            Self::Gsi(line) => (HVM_PARAM_CALLBACK_TYPE_GSI, line as u64),
            Self::PciIntx { segment, bus, device, pin } => {
                let function = (device as u64 & 31) << 3;
                let place = (segment as u64) << 32 | (bus as u64) << 16 | function << 8;
                (HVM_PARAM_CALLBACK_TYPE_PCI_INTX, place | pin as u64 & 3)
            }
            Self::Vector(vector) => (HVM_PARAM_CALLBACK_TYPE_VECTOR, vector as u64),
            Self::Ppi { irq, edge, active_low } => {
                let edge = if edge { PPI_FLAG_EDGE } else { 0 };
                let low = if active_low { HVM_PARAM_CALLBACK_TYPE_PPI_FLAG_LOW_LEVEL } else { 0 };
                (HVM_PARAM_CALLBACK_TYPE_PPI, (edge | low) << 8 | irq as u64)
            }
        };
        kind << 56 | data
    }

    /// Returns the line of the I/O APIC that Xen raises for an event: `None` if it is none. That of
    /// a device is where Xen's own I/O APIC has it, as the ACPI tables of an HVM guest say too.
    pub const fn line(self) -> Option<u32> {
        match self {
            Self::Gsi(line) if line != 0 => Some(line),
            Self::PciIntx { device, pin, .. } => {
                let (device, pin) = (device as u32 & 31, pin as u32 & 3);
                Some(16 + (device * 4 + device / 8 + pin) % 32)
            }
            _ => None,
        }
    }
}

/// Sets the way by which Xen tells this domain of events.
///
/// On arm it is the toolstack's to choose, and the guest reads it in the device tree. A vCPU that
/// has a vector of its own keeps it, whatever is set here, and can't give it back.
///
/// A PVH domain, dom0 too, has no PIC: Xen takes all but [`Vector`](Callback::Vector) without a
/// word there and goes on with the vector that was set before.
///
/// # Errors
///
/// `EINVAL` for a way that Xen has not, `EPERM` on arm, `ENOSYS` in a PV domain.
#[doc(alias = "HVM_PARAM_CALLBACK_IRQ")]
pub fn set_callback<H: Hypercall + ?Sized>(xen: &H, callback: Callback) -> Result<(), Errno> {
    hvm::set_callback_irq(xen, callback.to_param())
}

/// Makes Xen deliver the events of `vcpu` as interrupt `vector`. Call it on every vCPU, with the
/// same vector.
///
/// Xen before 4.6 has one vector for all vCPUs; this falls back to it.
///
/// # Errors
///
/// Xen's refusal of the second way: `EINVAL` for a vector below 16, `ENOSYS` in a PV domain.
#[doc(alias("HVMOP_set_evtchn_upcall_vector", "HVM_PARAM_CALLBACK_IRQ"))]
pub fn set_upcall_vector<H: Hypercall + ?Sized>(
    xen: &H,
    vcpu: u32,
    vector: u8,
) -> Result<Delivery, Errno> {
    if hvm::set_evtchn_upcall_vector(xen, vcpu, vector).is_ok() {
        // Xen itself needs no callback then. The toolstack does: an HVM guest without one has no
        // driver for it to ask for a shutdown.
        set_callback(xen, Callback::Gsi(1))?;
        return Ok(Delivery::LocalApic);
    }
    set_callback(xen, Callback::Vector(vector))?;
    Ok(Delivery::CallbackVector)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_has_the_value_that_the_header_gives_it() {
        assert_eq!(Callback::Off.to_param(), 0);
        assert_eq!(Callback::Gsi(28).to_param(), 28);
        assert_eq!(Callback::Vector(0xf3).to_param(), 0x0200_0000_0000_00f3);
        let device = Callback::PciIntx { segment: 0x1234, bus: 0x56, device: 3, pin: 1 };
        assert_eq!(device.to_param(), 0x0100_1234_0056_1801);
        let ppi = |edge, active_low| Callback::Ppi { irq: 31, edge, active_low }.to_param();
        assert_eq!(ppi(false, true), 0x0200_0000_0000_021f);
        assert_eq!(ppi(true, false), 0x0200_0000_0000_011f);
    }

    #[test]
    fn the_line_of_a_device_is_one_of_those_beyond_the_isa_ones() {
        let line = |device, pin| Callback::PciIntx { segment: 0, bus: 0, device, pin }.line();
        assert_eq!(line(0, 0), Some(16));
        // Xen's platform device.
        assert_eq!(line(3, 0), Some(28));
        assert_eq!(line(8, 1), Some(18));
        assert_eq!(line(31, 3), Some(18));
        assert_eq!(line(32 + 3, 4), line(3, 0));
        assert_eq!(Callback::Gsi(28).line(), Some(28));
        for none in [Callback::Off, Callback::Gsi(0), Callback::Vector(0xf3)] {
            assert_eq!(none.line(), None, "{none:?}");
        }
    }

    #[test]
    fn what_does_not_fit_does_not_spill_over() {
        let device =
            Callback::PciIntx { segment: u16::MAX, bus: u8::MAX, device: u8::MAX, pin: u8::MAX };
        assert_eq!(device.to_param(), 0x0100_ffff_00ff_f803);
        assert_eq!(Callback::Gsi(u32::MAX).to_param(), 0xffff_ffff);
    }
}
