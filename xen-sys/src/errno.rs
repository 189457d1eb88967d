//! Error numbers. Hypercalls return them negated.
//!
//! Public header: `errno.h`. The numbers are Xen's own and need not be those of the guest's
//! operating system.
//!
//! Coverage: 49 constants and no structures, of Xen 4.17 and 4.20; nothing is left out.

use core::fmt;

/// An error number of Xen, as a positive number. Numbers without a name are legal.
///
/// It displays as its name, number and meaning: `EINVAL (22): A wrong argument`.
#[doc(alias = "xen_errno")]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Errno(pub i32);

macro_rules! errnos {
    (
        $($(#[doc = $text:literal])+ #[doc(alias = $alias:literal)] $name:ident = $value:literal;)*
    ) => {
        impl Errno {
            $($(#[doc = $text])+ #[doc(alias = $alias)] pub const $name: Self = Self($value);)*

            /// Returns the name of a known number.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some(stringify!($name)),)*
                    _ => None,
                }
            }

            /// Returns the number that has a name, as xenstore's errors are sent.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $(stringify!($name) => Some(Self::$name),)*
                    "EWOULDBLOCK" => Some(Self::EWOULDBLOCK),
                    "EDEADLOCK" => Some(Self::EDEADLOCK),
                    _ => None,
                }
            }

            const fn text(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some(concat!($($text),+)),)*
                    _ => None,
                }
            }
        }
    };
}

errnos! {
    /// The operation is not permitted.
    #[doc(alias = "XEN_EPERM")]
    EPERM = 1;
    /// No such thing.
    #[doc(alias = "XEN_ENOENT")]
    ENOENT = 2;
    /// No such process or domain.
    #[doc(alias = "XEN_ESRCH")]
    ESRCH = 3;
    /// Interrupted; internal to Xen.
    #[doc(alias = "XEN_EINTR")]
    EINTR = 4;
    /// Input or output failed.
    #[doc(alias = "XEN_EIO")]
    EIO = 5;
    /// No such device or address.
    #[doc(alias = "XEN_ENXIO")]
    ENXIO = 6;
    /// Too long or too large.
    #[doc(alias = "XEN_E2BIG")]
    E2BIG = 7;
    /// Not a format that can be run.
    #[doc(alias = "XEN_ENOEXEC")]
    ENOEXEC = 8;
    /// No such handle.
    #[doc(alias = "XEN_EBADF")]
    EBADF = 9;
    /// No child.
    #[doc(alias = "XEN_ECHILD")]
    ECHILD = 10;
    /// Try again.
    #[doc(alias = "XEN_EAGAIN")]
    EAGAIN = 11;
    /// Out of memory.
    #[doc(alias = "XEN_ENOMEM")]
    ENOMEM = 12;
    /// Access denied.
    #[doc(alias = "XEN_EACCES")]
    EACCES = 13;
    /// A bad address.
    #[doc(alias = "XEN_EFAULT")]
    EFAULT = 14;
    /// In use.
    #[doc(alias = "XEN_EBUSY")]
    EBUSY = 16;
    /// It exists already.
    #[doc(alias = "XEN_EEXIST")]
    EEXIST = 17;
    /// Across devices.
    #[doc(alias = "XEN_EXDEV")]
    EXDEV = 18;
    /// No such device.
    #[doc(alias = "XEN_ENODEV")]
    ENODEV = 19;
    /// Not a directory.
    #[doc(alias = "XEN_ENOTDIR")]
    ENOTDIR = 20;
    /// A directory.
    #[doc(alias = "XEN_EISDIR")]
    EISDIR = 21;
    /// A wrong argument.
    #[doc(alias = "XEN_EINVAL")]
    EINVAL = 22;
    /// Too many open, in all.
    #[doc(alias = "XEN_ENFILE")]
    ENFILE = 23;
    /// Too many open, by the caller.
    #[doc(alias = "XEN_EMFILE")]
    EMFILE = 24;
    /// No room left.
    #[doc(alias = "XEN_ENOSPC")]
    ENOSPC = 28;
    /// Read only.
    #[doc(alias = "XEN_EROFS")]
    EROFS = 30;
    /// Too many links.
    #[doc(alias = "XEN_EMLINK")]
    EMLINK = 31;
    /// An argument outside the function's domain.
    #[doc(alias = "XEN_EDOM")]
    EDOM = 33;
    /// A result outside the range.
    #[doc(alias = "XEN_ERANGE")]
    ERANGE = 34;
    /// It would deadlock.
    #[doc(alias = "XEN_EDEADLK")]
    EDEADLK = 35;
    /// A name too long.
    #[doc(alias = "XEN_ENAMETOOLONG")]
    ENAMETOOLONG = 36;
    /// No lock available.
    #[doc(alias = "XEN_ENOLCK")]
    ENOLCK = 37;
    /// Not implemented.
    #[doc(alias = "XEN_ENOSYS")]
    ENOSYS = 38;
    /// Not empty.
    #[doc(alias = "XEN_ENOTEMPTY")]
    ENOTEMPTY = 39;
    /// No data.
    #[doc(alias = "XEN_ENODATA")]
    ENODATA = 61;
    /// The time is over.
    #[doc(alias = "XEN_ETIME")]
    ETIME = 62;
    /// Not a message.
    #[doc(alias = "XEN_EBADMSG")]
    EBADMSG = 74;
    /// Too large for its type.
    #[doc(alias = "XEN_EOVERFLOW")]
    EOVERFLOW = 75;
    /// A malformed sequence.
    #[doc(alias = "XEN_EILSEQ")]
    EILSEQ = 84;
    /// To be restarted; internal to Xen.
    #[doc(alias = "XEN_ERESTART")]
    ERESTART = 85;
    /// Not a socket.
    #[doc(alias = "XEN_ENOTSOCK")]
    ENOTSOCK = 88;
    /// A message too long.
    #[doc(alias = "XEN_EMSGSIZE")]
    EMSGSIZE = 90;
    /// Not supported.
    #[doc(alias = "XEN_EOPNOTSUPP")]
    EOPNOTSUPP = 95;
    /// The address is in use.
    #[doc(alias = "XEN_EADDRINUSE")]
    EADDRINUSE = 98;
    /// The address is not available.
    #[doc(alias = "XEN_EADDRNOTAVAIL")]
    EADDRNOTAVAIL = 99;
    /// No buffer space.
    #[doc(alias = "XEN_ENOBUFS")]
    ENOBUFS = 105;
    /// Connected already.
    #[doc(alias = "XEN_EISCONN")]
    EISCONN = 106;
    /// Not connected.
    #[doc(alias = "XEN_ENOTCONN")]
    ENOTCONN = 107;
    /// Timed out.
    #[doc(alias = "XEN_ETIMEDOUT")]
    ETIMEDOUT = 110;
    /// The connection was refused.
    #[doc(alias = "XEN_ECONNREFUSED")]
    ECONNREFUSED = 111;
}

