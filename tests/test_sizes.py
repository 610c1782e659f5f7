#!/usr/bin/python3
"""Servers whose RFC822.SIZE is not the length of the message, and whose FETCH replies are odd.

The first lie of a mount is the hardest: nobody knows yet that this server lies. So each gets a mount of its own.
"""

import errno
import mmap
import os
import re
import subprocess

import badserver
import fakeserver
import mount

BLOCK = 128 * 1024
MISSING = 'missing'

OK_MAIL = b'Subject: another\r\n\r\nall is well\r\n'


def content(length, salt=0):
    """A message of so many bytes, no two lines of which are the same."""
    head = b'Subject: %d %d\r\n\r\n' % (length, salt)
    if length <= len(head):
        return head[:length]
    body = b''.join(b'%07d.%d\r\n' % (i, salt) for i in range((length - len(head)) // 11 + 1))
    return (head + body)[:length]


def claims(length):
    """What servers say of a message of this length."""
    return sorted({0, 1, length // 2, length - 1, length + 1, length + 4096, 2 * length + BLOCK, 2**40}) + [
        MISSING, -1, '9.3736e+06']


class Liar(fakeserver.Imap):
    """says: {uid: what RFC822.SIZE says, or MISSING}. body_style: how bodies are written, see fetch_body.
    refuse is only about bodies; refuse_listing is the answer to all other FETCHes. pause_at: an offset in the message
    before which it stops for a moment when it sends one."""

    body_style = pause_at = None

    def __init__(self, mails, says=None, **attributes):
        self.says = says or {}
        self.refuse_listing = None
        super().__init__({'INBOX': mails}, **attributes)

    def do_uid_fetch(self, connection, session, tag, arguments):
        if self.refuse_listing and b'RFC822.SIZE' in arguments:
            return self.refuse_listing
        return super().do_uid_fetch(connection, session, tag, arguments)

    def refusal_of(self, mail, items):
        return None if b'RFC822.SIZE' in items else super().refusal_of(mail, items)

    def reply(self, connection, data):
        body = re.search(rb'BODY\[\](?:<(\d+)>)? \{\d+\}\r\n', data) if self.pause_at else None
        place = body.end() + self.pause_at - int(body.group(1) or 0) if body else len(data)
        super().reply(connection, data[:max(place, 0)])
        if 0 < place < len(data) - 3:
            self.stopping.wait(0.2)
        super().reply(connection, data[max(place, 0):])

    def fetch_item(self, mail, item):
        if item.upper() == b'RFC822.SIZE' and mail.uid in self.says:
            said = self.says[mail.uid]
            return None if said == MISSING else b'RFC822.SIZE %s' % str(said).encode()
        return super().fetch_item(mail, item)

    def fetch_body(self, mail, item):
        text = super().fetch_body(mail, item)
        if not item.upper().startswith(b'BODY.PEEK[]'):
            return text
        name, literal, data = re.fullmatch(rb'(?s)(.*?\]\S*) (?:(\{\d+\})\r\n|"")(.*)', text).groups()
        if self.body_style == 'nil':
            return name + b' NIL'
        if self.body_style == 'quoted':
            return name + b' "' + re.sub(rb'(["\\])', rb'\\\1', data) + b'"'
        if self.body_style == 'literal8':
            return name + b' ~' + literal + b'\r\n' + data
        return text


class SizesTestCase(mount.MountTestCase):
    def serve(self, mails, **attributes):
        return self.enter(Liar(mails, **attributes))

    def run_bytes(self, *command):
        return mount.call(run_program, command)

    def check_reads(self, mounted, name, expected, what):
        """Each way of reading, first and again, gives the bytes and in the end the size."""
        path = mounted.path / 'INBOX' / name
        copy = mounted.directory / 'copy'
        for attempt in ('first', 'second'):
            self.assertSame(self.run_bytes('cat', path), expected, f'{what}: {attempt} cat')
        self.run_bytes('cp', path, copy)
        self.assertSame(copy.read_bytes(), expected, f'{what}: cp')
        self.assertEqual(mounted.stat(f'INBOX/{name}').st_size, len(expected), f'{what}: st_size')
        self.assertSame(mount.call(read_by_mmap, path), expected, f'{what}: mmap')
        self.assertSame(mounted.read_at(f'INBOX/{name}', max(0, len(expected) - 7), 100), expected[-7:], f'{what}: end')

    def assertSame(self, data, expected, what):
        if data != expected:
            same = next((i for i, (a, b) in enumerate(zip(data, expected)) if a != b), min(len(data), len(expected)))
            self.fail(f'{what}: {len(data)} bytes for {len(expected)}, the first {same} of them right')

    def assertErrno(self, number, function, *arguments, **keywords):
        with self.assertRaises(OSError) as caught:
            function(*arguments, **keywords)
        self.assertEqual(errno.errorcode[caught.exception.errno], errno.errorcode[number])


def run_program(command):
    return subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout


def read_by_mmap(path):
    with open(path, 'rb') as file:
        size = os.fstat(file.fileno()).st_size
        if size == 0:
            return b''
        with mmap.mmap(file.fileno(), size, prot=mmap.PROT_READ, flags=mmap.MAP_PRIVATE) as memory:
            return bytes(memory)


class TestLies(SizesTestCase):
    """RFC822.SIZE too small, too large, absurd, missing: for lengths around all that the daemon treats differently."""

    limit_seconds = 120

    def check_length(self, length, options=('',), said=None, **attributes):
        server = self.serve([content(length), OK_MAIL], **attributes)
        for claim in said or claims(length):
            for option in options:
                with self.subTest(length=length, claim=claim, option=option):
                    server.says = {1: claim}
                    mounted = self.mount(server, 'names=uid', *([option] if option else []))
                    try:
                        self.check_reads(mounted, '1.eml', content(length), f'{length} said to be {claim} {option}')
                        self.assertEqual(mounted.read('INBOX/2.eml'), OK_MAIL)
                    finally:
                        mounted.unmount()

    def test_31_bytes(self):
        self.check_length(31, ('', 'ro'))

    def test_around_a_block(self):
        for length in (BLOCK - 1, BLOCK, BLOCK + 1):
            self.check_length(length)

    def test_around_two_blocks(self):
        """Up to here a message is fetched whole."""
        for length in (2 * BLOCK - 1, 2 * BLOCK, 2 * BLOCK + 1):
            self.check_length(length)

    def test_a_megabyte(self):
        self.check_length(1_000_000, ('', 'ro'))

    def test_whole_blocks(self):
        """The last announced block comes before the rest does. Nobody may be told an end before it is found."""
        for length, claim in ((2 * BLOCK, BLOCK), (2 * BLOCK + 1, BLOCK), (8 * BLOCK, 4 * BLOCK), (10**6, 3 * BLOCK)):
            self.check_length(length, said=[claim], pause_at=claim)
        self.check_length(8 * BLOCK, said=[8 * BLOCK - 1, 8 * BLOCK + 1, 16 * BLOCK, MISSING])

    def test_twelve_megabytes(self):
        """More than is asked for at once when looking for the end."""
        self.check_length(12_000_000, said=[0, 5000, 300_000, 20_000_000])

    def test_read_only(self):
        """There the kernel opens files without asking, unless it has been told of a lie."""
        for length in (BLOCK, 2 * BLOCK + 1):
            self.check_length(length, ('ro',), [0, length - 1, length + 1, 2 * length, MISSING])

    def test_no_message_at_all(self):
        """A message of no bytes, whatever is said of it, and however that is written."""
        for style, empty in ((None, set()), (None, {1}), ('nil', set())):
            for claim in (0, MISSING):
                with self.subTest(style=style, quoted=bool(empty), claim=claim):
                    server = self.serve([b'', OK_MAIL], says={1: claim}, body_style=style, empty=empty)
                    mounted = self.mount(server, 'names=uid')
                    self.check_reads(mounted, '1.eml', b'', f'empty message said to be {claim}')
                    server.body_style = None
                    self.assertEqual(mounted.read('INBOX/2.eml'), OK_MAIL)
                    mounted.unmount()


class TestManyLies(SizesTestCase):
    """What one lie changes for the other files of the mount."""

    def test_all_files_of_a_server_that_always_says_too_little(self):
        lengths = [31, 5000, BLOCK, BLOCK + 1, 2 * BLOCK + 1, 500_000]
        server = self.serve([content(length) for length in lengths],
                            says={uid: length - 20 for uid, length in enumerate(lengths, 1)})
        for option in ('rw', 'ro'):
            mounted = self.mount(server, 'names=uid', option)
            for uid, length in enumerate(lengths, 1):
                self.check_reads(mounted, f'{uid}.eml', content(length), f'{option} {length}')
            mounted.unmount()

    def test_an_open_file_that_grows_under_its_reader(self):
        """Opened and measured before anything was read, as tail and many libraries do."""
        for length, claim in ((31, 5), (500_000, 300_000), (500_000, 1000)):
            with self.subTest(length=length, claim=claim):
                server = self.serve([content(length)], says={1: claim})
                mounted = self.mount(server, 'names=uid')
                data, size = mount.call(read_after_stat, mounted.path / 'INBOX/1.eml')
                self.assertSame(data, content(length), 'read to the end')
                self.assertEqual(size, length)
                mounted.unmount()

    def test_two_readers_at_once(self):
        expected = content(700_000)
        for claim in (400_000, 1_400_000, 10):
            with self.subTest(claim=claim):
                server = self.serve([expected], says={1: claim})
                mounted = self.mount(server, 'names=uid')
                readers = [mounted.background(f'cat INBOX/1.eml > {mounted.directory}/copy{i}') for i in range(4)]
                for i, reader in enumerate(readers):
                    self.assertEqual(reader.finish(), (0, '', ''))
                    self.assertSame((mounted.directory / f'copy{i}').read_bytes(), expected, f'reader {i}')
                mounted.unmount()

    def test_the_end_first(self):
        """Reading begins near the end that the server claims, which tail does."""
        for claim in (500_000 - 10, 500_000 + 10):
            server = self.serve([content(500_000)], says={1: claim})
            mounted = self.mount(server, 'names=uid')
            self.assertSame(mounted.read_at('INBOX/1.eml', 499_000, 5000), content(500_000)[499_000:], f'{claim}: end')
            self.check_reads(mounted, '1.eml', content(500_000), f'{claim}')
            mounted.unmount()

    def test_bytes_that_change_between_two_fetches(self):
        """A reader that is under way gets the old or the new bytes block by block; no hang, no crash, and in the end
        the file has the new length."""
        old, new = content(1_000_000, 1), content(900_000, 2)
        for before, after in ((old, new), (new, old)):
            server = self.serve([before])
            mounted = self.mount(server, 'names=uid')
            self.assertEqual(mounted.read_at('INBOX/1.eml', 0, 1000), before[:1000])
            server.mailboxes['INBOX'].mails[1].content = after
            data = mounted.read('INBOX/1.eml')
            for start in range(0, len(data), BLOCK):
                block = data[start:start + BLOCK]
                self.assertIn(block, (before[start:start + BLOCK], after[start:start + BLOCK]), f'block at {start}')
            self.assertEqual(len(data), len(after))
            self.assertEqual(mounted.stat('INBOX/1.eml').st_size, len(after))
            self.assertEqual(mounted.read('INBOX/1.eml'), data)
            mounted.unmount()


def read_after_stat(path):
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fstat(fd)
        pieces = []
        while piece := os.read(fd, 100_000):
            pieces.append(piece)
        return b''.join(pieces), os.fstat(fd).st_size
    finally:
        os.close(fd)


class TestOddReplies(SizesTestCase):
    """FETCH replies that differ from what everybody sends."""

    MAILS = [content(31), OK_MAIL, content(300_000), content(3_000_000)]

    def check_all(self, server, mounted):
        for uid, mail in enumerate(self.MAILS, 1):
            self.assertSame(self.run_bytes('cat', mounted.path / f'INBOX/{uid}.eml'), mail, f'uid {uid}')
            self.assertEqual(mounted.stat(f'INBOX/{uid}.eml').st_size, len(mail))

    def test_order_and_lines(self):
        for name, attributes in (('uid last', {'reverse_items': True}), ('split', {'split_lines': True}),
                                 ('split, uid last', {'reverse_items': True, 'split_lines': True}),
                                 ('literal8', {'body_style': 'literal8'}),
                                 ('unsolicited', {'unsolicited': {'UID FETCH': b'* 1 FETCH (FLAGS (\\Seen))\r\n'
                                                                  b'* 4 EXISTS\r\n* 2 FETCH (UID 2 FLAGS ())\r\n'}})):
            for names in ('uid', 'subject'):
                with self.subTest(name, names=names):
                    server = self.serve(self.MAILS, **attributes)
                    mounted = self.mount(server, f'names={names}')
                    sizes = sorted(found.st_size for found in mounted.files('INBOX').values())
                    self.assertEqual(sizes, sorted(map(len, self.MAILS)))
                    if names == 'uid':
                        self.check_all(server, mounted)
                    mounted.unmount()

    def test_uid_last_and_said_too_small(self):
        """A literal whose UID is not known yet must be held, which is bounded; up to there it works."""
        server = self.serve(self.MAILS, reverse_items=True, says={1: 5, 3: 5})
        self.check_all(server, self.mount(server, 'names=uid'))

    def test_quoted_string_body(self):
        """No CR or LF can be in one, but a short message can."""
        mail = b'Subject: "quoted" and \\ and 8-bit \xff'
        server = self.serve([mail], body_style='quoted')
        self.check_reads(self.mount(server, 'names=uid'), '1.eml', mail, 'quoted')

    def test_ok_without_data(self):
        """EIO, not ENOENT: the message is there. It is asked for once more, and then given up."""
        server = self.serve([content(31), OK_MAIL, content(400_000)])
        mounted = self.mount(server, 'names=uid')
        names, server.silent = mounted.listdir('INBOX'), {1, 3}
        for uid in (1, 3):
            self.assertErrno(errno.EIO, mounted.read, f'INBOX/{uid}.eml')
        self.assertEqual(mounted.read('INBOX/2.eml'), OK_MAIL)
        self.assertEqual(sorted(mounted.listdir('INBOX')), sorted(names))
        n_fetches = server.count('UID FETCH')
        self.assertErrno(errno.EIO, mounted.read, 'INBOX/1.eml')
        self.assertLessEqual(server.count('UID FETCH'), n_fetches + 2)

    def test_ok_without_data_only_once(self):
        """A connection that has not heard of the message yet: asked again behind a NOOP, it sends it."""
        class Late(Liar):
            def do_noop(self, *arguments):
                self.silent.clear()
                return 'OK done'
        server = self.enter(Late([content(31), content(400_000)]))
        mounted = self.mount(server, 'names=uid')
        mounted.listdir('INBOX')
        server.silent = {1, 2}
        self.assertEqual(mounted.read('INBOX/1.eml'), content(31))
        server.silent = {1, 2}
        self.assertEqual(mounted.read('INBOX/2.eml'), content(400_000))

    def test_empty_body_for_a_message_that_is_not(self):
        """"" and NIL for a message of 31 bytes: an error or an empty file, at once, and the others are unaffected."""
        for name, attributes in (('""', {'empty': {1}}), ('NIL', {'body_style': 'nil'})):
            with self.subTest(name):
                server = self.serve([content(31), OK_MAIL], **attributes)
                mounted = self.mount(server, 'names=uid')
                try:
                    self.assertEqual(mounted.read('INBOX/1.eml'), b'')
                except OSError as error:
                    self.assertEqual(error.errno, errno.EIO)
                server.body_style = None
                self.assertEqual(mounted.read('INBOX/2.eml'), OK_MAIL)
                mounted.unmount()

    REASONS = ('NO [UNAVAILABLE] try later', 'NO [SERVERBUG] oops', 'NO cannot read it', 'NO [LIMIT] slow down',
               'NO [INUSE] busy', 'BAD [CLIENTBUG] what?', 'NO [EXPUNGEISSUED] gone', 'NO [NOPERM] not yours')

    def test_no_for_one_uid(self):
        """Whatever the reason: an errno of the manual, again and again; the others unaffected; the name still there."""
        for reason in self.REASONS:
            with self.subTest(reason):
                server = self.serve([content(31), OK_MAIL, content(400_000)])
                mounted = self.mount(server, 'names=uid')
                names = mounted.listdir('INBOX')
                server.refuse = {1: reason, 3: reason}
                for uid in (1, 3, 1, 3):
                    with self.assertRaises(OSError) as caught:
                        mounted.read(f'INBOX/{uid}.eml')
                    self.assertIn(errno.errorcode[caught.exception.errno], badserver.manual_errnos())
                self.assertEqual(mounted.read('INBOX/2.eml'), OK_MAIL)
                self.assertEqual(mounted.listdir('INBOX'), names)
                mounted.unmount()

    def test_no_for_a_listing(self):
        for reason in self.REASONS:
            with self.subTest(reason):
                server = self.serve([content(31), OK_MAIL])
                mounted = self.mount(server, 'names=uid')
                names = mounted.listdir('INBOX')
                server.refuse_listing = reason
                self.assertEqual(mounted.listdir('INBOX'), names)
                self.assertEqual(mounted.read('INBOX/2.eml'), OK_MAIL)
                server.refuse_listing = None
                server.add('INBOX', OK_MAIL)
                self.assertEqual(len(mounted.listdir('INBOX')), 3)
                mounted.unmount()

    def test_no_for_one_uid_is_not_for_ever(self):
        """It is not asked for at once again, but in a few seconds."""
        server = self.serve([content(31)])
        mounted = self.mount(server, 'names=uid')
        mounted.listdir('INBOX')
        server.refuse = {1: 'NO [UNAVAILABLE] try later'}
        with self.assertRaises(OSError):
            mounted.read('INBOX/1.eml')
        server.refuse = {}

        def succeeds():
            try:
                return mounted.read('INBOX/1.eml') == content(31)
            except OSError:
                return False
        self.assertTrue(mount.wait_until(succeeds, 15, pause=0.2))


if __name__ == '__main__':
    mount.main()
