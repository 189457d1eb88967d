//! Tests of the real assembly with `ud2` instead of the hypercall. The signal handler acts as Xen:
//! it records every argument and, like a debug build of Xen, poisons every register that a
//! hypercall may change.

use super::*;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering::SeqCst};
use std::vec::Vec;

struct StandIn;

// SAFETY: answers within this process and accesses no memory.
unsafe impl Hypercall for StandIn {
    #[inline(always)]
    unsafe fn hypercall(&self, op: usize, args: [usize; 5]) -> isize {
        call!("ud2", op, args)
    }
}

const POISON: i64 = 0x5555_aaaa_dead_beef_u64 as i64;
const RESULT: i64 = -38;

/// Operation and arguments, in the order of the ABI.
const REGISTERS: [i32; 6] =
    [libc::REG_RAX, libc::REG_RDI, libc::REG_RSI, libc::REG_RDX, libc::REG_R10, libc::REG_R8];

/// Values of these registers in the calls of one test.
static SEEN: [[AtomicI64; 6]; CALLS] = [const { [const { AtomicI64::new(0) }; 6] }; CALLS];
static COUNT: AtomicUsize = AtomicUsize::new(0);
const CALLS: usize = 3;

/// Lock for the signal's disposition, which belongs to the process.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

extern "C" fn xen(_signal: i32, _info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: the kernel passes a valid ucontext to an SA_SIGINFO handler, which only the handler
    // uses while it runs.
    let registers = unsafe { &mut (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs };
    let call = COUNT.fetch_add(1, SeqCst) % CALLS;
    for (seen, register) in SEEN[call].iter().zip(REGISTERS) {
        seen.store(registers[register as usize], SeqCst);
        registers[register as usize] = POISON;
    }
    registers[libc::REG_RAX as usize] = RESULT;
    registers[libc::REG_RIP as usize] += 2;
}

fn with_stand_in(test: impl FnOnce()) {
    let _guard = ONE_AT_A_TIME.lock();
    COUNT.store(0, SeqCst);
    // SAFETY: plain calls of the C library with valid structures; the handler does only what
    // handlers may do.
    unsafe {
        let mut action: libc::sigaction = core::mem::zeroed();
        let mut old: libc::sigaction = core::mem::zeroed();
        action.sa_sigaction =
            xen as extern "C" fn(i32, *mut libc::siginfo_t, *mut libc::c_void) as usize;
        action.sa_flags = libc::SA_SIGINFO;
        assert_eq!(libc::sigaction(libc::SIGILL, &raw const action, &raw mut old), 0);
        test();
        assert_eq!(libc::sigaction(libc::SIGILL, &raw const old, core::ptr::null_mut()), 0);
    }
}

fn seen(call: usize) -> Vec<i64> {
    SEEN[call].iter().map(|word| word.load(SeqCst)).collect()
}

#[test]
fn arguments_are_in_abi_registers() {
    with_stand_in(|| {
        // SAFETY: the stand-in accepts any arguments.
        let result = unsafe { StandIn.hypercall(17, [11, 12, 13, 14, 15]) };
        assert_eq!(result as i64, RESULT);
        assert_eq!(seen(0), [17, 11, 12, 13, 14, 15]);
    });
}

#[inline(never)]
fn three_calls(op: usize, args: [usize; 5]) -> isize {
    let args = args.map(core::hint::black_box);
    // SAFETY: the stand-in accepts any arguments.
    unsafe {
        StandIn.hypercall(op, args) + StandIn.hypercall(op, args) + StandIn.hypercall(op, args)
    }
}

/// Without a declared clobber, an optimizing compiler expects that a register still has its
/// argument, and uses the poison. There must be no code between the calls: any function would
/// change the registers by itself.
#[test]
fn clobbered_registers_are_not_reused() {
    with_stand_in(|| {
        let op = core::hint::black_box(32);
        let args = core::hint::black_box([21, 22, 23, 24, 25]);
        assert_eq!(three_calls(op, args) as i64, 3 * RESULT);
        for call in 0..CALLS {
            assert_eq!(seen(call), [32, 21, 22, 23, 24, 25], "call {call}");
        }
    });
}
