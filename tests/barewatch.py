"""What a server tells a client that watches, line by line, and when."""

import contextlib
import io
import queue
import re
import socket
import threading
import time

PATIENCE = 10  # seconds


class Lines:
    """Lines of a file, each with the time when it came."""

    def __init__(self, file):
        self.queue = queue.Queue()
        threading.Thread(target=self.read, args=[file], daemon=True).start()

    def read(self, file):
        with contextlib.suppress(OSError, ValueError):  # closed meanwhile
            for line in file:
                self.queue.put((time.monotonic(), line.rstrip('\r\n')))

    def wait(self, pattern, before=PATIENCE):
        """When the first line came that matches, all others before it being left out; and the line."""
        deadline = time.monotonic() + before
        while True:
            try:
                when, line = self.queue.get(timeout=max(deadline - time.monotonic(), 0.001))
            except queue.Empty:
                raise AssertionError(f'no line: {pattern}') from None
            if re.fullmatch(pattern, line):
                return when, line

    def numbers(self, pattern, until):
        """(when it came, its first group) of all lines that match, up to the first with so great a number."""
        found = []
        while not found or found[-1][1] < until:
            when, line = self.wait(pattern)
            found.append((when, int(re.fullmatch(pattern, line)[1])))
        return found

    def drain(self, quiet):
        """All that comes until nothing has come for so many seconds."""
        lines = []
        while True:
            try:
                lines.append(self.queue.get(timeout=quiet)[1])
            except queue.Empty:
                return lines


class Bare(Lines):
    """The least that a client can do to be told: how fast the server itself is."""

    def __init__(self, server, *commands):
        self.client = server.connect()
        self.client.sock.settimeout(None)
        super().__init__(io.TextIOWrapper(self.client.file, 'latin-1', newline='\n'))
        for command in commands:
            self.client.send(f'a {command}\r\n'.encode())
            self.wait(r'a OK.*|\+.*')

    def close(self):
        with contextlib.suppress(OSError):
            self.client.sock.shutdown(socket.SHUT_RDWR)  # so that nobody reads any more
        self.client.shutdown()
