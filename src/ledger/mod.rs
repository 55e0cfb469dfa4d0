//! What was done: an append-only, hash-chained file of events, and the states folded from it.
