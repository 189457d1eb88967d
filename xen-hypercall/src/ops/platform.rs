//! `platform_op`: clock, power, firmware and CPUs of the machine; for the hardware domain on x86.
//! Source: `platform.h`.
//!
//! All functions return `EPERM` if the domain is not privileged, `ENOSYS` for an operation that Xen
//! does not support, `EINVAL` for a wrong argument, and `EACCES` if Xen's interface version is not
//! [`XENPF_INTERFACE_VERSION`], which is so for no recent release. [`call`] takes any operation
//! with its structure.

use super::{count, from_union, structure, union_of};
use crate::{Errno, Hypercall, Instant};
use xen_sys::GuestHandle;
use xen_sys::platform::*;
use xen_sys::xen::{Dom0VgaConsoleInfo, HYPERVISOR_PLATFORM_OP};
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Issues operation `number` (`XENPF_*`) with its structure (`()` for none), and returns its
/// result.
///
/// # Errors
///
/// See the [module](self).
///
/// # Safety
///
/// `arg` must be the operation's structure, with all that it points to. Some operations change the
/// caching of memory, or the state of CPUs.
#[doc(alias = "__HYPERVISOR_platform_op")]
pub unsafe fn call<H: Hypercall + ?Sized, T: FromBytes + IntoBytes + Immutable>(
    xen: &H,
    number: u32,
    arg: &mut T,
) -> Result<usize, Errno> {
    let mut whole = whole(number, arg);
    // SAFETY: operation and structure are the caller's obligation.
    let result = unsafe { structure(xen, HYPERVISOR_PLATFORM_OP, &mut whole) };
    from_union(&whole.u, arg);
    result
}

fn whole<T: IntoBytes + Immutable>(number: u32, arg: &T) -> XenPlatformOp {
    XenPlatformOp { cmd: number, interface_version: XENPF_INTERFACE_VERSION, u: union_of(arg) }
}

/// Issues operation `number` and returns its structure.
///
/// # Safety
///
/// As [`call`].
unsafe fn op<H: Hypercall + ?Sized, T: FromBytes + IntoBytes + Immutable>(
    xen: &H,
    number: u32,
    mut arg: T,
) -> Result<T, Errno> {
    // SAFETY: operation and structure are the caller's obligation.
    unsafe { call(xen, number, &mut arg) }?;
    Ok(arg)
}

/// Sets the wall clock: `secs` seconds and `nsecs` nanoseconds after 1970 at time `at`.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "XENPF_settime64")]
pub fn settime<H: Hypercall + ?Sized>(
    xen: &H,
    secs: u64,
    nsecs: u32,
    at: Instant,
) -> Result<(), Errno> {
    // SAFETY: the command's own structure, which contains no pointer; no memory of the caller
    // changes.
    unsafe {
        op(xen, XENPF_SETTIME64, XenpfSettime64 { secs, nsecs, mbz: 0, system_time: at.as_nanos() })
    }
    .map(drop)
}

/// Sets the wall clock like [`settime`], for Xen before 4.6; until the year 2106.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "XENPF_settime32")]
pub fn settime32<H: Hypercall + ?Sized>(
    xen: &H,
    secs: u32,
    nsecs: u32,
    at: Instant,
) -> Result<(), Errno> {
    // SAFETY: the command's own structure, which contains no pointer; no memory of the caller
    // changes.
    unsafe { op(xen, XENPF_SETTIME32, XenpfSettime32 { secs, nsecs, system_time: at.as_nanos() }) }
        .map(drop)
}

/// Sets the cache type of machine frames by a range register. Returns a handle and the register.
///
/// # Errors
///
/// See the [module](self); `ENOSPC` if all registers are in use.
///
/// # Safety
///
/// Caching of that memory changes for all its users.
#[doc(alias = "XENPF_add_memtype")]
pub unsafe fn add_memtype<H: Hypercall + ?Sized>(
    xen: &H,
    first: u64,
    frames: u64,
    kind: u32,
) -> Result<(u32, u32), Errno> {
    // SAFETY: the command's own structure; the other obligations are the caller's.
    unsafe {
        op(
            xen,
            XENPF_ADD_MEMTYPE,
            XenpfAddMemtype { mfn: first, nr_mfns: frames, type_: kind, ..Default::default() },
        )
    }
    .map(|arg| (arg.handle, arg.reg))
}

