"""Listing a large mailbox: ls -l and ls -U through imapfs in both naming modes, neomutt, ext4, the limit."""

import os
import re
import tempfile

import benchlimit
import benchpeers
from benchread import ENV, mounted
from benchrun import StepTimeout, count_lines, seconds_to_first_output, timed

MODES = 'subject', 'uid'


class Listing:
    """The steps of one line, each adding its samples."""

    def __init__(self, bench, samples, line, items):
        self.bench, self.samples, self.line, self.items = bench, samples, line, items
        self.output = bench.scratch / 'ls-output'
        self.seconds = 30 if bench.quick else 60

    def add(self, step, value):
        self.samples.add(self.line.key, step, value)

    def steps(self):
        steps = {}
        for mode in MODES:
            steps[f'ls -l cold, names={mode}'] = lambda mode=mode: self.imapfs(mode)
            steps[f'ls limit, names={mode}'] = lambda mode=mode: self.limit(mode)
        steps['neomutt without header cache'] = self.neomutt
        for mode in MODES:
            steps[f'ls -U first, names={mode}'] = lambda mode=mode: self.first_entries(mode)
        steps['neomutt, header cache empty'] = self.neomutt_cached
        steps['ls -l local'] = self.local
        return steps

    def ls(self, step, directory):
        try:
            elapsed = timed(['ls', '-l', str(directory)], self.seconds, output=self.output, env=ENV)
        except StepTimeout as error:
            self.samples.notes[self.line.key, step] = str(error)
            raise
        if count_lines(self.output) != self.bench.n_listed + 1:
            raise RuntimeError(f'{step}: ls shows {count_lines(self.output) - 1} of {self.bench.n_listed}')
        self.add(step, elapsed)
        return elapsed

    def imapfs(self, mode):
        with tempfile.TemporaryDirectory() as home:
            self.imapfs_first(mode, home)
            with mounted(self.line, f'names={mode}', home=home) as (mount, mounting):
                elapsed = self.ls(f'ls -l mounted again, names={mode}', mount.path / 'Many')
                self.add(f'mounting again + ls -l, names={mode}', mounting + elapsed)
        with mounted(self.line, f'names={mode}', 'cache=memory') as (mount, _):
            self.ls(f'ls -l cold, cache=memory, names={mode}', mount.path / 'Many')

    def imapfs_first(self, mode, home):
        with mounted(self.line, f'names={mode}', home=home) as (mount, mounting):
            before = mount.resident_bytes()
            elapsed = self.ls(f'ls -l cold, names={mode}', mount.path / 'Many')
            self.add(f'mounting + ls -l cold, names={mode}', mounting + elapsed)
            self.add(f'resident MB, names={mode}', mount.resident_bytes() / 1e6)
            self.add(f'resident MB before, names={mode}', before / 1e6)
            for _ in range(2):
                self.ls(f'ls -l warm, names={mode}', mount.path / 'Many')

    def first_entries(self, mode):
        step = f'ls -U first, names={mode}'
        with mounted(self.line, f'names={mode}') as (mount, _):
            self.add(step, seconds_to_first_output(['ls', '-U', str(mount.path / 'Many')], self.seconds))

    def limit(self, mode):
        elapsed, _ = benchlimit.stream(self.line.port, self.line.ca_file, 'Many', self.items[mode],
                                       seconds=self.seconds)
        self.add(f'ls limit, names={mode}', elapsed)

    def neomutt(self):
        home = benchpeers.Neomutt(self.line, self.bench.scratch, header_cache=False)
        try:
            self.add('neomutt without header cache', home.open('Many', self.bench.n_listed, self.seconds))
            self.add('neomutt, one message', home.open('Big', 1, self.seconds))
        finally:
            home.remove()

    def neomutt_cached(self):
        home = benchpeers.Neomutt(self.line, self.bench.scratch, header_cache=True)
        try:
            self.add('neomutt, header cache empty', home.open('Many', self.bench.n_listed, self.seconds))
            self.add('neomutt, header cache full', home.open('Many', self.bench.n_listed, self.seconds))
        finally:
            home.remove()

    def local(self):
        for _ in range(2):
            self.ls('ls -l local', self.bench.local_many)


def asked_items(bench, line):
    """{naming mode: what imapfs asks for in a listing}, from its own words, so that the limit asks for the same."""
    items = {}
    for mode in MODES:
        with mounted(line, f'names={mode}', arguments=['-d']) as (mount, _):
            mount.listdir('Big')
            found = re.search(r'UID FETCH \d+:\* (\(.*\))', mount.log())
            if not found:
                raise RuntimeError('imapfs lists a mailbox in a way that the benchmark does not know')
            items[mode] = found.group(1)
    return items


def copy_names(bench, line):
    """A directory of the same names and sizes on the local disk, for ls -l there."""
    bench.local_many = bench.scratch / 'local-many'
    bench.local_many.mkdir()
    with mounted(line) as (mount, _):
        files = mount.files('Many', seconds=60)
    directory = os.open(bench.local_many, os.O_RDONLY | os.O_DIRECTORY)
    for name, found in files.items():
        fd = os.open(name, os.O_CREAT | os.O_WRONLY, 0o600, dir_fd=directory)
        os.ftruncate(fd, found.st_size)
        os.close(fd)
    os.close(directory)
    if len(files) != bench.n_listed:
        raise RuntimeError(f'imapfs lists {len(files)} of {bench.n_listed} messages')


def warm_up_server(bench, line, items):
    """Everybody's questions once: Dovecot learns from them which fields to keep in its own cache."""
    for mailbox in 'Many', 'Bench':
        for wanted in {*items.values(), '(UID BODY.PEEK[])'}:
            benchlimit.stream(line.port, line.ca_file, mailbox, wanted, seconds=120)
    home = benchpeers.Neomutt(line, bench.scratch, header_cache=False)
    try:
        home.open('Many', bench.n_listed, 120)
    finally:
        home.remove()
