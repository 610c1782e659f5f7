#!/usr/bin/python3
"""The tree: names of mailboxes and messages, attributes, listings and where they are gone on with; nothing written."""

import ctypes
import datetime
import errno
import imaplib
import os
import random
import re
import shutil
import stat
import time
import unicodedata

import fakeserver
import mailserver
import mount
import samplemail

NAME = re.compile(r'(\d{4}-\d\d-\d\d)\.([^.]+)\.([^.]+)\.([0-9a-z]{5})(~\d+)?\.eml')
SPECIAL = set(' \t\r\n/\\\'"`$&|;<>()[]{}*?!#~%:,=^')  # to a shell, to other systems, or to an eye
MORNING = datetime.datetime(2026, 11, 20, 8, 0, tzinfo=datetime.timezone.utc)


def mail(subject='Budget', sender='Alice Smith <alice@example.org>', date='Fri, 20 Nov 2026 09:30:00 +0100',
         message_id='<1@example.org>', body='text'):
    fields = (('Date', date), ('From', sender), ('Subject', subject), ('Message-ID', message_id))
    return (''.join(f'{name}: {value}\n' for name, value in fields if value is not None) + f'\n{body}\n').encode()


def uid_of(attributes):
    """Design, section 4: an inode number is the mailbox's << 32 | the UID."""
    return attributes.st_ino & 0xffffffff


def by_uid(files):
    return {uid_of(attributes): name for name, attributes in files.items()}


class TreeCase(mount.MountTestCase):
    def serve(self, mails, mailbox='INBOX', **options):
        server = mailserver.Dovecot(**options)
        server.deliver(mailbox, [(content, MORNING + datetime.timedelta(minutes=i), '') for i, content in enumerate(mails)])
        return self.enter(server)


