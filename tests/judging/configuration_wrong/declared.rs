//! Mistakes in what is declared, and in the grammar.

use super::Wrong;

pub const DECLARED: &[Wrong] = &[
    (
        "[[asset]]\nkind = 'kay'\nname = 'k'\nowner = 'o'",
        "2:8",
        &["`kay`, which is not known", "did you mean `key`?"],
    ),
    ("[[asset]]\nkind = 'key'\nname = 'k'", "1:1", &["`asset.k` has no `owner`"]),
    ("[[asset]]\nkind = 'key'\nowner = 'o'", "1:1", &["`asset` has no `name`"]),
    (
        "[[asset]]\nkind = 'key'\nname = 'k'\nowner = 'o'\n[[asset]]\nkind = 'key'\nname = 'k'\nowner = 'o'",
        "5:1",
        &["the key `k` is declared on line 8 already"],
    ),
    (
        "[[asset]]\nkind = 'key'\nname = 'k'\nowner = 'o'\nneeds = ['account:x']",
        "5:10",
        &["`account:x`, which nobody declared", "stands_on"],
    ),
    (
        "[[asset]]\nkind = 'key'\nname = 'k'\nowner = 'o'\nneeds = ['hsm']",
        "5:10",
        &["`hsm`, which is no asset", "KIND:NAME"],
    ),
    (
        "[[asset]]\nkind = 'key'\nname = 'k'\nowner = 'o'\nneeds = ['devise:sda']",
        "5:10",
        &["no kind of asset; did you mean `device`?"],
    ),
    (
        "[[asset]]\nkind = 'key'\nname = 'k'\nowner = 'o'\ncascades_from = ['volume:z']",
        "5:18",
        &["names a volume `z` that is not there"],
    ),
    (
        "[[asset]]\nkind = 'key'\nname = 'k'\nowner = 'o'\nstored_on = 'device:sda'",
        "5:13",
        &["must be a list, and is text"],
    ),
    (
        "[[asset]]\nkind = 'key'\nname = 'k'\nowner = 'o'\nstored_on = [{ any = [] }]",
        "5:22",
        &["names nothing"],
    ),
    (
        "[[asset]]\nkind = 'key'\nname = 'k'\nowner = 'o'\nstored_on = [{ dies_at = 1 }]",
        "5:14",
        &["has no `any`"],
    ),
    (
        "[[asset]]\nkind = 'key'\nname = 'k'\nowner = 'o'\nstored_on = [{ any = ['host:a', 'host:b'], dies_at = 3 }]",
        "5:54",
        &["a whole number from 1 to 2"],
    ),
    (
        "[[asset]]\nkind = 'key'\nname = 'k'\nowner = 'o'\nstored_on = [{ any = ['host:a', 'host:a'], dies_at = 2 }]",
        "5:22",
        &["names something twice"],
    ),
    (
        "[[recovery_point]]\nid = 'p'\nvolume = 'a'\nkind = 'named_copy'",
        "1:1",
        &["`recovery_point.p` has no `owner`"],
    ),
    (
        "[[recovery_point]]\nid = 'p'\nvolume = 'b'\nkind = 'named_copy'\nowner = 'o'",
        "3:10",
        &["names a volume `b`"],
    ),
    (
        "[[recovery_point]]\nid = 'p'\nvolume = 'a'\nkind = 'named-copy'\nowner = 'o'",
        "4:8",
        &["did you mean `named_copy`?"],
    ),
    (
        "[[recovery_point]]\nid = 'p'\nvolume = 'a'\nkind = 'vault_copy'\nowner = 'o'",
        "4:8",
        &["read there and never declared"],
    ),
    (
        "[[recovery_point]]\nid = 'p'\nvolume = 'a'\nkind = 'named_copy'\nowner = 'o'\nlock = { mode = 'compliance' }",
        "6:8",
        &["has no `until`"],
    ),
    (
        "[[recovery_point]]\nid = 'p'\nvolume = 'a'\nkind = 'named_copy'\nowner = 'o'\ntaken_at = 'yesterday'",
        "6:12",
        &["`yesterday`, which is no day and no moment"],
    ),
    ("rpo = ", "1:7", &["no valid TOML"]),
    ("[[copy]\nvolume = 'a'", "1:8", &["no valid TOML"]),
    ("path = '/x'", "1:1", &["no valid TOML", "duplicate key"]),
];
