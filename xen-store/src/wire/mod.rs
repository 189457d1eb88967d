//! The wire format: messages, and what their payloads hold. No state, no I/O.
//!
//! A message is a header ([`XsdSockmsg`]) and up to 4096 bytes of payload, mostly NUL-terminated
//! texts. Source: `io/xs_wire.h`; `docs/misc/xenstore.txt` in Xen's tree.

mod list;
mod message;
mod number;
mod path;
mod perms;
mod server_error;

pub use list::{DirectoryPart, EventText, Names, parse_event};
pub use message::{HEADER_LEN, OversizedBody, Part, build, build_watch, decode, encode};
pub use number::{Number, NumberError, parse_number, parse_transaction};
pub use path::{PathError, check_path};
pub use perms::{Access, Permission, Permissions};
pub use server_error::{ErrorName, ServerError};
pub use xen_sys::io::xs_wire::{MessageType, XENSTORE_PAYLOAD_MAX, XsdSockmsg};
