//! Scans for pending events, in both formats.

use crate::machine::Machine;
use crate::{Case, Outcome, measured, opaque};
use std::mem::offset_of;
use xen_evtchn::{Abi, EventChannels};
use xen_hypercall::{Page, Port, SharedMem};
use xen_sys::event_channel::{EVTCHN_FIFO_LINKED, EVTCHN_FIFO_PENDING, EvtchnFifoControlBlock};
use xen_sys::xen::{SharedInfo, VcpuInfo};

pub(crate) const CASES: [Case; 6] = [
    Case { name: "scan-2level/1", run: |rounds| two_level(rounds, 1) },
    Case { name: "scan-2level/64", run: |rounds| two_level(rounds, 64) },
    Case { name: "scan-2level/4096", run: |rounds| two_level(rounds, 4096) },
    Case { name: "scan-fifo/1", run: |rounds| fifo(rounds, 1) },
    Case { name: "scan-fifo/64", run: |rounds| fifo(rounds, 64) },
    Case { name: "scan-fifo/4096", run: |rounds| fifo(rounds, 4096) },
];

/// Event words in a page.
const WORDS: usize = 1024;
/// The queue of the default priority.
const QUEUE: usize = 7;

/// Sums the ports, as a stand-in for handlers.
#[inline(never)]
fn handle(sum: &mut u64, mut port: Port) {
    opaque(&mut port);
    *sum += u64::from(port.0);
}

#[inline(never)]
fn scan(events: &EventChannels<Machine, &SharedMem>, sum: &mut u64) {
    events.on_upcall(0, |port| handle(sum, port));
}

fn two_level(rounds: u64, pending: u32) -> Outcome {
    let mut page = Box::new([Page::ZERO]);
    let mem = SharedMem::from_pages(&mut page);
    let events = EventChannels::new(Machine::new(), mem);
    (0..4096).for_each(|port| events.unmask(Port(port)).expect("nothing is pending"));
    // The ports lie side by side from the first one on, and so 64 of them in one word.
    let image: Vec<u64> = (0..pending.div_ceil(64))
        .map(|word| if pending - word * 64 < 64 { 1 } else { u64::MAX })
        .collect();
    let bytes: Vec<u8> = image.iter().flat_map(|word| word.to_ne_bytes()).collect();
    let selector = if image.len() == 64 { u64::MAX } else { (1 << image.len()) - 1 };
    let mut sum = 0;
    let outcome = measured(|outcome| {
        for _ in 0..rounds {
            mem.copy_from(offset_of!(SharedInfo, evtchn_pending), &bytes).expect("within the page");
            mem.write(offset_of!(VcpuInfo, evtchn_pending_sel), &selector)
                .expect("within the page");
            mem.write(offset_of!(VcpuInfo, evtchn_upcall_pending), &1u8).expect("within the page");
            scan(&events, &mut sum);
            outcome.units += u64::from(pending);
        }
    });
    let ports = u64::from(pending);
    assert_eq!(sum, rounds * ports * (ports - 1) / 2, "every event delivered once");
    outcome
}

fn fifo(rounds: u64, pending: u32) -> Outcome {
    let mut page = Box::new([Page::ZERO]);
    let machine = Machine::new();
    let events =
        EventChannels::with_fifo(machine.clone(), SharedMem::from_pages(&mut page)).expect("a yes");
    assert_eq!(events.abi(), Abi::Fifo);
    // Port 0 is none.
    events.opened(Port(pending), 0).expect("a yes");
    (1..=pending).for_each(|port| events.unmask(Port(port)).expect("nothing is pending"));
    let word = |port: u32| {
        let link = if port == pending { 0 } else { port + 1 };
        1 << EVTCHN_FIFO_PENDING | 1 << EVTCHN_FIFO_LINKED | link
    };
    let image: Vec<u8> = (0..=pending)
        .flat_map(|port| u32::to_ne_bytes(if port == 0 { 0 } else { word(port) }))
        .collect();
    let parts: Vec<(&SharedMem, &[u8])> = image
        .chunks(WORDS * 4)
        .enumerate()
        .map(|(index, part)| (machine.array(index), part))
        .collect();
    let control = machine.control();
    let mut sum = 0;
    let outcome = measured(|outcome| {
        for _ in 0..rounds {
            for (page, part) in &parts {
                page.copy_from(0, part).expect("within the page");
            }
            let head = offset_of!(EvtchnFifoControlBlock, head) + QUEUE * 4;
            control.write(head, &1u32).expect("within the page");
            control
                .write(offset_of!(EvtchnFifoControlBlock, ready), &(1u32 << QUEUE))
                .expect("within the page");
            scan(&events, &mut sum);
            outcome.units += u64::from(pending);
        }
    });
    let ports = u64::from(pending);
    assert_eq!(sum, rounds * ports * (ports + 1) / 2, "every event delivered once");
    outcome
}
