"""Extended attributes of messages and mailboxes, on a real server."""

import datetime
import errno
import os
import re
import subprocess
import sys
import tempfile
import time

import mailserver
import mount
import writing
from writing import DAY, letter

ENCODED = ('Date: Fri, 20 Nov 2026 09:30:00 +0100\r\nFrom: =?utf-8?Q?Zo=C3=AB?= <zoe@example.org>\r\n'
           'To: "Smith, Al" <al@example.org>,\r\n =?utf-8?B?SsO8cmdlbg==?= <j@example.org>\r\n'
           'Subject: =?iso-8859-1?Q?Gr=FC=DFe?=\r\n aus Bern\r\nMessage-ID: <77@example.org>\r\n\r\ntext\r\n').encode()

NOBODY = 65534

HEADERS = ['date', 'from', 'message-id', 'subject', 'to']


class AttributesCase(writing.WritingCase):
    def get(self, mounted, path, name):
        return mount.call(os.getxattr, mounted.path / path, f'user.{name}').decode()

    def set(self, mounted, path, name, value, flags=0):
        mount.call(os.setxattr, mounted.path / path, f'user.{name}', value.encode(), flags)

    def remove(self, mounted, path, name):
        mount.call(os.removexattr, mounted.path / path, f'user.{name}')

    def names(self, mounted, path):
        """Without "user."."""
        return sorted(name[5:] for name in mount.call(os.listxattr, mounted.path / path))


