//! Operations of the security module Flask: labels, policy, decisions.
//!
//! Public header: `xsm/flask_op.h`.
//!
//! Coverage: 26 constants and 14 structures, of Xen 4.17 and 4.20; nothing is left out.

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::GuestHandle;
use crate::Port;

/// Value of [`XenFlaskOp::interface_version`].
pub const XEN_FLASK_INTERFACE_VERSION: u32 = 1;
/// Command: loads a policy. See [`XenFlaskLoad`].
pub const FLASK_LOAD: u32 = 1;
/// Command: returns whether the policy is enforced. No argument.
pub const FLASK_GETENFORCE: u32 = 2;
/// Command: sets whether the policy is enforced. See [`XenFlaskSetenforce`].
pub const FLASK_SETENFORCE: u32 = 3;
/// Command: converts a context to a security identifier. See [`XenFlaskSidContext`].
pub const FLASK_CONTEXT_TO_SID: u32 = 4;
/// Command: converts a security identifier to a context. See [`XenFlaskSidContext`].
pub const FLASK_SID_TO_CONTEXT: u32 = 5;
/// Command: gets an access decision. See [`XenFlaskAccess`].
pub const FLASK_ACCESS: u32 = 6;
/// Command: gets the label of a new object. See [`XenFlaskTransition`].
pub const FLASK_CREATE: u32 = 7;
/// Command: gets the label of a relabelled object. See [`XenFlaskTransition`].
pub const FLASK_RELABEL: u32 = 8;
/// Command: removed.
pub const FLASK_USER: u32 = 9;
/// Command: returns the policy's version. No argument.
pub const FLASK_POLICYVERS: u32 = 10;
/// Command: gets a boolean of the policy. See [`XenFlaskBoolean`].
pub const FLASK_GETBOOL: u32 = 11;
/// Command: sets a boolean of the policy. See [`XenFlaskBoolean`].
pub const FLASK_SETBOOL: u32 = 12;
/// Command: commits the pending booleans. No argument.
pub const FLASK_COMMITBOOLS: u32 = 13;
/// Command: returns whether the policy supports multi-level security. No argument.
pub const FLASK_MLS: u32 = 14;
/// Command: removed.
pub const FLASK_DISABLE: u32 = 15;
/// Command: returns the threshold of the access vector cache. No argument.
pub const FLASK_GETAVC_THRESHOLD: u32 = 16;
/// Command: sets the threshold of the access vector cache. See [`XenFlaskSetavcThreshold`].
pub const FLASK_SETAVC_THRESHOLD: u32 = 17;
/// Command: gets hash statistics of the access vector cache. See [`XenFlaskHashStats`].
pub const FLASK_AVC_HASHSTATS: u32 = 18;
/// Command: gets usage statistics of the access vector cache. See [`XenFlaskCacheStats`].
pub const FLASK_AVC_CACHESTATS: u32 = 19;
/// Command: gets the label of a member. See [`XenFlaskTransition`].
pub const FLASK_MEMBER: u32 = 20;
/// Command: labels a range of resources. See [`XenFlaskOcontext`].
pub const FLASK_ADD_OCONTEXT: u32 = 21;
/// Command: removes the label of a range of resources. See [`XenFlaskOcontext`].
pub const FLASK_DEL_OCONTEXT: u32 = 22;
/// Command: gets the label of a port's peer. See [`XenFlaskPeersid`].
pub const FLASK_GET_PEER_SID: u32 = 23;
/// Command: labels a domain. See [`XenFlaskRelabel`].
pub const FLASK_RELABEL_DOMAIN: u32 = 24;
/// Command: labels a node of the device tree. See [`XenFlaskDevicetreeLabel`].
pub const FLASK_DEVICETREE_LABEL: u32 = 25;

/// Argument of [`FLASK_LOAD`].
#[doc(alias = "xen_flask_load")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenFlaskLoad {
    /// The policy.
    pub buffer: GuestHandle,
    /// Size in bytes.
    pub size: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
}
const _: () = assert!(size_of::<XenFlaskLoad>() == 16);

/// Argument of [`FLASK_SETENFORCE`].
#[doc(alias = "xen_flask_setenforce")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenFlaskSetenforce {
    /// Enforcement: 1 enforcing, 0 permissive.
    pub enforcing: u32,
}
const _: () = assert!(size_of::<XenFlaskSetenforce>() == 4);

/// Argument of [`FLASK_CONTEXT_TO_SID`] and [`FLASK_SID_TO_CONTEXT`].
#[doc(alias = "xen_flask_sid_context")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenFlaskSidContext {
    /// Security identifier.
    pub sid: u32,
    /// Size in bytes.
    pub size: u32,
    /// The context, as text.
    pub context: GuestHandle,
}
const _: () = assert!(size_of::<XenFlaskSidContext>() == 16);

