//! `xen_version`, and the small hypercalls: console, assists, multicalls.

use crate::report::{ARM, Expected, Report, by_arch, fails, is, op, that};
use alloc::vec::Vec;
use alloc::{format, vec};
use xen_hypercall::ops::version::{VarBuf, unpadded};
use xen_hypercall::ops::{
    callback, console_io, event_channel, multicall::Batch, nmi, version, vm_assist,
};
use xen_hypercall::{Errno, Port};
use xen_sys::callback::CALLBACKTYPE_EVENT;
use xen_sys::event_channel::EvtchnSend;
use xen_sys::features::*;
use xen_sys::version::XenCompileInfo;
use xen_sys::xen::{VMASST_TYPE_M2P_STRICT, VMASST_TYPE_RUNSTATE_UPDATE_FLAG};

pub(crate) fn test(t: &mut Report) {
    let found = xen_kernel_rt::xen_version();
    // Arm has no CPUID.
    let is_of_cpuid = that("as in CPUID", move |version: &version::XenVersion| {
        ARM || found == Some((version.major, version.minor))
    });
    op!(t, version::version() => is_of_cpuid);
    op!(
        t,
        version::extra_version()
            => that("a text that starts with a point", |text: &[u8; 16]| text[0] == b'.')
    );
    op!(t, version::compile_info() => that("a compiler's name", |info: &XenCompileInfo| {
        !unpadded(&info.compiler).is_empty()
    }));
    op!(t, version::capabilities() => that("HVM guests, or those of Arm", |text: &[u8; 1024]| {
        let kind = by_arch(&b"hvm-3.0-x86_64"[..], b"xen-3.0-aarch64");
        unpadded(text).split(|&byte| byte == b' ').any(|word| word == kind)
    }));
    op!(t, version::changeset() => Expected::Ok);
    op!(t, version::platform_parameters() => Expected::Ok);
    let dom0 = t.dom0;
    let is_pvh = that("a translated map, vector callbacks, dom0 where it is", move |bits| {
        let has = |bit: u32| bits & 1 << bit != 0;
        let is_translated = has(XENFEAT_AUTO_TRANSLATED_PHYSMAP);
        let has_vector = has(XENFEAT_HVM_CALLBACK_VECTOR) != ARM;
        is_translated && has_vector && has(XENFEAT_DOM0) == dom0
    });
    op!(t, version::features(0) => is_pvh);
    op!(t, version::features(XENFEAT_NR_SUBMAPS) => fails(Errno::EINVAL));
    op!(t, version::page_size() => is(4096));
    op!(
        t,
        version::guest_handle()
            => that("zero in dom0 only", move |uuid| (*uuid == [0; 16]) == dom0)
    );
    let word = by_arch(&b"dom0=pvh"[..], b"console=dtuart");
    op!(t, version::command_line() => that("as given, in dom0 only", move |text: &[u8; 1024]| {
        unpadded(text).windows(word.len()).any(|found| found == word) == dom0
    }));

    let texts: [(&str, Text, Expected<VarBuf<2000>, Errno>); 5] = [
        (
            "version::build_id",
            version::build_id,
            t.dom0_only(that("20 bytes", |id: &VarBuf<2000>| id.as_bytes().len() == 20)),
        ),
        ("version::extra_version2", version::extra_version2, t.since(18, Expected::Ok)),
        ("version::capabilities2", version::capabilities2, t.since(18, Expected::Ok)),
        ("version::changeset2", version::changeset2, t.since(18, Expected::Ok)),
        ("version::command_line2", version::command_line2, t.since(18, t.dom0_only(Expected::Ok))),
    ];
    for (name, ask, expected) in texts {
        t.line(name, &[], ask(&t.xen), expected);
    }
    let short = version::extra_version2::<_, 1>(&t.xen);
    t.line(
        "version::extra_version2",
        &["room for 1 byte".into()],
        short,
        t.since(18, fails(Errno::ENOBUFS)),
    );

    op!(t, console_io::write(b"") => t.dom0_only(is(0)));
    op!(t, console_io::read(&mut [0; 16]) => t.dom0_only(is(0)));

    op!(t, vm_assist::enable(VMASST_TYPE_RUNSTATE_UPDATE_FLAG) => is(()));
    op!(t, vm_assist::disable(VMASST_TYPE_RUNSTATE_UPDATE_FLAG) => is(()));
    op!(t, vm_assist::enable(VMASST_TYPE_M2P_STRICT) => fails(Errno::EINVAL));

    op!(t, nmi::unregister_callback() => fails(Errno::ENOSYS));
    op!(t, callback::unregister(CALLBACKTYPE_EVENT) => fails(Errno::ENOSYS));
    // No address of code: a domain that is not PV has no such entry points.
    op!(t, unsafe nmi::register_callback(0) => fails(Errno::ENOSYS));
    op!(t, unsafe callback::register(CALLBACKTYPE_EVENT, 0, 0) => fails(Errno::ENOSYS));

    multicall(t);
}

/// Tests two events with one hypercall, and a third that fails between them.
fn multicall(t: &mut Report) {
    let ports =
        [event_channel::bind_ipi(&t.xen, 0), Ok(Port(4095)), event_channel::bind_ipi(&t.xen, 0)];
    let mut sends = ports.map(|port| EvtchnSend { port: port.unwrap_or(Port(0)) });
    let ports = sends.map(|send| send.port);
    let mut batch = Batch::<3>::new();
    let queued = sends.iter_mut().try_for_each(|send| batch.send(send));
    let results = queued.and_then(|()| batch.issue(&t.xen)).map(Iterator::collect::<Vec<_>>);
    let args = ports.map(|port| format!("send {port}"));
    t.line("multicall", &args, results, is(vec![Ok(0), Err(Errno::EINVAL), Ok(0)]));
    let events = t.xen.events();
    t.fact("both events came", events.take_pending(ports[0]) && events.take_pending(ports[2]));
    let _ = event_channel::close(&t.xen, ports[0]).and(event_channel::close(&t.xen, ports[2]));
}

type Text = fn(&xen_kernel_rt::Rt) -> Result<VarBuf<2000>, Errno>;
