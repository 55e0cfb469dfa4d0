"""The tools, and how each is told to do the same thing."""

import os
import subprocess

from store import BUCKET, SECRET


class Tool:
    """One tool in a chain of cells: a folder of its own, an empty bucket, one source path."""

    name = ""
    locks = False

    def __init__(self, binary, home, url):
        self.binary, self.home, self.url = binary, home, url
        self.key = f"bench-{self.name}"
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": home,
            "LANG": "C.UTF-8",
            "AWS_ACCESS_KEY_ID": self.key,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1",
        }

    def write(self, name, text):
        path = os.path.join(self.home, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o600)
        return path

    def do(self, *command):
        """Something that is not measured."""
        command = [self.binary, *command]
        done = subprocess.run(command, env=self.environment, cwd=self.home, capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(command)}: {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def prepare(self, source):
        """Makes the repository; not measured."""

    def copy(self, source):
        """The command that copies."""
        raise NotImplementedError

    def again(self, source):
        """The command that copies once more; `None` where there is none."""
        return self.copy(source)

    def verify(self, source):
        """The command that reads and decodes all; `None` where there is none."""

    def restore(self, source, into):
        """The command that restores below the empty folder `into`."""
        raise NotImplementedError

    def restored(self, source, into):
        """Where that lies then."""
        return os.path.join(into, os.path.basename(source))


class Outlive(Tool):
    """Encrypted for one reader, signed, locked, everything read back."""

    name = "outlive"
    locks = True

    def prepare(self, source):
        self.environment["OUTLIVE_STATE"] = os.path.join(self.home, "state")
        reader = os.path.join(self.home, "reader.key")
        done = subprocess.run(["age-keygen", "-o", reader], check=True, capture_output=True, text=True)
        public = done.stderr.split(":")[1].strip()
        estate = self.estate(source, public)
        self.config = self.write("outlive.toml", estate)
        signing = os.path.join(self.home, "signing.key")
        told = self.do("ledger", "key", "--into", signing)
        trusted = next(word.strip('"[],') for word in told.split() if "ed25519:" in word)
        self.write("outlive.toml", f'{estate}[signing]\nkey = {{ file = "{signing}" }}\ntrust = ["{trusted}"]\n')
        self.do(*self.global_options(), "vault", "init", "store", "--yes")
        self.identity = reader

    def estate(self, source, public):
        return f"""[policy.default]
survive = ["primary-deletion"]
drill_every = "never"
locked_for = "1d"
[[volume]]
id = "source"
path = "{source}"
[[vault]]
id = "store"
kind = "s3"
endpoint = "{self.url}"
bucket = "{BUCKET}"
prefix = "vault/"
readers = ["{public}"]
lock = {{ mode = "compliance" }}
[[copy]]
volume = "source"
to = "store"
every = "24h"
"""

    def global_options(self):
        return ["--config", os.path.join(self.home, "outlive.toml")]

    def copy(self, source):
        return [self.binary, *self.global_options(), "copy", "source"]

    def verify(self, source):
        return [self.binary, *self.global_options(), "--identity", self.identity, "verify", "store"]

    def restore(self, source, into):
        to = self.restored(source, into)
        options = [*self.global_options(), "--identity", self.identity]
        return [self.binary, *options, "restore", "--vault", "store", "--to", to]


class Rustic(Tool):
    """Its defaults; a cache of its own."""

    name = "rustic"

    def prepare(self, source):
        profile = f"""[repository]
repository = "opendal:s3"
password = "bench"
[repository.options]
bucket = "{BUCKET}"
root = "/rustic"
endpoint = "{self.url}"
region = "us-east-1"
access_key_id = "{self.key}"
secret_access_key = "{SECRET}"
[global]
no-progress = true
log-level = "warn"
"""
        self.profile = self.write("bench.toml", profile)
        self.do(*self.options(), "init")

    def options(self):
        return ["-P", self.profile.removesuffix(".toml")]

    def copy(self, source):
        return [self.binary, *self.options(), "backup", source]

    def verify(self, source):
        return [self.binary, *self.options(), "check", "--read-data"]

    def restore(self, source, into):
        return [self.binary, *self.options(), "restore", "latest", into]

    def restored(self, source, into):
        return into + source


class Restic(Tool):
    """Its defaults; a cache of its own."""

    name = "restic"

    def prepare(self, source):
        self.environment["RESTIC_REPOSITORY"] = f"s3:{self.url}/{BUCKET}/restic"
        self.environment["RESTIC_PASSWORD"] = "bench"
        self.do("init")

    def copy(self, source):
        return [self.binary, "-q", "backup", source]

    def verify(self, source):
        return [self.binary, "-q", "check", "--read-data"]

    def restore(self, source, into):
        return [self.binary, "-q", "restore", "latest", "--target", into]

    def restored(self, source, into):
        return into + source


class S5cmd(Tool):
    """Plain bytes."""

    name = "s5cmd"

    def command(self, *words):
        return [self.binary, "--log", "error", "--endpoint-url", self.url, *words]

    def copy(self, source):
        if os.path.isdir(source):
            return self.command("cp", f"{source}/", f"s3://{BUCKET}/plain/")
        return self.command("cp", source, f"s3://{BUCKET}/plain/{os.path.basename(source)}")

    def again(self, source):
        return None if os.path.isdir(source) else self.copy(source)

    def restore(self, source, into):
        if os.path.isdir(source):
            return self.command("cp", f"s3://{BUCKET}/plain/*", self.restored(source, into) + "/")
        name = os.path.basename(source)
        return self.command("cp", f"s3://{BUCKET}/plain/{name}", os.path.join(into, name))


class Rclone(Tool):
    """Plain bytes; more at once than by default."""

    name = "rclone"

    def prepare(self, source):
        settings = {"TYPE": "s3", "PROVIDER": "Other", "ENDPOINT": self.url, "ENV_AUTH": "true", "REGION": "us-east-1"}
        self.environment |= {f"RCLONE_CONFIG_STORE_{name}": value for name, value in settings.items()}
        self.write("rclone.conf", "")

    def command(self, *words):
        options = ["--config", os.path.join(self.home, "rclone.conf"), "--transfers", "16", "--checkers", "16"]
        options += ["--s3-upload-concurrency", "8", "--s3-chunk-size", "16M", "--s3-disable-checksum"]
        options += ["--s3-no-check-bucket", "--multi-thread-streams", "4", "-q"]
        return [self.binary, *options, *words]

    def copy(self, source):
        into = f"store:{BUCKET}/plain"
        return self.command("copy", source, into)

    def verify(self, source):
        folder = source if os.path.isdir(source) else os.path.dirname(source)
        return self.command("check", "--download", folder, f"store:{BUCKET}/plain")

    def restore(self, source, into):
        to = self.restored(source, into) if os.path.isdir(source) else into
        return self.command("copy", f"store:{BUCKET}/plain", to)


ALL = {tool.name: tool for tool in (Outlive, Rustic, Restic, S5cmd, Rclone)}
