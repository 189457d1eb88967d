//! Requests of the toolstack to the shell at its prompt, beside the end of the domain.

use crate::error::Error;
use crate::system::System;
use core::fmt::Write;
use xen_guest::control::{SlateMode, SlateModeWatcher, SuspendChannel, SysrqWatcher};
use xen_guest::vcpu::{self, VcpuRequest, VcpuWatcher};
use xen_hypercall::{Platform, Port};
use xen_store::{Software, XenStore};
use xen_sys::sched::ShutdownReason;

/// Watchers of the toolstack's requests. A watcher that xenstored refuses is missing.
#[derive(Debug)]
pub(crate) struct Management<P: Platform> {
    vcpus: Option<VcpuWatcher<P>>,
    sysrq: Option<SysrqWatcher<P>>,
    slate: Option<SlateModeWatcher<P>>,
    suspend: Option<SuspendChannel<P>>,
}

impl<P: Platform> Management<P> {
    /// Starts to watch, and publishes this software and what it supports.
    pub(crate) fn new(system: &System<'_, P>) -> Self {
        let Some(store) = &system.store else {
            return Self { vcpus: None, sysrq: None, slate: None, suspend: None };
        };
        publish(store);
        Self {
            vcpus: VcpuWatcher::new(store, vcpu::count(&system.platform)).ok(),
            sysrq: SysrqWatcher::new(store).ok(),
            slate: SlateModeWatcher::new(store).ok(),
            suspend: SuspendChannel::new(store).ok(),
        }
    }

    /// Returns the port by which a suspend is requested.
    pub(crate) fn port(&self) -> Option<Port> {
        self.suspend.as_ref().map(SuspendChannel::port)
    }

    /// Takes a request to suspend that came by the port.
    pub(crate) fn take_suspend(&self, system: &System<'_, P>) -> bool {
        self.port().is_some_and(|port| (system.kernel.take_event)(&system.platform, port))
    }

    /// Serves one request, and prints it. Returns whether there was one, and the end of the domain
    /// if it was that.
    pub(crate) fn poll(
        &mut self,
        system: &System<'_, P>,
        out: &mut dyn Write,
    ) -> Result<(bool, Option<ShutdownReason>), Error> {
        if let Some(vcpus) = &mut self.vcpus
            && let Some(request) = vcpus.poll()?
        {
            let (vcpu, is_online) = match request {
                VcpuRequest::Online(vcpu) => (vcpu, true),
                VcpuRequest::Offline(vcpu) => (vcpu, false),
            };
            let state = if is_online { "online" } else { "offline" };
            match (system.kernel.set_vcpu_online)(&system.platform, vcpu, is_online) {
                Ok(()) => writeln!(out, "cpu {vcpu} is {state}")?,
                Err(errno) => writeln!(out, "error: cpu {vcpu} is not {state}: {errno}")?,
            }
            return Ok((true, None));
        }
        if let Some(sysrq) = &mut self.sysrq
            && let Some(letter) = sysrq.poll()?
        {
            let end = match letter {
                'o' => Some(ShutdownReason::POWEROFF),
                'b' => Some(ShutdownReason::REBOOT),
                'c' => Some(ShutdownReason::CRASH),
                _ => None,
            };
            writeln!(out, "sysrq: {letter}")?;
            return Ok((true, end));
        }
        if let Some(slate) = &mut self.slate
            && let Some(mode) = slate.poll()?
        {
            let mode = match mode {
                SlateMode::Laptop => "laptop",
                SlateMode::Slate => "slate",
            };
            writeln!(out, "mode: {mode}")?;
            return Ok((true, None));
        }
        Ok((false, None))
    }

    /// Opens the port anew, and publishes again, where the domain was resumed elsewhere.
    pub(crate) fn resume(&mut self, system: &System<'_, P>) {
        let Some(store) = &system.store else { return };
        publish(store);
        if let Some(slate) = &self.slate {
            let _ = slate.resume();
        }
        if let Some(old) = self.suspend.take() {
            old.forget();
            self.suspend = SuspendChannel::new(store).ok();
        }
    }
}

/// Publishes this software and the hotplug of its devices. A toolstack need not have made the
/// nodes, so refusals are ignored.
fn publish<P: Platform>(store: &XenStore<P>) {
    let version = env!("CARGO_PKG_VERSION");
    let software = Software { vendor: "xen-family", product: "shell", version, attributes: "" };
    let _ = store.publish_driver(0, &software);
    for kind in ["vbd", "vif"] {
        let _ = store.publish_hotplug(kind, true);
    }
}
