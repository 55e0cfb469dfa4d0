//! Expanding an inventory into a graph of bonds, and fates within it. Pure.

mod beyond;
mod closure;
mod documented;
mod duplicates;
mod expand;
mod fate;
mod graph;
mod shadow;
mod survival;
mod unseen;

pub use closure::{Closures, Strike};
pub use expand::expand;
pub use fate::{Fate, Step, fate};
pub use graph::{Graph, Link};
pub use survival::{Cell, Doubt, Row, Shadow, Survival, single_points, survival};
pub(crate) use survival::{doubtful, hidden_points, useless};