class TestMessages(AttributesCase):
    def test_of_the_index(self):
        mounted = self.start()
        path = self.path(mounted, 'INBOX', 2)
        for name, value in (('imap.flags', '\\Flagged'), ('imap.uid', '2'), ('imap.internaldate', '2026-11-20T08:00:00Z'),
                            ('mime_type', 'message/rfc822')):
            with self.subTest(name=name):
                self.assertEqual(self.get(mounted, path, name), value)
        self.assertEqual(self.names(mounted, path),
                         sorted(['imap.cached', 'imap.flags', 'imap.internaldate', 'imap.uid', 'mime_type',
                                 *('imap.' + name for name in HEADERS)]))

    def test_of_the_header(self):
        self.server.append('Box', [(ENCODED, DAY, '')])
        mounted = self.start()
        path = 'Box/' + [name for name in mounted.listdir('Box') if 'Bern' in name][0]
        for name, value in (('subject', 'Grüße aus Bern'), ('from', 'Zoë <zoe@example.org>'),
                            ('to', '"Smith, Al" <al@example.org>, Jürgen <j@example.org>'),
                            ('date', '2026-11-20T09:30:00+01:00'), ('message-id', '<77@example.org>')):
            with self.subTest(name=name):
                self.assertEqual(self.get(mounted, path, 'imap.' + name), value)

    def test_what_a_sender_wrote(self):
        """Bytes that steer terminals, charsets that there are not, fields without end or content."""
        hostile = (b'From: \x1b[2J=?nope?Q?=FF?=\r\nTo: ' + b'a:' * 20_000 + b'\r\nSubject: a\x00b\xff\x1b]0;x\x07'
                   b'=?utf-8?B?G1sySg==?= =?utf-8?Q?=C2=9B2J?=\r\nDate: never\r\nX-Long: ' + b'x' * 300_000 + b'\r\n\r\ntext\r\n')
        self.server.deliver('Odd', [(hostile, DAY, '')])
        mounted = self.start('names=uid')
        path = 'Odd/' + mounted.listdir('Odd')[0]
        for name in HEADERS:
            with self.subTest(name=name):
                value = self.get(mounted, path, 'imap.' + name)
                self.assertFalse(re.search('[\x00-\x1f\x7f-\x9f]', value), value[:200])
        self.assertEqual(self.get(mounted, path, 'imap.date'), 'never')
        self.assertEqual(self.get(mounted, path, 'imap.message-id'), '')

    def test_round_trips(self):
        """None for what is in the index, one for the header, none once that is here."""
        self.draw_line()
        mounted = self.start('poll=0')
        path = self.path(mounted, 'INBOX', 2)
        with self.line.counting() as counts:
            self.names(mounted, path)
            self.get(mounted, path, 'imap.flags')
        self.assertEqual(counts['bytes_up'], 0)
        with self.line.counting() as counts:
            mounted.run(f'getfattr -d {path}')
        self.assertLessEqual(counts['round_trips'], 1)
        with self.line.counting() as counts:
            out = mounted.run(f'getfattr -d {path}')
        self.assertEqual(counts['bytes_up'], 0)
        self.assertIn('user.imap.subject="Letter 2"', out)

    def test_of_the_server(self):
        """By name, in one round trip for the length and the value."""
        self.draw_line()
        mounted = self.start('poll=0')
        path = self.path(mounted, 'INBOX', 2)
        with self.line.counting() as counts:
            first = int(mounted.run(f'getfattr --only-values -n user.imap.modseq {path}'))
        self.assertLessEqual(counts['round_trips'], 1)
        self.set(mounted, path, 'imap.flags', '+work')
        self.sync(mounted, path)
        mount.wait_until(lambda: int(self.get(mounted, path, 'imap.modseq')) > first, 5)
        self.assertGreater(int(self.get(mounted, path, 'imap.modseq')), first)
        self.assert_errno(errno.ENODATA, self.get, mounted, path, 'imap.labels')

    def test_of_what_is_not_sent_yet(self):
        mounted = self.start()
        self.write(mounted, 'INBOX/.scratch', b'x')
        self.assertNotIn('imap.uid', self.names(mounted, 'INBOX/.scratch'))
        for name in ('imap.uid', 'imap.modseq', 'imap.threadid'):
            self.assert_errno(errno.ENODATA, self.get, mounted, 'INBOX/.scratch', name)

    def test_that_cannot_be_written(self):
        mounted = self.start()
        path = self.path(mounted, 'INBOX', 2)
        for name in ('imap.uid', 'imap.subject', 'mime_type', 'imap.nothing'):
            with self.subTest(name=name):
                self.assert_errno(errno.EOPNOTSUPP, self.set, mounted, path, name, '1')
                self.assert_errno(errno.EOPNOTSUPP, self.remove, mounted, path, name)

    def test_of_copies(self):
        """Those who copy attributes along do not complain of what cannot be set."""
        mounted = self.start()
        outside = self.enter(tempfile.TemporaryDirectory(dir='/var/tmp'))
        path = self.path(mounted, 'INBOX', 1)
        self.set(mounted, path, 'imap.flags', '+\\Seen +work')
        for command in (f'cp -a {path} {outside}/x.eml', f'cp -a {outside}/x.eml Box/x.eml', f'cp -a {path} Box/y.eml',
                        f'mv {path} {outside}/y.eml', f'mv {outside}/y.eml INBOX/y.eml'):
            with self.subTest(command=command):
                self.assertEqual(mounted.run(command, check=False), (0, '', ''))

    def test_lengths(self):
        """As getxattr(2) has them: 0 asks, too little is ERANGE."""
        mounted = self.start()
        path = self.path(mounted, 'INBOX', 2)
        out = mounted.run(f"attr -q -g imap.subject {path}; attr -l {path}")
        self.assertIn('Letter 2', out)
        self.assertIn('"imap.subject" has a 8 byte value', out)