/// Removes a cache type that [`add_memtype`] has set.
///
/// # Errors
///
/// See the [module](self).
///
/// # Safety
///
/// Caching of that memory changes for all its users.
#[doc(alias = "XENPF_del_memtype")]
pub unsafe fn del_memtype<H: Hypercall + ?Sized>(
    xen: &H,
    handle: u32,
    reg: u32,
) -> Result<(), Errno> {
    // SAFETY: the command's own structure; the other obligations are the caller's.
    unsafe { op(xen, XENPF_DEL_MEMTYPE, XenpfDelMemtype { handle, reg }) }.map(drop)
}

/// Returns the value of range register `reg`.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "XENPF_read_memtype")]
pub fn read_memtype<H: Hypercall + ?Sized>(xen: &H, reg: u32) -> Result<XenpfReadMemtype, Errno> {
    // SAFETY: the command's own structure, which contains no pointer; no memory of the caller
    // changes.
    unsafe { op(xen, XENPF_READ_MEMTYPE, XenpfReadMemtype { reg, ..Default::default() }) }
}

/// Loads microcode into all CPUs, in the form that the vendor publishes.
///
/// # Errors
///
/// See the [module](self); `EINVAL` or `ENOENT` if it has no microcode for these CPUs, `EIO` or
/// `EEXIST` if it is not newer.
#[doc(alias = "XENPF_microcode_update")]
pub fn microcode_update<H: Hypercall + ?Sized>(xen: &H, data: &[u8]) -> Result<(), Errno> {
    // SAFETY: the command's own structure; the bytes are only read, and the CPU checks their
    // signature.
    unsafe {
        op(
            xen,
            XENPF_MICROCODE_UPDATE,
            XenpfMicrocodeUpdate {
                data: GuestHandle::from_ptr(data.as_ptr()),
                length: count(data.len()),
                ..Default::default()
            },
        )
    }
    .map(drop)
}

/// Loads microcode like [`microcode_update`]; with [`XENPF_UCODE_FORCE`], also if it is not newer
/// (Xen 4.19).
///
/// # Errors
///
/// See the [module](self); as [`microcode_update`], and `ENOSYS` in an older Xen.
#[doc(alias = "XENPF_microcode_update2")]
pub fn microcode_update2<H: Hypercall + ?Sized>(
    xen: &H,
    flags: u32,
    data: &[u8],
) -> Result<(), Errno> {
    // SAFETY: the command's own structure; the bytes are only read, and the CPU checks their
    // signature.
    unsafe {
        op(
            xen,
            XENPF_MICROCODE_UPDATE2,
            XenpfMicrocodeUpdate2 {
                flags,
                length: count(data.len()),
                data: GuestHandle::from_ptr(data.as_ptr()),
            },
        )
    }
    .map(drop)
}

/// Returns the microcode revision of a CPU (Xen 4.18).
///
/// # Errors
///
/// See the [module](self); `ENOENT` for an unknown CPU.
#[doc(alias = "XENPF_get_ucode_revision")]
pub fn get_ucode_revision<H: Hypercall + ?Sized>(
    xen: &H,
    cpu: u32,
) -> Result<XenpfUcodeRevision, Errno> {
    // SAFETY: the command's own structure, which contains no pointer; no memory of the caller
    // changes.
    unsafe { op(xen, XENPF_GET_UCODE_REVISION, XenpfUcodeRevision { cpu, ..Default::default() }) }
}

/// Reports a fault of this machine to Xen (`QUIRK_*`).
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "XENPF_platform_quirk")]
pub fn platform_quirk<H: Hypercall + ?Sized>(xen: &H, quirk: u32) -> Result<(), Errno> {
    // SAFETY: the command's own structure, which contains no pointer; no memory of the caller
    // changes.
    unsafe { op(xen, XENPF_PLATFORM_QUIRK, XenpfPlatformQuirk { quirk_id: quirk }) }.map(drop)
}

