//! The driver of embassy-net, polled when its task is woken, as by an executor; and embassy-net
//! itself on it.

use super::tcp::{BYTES, EchoServer, byte};
use super::*;
use core::future::{Future, poll_fn};
use core::pin::pin;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll, Waker};
use embassy_net::tcp::TcpSocket;
use embassy_net::{StackResources, StaticConfigV4};
use embassy_net_driver::{Driver, HardwareAddress, LinkState, RxToken, TxToken};
use std::sync::Arc;
use std::task::Wake;
use xen_hypercall::ops::sched::{SuspendOutcome, suspend};

/// A task that is to be polled.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// The task of a stack that sends back what it receives, and its kernel's idle loop.
struct Echo<'f> {
    fixture: &'f Fixture,
    driver: EmbassyDriver<Domain>,
    events: EmbassyEvents<Domain>,
    woken: Arc<Woken>,
    polls: u32,
    link: LinkState,
}

impl<'f> Echo<'f> {
    fn new(fixture: &'f Fixture) -> Self {
        let (driver, events) = EmbassyDriver::new(fixture.net()).unwrap();
        let woken = Arc::new(Woken(AtomicBool::new(true)));
        Self { fixture, driver, events, woken, polls: 0, link: LinkState::Down }
    }

    /// Polls the task as long as it is woken.
    fn run(&mut self) {
        let waker = Waker::from(Arc::clone(&self.woken));
        let mut cx = Context::from_waker(&waker);
        while self.woken.0.swap(false, Ordering::SeqCst) {
            self.polls += 1;
            assert!(self.polls < 1000, "it is woken without end");
            while let Some((received, reply)) = self.driver.receive(&mut cx) {
                received.consume(|packet| {
                    reply.consume(packet.len(), |bytes| bytes.copy_from_slice(packet));
                });
            }
            self.link = self.driver.link_state(&mut cx);
        }
    }

    /// Waits for an event or the driver's time, and runs the task. Returns whether it was before
    /// the deadline.
    fn idle(&mut self, deadline: Instant) -> bool {
        let until = self.events.poll_timeout().map_or(deadline, |time| time.min(deadline));
        self.fixture.guest.wait(&self.events.ports(), Some(until));
        self.events.wake();
        self.run();
        self.fixture.guest.now() < deadline
    }

    fn send(&mut self, packet: &[u8]) -> bool {
        let waker = Waker::from(Arc::clone(&self.woken));
        let mut cx = Context::from_waker(&waker);
        let token = self.driver.transmit(&mut cx);
        token.map(|token| token.consume(packet.len(), |b| b.copy_from_slice(packet))).is_some()
    }

    fn wait_for(&mut self, link: LinkState) {
        let deadline = self.fixture.deadline();
        while self.link != link {
            assert!(self.idle(deadline));
        }
    }

    fn close(self) {
        drop(self.events);
        self.driver.into_inner().close_and_wait().unwrap();
    }
}

#[test]
fn embassy_wakes_for_packet_and_room() {
    let fixture = Fixture::new();
    let mut echo = Echo::new(&fixture);
    let capabilities = echo.driver.capabilities();
    assert_eq!(capabilities.max_transmission_unit, 1514);
    let address = HardwareAddress::Ethernet([0, 0x16, 0x3e, 0, 0, 0]);
    assert!(echo.driver.hardware_address() == address);
    fixture.world.run_until_idle();
    echo.run();
    assert!(echo.link == LinkState::Up && echo.events.ports().len() == 3);
    for round in 0..50u8 {
        fixture.send([(packet(round), NetRxFlags::empty()), (packet(!round), NetRxFlags::empty())]);
        assert!(echo.idle(fixture.deadline()), "woken by an event");
        fixture.world.run_until_idle();
        let received = core::mem::take(&mut fixture.back.state().received);
        let bytes: Vec<_> = received.into_iter().map(|(bytes, _)| bytes).collect();
        assert_eq!(bytes, [packet(round), packet(!round)]);
    }
    assert!(echo.polls <= 200, "{} polls", echo.polls);

    fixture.back.state().misbehaviour = Misbehaviour::Silent;
    let sent = (0..100).take_while(|n| echo.send(&packet(*n))).count();
    assert_eq!(sent, 20, "each transmit buffer");
    assert!(!echo.send(&packet(0)) && !echo.woken.0.load(Ordering::SeqCst));
    echo.run();
    fixture.back.state().misbehaviour = Misbehaviour::None;
    fixture.world.domain(fixture.device.backend).unwrap().kick();
    assert!(echo.idle(fixture.deadline()), "woken for room");
    assert!(echo.send(&packet(0)));
    echo.close();
    fixture.finish();
}

