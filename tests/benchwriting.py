#!/usr/bin/python3
"""Measures changes: mv, rm and cp of many messages over a line of 50 ms, until the server has them. Started by
scripts/bench-writing, which builds first. Each step is one process that makes its calls one after the other, as mv, rm
and cp do, and then waits with fsync; its commands are counted by imapfs, its round trips by the line."""

import argparse
import contextlib
import datetime
import os
import pathlib
import re
import shutil
import signal
import statistics
import sys
import tempfile
import time

SOURCE = pathlib.Path(__file__).resolve().parent.parent
BUILD = SOURCE / 'build-bench'
os.environ.setdefault('IMAPFS', str(BUILD / 'imapfs'))
os.environ.setdefault('PROXY', str(BUILD / 'tests' / 'proxy'))

import mailserver  # noqa: E402
import mount  # noqa: E402
import netproxy  # noqa: E402

ROUND_TRIP_MS = 50
COPIED_BYTES = 10_000
DAY = datetime.datetime(2026, 11, 20, 8, 0, tzinfo=datetime.timezone.utc)
LIMIT_SECONDS = 300
TARGETS = {'mv': 2, 'rm': 2, 'cp, writeback': 4}


def mails(n_messages, n_bytes):
    line = b'0123456789' * 7 + b'\n'
    for number in range(n_messages):
        head = b'Subject: number %d\nFrom: a@example.org\nMessage-ID: <%d@bench.example.org>\n\n' % (number, number)
        yield head + line * ((n_bytes - len(head)) // (len(line) + 1)), DAY, 'S'


def fsync(*directories):
    for directory in directories:
        fd = os.open(directory, os.O_RDONLY)
        os.fsync(fd)
        os.close(fd)


# --- the steps: each is run in a process of its own and returns (seconds of the calls, seconds of the fsync) ---

def timed(calls, *directories):
    began = time.monotonic()
    calls()
    between = time.monotonic()
    fsync(*directories)
    return between - began, time.monotonic() - between


def move_all(source, target):
    names = os.listdir(source)

    def calls():
        for name in names:
            os.rename(source / name, target / name)
    return timed(calls, source, target)


def remove_all(directory):
    names = os.listdir(directory)

    def calls():
        for name in names:
            os.unlink(directory / name)
    return timed(calls, directory)


def sort_all(source, *targets):
    """As people sort mail: each message is marked, and then moved to where it belongs."""
    names = os.listdir(source)

    def calls():
        for number, name in enumerate(names):
            os.setxattr(source / name, 'user.imap.flags', b'+\\Seen +sorted')
            os.rename(source / name, targets[number % len(targets)] / name)
    return timed(calls, source, *targets)


def copy_all(source, target):
    names = os.listdir(source)

    def calls():
        for name in names:
            shutil.copyfile(source / name, target / name)
    return timed(calls, target)


class Account:
    """A server with n messages in Full and nothing in Empty and New, the same as files, and a mount over the line."""

    def __init__(self, stack, options, *mount_options):
        self.n_messages = options.messages
        scratch = pathlib.Path(tempfile.mkdtemp(prefix='imapfs-bench-writing.'))
        stack.callback(shutil.rmtree, scratch, ignore_errors=True)
        self.files = scratch / 'files'
        self.files.mkdir()
        for number, (content, _, _) in enumerate(mails(self.n_messages, COPIED_BYTES)):
            (self.files / f'{number}.eml').write_bytes(content)
        self.server = mailserver.Dovecot(plaintext=True)
        stack.callback(self.server.remove)
        self.server.deliver('Full', mails(self.n_messages, 2_000))
        self.server.start()
        self.server.create('Empty', 'New')
        self.line = stack.enter_context(netproxy.Proxy(self.server.imaps_port, delay_ms=options.round_trip / 2))
        self.mounted = mount.Mount(self.server.url('alice', 'implicit', self.line.port), *mount_options,
                                   password=self.server.users['alice'], ca_file=self.server.ca_file)
        stack.callback(self.mounted.remove)
        self.mounted.start()
        for mailbox in ('Full', 'Empty', 'New'):
            self.mounted.listdir(mailbox)
        self.n_commands()

    def n_commands(self):
        return sum(int(number) for number in re.findall(r'(\d+) commands', self.mounted.read('.imapfs/status').decode()))

    def count_held(self, mailbox):
        return len(self.server.sizes(mailbox))

    def measure(self, function, *arguments):
        """{what: number} of one step."""
        commands = self.n_commands()
        with self.line.counting() as counts:
            calls, wait = mount.call(function, *arguments, seconds=LIMIT_SECONDS)
        return {'seconds': calls + wait, 'calls': calls, 'fsync': wait, 'commands': self.n_commands() - commands,
                'round trips': counts['longest'], 'KB up': counts['bytes_up'] // 1000, 'KB down': counts['bytes_down'] // 1000}

    def check(self, **numbers):
        for mailbox, number in numbers.items():
            if (held := self.count_held(mailbox)) != number:
                raise RuntimeError(f'{mailbox} holds {held} messages, not {number}')


def measure_moving(stack, options):
    account = Account(stack, options)
    path, n_messages = account.mounted.path, account.n_messages
    moved = account.measure(move_all, path / 'Full', path / 'Empty')
    account.check(Full=0, Empty=n_messages)
    removed = account.measure(remove_all, path / 'Empty')
    account.check(Full=0, Empty=0)
    account.mounted.unmount()
    return {'mv': moved, 'rm': removed}


def measure_sorting(stack, options):
    account = Account(stack, options)
    path, n_messages = account.mounted.path, account.n_messages
    sorted_ = account.measure(sort_all, path / 'Full', path / 'Empty', path / 'New')
    account.check(Full=0, Empty=(n_messages + 1) // 2, New=n_messages // 2)
    account.mounted.unmount()
    return {'setfattr and mv, in turn': sorted_}


def measure_copying(stack, options, name, *mount_options):
    account = Account(stack, options, *mount_options)
    copied = account.measure(copy_all, account.files, account.mounted.path / 'New')
    account.check(New=account.n_messages)
    account.mounted.unmount(60)
    return {name: copied}


def measure_copying_within(stack, options):
    account = Account(stack, options, 'writeback')
    copied = account.measure(copy_within, account.mounted.path / 'Full', account.mounted.path / 'New')
    account.check(Full=account.n_messages, New=account.n_messages)
    account.mounted.unmount(60)
    return {'cp between mailboxes, writeback': copied}


def copy_within(source, target):
    """With copy_file_range, as cp does it."""
    names = os.listdir(source)

    def copy(name):
        from_fd = os.open(source / name, os.O_RDONLY)
        to_fd = os.open(target / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        while os.copy_file_range(from_fd, to_fd, 1 << 30):
            pass
        os.close(to_fd)
        os.close(from_fd)

    def calls():
        for name in names:
            copy(name)
    return timed(calls, target)


STEPS = {'moving': measure_moving,
         'sorting': measure_sorting,
         'writeback': lambda stack, options: measure_copying(stack, options, 'cp, writeback', 'writeback'),
         'copying': lambda stack, options: measure_copying(stack, options, 'cp'),
         'within': measure_copying_within}


def parse_arguments():
    parser = argparse.ArgumentParser(prog='scripts/bench-writing', description=__doc__)
    parser.add_argument('--messages', type=int, default=1000)
    parser.add_argument('--round-trip', type=float, default=ROUND_TRIP_MS, help='milliseconds (50)')
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--only', choices=sorted(STEPS))
    return parser.parse_args()


def describe(name, rounds, options):
    seconds = [one['seconds'] for one in rounds]
    last = ', '.join(f'{value:.2f} s {what}' if isinstance(value, float) else f'{value} {what}'
                     for what, value in rounds[-1].items() if what != 'seconds')
    target = f' (target {TARGETS[name]} s)' if name in TARGETS and options.messages == 1000 else ''
    return (f'{name} of {options.messages} at {options.round_trip:g} ms: {statistics.median(seconds):.2f} s '
            f'({min(seconds):.2f}-{max(seconds):.2f}){target}; {last}')


def main():
    options = parse_arguments()
    mount.require_fuse()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    found = {}
    for step in [options.only] if options.only else STEPS:
        for _ in range(options.rounds):
            with contextlib.ExitStack() as stack:
                for name, values in STEPS[step](stack, options).items():
                    found.setdefault(name, []).append(values)
    for name, rounds in found.items():
        print(describe(name, rounds, options))


if __name__ == '__main__':
    main()
