//! Xen's CPUID leaves on x86.
//!
//! The parser takes CPUID as a function, so that tests can replace it and another CPU's values can
//! be used.

use core::fmt;
use xen_sys::arch_x86::cpuid::*;
use xen_sys::xen::DomId;

/// CPUID leaf: EAX, EBX, ECX, EDX.
pub type Leaf = [u32; 4];

/// Vendor string of a processor.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CpuVendor([u8; 12]);

impl CpuVendor {
    /// Reads the vendor from leaf 0 of `cpuid(leaf, subleaf)`.
    pub fn read(cpuid: impl Fn(u32, u32) -> Leaf) -> Self {
        let [_, ebx, ecx, edx] = cpuid(0, 0);
        Self(text([ebx, edx, ecx]))
    }

    /// Returns whether the virtualization extension is AMD's SVM, so that a hypercall is `vmmcall`.
    pub const fn has_svm(self) -> bool {
        matches!(&self.0, b"AuthenticAMD" | b"HygonGenuine")
    }
}

impl fmt::Debug for CpuVendor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CpuVendor({})", self.0.escape_ascii())
    }
}

/// Values of Xen's CPUID leaves. Source: `arch-x86/cpuid.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct XenLeaves {
    /// First leaf: above 0x4000_0000 if Xen also provides Hyper-V's leaves.
    pub base: u32,
    /// Last leaf.
    pub last: u32,
    /// Version of Xen: major, minor.
    pub version: (u16, u16),
    /// Feature flags of leaf 4; zero if Xen has no such leaf.
    #[doc(alias = "XEN_HVM_CPUID_VCPU_ID_PRESENT")]
    pub hvm_features: u32,
    /// Number of the calling vCPU, if leaf 4 has it (EBX).
    pub vcpu: Option<u32>,
    /// Number of the calling domain, if leaf 4 has it (ECX).
    pub domain: Option<DomId>,
}

/// Tick counter (TSC) of this domain, as Xen describes it. Source: leaf 3 of `arch-x86/cpuid.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TscInfo {
    /// Set if Xen intercepts and emulates reads of the counter.
    #[doc(alias = "XEN_CPUID_TSC_EMULATED")]
    pub is_emulated: bool,
    /// Set if the host's counter is reliable.
    #[doc(alias = "XEN_CPUID_HOST_TSC_RELIABLE")]
    pub is_host_reliable: bool,
    /// Set if the CPU has RDTSCP.
    #[doc(alias = "XEN_CPUID_RDTSCP_INSTR_AVAIL")]
    pub has_rdtscp: bool,
    /// Mode, `XEN_CPUID_TSC_MODE_*`.
    pub mode: u32,
    /// Frequency of the domain's counter in kHz; zero if Xen has none.
    pub guest_khz: u32,
    /// Number of restores and migrations of the domain.
    pub incarnation: u32,
    /// Frequency of the host's counter in kHz.
    pub host_khz: u32,
}

const SIGNATURE: &[u8; 12] = b"XenVMMXenVMM";

/// Bit of EAX in leaf 4: EBX is the vCPU's number.
const VCPU_ID_PRESENT: u32 = 1 << 3;
/// Bit of EAX in leaf 4: ECX is the domain's number.
const DOMID_PRESENT: u32 = 1 << 4;

impl XenLeaves {
    /// Searches Xen in the leaves from 0x4000_0000 to 0x4001_0000, in steps of 0x100, by
    /// `cpuid(leaf, subleaf)`.
    pub fn find(cpuid: impl Fn(u32, u32) -> Leaf) -> Option<Self> {
        (0x4000_0000..0x4001_0000).step_by(0x100).find_map(|base| {
            let [last, ebx, ecx, edx] = cpuid(base, 0);
            let found = text([ebx, ecx, edx]) == *SIGNATURE && last >= base + 2;
            found.then(|| Self::at(base, last, &cpuid))
        })
    }

    /// Reads the description of the tick counter; `None` without leaf 3.
    pub fn tsc(&self, cpuid: impl Fn(u32, u32) -> Leaf) -> Option<TscInfo> {
        let leaf = self.base.checked_add(3).filter(|&leaf| leaf <= self.last)?;
        let [flags, mode, guest_khz, incarnation] = cpuid(leaf, 0);
        let [host_khz, ..] = cpuid(leaf, 2);
        Some(TscInfo {
            is_emulated: flags & XEN_CPUID_TSC_EMULATED != 0,
            is_host_reliable: flags & XEN_CPUID_HOST_TSC_RELIABLE != 0,
            has_rdtscp: flags & XEN_CPUID_RDTSCP_INSTR_AVAIL != 0,
            mode,
            guest_khz,
            incarnation,
            host_khz,
        })
    }

