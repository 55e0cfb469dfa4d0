//! What is missing for a restore by hand is said, and is no damage.

use super::by_hand::{MORE_FOR_TREES, TOOLS, blocks, by_hand, make_volume, tree_script};
use super::support::Place;

#[test]
fn a_vault_that_is_not_there_and_a_root_that_nobody_named_are_told_by_hand() {
    let place = Place::new();
    let volume = place.path("volume");
    make_volume(&volume);
    place.copy(&volume);
    let out = place.path("out");
    let said = |vault: &str, script: &str| {
        let settings = [("VAULT", vault), ("FILE", "small"), ("OUT", out.to_str().unwrap())];
        let tools: Vec<&str> = TOOLS.into_iter().chain(MORE_FOR_TREES).collect();
        let output = by_hand(&place, script, &tools, &settings);
        assert!(!output.status.success() && !out.exists());
        String::from_utf8(output.stderr).unwrap()
    };
    let (whole, nowhere) = (place.path("vault"), place.path("elsewhere"));
    for script in [blocks().0, tree_script()] {
        let [without_root, elsewhere] =
            [&whole, &nowhere].map(|vault| said(vault.to_str().unwrap(), &script));
        assert_eq!(without_root, "ROOT is missing: set it to the name of a root\n");
        assert_eq!(elsewhere, format!("no vault is at {}\n", nowhere.display()));
    }
}
