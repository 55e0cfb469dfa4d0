//! Judging: fates, survival tables, rules and what reports say of them, on made-up estates.

// A test that unwraps says by its failure what was missing.
#![allow(clippy::unwrap_used)]

mod answers;
mod asked;
mod beyond;
mod brute;
mod brute_cuts;
mod brute_doubts;
mod brute_events;
mod brute_far;
mod brute_kinds;
mod brute_scope;
mod brute_shares;
mod brute_unseen;
mod catalogue;
mod catalogue_kinds;
mod cloud;
mod compromise;
mod configuration;
mod configuration_declared;
mod configuration_mutated;
mod configuration_page;
mod configuration_secrets;
mod configuration_wrong;
mod credentials;
mod declared;
mod duplicates;
mod elsewhere;
mod estate;
mod fates;
mod forgetting;
mod forgotten_beyond;
mod forgotten_each;
mod forgotten_found;
mod forgotten_lines;
mod incidents;
mod ledger_signed;
mod properties;
mod properties_acts;
mod properties_brute;
mod properties_forgotten;
mod random;
mod reports;
mod rules;
mod rules_each;
mod rules_edges;
mod rules_roles;
mod rules_waived;
mod runbooks;
mod schemas;
mod small;
mod weighing;