/// Calls an EFI runtime service (`XEN_EFI_*`), and returns the structure with the status and the
/// results of the service.
///
/// # Errors
///
/// See the [module](self); `ENOSYS` or `EOPNOTSUPP` on a machine that was not booted by EFI.
///
/// # Safety
///
/// The structure must name memory for the service to read or write.
#[doc(alias = "XENPF_efi_runtime_call")]
pub unsafe fn efi_runtime_call<H: Hypercall + ?Sized>(
    xen: &H,
    call: XenpfEfiRuntimeCall,
) -> Result<XenpfEfiRuntimeCall, Errno> {
    // SAFETY: the command's own structure; the other obligations are the caller's.
    unsafe { op(xen, XENPF_EFI_RUNTIME_CALL, call) }
}

/// Reads the hardware clock by EFI. Returns a union that starts with a `XenpfEfiTime`.
///
/// # Errors
///
/// See the [module](self); as [`efi_runtime_call`].
#[doc(alias = "XEN_EFI_get_time")]
pub fn efi_get_time<H: Hypercall + ?Sized>(xen: &H) -> Result<XenpfEfiRuntimeCall, Errno> {
    // SAFETY: the command's own structure, which contains no pointer; no memory of the caller
    // changes.
    unsafe {
        op(
            xen,
            XENPF_EFI_RUNTIME_CALL,
            XenpfEfiRuntimeCall { function: XEN_EFI_GET_TIME, ..Default::default() },
        )
    }
}

/// Returns information of the firmware (`XEN_FW_*`).
///
/// # Errors
///
/// See the [module](self); `ESRCH` or `ENOENT` beyond the last one, `ENOSYS` for a kind that this
/// machine does not have.
///
/// # Safety
///
/// The structure must name memory for Xen to write.
#[doc(alias = "XENPF_firmware_info")]
pub unsafe fn firmware_info<H: Hypercall + ?Sized>(
    xen: &H,
    info: XenpfFirmwareInfo,
) -> Result<XenpfFirmwareInfo, Errno> {
    // SAFETY: the command's own structure; the other obligations are the caller's.
    unsafe { op(xen, XENPF_FIRMWARE_INFO, info) }
}

/// Returns the keyboard's shift keys at boot, as in the BIOS data area.
///
/// # Errors
///
/// See the [module](self); as [`firmware_info`].
#[doc(alias = "XEN_FW_KBD_SHIFT_FLAGS")]
pub fn keyboard_shift_flags<H: Hypercall + ?Sized>(xen: &H) -> Result<u8, Errno> {
    // SAFETY: the command's own structure, which contains no pointer; no memory of the caller
    // changes.
    unsafe {
        op(
            xen,
            XENPF_FIRMWARE_INFO,
            XenpfFirmwareInfo { type_: XEN_FW_KBD_SHIFT_FLAGS, ..Default::default() },
        )
    }
    .map(|arg| arg.u[0] as u8)
}

/// Puts the machine to sleep, with the values that ACPI has for the state. Returns after the
/// machine has woken.
///
/// # Errors
///
/// See the [module](self); `EBUSY`.
#[doc(alias = "XENPF_enter_acpi_sleep")]
pub fn enter_acpi_sleep<H: Hypercall + ?Sized>(
    xen: &H,
    sleep: XenpfEnterAcpiSleep,
) -> Result<(), Errno> {
    // SAFETY: the command's own structure, which contains no pointer; no memory of the caller
    // changes.
    unsafe { op(xen, XENPF_ENTER_ACPI_SLEEP, sleep) }.map(drop)
}

