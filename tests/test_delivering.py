#!/usr/bin/python3
"""Changes that have to wait: for a line, for the next mount, for the next daemon; and those that have become impossible."""

import contextlib
import errno
import os
import time

import mount
import writing
from writing import DAY, crlf, letter


class OfflineCase(writing.WritingCase):
    limit_seconds = 120

    def setUp(self):
        super().setUp()
        self.draw_line()

    def know_all(self, mounted):
        """Has everything read, so that all of it is there without a line."""
        for mailbox in ('INBOX', 'Box'):
            mounted.contents(mailbox)

    def start_knowing(self, *options):
        mounted = self.start(*options)
        self.know_all(mounted)
        return mounted

    def cut(self, mounted):
        """The line breaks, and the daemon knows."""
        self.stop_line()

        def is_offline():
            mounted.run('ls', check=False)  # nobody looks for a line who does not need one
            return mounted.status()['state'] == 'offline'

        self.assertTrue(mount.wait_until(is_offline, 20, 0.05), mounted.log())

    def mend(self, mounted):
        self.start_line()
        self.online(mounted)

    def errors(self, mounted):
        return mounted.read('.imapfs/errors').decode()

    def pending(self, mounted):
        return mounted.read('.imapfs/pending').decode()

    def assert_nothing_pending(self, mounted):
        self.assertTrue(mount.wait_until(lambda: self.pending(mounted) == '', 30, 0.05), self.pending(mounted))


class TestMbox(writing.WritingCase):
    """A server that adds the line end which the last line lacks."""
    server_options = {'mail_format': 'mbox'}

    def fill(self):
        """Maildir's files could be written."""
        self.server.create('Box')

    def test_the_answer_is_lost(self):
        """What is two bytes longer is what was sent."""
        self.draw_line()
        mounted = self.start('writeback')
        mounted.listdir('Box')
        self.stop_line()
        self.write(mounted, 'Box/7.eml', letter(7, size=300_000).rstrip(b'\n'))
        self.start_line(delay_ms=150)
        self.assertTrue(mount.wait_until(lambda: self.held('Box') == [7], 20, 0.02))
        self.stop_line()
        time.sleep(0.3)
        self.start_line()
        self.online(mounted)
        self.sync(mounted, 'Box')
        self.assertEqual(self.held('Box'), [7])


