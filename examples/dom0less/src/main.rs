//! The kernel: one end of a vchan between two domains that Xen starts without dom0, or a domain
//! beside dom0 that waits for xenstore.

#![no_std]
#![no_main]

extern crate alloc;

use alloc::{borrow::ToOwned, boxed::Box, format, string::String, vec::Vec};
use core::error::Error;
use core::time::Duration;
use xen_evtchn::Channel;
use xen_front::vchan::{StaticVchan, VchanError, VchanOrders};
use xen_grant::{GrantMapArea, GrantMapping, GrantTable, ReadWrite};
use xen_hypercall::{DomId, GrantRef, Instant, PAGE_SIZE, Pages, Platform, Port, SharedMem, boot};
use xen_kernel_rt::{Rt, early_println};
use xen_store::{XenStore, XsOps};

xen_kernel_rt::entry!(main);

/// Rings of 16 KiB each way: nine pages with the first one.
const ORDER: u16 = 14;
const PAGES: usize = 1 + 2 * (1 << ORDER) / PAGE_SIZE;

/// Time for each step of the other domain.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Time for dom0 to start, and to set up xenstore.
const LATE_STORE: Duration = Duration::from_secs(300);
/// Time between two attempts to map what the other domain grants.
const RETRY: Duration = Duration::from_millis(10);

fn main(xen: Rt) {
    let words: Vec<&str> = xen.command_line().split_whitespace().collect();
    match run(xen, &words) {
        Ok(line) => early_println!("dom0less: {line}"),
        Err(error) => early_println!("dom0less: FAILED {error}"),
    }
}

fn run(xen: Rt, words: &[&str]) -> Result<String, Box<dyn Error>> {
    match *words {
        ["echo", port, "shared", id] => echo(xen, port, xen.shared_memory(id)?.as_ref()),
        ["fifo", ref rest @ ..] => {
            xen.use_fifo_events()?;
            run(xen, rest)
        }
        ["send", port, "shared", id, bytes] => {
            send(xen, port, xen.shared_memory(id)?.as_ref(), bytes)
        }
        ["echo", port, "granted", client, first] => {
            let grants = GrantTable::new(xen)?;
            let pages = Pages::alloc(xen, PAGES)?;
            let granted = grants.grant_writable(pages, DomId(client.parse()?));
            let granted = granted.map_err(|failed| failed.error)?;
            // The first references of a new table are always the same.
            if granted.refs() != references(first)? {
                return Err(format!("found {:?}, expected from {first} on", granted.refs()).into());
            }
            echo(xen, port, granted.as_ref())
        }
        ["send", port, "granted", server, first, bytes] => {
            let memory = map(xen, DomId(server.parse()?), &references(first)?)?;
            send(xen, port, memory.as_ref(), bytes)
        }
        ["store"] => greet(xen),
        _ => Err(format!(
            "found command line '{}', expected '[fifo] echo PORT MEMORY', \
             '[fifo] send PORT MEMORY BYTES' or 'store', with the memory 'shared ID' or \
             'granted DOMAIN REFERENCE'",
            xen.command_line()
        )
        .into()),
    }
}

fn soon(xen: Rt) -> Instant {
    xen.now() + TIMEOUT
}

/// Takes the port of the static configuration, with events by upcall.
fn channel(xen: Rt, port: &str) -> Result<Channel<Rt>, Box<dyn Error>> {
    let number = Port(port.parse()?);
    let channel = Channel::bind_static(xen, number);
    let channel = channel.map_err(|errno| format!("port {port}: {errno}"))?;
    xen.dispatcher().bind(xen.events(), channel.port())?;
    Ok(channel)
}

/// Returns the references of the granted pages, from `first` on.
fn references(first: &str) -> Result<Vec<GrantRef>, Box<dyn Error>> {
    let first: u32 = first.parse()?;
    Ok((first..).take(PAGES).map(GrantRef).collect())
}

/// Maps what domain `server` grants, as soon as it does.
fn map(
    xen: Rt,
    server: DomId,
    refs: &[GrantRef],
) -> Result<GrantMapping<Rt, ReadWrite>, Box<dyn Error>> {
    let deadline = soon(xen);
    loop {
        match GrantMapArea::reserve(xen, refs.len())?.map(server, refs) {
            Ok(mapping) => return Ok(mapping),
            Err(failed) if xen.now() >= deadline => return Err(failed.error.into()),
            Err(_) => xen.wait(&[], Some(xen.now() + RETRY)),
        }
    }
}

/// Waits for xenstore, writes a greeting, and waits for dom0's answer.
fn greet(xen: Rt) -> Result<String, Box<dyn Error>> {
    let is_late = boot::xenstore_ring(xen).is_err_and(|error| error.is_late());
    early_println!("dom0less: xenstore {}", if is_late { "comes later" } else { "is there" });
    let deadline = xen.now() + LATE_STORE;
    let store = XenStore::start(xen, deadline)?;
    let watch = store.watch("data/answer")?;
    store.write("data/hello", format!("from domain {}", store.domid()?.0))?;
    // The watch fires once at first.
    while watch.wait_next(deadline)?.is_some() {
        let mut buffer = [0; 64];
        match store.read("data/answer", &mut buffer) {
            Ok(len) => {
                let answer = core::str::from_utf8(&buffer[..len.min(buffer.len())])?;
                return Ok(format!("answer {answer}"));
            }
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err("no answer".to_owned().into())
}

/// Sends back what comes, until the other domain disconnects.
fn echo(xen: Rt, port: &str, memory: &SharedMem) -> Result<String, Box<dyn Error>> {
    let orders = VchanOrders::new(ORDER, ORDER)?;
    let server = StaticVchan::server(xen, memory, orders, channel(xen, port)?)?;
    let mut end = server.wait(soon(xen))?;
    early_println!("dom0less: a client is at port {port}");
    let (mut buffer, mut count) = ([0; 3000], 0);
    loop {
        end.wait_readable(soon(xen))?;
        let read = match end.read(&mut buffer) {
            Err(VchanError::Disconnected) => return Ok(format!("{count} bytes came back")),
            read => read?,
        };
        let mut rest = &buffer[..read];
        while !rest.is_empty() {
            end.wait_writable(soon(xen))?;
            rest = &rest[end.write(rest)?..];
        }
        count += read;
    }
}

/// Returns byte `index` of what is sent: no two runs of 251 bytes are the same.
fn byte(index: usize) -> u8 {
    (index % 251 + index / 251) as u8
}

/// Sends bytes, and compares what comes back.
fn send(xen: Rt, port: &str, memory: &SharedMem, bytes: &str) -> Result<String, Box<dyn Error>> {
    let total: usize = bytes.parse()?;
    let mut end = StaticVchan::client(xen, memory, channel(xen, port)?).wait(soon(xen))?;
    early_println!("dom0less: connected by port {port}");
    let (mut sent, mut received, mut buffer) = (0, 0, [0; 2000]);
    while received < total {
        let most = buffer.len().min(total - sent);
        let out: Vec<u8> = (sent..sent + most).map(byte).collect();
        let written = end.write(&out)?;
        sent += written;
        let read = end.read(&mut buffer)?;
        for (offset, &found) in buffer[..read].iter().enumerate() {
            let (index, expected) = (received + offset, byte(received + offset));
            if found != expected {
                return Err(format!("byte {index}: found {found}, expected {expected}").into());
            }
        }
        received += read;
        if written == 0 && read == 0 {
            end.wait_readable(soon(xen))?;
        }
    }
    Ok(format!("{received} bytes as sent"))
}
