#!/usr/bin/python3
"""Mail and servers that once could stop everything, and must not."""

import datetime
import errno
import signal
import time

import badserver
import fakeserver
import mailserver
import mount
from mount import wait_until


DAY = datetime.datetime(2026, 11, 20, 8, 0, tzinfo=datetime.timezone.utc)


class TestMail(mount.MountTestCase):
    def test_a_subject_of_more_than_a_megabyte(self):
        """Any sender can make one: the messages behind it must still be listed."""
        server = mailserver.Dovecot()
        huge = b'Subject: ' + b'x' * 1_200_000 + b'\nFrom: a@example.org\n\nhuge\n'
        server.deliver('INBOX', [(b'Subject: %d\nFrom: a@example.org\n\ntext\n' % i, DAY, '') for i in range(3)]
                       + [(huge, DAY, '')]
                       + [(b'Subject: %d\nFrom: a@example.org\n\ntext\n' % i, DAY, '') for i in range(3, 6)])
        self.enter(server)
        mounted = self.mount(server)
        names = mounted.listdir('INBOX')
        self.assertEqual(len(names), 7)
        truth = sorted(server.messages('INBOX').values())
        self.assertEqual(sorted(mounted.read(f'INBOX/{name}') for name in names), truth)


def many():
    return [fakeserver.Mail(b'Subject: %d\r\n\r\nx\r\n' % i) for i in range(1000)]


class Reselecting(fakeserver.Imap):
    """A session keeps the mailbox it has selected, whatever its name now stands for."""

    def do_select(self, connection, session, tag, arguments, access='READ-WRITE'):
        self.n_selects = getattr(self, 'n_selects', 0) + 1
        return super().do_select(connection, session, tag, arguments, access)


class TestServers(mount.MountTestCase):
    def test_a_mailbox_replaced_under_a_session(self):
        server = self.enter(Reselecting({'INBOX': [], 'Box': badserver.GOOD}))
        mounted = self.mount(server, 'names=uid')
        self.assertEqual(len(mounted.listdir('Box')), 3)
        other = fakeserver.Mailbox('Box', [fakeserver.Mail(b'Subject: new\r\n\r\nnew\r\n')], 4711)
        server.mailboxes['Box'] = other
        self.assertTrue(wait_until(lambda: self.lists(mounted, 'Box') == ['1.eml'], 5 * mount.SLOWNESS))
        self.assertEqual(mounted.read('Box/1.eml'), b'Subject: new\r\n\r\nnew\r\n')
        self.assertEqual(mounted.listdir('Box'), ['1.eml'])

    def lists(self, mounted, path):
        try:
            return mounted.listdir(path)
        except OSError:
            return None

    def test_one_connection_that_breaks_after_a_second_was_refused(self):
        server = self.enter(badserver.OneConnection(badserver.REFUSALS[0]))
        mounted = self.mount(server, 'names=uid', 'timeout=2')
        readers = [mounted.background(f'ls {name}') for name in ('A', 'B', 'C')]
        for reader in readers:
            reader.finish()
        server.drop_all()
        began = time.monotonic()
        self.assertTrue(wait_until(lambda: self.lists(mounted, 'D'), 5 * mount.SLOWNESS))
        self.assertLess(time.monotonic() - began, 6 * mount.SLOWNESS)

    def test_a_listing_that_trickles_does_not_hold_a_lookup_for_ever(self):
        server = self.enter(TricklingListing({'INBOX': many()}))
        mounted = self.mount(server, 'names=uid', 'timeout=1')
        began = time.monotonic()
        with self.assertRaises(OSError) as caught:
            mounted.stat('INBOX/nothing')
        self.assertIn(caught.exception.errno, (errno.ETIMEDOUT, errno.EHOSTDOWN))
        self.assertLess(time.monotonic() - began, 8 * mount.SLOWNESS)

    def test_a_short_read_does_not_wait_for_long_listings(self):
        server = self.enter(TricklingListing({'INBOX': many(),
                                              'A': many(),
                                              'B': badserver.GOOD}))
        server.quick = 'B'
        mounted = self.mount(server, 'names=uid', 'timeout=5', 'connections=2')
        mounted.listdir('B')
        slow = [mounted.background(f'ls {name}') for name in ('INBOX', 'A')]
        time.sleep(0.5)
        began = time.monotonic()
        self.assertEqual(mounted.read('B/1.eml'), badserver.GOOD[0])
        self.assertLess(time.monotonic() - began, 2 * mount.SLOWNESS)
        for reader in slow:
            reader.signal(signal.SIGKILL)
            reader.finish()


class TricklingListing(fakeserver.Imap):
    """Sends one message of a listing every 0.3 s, except of the mailbox `quick`."""

    quick = None

    def send_fetch(self, connection, number, mail, items):
        super().send_fetch(connection, number, mail, items)
        quick = self.mailboxes[self.quick].mails.values() if self.quick else ()
        if 'INTERNALDATE' in str(items).upper() and not any(mail is other for other in quick):
            self.stopping.wait(0.3)


class TestSignals(mount.MountTestCase):
    def test_sigterm_as_soon_as_it_is_mounted(self):
        server = self.enter(mailserver.Dovecot())
        for _ in range(10):
            mounted = self.mount(server)
            mounted.terminate()
            self.assertFalse(mount.is_mounted(mounted.path))


if __name__ == '__main__':
    mount.main()
