#!/usr/bin/python3
"""Changes mail at random from several processes, while the line breaks and the daemon is killed, and then compares every
mailbox on the server with what the calls came to. Started by scripts/soak; in short by test_chaos.py.

The server keeps the mail as sdbox. With Maildir, Dovecot 2.3 gives messages new UIDs now and then, when their mailbox is
renamed while another session looks into it ('Our dotlock file ... was deleted' in its log), and their names are lost.

Prints its seed, and at the end 'N operations, K kills, C cuts: L lost, D doubled, W wrong'. With the same --seed and
number of workers, each process makes the same calls as long as they come to the same.
"""

import argparse
import collections
import contextlib
import ctypes
import datetime
import errno
import multiprocessing
import os
import pathlib
import pickle
import random
import re
import shutil
import signal
import sys
import tempfile
import time
import traceback

import chaosmodel
import chaosworker
import mailserver
import mount
import netproxy

SHARED = ('INBOX', 'Shared', 'Shared/Deep')
START_TRIES = 60
PR_SET_PDEATHSIG = 1
EXPECTED = ('unfinished: ',  # what nobody had closed when the daemon was killed, and no call has said to be done
            ': not an Internet message: ')  # what the workers have tried
DAY = datetime.datetime(2026, 11, 20, 8, 0, tzinfo=datetime.timezone.utc)


def bystander(number, n_bytes=400):
    return (b'Subject: bystander %d\nMessage-ID: <%d@bystander.example.org>\n\n%s\n' % (number, number, b'x' * n_bytes))


class Account:
    """A server with the shared mailboxes, a breaking line to it, and the mount, which comes and goes."""

    def __init__(self, options, directory):
        self.options, self.directory = options, pathlib.Path(directory)
        self.server = mailserver.Dovecot(plaintext=True, mail_format=options.mail_format, extra='mailbox_list_index = no',
                                         without=options.without.split(',') if options.without else ())
        self.expected = chaosmodel.Expected()
        self.n_bystanders = self.n_kills = self.n_cuts = self.n_failed_starts = 0
        self.problems = []  # (what, history)
        self.line = self.mounted = None

    def start(self):
        self.server.start()
        for box in SHARED:
            self.add_bystander(box)
            self.add_bystander(box)
            if 'UIDPLUS' not in self.options.without:  # what others want to expunge themselves
                self.add_bystander(box, ['\\Deleted'])
        self.draw_line()
        self.new_mount()

    def new_mount(self):
        options = ['tls=none', *(self.options.options.split(',') if self.options.options else [])]
        self.mounted = mount.Mount(self.server.url('alice', 'none', self.line.port), *options,
                                   password=self.server.users['alice'], home=self.directory / 'home',
                                   arguments=['-d'] if os.environ.get('IMAPFS_TEST_CHAOS_DEBUG') else [])
        self.mount()

    def draw_line(self, cuts=True):
        if self.line:
            self.n_cuts += self.line.stats()['cuts']
            self.line.stop()
        least, most = self.options.cut
        self.line = netproxy.Proxy(self.server.imap_port, listen=self.line.port if self.line else 0,
                                   delay_ms=self.options.delay_ms, seed=self.options.seed + self.n_kills,
                                   cut_after=(least, most) if cuts and most else None, late_ms=self.options.late_ms)

    def add_bystander(self, box, flags=()):
        self.n_bystanders += 1
        content = bystander(self.n_bystanders)
        self.server.append(box, [(content, DAY, 'T' if flags else '')])
        self.expected.add_bystander(box, content, flags)

    # --- the daemon ---

    def mount(self):
        """A login may be cut off."""
        for _ in range(START_TRIES):
            try:
                self.mounted.start()
                return
            except RuntimeError as error:
                self.n_failed_starts += 1
                text = str(error)
        raise RuntimeError(f'cannot be mounted in {START_TRIES} attempts; the last: {text}')

    def kill(self):
        if self.mounted.process.poll() is not None:
            self.crashed()
        else:
            self.mounted.kill()
            self.n_kills += 1
        self.mounted.force()

    def crashed(self):
        self.problems.append((f'the daemon has ended by itself with {self.mounted.process.returncode}',
                              self.mounted.log().splitlines()[-40:]))

    # --- the end ---

    def deliver_all(self):
        """Everything is brought to the server, over a line that does not break, and unmounted."""
        self.draw_line(cuts=False)
        if self.mounted.process.poll() is not None:
            self.crashed()
            self.mounted.force()
            self.mount()
        tree = chaosworker.Tree(self.mounted.path, os.stat(self.mounted.directory).st_dev)
        tree.reopen()
        deadline = time.monotonic() + 90
        while True:
            try:
                mount.call(tree.sync, '.', seconds=120)
                break
            except OSError as error:
                if error.errno not in chaosworker.TRANSIENT | chaosworker.AMBIGUOUS:
                    self.problems.append((f'the last fsync says {errno.errorcode[error.errno]}', []))
                    break
                if time.monotonic() > deadline:
                    self.problems.append(('the last fsync does not succeed', [str(error)]))
                    break
            time.sleep(0.2)
        os.close(tree.root)
        for name in ('errors', 'pending'):
            lines = self.mounted.read(f'.imapfs/{name}').decode().splitlines()
            if lines := [line for line in lines if not any(words in line for words in EXPECTED)]:
                self.problems.append((f'.imapfs/{name} is not empty', lines))

    def contents(self, box, seconds=60):
        """The line still breaks now and then."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                return self.mounted.contents(box)
            except OSError as error:
                if error.errno not in chaosworker.TRANSIENT or time.monotonic() > deadline:
                    raise
            time.sleep(0.2)

    def check_names(self, expected):
        """That the mount shows each message under the name that it was given."""
        for box, names in expected.names.items():
            try:
                shown = self.contents(box)
            except OSError as error:
                self.problems.append((f'{box} cannot be listed', [str(error)]))
                continue
            for name, key in names.items():
                found = chaosmodel.key_of(shown[name]) if name in shown else 'nothing'
                if found != key:
                    self.problems.append((f'{box}/{name} is {found}, not {key}', expected.histories[key]))

    def held(self):
        """{mailbox: [(bytes, flags)]}, by another client."""
        boxes = {}
        for box in self.server.mailboxes():
            boxes[box] = [(content, set(re.search(rb'FLAGS \(([^)]*)\)', head).group(1).decode().split()))
                          for _, head, content in self.server.fetch(box, 'FLAGS BODY.PEEK[]')]
        return boxes

    def stop(self):
        if self.mounted:
            self.mounted.remove()
        if self.line:
            self.line.stop()
        self.server.stop()
        self.server.remove()


# --- the workers ---

def work(number, options, path, foreign, directory, n_done, stop):
    """One process: makes calls until it is told to stop, and leaves its model in a file."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    with open(directory / f'worker-{number}.log', 'w') as log:
        worker = chaosworker.Worker(chaosworker.Tree(path, foreign), number, options.seed, SHARED, log)
        try:
            worker.tree.reopen()
            while not stop.is_set():
                worker.step()
                with n_done.get_lock():
                    n_done.value += 1
                if options.pause:
                    time.sleep(random.random() * options.pause)
        except BaseException as error:
            worker.model.wrongs.append((f'worker {number}: {error!r}', traceback.format_exc().splitlines()))
        with open(directory / f'worker-{number}.model', 'wb') as file:
            pickle.dump((worker.model, worker.counts), file)


