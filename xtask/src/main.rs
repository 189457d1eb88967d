//! Builds, runs and tests the workspace.
fn main() {}
