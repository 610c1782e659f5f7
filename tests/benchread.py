"""Reading: grep -r over a mailbox through imapfs, mbsync and the local disk; and one large message."""

import contextlib
import os
import pathlib
import subprocess
import tempfile
import time

import benchlimit
import benchmail
import benchpeers
from benchrun import StepTimeout, count_lines, drop_pages, timed
from mount import PROGRAM, Mount

BODIES = '(UID BODY.PEEK[])'
ENV = {**os.environ, 'LC_ALL': 'C.UTF-8'}


@contextlib.contextmanager
def mounted(line, *options, compressed=False, arguments=(), home=None):
    """A mount of the account; yields (Mount, seconds that mounting took). Nothing is known from before but what an
    earlier mount left in the directory home."""
    port = line.compressed_port if compressed else line.port
    mount = Mount(f'imaps://alice@127.0.0.1:{port}', *options, ca_file=line.ca_files[port], arguments=arguments,
                  home=home)
    began = time.monotonic()
    try:
        mount.start()
        yield mount, time.monotonic() - began
        mount.unmount()
    finally:
        mount.remove()


def knows_option(name):
    done = subprocess.run([PROGRAM, '--help'], capture_output=True, text=True, timeout=10)
    return f'{name}=' in done.stdout + done.stderr