class TestMailboxes(TreeCase):
    def check_tree(self, server, names, *options):
        """Every mailbox of the server, with what is above it, is a directory, and nothing else is."""
        self.enter(server).create(*names)
        expected = {'.'}
        for name in server.mailboxes():
            parts = [part.replace('%', '%25').replace('/', '%2F') for part in name.split(server.delimiter)]
            expected |= {'/'.join(parts[:i + 1]) for i in range(len(parts))}
        mounted = self.mount(server, *options)
        self.assertEqual(mounted.tree(), sorted(expected))
        return mounted

    def names(self, delimiter='/', prefix=''):
        scripts = [('Projekte', 'Brücke über den Fluß'), ('Семья', 'Фотографии'), ('Ελλάδα',), ('旅行', '東京', '2026'),
                   ('عائلة',), ('עבודה',), ('🎉 Party',), ('हिन्दी', 'ใบแจ้งหนี้'), ('&', 'R&D &- &AOk-'), ('50% "heute"',),
                   ('{5}', "it's"), ('-rf', '~home'), ('a' * 100, 'b' * 100)]
        return [prefix + delimiter.join(parts) for parts in scripts]

    def test_slash_as_delimiter(self):
        self.check_tree(mailserver.Dovecot(), self.names())

    def test_slash_and_dots_in_names(self):
        self.check_tree(mailserver.Dovecot(layout='fs'), self.names() + ['v1.0/b.c', 'trailing.'])

    def test_dot_as_delimiter(self):
        self.check_tree(mailserver.Dovecot(delimiter='.'), self.names('.'))

    def test_namespace_with_prefix(self):
        self.check_tree(mailserver.Dovecot(delimiter='.', prefix='INBOX.'), self.names('.', 'INBOX.'))

    def test_without_list_status_and_namespace(self):
        self.check_tree(mailserver.Dovecot(without=['LIST-STATUS', 'NAMESPACE', 'LIST-EXTENDED']), self.names())

    def test_parents_that_hold_no_mail(self):
        server = self.serve([mail()], 'Above/Below')
        mounted = self.mount(server)
        self.assertEqual(mounted.listdir('Above'), ['Below'])
        self.assertEqual(len(mounted.listdir('Above/Below')), 1)
        self.assertTrue(stat.S_ISDIR(mounted.stat('Above').st_mode))

    def test_names_that_files_cannot_have(self):
        """Said by a scripted server, for Dovecot refuses most of them. The directory must open the right mailbox."""
        wire = {'a/b': 'a%2Fb', 'x..': None, '..x': None, 'tab\tbell\x07': 'tab%09bell%07', 'up.%2e%2e': None,
                'caf&AOk-': 'café', 'e&AwE-': None, '&2D0-': None, '&AOk': None, 'caf\xe9': None, 'n' * 400: None}
        contents = {name: mail(message_id=f'<{number}>').replace(b'\n', b'\r\n') for number, name in enumerate(wire)}
        mailboxes = {'INBOX': [], **{name: [content] for name, content in contents.items()}}
        server = self.enter(fakeserver.Imap(mailboxes, delimiter='.'))
        mounted = self.mount(server)
        found = {}
        for directory in mounted.tree():
            for part in directory.split('/'):
                self.assertLessEqual(len(part.encode()), 255)
                self.assertTrue(unicodedata.is_normalized('NFC', part) and part.isprintable(), ascii(part))
            for content in mounted.contents(directory).values():
                self.assertNotIn(content, found)
                found[content] = directory
        self.assertEqual(set(found), set(contents.values()))
        for name, directory in wire.items():
            if directory:
                self.assertEqual(found[contents[name]], directory)

    def test_dot_dot_dot_imapfs_and_the_inbox_in_small_letters(self):
        server = self.enter(fakeserver.Imap({'INBOX': [b'x: 1\r\n\r\n'], '.': [], '..': [], 'a/..': [], '.imapfs': [],
                                             'a//b': []}))
        server.mailboxes['INBOX'].name = 'inbox'
        mounted = self.mount(server)
        self.assertEqual(set(mounted.listdir()), {'INBOX', '%2E', '%2E.', 'a', '%2Eimapfs'})
        self.assertEqual(set(mounted.listdir('a')), {'%2E.', '%'})
        self.assertEqual(len(mounted.listdir('INBOX')), 1)

    def test_mailbox_and_message_of_one_name(self):
        server = self.enter(fakeserver.Imap({'INBOX': [fakeserver.Mail(b'x: 1\r\n\r\n', uid=7)], 'INBOX/7.eml': []}))
        mounted = self.mount(server, 'names=uid')
        self.assertEqual(sorted(mounted.listdir('INBOX')), ['7.eml', '7~7.eml'])
        self.assertTrue(stat.S_ISDIR(mounted.stat('INBOX/7.eml').st_mode))


