//! One module per target, each with a function `run` of its name.

pub mod api;
pub mod blkback;
pub mod blkfront;
pub mod console;
pub mod events;
pub mod grants;
pub mod names;
pub mod netback;
pub mod netfront;
pub mod node_values;
pub mod packets;
pub mod rings;
pub mod start_of_day;
pub mod store_client;
pub mod store_server;
pub mod store_wire;
mod uses;

/// Function that runs on an input.
pub type Target = fn(&[u8]);

/// Every target by its name.
pub const ALL: [(&str, Target); 19] = [
    ("api", api::run),
    ("back_ring", rings::back),
    ("blkback", blkback::run),
    ("blkfront", blkfront::run),
    ("byte_ring", rings::bytes),
    ("console", console::run),
    ("events", events::run),
    ("front_ring", rings::front),
    ("grants", grants::run),
    ("names", names::run),
    ("netback", netback::run),
    ("netfront", netfront::run),
    ("node_values", node_values::run),
    ("packets", packets::run),
    ("start_of_day", start_of_day::run),
    ("store_client", store_client::run),
    ("store_ring", store_client::ring),
    ("store_server", store_server::run),
    ("store_wire", store_wire::run),
];
