"""Runs outlive and its peers in turn on the same data against the same store. `scripts/bench-peers` calls it."""

import argparse
import datetime
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile

import data
import report
from measure import measured
from store import Stub, Weed
from tools import ALL

# What one tool does in a row, in one bucket.
CHAINS = {
    "image": ("first", "changed", "verify", "restore"),
    "random": ("first",),
    "files": ("first", "unchanged", "restore"),
}
# Memory of the store beforehand, in MiB: the largest chain writes the image twice.
TOUCHED = {"full": 4400, "small": 600}


def build(release):
    """The program and the store, built; gives their paths."""
    command = ["cargo", "build", "--locked", "--bin", "outlive", "--bench", "s3-stub"]
    command += ["--message-format=json-render-diagnostics", *(["--release"] if release else [])]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    built = [json.loads(line) for line in said.splitlines()]
    return {one["target"]["name"]: one["executable"] for one in built if one.get("executable")}


def warm(path):
    """Reads it once, so that every tool finds it in the page cache."""
    for folder, _, names in os.walk(path) if os.path.isdir(path) else [(os.path.dirname(path), [], [path])]:
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                while file.read(1 << 20):
                    pass


def touch(folder, mib):
    """Writes and removes as much as a restore will: memory that is touched for the first time costs seconds a GiB."""
    path = os.path.join(folder, "touched")
    block = b"\1" * (1 << 20)
    with open(path, "wb") as file:
        for _ in range(mib):
            file.write(block)
    os.unlink(path)


def size_of(path):
    if not os.path.isdir(path):
        return os.path.getsize(path)
    walked = os.walk(path)
    return sum(os.path.getsize(os.path.join(folder, name)) for folder, _, names in walked for name in names)


class Place:
    """Where a chain works: the source's path, and memory that is restored to."""

    def __init__(self, folder, paths):
        self.paths = paths
        self.home = tempfile.mkdtemp(prefix="work-", dir=folder)
        self.source = os.path.join(self.home, "source", "disk")
        self.out = os.path.join(self.home, "out")
        os.mkdir(os.path.dirname(self.source))
        os.mkdir(self.out)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=5g", "bench-peers", self.out], check=True)

    def show(self, name):
        """The path at which a tool finds it. The image has one path before and after its change."""
        if not name.startswith("image"):
            return self.paths[name]
        if os.path.exists(self.source):
            os.unlink(self.source)
        os.link(self.paths[name], self.source)
        return self.source

    def close(self):
        subprocess.run(["umount", self.out], check=True)
        shutil.rmtree(self.home)


def chain(place, store, tool, kind):
    """All cells of one kind with one tool; yields what was measured."""
    store.fresh(tool.key, tool.locks)
    source = place.show("image-1" if kind == "image" else kind)
    tool.prepare(source)
    for cell in CHAINS[kind]:
        into = None
        if cell == "changed":
            source = place.show("image-2")
        if cell == "restore":
            into = tempfile.mkdtemp(dir=place.out)
            touch(place.out, size_of(source) // data.MIB)
            command = tool.restore(source, into)
        elif cell == "verify":
            command = tool.verify(source)
        else:
            warm(source)
            command = tool.again(source) if cell == "unchanged" else tool.copy(source)
        if command is None:
            continue
        store.zero()
        before = store.cpu()
        told = measured(command, tool.environment, tool.home)
        told |= {"cell": f"{kind} {cell}", "tool": tool.name, "server_cpu": store.cpu() - before} | store.counted()
        if into:
            same = ["diff", "-r", "-q"] if os.path.isdir(source) else ["cmp"]
            subprocess.run([*same, source, tool.restored(source, into)], check=True)
            shutil.rmtree(into)
        line = f"{told['cell']:16} {tool.name:8} {told['wall']:7.2f} s {told['cpu']:7.2f} CPU {told['peak_mib']:6.0f} MiB"
        print(line, f"{told.get('sent', 0) / data.MIB:8.1f} MiB sent", flush=True)
        yield told


def rounds(place, store, binaries, asked, times):
    """Every kind, every tool in turn, again and again."""
    found = []
    for turn in range(times):
        for kind in asked.cells:
            # Each round begins with another tool.
            order = asked.tools[turn % len(asked.tools) :] + asked.tools[: turn % len(asked.tools)]
            for name in order:
                home = tempfile.mkdtemp(prefix=f"{name}-", dir=place.home)
                found += chain(place, store, ALL[name](binaries[name], home, store.url), kind)
                shutil.rmtree(home)
    return found


def versions(tools, binaries):
    told = {}
    for name in tools:
        word = "--version" if name in ("outlive", "rustic") else "version"
        said = subprocess.run([binaries[name], word], capture_output=True, text=True).stdout.splitlines()[0]
        told[name] = said if name in said else f"{name} {said}"
    return told


def machine():
    with open("/proc/cpuinfo", encoding="ascii") as file:
        model = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), "?")
    today = datetime.datetime.now(datetime.UTC).date() if hasattr(datetime, "UTC") else datetime.date.today()
    return f"{os.cpu_count()} cores, {model}, Linux {platform.release()}, {today}"


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/bench-peers")
    parser.add_argument("--small", action="store_true", help="little data and an unoptimised build: does everything work?")
    parser.add_argument("--release", action="store_true", help="with --small: an optimised build all the same")
    parser.add_argument("--rounds", type=int, default=3, help="how often, against the store in memory")
    parser.add_argument("--weed-rounds", type=int, default=1, help="how often, against SeaweedFS; 0 leaves it out")
    parser.add_argument("--data", default="target/bench-data", help="keeps the data; needs 6 GiB, and as much while it runs")
    parser.add_argument("--json", help="gets everything that was measured [default: results.json beside the data]")
    parser.add_argument("--tools", nargs="+", choices=ALL, default=list(ALL))
    parser.add_argument("--cells", nargs="+", choices=CHAINS, default=list(CHAINS))
    parser.add_argument("--port", type=int, default=23100)
    return parser.parse_args()


def main():
    asked = arguments()
    # So that servers and mounts end with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    size = data.SMALL if asked.small else data.FULL
    folder = os.path.abspath(asked.data)
    kept = os.path.abspath("target/bench-tools")
    built = build(release=not asked.small or asked.release)
    binaries = {
        "outlive": built["outlive"],
        "rustic": os.path.join(kept, "rustic/bin/rustic"),
        "restic": shutil.which("restic"),
        "s5cmd": os.path.join(kept, "venv/bin/s5cmd"),
        "rclone": os.path.join(kept, "venv/bin/rclone"),
    }
    paths = data.make(size, folder)
    results = {"tools": asked.tools, "data": data.described(paths), "machine": machine(), "runs": {}}
    results["versions"] = versions(asked.tools, binaries)
    place = Place(folder, paths)
    stub = Stub(built["s3-stub"], asked.port, TOUCHED[size.name])
    weed = Weed(os.path.join(kept, "venv/bin/weed"), asked.port + 10, place.home)
    try:
        for store, times in ((stub, asked.rounds), (weed, asked.weed_rounds)):
            if times:
                print(f"== {store.name}", flush=True)
                results["runs"][store.name] = rounds(place, store, binaries, asked, times)
            store.stop()
    finally:
        stub.stop()
        weed.stop()
        place.close()
    with open(asked.json or os.path.join(folder, "results.json"), "w", encoding="utf-8") as file:
        json.dump(results, file, indent=1)
    print("\n" + report.text(results))
    if asked.small:
        print("\nSo little data, and a build that is not optimised, say nothing about the goals: everything works.")


if __name__ == "__main__":
    sys.exit(main())
