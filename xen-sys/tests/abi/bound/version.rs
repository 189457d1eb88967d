//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
        "XENVER_version" => xen_sys::version::XENVER_VERSION;
        "XENVER_extraversion" => xen_sys::version::XENVER_EXTRAVERSION;
        "XENVER_compile_info" => xen_sys::version::XENVER_COMPILE_INFO;
        "XENVER_capabilities" => xen_sys::version::XENVER_CAPABILITIES;
        "XENVER_changeset" => xen_sys::version::XENVER_CHANGESET;
        "XENVER_platform_parameters" => xen_sys::version::XENVER_PLATFORM_PARAMETERS;
        "XENVER_get_features" => xen_sys::version::XENVER_GET_FEATURES;
        "XENVER_pagesize" => xen_sys::version::XENVER_PAGESIZE;
        "XENVER_guest_handle" => xen_sys::version::XENVER_GUEST_HANDLE;
        "XENVER_commandline" => xen_sys::version::XENVER_COMMANDLINE;
        "XENVER_build_id" => xen_sys::version::XENVER_BUILD_ID;
        "XEN_EXTRAVERSION_LEN" => xen_sys::version::XEN_EXTRAVERSION_LEN;
        "XEN_CAPABILITIES_INFO_LEN" => xen_sys::version::XEN_CAPABILITIES_INFO_LEN;
        "XEN_CHANGESET_INFO_LEN" => xen_sys::version::XEN_CHANGESET_INFO_LEN;
        "XENVER_extraversion2" => xen_sys::version::XENVER_EXTRAVERSION2;
        "XENVER_capabilities2" => xen_sys::version::XENVER_CAPABILITIES2;
        "XENVER_changeset2" => xen_sys::version::XENVER_CHANGESET2;
        "XENVER_commandline2" => xen_sys::version::XENVER_COMMANDLINE2;
    }
    texts {
    }
    structures {
        "xen_compile_info" => xen_sys::version::XenCompileInfo {
            "compiler" => compiler, "compile_by" => compile_by, "compile_domain" => compile_domain,
            "compile_date" => compile_date,
        };
        "xen_platform_parameters" => xen_sys::version::XenPlatformParameters {
            "virt_start" => virt_start,
        };
        "xen_feature_info" => xen_sys::version::XenFeatureInfo {
            "submap_idx" => submap_idx, "submap" => submap,
        };
        "xen_build_id" => xen_sys::version::XenBuildId { "len" => len, };
        "xen_varbuf" => xen_sys::version::XenVarbuf { "len" => len, };
    }
}