class TestMessageNames(TreeCase):
    def test_what_a_name_is_made_of(self):
        table = [
            (mail('Re: Budget for 2027'), r'2026-11-20\.Alice-Smith\.Re-Budget-for-2027\.\w{5}\.eml'),
            (mail('Grüße', '=?utf-8?B?5bGx55Sw5aSq6YOO?= <y@example.jp>'), r'2026-11-20\.山田太郎\.Grüße\.\w{5}\.eml'),
            (mail('=?koi8-r?B?78701N4=?=', 'bob@example.org'), r'2026-11-20\.bob@example-org\.\w+\.\w{5}\.eml'),
            (mail('../../etc/passwd'), r'2026-11-20\.Alice-Smith\.etc-passwd\.\w{5}\.eml'),
            (mail('-rf * $(x) `y`;'), r'2026-11-20\.Alice-Smith\.rf-x-y\.\w{5}\.eml'),
            (mail('late', date='Fri, 20 Nov 2026 23:30:00 -0800'), r'2026-11-20\..*'),  # the day of the sender's clock
            (mail('no date', date=None), r'2026-11-20\..*'),
            (mail('e\u0301\u202e\u200bx'), r'2026-11-20\.Alice-Smith\.é-?x\.\w{5}\.eml'),
            (mail('長' * 300), r'2026-11-20\.Alice-Smith\.長+\.\w{5}\.eml')]
        mounted = self.mount(self.serve([content for content, _ in table]))
        names = by_uid(mounted.files('INBOX'))
        for uid, (content, pattern) in enumerate(table, 1):
            with self.subTest(content=content):
                self.assertRegex(names[uid], f'\\A{pattern}\\Z')

    def test_all_sample_names_are_safe_and_come_back(self):
        server = mailserver.Dovecot()
        samplemail.deliver(server, big_bytes=0)
        self.enter(server)
        with server.selected('INBOX') as client:
            mailserver.check(client.create('Copies'))
            mailserver.check(client.uid('COPY', '1:*', 'Copies'))
        mounted, again = self.mount(server), self.mount(server, 'ro', tls='implicit')
        self.assertEqual(sorted(mounted.listdir('INBOX')), sorted(again.listdir('Copies')))
        n_messages = 0
        for directory in mounted.tree():
            names = mounted.files(directory)
            self.assertEqual(by_uid(names), by_uid(again.files(directory)))
            n_messages += len(names)
            for name in names:
                self.assertRegex(name, NAME)
                self.assertLessEqual(len(name.encode()), 255)
                self.assertTrue(unicodedata.is_normalized('NFC', name))
                self.assertFalse(SPECIAL & set(re.sub(r'~\d+\.eml$', '', name)), name)
                self.assertFalse({unicodedata.category(letter)[0] for letter in name} & {'C', 'Z'}, ascii(name))
        self.assertEqual(n_messages, int(mounted.status()['messages']))

    def test_of_the_same_name_the_later_gets_its_uid(self):
        mounted = self.mount(self.serve([mail(body='1'), mail('other'), mail(body='3'), mail(body='4')]))
        names = by_uid(mounted.files('INBOX'))
        stem = names[1].removesuffix('.eml')
        self.assertNotIn('~', stem)
        self.assertEqual((names[3], names[4]), (f'{stem}~3.eml', f'{stem}~4.eml'))
        for uid in (1, 3, 4):
            self.assertTrue(mounted.read(f'INBOX/{names[uid]}').endswith(b'%d\r\n' % uid))

    def test_names_from_uids_need_no_headers(self):
        server = self.serve([mail(), mail(), mail()])
        server.expunge('INBOX', '2')
        mounted = self.mount(server, 'names=uid', arguments=['-d'])
        self.assertEqual(sorted(mounted.listdir('INBOX')), ['1.eml', '3.eml'])
        self.assertNotIn('HEADER', mounted.log())


