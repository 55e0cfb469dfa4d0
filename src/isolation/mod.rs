//! Expanding an inventory into a graph of bonds, and fates within it. Pure.

mod acts;
mod aspects;
mod beyond;
mod cut_sets;
mod cuts;
mod documented;
mod doubts;
mod duplicates;
mod elsewhere;
mod elsewhere_doubts;
mod event;
mod expand;
mod fate;
mod graph;
mod leads;
mod points;
mod radius;
mod reach;
mod shares;
mod singles;
mod slice;
mod survival;
mod system;
mod trace;
mod unseen;
mod what_if;

pub use cut_sets::{CutEvent, CutSet, CutSets, Left, Sets};
pub use expand::{expand, expand_whole};
pub use fate::{Fate, Step, fate};
pub use graph::{Graph, Link, PointPlace};
pub(crate) use points::{doubtful, hidden_points, useless};
pub use radius::{Radius, Stay, Struck, newest_left, radius};
pub use survival::{Cell, Doubt, Row, Shadow, Survival, isolate, single_points, survival};
pub use trace::{Reason, Standing, Traced, TracedPoints, trace};
pub use what_if::{hazard_title, natural_hazard, with_places};