/// Reports a CPU's new frequency, as set by dom0.
///
/// # Errors
///
/// See the [module](self); `ENOSYS` if dom0 does not manage frequencies.
#[doc(alias = "XENPF_change_freq")]
pub fn change_freq<H: Hypercall + ?Sized>(xen: &H, cpu: u32, hertz: u64) -> Result<(), Errno> {
    // SAFETY: the command's own structure, which contains no pointer; no memory of the caller
    // changes.
    unsafe { op(xen, XENPF_CHANGE_FREQ, XenpfChangeFreq { flags: 0, cpu, freq: hertz }) }.map(drop)
}

/// Uploads ACPI's information about a CPU's idle or performance states.
///
/// # Errors
///
/// See the [module](self).
///
/// # Safety
///
/// The lists in the structure must be memory for Xen to read.
#[doc(alias = "XENPF_set_processor_pminfo")]
pub unsafe fn set_processor_pminfo<H: Hypercall + ?Sized>(
    xen: &H,
    info: XenpfSetProcessorPminfo,
) -> Result<(), Errno> {
    // SAFETY: the command's own structure; the other obligations are the caller's.
    unsafe { op(xen, XENPF_SET_PROCESSOR_PMINFO, info) }.map(drop)
}

/// Returns whether a CPU is up, and the number of the last CPU.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "XENPF_get_cpuinfo")]
pub fn get_cpuinfo<H: Hypercall + ?Sized>(xen: &H, cpu: u32) -> Result<XenpfPcpuinfo, Errno> {
    // SAFETY: the command's own structure, which contains no pointer; no memory of the caller
    // changes.
    unsafe { op(xen, XENPF_GET_CPUINFO, XenpfPcpuinfo { xen_cpuid: cpu, ..Default::default() }) }
}

/// Returns vendor, family, model and stepping of a CPU.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "XENPF_get_cpu_version")]
pub fn get_cpu_version<H: Hypercall + ?Sized>(
    xen: &H,
    cpu: u32,
) -> Result<XenpfPcpuVersion, Errno> {
    // SAFETY: the command's own structure, which contains no pointer; no memory of the caller
    // changes.
    unsafe {
        op(xen, XENPF_GET_CPU_VERSION, XenpfPcpuVersion { xen_cpuid: cpu, ..Default::default() })
    }
}

/// Brings a CPU up.
///
/// # Errors
///
/// See the [module](self); `EBUSY` or `EAGAIN`, see [`super::retry`].
#[doc(alias = "XENPF_cpu_online")]
pub fn cpu_online<H: Hypercall + ?Sized>(xen: &H, cpu: u32) -> Result<(), Errno> {
    // SAFETY: the command's own structure, which contains no pointer; no memory of the caller
    // changes.
    unsafe { op(xen, XENPF_CPU_ONLINE, XenpfCpuOl { cpuid: cpu }) }.map(drop)
}

/// Takes a CPU down, except the first one.
///
/// # Errors
///
/// See the [module](self); `EOPNOTSUPP` for the first one, `EBUSY` or `EAGAIN`, see
/// [`super::retry`].
#[doc(alias = "XENPF_cpu_offline")]
pub fn cpu_offline<H: Hypercall + ?Sized>(xen: &H, cpu: u32) -> Result<(), Errno> {
    // SAFETY: the command's own structure, which contains no pointer; no memory of the caller
    // changes.
    unsafe { op(xen, XENPF_CPU_OFFLINE, XenpfCpuOl { cpuid: cpu }) }.map(drop)
}

/// Reports memory that was added to the running machine.
///
/// # Errors
///
/// See the [module](self); `EINVAL` for a range without such memory.
///
/// # Safety
///
/// The range must be RAM: Xen uses it for its own tables, and allocates it to domains, among them
/// this one.
#[doc(alias = "XENPF_mem_hotadd")]
pub unsafe fn mem_hotadd<H: Hypercall + ?Sized>(
    xen: &H,
    memory: XenpfMemHotadd,
) -> Result<(), Errno> {
    // SAFETY: the command's own structure; the range is the caller's obligation.
    unsafe { op(xen, XENPF_MEM_HOTADD, memory) }.map(drop)
}

