//! The format of recovery points in a store, and how they are written, read, verified and restored.
