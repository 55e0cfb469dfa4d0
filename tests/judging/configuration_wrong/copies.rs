//! Mistakes in copies.

use super::Wrong;

pub const COPIES: &[Wrong] = &[
    (
        "[[copy]]\nvolume = 'b'\nto = 'v'\nevery = '24h'",
        "2:10",
        &["names a volume `b` that is not there", "name one of: a"],
    ),
    (
        "[[copy]]\nvolume = 'a'\nto = 'w'\nevery = '24h'",
        "3:6",
        &["names a vault `w` that is not there", "[[vault]]"],
    ),
    ("[[copy]]\nvolume = 'a'\nto = 'v'", "1:1", &["`copy.a` has no `every`"]),
    ("[[copy]]\nvolume = 'a'\nto = 'v'\nevery = 'daily'", "4:9", &["`daily`, which is no duration"]),
    (
        "[[copy]]\nvolume = 'a'\nto = 'v'\nevery = '24h'\nat = '2:00'",
        "5:6",
        &["`2:00`, which is no time of day", "\"02:00\""],
    ),
    (
        "[[copy]]\nvolume = 'a'\nto = 'v'\nevery = '24h'\nat = 02:00:00",
        "5:6",
        &["a date or time without quotes"],
    ),
    ("[[copy]]\nvolume = 'a'\nto = 'v'\nevery = '24h'\nat = '24:00'", "5:6", &["is no time of day"]),
    ("[[copy]]\nvolume = 'a'\nto = 'v'\nevery = '5h'\nat = '02:00'", "5:6", &["would wander", "\"12h\""]),
    ("[[copy]]\nvolume = 'a'\nto = 'v'\nevery = '25h'\nat = '02:00'", "5:6", &["would wander"]),
    (
        "[[vault]]\nid = 'w'\nkind = 's3'\nbucket = 'bbb'\nlock = {}\n\
         [[copy]]\nvolume = 'a'\nto = 'w'\nevery = '24h'",
        "9:1",
        &["which locks what it holds, and no policy says for how long", "locked_for = \"35d\""],
    ),
    (
        "[[vault]]\nid = 'w'\nkind = 's3'\nbucket = 'bbb'\nlock = { most = '40d' }\n\
         [policy.default]\nlocked_for = '35d'\n[[copy]]\nvolume = 'a'\nto = 'w'\nevery = '24h'",
        "11:1",
        &["locked in `w` for 35d and 7d to spare, and 40d is the most", "nobody takes a lock back"],
    ),
    (
        "[[copy]]\nvolume = 'a'\nto = 'v'\nevery = '24h'\nlongest = '6h'",
        "4:1",
        &["RPO of 26h", "every 24h", "may take 6h", "together 30h"],
    ),
    (
        "[[copy]]\nvolume = 'a'\nto = 'v'\nevery = '7d'",
        "4:1",
        &["cannot meet its RPO of 26h", "every 7d", "together 174h", "rpo = \"174h\""],
    ),
    (
        "[[copy]]\nvolume = 'a'\nto = 'v'\nevery = '24h'\n[[copy]]\nvolume = 'a'\nto = 'v'\nevery = '12h'",
        "5:1",
        &["`a` is copied to `v` on line 8 already"],
    ),
    (
        "[[copy]]\nvolume = 'a'\nto = 'v'\nevery = '1h'\nfrom = '/x'",
        "5:8",
        &["must be a table, and is text", "command"],
    ),
    (
        "[[copy]]\nvolume = 'a'\nto = 'v'\nevery = '1h'\nfrom = { path = '/x', command = ['x'] }",
        "5:8",
        &["keys of more than one of: a path, a command, a bucket", "or s3"],
    ),
    (
        "[[volume]]\nid = 'b'\n[[copy]]\nvolume = 'b'\nto = 'v'\nevery = '1h'\nfrom = { live = true, s3 = { bucket = 'bbb', reader = { env = 'K' } } }",
        "7:8",
        &["keys of more than one of: a path, a command, a bucket"],
    ),
    (
        "[[volume]]\nid = 'b'\n[[copy]]\nvolume = 'b'\nto = 'v'\nevery = '1h'\nfrom = { s3 = { bucket = 'bbb' } }",
        "7:15",
        &["`copy.b.from.s3` has no `reader`"],
    ),
    (
        "[[volume]]\nid = 'b'\n[[copy]]\nvolume = 'b'\nto = 'v'\nevery = '1h'\nfrom = { s3 = { reader = { env = 'K' } } }",
        "7:15",
        &["`copy.b.from.s3` has no `bucket`"],
    ),
    (
        "[[volume]]\nid = 'b'\n[[copy]]\nvolume = 'b'\nto = 'v'\nevery = '1h'\nfrom = { s3 = 'bbb' }",
        "7:15",
        &["must be a table, and is text", "reader"],
    ),
    (
        "[[volume]]\nid = 'b'\n[[copy]]\nvolume = 'b'\nto = 'v'\nevery = '1h'\nfrom = { s3 = { bucket = 'bbb', writer = { env = 'K' }, reader = { env = 'K' } } }",
        "7:33",
        &["unknown key `writer` in s3"],
    ),
    (
        "[[volume]]\nid = 'b'\n[[copy]]\nvolume = 'b'\nto = 'v'\nevery = '1h'\nfrom = { s3 = { bucket = 'bbb', reader = 'ID:SECRET' } }",
        "7:42",
        &["must say where the credential is found, and never hold it"],
    ),
    (
        "[[volume]]\nid = 'b'\n[[copy]]\nvolume = 'b'\nto = 'v'\nevery = '1h'\nfrom = { s3 = { bucket = 'bbb', endpoint = 'http://s3.example', reader = { env = 'K' } } }",
        "7:44",
        &["for all to read and change", "`insecure = true` beside it"],
    ),
    (
        "[[copy]]\nvolume = 'a'\nto = 'v'\nevery = '1h'\nfrom = { s3 = { bucket = 'bbb', reader = { env = 'K' } } }",
        "5:15",
        &["is a bucket, and the volume `a` has a path"],
    ),
    (
        "[[provider]]\nid = 'r'\nkind = 'railway'\ntoken = { env = 'T' }\n[[volume]]\nid = 'b'\nis = 'r:x'\n\
         [[copy]]\nvolume = 'b'\nto = 'v'\nevery = '1h'\nfrom = { s3 = { bucket = 'bbb', reader = { env = 'K' } } }",
        "12:15",
        &["is a bucket, and the volume `b` has `is`", "a volume of its own"],
    ),
    (
        "[[vault]]\nid = 'w'\nkind = 's3'\nbucket = 'bbb'\nprefix = 'a/vault'\n[[volume]]\nid = 'b'\n\
         [[copy]]\nvolume = 'b'\nto = 'w'\nevery = '1h'\nfrom = { s3 = { bucket = 'bbb', prefix = 'a', reader = { env = 'K' } } }",
        "11:1",
        &["`b` is copied to `w`, which lies where it is copied from", "another bucket"],
    ),
    ("[[copy]]\nvolume = 'a'\nto = 'v'\nevery = '1h'\nfrom = { file = 'x' }", "5:8", &["has no `command`"]),
    (
        "[[copy]]\nvolume = 'a'\nto = 'v'\nevery = '1h'\nfrom = { live = 'yes' }",
        "5:17",
        &["must be true or false, and is text"],
    ),
    (
        "[[copy]]\nvolume = 'a'\nto = 'v'\nevery = '1h'\nfrom = { command = [] }",
        "5:20",
        &["is an empty command"],
    ),
    ("[[copy]]\nvolume = 'a'\nto = 'v'\nevery = '1h'\nfrom = { command = [''] }", "5:21", &["is empty"]),
    (
        "[[copy]]\nvolume = 'a'\nto = 'v'\nevery = '1h'\nfrom = { command = ['pg_dump x | gzip'] }",
        "5:21",
        &["a whole command line in one word"],
    ),
    (
        "[[copy]]\nvolume = 'a'\nto = 'v'\nevery = '1h'\nfrom = { command = ['a', 3] }",
        "5:26",
        &["must be text, and is a whole number"],
    ),
    (
        "[[copy]]\nvolume = 'a'\nto = 'v'\nevery = '1h'\nfrom = { command = ['a'], file = 'b/c' }",
        "5:34",
        &["`b/c`, which is no file name"],
    ),
    (
        "[[copy]]\nvolume = 'a'\nto = 'v'\nevery = '1h'\nfrom = { command = ['a'], env = { 'A-B' = { env = 'C' } } }",
        "5:35",
        &["no name of a variable"],
    ),
    (
        "[[volume]]\nid = 'b'\n[[copy]]\nvolume = 'b'\nto = 'v'\nevery = '1h'",
        "3:1",
        &["`copy.b` has no `from`, and the volume `b` has no path"],
    ),
];