/// Returns the number of parked CPUs.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "XEN_CORE_PARKING_GET")]
pub fn parked_cores<H: Hypercall + ?Sized>(xen: &H) -> Result<u32, Errno> {
    // SAFETY: the command's own structure, which contains no pointer; no memory of the caller
    // changes.
    unsafe {
        op(xen, XENPF_CORE_PARKING, XenpfCoreParking { type_: XEN_CORE_PARKING_GET, idle_nums: 0 })
    }
    .map(|arg| arg.idle_nums)
}

/// Parks `cpus` CPUs, and unparks the others.
///
/// # Errors
///
/// See the [module](self); `EBUSY`.
#[doc(alias = "XEN_CORE_PARKING_SET")]
pub fn park_cores<H: Hypercall + ?Sized>(xen: &H, cpus: u32) -> Result<(), Errno> {
    // SAFETY: the command's own structure, which contains no pointer; no memory of the caller
    // changes.
    unsafe {
        op(
            xen,
            XENPF_CORE_PARKING,
            XenpfCoreParking { type_: XEN_CORE_PARKING_SET, idle_nums: cpus },
        )
    }
    .map(drop)
}

/// Reads and writes a few registers that Xen permits, in order on one CPU; each entry's error is in
/// its first word.
///
/// # Errors
///
/// See the [module](self); `ENODEV` for an unknown CPU, `ENOSPC` for too many.
#[doc(alias = "XENPF_resource_op")]
pub fn resource_op<H: Hypercall + ?Sized>(
    xen: &H,
    cpu: u32,
    entries: &mut [XenpfResourceEntry],
) -> Result<(), Errno> {
    // SAFETY: the command's own structure, with the given number of entries; Xen permits only
    // monitoring registers.
    unsafe {
        op(
            xen,
            XENPF_RESOURCE_OP,
            XenpfResourceOp {
                nr_entries: count(entries.len()),
                cpu,
                entries: GuestHandle::from_mut_ptr(entries.as_mut_ptr()),
            },
        )
    }
    .map(drop)
}

/// Returns the video console that Xen leaves to dom0 (Xen 4.18).
///
/// # Errors
///
/// See the [module](self); `ENODEV` or `ENOENT` if there is none.
#[doc(alias = "XENPF_get_dom0_console")]
pub fn get_dom0_console<H: Hypercall + ?Sized>(xen: &H) -> Result<Dom0VgaConsoleInfo, Errno> {
    // SAFETY: the command writes the structure to the start of the union, which contains no
    // pointer.
    unsafe { op(xen, XENPF_GET_DOM0_CONSOLE, [0u64; 5]) }.map(|words| console(&words))
}

/// Returns the structure at the start of the union.
fn console(words: &[u64; 5]) -> Dom0VgaConsoleInfo {
    let mut info = Dom0VgaConsoleInfo::default();
    from_union(words, &mut info);
    info
}

/// Reports a CPU that was added to the running machine, and returns its number.
///
/// # Errors
///
/// See the [module](self); `EEXIST` if Xen has it already, `ENOSPC`.
#[doc(alias = "XENPF_cpu_hotadd")]
pub fn cpu_hotadd<H: Hypercall + ?Sized>(xen: &H, mut cpu: XenpfCpuHotadd) -> Result<usize, Errno> {
    // SAFETY: the command's own structure, which contains no pointer; no memory of the caller
    // changes.
    unsafe { call(xen, XENPF_CPU_HOTADD, &mut cpu) }
}

/// Writes the idle time in nanoseconds of each of the first 64 CPUs that is in `cpus` (one bit
/// each). Returns the bits of the existing ones, and the time of the query.
///
/// # Errors
///
/// See the [module](self); `ENOSYS` if dom0 does not manage frequencies.
#[doc(alias = "XENPF_getidletime")]
pub fn getidletime<H: Hypercall + ?Sized>(
    xen: &H,
    cpus: u64,
    idle: &mut [u64; 64],
) -> Result<(u64, Instant), Errno> {
    let mut map = cpus;
    let arg = XenpfGetidletime {
        cpumap_bitmap: GuestHandle::from_mut_ptr(&raw mut map),
        cpumap_nr_cpus: 64,
        idletime: GuestHandle::from_mut_ptr(idle.as_mut_ptr()),
        ..Default::default()
    };
    // SAFETY: the command's own structure, with a bitmap and a list for 64 CPUs, which are borrowed
    // or owned.
    let arg = unsafe { op(xen, XENPF_GETIDLETIME, arg) }?;
    Ok((map, Instant::from_nanos(arg.now)))
}

