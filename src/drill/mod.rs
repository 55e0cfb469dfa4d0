//! Test restores, and the scratch space they use.
