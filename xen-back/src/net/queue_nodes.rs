//! The frontend's nodes of its queues: how many, and where.

use super::NetBackError;
use super::config::MAX_QUEUES;
use crate::{QueueError, QueuesError};
use heapless::Vec;
use xen_hypercall::{GrantRef, Port};
use xenbus::net::key::{self, QueueKey};
use xenbus::{KeyList, KeyValues};

/// Nodes of one queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct QueueNodes {
    pub(super) tx_ref: GrantRef,
    pub(super) rx_ref: GrantRef,
    pub(super) ports: QueuePorts,
}

/// Event channels of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum QueuePorts {
    Shared(Port),
    Split { tx: Port, rx: Port },
}

impl QueuePorts {
    fn each(self) -> impl Iterator<Item = Port> {
        let (first, second) = match self {
            Self::Shared(port) => (port, None),
            Self::Split { tx, rx } => (tx, Some(rx)),
        };
        core::iter::once(first).chain(second)
    }
}

/// Nodes of the control ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ControlNodes {
    pub(super) reference: GrantRef,
    pub(super) port: Port,
}

const KEYS: [&str; 5] = [
    key::TX_RING_REF,
    key::RX_RING_REF,
    key::EVENT_CHANNEL,
    key::EVENT_CHANNEL_TX,
    key::EVENT_CHANNEL_RX,
];

/// Returns the name of a queue's node: a single queue has its nodes in the frontend's directory,
/// whether or not the frontend has written the number of queues.
fn node(queues: u32, queue: u32, key: &'static str) -> QueueKey {
    QueueKey { queue: (queues > 1).then_some(queue), key }
}

/// Adds the nodes of the rings to those that a frontend has, up to `limit` queues.
pub(super) fn keys(limit: u32, keys: &mut KeyList<'_>) {
    keys.peers(&[key::NUM_QUEUES, key::CTRL_RING_REF, key::EVENT_CHANNEL_CTRL]);
    // Known when the node above is read.
    let Ok(queues) = count(limit, &keys.known()) else { return };
    for queue in 0..queues {
        KEYS.iter().for_each(|&key| keys.peer(node(queues, queue, key)));
    }
}

fn count(limit: u32, nodes: &KeyValues<'_>) -> Result<u32, NetBackError> {
    let found = nodes.number_or(key::NUM_QUEUES, 1)?;
    if (1..=limit).contains(&found) {
        Ok(found)
    } else {
        Err(NetBackError::Queues(QueuesError::Count { found, limit }))
    }
}

/// Reads the nodes of all queues, and of the control ring if there is one.
pub(super) fn read(
    limit: u32,
    nodes: &KeyValues<'_>,
) -> Result<(Vec<QueueNodes, MAX_QUEUES>, Option<ControlNodes>), NetBackError> {
    let count = count(limit, nodes)?;
    let control = read_control(nodes)?;
    let mut queues = Vec::<QueueNodes, MAX_QUEUES>::new();
    let mut refs = Vec::<GrantRef, { 2 * MAX_QUEUES + 1 }>::new();
    let mut ports = Vec::<Port, { 2 * MAX_QUEUES + 1 }>::new();
    if let Some(ControlNodes { reference, port }) = control {
        let _ = (refs.push(reference), ports.push(port));
    }
    for queue in 0..count {
        let found = read_queue(nodes, |key| node(count, queue, key))?;
        for reference in [found.tx_ref, found.rx_ref] {
            // Two rings in one page would overwrite each other.
            if refs.contains(&reference) {
                return Err(NetBackError::Queues(QueuesError::Queue {
                    queue,
                    error: QueueError::RepeatedRing { reference },
                }));
            }
            let _ = refs.push(reference);
        }
        for port in found.ports.each() {
            if ports.contains(&port) {
                return Err(NetBackError::Queues(QueuesError::Queue {
                    queue,
                    error: QueueError::RepeatedPort { port },
                }));
            }
            let _ = ports.push(port);
        }
        let _ = queues.push(found);
    }
    Ok((queues, control))
}

/// Reads the nodes of one queue. Split channels take precedence, as in Linux; one of the two alone
/// is refused by the name of the other.
fn read_queue(
    nodes: &KeyValues<'_>,
    key: impl Fn(&'static str) -> QueueKey,
) -> Result<QueueNodes, NetBackError> {
    let tx_ref = GrantRef(nodes.number(key(key::TX_RING_REF))?);
    let rx_ref = GrantRef(nodes.number(key(key::RX_RING_REF))?);
    let tx = nodes.optional_number::<u32>(key(key::EVENT_CHANNEL_TX))?;
    let rx = nodes.optional_number::<u32>(key(key::EVENT_CHANNEL_RX))?;
    let ports = if tx.is_some() || rx.is_some() {
        let tx = Port(nodes.number(key(key::EVENT_CHANNEL_TX))?);
        QueuePorts::Split { tx, rx: Port(nodes.number(key(key::EVENT_CHANNEL_RX))?) }
    } else {
        QueuePorts::Shared(Port(nodes.number(key(key::EVENT_CHANNEL))?))
    };
    Ok(QueueNodes { tx_ref, rx_ref, ports })
}

fn read_control(nodes: &KeyValues<'_>) -> Result<Option<ControlNodes>, NetBackError> {
    let reference = nodes.optional_number::<u32>(key::CTRL_RING_REF)?;
    let port = nodes.optional_number::<u32>(key::EVENT_CHANNEL_CTRL)?;
    if reference.is_none() && port.is_none() {
        return Ok(None);
    }
    let reference = GrantRef(nodes.number(key::CTRL_RING_REF)?);
    Ok(Some(ControlNodes { reference, port: Port(nodes.number(key::EVENT_CHANNEL_CTRL)?) }))
}
