"""One command, measured."""

import os
import tempfile
import time


def measured(command, environment, folder):
    """Runs it to its end: seconds on the wall, CPU seconds of all its processes, the largest resident set in MiB."""
    with tempfile.TemporaryFile(dir=folder) as output:
        null = os.open(os.devnull, os.O_RDONLY)
        actions = [(os.POSIX_SPAWN_DUP2, null, 0)]
        actions += [(os.POSIX_SPAWN_DUP2, output.fileno(), number) for number in (1, 2)]
        begun = time.monotonic()
        child = os.posix_spawn(command[0], command, environment, file_actions=actions)
        _, status, usage = os.wait4(child, 0)
        wall = time.monotonic() - begun
        os.close(null)
        code = os.waitstatus_to_exitcode(status)
        if code != 0:
            output.seek(0)
            said = output.read().decode(errors="replace")
            raise SystemExit(f"{' '.join(command)}: ended with {code}\n{said}")
    return {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "peak_mib": usage.ru_maxrss / 1024}
