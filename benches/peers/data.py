"""The data that is copied: made once, from fixed seeds, and kept."""

import glob
import os
import random
import shutil
import subprocess
import tempfile

MIB = 1 << 20
BLOCK = 4096
SEED = 20261130


class Size:
    """How much there is of each kind."""

    def __init__(self, name, image, scale, random_mib, files, usr_share):
        self.name, self.image, self.scale = name, image, scale
        self.random_mib, self.files, self.usr_share = random_mib, files, usr_share


FULL = Size("full", 2048, 36, 1024, 50_000, 0.85)
SMALL = Size("small", 256, 3, 32, 1_000, 0.8)


def run(*command, **more):
    """What it says is shown only where it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}: ended with {done.returncode}\n{done.stdout}")


def make(size, folder):
    """Makes what is missing. Gives the paths by name."""
    home = os.path.join(folder, size.name)
    os.makedirs(home, exist_ok=True)
    paths = {name: os.path.join(home, name) for name in ("image-1", "image-2", "random", "files")}
    steps = (
        ("image-1", lambda into: first_image(size, into)),
        ("image-2", lambda into: changed_image(size, paths["image-1"], into)),
        ("random", lambda into: noise(size.random_mib, into)),
        ("files", lambda into: small_files(size.files, into)),
    )
    for name, step in steps:
        if not os.path.exists(paths[name]):
            print(f"making {paths[name]}", flush=True)
            half = paths[name] + ".half"
            shutil.rmtree(half, ignore_errors=True) if os.path.isdir(half) else drop(half)
            step(half)
            os.rename(half, paths[name])
    return paths


def drop(path):
    if os.path.lexists(path):
        os.unlink(path)


def noise(mib, into):
    """So many MiB that nothing compresses."""
    source = random.Random(SEED)
    with open(into, "wb") as file:
        for _ in range(mib):
            file.write(source.randbytes(MIB))


def small_files(count, into):
    """Files of 1 to 16 KiB of made-up words, 250 in a folder."""
    source = random.Random(SEED + 1)
    letters = "etaoinshrdlucmfwygpbvk"
    words = ["".join(source.choices(letters, k=source.randint(2, 10))) for _ in range(8_000)]
    # A few words are frequent, as in texts.
    weights = [1 / (rank + 4) for rank in range(len(words))]
    total, sums = 0.0, []
    for weight in weights:
        total += weight
        sums.append(total)
    for number in range(count):
        folder = os.path.join(into, f"{number // 250:03}")
        if number % 250 == 0:
            os.makedirs(folder)
        length = source.randint(1024, 16 * 1024)
        text = " ".join(source.choices(words, cum_weights=sums, k=length // 5))
        with open(os.path.join(folder, f"{number:05}.txt"), "w", encoding="ascii") as file:
            file.write(text[:length])


class Mounted:
    """An image under a loop device, on a folder that the database's user may enter."""

    def __init__(self, image):
        self.image = image

    def __enter__(self):
        self.at = tempfile.mkdtemp(prefix="bench-peers-", dir="/var/tmp")
        os.chmod(self.at, 0o755)
        run("mount", "-o", "loop", self.image, self.at)
        return self.at

    def __exit__(self, *_):
        run("umount", self.at)
        os.rmdir(self.at)


class Database:
    """A PostgreSQL in a folder, on a socket there."""

    def __init__(self, folder):
        self.folder = folder
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
        if not found:
            raise SystemExit("scripts/bench-peers: there is no PostgreSQL (apt-get install postgresql)")
        self.bin = found[-1]

    def call(self, tool, *arguments):
        run("runuser", "-u", "postgres", "--", os.path.join(self.bin, tool), *arguments, cwd="/")

    def make(self):
        self.call("initdb", "-D", self.folder, "--wal-segsize=4", "-A", "trust")
        with open(os.path.join(self.folder, "postgresql.conf"), "a", encoding="ascii") as file:
            file.write("listen_addresses = ''\nmin_wal_size = 16MB\nmax_wal_size = 64MB\nautovacuum = off\n")

    def __enter__(self):
        options = f"-k {self.folder} -F"
        self.call("pg_ctl", "-D", self.folder, "-w", "-l", os.path.join(self.folder, "log"), "-o", options, "start")
        return self

    def __exit__(self, *_):
        self.call("pg_ctl", "-D", self.folder, "-w", "-m", "fast", "stop")

    def bench(self, *arguments):
        self.call("pgbench", "-h", self.folder, *arguments, "postgres")


