//! The ring, in either of its two layouts.

use super::validate::{Body, WireRequest};
use xen_hypercall::StableSharedMem;
use xen_ring::{BackRing, Corrupt, Notify, RingError};
use xen_sys::io::blkif::{
    self as native, BlkifOp, BlkifRequestDiscard, BlkifRequestIndirect, BlkifResponse, BlkifStatus,
    x86_32,
};
use xen_sys::io::protocols::{
    XEN_IO_PROTO_ABI_ARM, XEN_IO_PROTO_ABI_X86_32, XEN_IO_PROTO_ABI_X86_64,
};
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// The layout of requests and responses in the ring: 64-bit numbers are aligned to eight bytes on
/// every architecture but 32-bit x86.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Abi {
    Native,
    X86_32,
}

impl Abi {
    /// Returns the layout of a frontend's `protocol` node; without the node, that of this domain.
    /// `None` if the name is unknown.
    pub(super) fn named(name: Option<&str>) -> Option<Self> {
        match name {
            None | Some(XEN_IO_PROTO_ABI_X86_64 | XEN_IO_PROTO_ABI_ARM) => Some(Self::Native),
            Some(XEN_IO_PROTO_ABI_X86_32) => Some(Self::X86_32),
            Some(_) => None,
        }
    }
}

#[derive(Debug)]
pub(super) enum Rings<M> {
    Native(BackRing<M, native::BlkifRequest, BlkifResponse>),
    X86_32(BackRing<M, x86_32::BlkifRequest, x86_32::BlkifResponse>),
}

macro_rules! either {
    ($self:expr, $ring:ident => $result:expr) => {
        match $self {
            Rings::Native($ring) => $result,
            Rings::X86_32($ring) => $result,
        }
    };
}

impl<M: StableSharedMem> Rings<M> {
    pub(super) fn attach(abi: Abi, mem: M) -> Result<Self, RingError> {
        Ok(match abi {
            Abi::Native => Self::Native(BackRing::attach(mem)?),
            Abi::X86_32 => Self::X86_32(BackRing::attach(mem)?),
        })
    }

    pub(super) fn slots(&self) -> u32 {
        either!(self, ring => ring.slots())
    }

    /// Returns the number of requests that are known to be in the ring.
    #[inline]
    pub(super) fn unread(&self) -> u32 {
        either!(self, ring => ring.unread())
    }

    /// Takes a request from the ring into `request`. Returns whether there was one.
    #[inline(always)]
    pub(super) fn pop(&mut self, request: &mut WireRequest) -> Result<bool, Corrupt> {
        match self {
            Self::Native(ring) => {
                let Some(slot) = ring.pop()? else { return Ok(false) };
                *request = from_native(&slot);
            }
            Self::X86_32(ring) => {
                let Some(slot) = ring.pop()? else { return Ok(false) };
                *request = from_x86_32(&slot);
            }
        }
        Ok(true)
    }

    /// Pushes the response to a request that was taken.
    pub(super) fn respond(&mut self, id: u64, operation: BlkifOp, status: BlkifStatus) {
        // There is room: a request was taken for each response.
        let _ = match self {
            Self::Native(ring) => {
                ring.push(&BlkifResponse { id, operation, status, ..BlkifResponse::default() })
            }
            Self::X86_32(ring) => ring.push(&x86_32::BlkifResponse {
                id: id.into(),
                operation,
                status,
                ..x86_32::BlkifResponse::default()
            }),
        };
    }

    pub(super) fn publish(&mut self) -> Notify {
        either!(self, ring => ring.publish())
    }

    pub(super) fn final_check(&mut self) -> Result<bool, Corrupt> {
        either!(self, ring => ring.final_check())
    }
}

/// Reads another form of request out of the slot's bytes. Forms are never longer than a slot.
fn form<T: FromBytes + Default>(slot: &(impl IntoBytes + Immutable)) -> T {
    T::read_from_prefix(slot.as_bytes()).map(|(value, _)| value).unwrap_or_default()
}

#[inline(always)]
fn from_native(slot: &native::BlkifRequest) -> WireRequest {
    let body = match slot.operation {
        BlkifOp::READ | BlkifOp::WRITE | BlkifOp::WRITE_BARRIER | BlkifOp::FLUSH_DISKCACHE => {
            Body::Direct {
                op: slot.operation,
                count: slot.nr_segments,
                sector: slot.sector_number,
                segments: slot.seg,
            }
        }
        BlkifOp::DISCARD => {
            let slot: BlkifRequestDiscard = form(slot);
            Body::Discard { flag: slot.flag, sector: slot.sector_number, count: slot.nr_sectors }
        }
        BlkifOp::INDIRECT => {
            let slot: BlkifRequestIndirect = form(slot);
            Body::Indirect {
                op: slot.indirect_op,
                count: slot.nr_segments,
                sector: slot.sector_number,
                pages: slot.indirect_grefs,
            }
        }
        op => Body::Other(op),
    };
    WireRequest { id: slot.id, body }
}