class TestKeywords(AttributesCase):
    def test_each(self):
        mounted = self.start()
        path = self.path(mounted, 'INBOX', 2)
        self.set(mounted, path, 'imap.keyword.work', '1')
        self.set(mounted, path, 'imap.keyword.$Forwarded', '1')
        self.assertEqual(self.get(mounted, path, 'imap.keyword.work'), '1')
        self.assertEqual([name for name in self.names(mounted, path) if 'keyword' in name],
                         ['imap.keyword.$Forwarded', 'imap.keyword.work'])
        self.sync(mounted, path)
        self.assertEqual(self.held_flags('INBOX', 2), {'\\Flagged', 'work', '$Forwarded'})
        self.remove(mounted, path, 'imap.keyword.work')
        self.assert_errno(errno.ENODATA, self.get, mounted, path, 'imap.keyword.work')
        self.assert_errno(errno.ENODATA, self.remove, mounted, path, 'imap.keyword.work')
        self.sync(mounted, path)
        self.assertEqual(self.held_flags('INBOX', 2), {'\\Flagged', '$Forwarded'})

    def test_wrong_ones(self):
        mounted = self.start()
        path = self.path(mounted, 'INBOX', 2)
        self.assert_errno(errno.EINVAL, self.set, mounted, path, 'imap.keyword.wo rk', '1')
        self.assert_errno(errno.EINVAL, self.set, mounted, path, 'imap.keyword.\\Seen', '1')
        self.assert_errno(errno.EINVAL, self.set, mounted, path, 'imap.keyword.work', '2')
        self.assert_errno(errno.ENODATA, self.set, mounted, path, 'imap.keyword.work', '1', os.XATTR_REPLACE)

    def test_tags(self):
        mounted = self.start()
        path = self.path(mounted, 'INBOX', 2)
        self.assert_errno(errno.ENODATA, self.get, mounted, path, 'xdg.tags')
        self.set(mounted, path, 'imap.flags', '+$Forwarded +old +kept')
        self.assertEqual(self.get(mounted, path, 'xdg.tags'), 'kept,old')
        self.set(mounted, path, 'xdg.tags', 'new, kept')
        self.assertEqual(self.get(mounted, path, 'xdg.tags'), 'kept,new')
        self.sync(mounted, path)
        self.assertEqual(self.held_flags('INBOX', 2), {'\\Flagged', '$Forwarded', 'kept', 'new'})
        self.remove(mounted, path, 'xdg.tags')
        self.sync(mounted, path)
        self.assertEqual(self.held_flags('INBOX', 2), {'\\Flagged', '$Forwarded'})
        for wrong in ('to do', '$x', '\\Seen', 'é'):
            with self.subTest(wrong=wrong):
                self.assert_errno(errno.EINVAL, self.set, mounted, path, 'xdg.tags', wrong)

    def test_words_that_make_no_sense(self):
        mounted = self.start()
        path = self.path(mounted, 'INBOX', 2)
        for wrong in ('+ \\Seen', '\\Seen -', '+', '+a b', '+\\Recent', 'a(b'):
            with self.subTest(wrong=wrong):
                self.assert_errno(errno.EINVAL, self.set, mounted, path, 'imap.flags', wrong)
        self.assertEqual(self.get(mounted, path, 'imap.flags'), '\\Flagged')

    def test_a_nul(self):
        """In the middle it would cut off what follows, without a word; C strings end with one."""
        mounted = self.start()
        path = self.path(mounted, 'INBOX', 2)
        for name, value in (('flags', '+work\0 -\\Flagged'), ('flags', '+work\0\0'), ('flags', '\0+work'),
                            ('keyword.work', '1\0x')):
            with self.subTest(value=value):
                self.assert_errno(errno.EINVAL, self.set, mounted, path, 'imap.' + name, value)
        self.assert_errno(errno.EINVAL, self.set, mounted, path, 'xdg.tags', 'a\0,b')
        self.assertEqual(self.get(mounted, path, 'imap.flags'), '\\Flagged')
        self.set(mounted, path, 'imap.flags', '+work\0')
        self.assertEqual(self.get(mounted, path, 'imap.flags'), '\\Flagged work')

    def test_no_flags_at_all(self):
        mounted = self.start()
        path = self.path(mounted, 'INBOX', 2)
        self.set(mounted, path, 'imap.flags', ' ')
        self.assertEqual(self.get(mounted, path, 'imap.flags'), '')
        self.remove(mounted, path, 'imap.flags')
        self.sync(mounted, path)
        self.assertEqual(self.held_flags('INBOX', 2), set())
        self.set(mounted, path, 'imap.flags', '\\Seen work')
        self.remove(mounted, path, 'imap.flags')
        self.sync(mounted, path)
        self.assertEqual(self.held_flags('INBOX', 2), set())

    def test_unread_mail(self):
        """The line that README has."""
        mounted = self.start()
        self.set(mounted, self.path(mounted, 'INBOX', 2), 'imap.flags', '+\\Seen')
        readme = (mount.pathlib.Path(__file__).parent.parent / 'README.md').read_text()
        line = re.search(r'^ +(getfattr .*\\Seen.*)$', readme, re.M).group(1).replace('~/Mail/', '')
        found = mounted.run(line).splitlines()
        self.assertEqual(sorted(found), sorted(self.path(mounted, 'INBOX', number) for number in (1, 3, 4, 5, 6)))


