#!/usr/bin/python3
"""What a real server tells besides of messages and mailboxes: rights, annotations, quota."""

import os
import re
import subprocess

import mailserver
import mount
import netproxy
import samplemail

DELAY_MS = 25
ALL_RIGHTS = 'lrwstipekxacd'  # in Dovecot's order

PLUGINS = '''
mail_plugins = acl quota
mail_attribute_dict = file:%h/attributes
protocol imap {
  mail_plugins = acl imap_acl quota imap_quota
  imap_metadata = yes
}
namespace shared {
  type = shared
  separator = /
  prefix = shared/%%u/
  location = maildir:%%h
  subscriptions = no
  list = children
}
plugin {
  acl = vfile
  acl_shared_dict = file:%h/../shared
  quota = maildir:User quota
  quota_rule = *:storage=1000K:messages=50
}
'''


class DetailsTestCase(mount.MountTestCase):
    options = {'extra': PLUGINS}

    def setUp(self):
        super().setUp()
        self.server = self.enter(mailserver.Dovecot(**self.options))
        self.server.append('INBOX', [(content, date, '') for content, date, _ in samplemail.many(3)])

    def driver(self, *operations, user='alice', port=None):
        lines = ['\t'.join(str(word) for word in operation) for operation in operations]
        server = self.server
        return subprocess.Popen(
            [os.environ['REMOTE_DRIVER'], '127.0.0.1', str(port or server.imaps_port), user, server.users[user],
             server.ca_file, '1', *lines], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def do(self, *operations, **arguments):
        """What each has told."""
        driver = self.driver(*operations, **arguments)
        told, _ = driver.communicate(timeout=100)
        self.assertEqual(driver.returncode, 0)
        return [re.sub('; $', '', line) for line in told.splitlines()]

    def ask(self, *lines, user='alice'):
        """What the server tells another client, which speaks for itself."""
        client = self.server.connect(user)
        told = []
        for line in lines:
            tag = client._new_tag()
            client.send(tag + b' ' + line.encode() + b'\r\n')
            while not (answer := client.readline()).startswith(tag):
                self.assertTrue(answer)
                told.append(answer.decode().rstrip('\r\n'))
            self.assertRegex(answer, b'^[^ ]* OK ')
        client.logout()
        return told

    def uidvalidity(self, mailbox='INBOX'):
        return re.search(r'UIDVALIDITY (\d+)', self.ask(f'STATUS "{mailbox}" (UIDVALIDITY)')[0]).group(1)


class TestDetails(DetailsTestCase):
    def test_details(self):
        self.server.store('INBOX', '2', '+FLAGS (\\Seen word)')
        modseq = re.search(r'MODSEQ \((\d+)\)', self.ask('EXAMINE INBOX', 'UID FETCH 2 (MODSEQ)')[-1]).group(1)
        uidvalidity = self.uidvalidity()
        told = self.do(('details', 'INBOX', uidvalidity, 2), ('details', 'INBOX', uidvalidity, 3),
                       ('details', 'INBOX', uidvalidity, 9), ('details', 'INBOX', int(uidvalidity) + 1, 2),
                       ('details', 'nowhere', uidvalidity, 2))
        self.assertEqual(told[0], f'modseq {modseq} [\\Seen word]')
        self.assertRegex(told[1], r'^modseq \d+ \[\]$')
        self.assertEqual(told[2:], ['error STALE', 'error STALE', 'error NOT_FOUND'])

    def test_list(self):
        """All in the one answer to LIST."""
        self.server.store('INBOX', '2', '+FLAGS (\\Seen)')
        self.server.create('a b', 'other')
        self.ask('SUBSCRIBE "a b"')
        proxy = self.enter(netproxy.Proxy(self.server.imaps_port))
        told = self.do(('list',), port=proxy.port)
        self.assertEqual([re.sub(r' \d+/\d+ next \d+ modseq \d+', '', entry) for entry in told[0].split('; ')],
                         ["INBOX '/' unseen 2", "a b '/' subscribed", "other '/'", 'done 0'])


class TestListWithoutExtensions(DetailsTestCase):
    options = {'without': ['LIST-STATUS', 'LIST-EXTENDED', 'SPECIAL-USE']}

    def test_list(self):
        self.server.create('a b', 'other', 'gone')
        self.ask('SUBSCRIBE "a b"', 'SUBSCRIBE gone', 'DELETE gone')
        self.assertEqual(self.do(('list',)), ["INBOX '/'; a b '/' subscribed; other '/'; done 0"])

    def test_not_offered(self):
        operations = [('rights', 'INBOX'), ('acl', 'INBOX'), ('set-acl', 'INBOX', 'bob', 'l'), ('quota', 'INBOX'),
                      ('metadata', 'INBOX', '/shared/comment'), ('all-metadata', 'INBOX'),
                      ('remove-metadata', 'INBOX', '/shared/comment')]
        self.assertEqual(self.do(*operations), len(operations) * ['error UNSUPPORTED'])


class TestRights(DetailsTestCase):
    def test_acl(self):
        told = self.do(('rights', 'INBOX'), ('acl', 'INBOX'), ('set-acl', 'INBOX', 'bob', 'lr'),
                       ('set-acl', 'INBOX', 'bob', '+w'), ('set-acl', 'INBOX', '-carol', 's'), ('wait',),
                       ('acl', 'INBOX'))
        self.assertEqual(told[:2], [f'text {ALL_RIGHTS}', f'text alice {ALL_RIGHTS}'])
        self.assertEqual(told[2:5], 3 * ['done'])
        self.assertEqual(set(told[5].removeprefix('text ').split('|')),
                         {f'alice {ALL_RIGHTS}', 'bob lrw', '-carol s'})
        self.assertEqual(self.ask('MYRIGHTS shared/alice/INBOX', user='bob'), ['* MYRIGHTS shared/alice/INBOX lrw'])
        told = self.do(('set-acl', 'INBOX', 'bob', '-w'), ('wait',), ('delete-acl', 'INBOX', '-carol'), ('wait',),
                       ('acl', 'INBOX'))
        self.assertEqual(set(told[2].removeprefix('text ').split('|')), {f'alice {ALL_RIGHTS}', 'bob lr'})

    def test_all(self):
        """Of mailboxes and of users."""
        self.server.create('Entwürfe "x"')
        name = mailserver.encode_mailbox('Entwürfe "x"')
        told = self.do(('set-acl', name, 'zoë "z" \\', 'lr'), ('wait',), ('acl', name), ('rights', name))
        self.assertEqual(told[0], 'done')
        self.assertEqual(set(told[1].removeprefix('text ').split('|')), {f'alice {ALL_RIGHTS}', 'zoë "z" \\ lr'})
        self.assertEqual(told[2], f'text {ALL_RIGHTS}')

    def test_of_others(self):
        """What bob may not do with alice's mailbox, and what he is told of it."""
        self.ask('SETACL INBOX bob lr')
        shared = 'shared/alice/INBOX'
        told = self.do(('rights', shared), ('acl', shared), ('set-acl', shared, 'bob', 'lrs'),
                       ('rights', 'shared/alice'), ('list',), user='bob')
        self.assertEqual(told[:4], ['text lr', 'error DENIED', 'error DENIED', 'text lr'])
        self.assertIn("shared/alice '/' 3/", told[4])  # as Dovecot lists it

    def test_refused(self):
        told = self.do(('acl', 'nowhere'), ('set-acl', 'nowhere', 'bob', 'l'), ('set-acl', 'INBOX', 'bob', 'lé'),
                       ('set-acl', 'INBOX', '', 'l'))
        self.assertEqual(told, ['error NOT_FOUND', 'error NOT_FOUND', 'error USAGE', 'error USAGE'])


class TestMetadata(DetailsTestCase):
    COMMENT = '/shared/comment'

    def test_values(self):
        text = 'Grüße "x" \\'
        told = self.do(('metadata', 'INBOX', self.COMMENT), ('set-metadata', 'INBOX', self.COMMENT, text), ('wait',),
                       ('metadata', 'INBOX', self.COMMENT), ('metadata', 'INBOX', '/private/comment'),
                       ('metadata', 'INBOX', self.COMMENT.upper()))
        self.assertEqual(told[:4], ['no value', 'done', f'value {text}', 'no value'])
        self.assertEqual(told[4], f'value {text}')
        self.assertEqual(''.join(self.ask(f'GETMETADATA INBOX {self.COMMENT}')),
                         f'* METADATA INBOX ({self.COMMENT} {{{len(text.encode())}}}{text})')
        told = self.do(('remove-metadata', 'INBOX', self.COMMENT), ('wait',), ('metadata', 'INBOX', self.COMMENT))
        self.assertEqual(told, ['done', 'no value'])

    def test_line_breaks(self):
        self.assertEqual(self.do(('set-metadata', 'INBOX', self.COMMENT, 'a\\nb')), ['done'])
        self.assertEqual(self.ask(f'GETMETADATA INBOX {self.COMMENT}'),
                         [f'* METADATA INBOX ({self.COMMENT} {{3}}', 'a', 'b)'])

    def test_all(self):
        names = ['/private/comment', '/private/vendor/x/y', '/shared/comment', '/shared/vendor/a b']
        self.assertEqual(self.do(('all-metadata', 'INBOX')), ['done'])
        told = self.do(*[('set-metadata', 'INBOX', name, 'x') for name in names], ('wait',), ('all-metadata', 'INBOX'),
                       ('all-metadata', ''))
        self.assertEqual(told[:-2], len(names) * ['done'])
        self.assertEqual(told[-2:], [''.join(f'{name} value x; ' for name in names) + 'done', 'done'])

    def test_large(self):
        """What does not fit into one answer is still named. Dovecot answers these in another order."""
        told = self.do(('fill-metadata', 'INBOX', '/shared/a', 300_000), ('fill-metadata', 'INBOX', '/shared/b', 900_000),
                       ('fill-metadata', 'INBOX', '/shared/c', 1 << 20), ('wait',), ('metadata', 'INBOX', '/shared/a'),
                       ('metadata', 'INBOX', '/shared/c'), ('all-metadata', 'INBOX'), ('metadata', 'INBOX', '/shared/b'))
        self.assertEqual(told, ['done', 'done', 'done', 'value of 300000', 'value of 1048576',
                                '/shared/a long; /shared/b long; /shared/c long; done', 'value of 900000'])

    def test_too_large(self):
        """Set by another client."""
        length = (1 << 20) + 1
        self.ask(f'SETMETADATA INBOX (/shared/a {{{length}+}}\r\n' + length * 'x' + ')')
        told = self.do(('metadata', 'INBOX', '/shared/a'), ('all-metadata', 'INBOX'),
                       ('fill-metadata', 'INBOX', '/shared/b', length))
        self.assertEqual(told, ['error TOO_BIG', '/shared/a long; done', 'error TOO_BIG'])

    def test_nul(self):
        """Dovecot 2.3 takes none."""
        told = self.do(('set-metadata', 'INBOX', self.COMMENT, 'a\\0b'), ('wait',), ('metadata', 'INBOX', self.COMMENT))
        self.assertIn(told, [['done', 'value aNULb'], ['error USAGE', 'no value']])

    def test_refused(self):
        told = self.do(('metadata', 'nowhere', self.COMMENT), ('set-metadata', 'nowhere', self.COMMENT, 'x'),
                       ('all-metadata', 'nowhere'), ('metadata', 'INBOX', 'comment'),
                       ('set-metadata', 'INBOX', '/shared//x', 'x'), ('set-metadata', '', self.COMMENT, 'x'))
        self.assertEqual(told, 3 * ['error NOT_FOUND'] + 2 * ['error USAGE'] + ['error DENIED'])

    def test_pipelined(self):
        """Many at once, in about one round trip once there is a connection."""
        proxy = self.enter(netproxy.Proxy(self.server.imaps_port, delay_ms=DELAY_MS))
        driver = self.driver(('rights', 'INBOX'), ('pause',), *(20 * [('metadata', 'INBOX', self.COMMENT)]),
                             ('acl', 'INBOX'), ('quota', 'INBOX'), ('all-metadata', 'INBOX'), ('wait',), ('pause',),
                             port=proxy.port)
        self.assertEqual([driver.stdout.readline() for _ in range(2)], [f'text {ALL_RIGHTS}; \n', 'paused\n'])
        with proxy.counting() as counts:
            driver.stdin.write('\n')
            driver.stdin.flush()
            while driver.stdout.readline() != 'paused\n':
                pass
        driver.communicate('\n', timeout=20)
        self.assertEqual(counts['connections'], 0)
        self.assertLessEqual(counts['round_trips'], 2)


class TestQuota(DetailsTestCase):
    def test_quota(self):
        expected = re.search(r'\((STORAGE (\d+) 1000 MESSAGE (\d+) 50)\)', ' '.join(self.ask('GETQUOTAROOT INBOX')))
        self.assertEqual(self.do(('quota', 'INBOX')),
                         [f'User quota STORAGE {expected.group(2)}/1000; User quota MESSAGE 3/50; done'])


if __name__ == '__main__':
    mount.main()
