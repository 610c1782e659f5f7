#!/usr/bin/python3
"""What others change shows by itself: in listings, to watchers, and in .imapfs/events."""

import ctypes
import datetime
import json
import os
import pathlib
import random
import re
import select
import signal
import statistics
import subprocess
import sys
import threading
import time

import fakeserver
import mailserver
import mount
import netproxy
from barewatch import Bare
from mailserver import check
from timed import SLOWNESS
from mount import wait_until

DAY = datetime.datetime(2026, 11, 20, 8, 0, tzinfo=datetime.timezone.utc)
IN_DELETE_SELF = 0x400
MAILS = [f'Subject: {number}\r\n\r\ntext\r\n'.encode() for number in range(1, 4)]


def letter(number):
    return (f'Date: Fri, 20 Nov 2026 09:30:00 +0100\nFrom: a@example.org\nSubject: Letter {number}\n'
            f'Message-ID: <{number}@example.org>\n\ntext {number}\n').encode()


def letters(n, first=1):
    return [(letter(number), DAY, '') for number in range(first, first + n)]


class Reader:
    """A program that reads .imapfs/events: each event with the moment when it came."""

    def __init__(self, mounted, command='exec cat .imapfs/events'):
        self.process = subprocess.Popen(command, shell=True, cwd=mounted.path, stdout=subprocess.PIPE, text=True,
                                        start_new_session=True)
        self.events, self.lines = [], []
        self.thread = threading.Thread(target=self.collect, daemon=True)
        self.thread.start()

    def collect(self):
        for line in self.process.stdout:
            self.lines.append(line)
            self.events.append((time.monotonic(), json.loads(line)))

    def wait_for(self, seconds=10, **members):
        """The first event with these members, and when it came."""
        def found():
            return next((pair for pair in list(self.events)
                         if all(pair[1].get(name) == value for name, value in members.items())), None)
        return wait_until(found, seconds, 0.001)

    def kinds(self):
        return [event['event'] for _, event in self.events]

    def stop(self):
        os.killpg(self.process.pid, 15)
        self.process.wait(20 * SLOWNESS)


class LiveCase(mount.MountTestCase):
    limit_seconds = 240

    def begin(self, *options, without=(), n=10):
        self.server = mailserver.Dovecot(without=without)
        self.server.deliver('INBOX', letters(n))
        self.server.deliver('Box', letters(3, 1001))
        self.enter(self.server)
        mounted = self.mount(self.server, *options)
        mounted.listdir('INBOX')
        return mounted

    def reader(self, mounted, *command):
        reader = Reader(mounted, *command)
        self.addCleanup(reader.stop)
        self.assertTrue(reader.wait_for(event='watching'))
        return reader

    def wait_watching(self, mounted, how):
        """Until the server tells what changes in INBOX."""
        def watching():
            return json.loads(mount.call(first_line, mounted.path / '.imapfs' / 'events'))['mailboxes']
        self.assertEqual(wait_until(lambda: watching() == how and how), how)


def first_line(path):
    with open(path) as file:
        return file.readline()


