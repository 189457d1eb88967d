//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
        "XEN_EPERM" => xen_sys::errno::Errno::EPERM.0;
        "XEN_ENOENT" => xen_sys::errno::Errno::ENOENT.0;
        "XEN_ESRCH" => xen_sys::errno::Errno::ESRCH.0;
        "XEN_EINTR" => xen_sys::errno::Errno::EINTR.0;
        "XEN_EIO" => xen_sys::errno::Errno::EIO.0;
        "XEN_ENXIO" => xen_sys::errno::Errno::ENXIO.0;
        "XEN_E2BIG" => xen_sys::errno::Errno::E2BIG.0;
        "XEN_ENOEXEC" => xen_sys::errno::Errno::ENOEXEC.0;
        "XEN_EBADF" => xen_sys::errno::Errno::EBADF.0;
        "XEN_ECHILD" => xen_sys::errno::Errno::ECHILD.0;
        "XEN_EAGAIN" => xen_sys::errno::Errno::EAGAIN.0;
        "XEN_ENOMEM" => xen_sys::errno::Errno::ENOMEM.0;
        "XEN_EACCES" => xen_sys::errno::Errno::EACCES.0;
        "XEN_EFAULT" => xen_sys::errno::Errno::EFAULT.0;
        "XEN_EBUSY" => xen_sys::errno::Errno::EBUSY.0;
        "XEN_EEXIST" => xen_sys::errno::Errno::EEXIST.0;
        "XEN_EXDEV" => xen_sys::errno::Errno::EXDEV.0;
        "XEN_ENODEV" => xen_sys::errno::Errno::ENODEV.0;
        "XEN_ENOTDIR" => xen_sys::errno::Errno::ENOTDIR.0;
        "XEN_EISDIR" => xen_sys::errno::Errno::EISDIR.0;
        "XEN_EINVAL" => xen_sys::errno::Errno::EINVAL.0;
        "XEN_ENFILE" => xen_sys::errno::Errno::ENFILE.0;
        "XEN_EMFILE" => xen_sys::errno::Errno::EMFILE.0;
        "XEN_ENOSPC" => xen_sys::errno::Errno::ENOSPC.0;
        "XEN_EROFS" => xen_sys::errno::Errno::EROFS.0;
        "XEN_EMLINK" => xen_sys::errno::Errno::EMLINK.0;
        "XEN_EDOM" => xen_sys::errno::Errno::EDOM.0;
        "XEN_ERANGE" => xen_sys::errno::Errno::ERANGE.0;
        "XEN_EDEADLK" => xen_sys::errno::Errno::EDEADLK.0;
        "XEN_ENAMETOOLONG" => xen_sys::errno::Errno::ENAMETOOLONG.0;
        "XEN_ENOLCK" => xen_sys::errno::Errno::ENOLCK.0;
        "XEN_ENOSYS" => xen_sys::errno::Errno::ENOSYS.0;
        "XEN_ENOTEMPTY" => xen_sys::errno::Errno::ENOTEMPTY.0;
        "XEN_ENODATA" => xen_sys::errno::Errno::ENODATA.0;
        "XEN_ETIME" => xen_sys::errno::Errno::ETIME.0;
        "XEN_EBADMSG" => xen_sys::errno::Errno::EBADMSG.0;
        "XEN_EOVERFLOW" => xen_sys::errno::Errno::EOVERFLOW.0;
        "XEN_EILSEQ" => xen_sys::errno::Errno::EILSEQ.0;
        "XEN_ERESTART" => xen_sys::errno::Errno::ERESTART.0;
        "XEN_ENOTSOCK" => xen_sys::errno::Errno::ENOTSOCK.0;
        "XEN_EMSGSIZE" => xen_sys::errno::Errno::EMSGSIZE.0;
        "XEN_EOPNOTSUPP" => xen_sys::errno::Errno::EOPNOTSUPP.0;
        "XEN_EADDRINUSE" => xen_sys::errno::Errno::EADDRINUSE.0;
        "XEN_EADDRNOTAVAIL" => xen_sys::errno::Errno::EADDRNOTAVAIL.0;
        "XEN_ENOBUFS" => xen_sys::errno::Errno::ENOBUFS.0;
        "XEN_EISCONN" => xen_sys::errno::Errno::EISCONN.0;
        "XEN_ENOTCONN" => xen_sys::errno::Errno::ENOTCONN.0;
        "XEN_ETIMEDOUT" => xen_sys::errno::Errno::ETIMEDOUT.0;
        "XEN_ECONNREFUSED" => xen_sys::errno::Errno::ECONNREFUSED.0;
        "XEN_EWOULDBLOCK" => xen_sys::errno::Errno::EWOULDBLOCK.0;
        "XEN_EDEADLOCK" => xen_sys::errno::Errno::EDEADLOCK.0;
    }
    texts {
    }
    structures {
    }
}