impl Errno {
    /// Another name of [`Errno::EAGAIN`].
    #[doc(alias = "XEN_EWOULDBLOCK")]
    pub const EWOULDBLOCK: Self = Self::EAGAIN;
    /// Another name of [`Errno::EDEADLK`].
    #[doc(alias = "XEN_EDEADLOCK")]
    pub const EDEADLOCK: Self = Self::EDEADLK;

    /// Splits a hypercall's return value: zero and above is a result, below is a negated error
    /// number.
    ///
    /// # Errors
    /// The error that a negative value stands for.
    pub const fn result(value: isize) -> Result<usize, Self> {
        if value >= 0 {
            Ok(value.cast_unsigned())
        } else if value >= -4095 {
            Err(Self(-(value as i32)))
        } else {
            // Not a number that Xen returns; kept as close as the type allows.
            Err(Self(i32::MAX))
        }
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.name(), self.text()) {
            (Some(name), Some(text)) => {
                write!(f, "{name} ({}):{}", self.0, text.strip_suffix('.').unwrap_or(text))
            }
            _ => write!(f, "error {}", self.0),
        }
    }
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "Errno({})", self.0),
        }
    }
}

impl core::error::Error for Errno {}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::string::ToString;

    use super::*;

    #[test]
    fn error_is_displayed_with_meaning() {
        assert_eq!(Errno::EINVAL.to_string(), "EINVAL (22): A wrong argument");
        assert_eq!(Errno(4000).to_string(), "error 4000");
    }

    #[test]
    fn name_is_converted_to_number() {
        assert_eq!(Errno::from_name("ENOENT"), Some(Errno::ENOENT));
        assert_eq!(Errno::from_name("EWOULDBLOCK"), Some(Errno::EAGAIN));
        assert_eq!(Errno::from_name(""), None);
    }

    #[test]
    fn negative_results_are_errors() {
        assert_eq!(Errno::result(5), Ok(5));
        assert_eq!(Errno::result(-22), Err(Errno::EINVAL));
        assert_eq!(Errno::result(isize::MIN), Err(Errno(i32::MAX)));
    }
}
