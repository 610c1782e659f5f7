"""For tests that write: mail to work on, calls as programs make them, and what the server has then."""

import contextlib
import ctypes
import datetime
import errno
import os
import pathlib
import re
import shutil
import tempfile

import mailserver
import mount
import netproxy
from timed import wait_until

DAY = datetime.datetime(2026, 11, 20, 8, 0, tzinfo=datetime.timezone.utc)
RENAME_NOREPLACE, RENAME_EXCHANGE = 1, 2
AT_FDCWD = -100


def letter(number, body='text', size=0):
    """A message whose default name contains Letter-<number>, with LF line ends."""
    filler = '0123456789abcde\n' * (size // 16)
    return (f'Date: Fri, 20 Nov 2026 09:30:00 +0100\nFrom: a@example.org\nSubject: Letter {number}\n'
            f'Message-ID: <{number}@example.org>\n\n{body} {number}\n{filler}').encode()


def crlf(content):
    """As the server keeps it."""
    return re.sub(rb'\r?\n', b'\r\n', content)


def number_of(content):
    """Of a letter."""
    return int(re.search(rb'Subject: Letter (\d+)', content).group(1))


# --- system calls, each made in a child process by mount.call ---

def renameat2(old, new, flags=0):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(AT_FDCWD, os.fsencode(old), AT_FDCWD, os.fsencode(new), flags) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(old))


def fsync_path(path):
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_file(path, *pieces, mode='wb', mtime=None):
    """mtime: the time that is given to it before it is closed."""
    with open(path, mode, buffering=0) as file:
        for piece in pieces:
            file.write(piece)
        if mtime is not None:
            os.utime(file.fileno(), (mtime, mtime))


class WritingCase(mount.MountTestCase):
    """A server with Letter 1 to 6 in INBOX and 101 to 103 in Box, mounts that share one home, and, in front of the
    server if a test wants one, a line."""

    server_options = {}

    def setUp(self):
        super().setUp()
        self.server = mailserver.Dovecot(tls=False, **self.server_options)
        self.enter(self.server)
        self.fill()
        self.home = pathlib.Path(tempfile.mkdtemp(prefix='imapfs-home.'))
        self.addCleanup(shutil.rmtree, self.home, ignore_errors=True)
        self.scratch = pathlib.Path(self.enter(tempfile.TemporaryDirectory()))
        self.line = None

    def fill(self):
        self.server.deliver('INBOX', [(letter(number), DAY, 'F') for number in range(1, 7)])
        self.server.deliver('Box', [(letter(number), DAY, '') for number in range(101, 104)])

    # --- mounting ---

    def draw_line(self, **keywords):
        self.line = netproxy.Proxy(self.server.imap_port, **keywords)
        self.addCleanup(lambda: self.line.stop())
        return self.line

    def stop_line(self):
        self.line.stop()

    def start_line(self, **keywords):
        self.line = netproxy.Proxy(self.server.imap_port, listen=self.line.port, **keywords)

    def new(self, *options, **keywords):
        port = self.line.port if self.line else None
        return self.new_mount(self.server, *options, tls='none', port=port, home=self.home, **keywords)

    def start(self, *options, **keywords):
        return self.new(*options, **keywords).start()

    def online(self, mounted, seconds=60):
        """Waits until it is. Whoever asks for something makes it try."""
        def ask():
            with contextlib.suppress(OSError):
                mounted.listdir('INBOX')
            return mounted.status()['state'] == 'online'

        self.assertTrue(wait_until(ask, seconds, 0.1), mounted.log())

    # --- calls ---

    def path(self, mounted, mailbox, number):
        """The path, relative to the mount point, of a letter."""
        names = [name for name in mounted.listdir(mailbox) if f'.Letter-{number}.' in name]
        self.assertEqual(len(names), 1, f'Letter {number} in {mailbox}: {names}')
        return f'{mailbox}/{names[0]}'

    def rename(self, mounted, old, new, flags=0):
        mount.call(renameat2, mounted.path / old, mounted.path / new, flags)

    def write(self, mounted, path, *pieces, **keywords):
        mount.call(write_file, mounted.path / path, *pieces, **keywords)

    def unlink(self, mounted, path):
        mount.call(os.unlink, mounted.path / path)

    def mkdir(self, mounted, path):
        mount.call(os.mkdir, mounted.path / path)

    def rmdir(self, mounted, path):
        mount.call(os.rmdir, mounted.path / path)

    def sync(self, mounted, path='.', seconds=40):
        """fsync: afterwards the server has it."""
        mount.call(fsync_path, mounted.path / path, seconds=seconds)

    def exists(self, mounted, path):
        return mount.call(os.path.lexists, mounted.path / path)

    def assert_errno(self, numbers, function, *arguments, **keywords):
        """numbers: one, or several that would all be right. Returns which it was."""
        numbers = numbers if isinstance(numbers, tuple) else (numbers,)
        with self.assertRaises(OSError) as caught:
            function(*arguments, **keywords)
        self.assertIn(errno.errorcode[caught.exception.errno], [errno.errorcode[number] for number in numbers])
        return caught.exception.errno

    # --- what is there ---

    def shown(self, mounted, mailbox):
        """The numbers of the letters that are files there, sorted."""
        return sorted(number_of(content) for content in mounted.contents(mailbox).values())

    def held(self, mailbox):
        """The numbers of the letters that the server has there, sorted."""
        return sorted(number_of(content) for content in self.server.messages(mailbox).values())

    def held_content(self, mailbox, number):
        """The bytes of the only letter of that number."""
        found = [content for content in self.server.messages(mailbox).values() if number_of(content) == number]
        self.assertEqual(len(found), 1, f'Letter {number} in {mailbox}')
        return found[0]

    def held_item(self, mailbox, number, item):
        """FETCH's answer about it: FLAGS, INTERNALDATE."""
        uid, = [uid for uid, content in self.server.messages(mailbox).items() if number_of(content) == number]
        (_, head, _), = self.server.fetch(mailbox, item, str(uid))
        return head.decode()

    def held_flags(self, mailbox, number):
        return set(re.search(r'FLAGS \(([^)]*)\)', self.held_item(mailbox, number, 'FLAGS')).group(1).split()) - {'\\Recent'}

    def assert_held(self, mailbox, *numbers, seconds=20):
        """At last, for what has not been waited for."""
        found = wait_until(lambda: self.held(mailbox) == sorted(numbers), seconds, 0.1)
        self.assertTrue(found, f'{mailbox} holds {self.held(mailbox)}, not {sorted(numbers)}')

    def uidvalidity(self, mailbox):
        with self.server.selected(mailbox) as client:
            return int(client.response('UIDVALIDITY')[1][0])

    def recreate(self, mailbox, messages):
        """Another mailbox under the name: a new UIDVALIDITY."""
        client = self.server.connect()
        mailserver.check(client.delete(mailbox))
        mailserver.check(client.create(mailbox))
        client.logout()
        self.server.append(mailbox, messages)

    def n_said(self, words):
        """How many commands with these words clients have given; the server must keep rawlogs."""
        logs = [file.read_bytes() for file in (self.server.directory / 'rawlog').rglob('*.in')]
        return sum(words.encode() in line.upper() for log in logs for line in log.splitlines())
