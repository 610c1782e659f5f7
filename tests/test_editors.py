#!/usr/bin/python3
"""Editors, and the patterns in which desktops save: one message before, one after, and the writer is told what cannot be."""

import errno
import os
import shutil
import subprocess
import unittest

import mount
import writing
from terminal import Terminal
from writing import crlf, letter

WRONG = 'no header here'


class EditorCase(writing.WritingCase):
    """Letter 1 is worked on. What is at the top of it when a line is put there is no message any more."""

    program = None

    def setUp(self):
        if self.program and shutil.which(self.program) is None:
            raise unittest.SkipTest(f'{self.program} is not installed')
        super().setUp()
        self.mounted = self.start()
        self.file = self.path(self.mounted, 'INBOX', 1)
        self.names = set(self.mounted.listdir('INBOX'))

    def open(self, *command, **env):
        return self.enter(Terminal([*command, str(self.mounted.path / self.file)], self.scratch,
                                   HOME=str(self.scratch), **env))

    def check(self, content):
        """The new version is there, once, on both sides; and nothing else is, also after the end of the mount."""
        self.sync(self.mounted)
        self.assertEqual(self.mounted.read(self.file), content)
        self.assertEqual(self.held('INBOX'), [1, 2, 3, 4, 5, 6])
        self.assertEqual(self.held_content('INBOX', 1), content)
        self.mounted.unmount()
        self.mounted = self.start()
        self.assertEqual(set(self.mounted.listdir('INBOX')), self.names)
        self.assertEqual(self.mounted.read(self.file), content)

    def check_unchanged(self):
        self.sync(self.mounted, 'Box')
        self.assertEqual(self.held('INBOX'), [1, 2, 3, 4, 5, 6])
        self.assertEqual(self.held_content('INBOX', 1), crlf(letter(1)))

    def with_line(self, line='one more line'):
        return crlf(letter(1)) + line.encode() + b'\r\n'


class TestVim(EditorCase):
    program = 'vim'

    def vim(self, *settings):
        words = [word for setting in settings for word in ('-c', f'set {setting}')]
        terminal = self.open('vim', '-u', 'NONE', '-N', '-i', 'NONE', *words)
        terminal.expect('Letter')
        terminal.settle()
        return terminal

    def test_save(self):
        for backup in ('backupcopy=auto', 'backupcopy=yes', 'backupcopy=no'):
            with self.subTest(backup=backup):
                terminal = self.vim(backup)
                terminal.type(':%s/text/TEXT/e | %s/Text/TEXT/e\r:wq\r')
                self.assertEqual(terminal.finish(), 0)
                self.check(crlf(letter(1, 'TEXT')))

    def test_save_with_a_backup(self):
        terminal = self.vim('backup')
        terminal.type(':%s/text/TEXT/\r:w\r')
        terminal.expect('written')
        terminal.type(':%s/TEXT/Text/\r:wq\r')
        self.assertEqual(terminal.finish(), 0)
        self.check(crlf(letter(1, 'Text')))

    def test_what_is_no_message(self):
        terminal = self.vim()
        terminal.type(f'ggO{WRONG}\x1b:w\r')
        terminal.expect(r'E\d+:')
        terminal.settle()
        terminal.type('\r')
        self.check_unchanged()
        terminal.type('\x1bggdd:%s/text/TEXT/\r:w!\r')
        terminal.expect('written')
        terminal.type(':q\r')
        self.assertEqual(terminal.finish(), 0)
        self.check(crlf(letter(1, 'TEXT')))

    def test_a_new_message(self):
        terminal = self.vim()
        terminal.type(f':w {self.mounted.path}/Box/copy.eml\r')
        terminal.expect('written')
        terminal.type(':q\r')
        self.assertEqual(terminal.finish(), 0)
        self.sync(self.mounted)
        self.assertEqual(self.held('Box'), [1, 101, 102, 103])
        self.check(crlf(letter(1)))


class TestNano(EditorCase):
    program = 'nano'

    def nano(self, *options):
        terminal = self.open('nano', '--ignorercfiles', *options)
        terminal.expect('Letter')
        terminal.settle()
        return terminal

    def test_save(self):
        for options in ([], ['--backup']):
            with self.subTest(options=options):
                terminal = self.nano(*options)
                terminal.type('\x1b/')
                terminal.settle()
                terminal.type('one more line\x13')
                terminal.expect('Wrote')
                terminal.type('\x18')
                self.assertEqual(terminal.finish(), 0)
                content = self.with_line() if not options else self.with_line() + b'one more line\r\n'
                self.check(content)

    def test_what_is_no_message(self):
        terminal = self.nano()
        terminal.type('\x1b\\')
        terminal.settle()
        terminal.type(f'{WRONG}\r\x13')
        terminal.expect('Error writing')  # and why, as far as there is room
        terminal.settle()
        self.check_unchanged()
        terminal.type('\x1b\\')
        terminal.settle()
        terminal.type('\x0b')
        terminal.settle()
        terminal.type('\x13')
        terminal.expect('Wrote')
        terminal.type('\x18')
        self.assertEqual(terminal.finish(), 0)
        self.check(crlf(letter(1)))


