//! Where objects are kept: written once, under a new key, read back by key.
