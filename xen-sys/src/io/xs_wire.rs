//! The xenstore protocol: message header, types, and the ring page.
//!
//! Public header: `io/xs_wire.h`.
//!
//! Coverage: 40 constants and 2 structures, of Xen 4.17 and 4.20; left out, for the reasons in
//! `abi/left-out.txt`: `XS_DEBUG`, `XS_TYPE_COUNT`, `xsd_errors`.

use zerocopy::{FromBytes, Immutable, IntoBytes};

open_enum! {
    /// Type of a message.
    #[doc(alias = "xsd_sockmsg_type")]
    pub struct MessageType(u32) {
        /// Control of the server; server-specific commands.
        #[doc(alias = "XS_CONTROL")]
        CONTROL = 0;
        /// List of a node's children.
        #[doc(alias = "XS_DIRECTORY")]
        DIRECTORY = 1;
        /// Read of a node's value.
        #[doc(alias = "XS_READ")]
        READ = 2;
        /// Read of a node's permissions.
        #[doc(alias = "XS_GET_PERMS")]
        GET_PERMS = 3;
        /// Addition of a watch.
        #[doc(alias = "XS_WATCH")]
        WATCH = 4;
        /// Removal of a watch.
        #[doc(alias = "XS_UNWATCH")]
        UNWATCH = 5;
        /// Start of a transaction.
        #[doc(alias = "XS_TRANSACTION_START")]
        TRANSACTION_START = 6;
        /// End of a transaction.
        #[doc(alias = "XS_TRANSACTION_END")]
        TRANSACTION_END = 7;
        /// Introduction of a domain by the toolstack.
        #[doc(alias = "XS_INTRODUCE")]
        INTRODUCE = 8;
        /// Release of a domain by the toolstack.
        #[doc(alias = "XS_RELEASE")]
        RELEASE = 9;
        /// Query of a domain's home path.
        #[doc(alias = "XS_GET_DOMAIN_PATH")]
        GET_DOMAIN_PATH = 10;
        /// Write of a node's value.
        #[doc(alias = "XS_WRITE")]
        WRITE = 11;
        /// Creation of a node with an empty value.
        #[doc(alias = "XS_MKDIR")]
        MKDIR = 12;
        /// Removal of a node and all nodes below it.
        #[doc(alias = "XS_RM")]
        RM = 13;
        /// Change of a node's permissions.
        #[doc(alias = "XS_SET_PERMS")]
        SET_PERMS = 14;
        /// From the server: a watch has fired.
        #[doc(alias = "XS_WATCH_EVENT")]
        WATCH_EVENT = 15;
        /// From the server: the request failed; the payload is the name of the error.
        #[doc(alias = "XS_ERROR")]
        ERROR = 16;
        /// Query whether a domain was introduced.
        #[doc(alias = "XS_IS_DOMAIN_INTRODUCED")]
        IS_DOMAIN_INTRODUCED = 17;
        /// Report of the toolstack that a domain was resumed.
        #[doc(alias = "XS_RESUME")]
        RESUME = 18;
        /// Permission for a domain to act on behalf of another, granted by the toolstack.
        #[doc(alias = "XS_SET_TARGET")]
        SET_TARGET = 19;
        /// Removal of all watches and transactions of the connection.
        #[doc(alias = "XS_RESET_WATCHES")]
        RESET_WATCHES = 21;
        /// List of a range of a node's children, for long lists.
        #[doc(alias = "XS_DIRECTORY_PART")]
        DIRECTORY_PART = 22;
        /// Query of the server's features (Xen 4.22).
        #[doc(alias = "XS_GET_FEATURE")]
        GET_FEATURE = 23;
        /// Change of a domain's features by the toolstack (Xen 4.22).
        #[doc(alias = "XS_SET_FEATURE")]
        SET_FEATURE = 24;
        /// Query of quotas (Xen 4.22).
        #[doc(alias = "XS_GET_QUOTA")]
        GET_QUOTA = 25;
        /// Change of quotas by the toolstack (Xen 4.22).
        #[doc(alias = "XS_SET_QUOTA")]
        SET_QUOTA = 26;
        /// Invalid type.
        #[doc(alias = "XS_INVALID")]
        INVALID = 65535;
    }
}

