"""Claims: of many who set one keyword of one message with XATTR_CREATE, one does."""

import contextlib
import errno
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

import mailserver
import mount
import writing
from timed import SLOWNESS
from writing import DAY, letter

KEYWORD = 'user.imap.keyword.taken'
N_MESSAGES = 2000 if SLOWNESS == 1 else 200
N_WORKERS = 8


def claim(path):
    """None: it is ours; else why not."""
    try:
        os.setxattr(path, KEYWORD, b'1', os.XATTR_CREATE)
    except OSError as error:
        if error.errno in (errno.EHOSTDOWN, errno.ETIMEDOUT):
            raise
        return error.errno
    return None


def patiently(function, path):
    """Again, as long as there is no connection, for that means that nothing was done."""
    deadline = time.monotonic() + 20
    while True:
        try:
            return function(path)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def work(seed, directory):
    """Takes what it can, in an order of its own; prints what it took, and what it was refused for which reason."""
    names = sorted(name for name in patiently(os.listdir, directory) if name.endswith('.eml'))
    random.Random(int(seed)).shuffle(names)
    taken, refusals = [], {}
    for name in names:
        outcome = patiently(claim, os.path.join(directory, name))
        if outcome is None:
            taken.append(name)
        else:
            refusals.setdefault(errno.errorcode[outcome], []).append(name)
    print(json.dumps([taken, refusals]))


class ClaimCase(writing.WritingCase):
    def second(self, *options, port=None):
        """A mount as on another machine."""
        home = tempfile.mkdtemp(prefix='imapfs-home.')
        self.addCleanup(shutil.rmtree, home, ignore_errors=True)
        return self.new_mount(self.server, *options, tls='none', home=home, port=port).start()

    def claim(self, mounted, path, keyword='taken'):
        mount.call(os.setxattr, mounted.path / path, f'user.imap.keyword.{keyword}', b'1', os.XATTR_CREATE)