def first_image(size, into):
    """A filesystem with a database and programs, a sixth of it empty."""
    with open(into, "wb") as file:
        file.truncate(size.image * MIB)
    run("mkfs.ext4", "-q", "-F", "-m", "0", "-E", "lazy_itable_init=0,lazy_journal_init=0", into)
    with Mounted(into) as at:
        base = os.path.join(at, "database")
        os.mkdir(base)
        shutil.chown(base, "postgres", "postgres")
        database = Database(os.path.join(base, "data"))
        database.make()
        with database:
            database.bench("-i", "-q", "-s", str(size.scale))
        fill(at, size.usr_share)


def fill(at, share):
    """Copies programs from /usr, in the order of their names, until so much of the filesystem is used."""
    state = os.statvfs(at)
    room = (state.f_bavail - state.f_blocks * (1 - share)) * state.f_frsize
    for folder, folders, names in os.walk("/usr/lib"):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(folder, name)
            if os.path.islink(path) or not os.path.isfile(path):
                continue
            length = (os.path.getsize(path) + BLOCK) // BLOCK * BLOCK
            if length > room or length > 64 * MIB:
                continue
            target = at + path
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copyfile(path, target)
            room -= length


def changed_image(size, before, into):
    """The same after transactions, and then blocks overwritten here and there, until 2 % of all blocks differ."""
    run("cp", "--sparse=always", before, into)
    with Mounted(into) as at, Database(os.path.join(at, "database/data")) as database:
        transactions = size.image * 3 // 4
        database.bench("-n", "-M", "prepared", "-t", str(transactions), "-c", "1", f"--random-seed={SEED}")
    wanted = size.image * MIB // BLOCK // 50
    same, differ = compared(before, into)
    source = random.Random(SEED + 2)
    with open(into, "r+b") as file:
        for block in source.sample(same, max(0, wanted - differ)):
            file.seek(block * BLOCK)
            text = file.read(BLOCK)
            file.seek(block * BLOCK)
            # As if part of a record was written: half of the block stays.
            file.write(source.randbytes(BLOCK // 2) + text[BLOCK // 2 :])
    return differ


def compared(one, other):
    """The blocks with content that are the same in both, and how many differ."""
    same, differ = [], 0
    empty = bytes(BLOCK)
    with open(one, "rb") as left, open(other, "rb") as right:
        number = 0
        while True:
            a, b = left.read(MIB), right.read(MIB)
            if not a:
                return same, differ
            for at in range(0, len(a), BLOCK):
                if a[at : at + BLOCK] != b[at : at + BLOCK]:
                    differ += 1
                elif a[at : at + BLOCK] != empty:
                    same.append(number)
                number += 1


def described(paths):
    """What the data is like, for the report."""
    _, differ = compared(paths["image-1"], paths["image-2"])
    blocks = os.path.getsize(paths["image-1"]) // BLOCK
    files, total = 0, 0
    for folder, _, names in os.walk(paths["files"]):
        files += len(names)
        total += sum(os.path.getsize(os.path.join(folder, name)) for name in names)
    return {
        "image_mib": blocks * BLOCK // MIB,
        "changed_blocks_percent": round(100 * differ / blocks, 2),
        "random_mib": os.path.getsize(paths["random"]) // MIB,
        "files": files,
        "files_mib": total // MIB,
    }
