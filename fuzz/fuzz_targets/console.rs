//! The console driver against a daemon that rewrites the page before each load.
#![no_main]

use arbitrary::Arbitrary;
use core::fmt::Write;
use core::time::Duration;
use libfuzzer_sys::fuzz_target;
use xen_evtchn::Channel;
use xen_front::console::{Console, Newline};
use xen_fuzz::{Peer, with_page};
use xen_hypercall::{DomId, Platform};
use xen_sim::{DomainConfig, World};

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

fuzz_target!(|input: (Vec<Call<'_>>, [u32; 4], &[u8])| {
    let (calls, indices, deeds) = input;
    with_page(|mem| {
        mem.write(3072, &indices);
        let world = World::new(1);
        let guest = world.create(DomainConfig { pages: 64, foreign_pages: 1, ..DomainConfig::new("guest") });
        let channel = Channel::alloc_unbound(guest.clone(), DomId(0)).unwrap();
        Peer::new(mem, deeds).against(|| {
            let mut console = Console::new(guest.clone(), mem, channel);
            console.set_text_timeout(Duration::from_millis(10));
            let mut buffer = [0xee; 2048];
            for call in calls.iter().take(100) {
                let deadline = guest.now() + Duration::from_millis(20);
                match *call {
                    Call::Write(bytes) => {
                        assert!(
                            console.write(bytes).is_ok_and(|count| count <= bytes.len())
                                || console.room().is_err()
                        );
                    }
                    Call::WriteAll(bytes) => drop(console.write_all(bytes, deadline)),
                    Call::Text(text) => drop(console.write_str(text)),
                    Call::Raw(raw) => console.set_newline(if raw { Newline::Raw } else { Newline::CrLf }),
                    Call::Read(len) => {
                        let len = usize::from(len) % buffer.len();
                        assert!(
                            console.read(&mut buffer[..len]).is_ok_and(|count| count <= len)
                                || console.available().is_err()
                        );
                    }
                    Call::Available => drop(console.available()),
                    Call::Room => drop(console.room()),
                    Call::Drained => drop(console.is_drained()),
                    Call::Flush => drop(console.flush(deadline)),
                }
                let patient = matches!(call, Call::Text(_));
                assert!(patient || guest.now() <= deadline, "it has waited for longer than it may");
            }
        });
        world.check().unwrap();
    });
});