/// Sends a stream to the server, and compares what comes back.
async fn exchange(stack: embassy_net::Stack<'_>) {
    let (mut rx, mut tx) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    stack.wait_config_up().await;
    let mut socket = TcpSocket::new(stack, &mut rx, &mut tx);
    socket.connect((embassy_net::Ipv4Address::new(10, 0, 0, 1), 7)).await.unwrap();
    let (mut reader, mut writer) = socket.split();
    let send = async {
        let mut sent = 0;
        while sent < BYTES {
            let fill = |room: &mut [u8]| {
                let count = room.len().min(BYTES - sent);
                (0..count).for_each(|at| room[at] = byte(sent + at));
                (count, count)
            };
            sent += writer.write_with(fill).await.unwrap();
        }
    };
    let receive = async {
        let mut got = 0;
        while got < BYTES {
            let check = |data: &mut [u8]| {
                assert!(data.iter().enumerate().all(|(at, found)| *found == byte(got + at)));
                (data.len(), data.len())
            };
            got += reader.read_with(check).await.unwrap();
        }
    };
    let (mut send, mut receive) = (pin!(send), pin!(receive));
    let (mut sent, mut received) = (false, false);
    poll_fn(|cx| {
        sent = sent || send.as_mut().poll(cx).is_ready();
        received = received || receive.as_mut().poll(cx).is_ready();
        if sent && received { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

#[test]
fn embassy_net_carries_stream() {
    let fixture = Fixture::new();
    let (mut driver, events) = EmbassyDriver::new(fixture.net()).unwrap();
    let flags = NetRxFlags::CSUM_BLANK | NetRxFlags::DATA_VALIDATED;
    let there = smoltcp::wire::IpAddress::v4(10, 0, 0, 1);
    let mut server = EchoServer::new(&fixture.back, there, flags, false);
    let mut resources = StackResources::<2>::new();
    let address = embassy_net::Ipv4Cidr::new(embassy_net::Ipv4Address::new(10, 0, 0, 2), 24);
    let config = embassy_net::Config::ipv4_static(StaticConfigV4 {
        address,
        gateway: None,
        dns_servers: Default::default(),
    });
    let (stack, mut runner) = embassy_net::new(&mut driver, config, &mut resources, 1);
    let woken = Arc::new(Woken(AtomicBool::new(true)));
    let waker = Waker::from(Arc::clone(&woken));
    let mut cx = Context::from_waker(&waker);
    {
        let (mut run, mut exchange) = (pin!(runner.run()), pin!(exchange(stack)));
        let mut done = false;
        for _ in 0..100_000 {
            // Without room for a packet, embassy-net wakes its task at once.
            for _ in 0..8 {
                if done || !woken.0.swap(false, Ordering::SeqCst) {
                    break;
                }
                assert!(run.as_mut().poll(&mut cx).is_pending());
                done = exchange.as_mut().poll(&mut cx).is_ready();
            }
            if done {
                break;
            }
            server.turn(fixture.guest.now());
            fixture.world.domain(fixture.device.backend).unwrap().kick();
            let before = fixture.guest.now();
            let until = before + Duration::from_millis(10);
            let until = events.poll_timeout().map_or(until, |time| time.min(until));
            fixture.guest.wait(&events.ports(), Some(until));
            fixture.world.run_for(Duration::from_millis(1));
            events.wake();
            let passed = fixture.guest.now().saturating_duration_since(before);
            let passed = embassy_time::Duration::from_micros(passed.as_micros() as u64);
            embassy_time::MockDriver::get().advance(passed);
        }
        assert!(done, "{:?}", fixture.guest.now());
    }
    drop(events);
    driver.into_inner().close_and_wait().unwrap();
    fixture.finish();
}

#[test]
fn embassy_link_follows_connection() {
    let fixture = Fixture::new();
    let mut echo = Echo::new(&fixture);
    echo.run();
    assert!(echo.link == LinkState::Up);
    echo.events.reopen();
    echo.run();
    assert!(echo.link == LinkState::Down && !echo.send(&packet(1)));
    echo.wait_for(LinkState::Up);
    fixture.send([(packet(7), NetRxFlags::empty())]);
    assert!(echo.idle(fixture.deadline()));
    fixture.world.run_until_idle();
    assert_eq!(fixture.back.state().received.pop_front().map(|p| p.0), Some(packet(7)));
    for (carrier, link) in [("0", LinkState::Down), ("1", LinkState::Up)] {
        fixture.set("back", "carrier", carrier);
        echo.wait_for(link);
    }
    // A backend that breaks the protocol.
    fixture.back.state().misbehaviour = Misbehaviour::WrongId(1);
    fixture.send([(packet(7), NetRxFlags::empty())]);
    let deadline = fixture.deadline();
    while echo.link == LinkState::Up {
        assert!(echo.idle(deadline));
    }
    fixture.back.state().misbehaviour = Misbehaviour::None;
    echo.events.reopen();
    echo.run();
    echo.wait_for(LinkState::Up);
    echo.close();
    fixture.finish();
}

#[test]
fn embassy_link_returns_after_resume() {
    let fixture = Fixture::new();
    let mut echo = Echo::new(&fixture);
    echo.run();
    let (id, backend) = (fixture.guest.id(), fixture.world.domain(fixture.device.backend).unwrap());
    fixture.store.quiesce().unwrap();
    fixture.world.suspend(id, move |world| drop(world.restore(world.save(id), Some(&backend))));
    // SAFETY: the guest has one vCPU, and its services are resumed before their next use.
    assert_eq!(unsafe { suspend(&fixture.guest) }, Ok(SuspendOutcome::Resumed));
    fixture.grants.resume().unwrap();
    fixture.store.resume().unwrap();
    let device = fixture.world.devices_of(fixture.guest.id())[0];
    let back = Backend::start(&fixture.world, &device);
    echo.events.resume();
    echo.run();
    assert!(echo.link == LinkState::Down);
    echo.wait_for(LinkState::Up);
    back.state().to_send.push_back((packet(7), NetRxFlags::empty()));
    fixture.world.domain(device.backend).unwrap().kick();
    // A reply of xenstored can come before the packet.
    let deadline = fixture.deadline();
    while back.state().received.is_empty() {
        assert!(echo.idle(deadline));
        fixture.world.run_until_idle();
    }
    assert_eq!(back.state().received.pop_front().map(|p| p.0), Some(packet(7)));
    echo.close();
    fixture.finish();
}
