//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
        "XEN_HYPFS_VERSION" => xen_sys::hypfs::XEN_HYPFS_VERSION;
        "XEN_HYPFS_MAX_PATHLEN" => xen_sys::hypfs::XEN_HYPFS_MAX_PATHLEN;
        "XEN_HYPFS_OP_get_version" => xen_sys::hypfs::XEN_HYPFS_OP_GET_VERSION;
        "XEN_HYPFS_OP_read" => xen_sys::hypfs::XEN_HYPFS_OP_READ;
        "XEN_HYPFS_OP_write_contents" => xen_sys::hypfs::XEN_HYPFS_OP_WRITE_CONTENTS;
        "XEN_HYPFS_TYPE_DIR" => xen_sys::hypfs::XEN_HYPFS_TYPE_DIR;
        "XEN_HYPFS_TYPE_BLOB" => xen_sys::hypfs::XEN_HYPFS_TYPE_BLOB;
        "XEN_HYPFS_TYPE_STRING" => xen_sys::hypfs::XEN_HYPFS_TYPE_STRING;
        "XEN_HYPFS_TYPE_UINT" => xen_sys::hypfs::XEN_HYPFS_TYPE_UINT;
        "XEN_HYPFS_TYPE_INT" => xen_sys::hypfs::XEN_HYPFS_TYPE_INT;
        "XEN_HYPFS_TYPE_BOOL" => xen_sys::hypfs::XEN_HYPFS_TYPE_BOOL;
        "XEN_HYPFS_ENC_PLAIN" => xen_sys::hypfs::XEN_HYPFS_ENC_PLAIN;
        "XEN_HYPFS_ENC_GZIP" => xen_sys::hypfs::XEN_HYPFS_ENC_GZIP;
    }
    texts {
    }
    structures {
        "xen_hypfs_direntry" => xen_sys::hypfs::XenHypfsDirentry {
            "type" => type_, "encoding" => encoding, "pad" => pad, "content_len" => content_len,
            "max_write_len" => max_write_len,
        };
        "xen_hypfs_dirlistentry" => xen_sys::hypfs::XenHypfsDirlistentry {
            "e" => e, "off_next" => off_next,
        };
    }
}