class TestMany(ClaimCase):
    limit_seconds = 240

    def run_workers(self, mounts, seconds):
        """[(taken, refusals)] of each, as names and {reason: names}."""
        processes = [subprocess.Popen([sys.executable, __file__, '--work', str(number),
                                       str(mounts[number % len(mounts)].path / 'Work')], stdout=subprocess.PIPE)
                     for number in range(N_WORKERS)]
        deadline = time.monotonic() + seconds * SLOWNESS
        try:
            return [json.loads(process.communicate(timeout=max(1, deadline - time.monotonic()))[0])
                    for process in processes]
        finally:
            for process in processes:
                process.kill()

    def take(self, mounts, seconds, may_be_unsure):
        """What they took, each once, and what it is not known of whether they did."""
        results = self.run_workers(mounts, seconds)
        taken = [name for names, _ in results for name in names]
        unsure = [name for _, refusals in results for name in refusals.get('EIO', [])]
        print(f'# {[len(names) for names, _ in results]}, unsure of {len(unsure)}')
        self.assertEqual(len(taken), len(set(taken)))
        for _, refusals in results:
            self.assertLessEqual(set(refusals), {'EEXIST', 'EIO'})
        self.assertLessEqual(len(unsure), may_be_unsure)
        return set(taken), set(unsure)

    def flagged(self):
        with self.server.selected('Work') as client:
            return len(mailserver.check(client.uid('SEARCH', 'KEYWORD', 'taken'))[0].split())

    def test_each_once(self):
        """Dovecot may say yes to two at once, who are told EIO then: what is nobody's so is given back, and taken."""
        self.server.deliver('Work', [(letter(number), DAY, '') for number in range(N_MESSAGES)])
        mounts = [self.start('names=uid'), self.second('names=uid')]
        began = time.monotonic()
        taken, unsure = self.take(mounts, 150, may_be_unsure=6)
        print(f'# {N_MESSAGES} messages in {time.monotonic() - began:.1f} s')
        self.assertEqual(len(taken | unsure), N_MESSAGES)
        if unsure - taken:
            for name in unsure - taken:
                mount.call(os.removexattr, mounts[0].path / 'Work' / name, KEYWORD)
            self.sync(mounts[0], 'Work')
            again, _ = self.take(mounts, 60, may_be_unsure=0)
            self.assertEqual(again, unsure - taken)
        self.assertEqual(self.flagged(), N_MESSAGES)

    def test_over_lines_that_break(self):
        """Some nobody has, or nobody knows who; none has two."""
        n_messages = 150
        self.server.deliver('Work', [(letter(number), DAY, '') for number in range(n_messages)])
        self.draw_line(cut_after=(3000, 9000))
        mounts = [self.second('names=uid'), self.second('names=uid', port=self.line.port)]
        taken, unsure = self.take(mounts, 60, may_be_unsure=n_messages)
        self.assertGreater(len(taken), n_messages // 2)
        self.assertEqual(len(taken | unsure), n_messages)


class TestOne(ClaimCase):
    def test_that_somebody_has(self):
        mounted, other = self.start(), self.second()
        path = self.path(mounted, 'INBOX', 1)
        self.path(other, 'INBOX', 1)
        self.claim(mounted, path)
        self.assertEqual(self.held_flags('INBOX', 1), {'\\Flagged', 'taken'})
        self.assertEqual(mount.call(os.getxattr, mounted.path / path, KEYWORD), b'1')
        for anyone in (mounted, other):
            self.assert_errno(errno.EEXIST, self.claim, anyone, path)
        mount.call(os.removexattr, mounted.path / path, KEYWORD)
        self.sync(mounted, path)
        self.claim(other, path)
        self.assertEqual(self.held_flags('INBOX', 1), {'\\Flagged', 'taken'})

    def test_that_is_gone(self):
        mounted, other = self.start(), self.second()
        path = self.path(mounted, 'INBOX', 1)
        self.path(other, 'INBOX', 1)
        self.unlink(other, path)
        self.sync(other)
        self.assert_errno((errno.ESTALE, errno.ENOENT), self.claim, mounted, path)

    def test_after_what_is_pending(self):
        mounted = self.start()
        path = self.path(mounted, 'INBOX', 1)
        mount.call(os.setxattr, mounted.path / path, 'user.imap.flags', b'+taken')
        self.assert_errno(errno.EEXIST, self.claim, mounted, path)
        self.rename(mounted, self.path(mounted, 'INBOX', 2), 'Box/two.eml')
        self.claim(mounted, 'Box/two.eml')
        self.assertIn('taken', self.held_flags('Box', 2))

    def test_without_a_connection(self):
        self.draw_line()
        mounted = self.start()
        path = self.path(mounted, 'INBOX', 1)
        self.stop_line()
        self.assert_errno((errno.EHOSTDOWN, errno.ETIMEDOUT), self.claim, mounted, path)
        self.start_line()
        self.online(mounted)
        self.sync(mounted)
        self.assertEqual(self.held_flags('INBOX', 1), {'\\Flagged'})

    def test_what_is_no_message_yet(self):
        mounted = self.start()
        self.write(mounted, 'INBOX/.scratch', b'x')
        self.assert_errno(errno.EOPNOTSUPP, self.claim, mounted, 'INBOX/.scratch')


class TestWithoutCondstore(ClaimCase):
    server_options = {'without': ['CONDSTORE', 'QRESYNC']}

    def test_is_not_possible(self):
        mounted = self.start()
        self.assert_errno(errno.EOPNOTSUPP, self.claim, mounted, self.path(mounted, 'INBOX', 1))


class TestTheExample(ClaimCase):
    def test_of_the_page(self):
        """The lines in docs/claims.md, by two workers."""
        page = (pathlib.Path(__file__).parent.parent / 'docs' / 'claims.md').read_text()
        script = '\n'.join(line[4:] for line in page.splitlines() if line.startswith('    '))
        self.scratch.joinpath('worker.py').write_text(script)
        mounts = [self.start(), self.second()]
        workers = [subprocess.Popen([sys.executable, self.scratch / 'worker.py', mounted.path / 'INBOX'],
                                    stdout=subprocess.PIPE, text=True) for mounted in mounts]
        lines = [line for worker in workers for line in worker.communicate(timeout=30 * SLOWNESS)[0].splitlines()]
        self.assertEqual(len(lines), 6)
        self.assertEqual(len(set(lines)), 6)


if __name__ == '__main__':
    if sys.argv[1:2] == ['--work']:
        work(*sys.argv[2:])
    else:
        with contextlib.suppress(KeyboardInterrupt):
            mount.main()
