//! Judging: fates, survival tables, rules and what reports say of them, on made-up estates.

mod catalogue;
mod estate;
mod fates;
mod forgetting;
mod random;
mod rules;
