#!/usr/bin/python3
"""What is told of changes that another client makes, by a real server, with NOTIFY and with IDLE."""

import os
import re
import statistics
import subprocess
import tempfile
import time

import mailserver
import mount
import samplemail
from barewatch import Bare, Lines

DATE = '"26-Nov-2026 12:00:00 +0000"'


class Watch(Lines):
    """A watcher of the daemon's kind, without a mount."""

    def __init__(self, server, renewal_ms=0):
        self.process = subprocess.Popen(
            [os.environ['WATCH_CLIENT'], str(server.imap_port), 'alice', server.users['alice'], str(renewal_ms)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        super().__init__(self.process.stdout)

    def say(self, line):
        self.process.stdin.write(line + '\n')
        self.process.stdin.flush()

    def watch(self, *mailboxes):
        self.say(' '.join(('watch',) + mailboxes))

    def watches(self, mailbox):
        self.say('watches ' + mailbox)
        return self.wait('watches (yes|no)')[1] == 'watches yes'

    def traffic(self):
        """Bytes in and out, of all connections that watch."""
        self.say('status')
        line = self.wait('watching: .*')[1]
        return [sum(map(int, re.findall(rf'(\d+) bytes {way}', line))) for way in ('in', 'out')]

    def close(self):
        self.process.stdin.close()
        status = self.process.wait(10)
        self.process.stdout.close()
        return status


class TestWatching(mount.MountTestCase):
    without, extra = [], ''

    def setUp(self):
        super().setUp()
        self.server = mailserver.Dovecot(plaintext=True, tls=False, without=self.without, extra=self.extra)
        self.enter(self.server)
        self.server.create('A', 'B', 'C')
        self.client = self.server.connect()
        self.addCleanup(self.client.logout)

    def new_watch(self, *mailboxes, renewal_ms=0):
        watch = Watch(self.server, renewal_ms)
        self.addCleanup(lambda: self.assertEqual(watch.close(), 0))
        watch.watch(*mailboxes)
        return watch

    def append(self, mailbox):
        content = next(iter(samplemail.many(1)))[0].replace(b'\n', b'\r\n')
        mailserver.check(self.client.append(mailbox, None, DATE, content))
        return time.monotonic()

    def change(self, mailbox, *commands):
        mailserver.check(self.client.select(mailbox))
        for command in commands:
            mailserver.check(self.client.uid(*command))
        mailserver.check(self.client.unselect())

    def check_messages(self, watch, mailbox):
        """What comes, what is flagged and what goes is told, within the second."""
        for change in [lambda: self.append(mailbox),
                       lambda: self.change(mailbox, ('STORE', '1:*', '+FLAGS', '(\\Flagged)')),
                       lambda: self.change(mailbox, ('STORE', '1:*', '+FLAGS', '(\\Deleted)'), ('EXPUNGE', '1:*'))]:
            watch.drain(0.7)
            began = time.monotonic()
            change()
            self.assertLess(watch.wait('mailbox ' + mailbox)[0] - began, 2)

    def measure_arrival(self, watch, bare, pattern, rounds=5):
        """Median milliseconds from the answer to APPEND to what is told, here and to a bare client."""
        ours, theirs = [], []
        for _ in range(rounds):
            watch.drain(0.6)
            bare.drain(0.01)
            done = self.append('INBOX')
            theirs.append(bare.wait(pattern)[0] - done)
            ours.append(watch.wait('mailbox INBOX')[0] - done)
        ours, theirs = (statistics.median(times) * 1000 for times in (ours, theirs))
        print(f'# told after {ours:.0f} ms, a bare client after {theirs:.0f} ms')
        return ours, theirs

    def measure_renewal(self, watch):
        """Bytes of one renewal in and out."""
        before = watch.traffic()
        watch.drain(3.5)  # a renewal each second
        after = watch.traffic()
        renewals = round((after[1] - before[1]) / 24)
        each = [round((late - early) / renewals) for early, late in zip(before, after)]
        print(f'# a renewal is {each[0]} bytes in and {each[1]} out, 15 of them an hour {15 * sum(each)} bytes')
        return sum(each)


class TestNotify(TestWatching):
    def test_messages(self):
        watch = self.new_watch('INBOX')
        watch.wait('watching all')
        self.assertTrue(watch.watches('C'))
        self.check_messages(watch, 'INBOX')
        self.check_messages(watch, 'C')

    def test_mailboxes(self):
        watch = self.new_watch('INBOX')
        watch.wait('watching all')
        for command, *names in [('create', 'new'), ('subscribe', 'new'), ('rename', 'new', 'newer'),
                                ('delete', 'newer'), ('unsubscribe', 'new')]:
            with self.subTest(command=command):
                watch.drain(1.5)
                mailserver.check(getattr(self.client, command)(*names))
                watch.wait('mailboxes')

    def test_arrival(self):
        watch = self.new_watch('INBOX')
        watch.wait('watching all')
        bare = Bare(self.server, 'NOTIFY SET (personal (MessageNew MessageExpunge))', 'IDLE')
        self.addCleanup(bare.close)
        ours, theirs = self.measure_arrival(watch, bare, r'\* STATUS .*')
        self.assertLess(ours - theirs, 100)
        self.assertLess(ours, 1000)

    def test_renewal(self):
        watch = self.new_watch('INBOX', renewal_ms=1000)
        watch.wait('watching all')
        self.assertLess(self.measure_renewal(watch), 300)
        self.check_messages(watch, 'INBOX')

    def test_restart(self):
        watch = self.new_watch('INBOX')
        watch.wait('watching all')
        self.server.stop()
        watch.wait('watching nothing')
        self.assertFalse(watch.watches('INBOX'))
        self.server.start()
        watch.wait('watching all', before=30)
        self.client = self.server.connect()
        self.addCleanup(self.client.logout)
        self.check_messages(watch, 'INBOX')


class TestIdle(TestWatching):
    without = ['NOTIFY']

    def test_messages(self):
        watch = self.new_watch('INBOX', 'A', 'B', 'C')
        watch.wait('watching some')
        watch.drain(0.5)
        self.assertEqual([watch.watches(name) for name in ('INBOX', 'A', 'B')], [True, True, False])
        self.check_messages(watch, 'INBOX')
        self.check_messages(watch, 'A')
        self.append('C')
        self.assertEqual(watch.drain(1.5), [])

    def test_other_list(self):
        watch = self.new_watch('INBOX', 'A')
        watch.wait('watching some')
        watch.drain(0.5)
        watch.watch('C', 'INBOX')
        watch.wait('watching some')
        watch.drain(0.5)
        self.assertEqual([watch.watches(name) for name in ('INBOX', 'A', 'C')], [True, False, True])
        self.check_messages(watch, 'C')
        self.check_messages(watch, 'INBOX')

    def test_no_mailbox(self):
        watch = self.new_watch('gone', 'A', 'B')
        watch.wait('watching some')
        watch.drain(0.5)
        self.check_messages(watch, 'A')
        self.check_messages(watch, 'B')
        self.client.delete('B')
        self.assertTrue(watch.watches('A'))

    def test_arrival(self):
        watch = self.new_watch('INBOX')
        watch.wait('watching some')
        bare = Bare(self.server, 'EXAMINE INBOX', 'IDLE')
        self.addCleanup(bare.close)
        ours, theirs = self.measure_arrival(watch, bare, r'\* \d+ EXISTS')
        self.assertLess(ours - theirs, 100)
        self.assertLess(ours, 1000)

    def test_renewal(self):
        watch = self.new_watch('INBOX', renewal_ms=1000)
        watch.wait('watching some')
        self.assertLess(self.measure_renewal(watch), 300)
        self.check_messages(watch, 'INBOX')


class TestNotifyWithoutIdle(TestWatching):
    without = ['IDLE']

    def test_messages(self):
        watch = self.new_watch('INBOX', renewal_ms=1000)
        watch.wait('watching all')
        self.check_messages(watch, 'INBOX')
        self.check_messages(watch, 'A')


class TestNotifyRefused(TestWatching):
    extra = 'mailbox_list_index = no'  # without it Dovecot says that it can, and then that it cannot

    def test_messages(self):
        watch = self.new_watch('INBOX')
        watch.wait('watching some')
        self.check_messages(watch, 'INBOX')


class TestNotifyShared(TestWatching):
    """Mailboxes that are not this user's own."""

    def setUp(self):
        self.directory = tempfile.TemporaryDirectory(prefix='imapfs-public.')
        self.addCleanup(self.directory.cleanup)
        os.chmod(self.directory.name, 0o777)
        self.extra = f'''
            namespace public {{
              type = public
              separator = /
              prefix = Public/
              location = maildir:{self.directory.name}
              subscriptions = no
            }}'''
        super().setUp()

    def test_messages(self):
        self.server.create('Public/x')
        watch = self.new_watch('INBOX')
        watch.wait('watching all')
        self.assertTrue(watch.watches('Public/x'))
        self.check_messages(watch, 'Public/x')
        self.check_messages(watch, 'INBOX')


class TestNeither(TestWatching):
    without = ['NOTIFY', 'IDLE']

    def test_nothing(self):
        watch = self.new_watch('INBOX')
        watch.wait('watching nothing')
        self.append('INBOX')
        self.assertEqual(watch.drain(1), [])
        self.assertEqual(watch.traffic(), [0, 0])


del TestWatching

if __name__ == '__main__':
    mount.main()