class TestOffline(OfflineCase):
    def work(self, mounted):
        """A bit of everything."""
        mounted.run('mkdir New && mv INBOX/*Letter-1.* New/ && mv New/*.eml New/first.eml && rm INBOX/*Letter-2.* && '
                    'cp INBOX/*Letter-3.* New/third.eml && mv New Newer && mkdir Newer/Child && '
                    'mv Box/*Letter-101.* Newer/Child/ && mkdir Gone && rmdir Gone')
        self.write(mounted, 'Newer/new.eml', letter(7))

    def check_shown(self, mounted):
        self.assertEqual(self.shown(mounted, 'INBOX'), [3, 4, 5, 6])
        self.assertEqual(self.shown(mounted, 'Newer'), [1, 3, 7])
        self.assertEqual(self.shown(mounted, 'Newer/Child'), [101])
        self.assertEqual(self.shown(mounted, 'Box'), [102, 103])
        self.assertLessEqual({'first.eml', 'third.eml', 'new.eml', 'Child'}, set(mounted.listdir('Newer')))
        self.assertFalse({'New', 'Gone'} & set(mounted.listdir()))

    def check_held(self):
        self.assertEqual((self.held('INBOX'), self.held('Newer')), ([3, 4, 5, 6], [1, 3, 7]))
        self.assertEqual((self.held('Newer/Child'), self.held('Box')), ([101], [102, 103]))
        self.assertEqual(self.held_content('Newer', 7), crlf(letter(7)))
        self.assertFalse({'New', 'Gone'} & set(self.server.mailboxes()))

    def check_untouched(self):
        self.assertEqual((self.held('INBOX'), self.held('Box')), ([1, 2, 3, 4, 5, 6], [101, 102, 103]))

    def test_carried_out_in_order(self):
        mounted = self.start_knowing()
        self.cut(mounted)
        self.work(mounted)
        self.check_shown(mounted)
        self.check_untouched()
        self.assertGreater(len(self.pending(mounted).splitlines()), 5)
        self.mend(mounted)
        self.sync(mounted)
        self.check_held()
        self.check_shown(mounted)
        self.assert_nothing_pending(mounted)
        self.assertEqual(self.errors(mounted), '')

    def test_fsync_says_that_it_cannot(self):
        mounted = self.start_knowing()
        self.cut(mounted)
        self.unlink(mounted, self.path(mounted, 'INBOX', 1))
        self.assert_errno(errno.EHOSTDOWN, self.sync, mounted, 'INBOX')
        self.mend(mounted)
        self.sync(mounted, 'INBOX')
        self.assertEqual(self.held('INBOX'), [2, 3, 4, 5, 6])

    def test_copied_and_killed(self):
        """The next mount reads the copy, before there is one, from the original in a mailbox not yet looked into."""
        mounted = self.start()
        original = self.path(mounted, 'INBOX', 3)
        mounted.listdir('Box')
        self.cut(mounted)
        mounted.run(f'cp {original} Box/third.eml')
        mounted.kill()
        self.start_line(delay_ms=100)
        mounted = self.start()
        self.assertEqual(mounted.read('Box/third.eml'), crlf(letter(3)))
        self.sync(mounted, 'Box')
        self.assertEqual(self.held('Box'), [3, 101, 102, 103])

    def test_a_version_that_waits(self):
        """Nobody knows yet what came of the one before, so it cannot be sent: fsync says so, and sends it later."""
        def is_synced():
            with contextlib.suppress(OSError):
                self.sync(mounted, 'Box')
                return True

        mounted = self.start_with_a_version_that_waits()
        self.assert_errno(errno.EHOSTDOWN, self.sync, mounted, 'Box')
        self.line.thaw()
        self.assertTrue(mount.wait_until(is_synced, 60, 0.2), mounted.log())
        self.check_version(mounted)

    def test_a_version_that_waits_goes_by_itself(self):
        mounted = self.start_with_a_version_that_waits()
        self.line.thaw()
        self.assertTrue(mount.wait_until(lambda: self.pending(mounted) == '', 60, 0.2), mounted.log())
        self.check_version(mounted)

    def start_with_a_version_that_waits(self):
        mounted = self.start('writeback', 'timeout=2', 'poll=0')
        mounted.listdir('Box')
        self.line.freeze()
        self.write(mounted, 'Box/7.eml', letter(7))
        found = mount.wait_until(lambda: 'sent: ' in self.pending(mounted) and mounted.status()['state'] == 'offline',
                                 30, 0.1)
        self.assertTrue(found, self.pending(mounted))
        self.assert_errno(errno.EHOSTDOWN, self.write, mounted, 'Box/7.eml', letter(7, 'TEXT'), mode='r+b')
        self.assertIn('not sent: APPEND Box/7.eml', self.pending(mounted))
        return mounted

    def check_version(self, mounted):
        self.assertEqual((self.pending(mounted), self.held('Box')), ('', [7, 101, 102, 103]))
        self.assertIn(b'TEXT', self.held_content('Box', 7))

    def test_killed(self):
        """And mounted again without a line, and again with one."""
        mounted = self.start_knowing()
        self.cut(mounted)
        self.work(mounted)
        mounted.kill()
        mounted = self.start()
        self.check_shown(mounted)
        self.check_untouched()
        mounted.kill()
        self.start_line()
        mounted = self.start()
        self.sync(mounted)
        self.check_held()
        self.check_shown(mounted)

    def test_unmounted(self):
        mounted = self.start_knowing('timeout=5')  # the daemon tries for four times that to get it delivered
        self.cut(mounted)
        self.work(mounted)
        mounted.expect('.')
        mounted.unmount(40)
        self.check_untouched()
        mounted = self.start()
        self.check_shown(mounted)
        self.mend(mounted)
        self.sync(mounted)
        self.check_held()
        mounted.unmount()
        self.check_shown(self.start())

    def test_killed_with_a_line(self):
        """At once after the call, before anything can have been answered."""
        self.stop_line()
        self.start_line(delay_ms=200)
        mounted = self.start_knowing()
        mounted.run('mkdir New; mv INBOX/*Letter-[123].* New/; rm Box/*Letter-101.*')
        mounted.kill()
        mounted = self.start()
        self.assertEqual(self.shown(mounted, 'New'), [1, 2, 3])
        self.sync(mounted)
        self.assertEqual((self.held('INBOX'), self.held('New'), self.held('Box')), ([4, 5, 6], [1, 2, 3], [102, 103]))

    def test_cut_in_the_middle(self):
        """Time and again, after ever more bytes: each message arrives once."""
        expected = list(range(7, 27))
        mounted = self.start_knowing()
        self.stop_line()
        for number in expected:
            self.write(mounted, f'INBOX/{number}.tmp', letter(number, size=2000))
            self.rename(mounted, f'INBOX/{number}.tmp', f'Box/{number}.eml')
        self.start_line(cut_after=(8000, 40_000), seed=3)
        deadline = time.monotonic() + 80 * mount.SLOWNESS
        while self.pending(mounted) and time.monotonic() < deadline:
            time.sleep(0.1)
            mounted.status()
        self.assertEqual(self.pending(mounted), '')
        self.assertEqual(self.held('Box'), expected + [101, 102, 103])
        self.stop_line()
        self.start_line()


