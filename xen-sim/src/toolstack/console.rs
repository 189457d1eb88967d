//! Console daemon: receives the output of guests, and sends their input.

use crate::Domain;
use crate::machine::Machine;
use crate::pool::Mfn;
use crate::task::Step;
use core::mem::offset_of;
use core::sync::atomic::Ordering::{Acquire, Release};
use std::collections::{BTreeMap, VecDeque};
use xen_hypercall::DomId;
use xen_sys::io::console::{XENCONSOLE_CONNECTED, XenconsInterface};

const IN: usize = 1024;
const OUT: usize = 2048;

/// Consoles of all guests.
#[derive(Debug, Default)]
pub(crate) struct Consoles(BTreeMap<u16, Console>);

#[derive(Debug)]
struct Console {
    page: Mfn,
    port: u32,
    output: Vec<u8>,
    input: VecDeque<u8>,
    /// The guest is destroyed, or its ring indices are invalid.
    broken: bool,
}

impl Consoles {
    pub(crate) fn add(&mut self, machine: &Machine, domain: DomId, page: Mfn, port: u32) {
        let connection = machine.page(page).u8_at(offset_of!(XenconsInterface, connection));
        if let Some(connection) = connection {
            connection.store(XENCONSOLE_CONNECTED, Release);
        }
        let console =
            Console { page, port, output: Vec::new(), input: VecDeque::new(), broken: false };
        self.0.insert(domain.0, console);
    }

    /// Returns all output of a guest.
    pub(crate) fn output(&self, domain: DomId) -> Vec<u8> {
        self.0.get(&domain.0).map(|console| console.output.clone()).unwrap_or_default()
    }

    /// Closes the console of a destroyed guest, and returns dom0's port of it. The output stays.
    pub(crate) fn close(&mut self, domain: DomId) -> Option<u32> {
        self.0.get_mut(&domain.0).map(|console| {
            console.broken = true;
            console.port
        })
    }

    /// Sends input to a guest; input beyond the free space of the ring follows later.
    pub(crate) fn type_in(&mut self, machine: &mut Machine, domain: DomId, text: &[u8]) {
        if let Some(console) = self.0.get_mut(&domain.0) {
            console.input.extend(text);
        }
        self.serve(machine);
    }

    /// Copies input and output of all guests; called at events of the control domain.
    pub(crate) fn serve(&mut self, machine: &mut Machine) {
        for (&id, console) in &mut self.0 {
            if !machine.is_alive(DomId(id)) || console.broken {
                continue;
            }
            if machine.is_pending(DomId(0), console.port) {
                machine.clear_pending(DomId(0), console.port);
            }
            if console.move_bytes(machine) {
                // The guest may have closed its port, which is no error.
                let _ = machine.send(DomId(0), console.port);
            }
        }
    }
}

impl Console {
    fn move_bytes(&mut self, machine: &Machine) -> bool {
        let page = machine.page(self.page);
        let index = |offset| page.u32_at(offset).expect("an index of the page");
        let (out_cons, out_prod) = (
            index(offset_of!(XenconsInterface, out_cons)),
            index(offset_of!(XenconsInterface, out_prod)),
        );
        let (in_cons, in_prod) = (
            index(offset_of!(XenconsInterface, in_cons)),
            index(offset_of!(XenconsInterface, in_prod)),
        );
        let (mut cons, prod) = (out_cons.load(Acquire), out_prod.load(Acquire));
        let (typed_cons, mut typed) = (in_cons.load(Acquire), in_prod.load(Acquire));
        if prod.wrapping_sub(cons) as usize > OUT || typed.wrapping_sub(typed_cons) as usize > IN {
            self.broken = true;
            return false;
        }
        let (start, typed_start) = (cons, typed);
        while cons != prod {
            let at = offset_of!(XenconsInterface, out) + cons as usize % OUT;
            self.output.extend(page.read::<u8>(at));
            cons = cons.wrapping_add(1);
        }
        while (typed.wrapping_sub(typed_cons) as usize) < IN
            && let Some(byte) = self.input.pop_front()
        {
            page.write(offset_of!(XenconsInterface, in_) + typed as usize % IN, &byte);
            typed = typed.wrapping_add(1);
        }
        out_cons.store(cons, Release);
        in_prod.store(typed, Release);
        cons != start || typed != typed_start
    }
}

/// Runs the daemon's task, in the control domain.
pub(crate) fn daemon(domain: &Domain) -> Step {
    let (shared, _) = domain.place();
    let mut consoles = shared.consoles();
    consoles.serve(&mut shared.lock());
    Step::Idle
}
