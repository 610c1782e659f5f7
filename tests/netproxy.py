"""The line to a server through tests/proxy.c: slow, narrow, breaking, dead; and what went over it."""

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

# meson sets PROXY; without it the build directory beside the sources is meant.
PROGRAM = os.environ.get('PROXY') or str(pathlib.Path(__file__).resolve().parent.parent / 'build' / 'tests' / 'proxy')


class Proxy:
    """A running proxy to 127.0.0.1:port, reached at self.port.

    delay_ms is one way, so a round trip costs twice that. rate is in bytes per second and direction. cut_after is a
    number of bytes, or a pair (least, most) of which each connection draws one. late_ms: what is under way to the server
    when a connection breaks gets there so much later.
    """

    def __init__(self, port, *, delay_ms=0, rate=0, cut_after=None, late_ms=0, seed=1, listen=0, host='127.0.0.1'):
        self.directory = tempfile.TemporaryDirectory(prefix='imapfs-proxy.')
        self.stats_file = pathlib.Path(self.directory.name, 'stats')
        command = [PROGRAM, '--listen', str(listen), '--connect', f'{host}:{port}', '--delay-ms', str(delay_ms),
                   '--rate', str(rate), '--late-ms', str(late_ms), '--seed', str(seed), '--stats', str(self.stats_file)]
        if cut_after is not None:
            command += ['--cut-after', '%d-%d' % cut_after if isinstance(cut_after, tuple) else str(cut_after)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        words = self.process.stdout.readline().split()
        if words[:1] != ['listening']:
            raise RuntimeError('the proxy does not start')
        self.port = int(words[1])

    def stats(self):
        """{name: number}: connections, cuts, bytes_up, bytes_down, turnarounds, round_trips, connection.1.bytes_up ..."""
        if self.process.poll() is None:
            with contextlib.suppress(FileNotFoundError):
                self.stats_file.unlink()
            self.process.send_signal(signal.SIGUSR1)
            deadline = time.monotonic() + 5
            while not self.stats_file.exists():
                if time.monotonic() > deadline:
                    raise TimeoutError('the proxy writes no statistics')
                time.sleep(0.002)
        lines = self.stats_file.read_text().splitlines()
        return {name: int(value) for name, value in (line.split() for line in lines)}

    @contextlib.contextmanager
    def counting(self):
        """with proxy.counting() as counts: ...; afterwards counts holds what was added, such as counts['bytes_down'].

        counts['round_trips'] is the sum over the connections; counts['longest'] that of the connection with most.
        """
        before, counts = self.stats(), {}
        yield counts
        after = self.stats()
        counts.update({name: value - before.get(name, 0) for name, value in after.items()})
        counts['longest'] = max([value for name, value in counts.items()
                                 if name.startswith('connection.') and name.endswith('.round_trips')], default=0)

    def freeze(self):
        """A dead line: nothing arrives any more, and no connection ends."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def stop(self):
        """Breaks all connections and refuses new ones."""
        if self.process.poll() is None:
            self.thaw()
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        self.directory.cleanup()


if __name__ == '__main__':
    sys.exit('a module; the command is the compiled tests/proxy.c')
