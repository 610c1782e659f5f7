#!/usr/bin/python3
"""A short run of chaos.py, and that it would notice what it looks for."""

import contextlib
import errno
import io
import os
import pathlib
import random
import re
import tempfile

import chaos
import chaosmodel
import chaosworker
import mount
from chaosmodel import Box, Message, Model, crlf, key_of

# All the seconds that the short run takes, but for its end.
SECONDS = float(os.environ.get('IMAPFS_TEST_CHAOS_SECONDS', '35'))


def mail(number):
    return f'Subject: {number}\r\n\r\ntext of {number}\r\n'.encode()


class TestComparison(mount.TimedTestCase):
    """Six messages in three mailboxes; one of them is there twice, for it was copied."""

    def setUp(self):
        super().setUp()
        model = Model(0, ['INBOX'])
        outer = Box('outer')
        inner = Box('inner', outer)
        model.own += [outer, inner]
        inbox, = model.shared
        for number, box in enumerate([inbox, inbox, outer, outer, inner, inner]):
            key = model.add_content(mail(number))
            model.messages.append(Message(box, f'{number}.eml', key, {'\\Flagged': number == 0}))
            model.histories[key].append(f'create {number}')
        model.messages.append(Message(outer, 'copy.eml', key_of(mail(0))))
        self.expected = chaosmodel.Expected()
        self.expected.add_model(model)
        self.expected.add_bystander('INBOX', mail(100), ['\\Deleted'])
        self.held = {'INBOX': [(mail(0), {'\\Flagged'}), (mail(1), set()), (mail(100), {'\\Deleted'})],
                     'outer': [(mail(2), set()), (mail(3), set()), (mail(0), {'\\Flagged'})],
                     'outer/inner': [(mail(4), set()), (mail(5), set())]}

    def verdict(self):
        return chaosmodel.compare(self.expected, self.held)

    def assert_counts(self, lost, doubled, wrong):
        verdict = self.verdict()
        self.assertEqual(verdict.summary(), f'{lost} lost, {doubled} doubled, {wrong} wrong', verdict.describe())
        self.assertEqual(bool(verdict), not (lost or doubled or wrong))
        return verdict.describe()

    def test_all_is_well(self):
        self.assert_counts(0, 0, 0)

    def test_lost(self):
        del self.held['outer/inner'][1]
        self.assertIn('create 5', self.assert_counts(1, 0, 0))

    def test_one_of_two_is_lost(self):
        del self.held['outer'][2]
        self.assertIn('create 0', self.assert_counts(1, 0, 0))

    def test_a_bystander_is_lost(self):
        del self.held['INBOX'][2]
        self.assertIn('another client', self.assert_counts(1, 0, 0))

    def test_doubled(self):
        self.held['outer'].append((mail(3), set()))
        self.assertIn('create 3', self.assert_counts(0, 1, 0))

    def test_doubled_elsewhere(self):
        """As by a move of which only the copy was made."""
        self.held['INBOX'].append((mail(3), set()))
        self.assert_counts(0, 1, 0)

    def test_in_the_wrong_place(self):
        self.held['INBOX'].append(self.held['outer'].pop(0))
        self.assertIn('is in INBOX, not in outer', self.assert_counts(0, 0, 1))

    def test_what_was_removed_is_there(self):
        key = key_of(mail(7))
        self.expected.contents[key], self.expected.histories[key] = mail(7), ['create 7', 'rm 7: OK']
        self.held['INBOX'].append((mail(7), set()))
        self.assertIn('rm 7: OK', self.assert_counts(0, 0, 1))

    def test_damaged(self):
        self.held['outer'][1] = (mail(3)[:-4] + b'?\r\n', set())
        text = self.assert_counts(1, 0, 1)
        self.assertIn('written by nobody', text)

    def test_flags(self):
        self.held['INBOX'][1] = (mail(1), {'\\Flagged'})
        self.assertIn('should be clear', self.assert_counts(0, 0, 1))
        self.held['INBOX'][1] = (mail(1), set())
        self.held['INBOX'][0] = (mail(0), set())
        self.assertIn('should be set', self.assert_counts(0, 0, 1))

    def test_mailboxes(self):
        self.held['outer/other'] = []
        self.assert_counts(0, 0, 1)
        del self.held['outer/inner']
        self.assert_counts(3, 0, 1)


class LocalTree(chaosworker.Tree):
    """An ordinary directory that takes messages only."""

    def write(self, path, flags, pieces):
        old = None
        with contextlib.suppress(FileNotFoundError):
            old = self.read(path)
        super().write(path, flags, pieces)
        content = self.read(path)
        if not re.match(rb'[A-Za-z-]+:', content):
            super().write(path, os.O_WRONLY | os.O_TRUNC, [(None, old or b'')])
            raise OSError(errno.EINVAL, 'no message', path)
        if not path.endswith('.tmp'):
            super().write(path, os.O_WRONLY | os.O_TRUNC, [(None, crlf(content))])

    def rename(self, old, new, flags=0):
        super().rename(old, new, flags)
        if old.endswith('.tmp'):
            super().write(new, os.O_WRONLY | os.O_TRUNC, [(None, crlf(self.read(new)))])

    def rmdir(self, path):
        if path == 'INBOX':
            raise OSError(errno.EPERM, 'the inbox', path)
        super().rmdir(path)

    def set_flags(self, path, change):
        self.read(path)