class Run:
    """A whole run. options: those of the command."""

    def __init__(self, options):
        self.options = options
        self.chance = random.Random(f'kills {options.seed}')
        self.directory = pathlib.Path(options.keep or tempfile.mkdtemp(prefix='imapfs-chaos.'))
        self.directory.mkdir(exist_ok=True)
        self.account = Account(options, self.directory)
        self.n_operations, self.counts = 0, collections.Counter()

    def say(self, text):
        print(text, file=sys.stderr, flush=True)

    def run(self):
        """Returns a Verdict."""
        try:
            self.account.start()
            models = self.disturb()
            return self.judge(models)
        finally:
            self.account.stop()
            if not self.options.keep:
                shutil.rmtree(self.directory, ignore_errors=True)

    def disturb(self):
        """Runs the workers, and kills the daemon under them."""
        context = multiprocessing.get_context('fork')
        n_done, stop = context.Value('q', 0), context.Event()
        path = self.account.mounted.path
        foreign = os.stat(self.account.mounted.directory).st_dev
        workers = [context.Process(target=work, args=(number, self.options, path, foreign, self.directory, n_done, stop))
                   for number in range(self.options.workers)]
        for worker in workers:
            worker.start()
        try:
            self.kill_until_done(n_done, workers)
        finally:
            stop.set()
            self.wait_for(workers)
        self.n_operations = n_done.value
        models = []
        for number in range(self.options.workers):
            try:
                model, counts = pickle.loads((self.directory / f'worker-{number}.model').read_bytes())
            except OSError:
                self.account.problems.append((f'worker {number} has left nothing', []))
                continue
            models.append(model)
            self.counts += counts
        return models

    def kill_until_done(self, n_done, workers):
        options, account = self.options, self.account
        began = last_said = time.monotonic()
        while n_done.value < options.operations or account.n_kills < options.kills:
            if time.monotonic() - began > options.seconds:
                self.say(f'chaos: {options.seconds:.0f} s are over')
                break
            if not all(worker.is_alive() for worker in workers):
                break
            kills_left = options.kills - account.n_kills
            time.sleep(self.chance.uniform(*options.between) if kills_left else 0.2)
            if account.mounted.process.poll() is not None or kills_left > 0:
                account.kill()
                account.add_bystander(self.chance.choice(SHARED))
                account.mount()
            if time.monotonic() - last_said > 30:
                last_said = time.monotonic()
                self.say(f'chaos: {n_done.value} operations, {account.n_kills} kills')

    def wait_for(self, workers):
        """A worker that has to find something out needs a mount; a dead one must not keep it waiting."""
        deadline = time.monotonic() + chaosworker.SETTLE_SECONDS + 30
        while any(worker.is_alive() for worker in workers) and time.monotonic() < deadline:
            if self.account.mounted.process.poll() is not None:
                self.account.crashed()
                self.account.mounted.force()
                self.account.mount()
            time.sleep(0.05)
        for worker in workers:
            if worker.is_alive():
                self.account.problems.append((f'{worker.name} does not end', []))
                self.account.mounted.force()
                worker.terminate()
            worker.join(10)

    def judge(self, models):
        account, expected = self.account, self.account.expected
        for model in models:
            expected.add_model(model)
            account.problems += model.wrongs
        account.deliver_all()
        account.check_names(expected)
        try:
            account.mounted.unmount(120)
        except AssertionError as error:
            account.problems.append(('the end of the mount', str(error).splitlines()))
        verdict = chaosmodel.compare(expected, account.held())
        verdict.wrong += account.problems
        if self.options.keep:
            (pathlib.Path(self.options.keep) / 'log').write_text(account.mounted.log())
        return verdict

    def summary(self, verdict):
        return (f'{self.n_operations} operations, {self.account.n_kills} kills, {self.account.n_cuts} cuts: '
                f'{verdict.summary()}')