class TestMailboxes(AttributesCase):
    def test_figures(self):
        mounted = self.start()
        self.assertEqual(self.get(mounted, 'INBOX', 'imap.messages'), '6')
        mounted.listdir('INBOX')
        for name, value in (('messages', '6'), ('unseen', '6'), ('uidnext', '7'),
                            ('uidvalidity', str(self.uidvalidity('INBOX')))):
            with self.subTest(name=name):
                self.assertEqual(self.get(mounted, 'INBOX', 'imap.' + name), value)
        self.set(mounted, self.path(mounted, 'INBOX', 2), 'imap.flags', '+\\Seen')
        self.unlink(mounted, self.path(mounted, 'INBOX', 3))
        self.assertEqual((self.get(mounted, 'INBOX', 'imap.messages'), self.get(mounted, 'INBOX', 'imap.unseen')),
                         ('5', '4'))
        self.assertGreater(int(self.get(mounted, 'INBOX', 'imap.highestmodseq')), 0)
        self.assert_errno(errno.ENODATA, self.get, mounted, '.', 'imap.messages')

    def test_special_use(self):
        client = self.server.connect()
        mailserver.check(client.create('Trash'))
        client.logout()
        mounted = self.start()
        self.assertEqual(self.get(mounted, 'Trash', 'imap.special_use'), '\\Trash')
        self.assert_errno(errno.ENODATA, self.get, mounted, 'Box', 'imap.special_use')

    def test_subscribing(self):
        mounted = self.start()
        for value, names in (('1', {'Box'}), ('0', set())):
            self.set(mounted, 'Box', 'imap.subscribed', value)
            self.assertEqual(self.get(mounted, 'Box', 'imap.subscribed'), value)
            client = self.server.connect()
            self.assertEqual({line.decode().split()[-1].strip('"') for line in client.lsub()[1] if line} & {'Box'}, names)
            client.logout()
        self.assert_errno(errno.EINVAL, self.set, mounted, 'Box', 'imap.subscribed', 'yes')
        self.assert_errno(errno.EPERM, self.remove, mounted, 'Box', 'imap.subscribed')

    def test_subscribed_offline(self):
        """Nobody has told this mount."""
        client = self.server.connect()
        mailserver.check(client.subscribe('Box'))
        client.logout()
        self.draw_line()
        mounted = self.start()
        mounted.listdir('Box')
        self.assertEqual(self.get(mounted, 'Box', 'imap.subscribed'), '1')
        mounted.unmount()
        self.stop_line()
        mounted = self.start()
        self.assert_errno(errno.ENODATA, self.get, mounted, 'Box', 'imap.subscribed')
        self.assertNotIn('imap.subscribed', self.names(mounted, 'Box'))
        self.start_line()
        self.online(mounted)
        self.assertTrue(mount.wait_until(lambda: 'imap.subscribed' in self.names(mounted, 'Box'), 5))
        self.assertEqual(self.get(mounted, 'Box', 'imap.subscribed'), '1')

    def test_that_is_deleted_meanwhile(self):
        """By somebody else, while one call after the other comes in, one of them in the very moment."""
        names = ['Brief', 'Short', 'Small']
        client = self.server.connect()
        for name in names:
            mailserver.check(client.create(name))
        mounted = self.start('poll=1')
        for name in names:
            mount.call(self.set_until_deleted, mounted.path / name, client)

    def set_until_deleted(self, path, client):
        descriptor = os.open(path, os.O_RDONLY)
        mailserver.check(client.delete(path.name))
        reason = None
        while reason != errno.ESTALE:
            reason = self.reason_for(os.setxattr, descriptor, 'user.imap.subscribed', b'x')

    def reason_for(self, function, *arguments):
        try:
            function(*arguments)
        except OSError as error:
            return error.errno
        return None

    def test_what_the_server_does_not_offer(self):
        mounted = self.start()
        for name in ('acl', 'quota', 'myrights', 'metadata.shared/comment'):
            with self.subTest(name=name):
                self.assert_errno(errno.EOPNOTSUPP, self.get, mounted, 'Box', 'imap.' + name)
        for name in ('acl', 'metadata.shared/comment'):
            self.assert_errno(errno.EOPNOTSUPP, self.set, mounted, 'Box', 'imap.' + name, 'a lr')

    def test_names_cost_nothing(self):
        self.draw_line()
        mounted = self.start('poll=0')
        with self.line.counting() as counts:
            names = self.names(mounted, 'Box')
        self.assertEqual(counts['bytes_up'], 0)
        self.assertIn('imap.unseen', names)


