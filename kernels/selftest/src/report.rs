//! One line per operation, and the count at the end.

use crate::arm;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use core::fmt::{Debug, Write};
use xen_hypercall::Errno;
use xen_hypercall::ops::{control::ControlError, grant_table::GrantOpError, version::XenVersion};
use xen_kernel_rt::early::Early;
use xen_kernel_rt::{Rt, early_println};

/// Calls an operation, prints its line, and gives its value if it succeeded:
/// `op!(t, module::function(arguments) => expected)`.
macro_rules! op {
    ($t:expr, unsafe $module:ident::$function:ident($($arg:expr),* $(,)?) => $expected:expr) => {{
        let args = [$($crate::report::show(&$arg)),*];
        // SAFETY: the tests give Xen only memory of their own that nothing else uses, and
        // end Xen's access before its release, or leak it.
        let result = unsafe { $module::$function(&$t.xen, $($arg),*) };
        $t.line(concat!(stringify!($module), "::", stringify!($function)), &args, result, $expected)
    }};
    ($t:expr, $module:ident::$function:ident($($arg:expr),* $(,)?) => $expected:expr) => {{
        let args = [$($crate::report::show(&$arg)),*];
        let result = $module::$function(&$t.xen, $($arg),*);
        $t.line(concat!(stringify!($module), "::", stringify!($function)), &args, result, $expected)
    }};
}
pub(crate) use op;

/// Expected result of an operation.
pub(crate) enum Expected<T, E> {
    /// Success with any value.
    Ok,
    /// Exactly this; compared by what is printed.
    Is(Result<T, E>),
    /// Success, with a value that has this property.
    That(&'static str, Box<dyn Fn(&T) -> bool>),
    /// One of these errors: which one is up to how Xen was built.
    Refused(&'static [Errno]),
}

/// The kernel runs on Arm.
pub(crate) const ARM: bool = cfg!(target_arch = "aarch64");

/// Returns the expectation of this architecture: `x86`, or `arm`.
pub(crate) fn by_arch<T>(x86: T, arm: T) -> T {
    if ARM { arm } else { x86 }
}

pub(crate) fn that<T, E>(
    text: &'static str,
    holds: impl Fn(&T) -> bool + 'static,
) -> Expected<T, E> {
    Expected::That(text, Box::new(holds))
}

pub(crate) fn is<T, E>(value: T) -> Expected<T, E> {
    Expected::Is(Ok(value))
}

pub(crate) fn fails<T, E: Refusal>(errno: Errno) -> Expected<T, E> {
    Expected::Is(Err(E::of(errno)))
}

/// An error that can be a plain refusal of Xen's.
pub(crate) trait Refusal: Debug {
    fn of(errno: Errno) -> Self;
}

impl Refusal for Errno {
    fn of(errno: Errno) -> Self {
        errno
    }
}

impl Refusal for ControlError {
    fn of(errno: Errno) -> Self {
        Self::Call(errno)
    }
}

impl Refusal for GrantOpError {
    fn of(errno: Errno) -> Self {
        Self::Call(errno)
    }
}

/// The run so far, and where it runs: expectations depend on that.
pub(crate) struct Report {
    pub(crate) xen: Rt,
    pub(crate) dom0: bool,
    /// An HVM guest, with the devices that Xen emulates. All others are PVH.
    pub(crate) hvm: bool,
    pub(crate) version: XenVersion,
    ok: u32,
    failed: u32,
}

impl Report {
    pub(crate) fn new(xen: Rt, version: XenVersion) -> Self {
        Self { xen, dom0: xen.is_dom0(), hvm: xen.has_pic(), version, ok: 0, failed: 0 }
    }

    /// Prints an operation's line and counts it.
    #[expect(clippy::needless_pass_by_value, reason = "an expectation is made at its use")]
    pub(crate) fn line<T: Debug, E: Refusal>(
        &mut self,
        name: &str,
        args: &[String],
        result: Result<T, E>,
        expected: Expected<T, E>,
    ) -> Option<T> {
        let args = args.join(", ");
        let got = show(&result);
        let (expected_text, ok) = match &expected {
            Expected::Ok => ("Ok(..)".into(), result.is_ok()),
            Expected::Is(value) => (show(value), format!("{value:?}") == format!("{result:?}")),
            Expected::That(text, holds) => {
                (format!("Ok({text})"), result.as_ref().is_ok_and(holds))
            }
            Expected::Refused(errors) => {
                let answer = result.as_ref().err().map(|error| format!("{error:?}"));
                let one = errors.iter().any(|&errno| answer == Some(format!("{:?}", E::of(errno))));
                (format!("Err(one of {errors:?})"), one)
            }
        };
        let line = format!("{name}({args}");
        let (expected_text, ok) = match arm::result(self.dom0, &line).filter(|_| ARM) {
            Some(text) => (text.into(), text.split('|').any(|text| got == text)),
            None => (expected_text, ok),
        };
        let verdict = if ok { "ok" } else { "FAIL" };
        // In one piece, so that Xen's own messages come between lines.
        let line = format!("op {name}({args}) = {got} expected {expected_text} {verdict}\n");
        let _ = Early.write_str(&line);
        *if ok { &mut self.ok } else { &mut self.failed } += 1;
        result.ok()
    }

    /// Prints and counts what should have come of operations before.
    pub(crate) fn fact(&mut self, name: &str, holds: bool) {
        if ARM && arm::is_of_x86(name) {
            return;
        }
        let result = if holds { Ok(()) } else { Err(Errno::EINVAL) };
        self.line(name, &[], result, Expected::Is(Ok(())));
    }

    /// Returns the expectation for dom0; a guest is refused.
    pub(crate) fn dom0_only<T, E: Refusal>(&self, expected: Expected<T, E>) -> Expected<T, E> {
        if self.dom0 { expected } else { fails(Errno::EPERM) }
    }

    /// Returns the expectation for Xen 4.`minor` and later; earlier versions lack the operation.
    pub(crate) fn since<T, E: Refusal>(
        &self,
        minor: u16,
        expected: Expected<T, E>,
    ) -> Expected<T, E> {
        if self.version >= (XenVersion { major: 4, minor }) {
            expected
        } else {
            fails(Errno::ENOSYS)
        }
    }

    /// Prints the counts.
    pub(crate) fn end(self) {
        early_println!("selftest OK={} FAILED={}", self.ok, self.failed);
    }
}

/// Returns a value cut to the length of a line.
pub(crate) fn show(value: &impl Debug) -> String {
    const ROOM: usize = 70;
    let text = format!("{value:?}");
    match text.char_indices().nth(ROOM) {
        Some((end, _)) => format!("{}..", &text[..end]),
        None => text,
    }
}
