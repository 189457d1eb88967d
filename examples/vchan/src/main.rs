//! The kernel: sends back what comes through a vchan, and says on its console how it went.

#![no_std]
#![no_main]

extern crate alloc;

use alloc::{boxed::Box, format};
use core::error::Error;
use core::fmt::Write;
use core::time::Duration;
use xen_front::console::Console;
use xen_front::vchan::{Client, End, Server, VchanError, VchanOrders};
use xen_grant::GrantTable;
use xen_hypercall::{DomId, Instant, Platform, SharedMem, boot};
use xen_kernel_rt::{Rt, early_println};
use xen_store::XenStore;

xen_kernel_rt::entry!(main);

fn main(xen: Rt) {
    let mut console = match boot::console_ring(xen) {
        Ok(ring) => Console::primary(ring),
        Err(error) => return early_println!("no console: {error}"),
    };
    let _ = match run(xen, &mut console) {
        Ok(()) => writeln!(console, "vchan: end"),
        Err(error) => writeln!(console, "vchan: FAILED {error}"),
    };
    let _ = console.flush(soon(xen));
}

/// Time between two tries to end the access of a peer, and of all of them.
const RETRY: Duration = Duration::from_millis(10);
const RETRY_TIMEOUT: Duration = Duration::from_secs(5);

fn soon(xen: Rt) -> Instant {
    xen.now() + Duration::from_secs(60)
}

fn run(xen: Rt, console: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let store = XenStore::new(xen, boot::xenstore_ring(xen)?)?;
    let grants = GrantTable::new(xen)?;
    let words: alloc::vec::Vec<&str> = xen.command_line().split_whitespace().collect();
    match words[..] {
        ["server", client, path, left, right, bytes] => {
            let orders = VchanOrders::new(left.parse()?, right.parse()?)?;
            let client = DomId(client.parse()?);
            let mut server = Server::open(&store, &grants, client, path, orders)?;
            writeln!(console, "vchan: at {path}")?;
            server.wait_for_client(soon(xen))?;
            let count = echo(&mut server, bytes.parse()?, xen)?;
            server.close(soon(xen))?;
            writeln!(console, "vchan: {count} bytes")?;
        }
        ["client", server, path, bytes] => {
            let mut client = Client::connect(&store, DomId(server.parse()?), path, soon(xen))?;
            writeln!(console, "vchan: connected to {path}")?;
            let count = echo(&mut client, bytes.parse()?, xen)?;
            drop(client);
            writeln!(console, "vchan: {count} bytes")?;
        }
        _ => {
            let expected = "server DOMAIN PATH LEFT RIGHT BYTES, or client DOMAIN PATH BYTES";
            return Err(format!(
                "found command line '{}', expected {expected}",
                xen.command_line()
            )
            .into());
        }
    }
    // Linux may unmap the pages a moment after it has notified this end.
    let deadline = xen.now() + RETRY_TIMEOUT;
    let mut waiting = grants.retry_deferred().waiting;
    while waiting > 0 && xen.now() < deadline {
        xen.wait(&[], Some(xen.now() + RETRY));
        waiting = grants.retry_deferred().waiting;
    }
    writeln!(console, "vchan: {waiting} allocations deferred")?;
    Ok(())
}

/// Sends back `limit` bytes, or fewer if the peer leaves before; returns how many.
fn echo<M: AsRef<SharedMem>>(
    end: &mut End<Rt, M>,
    limit: usize,
    xen: Rt,
) -> Result<usize, VchanError> {
    let mut count = 0;
    match echo_all(end, limit, &mut count, xen) {
        Err(VchanError::Disconnected) => Ok(count),
        result => result.map(|()| count),
    }
}

/// Sends back `limit` bytes; `count` is how many were sent.
fn echo_all<M: AsRef<SharedMem>>(
    end: &mut End<Rt, M>,
    limit: usize,
    count: &mut usize,
    xen: Rt,
) -> Result<(), VchanError> {
    let mut buffer = [0; 3000];
    while *count < limit {
        end.wait_readable(soon(xen))?;
        let most = buffer.len().min(limit - *count);
        let read = end.read(&mut buffer[..most])?;
        let mut rest = &buffer[..read];
        while !rest.is_empty() {
            end.wait_writable(soon(xen))?;
            let sent = end.write(rest)?;
            *count += sent;
            rest = &rest[sent..];
        }
    }
    end.flush(soon(xen))
}