EXTENSIONS = """
mail_plugins = acl quota
mail_attribute_dict = file:%h/attributes
protocol imap {
  mail_plugins = acl imap_acl quota imap_quota
  imap_metadata = yes
}
plugin {
  acl = vfile
  quota = maildir:User quota
  quota_rule = *:storage=10M
}
"""


class TestExtensions(AttributesCase):
    """Rights, annotations and quota, of a server that has them."""

    server_options = {'extra': EXTENSIONS}

    def limit(self, mailbox, rights):
        """By another client: what alice may do there."""
        client = self.server.connect()
        mailserver.check(client.setacl(mailbox, 'alice', rights))
        client.logout()

    def test_rights(self):
        mounted = self.start()
        mounted.listdir('Box')
        self.assertTrue(set('lrswitekxa') <= set(self.get(mounted, 'Box', 'imap.myrights')))
        self.assertIn('imap.myrights', self.names(mounted, 'Box'))
        before = self.get(mounted, 'Box', 'imap.acl')
        self.set(mounted, 'Box', 'imap.acl', before + '\nbob lr')
        self.assertEqual(self.acl_of('Box', 'bob'), 'lr')
        self.assertIn('bob lr', self.get(mounted, 'Box', 'imap.acl').splitlines())
        self.set(mounted, 'Box', 'imap.acl', before)
        self.assertIsNone(self.acl_of('Box', 'bob'))
        self.set(mounted, 'Box', 'imap.acl', before.replace('\n', ' \n') + ' \t\nbob lr \n')
        self.assertEqual(self.acl_of('Box', 'bob'), 'lr')
        self.assertEqual(set(before.splitlines()) | {'bob lr'}, set(self.get(mounted, 'Box', 'imap.acl').splitlines()))
        for wrong in ('bob', 'bob ', 'bob +l', 'bob l\nbob r'):
            self.assert_errno(errno.EINVAL, self.set, mounted, 'Box', 'imap.acl', wrong)

    def acl_of(self, mailbox, identifier):
        client = self.server.connect()
        words = b' '.join(mailserver.check(client.getacl(mailbox))).decode().replace('"', '').split()
        client.logout()
        return words[words.index(identifier) + 1] if identifier in words else None

    def test_a_mailbox_without_rights(self):
        self.limit('Box', 'lra')
        mounted = self.start()
        mounted.listdir('Box')
        path = self.path(mounted, 'Box', 101)
        mount.wait_until(lambda: mounted.stat(path).st_mode & 0o777 == 0o400, 5)
        self.assertEqual(mounted.stat(path).st_mode & 0o777, 0o400)
        self.assertEqual(mounted.stat('Box').st_mode & 0o777, 0o700)  # for the list, which may be changed
        inbox = self.path(mounted, 'INBOX', 1)
        refused = (errno.EACCES, errno.EROFS)
        self.assert_errno(refused, self.unlink, mounted, path)
        self.assert_errno(refused, self.rename, mounted, path, 'INBOX/x.eml')
        self.assert_errno(refused, self.rename, mounted, inbox, 'Box/x.eml')
        self.assert_errno(refused, self.write, mounted, 'Box/x.eml', letter(7))
        self.assert_errno(refused, self.set, mounted, path, 'imap.flags', '+\\Seen')
        self.assert_errno(errno.EACCES, self.mkdir, mounted, 'Box/New')
        self.assert_errno(errno.EACCES, self.rename, mounted, 'Box', 'Other')
        self.assertEqual(mounted.read(path), writing.crlf(letter(101)))
        self.sync(mounted)
        self.assertEqual((self.held('INBOX'), self.held('Box')), ([1, 2, 3, 4, 5, 6], [101, 102, 103]))

    def test_the_first_change(self):
        """Of a mailbox that nobody has listed, whose rights nobody has told."""
        client = self.server.connect()
        mailserver.check(client.create('Box/Empty'))
        client.logout()
        for rights, refused in (('lrswtekxa', ('put', 'write')), ('lrswikxa', ('take', 'remove')),
                                ('lrswitexa', ('make',)), ('lrswiteka', ('rename', 'remove mailbox'))):
            self.limit('Box', 'lrswipkxtea')
            self.limit('Box/Empty', rights)
            self.limit('Box', rights)
            calls = {'put': lambda mounted: self.rename(mounted, self.path(mounted, 'INBOX', 1), 'Box/x.eml'),
                     'write': lambda mounted: self.write(mounted, 'Box/y.eml', letter(7)),
                     'take': lambda mounted: self.rename(mounted, name, 'INBOX/y.eml'),
                     'remove': lambda mounted: self.unlink(mounted, name),
                     'make': lambda mounted: self.mkdir(mounted, 'Box/New'),
                     'rename': lambda mounted: self.rename(mounted, 'Box', 'Other'),
                     'remove mailbox': lambda mounted: self.rmdir(mounted, 'Box/Empty')}
            for what in refused:
                with self.subTest(what=what):
                    mounted = self.start('cache=memory')
                    name = 'Box/' + self.name_of(101)
                    self.assert_errno(errno.EACCES, calls[what], mounted)
                    self.sync(mounted)
                    mounted.unmount()
        self.assertEqual((self.held('INBOX'), self.held('Box')), ([1, 2, 3, 4, 5, 6], [101, 102, 103]))

    def name_of(self, number):
        """In Box, as another mount shows it."""
        other = self.start('cache=memory')
        name = os.path.basename(self.path(other, 'Box', number))
        other.unmount()
        return name

    def start_for_others(self):
        """A mount that belongs to somebody who is not root, for the kernel lets root do everything."""
        return self.start(*([f'uid={NOBODY}', f'gid={NOBODY}', 'allow_other'] if os.getuid() == 0 else []))

    def python(self, mounted, code):
        """By the owner of the mount: the errno that the code ends with, or 0."""
        become = f'os.setgroups([]), os.setgid({NOBODY}), os.setuid({NOBODY})' if os.getuid() == 0 else 'pass'
        code = f'import os, sys\n{become}\ntry:\n    {code}\nexcept OSError as error:\n    sys.exit(error.errno)'
        done = subprocess.run([sys.executable, '-I', '-c', code], cwd=mounted.path, timeout=30)
        return done.returncode

    def settle_mode(self, mounted, path, mode):
        mount.wait_until(lambda: mounted.stat(path).st_mode & 0o777 == mode, 5)
        self.assertEqual(mounted.stat(path).st_mode & 0o777, mode)

    def test_flags_without_the_right_to_write(self):
        """What the kernel may not refuse, and what it lets through and is refused all the same."""
        self.limit('Box', 'lrswa')
        mounted = self.start_for_others()
        mounted.listdir('Box')
        path = self.path(mounted, 'Box', 101)
        self.assertTrue(mount.wait_until(lambda: 'imap.myrights' in self.names(mounted, 'Box'), 5))
        for code in (f'os.setxattr({path!r}, "user.imap.flags", b"+work")',
                     f'os.setxattr({path!r}, "user.imap.keyword.taken", b"1", os.XATTR_CREATE)',
                     f'os.setxattr({path!r}, "user.xdg.tags", b"work,later")'):
            self.assertEqual(self.python(mounted, code), 0, code)
        for code in (f'open({path!r}, "r+")', f'open({path!r}, "w")', f'os.truncate({path!r}, 1)',
                     f'os.unlink({path!r})', f'os.rename({path!r}, "INBOX/x.eml")', 'open("Box/x.eml", "w")',
                     'os.mkdir("Box/New")'):
            self.assertEqual(self.python(mounted, code), errno.EACCES, code)
        self.sync(mounted)
        self.assertEqual(self.held('Box'), [101, 102, 103])

    def test_a_list_without_the_right_to_write(self):
        self.limit('Box', 'lra')
        mounted = self.start_for_others()
        mounted.listdir('Box')
        path = self.path(mounted, 'Box', 101)
        self.settle_mode(mounted, path, 0o400)
        before = self.get(mounted, 'Box', 'imap.acl')
        after = (before + '\nbob lr').encode()
        self.assertEqual(self.python(mounted, f'os.setxattr("Box", "user.imap.acl", {after!r})'), 0)
        self.assertEqual(self.acl_of('Box', 'bob'), 'lr')
        self.assertEqual(self.python(mounted, f'os.setxattr({path!r}, "user.imap.flags", b"+work")'), errno.EACCES)

    def test_annotations(self):
        mounted = self.start()
        self.set(mounted, 'Box', 'imap.metadata.private/comment', 'für später')
        self.assertEqual(self.get(mounted, 'Box', 'imap.metadata.private/comment'), 'für später')
        self.assertIn('imap.metadata.private/comment', self.names(mounted, 'Box'))
        self.assert_errno(errno.EEXIST, self.set, mounted, 'Box', 'imap.metadata.private/comment', 'x', os.XATTR_CREATE)
        self.assert_errno(errno.ENODATA, self.set, mounted, 'Box', 'imap.metadata.private/none', 'x', os.XATTR_REPLACE)
        other = self.start('cache=memory')
        self.assertEqual(self.get(other, 'Box', 'imap.metadata.private/comment'), 'für später')
        self.remove(mounted, 'Box', 'imap.metadata.private/comment')
        self.assert_errno(errno.ENODATA, self.get, mounted, 'Box', 'imap.metadata.private/comment')
        self.assertNotIn('imap.metadata.private/comment', self.names(mounted, 'Box'))
        self.assert_errno(errno.ENODATA, self.remove, mounted, 'Box', 'imap.metadata.private/comment')
        for wrong in ('foo', 'private', 'shared/', 'private//x', 'other/comment', 'shared/a*'):
            with self.subTest(wrong=wrong):
                self.assert_errno(errno.ENODATA, self.get, mounted, 'Box', 'imap.metadata.' + wrong)
                self.assert_errno(errno.ENODATA, self.remove, mounted, 'Box', 'imap.metadata.' + wrong)
                self.assert_errno(errno.EINVAL, self.set, mounted, 'Box', 'imap.metadata.' + wrong, 'x')

    def test_annotations_in_one_round_trip(self):
        """Names and values together, all that getfattr asks for."""
        self.draw_line()
        mounted = self.start('poll=0')
        values = {f'private/{word}': word * 20 for word in ('comment', 'a', 'b')}
        for name, value in values.items():
            self.set(mounted, 'Box', 'imap.metadata.' + name, value)
        mounted.listdir('Box')
        with self.line.counting() as counts:
            out = mounted.run('getfattr -d Box')
        self.assertEqual(counts['round_trips'], 1)
        for name, value in values.items():
            self.assertIn(f'user.imap.metadata.{name}="{value}"', out)

    def test_quota(self):
        mounted = self.start()
        line = self.get(mounted, 'Box', 'imap.quota').splitlines()[0]
        self.assertRegex(line, r'^User quota STORAGE \d+ 10240$')
        mount.call(os.statvfs, mounted.path)
        self.assertTrue(mount.wait_until(lambda: self.room(mounted)[0] == 10 << 20, 5))
        blocks, free = self.room(mounted)
        self.assertGreater(free, 9 << 20)
        self.assertLess(free, blocks)

    def test_quota_at_first(self):
        """Who asks for the first time is told, and of the account, whatever else was asked before."""
        mounted = self.start()
        self.get(mounted, 'Box', 'imap.quota')
        time.sleep(0.3)
        self.assertEqual(self.room(mounted)[0], 10 << 20)

    def room(self, mounted):
        found = mount.call(os.statvfs, mounted.path)
        return found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize


if __name__ == '__main__':
    mount.main()
