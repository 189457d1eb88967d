//! Loom models: all orders in which the two ends of a ring can meet.
//!
//! `RUSTFLAGS="--cfg loom" cargo test --manifest-path models/Cargo.toml -p xen-ring --lib --profile
//! models`

use crate::{
    BackRing, ByteConsumer, ByteProducer, FrontRing, Notify, Vchan, VchanError, VchanOrders,
    VchanPeer,
};
use loom::thread;
use std::vec::Vec;
use xen_hypercall::{PAGE_SIZE, SharedMem};

type Front = FrontRing<&'static SharedMem, u64, u64>;
type Back = BackRing<&'static SharedMem, u64, u64>;

fn ring() -> (Front, Back) {
    let mem = SharedMem::for_model(PAGE_SIZE, &[(0..64 + 4 * 8, 4)]);
    // The front end initializes the ring before the back end has access.
    (Front::new(mem).unwrap(), Back::attach(mem).unwrap())
}

/// D-R10.
#[test]
fn request_is_seen_or_notified() {
    loom::model(|| {
        let (mut front, mut back) = ring();
        let back = thread::spawn(move || {
            let asleep = !back.final_check().unwrap();
            (asleep, back.pop().unwrap())
        });
        front.push(&0x1234_5678_9abc_def0).unwrap();
        let notify = front.publish();
        let (asleep, request) = back.join().unwrap();
        assert!(!asleep || notify == Notify::Send, "asleep and not notified");
        assert!(
            request.is_none_or(|value| value == 0x1234_5678_9abc_def0),
            "seen before it was written: {request:x?}"
        );
    });
}

/// D-R10.
#[test]
fn response_is_seen_or_notified() {
    loom::model(|| {
        let (mut front, mut back) = ring();
        front.push(&1).unwrap();
        let _ = front.publish();
        let front = thread::spawn(move || {
            let asleep = !front.final_check().unwrap();
            (asleep, front.pop().unwrap())
        });
        assert_eq!(back.pop(), Ok(Some(1)));
        back.push(&0x1234_5678_9abc_def0).unwrap();
        let notify = back.publish();
        let (asleep, response) = front.join().unwrap();
        assert!(!asleep || notify == Notify::Send, "asleep and not notified");
        assert!(
            response.is_none_or(|value| value == 0x1234_5678_9abc_def0),
            "seen before it was written: {response:x?}"
        );
    });
}

/// Both at once: a back end that answers and then sleeps, and a front end that sends more and then
/// sleeps.
#[test]
fn publish_with_check_keeps_both_awake() {
    loom::model(|| {
        let (mut front, mut back) = ring();
        front.push(&1).unwrap();
        let _ = front.publish();
        let back = thread::spawn(move || {
            let mut requests = back.requests().unwrap();
            assert_eq!(requests.next(), Some(1));
            requests.push(&0x1234_5678_9abc_def0).unwrap();
            let (notify, more) = requests.finish();
            (notify, more, back.requests().unwrap().next())
        });
        front.push(&2).unwrap();
        let second = front.publish();
        let asleep = !front.final_check().unwrap();
        let response = front.responses().unwrap().next();
        let (first, more, request) = back.join().unwrap();
        assert!(!asleep || first == Notify::Send, "the front end is asleep and not notified");
        assert!(more || second == Notify::Send, "the back end is asleep and not notified");
        assert!(
            response.is_none_or(|value| value == 0x1234_5678_9abc_def0),
            "seen before it was written"
        );
        assert!(request.is_none_or(|value| value == 2), "seen before it was written");
    });
}

/// A batch whose event index is behind the second request, and still the back end is notified.
#[test]
fn next_request_wakes_back_end() {
    loom::model(|| {
        let (mut front, mut back) = ring();
        front.push(&1).unwrap();
        let first = front.publish();
        let back = thread::spawn(move || {
            let mut taken = Vec::new();
            while let Some(request) = back.pop().unwrap() {
                taken.push(request);
            }
            let asleep = !back.final_check().unwrap();
            (asleep, taken)
        });
        front.push(&2).unwrap();
        let second = front.publish();
        let (asleep, taken) = back.join().unwrap();
        assert_eq!(first, Notify::Send);
        assert!(
            taken == [1, 2] || !asleep || second == Notify::Send,
            "asleep and not notified: {taken:?}"
        );
    });
}

