//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
        "SECTOR_SIZE" => xen_sys::io::blkif::SECTOR_SIZE;
        "BLKIF_OP_READ" => xen_sys::io::blkif::BlkifOp::READ.0;
        "BLKIF_OP_WRITE" => xen_sys::io::blkif::BlkifOp::WRITE.0;
        "BLKIF_OP_WRITE_BARRIER" => xen_sys::io::blkif::BlkifOp::WRITE_BARRIER.0;
        "BLKIF_OP_FLUSH_DISKCACHE" => xen_sys::io::blkif::BlkifOp::FLUSH_DISKCACHE.0;
        "BLKIF_OP_RESERVED_1" => xen_sys::io::blkif::BlkifOp::RESERVED_1.0;
        "BLKIF_OP_DISCARD" => xen_sys::io::blkif::BlkifOp::DISCARD.0;
        "BLKIF_OP_INDIRECT" => xen_sys::io::blkif::BlkifOp::INDIRECT.0;
        "BLKIF_MAX_SEGMENTS_PER_REQUEST" => xen_sys::io::blkif::BLKIF_MAX_SEGMENTS_PER_REQUEST;
        "BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST" =>
            xen_sys::io::blkif::BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST;
        "BLKIF_DISCARD_SECURE" => xen_sys::io::blkif::BLKIF_DISCARD_SECURE;
        "BLKIF_RSP_EOPNOTSUPP" => xen_sys::io::blkif::BlkifStatus::EOPNOTSUPP.0;
        "BLKIF_RSP_ERROR" => xen_sys::io::blkif::BlkifStatus::ERROR.0;
        "BLKIF_RSP_OKAY" => xen_sys::io::blkif::BlkifStatus::OKAY.0;
        "VDISK_CDROM" => xen_sys::io::blkif::VdiskInfo::CDROM.0;
        "VDISK_REMOVABLE" => xen_sys::io::blkif::VdiskInfo::REMOVABLE.0;
        "VDISK_READONLY" => xen_sys::io::blkif::VdiskInfo::READONLY.0;
    }
    texts {
    }
    structures {
        "blkif_request_segment" => xen_sys::io::blkif::BlkifRequestSegment {
            "gref" => gref, "first_sect" => first_sect, "last_sect" => last_sect,
        };
        "blkif_request" => xen_sys::io::blkif::BlkifRequest {
            "operation" => operation, "nr_segments" => nr_segments, "handle" => handle, "id" => id,
            "sector_number" => sector_number, "seg" => seg,
        };
        "blkif_request_discard" => xen_sys::io::blkif::BlkifRequestDiscard {
            "operation" => operation, "flag" => flag, "handle" => handle, "id" => id,
            "sector_number" => sector_number, "nr_sectors" => nr_sectors,
        };
        "blkif_request_indirect" => xen_sys::io::blkif::BlkifRequestIndirect {
            "operation" => operation, "indirect_op" => indirect_op, "nr_segments" => nr_segments,
            "id" => id, "sector_number" => sector_number, "handle" => handle,
            "indirect_grefs" => indirect_grefs,
        };
        "blkif_response" => xen_sys::io::blkif::BlkifResponse {
            "id" => id, "operation" => operation, "status" => status,
        };
        "blkif_request" => xen_sys::io::blkif::x86_32::BlkifRequest {
            "operation" => operation, "nr_segments" => nr_segments, "handle" => handle, "id" => id,
            "sector_number" => sector_number, "seg" => seg,
        };
        "blkif_request_discard" => xen_sys::io::blkif::x86_32::BlkifRequestDiscard {
            "operation" => operation, "flag" => flag, "handle" => handle, "id" => id,
            "sector_number" => sector_number, "nr_sectors" => nr_sectors,
        };
        "blkif_request_indirect" => xen_sys::io::blkif::x86_32::BlkifRequestIndirect {
            "operation" => operation, "indirect_op" => indirect_op, "nr_segments" => nr_segments,
            "id" => id, "sector_number" => sector_number, "handle" => handle,
            "indirect_grefs" => indirect_grefs, "pad" => pad,
        };
        "blkif_response" => xen_sys::io::blkif::x86_32::BlkifResponse {
            "id" => id, "operation" => operation, "status" => status,
        };
    }
}