class TestArrival(LiveCase):
    def arrivals(self, mounted, reader, numbers):
        """How long each takes, in seconds, until a bare client is told, to its event, and to its line in a listing."""
        client = self.server.connect()
        bare = Bare(self.server, 'EXAMINE INBOX', 'IDLE')
        times, appended = {'event': [], 'ls': []}, {}
        for number in numbers:
            before = len(mounted.listdir('INBOX'))
            check(client.append('INBOX', '()', None, letter(number)))
            appended[before + 1] = answered = time.monotonic()
            event = wait_until(lambda: next((pair for pair in list(reader.events)
                                             if f'Letter-{number}.' in pair[1].get('path', '')), None), 10, 0.001)
            self.assertTrue(event, number)
            times['event'].append(max(0, event[0] - answered))
            self.assertEqual(event[1]['event'], 'new')
            self.assertTrue(wait_until(lambda: len(mounted.listdir('INBOX')) == before + 1))
            times['ls'].append(time.monotonic() - answered)
            time.sleep(random.uniform(0, 0.05))
        told = bare.numbers(r'\* (\d+) EXISTS', before + 1)
        times['bare'] = [max(0, next(when for when, exists in told if exists >= n) - answered)
                         for n, answered in appended.items()]
        bare.close()
        client.logout()
        return times

    def measure(self, n, how, *options, without=()):
        """Dovecot itself waits half a second where nothing has come for a while, as on a machine that is busy."""
        mounted = self.begin(*options, without=without)
        self.wait_watching(mounted, how)
        times = self.arrivals(mounted, self.reader(mounted), range(101, 101 + n))
        median = {name: statistics.median(some) for name, some in times.items()}
        for name, some in times.items():
            print(f'# {how}: {name} median {median[name] * 1000:.0f} ms, worst {max(some) * 1000:.0f} ms of {n}')
        self.assertLess(max(times['event']), 1 * SLOWNESS)
        self.assertLess(median['event'], 0.1 * SLOWNESS + median['bare'])

    def test_notify(self):
        self.measure(40, 'all')

    def test_idle(self):
        self.measure(40, 'some', without=('NOTIFY',))

    def test_poll(self):
        mounted = self.begin('poll=1', without=('NOTIFY', 'IDLE'))
        reader = self.reader(mounted)
        self.server.append('INBOX', letters(1, 101))
        self.assertTrue(reader.wait_for(event='new', mailbox='INBOX'))


