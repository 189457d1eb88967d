//! The names that the server gives its errors.

use core::fmt;

macro_rules! server_errors {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal, $text:literal;)*) => {
        /// An error that the server reported, by its name.
        ///
        /// Source: `xsd_errors` in `io/xs_wire.h`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
        pub enum ServerError {
            $(
                $(#[doc = $doc])+
                #[doc(alias = $name)]
                #[error("{}: {}", $name, $text)]
                $variant,
            )*
            /// A name that this version does not support.
            #[error("{}: an error that is not known here", .0.as_str())]
            Unknown(ErrorName),
        }

        impl ServerError {
            /// Reads the payload of an error reply: a name, with its NUL or without.
            pub fn parse(body: &[u8]) -> Self {
                let name = body.strip_suffix(b"\0").unwrap_or(body);
                $(if name == $name.as_bytes() {
                    return Self::$variant;
                })*
                Self::Unknown(ErrorName::new(name))
            }

            /// Returns the name on the wire.
            pub fn name(&self) -> &str {
                match self {
                    $(Self::$variant => $name,)*
                    Self::Unknown(name) => name.as_str(),
                }
            }
        }

        #[cfg(test)]
        const ALL: &[ServerError] = &[$(ServerError::$variant),*];
    };
}

server_errors! {
    /// The request is not understood.
    Invalid = "EINVAL", "invalid request";
    /// The permissions do not allow it.
    AccessDenied = "EACCES", "permission denied";
    /// It exists already: a watch with this path and token, for one.
    Exists = "EEXIST", "it exists already";
    /// Not used by today's servers.
    IsDirectory = "EISDIR", "is a directory";
    /// There is no such node, watch or transaction.
    NotFound = "ENOENT", "no such node";
    /// The server is out of memory.
    OutOfMemory = "ENOMEM", "xenstored is out of memory";
    /// A quota of this domain is used up: nodes, watches, transactions.
    NoSpace = "ENOSPC", "a quota is used up";
    /// A quota of this domain is used up, in the words of oxenstored, which `io/xs_wire.h` does not
    /// have.
    Quota = "EQUOTA", "a quota is used up";
    /// The server's database is damaged.
    Io = "EIO", "input/output error";
    /// The node has children.
    NotEmpty = "ENOTEMPTY", "not empty";
    /// The server does not support this request.
    NotImplemented = "ENOSYS", "not implemented by this xenstored";
    /// The request may only be made with reading rights.
    ReadOnly = "EROFS", "read only";
    /// Too many transactions are open.
    Busy = "EBUSY", "busy";
    /// The transaction was in conflict with another; do it again.
    Again = "EAGAIN", "conflict with another transaction";
    /// The domain is introduced already.
    IsConnected = "EISCONN", "connected already";
    /// The value or the list is too long for this request.
    TooBig = "E2BIG", "too big";
    /// The domain may not do this.
    NotPermitted = "EPERM", "not permitted";
}

/// The first bytes of an error's name that is not known.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ErrorName {
    bytes: [u8; 15],
    len: u8,
}

impl ErrorName {
    fn new(name: &[u8]) -> Self {
        let mut bytes = [0; 15];
        let mut len = 0;
        for (kept, &byte) in bytes.iter_mut().zip(name) {
            *kept = if byte.is_ascii_graphic() { byte } else { b'?' };
            len += 1;
        }
        Self { bytes, len }
    }

    /// Returns the name, cut after 15 bytes; what is not graphic ASCII is a question mark.
    pub fn as_str(&self) -> &str {
        self.bytes
            .get(..usize::from(self.len))
            .and_then(|bytes| core::str::from_utf8(bytes).ok())
            .unwrap_or("?")
    }
}

impl fmt::Debug for ErrorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_names_parse_back() {
        // Those of the header, and EQUOTA.
        assert_eq!(ALL.len(), 17);
        for error in ALL {
            assert_eq!(ServerError::parse(error.name().as_bytes()), *error);
        }
    }

    /// mirage/ocaml-xenstore cb4c63a.
    #[test]
    fn equota_has_its_own_variant() {
        assert_eq!(ServerError::parse(b"EQUOTA\0"), ServerError::Quota);
        assert_eq!(ServerError::Quota.name(), "EQUOTA");
        assert!(matches!(ServerError::parse(b"EQUOTAS\0"), ServerError::Unknown(_)));
    }

    /// D-X05.
    #[test]
    fn any_error_body_is_an_error() {
        assert_eq!(ServerError::parse(b"ENOENT\0"), ServerError::NotFound);
        assert_eq!(ServerError::parse(b"ENOENT"), ServerError::NotFound);
        assert_eq!(ServerError::parse(b"EFOO\0").name(), "EFOO");
        assert_eq!(ServerError::parse(b"ENOENT\0x\0").name(), "ENOENT?x");
        assert_eq!(ServerError::parse(b"").name(), "");
        assert_eq!(ServerError::parse(&[b'E'; 4096]).name(), "EEEEEEEEEEEEEEE");
        assert_eq!(ServerError::parse(b"\x1b[2J\0").name(), "?[2J");
        assert_eq!(ServerError::parse(b"ENOENTX").name(), "ENOENTX");
    }
}