class VagueTree(LocalTree):
    """Often does not say what it did: nothing, or all of it."""

    chance = random.Random(1)

    def vaguely(self, function, *arguments):
        lot = self.chance.random()
        if lot < 0.1:
            raise OSError(self.chance.choice((errno.ENOTCONN, errno.EIO, errno.EINTR)), 'not done')
        function(*arguments)
        if lot < 0.2:
            raise OSError(self.chance.choice((errno.ENOTCONN, errno.ETIMEDOUT)), 'done')

    def rename(self, *arguments):
        self.vaguely(super().rename, *arguments)

    def unlink(self, *arguments):
        self.vaguely(super().unlink, *arguments)

    def mkdir(self, *arguments):
        self.vaguely(super().mkdir, *arguments)

    def rmdir(self, *arguments):
        self.vaguely(super().rmdir, *arguments)


class LyingTree(LocalTree):
    """Says now and then that it has done what it has not, or does it twice, or refuses and does it."""

    lie, calls_left = None, 15

    def lies(self, kind):
        if self.lie == kind:
            self.calls_left -= 1
        return self.lie == kind and self.calls_left <= 0 and self.calls_left % 5 == 0

    def rename(self, old, new, flags=0):
        if old.endswith('.eml') and os.path.dirname(old) != os.path.dirname(new) and not os.path.exists(new):
            if self.lies('moves nothing'):
                return
            if self.lies('moves and leaves'):
                self.copy(old, new)
                return
            if self.lies('refuses and moves'):
                super().rename(old, new, flags)
                raise OSError(errno.EHOSTDOWN, 'refused')
        super().rename(old, new, flags)

    def unlink(self, path):
        if not self.lies('removes nothing'):
            super().unlink(path)

    def write(self, path, flags, pieces):
        if flags & os.O_CREAT and path.endswith('.eml'):
            if self.lies('loses'):
                return
            if self.lies('damages'):
                pieces = [(offset, data[:-1] + b'?\n') for offset, data in pieces]
        super().write(path, flags, pieces)


class TestWorker(mount.TimedTestCase):
    """Against a directory, which does as it is told or lies."""

    def run_worker(self, tree_class, n_calls=800, seed=1, **attributes):
        """(worker, Verdict, what lies there)"""
        root = pathlib.Path(self.enter(tempfile.TemporaryDirectory()))
        expected = chaosmodel.Expected()
        for box in chaos.SHARED:
            (root / box).mkdir()
            (root / box / 'bystander.eml').write_bytes(crlf(chaos.bystander(1)))
            expected.add_bystander(box, chaos.bystander(1))
        tree = tree_class(root, -1)
        tree.reopen()
        for name, value in attributes.items():
            setattr(tree, name, value)
        worker = chaosworker.Worker(tree, 3, seed, chaos.SHARED, io.StringIO())
        for _ in range(n_calls):
            worker.step()
        os.close(tree.root)
        expected.add_model(worker.model)
        held = {str(directory.relative_to(root)): [
            (path.read_bytes(), None) for path in directory.glob('*.eml') if path.is_file()]
            for directory in root.rglob('*') if directory.is_dir()}
        verdict = chaosmodel.compare(expected, held)
        verdict.wrong += worker.model.wrongs
        return worker, verdict, held

    def test_all_is_well(self):
        worker, verdict, held = self.run_worker(LocalTree)
        self.assertTrue(verdict, verdict.describe())
        self.assertEqual(set(worker.counts), set(worker.weights))
        self.assertGreater(sum(len(mails) for mails in held.values()), 10)

    def test_the_seed_decides(self):
        logs = [self.run_worker(LocalTree, 300, seed)[0].log.getvalue() for seed in (5, 5, 6)]
        calls = [[line.split(' ', 1)[1] for line in log.splitlines()] for log in logs]
        self.assertEqual(calls[0], calls[1])
        self.assertNotEqual(calls[0], calls[2])

    def test_nobody_knows(self):
        """What is unclear is found out, whichever it was."""
        worker, verdict, _ = self.run_worker(VagueTree)
        self.assertTrue(verdict, verdict.describe())
        log = worker.log.getvalue()
        self.assertIn('turned out as done', log)
        self.assertIn('turned out as not done', log)

    def test_lies(self):
        for lie in ('moves nothing', 'moves and leaves', 'refuses and moves', 'removes nothing', 'loses', 'damages'):
            with self.subTest(lie=lie):
                _, verdict, _ = self.run_worker(LyingTree, 500, lie=lie)
                self.assertFalse(verdict)
                self.assertRegex(verdict.describe(), r'worker 3, call \d+')


class TestChaos(mount.MountTestCase):
    limit_seconds = 240

    def run_chaos(self, *arguments):
        options = chaos.parse_arguments([*arguments, '--seconds', str(SECONDS * mount.SLOWNESS)])
        run = chaos.Run(options)
        self.addCleanup(run.account.stop)
        verdict = run.run()
        print(run.summary(verdict))
        told = f'seed {options.seed}\n{verdict.describe(5)}\n{run.summary(verdict)}'
        self.assertFalse(verdict.lost, told)
        self.assertFalse(verdict.doubled, told)
        self.assertFalse(verdict.wrong, told)
        self.assertGreater(run.n_operations, 50)
        self.assertGreater(run.account.n_kills, 0)
        return run

    def test_everything_breaks(self):
        self.run_chaos('--workers', '3', '--operations', '1500', '--kills', '12', '--cut', '4000-60000')


if __name__ == '__main__':
    mount.main()