class TestAttributes(TreeCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        server = mailserver.Dovecot(plaintext=True)
        samplemail.deliver(server, big_bytes=0, n_ordinary=80)
        cls.server = cls.enterClassContext(server)

    def test_size_time_and_links_of_messages(self):
        mounted = self.mount(self.server)
        for mailbox in ('INBOX', 'Archive/2024', 'Семья/Фотографии'):
            files = {uid_of(attributes): attributes for attributes in mounted.files(mailbox).values()}
            sizes = {uid: len(content) for uid, content in self.server.messages(mailbox).items()}
            times = {uid: time.mktime(imaplib.Internaldate2tuple(head))
                     for uid, head, _ in self.server.fetch(mailbox, 'INTERNALDATE')}
            self.assertEqual({uid: found.st_size for uid, found in files.items()}, sizes)
            self.assertEqual({uid: found.st_mtime for uid, found in files.items()}, times)
            self.assertEqual({(found.st_nlink, found.st_uid, found.st_gid) for found in files.values()},
                             {(1, os.getuid(), os.getgid())})
            self.assertEqual({found.st_blocks for found in files.values()},
                             {-(-found.st_size // 512) for found in files.values()})

    def test_links_of_directories(self):
        mounted = self.mount(self.server)
        for directory in mounted.tree():
            children = [path for path in mounted.tree() if os.path.dirname(path) == ('' if directory == '.' else directory)]
            self.assertEqual(mounted.stat(directory).st_nlink, 2 + len([path for path in children if path != '.']))

    def test_modes_and_owners(self):
        for options, file_mode, directory_mode in (
                (['umask=000'], 0o600, 0o700), (['umask=077'], 0o600, 0o700), (['umask=277'], 0o400, 0o500),
                (['ro', 'umask=000'], 0o400, 0o500), (['umask=700'], 0o000, 0o000)):
            with self.subTest(options=options):
                mounted = self.mount(self.server, 'uid=1234', 'gid=5678', *options)
                files = mounted.files('INBOX').values()
                self.assertEqual({(found.st_mode, found.st_uid, found.st_gid) for found in files},
                                 {(stat.S_IFREG | file_mode, 1234, 5678)})
                for path in ('.', 'INBOX'):
                    found = mounted.stat(path)
                    self.assertEqual((found.st_mode, found.st_uid, found.st_gid),
                                     (stat.S_IFDIR | directory_mode, 1234, 5678))

    def numbers(self, mounted):
        """{path: st_ino}, each compared with d_ino."""
        def walk(top):
            found = {}
            for directory, _, _ in os.walk(top):
                with os.scandir(directory) as entries:
                    for entry in entries:
                        assert entry.inode() == entry.stat().st_ino, f'{entry.path}: d_ino is another one'
                        found[os.path.relpath(entry.path, top)] = entry.inode()
            return found
        return mount.call(walk, mounted.path)

    def test_inode_numbers(self):
        first, second = self.mount(self.server), self.mount(self.server, 'ro', tls='none')
        numbers = self.numbers(first)
        self.assertEqual(len(set(numbers.values())), len(numbers))
        first.unmount()
        self.assertEqual(numbers, self.numbers(second))

    def test_control_files(self):
        mounted = self.mount(self.server)
        self.assertNotIn('.imapfs', mounted.listdir())
        self.assertEqual(mounted.listdir('.imapfs'), ['events', 'status', 'errors', 'pending'])
        self.assertEqual((mounted.read('.imapfs/errors'), mounted.read('.imapfs/pending')), (b'', b''))
        self.assertEqual(mounted.run('ls -A INBOX | head -1; cat INBOX/*.eml | wc -c').split()[1],
                         str(sum(self.server.sizes('INBOX').values())))
        status = mounted.status()
        self.assertEqual(status['server'], f'127.0.0.1 port {self.server.imaps_port}')
        self.assertRegex(status['tls'], r'^TLSv1\.[23]')
        self.assertLessEqual({'UIDPLUS', 'ESEARCH', 'LITERAL+'}, set(status['capabilities'].split()))
        self.assertRegex(status['connection 1'],
                         r'^ready, mailbox INBOX, 0 in flight, \d+ commands, \d+ bytes in, \d+ bytes out')
        for name in ('cache_bytes', 'cache_hits', 'cache_misses', 'parked'):
            self.assertRegex(status[name], r'^\d+$')
        self.assertGreater(int(status['cache_bytes']), 0)
        found = mounted.stat('.imapfs/status')
        self.assertEqual((stat.S_IMODE(found.st_mode), found.st_nlink), (0o400, 1))
        with self.assertRaises(FileNotFoundError):
            mounted.read('.imapfs/nothing')

    def test_statfs(self):
        mounted = self.mount(self.server)
        found = mount.call(os.statvfs, mounted.path / 'INBOX')
        self.assertEqual((found.f_namemax, found.f_files - found.f_ffree), (255, int(mounted.status()['messages'])))
        self.assertGreater(found.f_ffree, 100_000_000)  # df -i, and those who watch it, are content
        self.assertTrue(found.f_flag & os.ST_NOSUID)
        self.assertIn('fuse.imapfs', mounted.run('df -T .'))

    def test_nothing_can_be_changed_read_only(self):
        mounted = self.mount(self.server, 'ro')
        before = self.numbers(mounted)
        inbox = mounted.path / 'INBOX'
        message, new = inbox / sorted(mounted.files('INBOX'))[0], inbox / 'new.eml'
        for function, *arguments in (
                (os.open, new, os.O_CREAT | os.O_WRONLY), (os.open, message, os.O_WRONLY), (os.mkdir, new),
                (os.open, message, os.O_RDWR), (os.open, message, os.O_WRONLY | os.O_APPEND), (os.mkfifo, new),
                (os.truncate, message, 0), (os.unlink, message), (os.rmdir, mounted.path / 'Projects' / 'Nothing yet'),
                (os.rename, message, new), (os.rename, inbox, mounted.path / 'x'), (os.link, message, new),
                (os.symlink, 'x', new), (os.chmod, message, 0o644), (os.chown, message, 1, 1), (os.utime, message),
                (os.setxattr, message, 'user.imap.flags', b'+work'), (os.removexattr, message, 'user.imap.flags')):
            with self.subTest(function=function.__name__), self.assertRaises(OSError) as caught:
                mount.call(function, *arguments)
            self.assertEqual(errno.errorcode[caught.exception.errno], 'EROFS')
        self.assertEqual(self.numbers(mounted), before)

    def test_what_mail_is_not(self):
        mounted = self.mount(self.server)
        inbox, control = mounted.path / 'INBOX', mounted.path / '.imapfs'
        message, new = inbox / sorted(mounted.files('INBOX'))[0], inbox / 'new.eml'
        for number, function, *arguments in (
                (errno.EPERM, os.link, message, new), (errno.EPERM, os.symlink, 'x', new), (errno.EPERM, os.mkfifo, new),
                (errno.EPERM, os.chown, message, os.getuid() + 1, -1), (errno.EPERM, os.chmod, control, 0o700),
                (errno.EPERM, os.rename, control, mounted.path / 'x'), (errno.EPERM, os.rmdir, control),
                (errno.ENOTSUP, os.setxattr, message, 'user.x', b'1'),
                (errno.ENOTSUP, os.setxattr, inbox, 'user.imap.flags', b'x'),
                (errno.EINVAL, os.setxattr, message, 'user.imap.flags', b'work +play'),
                (errno.ENOTSUP, os.setxattr, message, 'security.x', b'1')):
            with self.subTest(function=function.__name__, arguments=arguments), self.assertRaises(OSError) as caught:
                mount.call(function, *arguments)
            self.assertEqual(errno.errorcode[caught.exception.errno], errno.errorcode[number])
        mount.call(os.chmod, message, 0o644)
        mount.call(os.chown, message, os.getuid(), -1)

    def test_extended_attributes(self):
        mounted = self.mount(self.server)
        message = 'INBOX/' + sorted(mounted.files('INBOX'))[0]
        for path, names in ((message, {'user.imap.cached', 'user.imap.flags'}), ('INBOX', {'user.imap.cached'})):
            with self.subTest(path=path):
                self.assertLessEqual(names, set(mount.call(os.listxattr, mounted.path / path)))
        self.assertEqual(mount.call(os.listxattr, mounted.path / '.imapfs'), [])
        with self.assertRaises(OSError) as caught:
            mount.call(os.getxattr, mounted.path / 'INBOX', 'user.imap.flags')
        self.assertEqual(caught.exception.errno, errno.ENODATA)

    def test_unknown_extended_attributes(self):
        """Outside "user." none can ever be, and who hears so for one file need not ask for the next (ls does)."""
        mounted = self.mount(self.server)
        for path in ('.', 'INBOX', 'INBOX/' + sorted(mounted.files('INBOX'))[0]):
            for number, function, *arguments in ((errno.ENODATA, os.getxattr, 'user.x'),
                                                 (errno.ENOTSUP, os.getxattr, 'security.selinux'),
                                                 (errno.ENOTSUP, os.getxattr, 'system.posix_acl_access')):
                with self.subTest(path=path, arguments=arguments), self.assertRaises(OSError) as caught:
                    mount.call(function, mounted.path / path, *arguments)
                self.assertEqual(caught.exception.errno, number)
        status, out, err = mounted.run('ls -laR . && cp -a INBOX/. ../copies', check=False)
        self.assertEqual((status, err), (0, ''))
        shutil.rmtree(mounted.directory / 'copies')


class Directory:
    """A directory read as the kernel's getdents64() gives it: a few entries at a time, each with its cookie."""

    def __init__(self, path, n_bytes=4096):
        self.fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        self.buffer = ctypes.create_string_buffer(n_bytes)
        self.read = ctypes.CDLL(None, use_errno=True).getdents64

    def next(self):
        """[(name, cookie of what follows), ...], empty at the end."""
        n_bytes = self.read(self.fd, self.buffer, len(self.buffer))
        if n_bytes < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        entries, place = [], 0
        while place < n_bytes:
            record = self.buffer.raw[place:place + int.from_bytes(self.buffer.raw[place + 16:place + 18], 'little')]
            entries.append((record[19:].split(b'\0')[0].decode(), int.from_bytes(record[8:16], 'little')))
            place += len(record)
        return entries

    def rest(self):
        entries = []
        while some := self.next():
            entries += some
        return entries

    def seek(self, cookie):
        os.lseek(self.fd, cookie, os.SEEK_SET)


class TestListing(TreeCase):
    N = 10_000

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        server = mailserver.Dovecot()
        server.deliver('Many', samplemail.many(cls.N))
        cls.server = cls.enterClassContext(server)

    def open(self, mounted, path):
        directory = Directory(mounted.path / path)
        self.addCleanup(os.close, directory.fd)
        return directory

    def test_ten_thousand(self):
        mounted = self.mount(self.server)
        lines = mounted.run('ls -l Many').splitlines()[1:]
        self.assertEqual(sorted(int(line.split()[4]) for line in lines), sorted(self.server.sizes('Many').values()))
        self.assertEqual(len(set(mounted.listdir('Many'))), self.N)

    def test_seekdir_is_exact(self):
        mounted = self.mount(self.server, 'names=uid')
        directory = self.open(mounted, 'Many')
        entries = directory.rest()
        self.assertEqual([name for name, _ in entries], ['.', '..'] + [f'{uid}.eml' for uid in range(1, self.N + 1)])
        lots = random.Random(1)
        for place in [0, len(entries) - 1] + [lots.randrange(len(entries)) for _ in range(50)]:
            directory.seek(entries[place][1])
            self.assertEqual(directory.next()[:5], entries[place + 1:][:5][:len(entries) - place - 1])
        directory.seek(0)
        self.assertEqual(directory.next()[:3], entries[:3])

    def test_nothing_is_skipped_or_repeated_while_mail_comes_and_goes(self):
        server = self.serve([mail(str(i), message_id=f'<{i}>') for i in range(1000)], 'INBOX')
        server.create('INBOX/New', 'INBOX/Old')
        mounted = self.mount(server, 'names=uid')
        for round_number in range(3):
            directory = self.open(mounted, 'INBOX')
            begin = set(by_uid(mounted.files('INBOX')))
            seen = directory.next()
            chosen = sorted(begin)
            gone = chosen[:40:2] + chosen[300:600:3]  # some already seen, some not yet
            server.expunge('INBOX', ','.join(map(str, gone)))
            server.append('INBOX', [(mail(), MORNING, '')] * 5)
            server.create(f'INBOX/Between{round_number}')
            self.assertEqual(set(by_uid(mounted.files('INBOX'))) & set(gone), set())
            seen += directory.next()
            directory.seek(seen[-1][1])
            names = [name for name, _ in seen + directory.rest()]
            self.assertEqual(len(names), len(set(names)))
            expected = {f'{uid}.eml' for uid in begin - set(gone)} | {'New', 'Old', '.', '..'}
            self.assertLessEqual(expected, set(names))
            cookies = [cookie for name, cookie in seen if name == f'{gone[1]}.eml']
            directory.seek(cookies[0])  # right after what is gone comes what came after it
            self.assertEqual(directory.next()[0][0], f'{chosen[3]}.eml')


if __name__ == '__main__':
    mount.main()
