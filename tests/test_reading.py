#!/usr/bin/python3
"""Reading: the bytes of every file are the server's, whoever reads them and however, and no more than needed move."""

import datetime
import hashlib
import mmap
import os
import pathlib
import random
import re
import shlex
import tarfile

import mailserver
import mount
import netproxy
import samplemail

BLOCK = 128 * 1024
SLACK = 24 * 1024  # what TLS and IMAP put around a block
BIG = '/'.join(samplemail.BIG_MAILBOX)


def digest(content):
    return hashlib.sha256(content).hexdigest()


def uid_of(attributes):
    """Design, section 4: an inode number is the mailbox's << 32 | the UID."""
    return attributes.st_ino & 0xffffffff


def mapped_file(path, seed):
    """Reads all of a file through a mapping, in pieces in random order."""
    lots = random.Random(seed)
    with open(path, 'rb') as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
        pieces = {}
        for start in lots.sample(range(0, len(view), 100_000), len(range(0, len(view), 100_000))):
            pieces[start] = view[start:start + 100_000]
        return b''.join(pieces[start] for start in sorted(pieces))


def read_pieces(path, places):
    with open(path, 'rb', buffering=0) as file:
        return [os.pread(file.fileno(), length, offset) for offset, length in places]


def forget_pages(top):
    """Makes the kernel forget what it knows of all files."""
    for directory, _, names in os.walk(top):
        for name in names:
            file = os.open(os.path.join(directory, name), os.O_RDONLY)
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(file)


class ReadingCase(mount.MountTestCase):
    @classmethod
    def fill(cls, **options):
        server = mailserver.Dovecot(plaintext=True)
        samplemail.deliver(server, **options)
        cls.server = cls.enterClassContext(server)
        cls.mailboxes = sorted({'/'.join(mailbox) for mailbox, *_ in samplemail.messages(**options)})
        cls.truth = {name: server.messages(name) for name in cls.mailboxes}

    def path_of(self, mailbox):
        return mailbox.replace('%', '%25')

    def file_of(self, mounted, mailbox, uid):
        return next(f'{self.path_of(mailbox)}/{name}' for name, attributes in
                    mounted.files(self.path_of(mailbox)).items() if uid_of(attributes) == uid)

    def check_all(self, mounted, mailboxes=None):
        """Every byte of every message of these mailboxes, or all."""
        n_messages = 0
        for mailbox in mailboxes or self.mailboxes:
            path = self.path_of(mailbox)
            uids = {name: uid_of(attributes) for name, attributes in mounted.files(path).items()}
            contents = {uids[name]: content for name, content in mounted.contents(path).items()}
            self.assertEqual(set(contents), set(self.truth[mailbox]))
            for uid, content in contents.items():
                self.assertEqual(digest(content), digest(self.truth[mailbox][uid]), f'{mailbox} {uid}')
            n_messages += len(contents)
        return n_messages

    def commands(self, mounted):
        """How many commands were sent on all connections."""
        return sum(int(re.search(r'(\d+) commands', value).group(1))
                   for name, value in mounted.status().items() if name.startswith('connection '))