#[inline(never)]
fn from_x86_32(slot: &x86_32::BlkifRequest) -> WireRequest {
    let body = match slot.operation {
        BlkifOp::READ | BlkifOp::WRITE | BlkifOp::WRITE_BARRIER | BlkifOp::FLUSH_DISKCACHE => {
            Body::Direct {
                op: slot.operation,
                count: slot.nr_segments,
                sector: slot.sector_number.get(),
                segments: slot.seg,
            }
        }
        BlkifOp::DISCARD => {
            let slot: x86_32::BlkifRequestDiscard = form(slot);
            Body::Discard {
                flag: slot.flag,
                sector: slot.sector_number.get(),
                count: slot.nr_sectors.get(),
            }
        }
        BlkifOp::INDIRECT => {
            let slot: x86_32::BlkifRequestIndirect = form(slot);
            Body::Indirect {
                op: slot.indirect_op,
                count: slot.nr_segments,
                sector: slot.sector_number.get(),
                pages: slot.indirect_grefs,
            }
        }
        op => Body::Other(op),
    };
    WireRequest { id: slot.id.get(), body }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::boxed::Box;
    use xen_hypercall::{GrantRef, Page, SharedMem};
    use xen_ring::FrontRing;

    #[test]
    fn only_known_layouts_are_accepted() {
        assert_eq!(Abi::named(None), Some(Abi::Native));
        assert_eq!(Abi::named(Some("x86_64-abi")), Some(Abi::Native));
        assert_eq!(Abi::named(Some("arm-abi")), Some(Abi::Native));
        assert_eq!(Abi::named(Some("x86_32-abi")), Some(Abi::X86_32));
        for name in ["", "x86_64-abi ", "powerpc64-abi"] {
            assert_eq!(Abi::named(Some(name)), None);
        }
    }

    #[test]
    fn x86_32_request_forms_are_decoded() {
        let mut page = Box::new([Page::ZERO]);
        let mem = SharedMem::from_pages(&mut page);
        let mut front: FrontRing<_, x86_32::BlkifRequest, x86_32::BlkifResponse> =
            FrontRing::new(mem).unwrap();
        let mut back = Rings::attach(Abi::X86_32, mem).unwrap();
        let mut slot =
            x86_32::BlkifRequest { operation: BlkifOp::READ, nr_segments: 2, ..Default::default() };
        slot.id = 0x1122_3344_5566_7788.into();
        slot.sector_number = (1 << 33).into();
        front.push(&slot).unwrap();
        let indirect = x86_32::BlkifRequestIndirect {
            operation: BlkifOp::INDIRECT,
            indirect_op: BlkifOp::WRITE,
            nr_segments: 20,
            id: 5.into(),
            sector_number: 77.into(),
            indirect_grefs: [GrantRef(9); 8],
            ..Default::default()
        };
        slot.as_mut_bytes()[..64].copy_from_slice(indirect.as_bytes());
        front.push(&slot).unwrap();
        let _ = front.publish();
        let [mut first, mut second] = [WireRequest::default(); 2];
        assert!(back.pop(&mut first).unwrap());
        assert_eq!(first.id, 0x1122_3344_5566_7788);
        const SECTOR: u64 = 1 << 33;
        assert!(matches!(
            first.body,
            Body::Direct { op: BlkifOp::READ, count: 2, sector: SECTOR, .. }
        ));
        assert!(back.pop(&mut second).unwrap());
        assert!(!back.pop(&mut WireRequest::default()).unwrap());
        assert_eq!((second.id, second.operation()), (5, BlkifOp::WRITE));
        assert!(matches!(
            second.body,
            Body::Indirect { count: 20, sector: 77, pages: [GrantRef(9), ..], .. }
        ));
        back.respond(5, BlkifOp::WRITE, BlkifStatus::OKAY);
        let _ = back.publish();
        let response = front.pop().unwrap().unwrap();
        let found = (response.id.get(), response.operation, response.status);
        assert_eq!(found, (5, BlkifOp::WRITE, BlkifStatus::OKAY));
    }

    #[test]
    fn d_b07_slot_is_copied_once() {
        let slot = native::BlkifRequest {
            operation: BlkifOp::INDIRECT,
            nr_segments: BlkifOp::READ.0,
            id: 3,
            ..Default::default()
        };
        let mut page = Box::new([Page::ZERO]);
        let mem = SharedMem::from_pages(&mut page);
        let mut front: FrontRing<_, native::BlkifRequest, BlkifResponse> =
            FrontRing::new(mem).unwrap();
        let mut back = Rings::attach(Abi::Native, mem).unwrap();
        front.push(&slot).unwrap();
        let _ = front.publish();
        let mut request = WireRequest::default();
        assert!(back.pop(&mut request).unwrap());
        mem.zero();
        assert_eq!(request.operation(), BlkifOp::READ);
        assert!(matches!(request.body, Body::Indirect { .. }));
    }
}
