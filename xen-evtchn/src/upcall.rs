//! Upcall: the interrupt that signals events to a vCPU.

use xen_hypercall::{Errno, Hypercall, ops::hvm};
use xen_sys::hvm::params::{
    HVM_PARAM_CALLBACK_TYPE_GSI, HVM_PARAM_CALLBACK_TYPE_PCI_INTX, HVM_PARAM_CALLBACK_TYPE_PPI,
    HVM_PARAM_CALLBACK_TYPE_PPI_FLAG_LOW_LEVEL, HVM_PARAM_CALLBACK_TYPE_VECTOR,
};

/// Path of the upcall to a vCPU, which decides whether its handler must signal an end of interrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Interrupt of the vCPU's local APIC: the handler must signal its end there.
    LocalApic,
    /// Vector that bypasses the local APIC: there is no end to signal.
    CallbackVector,
}

/// Upcall of a whole domain, unless its vCPUs have [vectors of their own](set_upcall_vector).
#[doc(alias = "HVM_PARAM_CALLBACK_IRQ")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callback {
    /// No upcall: events are polled.
    Off,
    /// Line of the I/O APIC, for vCPU 0 of an HVM guest only, since other domains have no I/O APIC
    /// of that kind.
    ///
    /// The redirection entry must be level-triggered: the line is asserted as long as
    /// `evtchn_upcall_pending` is set, and an edge is lost if the flag is set anew before Xen has
    /// seen it clear. The handler signals the end of interrupt after the upcall has run.
    #[doc(alias = "HVM_PARAM_CALLBACK_TYPE_GSI")]
    Gsi(u32),
    /// Interrupt pin of a PCI device, usually Xen's platform device; otherwise like
    /// [`Gsi`](Self::Gsi).
    #[doc(alias = "HVM_PARAM_CALLBACK_TYPE_PCI_INTX")]
    PciIntx {
        /// PCI segment.
        segment: u16,
        /// PCI bus.
        bus: u8,
        /// PCI device, below 32.
        device: u8,
        /// Pin, from 0 for INTA to 3 for INTD.
        pin: u8,
    },
    /// The same interrupt vector for all vCPUs, on x86. It bypasses the local APIC: there is no end
    /// to signal.
    #[doc(alias = "HVM_PARAM_CALLBACK_TYPE_VECTOR")]
    Vector(u8),
    /// Private interrupt of each CPU (16 to 31), on arm, as in the device tree's node `xen,xen`.
    #[doc(alias = "HVM_PARAM_CALLBACK_TYPE_PPI")]
    Ppi {
        /// Number of the interrupt at the controller.
        irq: u8,
        /// Triggered by an edge, not by a level.
        edge: bool,
        /// Active when low.
        active_low: bool,
    },
}

/// Flag of the arm type for an edge-triggered interrupt. Source: `hvm/params.h`, bit 8 of the
/// value.
const PPI_FLAG_EDGE: u64 = 1;

impl Callback {
    /// Returns the value of `HVM_PARAM_CALLBACK_IRQ`.
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

    /// Returns the line of the I/O APIC that Xen asserts for an event; `None` for other kinds. The
    /// line of a PCI device is that of Xen's own I/O APIC, as in the ACPI tables of an HVM guest.
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

/// Sets the upcall of this domain.
///
/// On arm the toolstack sets it, and the guest reads it from the device tree. A vCPU with a vector
/// of its own keeps that vector, which cannot be removed.
///
/// A PVH domain, and a PVH dom0, has no PIC: there Xen accepts other kinds than
/// [`Vector`](Callback::Vector) without an error and continues to use the previous vector.
///
/// # Errors
///
/// `EINVAL` for a kind that Xen does not support, `EPERM` on arm, `ENOSYS` in a PV domain.
#[doc(alias = "HVM_PARAM_CALLBACK_IRQ")]
pub fn set_callback<H: Hypercall + ?Sized>(xen: &H, callback: Callback) -> Result<(), Errno> {
    hvm::set_callback_irq(xen, callback.to_param())
}

/// Makes Xen deliver the events of `vcpu` as interrupt `vector`. It must be called on every vCPU,
/// with the same vector.
///
/// Xen before 4.6 has one vector for all vCPUs; the call falls back to that.
///
/// # Errors
///
/// Xen's error for the fallback: `EINVAL` for a vector below 16, `ENOSYS` in a PV domain.
#[doc(alias("HVMOP_set_evtchn_upcall_vector", "HVM_PARAM_CALLBACK_IRQ"))]
pub fn set_upcall_vector<H: Hypercall + ?Sized>(
    xen: &H,
    vcpu: u32,
    vector: u8,
) -> Result<Delivery, Errno> {
    if hvm::set_evtchn_upcall_vector(xen, vcpu, vector).is_ok() {
        // Xen itself does not need a callback then. The toolstack does: it requests a shutdown
        // through xenstore only from an HVM guest with a callback.
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
    fn callback_is_encoded_as_in_header() {
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
    fn pci_device_line_is_above_isa() {
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
    fn oversized_fields_are_cut_off() {
        let device =
            Callback::PciIntx { segment: u16::MAX, bus: u8::MAX, device: u8::MAX, pin: u8::MAX };
        assert_eq!(device.to_param(), 0x0100_ffff_00ff_f803);
        assert_eq!(Callback::Gsi(u32::MAX).to_param(), 0xffff_ffff);
    }
}
