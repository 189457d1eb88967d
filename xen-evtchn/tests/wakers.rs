//! Tasks that await events, against a simulated Xen.

use core::pin::pin;
use core::task::{Context, Poll};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::task::{Wake, Waker};
use xen_evtchn::{Channel, Eoi, EventChannels, EventDispatcher};
use xen_hypercall::{Instant, Port, boot};
use xen_sim::{DomainConfig, World};

#[derive(Default)]
struct Wakes(AtomicU32);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

#[test]
fn event_wakes_its_task_once() {
    let domain = World::new(1).create(DomainConfig::new("guest"));
    let events =
        EventChannels::with_fifo(domain.clone(), boot::shared_info(domain.clone()).unwrap())
            .unwrap();
    let dispatcher = EventDispatcher::<1>::new();
    let channel = Channel::bind_ipi(domain.clone(), 0).unwrap();
    let port = channel.port();
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(Arc::clone(&wakes));
    let mut context = Context::from_waker(&waker);
    dispatcher.bind(&events, port).unwrap();
    let mut task = pin!(async {
        for _ in 0..2 {
            let event = dispatcher.event(port).unwrap().await.expect("the port is bound");
            assert_eq!(event.port(), port);
            dispatcher.eoi(&events, event, Eoi::Handled, Instant::default()).unwrap();
        }
        assert_eq!(dispatcher.event(port).unwrap().await, None, "the port is unbound");
    });
    assert_eq!(task.as_mut().poll(&mut context), Poll::Pending);
    for n in 1..=2 {
        dispatcher.wake_on_upcall(&events, 0);
        assert_eq!(wakes.0.load(SeqCst), n - 1, "no event, no wake");
        channel.notify().unwrap();
        dispatcher.wake_on_upcall(&events, 0);
        assert_eq!(wakes.0.load(SeqCst), n);
        assert_eq!(task.as_mut().poll(&mut context), Poll::Pending);
        assert_eq!(task.as_mut().poll(&mut context), Poll::Pending, "it is delivered once");
    }
    // A task that awaits an unbound port is woken.
    dispatcher.unbind(&events, port);
    assert_eq!(wakes.0.load(SeqCst), 3);
    assert_eq!(task.as_mut().poll(&mut context), Poll::Ready(()));
    dispatcher.bind(&events, port).unwrap();
    assert_eq!(
        pin!(dispatcher.event(port).unwrap()).poll(&mut context),
        Poll::Pending,
        "the request was the earlier handler's"
    );
    // So is a task whose domain was replaced.
    dispatcher.reset();
    assert_eq!(wakes.0.load(SeqCst), 4);
    assert_eq!(pin!(dispatcher.event(port).unwrap()).poll(&mut context), Poll::Ready(None));
    assert!(dispatcher.event(Port(64)).is_none());
}