/// Argument of [`FLASK_ACCESS`].
#[doc(alias = "xen_flask_access")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenFlaskAccess {
    /// Label of the subject.
    pub ssid: u32,
    /// Label of the object.
    pub tsid: u32,
    /// Class of the object.
    pub tclass: u32,
    /// Requested permissions.
    pub req: u32,
    /// Out: allowed permissions.
    pub allowed: u32,
    /// Out: permissions to audit when allowed.
    pub audit_allow: u32,
    /// Out: permissions to audit when denied.
    pub audit_deny: u32,
    /// Out: sequence number of the policy.
    pub seqno: u32,
}
const _: () = assert!(size_of::<XenFlaskAccess>() == 32);

/// Argument of [`FLASK_CREATE`], [`FLASK_RELABEL`] and [`FLASK_MEMBER`].
#[doc(alias = "xen_flask_transition")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenFlaskTransition {
    /// Label of the subject.
    pub ssid: u32,
    /// Label of the object.
    pub tsid: u32,
    /// Class of the object.
    pub tclass: u32,
    /// Out: the label.
    pub newsid: u32,
}
const _: () = assert!(size_of::<XenFlaskTransition>() == 16);

/// Argument of [`FLASK_GETBOOL`] and [`FLASK_SETBOOL`].
#[doc(alias = "xen_flask_boolean")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenFlaskBoolean {
    /// Number of the boolean; all ones to look up [`name`](Self::name).
    pub bool_id: u32,
    /// Out: current value.
    pub enforcing: u8,
    /// Out: pending value.
    pub pending: u8,
    /// In: the new value.
    pub new_value: u8,
    /// In: non-zero to commit the new value at once.
    pub commit: u8,
    /// Size in bytes.
    pub size: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
    /// Name of the boolean.
    pub name: GuestHandle,
}
const _: () = assert!(size_of::<XenFlaskBoolean>() == 24);

/// Argument of [`FLASK_SETAVC_THRESHOLD`].
#[doc(alias = "xen_flask_setavc_threshold")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenFlaskSetavcThreshold {
    /// Number of entries.
    pub threshold: u32,
}
const _: () = assert!(size_of::<XenFlaskSetavcThreshold>() == 4);

/// Argument of [`FLASK_AVC_HASHSTATS`].
#[doc(alias = "xen_flask_hash_stats")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenFlaskHashStats {
    /// Out: number of entries.
    pub entries: u32,
    /// Out: number of buckets used.
    pub buckets_used: u32,
    /// Out: number of buckets.
    pub buckets_total: u32,
    /// Out: length of the longest chain.
    pub max_chain_len: u32,
}
const _: () = assert!(size_of::<XenFlaskHashStats>() == 16);

/// Argument of [`FLASK_AVC_CACHESTATS`].
#[doc(alias = "xen_flask_cache_stats")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenFlaskCacheStats {
    /// The CPU.
    pub cpu: u32,
    /// Out: number of lookups.
    pub lookups: u32,
    /// Out: number of hits.
    pub hits: u32,
    /// Out: number of misses.
    pub misses: u32,
    /// Out: number of allocated entries.
    pub allocations: u32,
    /// Out: number of reclaimed entries.
    pub reclaims: u32,
    /// Out: number of freed entries.
    pub frees: u32,
}
const _: () = assert!(size_of::<XenFlaskCacheStats>() == 28);

/// Argument of [`FLASK_ADD_OCONTEXT`] and [`FLASK_DEL_OCONTEXT`].
#[doc(alias = "xen_flask_ocontext")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenFlaskOcontext {
    /// Kind of resource.
    pub ocon: u32,
    /// Security identifier.
    pub sid: u32,
    /// First resource.
    pub low: u64,
    /// Last resource.
    pub high: u64,
}
const _: () = assert!(size_of::<XenFlaskOcontext>() == 24);

/// Argument of [`FLASK_GET_PEER_SID`].
#[doc(alias = "xen_flask_peersid")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenFlaskPeersid {
    /// The port.
    pub evtchn: Port,
    /// Security identifier.
    pub sid: u32,
}
const _: () = assert!(size_of::<XenFlaskPeersid>() == 8);

/// Argument of [`FLASK_RELABEL_DOMAIN`].
#[doc(alias = "xen_flask_relabel")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenFlaskRelabel {
    /// The domain.
    pub domid: u32,
    /// Security identifier.
    pub sid: u32,
}
const _: () = assert!(size_of::<XenFlaskRelabel>() == 8);

/// Argument of [`FLASK_DEVICETREE_LABEL`].
#[doc(alias = "xen_flask_devicetree_label")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenFlaskDevicetreeLabel {
    /// Security identifier.
    pub sid: u32,
    /// Length of the path.
    pub length: u32,
    /// The path.
    pub path: GuestHandle,
}
const _: () = assert!(size_of::<XenFlaskDevicetreeLabel>() == 16);

/// Argument of [`crate::xen::HYPERVISOR_XSM_OP`]: a command and its argument.
#[doc(alias = "xen_flask_op")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenFlaskOp {
    /// `FLASK_*`.
    pub cmd: u32,
    /// [`XEN_FLASK_INTERFACE_VERSION`].
    pub interface_version: u32,
    /// The command's argument, at the start.
    pub u: [u64; 4],
}
const _: () = assert!(size_of::<XenFlaskOp>() == 40);
