"""A program in a terminal of its own: keys are typed, and the screen is waited for."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading

from timed import emergencies, wait_until

ESCAPES = re.compile(r'\x1b(\[[0-9;?>!]*[A-Za-z]|\][^\x07\x1b]*(\x07|\x1b\\)|[()][A-Z0-9]|[=>78cDEHM])')

terminals = set()


class Terminal:
    """with Terminal(['vim', 'x'], cwd) as terminal: terminal.expect('x'); terminal.type(':q\\r'); terminal.finish()"""

    def __init__(self, command, cwd, **env):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', 30, 100, 0, 0))
        self.output, self.seen = '', 0

        def take_terminal():
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(command, cwd=cwd, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
                                        preexec_fn=take_terminal, env={**os.environ, 'TERM': 'xterm', 'LC_ALL': 'C.UTF-8',
                                                                       **env})
        os.close(slave)
        terminals.add(self)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        while True:
            try:
                data = os.read(self.master, 65536)
            except OSError:
                return
            if not data:
                return
            self.output += data.decode(errors='replace')

    def screen(self):
        """What was written since the last match, without what only moves the cursor."""
        return ESCAPES.sub(' ', self.output[self.seen:])

    def expect(self, pattern, seconds=20):
        """Waits until it is on the screen."""
        found = wait_until(lambda: re.search(pattern, self.screen()), seconds, 0.02)
        if not found:
            raise AssertionError(f'{self.process.args[0]} does not show {pattern!r} but {self.screen()[-2000:]!r}')
        self.seen = len(self.output)

    def settle(self, seconds=0.3):
        """Waits until it writes nothing more."""
        length = -1
        while length != len(self.output):
            length = len(self.output)
            wait_until(lambda: len(self.output) != length, seconds)
        self.seen = len(self.output)

    def type(self, keys):
        self.seen = len(self.output)
        os.write(self.master, keys.encode())

    def finish(self, seconds=20):
        """Its exit status."""
        if not wait_until(lambda: self.process.poll() is not None, seconds, 0.02):
            raise AssertionError(f'{self.process.args[0]} does not end: {self.screen()[-2000:]!r}')
        return self.process.returncode

    def kill(self):
        terminals.discard(self)
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            wait_until(lambda: self.process.poll() is not None, 5)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()
        os.close(self.master)


def kill_all():
    for terminal in list(terminals):
        terminal.kill()


emergencies.append(kill_all)
