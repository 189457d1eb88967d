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
        /// Controls the server; its own commands.
        #[doc(alias = "XS_CONTROL")]
        CONTROL = 0;
        /// Lists a node's children.
        #[doc(alias = "XS_DIRECTORY")]
        DIRECTORY = 1;
        /// Reads a node's value.
        #[doc(alias = "XS_READ")]
        READ = 2;
        /// Reads a node's permissions.
        #[doc(alias = "XS_GET_PERMS")]
        GET_PERMS = 3;
        /// Sets a watch.
        #[doc(alias = "XS_WATCH")]
        WATCH = 4;
        /// Removes a watch.
        #[doc(alias = "XS_UNWATCH")]
        UNWATCH = 5;
        /// Starts a transaction.
        #[doc(alias = "XS_TRANSACTION_START")]
        TRANSACTION_START = 6;
        /// Ends a transaction.
        #[doc(alias = "XS_TRANSACTION_END")]
        TRANSACTION_END = 7;
        /// Introduces a domain; for the toolstack.
        #[doc(alias = "XS_INTRODUCE")]
        INTRODUCE = 8;
        /// Forgets a domain; for the toolstack.
        #[doc(alias = "XS_RELEASE")]
        RELEASE = 9;
        /// Asks for a domain's home path.
        #[doc(alias = "XS_GET_DOMAIN_PATH")]
        GET_DOMAIN_PATH = 10;
        /// Writes a node's value.
        #[doc(alias = "XS_WRITE")]
        WRITE = 11;
        /// Makes a node with an empty value.
        #[doc(alias = "XS_MKDIR")]
        MKDIR = 12;
        /// Removes a node and all below.
        #[doc(alias = "XS_RM")]
        RM = 13;
        /// Sets a node's permissions.
        #[doc(alias = "XS_SET_PERMS")]
        SET_PERMS = 14;
        /// From the server: a watch has fired.
        #[doc(alias = "XS_WATCH_EVENT")]
        WATCH_EVENT = 15;
        /// From the server: the request failed; the payload is the error's name.
        #[doc(alias = "XS_ERROR")]
        ERROR = 16;
        /// Asks whether a domain is known.
        #[doc(alias = "XS_IS_DOMAIN_INTRODUCED")]
        IS_DOMAIN_INTRODUCED = 17;
        /// Tells that a domain resumed; for the toolstack.
        #[doc(alias = "XS_RESUME")]
        RESUME = 18;
        /// Lets a domain act for another; for the toolstack.
        #[doc(alias = "XS_SET_TARGET")]
        SET_TARGET = 19;
        /// Removes all watches and transactions of the connection.
        #[doc(alias = "XS_RESET_WATCHES")]
        RESET_WATCHES = 21;
        /// Lists a part of a node's many children.
        #[doc(alias = "XS_DIRECTORY_PART")]
        DIRECTORY_PART = 22;
        /// Asks for the server's features (Xen 4.22).
        #[doc(alias = "XS_GET_FEATURE")]
        GET_FEATURE = 23;
        /// Sets a domain's features; for the toolstack (Xen 4.22).
        #[doc(alias = "XS_SET_FEATURE")]
        SET_FEATURE = 24;
        /// Asks for quotas (Xen 4.22).
        #[doc(alias = "XS_GET_QUOTA")]
        GET_QUOTA = 25;
        /// Sets quotas; for the toolstack (Xen 4.22).
        #[doc(alias = "XS_SET_QUOTA")]
        SET_QUOTA = 26;
        /// Never a valid type.
        #[doc(alias = "XS_INVALID")]
        INVALID = 65535;
    }
}

/// Mode of an old form of write: the node must exist.
pub const XS_WRITE_NONE: &str = "NONE";
/// Mode of an old form of write: the node may be made.
pub const XS_WRITE_CREATE: &str = "CREATE";
/// Mode of an old form of write: the node must be new.
pub const XS_WRITE_CREATE_EXCL: &str = "CREATE|EXCL";

/// Head of every message; the payload follows.
#[doc(alias = "xsd_sockmsg")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XsdSockmsg {
    /// The type.
    #[doc(alias = "type")]
    pub type_: MessageType,
    /// Chosen by the client; the reply has the same.
    pub req_id: u32,
    /// The transaction; zero for none.
    pub tx_id: u32,
    /// Bytes of payload.
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

/// Bytes in each direction's ring.
pub const XENSTORE_RING_SIZE: usize = 1024;
/// Most bytes of payload. Exceeding it ends the connection.
pub const XENSTORE_PAYLOAD_MAX: usize = 4096;
/// Most bytes of an absolute path.
pub const XENSTORE_ABS_PATH_MAX: usize = 3072;
/// Most bytes of a relative path.
pub const XENSTORE_REL_PATH_MAX: usize = 2048;

/// The ring page. Indices run freely; their position is taken modulo [`XENSTORE_RING_SIZE`].
#[doc(alias = "xenstore_domain_interface")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenstoreDomainInterface {
    /// Requests, from the guest.
    pub req: [u8; XENSTORE_RING_SIZE],
    /// Replies and watch events, to the guest.
    pub rsp: [u8; XENSTORE_RING_SIZE],
    /// How far the server has read requests.
    pub req_cons: u32,
    /// How far the guest has written requests.
    pub req_prod: u32,
    /// How far the guest has read replies.
    pub rsp_cons: u32,
    /// How far the server has written replies.
    pub rsp_prod: u32,
    /// What the server can do.
    pub server_features: ServerFeatures,
    /// [`XENSTORE_CONNECTED`] or [`XENSTORE_RECONNECT`].
    pub connection: u32,
    /// `XENSTORE_ERROR_*`.
    pub error: u32,
    /// The port of the domain, for a server that finds it running without a toolstack that says so
    /// (newer than Xen 4.20).
    pub evtchn_port: u32,
}

flags! {
    /// What a xenstore server can do.
    pub struct ServerFeatures(u32) {
        /// The ring can be reconnected.
        #[doc(alias = "XENSTORE_SERVER_FEATURE_RECONNECTION")]
        RECONNECTION = 1;
        /// The error field is used.
        #[doc(alias = "XENSTORE_SERVER_FEATURE_ERROR")]
        ERROR = 2;
        /// Watches take a depth (Xen 4.22).
        #[doc(alias = "XENSTORE_SERVER_FEATURE_WATCHDEPTH")]
        WATCHDEPTH = 4;
    }
}

/// The connection is up.
pub const XENSTORE_CONNECTED: u32 = 0;
/// The guest asks for a new connection, and waits.
pub const XENSTORE_RECONNECT: u32 = 1;
/// No error.
pub const XENSTORE_ERROR_NONE: u32 = 0;
/// Communication failed.
pub const XENSTORE_ERROR_COMM: u32 = 1;
/// A ring index was wrong.
pub const XENSTORE_ERROR_RINGIDX: u32 = 2;
/// The protocol was violated.
pub const XENSTORE_ERROR_PROTO: u32 = 3;