    fn at(base: u32, last: u32, cpuid: &impl Fn(u32, u32) -> Leaf) -> Self {
        let [version, ..] = cpuid(base + 1, 0);
        let [hvm_features, vcpu, domain, _] =
            if last >= base + 4 { cpuid(base + 4, 0) } else { [0; 4] };
        Self {
            base,
            last,
            version: ((version >> 16) as u16, version as u16),
            hvm_features,
            vcpu: (hvm_features & VCPU_ID_PRESENT != 0).then_some(vcpu),
            domain: (hvm_features & DOMID_PRESENT != 0).then_some(DomId(domain as u16)),
        }
    }
}

/// Executes CPUID on this CPU.
#[cfg(target_arch = "x86_64")]
pub fn native(leaf: u32, subleaf: u32) -> Leaf {
    let r = core::arch::x86_64::__cpuid_count(leaf, subleaf);
    [r.eax, r.ebx, r.ecx, r.edx]
}

fn text(words: [u32; 3]) -> [u8; 12] {
    let mut bytes = [0; 12];
    for (chunk, word) in bytes.chunks_exact_mut(4).zip(words) {
        chunk.copy_from_slice(&word.to_le_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &[u8; 12]) -> [u32; 3] {
        [0, 4, 8].map(|i| u32::from_le_bytes([text[i], text[i + 1], text[i + 2], text[i + 3]]))
    }

    fn xen_at(base: u32) -> impl Fn(u32, u32) -> Leaf {
        let [b, c, d] = words(SIGNATURE);
        move |leaf, _| match leaf.wrapping_sub(base) {
            0 => [base + 5, b, c, d],
            1 => [0x0004_0014, 0, 0, 0],
            4 => [VCPU_ID_PRESENT | DOMID_PRESENT, 3, 17, 0],
            _ => [0; 4],
        }
    }

    #[test]
    fn xen_is_found_behind_hyper_v() {
        for base in [0x4000_0000, 0x4000_0100, 0x4000_ff00] {
            let xen = XenLeaves::find(xen_at(base)).unwrap();
            assert_eq!((xen.base, xen.version), (base, (4, 20)));
            assert_eq!((xen.vcpu, xen.domain), (Some(3), Some(DomId(17))));
        }
    }

    #[test]
    fn tick_counter_has_its_leaf() {
        let xen = XenLeaves::find(xen_at(0x4000_0100)).unwrap();
        let leaf_3 = |leaf, subleaf| match (leaf, subleaf) {
            (0x4000_0103, 0) => [6, 2, 2_000_000, 4],
            (0x4000_0103, 2) => [3_000_000, 0, 0, 0],
            _ => [0; 4],
        };
        let tsc = xen.tsc(leaf_3).unwrap();
        assert_eq!((tsc.is_emulated, tsc.is_host_reliable, tsc.has_rdtscp), (false, true, true));
        assert_eq!((tsc.mode, tsc.incarnation), (XEN_CPUID_TSC_MODE_NEVER_EMULATE, 4));
        assert_eq!((tsc.guest_khz, tsc.host_khz), (2_000_000, 3_000_000));
        assert_eq!(XenLeaves { last: xen.base + 2, ..xen }.tsc(leaf_3), None);
    }

    #[test]
    fn leaf_without_signature_is_no_xen() {
        assert_eq!(XenLeaves::find(xen_at(0x4001_0000)), None);
        assert_eq!(XenLeaves::find(|_, _| [0x4000_0005, 1, 2, 3]), None);
    }

    #[test]
    fn vendor_selects_instruction() {
        for (name, svm) in [
            (b"AuthenticAMD", true),
            (b"HygonGenuine", true),
            (b"GenuineIntel", false),
            (b"CentaurHauls", false),
            (b"  Shanghai  ", false),
        ] {
            let [b, d, c] = words(name);
            assert_eq!(CpuVendor::read(|_, _| [0, b, c, d]).has_svm(), svm, "{name:?}");
        }
    }
}