class TestImpossible(OfflineCase):
    """What another client does while there is no line."""

    def test_a_message_is_gone(self):
        mounted = self.start_knowing()
        first, second = self.path(mounted, 'INBOX', 1), self.path(mounted, 'INBOX', 2)
        self.cut(mounted)
        self.rename(mounted, first, 'Box/first.eml')
        self.rename(mounted, second, 'Box/second.eml')
        self.server.expunge('INBOX', '1')
        self.server.append('INBOX', [(letter(201), DAY, '')])
        self.mend(mounted)
        with self.assertRaises(OSError):
            self.sync(mounted)
        self.sync(mounted)
        self.assertEqual((self.held('INBOX'), self.held('Box')), ([3, 4, 5, 6, 201], [2, 101, 102, 103]))
        self.assertEqual(self.shown(mounted, 'Box'), [2, 101, 102, 103])
        self.assertEqual(len(self.errors(mounted).splitlines()), 1)
        self.assertIn('INBOX', self.errors(mounted))
        mounted.expect('.')

    def test_a_new_uidvalidity(self):
        """The same UIDs, other messages: none of them is touched."""
        mounted = self.start_knowing()
        moved, removed = self.path(mounted, 'Box', 101), self.path(mounted, 'Box', 102)
        flagged = self.path(mounted, 'Box', 103)
        self.cut(mounted)
        mount.call(os.setxattr, mounted.path / flagged, 'user.imap.flags', b'+\\Flagged')
        self.rename(mounted, moved, 'INBOX/x.eml')
        self.unlink(mounted, removed)
        self.unlink(mounted, self.path(mounted, 'INBOX', 1))
        self.recreate('Box', [(letter(number), DAY, '') for number in (301, 302, 303)])
        self.mend(mounted)
        with self.assertRaises(OSError):
            self.sync(mounted)
        self.assertEqual((self.held('INBOX'), self.held('Box')), ([2, 3, 4, 5, 6], [301, 302, 303]))
        self.assertEqual(set().union(*self.server.flags('Box').values()), set())
        self.assertEqual(self.shown(mounted, 'Box'), [301, 302, 303])
        self.assertEqual(self.shown(mounted, 'INBOX'), [2, 3, 4, 5, 6])
        self.assertIn('Box', self.errors(mounted))
        mounted.expect('.')

    def test_a_mailbox_is_gone(self):
        mounted = self.start_knowing()
        self.cut(mounted)
        self.rename(mounted, self.path(mounted, 'INBOX', 1), 'Box/x.eml')
        self.write(mounted, 'Box/new.eml', letter(7))
        client = self.server.connect()
        client.delete('Box')
        client.logout()
        self.mend(mounted)
        with self.assertRaises(OSError):
            self.sync(mounted)
        self.assertEqual(self.held('INBOX'), [1, 2, 3, 4, 5, 6])
        self.assertTrue(mount.wait_until(lambda: self.shown(mounted, 'INBOX') == [1, 2, 3, 4, 5, 6]))
        self.assertNotIn('Box', self.server.mailboxes())
        said = self.errors(mounted)
        self.assertIn('new.eml', said)  # what was written is kept, and it is said where
        mounted.expect('.')
        mounted.unmount()
        self.assertIn('new.eml', self.errors(self.start()))

    def test_a_mailbox_has_been_filled(self):
        """A rmdir that must not be carried out any more."""
        self.server.create('Empty')
        mounted = self.start_knowing()
        self.assertEqual(mounted.listdir('Empty'), [])
        self.cut(mounted)
        try:
            self.rmdir(mounted, 'Empty')
        except OSError as error:  # it may also be that nobody can say without a line
            self.assertIn(error.errno, (errno.EHOSTDOWN, errno.ENOTEMPTY))
        self.server.append('Empty', [(letter(201), DAY, '')])
        self.mend(mounted)
        try:
            self.sync(mounted)
        except OSError as error:
            self.assertEqual(errno.errorcode[error.errno], 'ENOTEMPTY')
        self.assertEqual(self.held('Empty'), [201])
        self.assertTrue(mount.wait_until(lambda: 'Empty' in mounted.listdir()))
        self.assertEqual(self.shown(mounted, 'Empty'), [201])
        mounted.expect('.')

    def test_a_mailbox_exists_already(self):
        """What another client makes too is no error that loses what is put into it."""
        mounted = self.start_knowing()
        self.cut(mounted)
        mounted.run('mkdir New && mv INBOX/*Letter-1.* New/')
        self.server.append('New', [(letter(201), DAY, '')])
        self.mend(mounted)
        try:
            self.sync(mounted)
        except OSError:
            self.assertNotEqual(self.errors(mounted), '')
        self.assertEqual(sorted(self.held('INBOX') + self.held('New')), [1, 2, 3, 4, 5, 6, 201])
        mounted.expect('.')

    def test_a_removal_of_what_is_gone(self):
        """Nothing is left to do, and nothing to say."""
        mounted = self.start_knowing()
        path = self.path(mounted, 'INBOX', 1)
        self.cut(mounted)
        self.unlink(mounted, path)
        self.server.expunge('INBOX', '1')
        self.mend(mounted)
        self.sync(mounted)
        self.assertEqual((self.errors(mounted), self.held('INBOX')), ('', [2, 3, 4, 5, 6]))


if __name__ == '__main__':
    mount.main()
