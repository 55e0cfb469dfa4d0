//! Amounts for people.

/// Bytes in the largest binary unit that leaves a whole part: `17 B`, `4.2 KiB`, `1.9 GiB`.
pub fn say_bytes(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut unit = 0;
    while unit + 1 < UNITS.len() && bytes >> (10 * (unit + 1)) > 0 {
        unit += 1;
    }
    if unit == 0 {
        return format!("{bytes} B");
    }
    let tenths = (u128::from(bytes) * 10) >> (10 * unit);
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

/// The first names of a list, and how many more there are.
pub fn say_some(names: &[String]) -> String {
    const SHOWN: usize = 3;
    let shown = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// Seconds as a person says them: `0.04 s`, `12.3 s`, `3 min 20 s`.
pub fn say_seconds(seconds: f64) -> String {
    match seconds {
        s if s < 1.0 => format!("{s:.2} s"),
        s if s < 120.0 => format!("{s:.1} s"),
        s => format!("{:.0} min {:.0} s", (s / 60.0).floor(), s % 60.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_said_in_fitting_units() {
        let cases =
            [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (4_300_000, "4.1 MiB"), (u64::MAX, "15.9 EiB")];
        for (bytes, said) in cases {
            assert_eq!(say_bytes(bytes), said);
        }
        assert_eq!(say_seconds(200.0), "3 min 20 s");
        assert_eq!(say_seconds(0.041), "0.04 s");
    }

    #[test]
    fn of_many_names_the_first_are_said_and_the_rest_is_counted() {
        let names: Vec<String> = ["a", "b", "c", "d", "e"].map(str::to_owned).into();
        assert_eq!(say_some(&names[..3]), "a, b, c");
        assert_eq!(say_some(&names), "a, b, c and 2 more");
    }
}
