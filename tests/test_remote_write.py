#!/usr/bin/python3
"""What changes of the account come to at a real server, looked at by another client."""

import datetime
import os
import pathlib
import re
import subprocess
import tempfile

import mailserver
import mount
import netproxy
import samplemail

DELAY_MS = 25
DATE = datetime.datetime(2020, 2, 29, 12, 34, 56, tzinfo=datetime.timezone.utc)
KNOWN, MOVE, UIDPLUS, CONDSTORE, NOTIFY, IDLE = 1, 2, 4, 8, 512, 1024


class WriteTestCase(mount.MountTestCase):
    options = {}

    def setUp(self):
        super().setUp()
        self.server = self.enter(mailserver.Dovecot(**self.options))
        self.files = pathlib.Path(self.enter(tempfile.TemporaryDirectory()))
        self.server.append('INBOX', [(content, date, '') for content, date, _ in samplemail.many(5)])
        self.uidvalidity = self.uidvalidity_of('INBOX')

    def uidvalidity_of(self, mailbox):
        client = self.server.connect()
        answer = client.status(mailserver.quote(mailserver.encode_mailbox(mailbox)), '(UIDVALIDITY)')
        client.logout()
        return int(answer[1][0].rstrip(b')').split()[-1])

    def driver(self, *operations, port=None, connections=1):
        lines = [operation if isinstance(operation, str) else '\t'.join(str(word) for word in operation)
                 for operation in operations]
        server = self.server
        return subprocess.Popen(
            [os.environ['REMOTE_DRIVER'], '127.0.0.1', str(port or server.imaps_port), 'alice', server.users['alice'],
             server.ca_file, str(connections), *lines], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def do(self, *operations, **arguments):
        """What each has told."""
        driver = self.driver(*operations, **arguments)
        told, _ = driver.communicate(timeout=100)
        self.assertEqual(driver.returncode, 0)
        return [line.rstrip('; ') for line in told.splitlines()]

    def flush(self, *entries):
        """What has become of each, by its number."""
        lines = ['\t'.join(str(word) for word in entry) for entry in entries]
        told = subprocess.run([os.environ['FLUSHER_DRIVER'], '127.0.0.1', str(self.server.imaps_port), 'alice',
                               self.server.users['alice'], self.server.ca_file, *lines], stdout=subprocess.PIPE,
                              text=True, timeout=100, check=True).stdout
        return {int(number): f'{what} {rest}' for what, number, rest in map(str.split, told.splitlines())}

    def message(self, content):
        path = self.files / str(len(list(self.files.iterdir())))
        path.write_bytes(content.replace(b'\r\n', b'\n').replace(b'\n', b'\r\n'))
        return path

    def append(self, mailbox, content, uidvalidity=0, flags='', seconds=0):
        return 'append', mailbox, uidvalidity, self.message(content), flags, seconds


class TestAppend(WriteTestCase):
    def test_flags_and_date(self):
        content, _, _ = next(iter(samplemail.many(1)))
        told = self.do(self.append('INBOX', content, self.uidvalidity, '\\Seen \\Flagged word', int(DATE.timestamp())))
        self.assertEqual(told, [f'done {self.uidvalidity}/6'])
        self.assertEqual(self.server.flags('INBOX')[6], {'\\Seen', '\\Flagged', 'word'})
        dates = {uid: head for uid, head, _ in self.server.fetch('INBOX', 'INTERNALDATE')}
        self.assertIn(b'29-Feb-2020 12:34:56 +0000', dates[6])
        self.assertEqual(self.server.messages('INBOX', '6')[6].replace(b'\r\n', b'\n'), content)

    def test_large(self):
        content, _ = samplemail.Writer().big(10_000_000)
        self.assertEqual(self.do(self.append('INBOX', content)), [f'done {self.uidvalidity}/6'])
        self.assertEqual(self.server.messages('INBOX', '6')[6].replace(b'\r\n', b'\n'), content)

    def count_appends(self, n, connections):
        """Round trips of so many small ones, for a mailbox that is not open, once there is a connection."""
        proxy = self.enter(netproxy.Proxy(self.server.imaps_port, delay_ms=DELAY_MS))
        contents = [content for content, _, _ in samplemail.many(n)]
        driver = self.driver(('subscribe', 'INBOX'), 'pause', *[self.append('INBOX', content) for content in contents],
                             'wait', 'pause', port=proxy.port, connections=connections)
        self.assertEqual([driver.stdout.readline() for _ in range(2)], ['done; \n', 'paused\n'])
        with proxy.counting() as counts:
            driver.stdin.write('\n')
            driver.stdin.flush()
            told = [driver.stdout.readline() for _ in range(n)]
            self.assertEqual(driver.stdout.readline(), 'paused\n')
        driver.communicate('\n', timeout=20)
        self.assertTrue(all(line.startswith(f'done {self.uidvalidity}/') for line in told), told)
        self.assertEqual(len(set(told)), n)
        uids = [int(line.strip('; \n').split('/')[1]) for line in told]
        stored = self.server.messages('INBOX')
        for uid, content in zip(uids, contents):
            self.assertEqual(stored[uid].replace(b'\r\n', b'\n'), content)
        return counts

    def test_many_at_once(self):
        """With the SELECT in front of them."""
        counts = self.count_appends(100, 1)
        self.assertEqual(counts['connections'], 0)
        self.assertLessEqual(counts['round_trips'], 2)

    def test_many_at_once_and_more_connections(self):
        self.assertLessEqual(self.count_appends(100, 4)['longest'], 8)

    def test_refused(self):
        content, _, _ = next(iter(samplemail.many(1)))
        large = b'Subject: x\n\n' + b'x' * 90_000
        self.assertEqual(self.do(self.append('nowhere', content)), ['error NOT_FOUND'])
        self.assertEqual(self.do(self.append('INBOX', content, self.uidvalidity + 1)), ['error STALE'])
        self.assertEqual(self.do(self.append('INBOX', b'a\0b')), [f'done {self.uidvalidity}/6'])  # BINARY
        told = self.do(*[self.append('nowhere', large) for _ in range(10)], self.append('INBOX', content))
        self.assertEqual(told, 10 * ['error NOT_FOUND'] + [f'done {self.uidvalidity}/7'])
        self.assertEqual(self.do(self.append('nowhere', b'Subject: x\n\n' + b'x' * 200_000)), ['error NOT_FOUND'])

    def test_refused_over_a_slow_line(self):
        """The answer comes before all is sent."""
        proxy = self.enter(netproxy.Proxy(self.server.imaps_port, rate=1_000_000))
        large = b'Subject: x\n\n' + b'x' * 90_000
        told = self.do(*[self.append('nowhere', large) for _ in range(10)], port=proxy.port)
        self.assertEqual(told[0], 'error NOT_FOUND')
        self.assertLessEqual(set(told), {'error NOT_FOUND', 'error UNKNOWN', 'error OFFLINE'})

    def test_wrong_password(self):
        self.server.users['alice'] = 'wrong'
        self.assertEqual(self.do(self.append('INBOX', b'Subject: x\n\n')), ['error OFFLINE'])


class TestQuota(WriteTestCase):
    options = {'extra': 'mail_plugins = quota\nprotocol imap {\n  mail_plugins = quota imap_quota\n}\n'
                        'plugin {\n  quota = maildir:User quota\n  quota_rule = *:storage=100K\n}\n'}

    def test_full(self):
        small = b'Subject: x\n\n' + b'x' * 60_000
        self.assertEqual(self.do(self.append('INBOX', small)), [f'done {self.uidvalidity}/6'])
        self.assertEqual(self.do(self.append('INBOX', small)), ['error QUOTA'])
        self.assertEqual(self.do(self.append('INBOX', 10 * small)), ['error QUOTA'])


class TestTransfer(WriteTestCase):
    def setUp(self):
        super().setUp()
        self.server.create('Entwürfe/é & co')
        self.to = mailserver.encode_mailbox('Entwürfe/é & co')
        self.to_uidvalidity = self.uidvalidity_of('Entwürfe/é & co')

    def test_copy(self):
        before = self.server.messages('INBOX')
        self.assertEqual(self.do(('copy', 'INBOX', self.uidvalidity, '2,4,99', self.to)),
                         [f'2 as 1; 4 as 2; copied {self.to_uidvalidity}'])
        self.assertEqual(self.server.messages('INBOX'), before)
        self.assertEqual(self.server.messages('Entwürfe/é & co'), {1: before[2], 2: before[4]})

    def test_move(self):
        before = self.server.messages('INBOX')
        self.assertEqual(self.do(('move', 'INBOX', self.uidvalidity, '1,2,5', self.to)),
                         [f'1 as 1; 2 as 2; 5 as 3; moved {self.to_uidvalidity}'])
        self.assertEqual(set(self.server.messages('INBOX')), {3, 4})
        self.assertEqual(self.server.messages('Entwürfe/é & co'), {1: before[1], 2: before[2], 3: before[5]})

    def test_gone(self):
        self.assertEqual(self.do(('move', 'INBOX', self.uidvalidity, '98,99', self.to)), ['moved 0'])

    def test_refused(self):
        self.assertEqual(self.do(('move', 'INBOX', self.uidvalidity, '1', 'nowhere'),
                                 ('copy', 'INBOX', self.uidvalidity + 1, '1', self.to),
                                 ('copy', 'nowhere', 1, '1', self.to)),
                         ['error NOT_FOUND', 'error STALE', 'error NOT_FOUND'])
        self.assertEqual(len(self.server.messages('INBOX')), 5)

    def test_made_again(self):
        """Another client replaces the mailbox while a connection has it open."""
        self.server.append('x', samplemail.many(3))
        driver = self.driver(('store', 'x', self.uidvalidity_of('x'), '1', '+\\Seen', 0), 'pause',
                             ('move', 'x', self.uidvalidity_of('x'), '1', 'INBOX'))
        self.assertEqual([driver.stdout.readline() for _ in range(2)], ['done; \n', 'paused\n'])
        client = self.server.connect()
        client.delete('x')
        client.logout()
        self.server.append('x', samplemail.many(3))
        told, _ = driver.communicate('\n', timeout=20)
        self.assertEqual(told, 'error STALE; \n')
        self.assertEqual(len(self.server.messages('x')), 3)
        self.assertEqual(len(self.server.messages('INBOX')), 5)


class TestWithoutExtensions(WriteTestCase):
    options = {'without': ['MOVE', 'UIDPLUS', 'LITERAL+', 'CONDSTORE', 'QRESYNC', 'BINARY']}

    def test_transfer(self):
        self.server.create('to')
        self.assertEqual(self.do(('subscribe', 'INBOX'), 'wait', ('capabilities',),
                                 ('move', 'INBOX', self.uidvalidity, '1,2', 'to')),
                         ['done', str(KNOWN | NOTIFY | IDLE), f'1 as 1; 2 as 2; copied {self.uidvalidity_of("to")}'])
        self.assertEqual(len(self.server.messages('INBOX')), 5)

    def test_refused(self):
        self.assertEqual(self.do(('expunge', 'INBOX', self.uidvalidity, '1'),
                                 ('store', 'INBOX', self.uidvalidity, '1', '+\\Seen', 1)), 2 * ['error UNSUPPORTED'])

    def test_append(self):
        self.assertEqual(self.do(*[self.append('INBOX', b'Subject: x\n\n') for _ in range(3)]),
                         [f'done {self.uidvalidity}/{uid}' for uid in (6, 7, 8)])


class TestStore(WriteTestCase):
    def test_store(self):
        box = 'INBOX', self.uidvalidity
        self.assertEqual(self.do(('store', *box, '1,2', '+\\Seen word', 0), ('store', *box, '2,3', '+\\Flagged', 0), 'wait',
                                 ('store', *box, '2', '-word \\Flagged', 0), ('store', *box, '3', '=other', 0),
                                 ('capabilities',)),
                         4 * ['done'] + [str(KNOWN | MOVE | UIDPLUS | CONDSTORE | NOTIFY | IDLE)])
        self.assertEqual(self.server.flags('INBOX'), {1: {'\\Seen', 'word'}, 2: {'\\Seen'}, 3: {'other'}, 4: set(), 5: set()})

    def test_unchanged_since(self):
        list(self.server.fetch('INBOX', 'MODSEQ'))  # from now on Dovecot keeps them
        self.server.store('INBOX', '1:5', '+FLAGS (\\Answered)')
        modseq = max(int(re.search(rb'MODSEQ \((\d+)', head).group(1))
                     for _, head, _ in self.server.fetch('INBOX', 'MODSEQ'))
        self.server.store('INBOX', '2', '+FLAGS (\\Flagged)')
        self.assertEqual(self.do(('store', 'INBOX', self.uidvalidity, '1,2,3', '+\\Seen', modseq)), ['modified 2; done'])
        flags = self.server.flags('INBOX')
        self.assertEqual([uid for uid in flags if '\\Seen' in flags[uid]], [1, 3])

    def test_expunge(self):
        """What another client has marked survives."""
        self.server.store('INBOX', '1:3', '+FLAGS (\\Deleted)')
        self.assertEqual(self.do(('store', 'INBOX', self.uidvalidity, '2,4', '+\\Deleted', 0),
                                 ('expunge', 'INBOX', self.uidvalidity, '2,4,5,99')), 2 * ['done'])
        self.assertEqual(self.server.flags('INBOX'), {1: {'\\Deleted'}, 3: {'\\Deleted'}, 5: set()})

    def test_refused(self):
        self.assertEqual(self.do(('store', 'INBOX', self.uidvalidity + 1, '1', '+\\Seen', 0),
                                 ('expunge', 'INBOX', self.uidvalidity + 1, '1'),
                                 ('store', 'nowhere', 1, '1', '+\\Seen', 0),
                                 ('store', 'INBOX', self.uidvalidity, '1', '+\\Seen\r\nx', 0)),
                         ['error STALE', 'error STALE', 'error NOT_FOUND', 'error USAGE'])


class TestMailboxes(WriteTestCase):
    def test_create_rename_delete(self):
        name, other = mailserver.encode_mailbox('Семья & "co" 🎉'), mailserver.encode_mailbox('日本 \\ 2')
        told = self.do(('name', '', '/', 'Семья & "co" 🎉'), ('create', '', '/', 'Семья & "co" 🎉'), 'wait',
                       ('create', name, '/', 'é'), 'wait', ('rename', f'{name}/{mailserver.encode_mailbox("é")}', '', '/',
                                                          '日本 \\ 2'), ('subscribe', name))
        self.assertEqual(told, [name, f'done {name}', f'done {name}/&AOk-', f'done {other}', 'done'])
        self.assertLessEqual({'Семья & "co" 🎉', '日本 \\ 2'}, set(self.server.mailboxes()))
        self.assertNotIn('Семья & "co" 🎉/é', self.server.mailboxes())
        self.assertEqual(self.do(('delete', name), ('delete', other)), 2 * ['done'])
        self.assertFalse({'Семья & "co" 🎉', '日本 \\ 2'} & set(self.server.mailboxes()))

    def test_refused(self):
        self.server.create('a', 'b')
        self.assertEqual(self.do(('create', '', '/', 'a'), ('rename', 'a', '', '/', 'b'), ('rename', 'nowhere', '', '/', 'c'),
                                 ('delete', 'nowhere'), ('create', '', '/', 'x/y'), ('name', '', '/', 'x/y')),
                         ['error EXISTS', 'error EXISTS', 'error NOT_FOUND', 'error NOT_FOUND', 'error USAGE', 'none'])

    def test_special_use(self):
        self.server.create('Trash', 'other')
        told = dict(re.findall(r"(\S+) '/'(.*?) \d+/\d+ next", self.do('list')[0]))
        self.assertEqual(told['Trash'], ' trash')
        self.assertEqual(told['other'], '')

    def test_open_on_other_connections(self):
        """A mailbox that is made again under the same name is not taken for the old one."""
        self.server.append('x', samplemail.many(3))
        old = self.uidvalidity_of('x')
        append = self.append('x', b'Subject: new\n\n')
        told = self.do(*[('store', 'x', old, '1', '+\\Seen', 0)] * 3, 'wait', ('delete', 'x'), 'wait',
                       ('create', '', '/', 'x'), 'wait', append, 'wait', ('store', 'x', old, '1', '+\\Deleted', 0),
                       ('expunge', 'x', old, '1'), connections=3)
        new = self.uidvalidity_of('x')
        self.assertNotEqual(old, new)
        self.assertEqual(told, 4 * ['done'] + ['done x', f'done {new}/1', 'error STALE', 'error STALE'])
        self.assertEqual(self.server.flags('x'), {1: set()})


class TestFlusher(WriteTestCase):
    def change_among_others(self):
        """Removes 2, moves 4 and replaces 5, between messages that another client has marked."""
        self.server.create('to')
        self.server.store('INBOX', '1,3', '+FLAGS (\\Deleted)')
        box = 'INBOX', self.uidvalidity
        told = self.flush(('remove', *box, 2), ('move', *box, 4, 'to'),
                          ('append', *box, self.message(b'Subject: new\n\n'), 5))
        self.assertEqual(told, {1: 'done 0', 2: 'done 1', 3: 'done 6'})
        self.assertEqual(len(self.server.messages('to')), 1)

    def test_marked_by_others(self):
        self.change_among_others()
        self.assertEqual(self.server.flags('INBOX'), {1: {'\\Deleted'}, 3: {'\\Deleted'}, 6: set()})

    def test_delete(self):
        """Nothing is deleted with a mailbox, nor are those below it."""
        self.server.append('p', samplemail.many(1))
        self.server.append('p/c', samplemail.many(1))
        self.server.create('empty')
        self.assertEqual(self.flush(('delete', 'p'), ('delete', 'empty'), ('delete', 'nowhere')),
                         {1: 'failed NOT_EMPTY', 2: 'done 0', 3: 'done 0'})
        self.assertEqual([len(self.server.messages(name)) for name in ('p', 'p/c')], [1, 1])
        self.assertNotIn('empty', self.server.mailboxes())


class TestFlusherWithoutUidplus(TestFlusher):
    options = {'without': ['UIDPLUS', 'MOVE']}

    def test_marked_by_others(self):
        """Nobody can remove one message and not another: all keep the mark, and stay."""
        before = self.server.messages('INBOX')
        self.change_among_others()
        flags = self.server.flags('INBOX')
        self.assertEqual(flags, {uid: {'\\Deleted'} for uid in (1, 2, 3, 4, 5)} | {6: set()})
        self.assertLessEqual(before.items(), self.server.messages('INBOX').items())


if __name__ == '__main__':
    mount.main()
