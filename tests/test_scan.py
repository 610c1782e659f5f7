#!/usr/bin/python3
"""What a scan tells of a mailbox that another client changes, with Dovecot's mod-sequences and without."""

import os
import re
import subprocess

import mailserver
import mount
import samplemail


class Scanner:
    """A connection of the daemon's kind, without a mount."""

    def __init__(self, server):
        self.process = subprocess.Popen([os.environ['SCAN_CLIENT'], str(server.imap_port), 'alice', server.users['alice']],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.modseq = self.uidvalidity = 0

    def ask(self, line):
        self.process.stdin.write(line + '\n')
        self.process.stdin.flush()
        return self.process.stdout.readline().rstrip('\n').rstrip('; ').split('; ')

    def scan(self, mailbox='INBOX', after=0):
        told = self.ask(f'{mailbox} {self.uidvalidity} {after} {self.modseq}')
        self.uidvalidity = int(re.search(r'opened (\d+)', told[0]).group(1))
        found = re.search(r' modseq (\d+)', told[-1])
        self.modseq = int(found.group(1)) if found else 0
        return told

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        return self.process.wait(10)


class TestScan(mount.MountTestCase):
    without = []

    def setUp(self):
        super().setUp()
        self.server = mailserver.Dovecot(plaintext=True, without=self.without)
        self.server.deliver('INBOX', [(content, date, '') for content, date, _ in samplemail.many(9)])
        self.enter(self.server)
        self.server.flags('INBOX')  # the messages have their UIDs now
        self.scanner = self.new_scanner()

    def new_scanner(self):
        scanner = Scanner(self.server)
        self.addCleanup(lambda: self.assertEqual(scanner.close(), 0))
        return scanner

    def assert_told(self, told, *expected):
        """expected: of the last round, between opened and done."""
        self.assertTrue(set(expected) <= set(told), told)

    def count(self, told):
        return int(re.match(r'done (\d+)', told[-1]).group(1))

    def check_changes(self):
        """The same over a session that has the mailbox selected, and over a new one."""
        first = self.scanner.scan()
        self.assertEqual(sum(' size ' in line for line in first), 9)
        for n, scanner in enumerate([self.scanner, self.scanner, self.new_scanner()]):
            scanner.modseq, scanner.uidvalidity = self.scanner.modseq, self.scanner.uidvalidity
            self.server.store('INBOX', '3', f'+FLAGS (keyword{n} \\Flagged)')
            self.server.expunge('INBOX', str(n + 4))
            self.server.append('INBOX', samplemail.many(1))
            told = scanner.scan(after=9)
            self.assertEqual(self.count(told), 9)
            self.assertRegex(told[-1], f' next {11 + n}')
            flags = ' '.join(['\\Flagged'] + [f'keyword{k}' for k in range(n + 1)])
            old = [line for line in told if line.startswith('3 [')]
            self.assertEqual(old[-1], f'3 [{flags}]', told)
            self.assertTrue(any(re.match(f'{10 + n} size ', line) for line in told), told)
            yield n, scanner, told


class TestQresync(TestScan):
    def test_changes(self):
        for n, scanner, told in self.check_changes():
            with self.subTest(n=n):
                if n < 2:  # a session's first scan leaves before ENABLED comes
                    self.assert_told(told, f'vanished {n + 4}:{n + 4}')
                self.assertGreater(scanner.modseq, 0)
                self.scanner.modseq = scanner.modseq

    def test_nothing_is_told_twice(self):
        self.scanner.scan()
        self.server.store('INBOX', '2', '+FLAGS (x)')
        self.scanner.scan(after=9)
        self.scanner.scan(after=9)
        told = self.scanner.scan(after=9)
        self.assertEqual([line for line in told[:-1] if '[' in line], ['9 []'], told)  # 10:* brings the last message

    def test_figures(self):
        told = self.scanner.scan()
        listed = self.scanner.ask('LIST')
        inbox = next(line for line in listed if line.startswith('INBOX'))
        self.assertRegex(inbox, f' 9/{self.scanner.uidvalidity} next 10 modseq {self.scanner.modseq} unseen 9$', told)


class TestCondstore(TestScan):
    without = ['QRESYNC']

    def test_changes(self):
        for n, scanner, told in self.check_changes():
            with self.subTest(n=n):
                self.assertFalse(any(line.startswith('vanished') for line in told), told)
                self.scanner.modseq = scanner.modseq


class TestPlain(TestScan):
    without = ['QRESYNC', 'CONDSTORE', 'ENABLE', 'LIST-STATUS']

    def test_changes(self):
        for n, _, told in self.check_changes():
            with self.subTest(n=n):
                self.assert_told(told, '1 []')

    def test_figures(self):
        listed = self.scanner.ask('LIST')
        self.assertRegex(next(line for line in listed if line.startswith('INBOX')), r' 9/\d+ next 10 unseen 9$')


del TestScan

if __name__ == '__main__':
    mount.main()
