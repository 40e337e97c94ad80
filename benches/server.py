"""A server for the measurements of this directory, and a connection to it."""

import socket
import subprocess
import time
from pathlib import Path


class Server:
    """A server of this script's own, and a connection to it."""

    def __init__(self, program, directory, maxmemory):
        """Starts `program` in `directory`, with so many bytes at most."""
        self.path = f"{directory}/s.sock"
        options = ["--port", "0", "--unixsocket", self.path, "--save", "", "--appendonly", "no", "--dir", directory]
        options += ["--maxmemory", str(maxmemory), "--maxmemory-policy", "noeviction", "--slowlog-max-len", "1000000"]
        options += ["--loglevel", "warning", "--logfile", f"{directory}/log"]
        self.process = subprocess.Popen([program, *options], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self.socket = socket.socket(socket.AF_UNIX)
        for _ in range(1000):
            try:
                self.socket.connect(self.path)
                break
            except OSError:
                if self.process.poll() is not None:
                    raise SystemExit(f"the server ended: {Path(directory, 'log').read_text()}") from None
                time.sleep(0.01)
        self.socket.settimeout(60)
        self.file = self.socket.makefile("rb")

    def call(self, *words):
        words = [str(word).encode() for word in words]
        sent = b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)
        self.socket.sendall(sent)
        return self.reply()

    def reply(self):
        line = self.file.readline()
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise SystemExit(f"the server says {rest.decode()}")
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return [self.reply() for _ in range(int(rest))]
        return rest

    def stop(self):
        self.process.kill()
        self.process.wait()
