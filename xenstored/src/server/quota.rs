//! Limits of a client's state in the server.

/// Limits of a domain. The control domain has none. Zero stands for no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotas {
    /// Nodes that it owns.
    pub nodes: usize,
    /// Bytes of a node: its value, its children's names, and its permissions.
    pub node_size: usize,
    /// Entries of a node's permissions.
    pub permissions: usize,
    /// Watches.
    pub watches: usize,
    /// Open transactions.
    pub transactions: usize,
    /// Nodes that a transaction reads, and changes that it makes.
    pub transaction_nodes: usize,
    /// Replies that wait to be read; no further request is taken meanwhile.
    pub outstanding: usize,
    /// Watch events that wait to be read; who lets more pile up loses the connection.
    pub events: usize,
    /// Bytes of a path.
    pub path_length: usize,
    /// Bytes of all that is kept for it: nodes, watches, transactions, messages that wait.
    pub memory: usize,
}

impl Default for Quotas {
    /// Returns those that Xen's own server starts with.
    fn default() -> Self {
        Self {
            nodes: 1000,
            node_size: 2048,
            permissions: 5,
            watches: 128,
            transactions: 10,
            transaction_nodes: 1024,
            outstanding: 20,
            events: 4096,
            path_length: 3072,
            memory: 2560 << 10,
        }
    }
}

impl Quotas {
    /// No limits: those of the control domain.
    pub(super) const UNLIMITED: Self = Self {
        nodes: 0,
        node_size: 0,
        permissions: 0,
        watches: 0,
        transactions: 0,
        transaction_nodes: 0,
        outstanding: 0,
        events: 0,
        path_length: 0,
        memory: 0,
    };

    /// The names that the protocol has for them.
    pub const NAMES: [&str; 10] = [
        "nodes",
        "node-size",
        "node-permissions",
        "watches",
        "transactions",
        "transaction-nodes",
        "outstanding",
        "events",
        "path-length",
        "memory",
    ];

    /// Returns a quota by its name.
    pub fn get(&self, name: &str) -> Option<usize> {
        let mut copy = *self;
        copy.by_name(name).copied()
    }

    /// Sets a quota by its name. Returns whether there is such a name.
    pub fn set(&mut self, name: &str, value: usize) -> bool {
        self.by_name(name).map(|quota| *quota = value).is_some()
    }

    fn by_name(&mut self, name: &str) -> Option<&mut usize> {
        Some(match name {
            "nodes" => &mut self.nodes,
            "node-size" => &mut self.node_size,
            "node-permissions" => &mut self.permissions,
            "watches" => &mut self.watches,
            "transactions" => &mut self.transactions,
            "transaction-nodes" => &mut self.transaction_nodes,
            "outstanding" => &mut self.outstanding,
            "events" => &mut self.events,
            "path-length" => &mut self.path_length,
            "memory" => &mut self.memory,
            _ => return None,
        })
    }
}

/// Returns whether `count` is within a limit.
pub(super) fn within(count: usize, limit: usize) -> bool {
    limit == 0 || count <= limit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_one_quota() {
        let mut quotas = Quotas::default();
        for (value, name) in (7000..).zip(Quotas::NAMES) {
            assert!(quotas.set(name, value));
        }
        for (value, name) in (7000..).zip(Quotas::NAMES) {
            assert_eq!(quotas.get(name), Some(value));
        }
        assert_eq!((quotas.get("nonsense"), quotas.set("nonsense", 1)), (None, false));
        assert!(within(5, 5) && !within(6, 5) && within(6, 0));
    }
}