/// Mode of an old form of write: the node must exist.
pub const XS_WRITE_NONE: &str = "NONE";
/// Mode of an old form of write: the node is created if it is missing.
pub const XS_WRITE_CREATE: &str = "CREATE";
/// Mode of an old form of write: the node must not exist.
pub const XS_WRITE_CREATE_EXCL: &str = "CREATE|EXCL";

/// Header of every message; the payload follows.
#[doc(alias = "xsd_sockmsg")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XsdSockmsg {
    /// The type.
    #[doc(alias = "type")]
    pub type_: MessageType,
    /// Identifier chosen by the client; the reply carries the same value.
    pub req_id: u32,
    /// The transaction; zero for none.
    pub tx_id: u32,
    /// Length of the payload in bytes.
    pub len: u32,
}
const _: () = assert!(size_of::<XsdSockmsg>() == 16);

open_enum! {
    /// Index of a text in a watch event's payload.
    #[doc(alias = "xs_watch_type")]
    pub struct WatchField(u32) {
        /// The path that changed.
        #[doc(alias = "XS_WATCH_PATH")]
        PATH = 0;
        /// The token of the watch.
        #[doc(alias = "XS_WATCH_TOKEN")]
        TOKEN = 1;
    }
}

/// Size of the ring of each direction in bytes.
pub const XENSTORE_RING_SIZE: usize = 1024;
/// Maximum size of a payload in bytes. The server closes the connection of a client that exceeds
/// it.
pub const XENSTORE_PAYLOAD_MAX: usize = 4096;
/// Maximum length of an absolute path in bytes.
pub const XENSTORE_ABS_PATH_MAX: usize = 3072;
/// Maximum length of a relative path in bytes.
pub const XENSTORE_REL_PATH_MAX: usize = 2048;

/// The ring page. Indices are free-running; the position is the index modulo
/// [`XENSTORE_RING_SIZE`].
#[doc(alias = "xenstore_domain_interface")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenstoreDomainInterface {
    /// Requests, from the guest.
    pub req: [u8; XENSTORE_RING_SIZE],
    /// Replies and watch events, to the guest.
    pub rsp: [u8; XENSTORE_RING_SIZE],
    /// Consumer index of the requests, written by the server.
    pub req_cons: u32,
    /// Producer index of the requests, written by the guest.
    pub req_prod: u32,
    /// Consumer index of the replies, written by the guest.
    pub rsp_cons: u32,
    /// Producer index of the replies, written by the server.
    pub rsp_prod: u32,
    /// Features of the server.
    pub server_features: ServerFeatures,
    /// [`XENSTORE_CONNECTED`] or [`XENSTORE_RECONNECT`].
    pub connection: u32,
    /// `XENSTORE_ERROR_*`.
    pub error: u32,
    /// Port of the domain that xenstored notifies, set by Xen for a domain without a toolstack;
    /// else zero (newer than Xen 4.20).
    pub evtchn_port: u32,
}

flags! {
    /// Features of a xenstore server.
    pub struct ServerFeatures(u32) {
        /// Reconnection of the ring.
        #[doc(alias = "XENSTORE_SERVER_FEATURE_RECONNECTION")]
        RECONNECTION = 1;
        /// Use of the error field.
        #[doc(alias = "XENSTORE_SERVER_FEATURE_ERROR")]
        ERROR = 2;
        /// Watches with a depth (Xen 4.22).
        #[doc(alias = "XENSTORE_SERVER_FEATURE_WATCHDEPTH")]
        WATCHDEPTH = 4;
    }
}

/// Connection state: connected.
pub const XENSTORE_CONNECTED: u32 = 0;
/// Connection state: the guest requests a reconnection.
pub const XENSTORE_RECONNECT: u32 = 1;
/// Error: none.
pub const XENSTORE_ERROR_NONE: u32 = 0;
/// Error: communication failed.
pub const XENSTORE_ERROR_COMM: u32 = 1;
/// Error: invalid ring index.
pub const XENSTORE_ERROR_RINGIDX: u32 = 2;
/// Error: protocol violation.
pub const XENSTORE_ERROR_PROTO: u32 = 3;
