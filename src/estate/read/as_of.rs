//! The moment that an estate is judged at, where that is not the present.

use super::value::Table;
use crate::domain::Timestamp;

/// What only the present has: things to look at, to do, and to do it with.
const OF_TODAY: [&str; 6] = ["copy", "drills", "host", "nightly", "provider", "vault"];

/// `as_of`. What is looked at is looked at today, so that nothing may stand beside it that is not declared.
pub(super) fn as_of(table: &Table<'_>, volumes: &[Table<'_>]) -> Option<Timestamp> {
    let value = table.get("as_of")?;
    let moment = value.moment();
    let remedy = "leave it out, or leave out `as_of`: only what is declared can be judged as of another day";
    for key in table.present(&OF_TODAY) {
        table.file.complain(table.place_of(key), format!("`{key}` stands beside `as_of`"), remedy);
    }
    for volume in volumes {
        for key in volume.present(&["path", "look_in"]) {
            let what = format!("`{}.{key}` stands beside `as_of`", volume.key);
            volume.file.complain(volume.place_of(key), what, remedy);
        }
    }
    moment
}
