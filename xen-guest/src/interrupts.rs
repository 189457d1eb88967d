//! Interrupt flag of a CPU, and the halt that loses no interrupt.

/// The interrupt flag of the CPU that executes the call.
///
/// `arch::InterruptFlag` implements it with `cli` and `sti`; a kernel that counts nested disables
/// implements it by its own functions.
pub trait LocalInterrupts {
    /// Returns whether interrupts are enabled.
    fn are_enabled(&self) -> bool;

    /// Disables interrupts.
    fn disable(&self);

    /// Enables interrupts.
    fn enable(&self);

    /// Enables interrupts and halts until the next one, in one step: an interrupt that is pending
    /// before ends the halt (`sti; hlt` on x86).
    fn enable_and_halt(&self);
}

/// Halts until the next interrupt, unless `has_work` returns true. Interrupts must be enabled, and
/// are off while `has_work` runs, so that no event is lost between it and the halt: its interrupt
/// ends the halt.
///
/// `has_work` must check all that an interrupt handler leaves for the thread.
pub fn halt_unless(interrupts: &impl LocalInterrupts, has_work: impl FnOnce() -> bool) {
    interrupts.disable();
    if has_work() {
        interrupts.enable();
    } else {
        interrupts.enable_and_halt();
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use core::cell::{Cell, RefCell};
    use std::vec::Vec;

    /// Interrupt flag that records its changes.
    #[derive(Default)]
    struct Flag {
        enabled: Cell<bool>,
        changes: RefCell<Vec<&'static str>>,
    }

    impl LocalInterrupts for &Flag {
        fn are_enabled(&self) -> bool {
            self.enabled.get()
        }

        fn disable(&self) {
            self.enabled.set(false);
            self.changes.borrow_mut().push("disable");
        }

        fn enable(&self) {
            self.enabled.set(true);
            self.changes.borrow_mut().push("enable");
        }

        fn enable_and_halt(&self) {
            self.enabled.set(true);
            self.changes.borrow_mut().push("halt");
        }
    }

    #[test]
    fn work_is_checked_with_interrupts_off() {
        for (work, last) in [(true, "enable"), (false, "halt")] {
            let flag = Flag { enabled: Cell::new(true), ..Default::default() };
            halt_unless(&&flag, || {
                assert!(!flag.enabled.get());
                work
            });
            assert_eq!(*flag.changes.borrow(), ["disable", last]);
        }
    }
}
