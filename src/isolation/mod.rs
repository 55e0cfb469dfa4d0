//! From an inventory and the catalogue to a graph, to fates, to the survival table. Pure.
