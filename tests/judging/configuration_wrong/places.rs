//! Mistakes in vaults, providers and the nightly run.

use super::Wrong;

pub const PLACES: &[Wrong] = &[
    (
        "[[vault]]\nid = 'w'\nkind = 'dir'\npath = '/w'\n[host]\ncatalogue = []",
        "6:1",
        &["unknown key `catalogue` in [host]"],
    ),
    ("[[vault]]\nid = 'v'\nkind = 'dir'\npath = '/w'", "2:6", &["`v`, which a vault on line 5 has already"]),
    (
        "[[vault]]\nid = 'w'\nkind = 'dir'\npath = '/v/.'",
        "1:1",
        &["at the same place as the vault on line 4"],
    ),
    ("[[provider]]\nid = 'r'\nkind = 'railway'", "1:1", &["`provider.r` has no `token`"]),
    (
        "[[provider]]\nid = 'r'\nkind = 'railway'\ntoken = { env = 'T' }\nendpoint = 'http://there.example/x'",
        "5:12",
        &["for all to read and change", "use https://"],
    ),
    (
        "[[provider]]\nid = 'r'\nkind = 'railway'\ntoken = { env = 'T' }\nendpoint = 'https://me@there.example/x'",
        "5:12",
        &["holds a user or password", "`token`"],
    ),
    (
        "[[provider]]\nid = 'r'\nkind = 'railway'\ntoken = { env = 'T' }\nlongest = '7h'",
        "5:11",
        &["must be from one second to six hours"],
    ),
    ("[[provider]]\nid = 'r'\nkind = 'local'\nlongest = '1m'", "4:11", &["means nothing for this machine"]),
    (
        "[[provider]]\nid = 'r'\nkind = 'railway'\ntoken = { env = 'T' }\n[[volume]]\nid = 'b'\npath = '/b'\nis = 'r:x'",
        "8:6",
        &["cannot stand beside a `path`"],
    ),
    (
        "[[provider]]\nid = 'r'\nkind = 'railway'\ntoken = { env = 'T' }\n[[volume]]\nid = 'b'\nis = 'r:x'\nstands_on = { host = 'h' }",
        "8:13",
        &["cannot stand beside `is`"],
    ),
    ("[[vault]]\nid = 'w'\nkind = 'ftp'", "3:8", &["`ftp`, which is not known", "dir, s3"]),
    ("[[vault]]\nid = 'w'\nkind = 'dir'", "1:1", &["`vault.w` has no `path`"]),
    (
        "[[vault]]\nid = 'w'\nkind = 'dir'\npath = '/w'\nreaders = [{ role = 'escrow' }]",
        "5:12",
        &["`vault.w.readers` has no `key`"],
    ),
    (
        "[[vault]]\nid = 'w'\nkind = 'dir'\npath = '/w'\nreaders = [{ key = 'age1x' }]",
        "5:20",
        &["is no public key of age"],
    ),
    (
        "[[vault]]\nid = 'w'\nkind = 'dir'\npath = '/w'\nreaders = [{ key = \
         'age10nttr7uv5dh3alakgz6gndkexktzy8j43ntyax8t8ulrprqzx5nqf80eaa', role = 'escrwo' }]",
        "5:93",
        &["`escrwo`, which is not known; did you mean `escrow`?", "reader, drill, escrow"],
    ),
    (
        "[[vault]]\nid = 'w'\nkind = 'dir'\npath = '/w'\nreaders = [{ key = \
         'age10nttr7uv5dh3alakgz6gndkexktzy8j43ntyax8t8ulrprqzx5nqf80eaa', rolle = 'drill' }]",
        "5:86",
        &["unknown key `rolle` in readers"],
    ),
    (
        "[[vault]]\nid = 'w'\nkind = 'dir'\npath = '/w'\nescrow_within = '90d'",
        "5:17",
        &["`vault.w.escrow_within` means nothing for a vault without `readers`"],
    ),
    (
        "[[vault]]\nid = 'w'\nkind = 'dir'\npath = '/w'\nwaive_unread = { objects = ['epochs/a', 'packs/b'], \
         reason = 'r', owner = 'o', until = 2030-01-01T00:00:00Z }",
        "5:16",
        &["names `packs/b`, which does not lie among the statements of epochs"],
    ),
    ("[[vault]]\nid = 'w'\nkind = 's3'", "1:1", &["`vault.w` has no `bucket`"]),
    (
        "[[vault]]\nid = 'w'\nkind = 's3'\nbucket = 'bbb'\npath = '/w'",
        "5:1",
        &["means nothing for a vault of the kind `s3`"],
    ),
    (
        "[[vault]]\nid = 'w'\nkind = 'dir'\npath = '/w'\nbucket = 'bbb'",
        "5:1",
        &["`vault.w.bucket` means nothing"],
    ),
    (
        "[[vault]]\nid = 'w'\nkind = 's3'\nbucket = 'My_Bucket'",
        "4:10",
        &["`My_Bucket`, which no bucket can be called"],
    ),
    ("[[vault]]\nid = 'w'\nkind = 's3'\nbucket = '10.0.0.1'", "4:10", &["no bucket can be called"]),
    ("[[vault]]\nid = 'w'\nkind = 's3'\nbucket = 'bbb'\nprefix = '/x'", "5:10", &["is no prefix of keys"]),
    (
        "[[vault]]\nid = 'w'\nkind = 's3'\nbucket = 'bbb'\nprefix = 'x/../y'",
        "5:10",
        &["is no prefix of keys"],
    ),
    (
        "[[vault]]\nid = 'w'\nkind = 's3'\nbucket = 'bbb'\nregion = 'eu central'",
        "5:10",
        &["`eu central`, which is no region"],
    ),
    ("[[vault]]\nid = 'w'\nkind = 's3'\nbucket = 'bbb'\naddressing = 'dns'", "5:14", &["auto, path, host"]),
    (
        "[[vault]]\nid = 'w'\nkind = 's3'\nbucket = 'bbb'\nendpoint = 's3.example'",
        "5:12",
        &["must begin with https://"],
    ),
    (
        "[[vault]]\nid = 'w'\nkind = 's3'\nbucket = 'bbb'\nendpoint = 'ftp://s3.example'",
        "5:12",
        &["must begin with https://"],
    ),
    (
        "[[vault]]\nid = 'w'\nkind = 's3'\nbucket = 'bbb'\nendpoint = 'https://s3.example:99999'",
        "5:12",
        &["no valid host and port"],
    ),
    (
        "[[vault]]\nid = 'w'\nkind = 's3'\nbucket = 'bbb'\nendpoint = 'https://s3.example?x=1'",
        "5:12",
        &["a query"],
    ),
    (
        "[[vault]]\nid = 'w'\nkind = 's3'\nbucket = 'bbb'\nendpoint = 'http://s3.example'",
        "5:12",
        &["for all to read and change", "insecure = true"],
    ),
    (
        "[[vault]]\nid = 'w'\nkind = 's3'\nbucket = 'bbb'\nwriter = {}",
        "5:10",
        &["must name its credential in one way"],
    ),
    (
        "[[vault]]\nid = 'w'\nkind = 's3'\nbucket = 'bbb'\nwriter = { env = 'A', profile = 'b' }",
        "5:10",
        &["must name its credential in one way"],
    ),
    (
        "[[vault]]\nid = 'w'\nkind = 's3'\nbucket = 'bbb'\nwriter = { access_key_id = { env = 'A' } }",
        "5:10",
        &["has no `secret_access_key`"],
    ),
    (
        "[[vault]]\nid = 'w'\nkind = 's3'\nbucket = 'bbb'\nwriter = { role = 'admin' }",
        "5:19",
        &["is no ARN of a role"],
    ),
    (
        "[[vault]]\nid = 'w'\nkind = 'dir'\npath = '/w'\nlock = { mode = 'complience' }",
        "5:17",
        &["did you mean `compliance`?"],
    ),
    (
        "[[vault]]\nid = 'w'\nkind = 'dir'\npath = '/w'\nlock = { mode = 'none', until = '2027-01-01' }",
        "5:33",
        &["locked_for"],
    ),
    (
        "[[vault]]\nid = 'w'\nkind = 'dir'\npath = '/w'\nlock = {}",
        "5:8",
        &["asks for a lock, and a directory has none", "Object Lock"],
    ),
    (
        "[[vault]]\nid = 'w'\nkind = 's3'\nbucket = 'bbb'\nlock = { most = 'long' }",
        "5:17",
        &["`long`, which is no duration"],
    ),
    ("[[vault]]\nid = 'w'\nkind = 'dir'\npath = '/w'\nreaders = []", "5:11", &["names no reader"]),
    (
        "[[vault]]\nid = 'w'\nkind = 'dir'\npath = '/w'\nreaders = ['ssh-ed25519 A']",
        "5:12",
        &["is no public key of age"],
    ),
    ("[[provider]]\nid = 'p'", "1:1", &["`provider.p` has no `kind`"]),
    (
        "[[provider]]\nid = 'p'\nkind = 'local'\ntoken = {}",
        "4:9",
        &["exactly one of: env, file, credential, command"],
    ),
    (
        "[[provider]]\nid = 'p'\nkind = 'local'\ntoken = { env = 'A', file = '/b' }",
        "4:9",
        &["exactly one of"],
    ),
    (
        "[[provider]]\nid = 'p'\nkind = 'local'\ntoken = { evn = 'A', file = '/b' }",
        "4:11",
        &["did you mean `env`?"],
    ),
    (
        "[[provider]]\nid = 'p'\nkind = 'local'\ntoken = { env = 'A-B' }",
        "4:17",
        &["is no name of an environment variable"],
    ),
    (
        "[[provider]]\nid = 'p'\nkind = 'local'\ntoken = { credential = '../b' }",
        "4:24",
        &["is no name of a systemd credential"],
    ),
    ("[[provider]]\nid = 'p'\nkind = 'local'\ntoken = { command = [] }", "4:21", &["is an empty command"]),
    (
        "[[provider]]\nid = 'p'\nkind = 'local'\ntoken = { command = 'pass x' }",
        "4:21",
        &["must be a list", "no shell"],
    ),
    ("[nightly]\nconcurency = 2", "2:1", &["did you mean `concurrency`?"]),
    ("[nightly]\nconcurrency = 0", "2:15", &["a whole number from 1 to 64"]),
    ("[nightly]\ndeadline = 'never'", "2:12", &["`never`, which is no duration"]),
    ("[nightly]\ntextfile = '/var/outlive.txt'", "2:12", &["does not end in `.prom`"]),
    ("[nightly]\nping = { env = 'A', enf = 'B' }", "2:21", &["unknown key `enf` in a secret"]),
    ("[host]\nstands_on = 'hetzner'", "2:13", &["must be a table, and is text", "provider"]),
    ("[host]\nname = 'x'", "2:1", &["unknown key `name` in [host]", "what may stand there: stands_on"]),
    ("[signing]\nkey = { env = 'K' }", "1:1", &["`signing` has no `trust`"]),
    ("[signing]\ntrust = []", "2:9", &["`signing.trust` is empty", "outlive ledger key"]),
    ("[signing]\ntrust = 'ed25519:x'", "2:9", &["must be a list"]),
    ("[signing]\ntrust = ['ed25519:AAAA']", "2:10", &["is no public key", "44 characters"]),
    (
        "[signing]\ntrust = ['outlive-signing-key-1:AAAA']",
        "2:10",
        &["holds a secret key", "make another key"],
    ),
    (
        "[signing]\ntrust = ['ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=',\n'ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=']",
        "3:1",
        &["names a key twice"],
    ),
    (
        "[signing]\nkey = 'k'\ntrust = ['ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=']",
        "2:7",
        &["must say where the secret is found"],
    ),
    (
        "[signing]\nkeys = 1\ntrust = ['ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=']",
        "2:1",
        &["unknown key `keys` in [signing]", "`key`"],
    ),
];