class Reading:
    """The steps of one line, each adding its samples."""

    def __init__(self, bench, samples, line, passthrough):
        self.bench, self.samples, self.line, self.passthrough = bench, samples, line, passthrough
        self.output = bench.scratch / 'grep-output'
        self.seconds = 30 if bench.quick else 60
        self.expected = benchmail.n_needles(bench.n_messages)

    def add(self, step, value):
        self.samples.add(self.line.key, step, value)

    def grep(self, step, directory, seconds=None):
        """One grep -r, which must find what is there."""
        try:
            elapsed = timed(['grep', '-r', benchmail.NEEDLE, str(directory)], seconds or self.seconds,
                            output=self.output, env=ENV)
        except StepTimeout as error:
            self.samples.notes[self.line.key, step] = str(error)
            raise
        if count_lines(self.output) != self.expected:
            raise RuntimeError(f'{step}: grep found {count_lines(self.output)} of {self.expected}')
        self.add(step, elapsed)
        return elapsed

    def steps(self):
        steps = {
            'imapfs cold': self.imapfs_rw,
            'limit': self.limit,
            'imapfs cold, cache=memory': self.imapfs_memory,
            'imapfs -o ro cold': self.imapfs_ro,
            'mbsync without FSync': lambda: self.mbsync('mbsync without FSync', False),
            'local': self.local,
            'mbsync with FSync': lambda: self.mbsync('mbsync with FSync', True),
        }
        if self.line.key == '0':
            if self.passthrough:
                steps['passthrough_ll just mounted'] = self.passthrough_ll
        else:
            steps['head of 30 MB'] = self.big
            steps['limit of 30 MB'] = self.big_limit
        if self.line.key == 'narrow':
            steps['imapfs cold, COMPRESS'] = self.imapfs_compressed
            steps['limit, COMPRESS'] = self.limit_compressed
            steps['mbsync without FSync, COMPRESS'] = \
                lambda: self.mbsync('mbsync without FSync, COMPRESS', False, compressed=True)
        return steps

    def limit(self):
        elapsed, n_bytes = benchlimit.stream(self.line.port, self.line.ca_file, 'Bench', BODIES, seconds=self.seconds)
        self.check_bytes(n_bytes)
        self.add('limit', elapsed)

    def check_bytes(self, n_bytes):
        if n_bytes < sum(self.bench.sizes):
            raise RuntimeError(f'the limit client saw {n_bytes} bytes of {sum(self.bench.sizes)}')

    def limit_compressed(self):
        port = self.line.compressed_port
        elapsed, _ = benchlimit.stream(port, self.line.ca_files[port], 'Bench', BODIES, compressed=True,
                                       seconds=self.seconds)
        self.add('limit, COMPRESS', elapsed)

    def imapfs_rw(self):
        with tempfile.TemporaryDirectory() as home:
            with mounted(self.line, home=home) as (mount, mounting):
                self.add('imapfs: mounting', mounting)
                elapsed = self.grep('imapfs cold', mount.path / 'Bench')
                self.add('imapfs: mounting + cold', mounting + elapsed)
                for _ in range(2):
                    self.grep('imapfs warm', mount.path / 'Bench')
            self.remount(home)

    def remount(self, home):
        """What the mount before has kept is still in the page cache, as a Maildir just synced is."""
        with mounted(self.line, home=home) as (mount, _):
            bytes_before = self.line.proxy.stats()['bytes_down'] if self.line.proxy else 0
            self.grep('imapfs mounted again', mount.path / 'Bench')
            if self.line.proxy:
                self.add('mounted again: KB', (self.line.proxy.stats()['bytes_down'] - bytes_before) / 1000)
        drop_pages(pathlib.Path(home))
        with mounted(self.line, home=home) as (mount, _):
            self.grep('imapfs mounted again, disk cold', mount.path / 'Bench')

    def imapfs_memory(self):
        with mounted(self.line, 'cache=memory') as (mount, _):
            self.grep('imapfs cold, cache=memory', mount.path / 'Bench')

    def imapfs_ro(self):
        with mounted(self.line, 'ro') as (mount, _):
            self.grep('imapfs -o ro cold', mount.path / 'Bench')
            for _ in range(2):
                self.grep('imapfs -o ro warm', mount.path / 'Bench')

    def imapfs_compressed(self):
        # By default only once a line has turned out to be slower than this one.
        options = ['compress=on'] if knows_option('compress') else []
        with mounted(self.line, *options, compressed=True) as (mount, _):
            self.grep('imapfs cold, COMPRESS', mount.path / 'Bench')

    def mbsync(self, step, fsync, compressed=False):
        os.sync()  # so that nobody pays for what others have left to write
        sync = benchpeers.Mbsync(self.line, self.bench.scratch, fsync, compressed)
        try:
            elapsed = sync.sync(self.seconds)
            if sync.n_messages() != self.bench.n_messages:
                raise RuntimeError(f'mbsync made {sync.n_messages()} messages of {self.bench.n_messages}')
            self.add(step, elapsed)
            warm = self.grep(f'{step}: grep warm', sync.mail)
            self.add(f'{step} + grep', elapsed + warm)
            if not compressed:
                drop_pages(sync.mail)
                self.grep(f'{step}: grep cold', sync.mail)
        finally:
            sync.remove()

    def local(self):
        """The files that a mount shows, copied: same names, same bytes."""
        for _ in range(2):
            self.grep('local warm', self.bench.local)
        drop_pages(self.bench.local)
        self.grep('local cold', self.bench.local)
        self.grep('local warm', self.bench.local)

    def passthrough_ll(self):
        timed(['grep', '-r', benchmail.NEEDLE, str(self.bench.local)], self.seconds, output=self.output)
        with benchpeers.passthrough(self.passthrough, self.bench.local, self.bench.scratch) as place:
            self.grep('passthrough_ll just mounted', place)
            self.grep('passthrough_ll warm', place)

    def big(self):
        """Beginning and all of a message of 30 MB, its mailbox listed before. Counted is what is asked for: poll=0."""
        with mounted(self.line, 'poll=0') as (mount, _):
            path = mount.path / 'Big' / mount.listdir('Big')[0]
            mount.stat(path)
            with self.line.proxy.counting() as counts:
                self.add('head of 30 MB', timed(['head', '-c', '4096', str(path)], 20, output=self.output))
                time.sleep(self.line.round_trip + 0.3)  # what was asked for and not wanted is counted too
            self.add('head of 30 MB: KB', counts['bytes_down'] / 1000)
            self.add('head of 30 MB: round trips', counts['round_trips'])
        with mounted(self.line) as (mount, _):
            path = mount.path / 'Big' / mount.listdir('Big')[0]
            self.add('cat of 30 MB', timed(['cat', str(path)], self.seconds, output=self.output))

    def big_limit(self):
        elapsed, _ = benchlimit.stream(self.line.port, self.line.ca_file, 'Big', BODIES)
        self.add('limit of 30 MB', elapsed)


def copy_mounted(bench, line):
    """Copies the mailbox through imapfs to the local disk: the same files for those that need no server."""
    bench.local = bench.scratch / 'local'
    with mounted(line, 'ro') as (mount, _):
        timed(['cp', '-r', str(mount.path / 'Bench'), str(bench.local)], 120)
    sizes = [entry.stat().st_size for entry in os.scandir(bench.local)]
    if len(sizes) != bench.n_messages or sum(sizes) != sum(bench.sizes):
        raise RuntimeError(f'imapfs shows {len(sizes)} messages of {sum(sizes)} bytes; the server has '
                           f'{bench.n_messages} of {sum(bench.sizes)}')