class TestEmacs(EditorCase):
    program = 'emacs'

    def emacs(self, *options):
        terminal = self.open('emacs', '-nw', '-Q', '--eval', '(setq backup-by-copying t)', *options)
        terminal.expect('Letter', 40)
        terminal.settle()
        return terminal

    def test_save(self):
        """A copy of the old version, x~, stays here. (One that is made by renaming: see TestPatterns.)"""
        terminal = self.emacs()
        terminal.type('\x1b>')
        terminal.settle()
        terminal.type('one more line\r')
        terminal.settle()
        terminal.type('\x18\x13')
        terminal.expect('Wrote')
        terminal.type('\x18\x03')
        self.assertEqual(terminal.finish(), 0)
        self.check(self.with_line())

    def test_what_is_no_message(self):
        terminal = self.emacs()
        terminal.type('\x1b<')
        terminal.settle()
        terminal.type(f'{WRONG}\r')
        terminal.settle()
        terminal.type('\x18\x13')
        terminal.expect('Invalid argument|rror')
        terminal.settle()
        terminal.type('\x07')
        self.check_unchanged()
        terminal.type('\x1b<\x0b\x0b')
        terminal.settle()
        terminal.type('\x18\x13')
        terminal.expect('Wrote|anyway')
        if 'anyway' in terminal.output[-500:]:
            terminal.type('yes\r')
        terminal.settle()
        terminal.type('\x18\x03')
        self.assertEqual(terminal.finish(), 0)
        self.check(crlf(letter(1)))


class TestPatterns(EditorCase):
    """As system calls, which say what an editor would only show."""

    def save(self, scratch, content, fsync=True):
        """A temporary file beside it, and a rename over it."""
        path = self.mounted.path / self.file

        def save_file():
            temporary = str(path.parent / scratch)
            fd = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                os.fchmod(fd, 0o644)
                os.write(fd, content)
                if fsync:
                    os.fsync(fd)
            finally:
                os.close(fd)
            os.rename(temporary, path)

        mount.call(save_file)

    def test_gnome(self):
        """g_file_replace()"""
        self.save('.goutputstream-Q1W2E3', letter(1, 'TEXT'))
        self.check(crlf(letter(1, 'TEXT')))

    def test_gio(self):
        if shutil.which('gio') is None:
            self.skipTest('gio is not installed')
        done = subprocess.run(['gio', 'save', str(self.mounted.path / self.file)], input=letter(1, 'TEXT'),
                              capture_output=True, timeout=30, env={**os.environ, 'HOME': str(self.scratch)})
        self.assertEqual((done.returncode, done.stderr), (0, b''))
        self.check(crlf(letter(1, 'TEXT')))

    def test_kde(self):
        """QSaveFile"""
        with self.assertRaises(OSError):
            mount.call(os.open, self.mounted.path / 'INBOX', os.O_TMPFILE | os.O_RDWR)
        self.save(f'{os.path.basename(self.file)}.aBcDeF', letter(1, 'TEXT'))
        self.check(crlf(letter(1, 'TEXT')))

    def test_no_message(self):
        for scratch in ('.goutputstream-Q1W2E3', f'{os.path.basename(self.file)}.aBcDeF'):
            with self.subTest(scratch=scratch):
                self.assert_errno(errno.EINVAL, self.save, scratch, WRONG.encode() + b'\n\nno message\n', fsync=False)
                self.check_unchanged()
                self.assertEqual(self.mounted.read(self.file), crlf(letter(1)))

    def test_the_old_version_as_a_backup(self):
        """A rename to x~, then a new file under the old name: emacs, and vim when it has to. A message stays one."""
        backup = self.file + '~'
        self.rename(self.mounted, self.file, backup)
        mount.call(writing.write_file, self.mounted.path / self.file, letter(1, 'TEXT'), mode='xb')
        for _ in range(2):
            self.assertEqual(self.mounted.read(backup), crlf(letter(1)))
            self.assertEqual(self.mounted.read(self.file), crlf(letter(1, 'TEXT')))
            self.sync(self.mounted)
            self.assertEqual(self.held('INBOX'), [1, 1, 2, 3, 4, 5, 6])
            self.mounted.unmount()
            self.mounted = self.start()

    def test_a_backup_that_is_put_back(self):
        self.rename(self.mounted, self.file, self.file + '~')
        self.assert_errno(errno.EINVAL, mount.call, writing.write_file, self.mounted.path / self.file, b'no message', mode='xb')
        self.rename(self.mounted, self.file + '~', self.file)
        self.check(crlf(letter(1)))

    def test_a_backup_that_is_removed(self):
        self.rename(self.mounted, self.file, self.file + '~')
        mount.call(writing.write_file, self.mounted.path / self.file, letter(1, 'TEXT'), mode='xb')
        self.unlink(self.mounted, self.file + '~')
        self.check(crlf(letter(1, 'TEXT')))

    def test_a_hard_link_as_a_backup(self):
        with self.assertRaises(OSError) as caught:
            mount.call(os.link, self.mounted.path / self.file, self.mounted.path / (self.file + '~'))
        self.assertIn(caught.exception.errno, (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK))

    def test_sed(self):
        self.mounted.run(f"sed -i.bak s/text/TEXT/ '{self.file}'")
        self.unlink(self.mounted, self.file + '.bak')
        self.check(crlf(letter(1, 'TEXT')))


if __name__ == '__main__':
    mount.main()