/// Symbol of Xen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Symbol<'a> {
    /// Name.
    pub name: &'a [u8],
    /// Address in Xen's address space.
    pub address: u64,
    /// Kind, as printed by `nm`.
    pub kind: u8,
    /// Number of the next symbol.
    pub next: u32,
}

/// Returns symbol `number` of Xen. Its name is written into `name`, truncated if it does not fit.
///
/// # Errors
///
/// See the [module](self); `ERANGE` or `EINVAL` beyond the last one.
#[doc(alias = "XENPF_get_symbol")]
pub fn get_symbol<'a, H: Hypercall + ?Sized>(
    xen: &H,
    number: u32,
    name: &'a mut [u8],
) -> Result<Symbol<'a>, Errno> {
    let handle = GuestHandle::from_mut_ptr(name.as_mut_ptr());
    let arg = XenpfSymdata {
        namelen: count(name.len()),
        symnum: number,
        name: handle,
        ..Default::default()
    };
    // SAFETY: the command's own structure; Xen writes at most namelen bytes of the name.
    let arg = unsafe { op(xen, XENPF_GET_SYMBOL, arg) }?;
    let len = (arg.namelen as usize).min(name.len());
    let name = name[..len].split(|&byte| byte == 0).next().unwrap_or_default();
    Ok(Symbol { name, address: arg.address, kind: arg.type_, next: arg.symnum })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::recorder::{Recorder, issues};

    const OP: usize = HYPERVISOR_PLATFORM_OP;

    #[test]
    fn each_function_issues_its_operation() {
        let at = Instant::from_nanos(9);
        let time32 = XenpfSettime32 { secs: 1, nsecs: 2, system_time: 9 };
        let time64 = XenpfSettime64 { secs: 1, nsecs: 2, mbz: 0, system_time: 9 };
        let add = XenpfAddMemtype { mfn: 1, nr_mfns: 2, type_: 6, ..Default::default() };
        let code = [7u8; 3];
        let data = GuestHandle::from_ptr(code.as_ptr());
        let update = XenpfMicrocodeUpdate { data, length: 3, ..Default::default() };
        let update2 = XenpfMicrocodeUpdate2 { flags: 1, length: 3, data };
        let efi = XenpfEfiRuntimeCall { function: XEN_EFI_GET_TIME, ..Default::default() };
        let keys = XenpfFirmwareInfo { type_: XEN_FW_KBD_SHIFT_FLAGS, ..Default::default() };
        let sleep = XenpfEnterAcpiSleep { sleep_state: 5, ..Default::default() };
        let freq = XenpfChangeFreq { flags: 0, cpu: 3, freq: 9 };
        let pm = XenpfSetProcessorPminfo { id: 3, type_: 1, u: [9; 13] };
        let hotadd = XenpfCpuHotadd { apic_id: 3, acpi_id: 4, pxm: 5 };
        let mem = XenpfMemHotadd { spfn: 1, epfn: 2, ..Default::default() };
        let entries = &mut [XenpfResourceEntry::default(); 2];
        let list = GuestHandle::from_ptr(entries.as_ptr());
        let resource = XenpfResourceOp { nr_entries: 2, cpu: 3, entries: list };
        let name = &mut [0u8; 8];
        let handle = GuestHandle::from_ptr(name.as_ptr());
        let symbol = XenpfSymdata { namelen: 8, symnum: 5, name: handle, ..Default::default() };
        issues! {
            settime32(1, 2, at) => OP, [], whole(XENPF_SETTIME32, &time32);
            settime(1, 2, at) => OP, [], whole(XENPF_SETTIME64, &time64);
            add_memtype(1, 2, 6) => OP, [], whole(XENPF_ADD_MEMTYPE, &add);
            del_memtype(5, 6) => OP, [], whole(XENPF_DEL_MEMTYPE, &[5u32, 6]);
            read_memtype(5) => OP, [], whole(XENPF_READ_MEMTYPE, &5u32);
            microcode_update(&code) => OP, [], whole(XENPF_MICROCODE_UPDATE, &update);
            microcode_update2(1, &code) => OP, [],
                whole(XENPF_MICROCODE_UPDATE2, &update2);
            get_ucode_revision(3) => OP, [], whole(XENPF_GET_UCODE_REVISION, &3u32);
            platform_quirk(2) => OP, [], whole(XENPF_PLATFORM_QUIRK, &2u32);
            efi_runtime_call(efi) => OP, [], whole(XENPF_EFI_RUNTIME_CALL, &efi);
            efi_get_time() => OP, [], whole(XENPF_EFI_RUNTIME_CALL, &efi);
            firmware_info(keys) => OP, [], whole(XENPF_FIRMWARE_INFO, &keys);
            keyboard_shift_flags() => OP, [], whole(XENPF_FIRMWARE_INFO, &keys);
            enter_acpi_sleep(sleep) => OP, [], whole(XENPF_ENTER_ACPI_SLEEP, &sleep);
            change_freq(3, 9) => OP, [], whole(XENPF_CHANGE_FREQ, &freq);
            set_processor_pminfo(pm) => OP, [], whole(XENPF_SET_PROCESSOR_PMINFO, &pm);
            get_cpuinfo(3) => OP, [], whole(XENPF_GET_CPUINFO, &3u32);
            get_cpu_version(3) => OP, [], whole(XENPF_GET_CPU_VERSION, &3u32);
            cpu_online(3) => OP, [], whole(XENPF_CPU_ONLINE, &3u32);
            cpu_offline(3) => OP, [], whole(XENPF_CPU_OFFLINE, &3u32);
            cpu_hotadd(hotadd) => OP, [], whole(XENPF_CPU_HOTADD, &hotadd);
            mem_hotadd(mem) => OP, [], whole(XENPF_MEM_HOTADD, &mem);
            parked_cores() => OP, [], whole(XENPF_CORE_PARKING, &[2u32, 0]);
            park_cores(3) => OP, [], whole(XENPF_CORE_PARKING, &[1u32, 3]);
            resource_op(3, entries) => OP, [], whole(XENPF_RESOURCE_OP, &resource);
            get_symbol(5, name) => OP, [], whole(XENPF_GET_SYMBOL, &symbol);
            get_dom0_console() => OP, [], whole(XENPF_GET_DOM0_CONSOLE, &());
        }
    }

    #[test]
    fn idle_times_use_bitmap_and_list() {
        let answer = whole(XENPF_GETIDLETIME, &XenpfGetidletime { now: 9, ..Default::default() });
        let xen = Recorder::expecting(0, size_of_val(&answer)).answering(&answer);
        let idle = &mut [0; 64];
        assert_eq!(getidletime(&xen, 5, idle), Ok((5, Instant::from_nanos(9))));
        let asked = XenPlatformOp::read_from_bytes(&xen.bytes()).unwrap();
        assert_eq!(asked.cmd, XENPF_GETIDLETIME);
        assert_eq!((asked.u[1], asked.u[2]), (64, idle.as_ptr().addr() as u64));
    }

    #[test]
    fn symbol_ends_at_zero_or_buffer() {
        let arg =
            XenpfSymdata { namelen: 99, symnum: 6, address: 9, type_: b't', ..Default::default() };
        let answer = whole(XENPF_GET_SYMBOL, &arg);
        let xen = Recorder::expecting(0, size_of_val(&answer)).answering(&answer);
        let symbol =
            get_symbol(&xen, 5, &mut [b'x'; 4]).map(|s| (s.name.len(), s.address, s.kind, s.next));
        assert_eq!(symbol, Ok((4, 9, b't', 6)));
    }
}