class TestEvents(LiveCase):
    def test_kinds(self):
        for without in (), ('NOTIFY',), ('CONDSTORE', 'QRESYNC'), ('NOTIFY', 'CONDSTORE', 'QRESYNC'):
            with self.subTest(without=without):
                self.check_kinds(*without)

    def check_kinds(self, *without):
        mounted = self.begin('poll=1', without=without)
        self.wait_watching(mounted, 'some' if 'NOTIFY' in without else 'all')
        reader = self.reader(mounted)
        self.server.store('INBOX', '2', '+FLAGS (\\Flagged work)')
        flags = reader.wait_for(event='flags', mailbox='INBOX', uid=2)[1]
        self.assertEqual(set(flags['flags']), {'\\Flagged', 'work'})
        self.assertTrue(flags['path'].startswith('INBOX/2026-11-20'))
        self.assertTrue(re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z', flags['time']))
        self.server.expunge('INBOX', '3')
        self.assertTrue(reader.wait_for(event='expunged', mailbox='INBOX', uid=3))
        self.server.create('New/Box')
        self.assertTrue(reader.wait_for(event='mailbox-created', mailbox='New/Box'))
        client = self.server.connect()
        check(client.rename('New/Box', 'New/Bag'))
        self.assertTrue(reader.wait_for(event='mailbox-deleted', mailbox='New/Box'))
        self.assertTrue(reader.wait_for(event='mailbox-created', mailbox='New/Bag'))
        client.logout()
        self.assertIn('Bag', mounted.listdir('New'))
        self.assertEqual(sum('.Letter-' in name for name in mounted.listdir('INBOX')), 9)

    def test_our_own(self):
        mounted = self.begin()
        mounted.listdir('Box')
        reader = self.reader(mounted)
        mounted.run('mkdir Made && mv INBOX/*Letter-1.* Made/ && rm INBOX/*Letter-2.* && sync INBOX Made')
        self.assertTrue(reader.wait_for(event='mailbox-created', mailbox='Made'))
        self.assertTrue(reader.wait_for(event='new', mailbox='Made'))
        for uid in 1, 2:
            self.assertTrue(reader.wait_for(event='expunged', mailbox='INBOX', uid=uid))
        time.sleep(0.5)
        self.assertEqual(sorted(kind for kind in reader.kinds() if kind in ('new', 'expunged')),
                         ['expunged', 'expunged', 'new'])

    def test_an_odd_name(self):
        mounted = self.begin()
        reader = self.reader(mounted)
        self.server.create('a "quoted" \\ name')
        mounted.listdir('.')
        self.assertTrue(reader.wait_for(event='mailbox-created', mailbox='a "quoted" \\ name'))

    def test_odd_flags(self):
        """What some servers let others store: nothing that a terminal obeys, or that makes the line no JSON."""
        server = self.enter(fakeserver.Imap({'INBOX': [b'Subject: x\r\n\r\nhello\r\n']}))
        mounted = self.mount(server, 'tls=none', 'poll=1')
        mounted.listdir('INBOX')
        reader = self.reader(mounted)
        flags = ('\\Seen', 'a\x9b31mRED\u202eb\u2028c', 'caf\xe9')
        server.add('INBOX', fakeserver.Mail(b'Subject: y\r\n\r\nhello\r\n', flags=flags))
        event = reader.wait_for(event='new')[1]
        shown = ['\\Seen', r'a\xc2\x9b31mRED\xe2\x80\xaeb\xe2\x80\xa8c', 'caf\xe9']
        self.assertEqual(sorted(event['flags']), sorted(shown))
        self.assertEqual(mount.call(os.getxattr, mounted.path / event['path'], 'user.imap.flags').decode().split(' '),
                         event['flags'])

    def test_an_odd_file_name(self):
        """One that a user gave may hold what names that are made here do not."""
        mounted = self.begin()
        self.wait_watching(mounted, 'all')
        reader = self.reader(mounted)
        name = 'c\u009b\u2028\U000e0041\U0001f600.eml'
        source = mounted.run('ls -d INBOX/*Letter-3.*').strip()
        mount.call(os.rename, mounted.path / source, mounted.path / 'INBOX' / name)
        mounted.run('sync INBOX')
        self.server.store('INBOX', '3', '+FLAGS (\\Flagged)')
        self.assertEqual(reader.wait_for(event='flags', uid=3)[1]['path'], f'INBOX/{name}')
        self.assertIn(r'"INBOX/c\u009b\u2028\udb40\udc41' + '\U0001f600.eml"', reader.lines[-1])

    def test_readers(self):
        """As programs read: each gets everything from its opening on."""
        mounted = self.begin()
        tail = mounted.background('timeout 8 tail -f .imapfs/events')
        loop = mounted.background('timeout 8 sh -c \'while read -r line; do echo "$line"; done\' <.imapfs/events')
        self.wait_watching(mounted, 'all')
        reader = self.reader(mounted)
        time.sleep(1)
        self.server.append('INBOX', letters(2, 101))
        self.assertTrue(wait_until(lambda: reader.kinds().count('new') == 2))
        late = self.reader(mounted)
        self.server.append('INBOX', letters(1, 103))
        self.assertTrue(wait_until(lambda: reader.kinds().count('new') == 3 and late.kinds().count('new') == 1))
        for process in tail, loop:
            _, out, err = process.finish(20)
            paths = [json.loads(line).get('path', '') for line in out.splitlines()]
            self.assertEqual([number for number in (101, 102, 103) for path in paths if f'Letter-{number}.' in path],
                             [101, 102, 103], out + err)

    def test_poll_call(self):
        mounted = self.begin()
        self.wait_watching(mounted, 'all')
        fd = os.open(mounted.path / '.imapfs/events', os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, fd)
        self.assertIn(b'watching', mount.call(os.read, fd, 4096))
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        self.assertFalse(mount.call(poll_once, fd, 300))
        with self.assertRaises(BlockingIOError):
            mount.call(os.read, fd, 4096)
        self.server.append('INBOX', letters(1, 101))
        self.assertTrue(mount.call(poll_once, fd, 10000))
        self.assertIn(b'Letter-101', mount.call(os.read, fd, 4096))

    def test_poll_from_the_end(self):
        """Whoever begins where the file ends now is not told to read what it has passed over."""
        mounted = self.begin()
        self.wait_watching(mounted, 'all')
        fd = os.open(mounted.path / '.imapfs/events', os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, fd)
        os.lseek(fd, 0, os.SEEK_END)
        with self.assertRaises(BlockingIOError):
            mount.call(os.read, fd, 4096)
        self.assertFalse(mount.call(poll_once, fd, 300))
        self.server.append('INBOX', letters(1, 101))
        self.assertTrue(mount.call(poll_once, fd, 10000))
        self.assertEqual(json.loads(mount.call(os.read, fd, 4096))['event'], 'new')
        self.assertFalse(mount.call(poll_once, fd, 300))

    def test_a_reader_is_killed(self):
        mounted = self.begin()
        reader = self.reader(mounted)
        reader.process.send_signal(9)
        self.server.append('INBOX', letters(1, 101))
        self.assertEqual(len(mounted.listdir('INBOX')), 11)

    def test_inotify(self):
        """Whoever watches a message hears that it goes. (Of its directory the kernel tells nobody: a file system cannot
        make it, since Linux 5.3.)"""
        mounted = self.begin()
        self.wait_watching(mounted, 'all')
        libc = ctypes.CDLL(None, use_errno=True)
        name = mounted.run('stat -c %n INBOX/*Letter-4.*').strip()
        fd = libc.inotify_init1(0)
        self.addCleanup(os.close, fd)
        self.assertGreaterEqual(libc.inotify_add_watch(fd, os.fsencode(mounted.path / name), IN_DELETE_SELF), 0)
        self.server.expunge('INBOX', '4')
        self.assertTrue(select.select([fd], [], [], 10 * SLOWNESS)[0])
        self.assertEqual(int.from_bytes(os.read(fd, 4096)[4:8], 'little'), IN_DELETE_SELF)


# Says how many files INBOX holds whenever it is asked, reading one open directory from its beginning.
REWINDING = '''
import ctypes, sys
libc = ctypes.CDLL(None)
libc.opendir.restype = libc.readdir.restype = ctypes.c_void_p
libc.readdir.argtypes = libc.rewinddir.argtypes = [ctypes.c_void_p]
directory = libc.opendir(b'INBOX')
for line in sys.stdin:
    libc.rewinddir(directory)
    print(sum(1 for _ in iter(lambda: libc.readdir(directory), None)) - 2, flush=True)
'''


class TestKernel(LiveCase):
    """What the kernel has kept does not hide what has changed."""

    def test_open_directory(self):
        for without in (), ('NOTIFY',):
            with self.subTest(without=without):
                self.check_open_directory(*without)

    def check_open_directory(self, *without):
        mounted = self.begin(without=without)
        self.wait_watching(mounted, 'some' if without else 'all')
        reader = self.reader(mounted)
        process = subprocess.Popen([sys.executable, '-c', REWINDING], cwd=mounted.path, stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.kill)

        def count():
            process.stdin.write('\n')
            process.stdin.flush()
            return int(process.stdout.readline())

        self.assertEqual([count(), count()], [10, 10])
        for number in range(3):
            self.server.append('INBOX', letters(2, 101 + 2 * number))
            self.assertTrue(wait_until(lambda: reader.kinds().count('new') == 2 * number + 2))
            self.assertTrue(wait_until(lambda: count() == 12 + 2 * number, 2), number)
        self.server.expunge('INBOX', '1:3')
        self.assertTrue(wait_until(lambda: reader.kinds().count('expunged') == 3))
        self.assertTrue(wait_until(lambda: count() == 13, 2))
        self.server.create('INBOX/Below')
        mounted.listdir('.')
        self.assertTrue(wait_until(lambda: count() == 14, 2))
        process.stdin.close()
        process.wait(20 * SLOWNESS)
        process.stdout.close()

    def test_listing_meanwhile(self):
        """Whoever is just reading a directory gets each entry that stays, once."""
        mounted = self.begin(n=2000)
        self.wait_watching(mounted, 'all')
        reader = self.reader(mounted)
        names = []
        with os.scandir(mounted.path / 'INBOX') as entries:
            for number, entry in enumerate(entries):
                names.append(entry.name)
                if number % 200 == 100:
                    self.server.append('INBOX', letters(1, 3001 + number // 200))
                    self.server.expunge('INBOX', f'{number // 20 + 1},{1999 - number // 20}')
                    self.assertTrue(reader.wait_for(event='new', uid=2001 + number // 200))
        self.assertEqual(len(names), len(set(names)))
        stay = {name for name in mounted.listdir('INBOX') if not re.search(r'Letter-3\d\d\d\.', name)}
        self.assertEqual(len(stay), 1980)
        self.assertLessEqual(stay, set(names))

    def check_held(self, command, answer, mailbox, uid):
        """A message is expunged while the kernel holds the lock of its directory, or its own, until the server has
        answered @command: a daemon that waits for that lock could not even be killed."""
        release = threading.Event()
        server = self.enter(fakeserver.Imap({'INBOX': MAILS[:3], 'Box': MAILS[:1]}))
        self.addCleanup(release.set)
        mounted = self.mount(server, 'tls=none', 'names=uid', 'sync', 'poll=1')
        name = f'{mailbox}/{uid}.eml'
        mounted.run(f'ls INBOX Box; stat {name}')
        reader = self.reader(mounted)

        def delay(command, _):
            if command == answer:
                release.wait(20)
            return 0.5 if command in ('NOOP', 'UID FETCH', 'UID SEARCH') else 0
        asked = server.count('UID SEARCH')
        server.delay = delay
        server.expunge(mailbox, uid)
        self.assertTrue(wait_until(lambda: server.count('UID SEARCH') > asked))
        user = mounted.background(command)
        self.assertTrue(reader.wait_for(event='expunged', mailbox=mailbox, uid=uid))
        self.assertTrue(wait_until(lambda: server.count(answer)))
        self.assertFalse(wait_until(lambda: is_stuck(mounted.process.pid), 1))
        release.set()
        user.finish()
        self.assertTrue(wait_until(lambda: not os.path.exists(mounted.path / name), 2))

    def test_a_message_that_is_held(self):
        self.check_held('setfattr -n user.imap.flags -v +work INBOX/2.eml', 'UID STORE', 'INBOX', 2)

    def test_a_directory_that_is_held(self):
        self.check_held('mkdir INBOX/Below', 'CREATE', 'INBOX', 2)

    def test_a_mailbox_that_is_removed(self):
        self.check_held('rmdir Box', 'DELETE', 'Box', 1)

    def check_steady_use(self, loop, *options):
        """How long a message that others expunge stays, while there are always requests about its mailbox."""
        self.server = mailserver.Dovecot()
        self.server.deliver('INBOX', letters(12))
        self.enter(self.server)
        proxy = self.enter(netproxy.Proxy(self.server.imaps_port, delay_ms=50))
        mounted = self.mount(self.server, *options, port=proxy.port)
        mounted.run('mkdir Box; ls INBOX Box')
        self.wait_watching(mounted, 'all')
        reader = self.reader(mounted)
        users = [mounted.background(f'while :; do {loop.format(number)}; done >/dev/null 2>&1') for number in (1, 2, 3)]
        for user in users:
            self.addCleanup(user.signal, signal.SIGKILL)
        time.sleep(1)
        for uid in range(10, 13):
            name = mounted.run(f'ls -d INBOX/*Letter-{uid}.*').strip()
            self.server.expunge('INBOX', str(uid))
            self.assertTrue(reader.wait_for(event='expunged', uid=uid))
            self.assertTrue(wait_until(lambda: not os.path.exists(mounted.path / name), 2), name)
        for user in users:
            user.signal(signal.SIGKILL)
            user.finish()

    def test_steady_listing(self):
        self.check_steady_use('ls INBOX')

    def test_steady_change(self):
        self.check_steady_use('mv INBOX/*Letter-{0}.* Box/; mv Box/*Letter-{0}.* INBOX/', 'sync')


def is_stuck(pid):
    """Whether a thread waits for the kernel, and still does."""
    def waiting():
        return {task.name for task in pathlib.Path(f'/proc/{pid}/task').iterdir()
                if (task / 'stat').read_text().rpartition(')')[2].split()[0] == 'D'}
    stuck = waiting()
    for _ in range(10 if stuck else 0):
        time.sleep(0.02)
        stuck &= waiting()
    return bool(stuck)


def poll_once(fd, milliseconds):
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(milliseconds))


class TestMany(LiveCase):
    def test_flags_of_many(self):
        """What 10,000 changes take, and that a reader who is slow knows what it has not been told."""
        n = int(5000 if SLOWNESS > 1 else 10000)
        mounted = self.begin(n=n)
        self.wait_watching(mounted, 'all')
        reader = self.reader(mounted)
        slow = os.open(mounted.path / '.imapfs/events', os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, slow)
        before = mounted.resident_bytes()
        with self.server.selected('INBOX', readonly=False) as client:
            check(client.uid('STORE', '1:*', '+FLAGS.SILENT', '(\\Flagged)'))
        self.assertTrue(wait_until(lambda: reader.kinds().count('flags') == n, 60), reader.kinds().count('flags'))
        print(f'# {n} flags: {(mounted.resident_bytes() - before) / 1e6:.1f} MB more, '
              f'{reader.events[-1][0] - next(t for t, e in reader.events if e["event"] == "flags"):.2f} s')
        self.assertLess(mounted.resident_bytes() - before, 40e6)
        names = mounted.run('ls INBOX | shuf -n 3 --random-source=/dev/zero').split()
        for name in names:
            self.assertEqual(mount.call(os.getxattr, mounted.path / 'INBOX' / name, 'user.imap.flags'), b'\\Flagged')
        self.server.store('INBOX', '1:*', '-FLAGS (\\Flagged)')
        self.assertTrue(wait_until(lambda: reader.kinds().count('flags') == 2 * n, 60), reader.kinds().count('flags'))
        told, lost = mount.call(count_events, slow)
        more, lost_then = mount.call(count_events, slow)
        print(f'# a slow reader: {told} told, {lost + lost_then} left out')
        self.assertEqual(told + lost + lost_then + more, 2 * n)

    def test_several_clients(self):
        """In the end all see the same, and who has read the events knows it without looking."""
        for without in (), ('NOTIFY',):
            with self.subTest(without=without):
                self.check_several_clients(*without)

    def check_several_clients(self, *without):
        mounted = self.begin(n=60, without=without)
        mounted.listdir('Box')
        self.wait_watching(mounted, 'some' if without else 'all')
        self.assertTrue(wait_until(lambda: not without or 'Box' in mounted.status()['watching']))
        reader = self.reader(mounted)
        before = {mailbox: self.server.flags(mailbox) for mailbox in ('INBOX', 'Box')}
        clients = [threading.Thread(target=self.disturb, args=(seed,)) for seed in range(3)]
        for client in clients:
            client.start()
        mounted.run('i=0; for f in INBOX/*Letter-[12345][05].*; do mv "$f" Box/ 2>/dev/null; done;'
                    'for f in INBOX/*Letter-[12345][27].*; do rm "$f" 2>/dev/null; done; true', seconds=60)
        for client in clients:
            client.join(60 * SLOWNESS)
        mounted.run('sync INBOX Box', seconds=60, check=False)
        held = {mailbox: self.server.flags(mailbox) for mailbox in before}
        wait_until(lambda: follow(before, reader.events) == held)
        self.assertEqual(follow(before, reader.events), held)
        self.assertEqual({mailbox: self.shown(mounted, mailbox) for mailbox in held}, held)

    def shown(self, mounted, mailbox):
        """{uid: set of flags}, as the mount has them."""
        def attribute(name, attribute):
            return mount.call(os.getxattr, mounted.path / mailbox / name, attribute).decode()
        return {int(attribute(name, 'user.imap.uid')): set(attribute(name, 'user.imap.flags').split())
                for name in mounted.listdir(mailbox)}

    def disturb(self, seed):
        chance = random.Random(seed)
        with self.server.selected('INBOX', readonly=False) as client:
            for number in range(20):
                uid = str(chance.randrange(1, 60))
                if chance.random() < 0.5:
                    client.uid('STORE', uid, '+FLAGS', f'(client{seed})')
                elif chance.random() < 0.5:
                    client.uid('STORE', uid, '+FLAGS', '(\\Deleted)')
                    client.uid('EXPUNGE', uid)
                else:
                    client.append('INBOX', '()', None, letter(2000 + 100 * seed + number))


def follow(before, events):
    """What the mailboxes hold, {mailbox: {uid: set of flags}}, by what was told since they held @before."""
    now = {mailbox: dict(messages) for mailbox, messages in before.items()}
    for _, event in list(events):
        if event['event'] in ('new', 'flags'):
            assert (event['uid'] in now[event['mailbox']]) == (event['event'] == 'flags'), event
            now[event['mailbox']][event['uid']] = set(event['flags'])
        elif event['event'] == 'expunged':
            del now[event['mailbox']][event['uid']]
    return now


def count_events(fd):
    """How many flags a reader is told of, up to where there is no more, and how many it is told to have missed."""
    text = b''
    try:
        while piece := os.read(fd, 1 << 20):
            text += piece
    except BlockingIOError:
        pass
    events = [json.loads(line) for line in text.splitlines()]
    return (sum(event['event'] == 'flags' for event in events),
            sum(event['count'] for event in events if event['event'] == 'lost'))


if __name__ == '__main__':
    mount.main()
