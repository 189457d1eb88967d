//! The console driver against a daemon that rewrites the page before each load.

use crate::fixture::{check, small, with_page};
use crate::input::{head, streams, values};
use arbitrary::Arbitrary;
use core::fmt::Write;
use core::time::Duration;
use std::cell::OnceCell;
use xen_evtchn::Channel;
use xen_front::console::{Console, Newline};
use xen_hypercall::{DomId, Platform};
use xen_sim::{ChoiceSource, Domain, HostilePeer, World};

#[derive(Arbitrary, Debug)]
enum Call<'a> {
    Write(&'a [u8]),
    WriteAll(&'a [u8]),
    Text(&'a str),
    Raw(bool),
    Read(u16),
    Available,
    Room,
    Drained,
    Flush,
}

thread_local! {
    /// Every input leaves it as it was, but for the time.
    static WORLD: OnceCell<(World, Domain)> = const { OnceCell::new() };
}

/// Runs the target.
pub fn run(data: &[u8]) {
    WORLD.with(|cell| {
        let (world, guest) = cell.get_or_init(|| {
            let world = World::new(1);
            let guest = world.create(small("guest"));
            (world, guest)
        });
        with_page(|mem| {
            let (mut calls, deeds) = streams(data);
            mem.write(3072, &head::<16>(&mut calls));
            let channel =
                Channel::alloc_unbound(guest.clone(), DomId(0)).expect("there are free ports");
            let mut peer = HostilePeer::new(ChoiceSource::from_bytes(deeds));
            peer.against_memory(mem, || {
                drive(guest, Console::new(guest.clone(), mem, channel), &values(calls, 100))
            });
        });
        check(world);
    });
}

fn drive<M: AsRef<xen_hypercall::SharedMem>>(
    guest: &Domain,
    mut console: Console<Domain, M>,
    calls: &[Call<'_>],
) {
    console.set_text_timeout(Duration::from_millis(10));
    let mut buffer = [0xee; 2048];
    for call in calls {
        let deadline = guest.now() + Duration::from_millis(20);
        match *call {
            Call::Write(bytes) => {
                let written = console.write(bytes);
                assert!(written.is_ok_and(|count| count <= bytes.len()) || console.room().is_err());
            }
            Call::WriteAll(bytes) => drop(console.write_all(bytes, deadline)),
            Call::Text(text) => drop(console.write_str(text)),
            Call::Raw(raw) => console.set_newline(if raw { Newline::Raw } else { Newline::CrLf }),
            Call::Read(len) => {
                let len = usize::from(len) % buffer.len();
                let read = console.read(&mut buffer[..len]);
                assert!(read.is_ok_and(|count| count <= len) || console.available().is_err());
            }
            Call::Available => drop(console.available()),
            Call::Room => drop(console.room()),
            Call::Drained => drop(console.is_drained()),
            Call::Flush => drop(console.flush(deadline)),
        }
        let patient = matches!(call, Call::Text(_));
        assert!(patient || guest.now() <= deadline, "it has waited for longer than it may");
    }
}