class TestBytes(ReadingCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.fill()

    def test_everything_over_tls_and_nothing_is_seen(self):
        flags = {name: self.server.flags(name) for name in self.mailboxes}
        self.assertIn(set(), [flag & {'\\Seen'} for flag in flags['INBOX'].values()])
        self.assertGreater(self.check_all(self.mount(self.server)), 300)
        self.assertEqual({name: self.server.flags(name) for name in self.mailboxes}, flags)

    def test_everything_over_plain_read_only(self):
        mounted = self.mount(self.server, 'ro', 'tls=none', tls='none')
        self.assertGreater(self.check_all(mounted), 300)
        self.assertEqual(mounted.status()['sizes_trusted'], 'yes')

    def test_names_from_uids(self):
        for options in ([], ['ro']):
            mounted = self.mount(self.server, 'names=uid', *options)
            self.assertEqual(mounted.contents('INBOX'),
                             {f'{uid}.eml': content for uid, content in self.truth['INBOX'].items()})

    def test_one_connection(self):
        mounted = self.mount(self.server, 'connections=1')
        command = 'find . -name "*.eml" -print0 | xargs -0 -P 16 -n 4 sha256sum | cut -c-64'
        self.assertEqual(sorted(mounted.run(command).split()),
                         sorted(digest(content) for contents in self.truth.values() for content in contents.values()))
        self.assertEqual(mounted.status()['connections'].split()[0], '1')

    def test_more_mail_than_memory(self):
        for options in (['memory=4M'], ['memory=4M', 'ro']):
            mounted = self.mount(self.server, *options)
            for _ in range(2):
                self.check_all(mounted)
                mount.call(forget_pages, mounted.path)
            status = mounted.status()
            self.assertLessEqual(int(status['cache_bytes']), int(status['cache_limit']) + BLOCK)

    def test_hundreds_of_files_in_parallel(self):
        mounted = self.mount(self.server)
        names = [f'{self.path_of(mailbox)}/{name}' for mailbox in self.mailboxes if mailbox != BIG
                 for name in mounted.files(self.path_of(mailbox))]
        self.assertGreater(len(names), 200)
        readers = [mounted.background(['sha256sum', *names[start::20]]) for start in range(20)]
        digests = [line[:64] for reader in readers for line in reader.finish()[1].splitlines()]
        self.assertEqual(sorted(digests), sorted(digest(content) for mailbox, contents in self.truth.items()
                                                 if mailbox != BIG for content in contents.values()))

    def test_a_small_message_is_fetched_once_for_all_readers(self):
        mounted = self.mount(self.server, 'poll=0')
        uid, content = max(((uid, content) for uid, content in self.truth['INBOX'].items() if len(content) < 2 * BLOCK),
                           key=lambda pair: len(pair[1]))
        file = self.file_of(mounted, 'INBOX', uid)
        before = self.commands(mounted)
        readers = [mounted.background(['sha256sum', file]) for _ in range(30)]
        self.assertEqual({reader.finish()[1][:64] for reader in readers}, {digest(content)})
        self.assertEqual(self.commands(mounted) - before, 1)
        self.assertEqual(mounted.status()['cache_bytes'], str(len(content)))

    def test_tools(self):
        mounted = self.mount(self.server)
        day = datetime.datetime(2025, 6, 1, tzinfo=datetime.timezone.utc)
        everything = {}
        for mailbox in self.mailboxes:
            for name, attributes in mounted.files(self.path_of(mailbox)).items():
                content = self.truth[mailbox][uid_of(attributes)]
                everything[f'./{self.path_of(mailbox)}/{name}'] = attributes.st_mtime, content
        found = mounted.run('find . -type f -newermt "2025-06-01 00:00:00 +0000"').splitlines()
        self.assertEqual(set(found), {path for path, (time, _) in everything.items() if time > day.timestamp()})
        found = mounted.run('find . -name "*.eml" -size +100k').splitlines()
        self.assertEqual(set(found), {path for path, (_, content) in everything.items() if len(content) > 102400})
        numbers = (line.rsplit(' ', 3) for line in mounted.run("find . -name '*.eml' -exec stat -c '%n %s %Y %h' {} +").splitlines())
        self.assertEqual({name: (float(time), int(size), links) for name, size, time, links in numbers},
                         {path: (time, len(content), '1') for path, (time, content) in everything.items()})
        used = dict(reversed(line.split('\t')) for line in mounted.run('du -ab --exclude=.imapfs .').splitlines())
        self.assertEqual({path: int(used[path]) for path in everything},
                         {path: len(content) for path, (_, content) in everything.items()})
        blocks = sum(-(-len(content) // 512) for _, content in everything.values())
        self.assertEqual(int(mounted.run('du -s --block-size=512 --exclude=.imapfs .').split()[0]), blocks)
        for word in ('invoice', 'X-Field-499: 499', 'boundary="=_big"'):
            found = mounted.run(f'grep -rlaF {shlex.quote(word)} .').splitlines()
            self.assertEqual(set(found), {path for path, (_, content) in everything.items() if word.encode() in content})
        mounted.run('cp -r --preserve=timestamps . ../copies && diff -r . ../copies')
        for path, (time, content) in everything.items():
            copy = pathlib.Path(mounted.directory, 'copies', path)
            self.assertEqual((copy.read_bytes(), copy.stat().st_mtime), (content, time))
        mounted.run('tar -cf ../all.tar .')
        with tarfile.open(mounted.directory / 'all.tar') as archive:
            members = {member.name: archive.extractfile(member).read() for member in archive if member.isfile()}
        self.assertEqual(members, {path: content for path, (_, content) in everything.items()})


class TestBigMessage(ReadingCase):
    """One message of 30 MB."""
    quiet = True

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.fill(n_ordinary=0)
        cls.content = cls.truth[BIG][1]

    def setUp(self):
        super().setUp()
        self.proxy = self.enter(netproxy.Proxy(self.server.imaps_port))

    def mount_big(self, *options, **keywords):
        mounted = self.mount(self.server, *options, port=self.proxy.port, **keywords)
        return mounted, self.file_of(mounted, BIG, 1)

    def test_head_moves_one_block(self):
        for options in ([], ['ro']):
            mounted, file = self.mount_big(*options)
            with self.proxy.counting() as counts:
                head = mounted.run(f'head -c 4096 {file} | sha256sum')
            self.assertEqual(head[:64], digest(self.content[:4096]))
            self.assertLess(counts['bytes_down'], BLOCK + SLACK)
            self.assertEqual(counts['round_trips'], 1)
            with self.proxy.counting() as counts:
                mounted.run(f'head -c 4096 {file}')
            self.assertEqual(counts['bytes_down'], 0)

    def test_tail_moves_its_end_only(self):
        mounted, file = self.mount_big()
        with self.proxy.counting() as counts:
            tail = mounted.run(f'tail -c 5000 {file} | sha256sum')
        self.assertEqual(tail[:64], digest(self.content[-5000:]))
        self.assertLess(counts['bytes_down'], 3 * (BLOCK + SLACK))
        tail = mounted.run(f'tail -n 3 {file} | sha256sum')
        self.assertEqual(tail[:64], digest(b''.join(self.content.splitlines(True)[-3:])))

    def test_random_places(self):
        mounted, file = self.mount_big()
        lots = random.Random(3)
        size = len(self.content)
        places = [(lots.randrange(size), lots.choice([1, 100, 4096, 70_000, 300_000])) for _ in range(60)]
        places += [(0, 1), (size - 1, 1), (size - 1, 100), (size, 1), (size + 5_000_000, 10)]
        places += [(BLOCK - 1, 2), (BLOCK, BLOCK)]
        pieces = mount.call(read_pieces, mounted.path / file, places)
        for (offset, length), piece in zip(places, pieces):
            self.assertEqual(piece, self.content[offset:offset + length], (offset, length))
        self.assertEqual(mounted.read(file, seconds=30), self.content)

    def test_a_few_random_blocks_cost_a_few_blocks(self):
        mounted, file = self.mount_big()
        places = [(megabyte * 1_000_000, 100) for megabyte in (29, 3, 17, 11, 23, 5)]
        with self.proxy.counting() as counts:
            mount.call(read_pieces, mounted.path / file, places)
        self.assertLess(counts['bytes_down'], 2 * len(places) * (BLOCK + SLACK))

    def test_mapped_into_memory(self):
        mounted, file = self.mount_big()
        self.assertEqual(digest(mount.call(mapped_file, mounted.path / file, 5, seconds=40)), digest(self.content))

    def test_odd_block_sizes(self):
        for options in (['memory=4M'], ['ro']):
            mounted, file = self.mount_big(*options)
            for size in (4097, 131071, 1_000_003, 7_777_777):
                self.assertEqual(mounted.run(f'dd if={file} bs={size} status=none | sha256sum')[:64], digest(self.content))
            part = mounted.run(f'dd if={file} bs=777 skip=12345 count=321 status=none | sha256sum')
            self.assertEqual(part[:64], digest(self.content[777 * 12345:777 * (12345 + 321)]))

    def test_many_readers_move_it_once(self):
        mounted, file = self.mount_big()
        with self.proxy.counting() as counts:
            readers = [mounted.background(['sha256sum', file]) for _ in range(8)]
            self.assertEqual({reader.finish(40)[1][:64] for reader in readers}, {digest(self.content)})
        self.assertLess(counts['bytes_down'], 1.02 * len(self.content))
        self.assertGreater(counts['bytes_down'], len(self.content))
        with self.proxy.counting() as counts:
            self.assertEqual(mounted.run(f'sha256sum {file}')[:64], digest(self.content))
        self.assertEqual(counts['bytes_down'], 0)

    def test_read_in_two_places_with_little_memory(self):
        mounted, file = self.mount_big('memory=4M', 'connections=2')
        places = range(0, 30_000_000, 6_000_000)
        readers = [mounted.background(f'tail -c +{start + 1} {file} | sha256sum') for start in places]
        for start, reader in zip(places, readers):
            self.assertEqual(reader.finish(40)[1][:64], digest(self.content[start:]))

    def test_lines_that_cut_connections(self):
        """Each connection breaks after a megabyte or two; what was asked for is asked for again."""
        proxy = self.enter(netproxy.Proxy(self.server.imaps_port, cut_after=(1_000_000, 2_000_000)))
        mounted = self.mount(self.server, port=proxy.port)
        mounted.expect('lost')
        file = self.file_of(mounted, BIG, 1)
        self.assertEqual(digest(mounted.read_at(file, 0, 6_000_000, seconds=50)), digest(self.content[:6_000_000]))
        self.assertGreater(proxy.stats()['cuts'], 1)


class TestStorage(mount.MountTestCase):
    """However the server keeps them: Maildir with LF, sdbox with the bytes that were appended."""

    def test_line_ends(self):
        date = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
        bodies = [b'', b'x', b'\n', b'\r\n', b'a\nb\n', b'a\r\nb\r\n', b'a\rb\r', b'no end',
                  b'mixed\r\nand\nnot', b'8 bit \xff\xfe\n', b'.\r\n..\r\n.\r\n', b'* 1 FETCH (BODY[] {5}\r\nhello)\r\n',
                  b'x' * (BLOCK - 57) + b'\n' * 100, b'\n' * 70_000]
        contents = [b'Subject: %d\nMessage-ID: <%d@example.org>\n\n' % (number, number) + body
                    for number, body in enumerate(bodies)]
        for mail_format, files in (('maildir', True), ('maildir', False), ('sdbox', False)):
            with self.subTest(mail_format=mail_format, files=files):
                server = self.enter(mailserver.Dovecot(mail_format=mail_format))
                server.deliver('Lines', [(content, date, '') for content in contents], files=files)
                truth = server.messages('Lines')
                self.assertEqual(len(truth), len(contents))
                mounted = self.mount(server, 'names=uid')
                self.assertEqual(mounted.contents('Lines'), {f'{uid}.eml': content for uid, content in truth.items()})
                self.assertEqual({name: found.st_size for name, found in mounted.files('Lines').items()},
                                 {f'{uid}.eml': len(content) for uid, content in truth.items()})


if __name__ == '__main__':
    mount.main()