/// Four bytes of room, six bytes to send: the first bytes are overwritten only after the reader has
/// taken them.
#[test]
fn bytes_keep_order_in_reused_room() {
    type Producer = ByteProducer<0, 4, 64, 68>;
    type Consumer = ByteConsumer<0, 4, 64, 68>;
    loom::model(|| {
        let mem = SharedMem::for_model(PAGE_SIZE, &[(0..4, 1), (64..72, 4)]);
        let (mut tx, mut rx) = (Producer::attach(mem), Consumer::attach(mem));
        assert_eq!(tx.write(mem, &[1, 2, 3]), Ok(3));
        let sender = thread::spawn(move || tx.write(mem, &[4, 5, 6]).unwrap());
        let mut buffer = [0; 8];
        let mut got = rx.read(mem, &mut buffer).unwrap();
        let sent = 3 + sender.join().unwrap();
        got += rx.read(mem, &mut buffer[got..]).unwrap();
        assert_eq!(got, sent);
        assert_eq!(buffer[..got], [1, 2, 3, 4, 5, 6][..got]);
    });
}

type End = Vchan<&'static SharedMem, [&'static SharedMem; 0]>;

/// Returns a first page: its words, and a few bytes of both rings.
fn vchan_page() -> &'static SharedMem {
    let words = [(0..16, 4), (16..20, 2), (20..24, 1), (1024..1028, 1), (2048..2052, 1)];
    SharedMem::for_model(PAGE_SIZE, &words)
}

fn server(mem: &'static SharedMem) -> End {
    End::server(mem, VchanOrders::new(10, 11).unwrap(), [], [], []).unwrap()
}

fn vchan() -> (End, End) {
    let mem = vchan_page();
    let server = server(mem);
    (server, End::client(mem, VchanOrders::offered(mem).unwrap(), [], []).unwrap())
}

#[test]
fn offered_vchan_is_complete() {
    loom::model(|| {
        let mem = vchan_page();
        let server = thread::spawn(move || server(mem));
        let found = VchanOrders::offered(mem);
        assert!(
            found == Err(VchanError::ServerGone) || found == VchanOrders::new(10, 11),
            "{found:?}"
        );
        let _ = server.join().unwrap();
    });
}

#[test]
fn vchan_byte_is_seen_or_notified() {
    loom::model(|| {
        let (mut server, mut client) = vchan();
        // The notification that a new server requests has been sent.
        assert_eq!(client.write(&[1]), Ok((1, Notify::Send)));
        assert_eq!(server.read(&mut [0; 2]), Ok((1, Notify::Skip)));
        let reader = thread::spawn(move || !server.final_check_readable().unwrap());
        let (_, notify) = client.write(&[2]).unwrap();
        assert!(!reader.join().unwrap() || notify == Notify::Send, "asleep and not notified");
    });
}

#[test]
fn vchan_room_is_seen_or_notified() {
    loom::model(|| {
        let (mut server, mut client) = vchan();
        let _ = client.write(&[1]).unwrap();
        let writer = thread::spawn(move || {
            client.final_check_writable(1).unwrap();
            client.free().unwrap()
        });
        let (_, notify) = server.read(&mut [0; 2]).unwrap();
        assert!(
            writer.join().unwrap() == 1024 || notify == Notify::Send,
            "asleep and not notified"
        );
    });
}

#[test]
fn vchan_bytes_before_shutdown_are_seen() {
    loom::model(|| {
        let (mut server, mut client) = vchan();
        let leaving = thread::spawn(move || {
            let _ = client.write(&[7]).unwrap();
            client.shutdown();
        });
        if server.peer() == VchanPeer::Gone {
            assert_eq!(server.available(), Ok(1));
        }
        leaving.join().unwrap();
        let (mut server, mut client) = vchan();
        let leaving = thread::spawn(move || {
            let _ = server.write(&[7]).unwrap();
            server.shutdown();
        });
        if client.peer() == VchanPeer::Gone {
            assert_eq!(client.available(), Ok(1));
        }
        leaving.join().unwrap();
    });
}

/// A client reads the last byte of an earlier server and withdraws that one's offer. The new server
/// then reuses the memory.
#[test]
fn withdrawal_follows_earlier_reads() {
    loom::model(|| {
        let mem = vchan_page();
        let mut server = server(mem);
        let mut client = End::client(mem, VchanOrders::offered(mem).unwrap(), [], []).unwrap();
        assert_eq!(server.write(&[7]), Ok((1, Notify::Send)));
        let leaving = thread::spawn(move || {
            let mut found = [0];
            client.read(&mut found).unwrap();
            VchanOrders::withdraw(mem);
            found
        });
        if !server.is_offered() {
            // The first byte of the right ring, as the next server writes it.
            mem.copy_from(2048, &[8]).unwrap();
        }
        assert_eq!(leaving.join().unwrap(), [7]);
    });
}