# --- the command ---

def byte_range(text):
    least, _, most = text.partition('-')
    return int(least), int(most or least)


def seconds_range(text):
    least, _, most = text.partition('-')
    return float(least), float(most or least)


def parse_arguments(arguments=None):
    parser = argparse.ArgumentParser(prog='scripts/soak', description=__doc__.split('\n\n')[0])
    parser.add_argument('--seed', type=int, default=None, help='of an earlier run, to repeat it')
    parser.add_argument('--operations', type=int, default=10_000, help='at least so many (10,000)')
    parser.add_argument('--kills', type=int, default=300, help='of the daemon (300)')
    parser.add_argument('--workers', type=int, default=4, help='processes that work at once (4)')
    parser.add_argument('--cut', type=byte_range, default=(4000, 150_000), metavar='LEAST-MOST',
                        help='bytes after which a connection breaks (4000-150000); 0: never')
    parser.add_argument('--between', type=seconds_range, default=(0.1, 2.5), metavar='LEAST-MOST',
                        help='seconds from a mount to its kill (0.1-2.5)')
    parser.add_argument('--delay-ms', type=int, default=1, help='of the line, one way (1)')
    parser.add_argument('--late-ms', type=int, default=500,
                        help='what is under way when the line breaks gets to the server so much later (500)')
    parser.add_argument('--pause', type=float, default=0, help='seconds that a worker rests between calls, at most (0)')
    parser.add_argument('--seconds', type=float, default=7200, help='after which it ends, done or not (7200)')
    parser.add_argument('--options', default='', help="more for the mount's -o, such as writeback")
    parser.add_argument('--mail-format', choices=['sdbox', 'maildir'], default='sdbox',
                        help='what the server keeps the mail in (sdbox)')
    parser.add_argument('--without', default='', help='capabilities the server does not offer, such as MOVE,UIDPLUS')
    parser.add_argument('--keep', metavar='DIR', help='where the logs of all calls are kept; must not exist')
    options = parser.parse_args(arguments)
    if options.seed is None:
        options.seed = random.SystemRandom().randrange(1_000_000)
    if options.keep and os.path.exists(options.keep):
        parser.error(f'{options.keep} exists')
    return options


def main():
    options = parse_arguments()
    mount.require_fuse()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    print(f'seed {options.seed}', flush=True)
    began = time.monotonic()
    run = Run(options)
    try:
        verdict = run.run()
    except KeyboardInterrupt:
        sys.exit(130)
    with contextlib.suppress(BrokenPipeError):
        if not verdict:
            print(verdict.describe())
        print(', '.join(f'{count} {kind}' for kind, count in sorted(run.counts.items())))
        print(f'{time.monotonic() - began:.0f} s, seed {options.seed}')
        print(run.summary(verdict))
    sys.exit(0 if verdict else 1)


if __name__ == '__main__':
    main()
