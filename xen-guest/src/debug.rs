//! Dump of a vCPU, for an administrator who sends `VIRQ_DEBUG` (`xl debug-keys q`).

use core::fmt;

/// Registers of an interrupted vCPU (x86-64).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as the registers")]
#[allow(clippy::exhaustive_structs, reason = "the registers of the architecture")]
pub struct Registers {
    pub rip: u64,
    pub rsp: u64,
    pub rflags: u64,
    pub rax: u64,
    pub rbx: u64,
    pub rcx: u64,
    pub rdx: u64,
    pub rsi: u64,
    pub rdi: u64,
    pub rbp: u64,
    pub r8: u64,
    pub r9: u64,
    pub r10: u64,
    pub r11: u64,
    pub r12: u64,
    pub r13: u64,
    pub r14: u64,
    pub r15: u64,
}

/// Registers and top of the stack of a vCPU; `Display` writes lines without allocating.
///
/// A kernel binds `VIRQ_DEBUG` on each vCPU, and in its handler prints this, and on vCPU 0 also
/// `EventChannels::dump` of `xen-evtchn`.
#[derive(Clone, Copy, Debug)]
#[doc(alias = "VIRQ_DEBUG")]
pub struct VcpuDump<'a> {
    /// Number of the vCPU.
    pub vcpu: u32,
    /// Registers of the interrupted code.
    pub registers: &'a Registers,
    /// Words of its stack, from RSP up.
    pub stack: &'a [u64],
}

impl fmt::Display for VcpuDump<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { vcpu, registers: r, stack } = self;
        let Registers { rip, rsp, rflags, rax, rbx, rcx, rdx, rsi, rdi, rbp, .. } = r;
        let Registers { r8, r9, r10, r11, r12, r13, r14, r15, .. } = r;
        writeln!(f, "vCPU {vcpu}: rip {rip:016x}  rsp {rsp:016x}  rflags {rflags:x}")?;
        writeln!(f, "rax {rax:016x}  rbx {rbx:016x}  rcx {rcx:016x}  rdx {rdx:016x}")?;
        writeln!(f, "rsi {rsi:016x}  rdi {rdi:016x}  rbp {rbp:016x}  r8  {r8:016x}")?;
        writeln!(f, "r9  {r9:016x}  r10 {r10:016x}  r11 {r11:016x}  r12 {r12:016x}")?;
        writeln!(f, "r13 {r13:016x}  r14 {r14:016x}  r15 {r15:016x}")?;
        for (row, words) in stack.chunks(4).enumerate() {
            let address = rsp.wrapping_add(row as u64 * 32);
            write!(f, "stack {address:016x}:")?;
            words.iter().try_for_each(|word| write!(f, " {word:016x}"))?;
            writeln!(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    #[test]
    fn dump_names_each_register() {
        let registers = Registers { rip: 0x1234, rsp: 0x8000, r15: 0xabcd, ..Default::default() };
        let stack = [7, 8, 9, 10, 11];
        let text = format!("{}", VcpuDump { vcpu: 3, registers: &registers, stack: &stack });
        assert!(text.starts_with("vCPU 3: rip 0000000000001234  rsp 0000000000008000"), "{text}");
        assert!(text.contains("r15 000000000000abcd\n"), "{text}");
        assert!(text.ends_with("stack 0000000000008020: 000000000000000b\n"), "{text}");
        let names = ["rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "r8 ", "r9", "r10", "r11"];
        for name in names.iter().chain(&["r12", "r13", "r14"]) {
            assert!(text.contains(name), "{name}");
        }
    }
}
