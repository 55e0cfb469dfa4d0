"""The stores that are copied to: the one in memory, and SeaweedFS. Each chain of a tool gets an empty bucket."""

import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.request

SECRET = "bench-secret-of-loopback"
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
BUCKET = "bench"


def seconds_of(process):
    """CPU seconds of a process so far."""
    with open(f"/proc/{process.pid}/stat", encoding="ascii", errors="replace") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def make_bucket(url, key, locks):
    """With curl, which signs."""
    command = ["curl", "-s", "-f", "-X", "PUT", "--aws-sigv4", "aws:amz:us-east-1:s3", "--user", f"{key}:{SECRET}"]
    command += ["-H", f"x-amz-content-sha256: {EMPTY}"]
    command += ["-H", "x-amz-bucket-object-lock-enabled: true"] if locks else []
    subprocess.run([*command, f"{url}/{BUCKET}"], check=True, stdout=subprocess.DEVNULL)


class Stub:
    """The server of this bench."""

    name = "in memory"

    def __init__(self, binary, port, mib):
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen([binary, str(port), str(mib)], stdout=subprocess.PIPE)
        if self.process.stdout.readline() != b"serving\n":
            raise SystemExit("scripts/bench-peers: the store in memory did not start")

    def call(self, path, method="POST"):
        with urllib.request.urlopen(urllib.request.Request(self.url + path, method=method)) as answer:
            return answer.read()

    def fresh(self, key, locks):
        self.call("/-/empty")
        make_bucket(self.url, key, locks)

    def zero(self):
        self.call("/-/zero")

    def counted(self):
        """What the client received and sent since `zero`, with what the store holds."""
        told = json.loads(self.call("/-/counts", "GET"))
        clients = told["clients"].values()
        requests = {}
        for client in clients:
            for method, times in client["requests"].items():
                requests[method] = requests.get(method, 0) + times
        return {
            "sent": sum(client["received"] for client in clients),
            "received": sum(client["sent"] for client in clients),
            "requests": requests,
            "held": told["bytes"],
        }

    def cpu(self):
        return seconds_of(self.process)

    def stop(self):
        self.process.kill()
        self.process.wait()


class Weed:
    """SeaweedFS, started anew for each chain."""

    name = "SeaweedFS"

    def __init__(self, binary, port, scratch):
        self.binary, self.port, self.scratch = binary, port, scratch
        self.url = f"http://127.0.0.1:{port}"
        self.process = self.home = None

    def fresh(self, key, locks):
        self.stop()
        self.home = tempfile.mkdtemp(prefix="weed-", dir=self.scratch)
        os.mkdir(os.path.join(self.home, "data"))
        rights = {"accessKey": key, "secretKey": SECRET}
        identity = {"name": "bench", "credentials": [rights], "actions": ["Admin", "Read", "List", "Tagging", "Write"]}
        config = os.path.join(self.home, "s3.json")
        with open(config, "w", encoding="ascii") as file:
            json.dump({"identities": [identity]}, file)
        command = [self.binary, "-logtostderr=true", "server", f"-dir={self.home}/data", "-ip=127.0.0.1"]
        command += ["-ip.bind=127.0.0.1", "-master.volumeSizeLimitMB=1024", "-volume.max=200", "-filer", "-s3"]
        command += ["-master.telemetry=false", "-s3.port.iceberg=0", "-s3.port.lance=0", f"-s3.config={config}"]
        names = ("s3.port", "s3.port.grpc", "master.port", "master.port.grpc", "volume.port", "volume.port.grpc")
        for number, name in enumerate((*names, "filer.port", "filer.port.grpc")):
            command.append(f"-{name}={self.port + number}")
        with open(os.path.join(self.home, "log"), "wb") as log:
            self.process = subprocess.Popen(command, cwd=self.home, stdout=log, stderr=log)
        for attempt in range(60):
            try:
                make_bucket(self.url, key, locks)
                break
            except subprocess.CalledProcessError:
                if attempt == 59:
                    raise
                time.sleep(1)
        time.sleep(2)

    def zero(self):
        pass

    def counted(self):
        return {}

    def cpu(self):
        return seconds_of(self.process)

    def stop(self):
        if self.process:
            # What it would still write is thrown away.
            self.process.kill()
            self.process.wait()
            shutil.rmtree(self.home, ignore_errors=True)
            self.process = None
