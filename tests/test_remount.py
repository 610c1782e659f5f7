#!/usr/bin/python3
"""What a mount leaves for the next one: nothing is fetched twice, nothing wrong is ever read, and reading offline."""

import datetime
import errno
import os
import pathlib
import random
import shutil
import signal
import stat
import subprocess
import tempfile
import time

import mailserver
import mount
import netproxy
import samplemail
from mount import wait_until

DAY = datetime.datetime(2026, 11, 20, 8, 0, tzinfo=datetime.timezone.utc)
DELAY_MS = 20
OVERHEAD = 6000  # bytes of logging in and of replies


def mails(n, first=1, body=b'text', size=0):
    return [(b'Subject: %d\nFrom: a@example.org\nMessage-ID: <%d@example.org>\n\n%s %d\n%s' % (
        i, i, body, i, b'0123456789abcdef\n' * (size // 17)), DAY, '') for i in range(first, first + n)]


class RemountCase(mount.MountTestCase):
    """A server with INBOX and Box, behind a proxy that counts; mounts that share one home."""
    quiet = True

    def setUp(self):
        super().setUp()
        self.server = mailserver.Dovecot(plaintext=True)
        self.server.deliver('INBOX', mails(10, size=3000))
        self.server.deliver('Box', mails(5, 101))
        self.enter(self.server)
        self.home = pathlib.Path(tempfile.mkdtemp(prefix='imapfs-home.'))
        self.addCleanup(shutil.rmtree, self.home, ignore_errors=True)
        self.proxy = netproxy.Proxy(self.server.imap_port, delay_ms=DELAY_MS)
        self.addCleanup(lambda: self.proxy.stop())

    def start(self, *options, **keywords):
        return self.mount(self.server, *options, tls='none', port=self.proxy.port, home=self.home, **keywords)

    def new(self, *options, **keywords):
        return self.new_mount(self.server, *options, tls='none', port=self.proxy.port, home=self.home, **keywords)

    def stop_line(self):
        self.proxy.stop()

    def start_line(self):
        self.proxy = netproxy.Proxy(self.server.imap_port, delay_ms=DELAY_MS, listen=self.proxy.port)

    def folder(self):
        found, = (self.home / 'cache' / 'imapfs').iterdir()
        return found

    def fill(self, *options, mailboxes=('INBOX', 'Box')):
        """Mounts, reads all, unmounts; returns {path: bytes}."""
        mounted = self.start(*options)
        contents = {f'{mailbox}/{name}': content for mailbox in mailboxes
                    for name, content in mounted.contents(mailbox).items()}
        mounted.unmount()
        return contents

    def assert_errno(self, number, function, *arguments):
        with self.assertRaises(OSError) as caught:
            function(*arguments)
        self.assertEqual(errno.errorcode[caught.exception.errno], errno.errorcode[number])

    def check(self, mounted, contents):
        for path, content in contents.items():
            self.assertEqual(mounted.read(path), content, path)


class TestComingBack(RemountCase):
    def test_nothing_is_fetched_again(self):
        for options in ([], ['names=uid'], ['ro']):
            with self.subTest(options=options):
                contents = self.fill(*options)
                with self.proxy.counting() as counts:
                    mounted = self.start(*options)
                    self.check(mounted, contents)
                self.assertLess(counts['bytes_down'], OVERHEAD)
                mounted.unmount()

    def test_an_unchanged_mailbox_lists_without_a_question(self):
        self.server.deliver('Many', samplemail.many(2000))
        mounted = self.start()
        before = mounted.run('ls -li Many')
        mounted.unmount()
        with self.proxy.counting() as counts:
            mounted = self.start()
            connected = self.proxy.stats()
            after = mounted.run('ls -li Many')
        self.assertEqual(after, before)
        self.assertEqual(self.proxy.stats()['round_trips'] - connected['round_trips'], 0)
        self.assertLess(counts['bytes_down'], OVERHEAD)

    def test_names_and_numbers_stay(self):
        mounted = self.start()
        before = {name: found.st_ino for name, found in mounted.files('INBOX').items()}
        mounted.unmount()
        mounted = self.start()
        self.assertEqual({name: found.st_ino for name, found in mounted.files('INBOX').items()}, before)

    def test_what_changed_meanwhile(self):
        contents = self.fill('names=uid')
        self.server.append('INBOX', mails(2, 501))
        self.server.expunge('INBOX', '3,5')
        self.server.expunge('Box', '5')
        self.server.append('Box', mails(1, 601))
        mounted = self.start('names=uid')
        for mailbox in ('INBOX', 'Box'):
            expected = self.server.messages(mailbox)
            self.assertEqual(sorted(mounted.listdir(mailbox)), sorted(f'{uid}.eml' for uid in expected))
            for uid, content in expected.items():
                self.assertEqual(mounted.read(f'{mailbox}/{uid}.eml'), content)
        mounted.unmount()
        mounted = self.start('names=uid')
        self.assertNotIn('3.eml', mounted.listdir('INBOX'))
        del contents

    def test_new_mail_by_its_name(self):
        """Whoever knows the name need not list first: what is not in the index is not yet missing."""
        contents = self.fill('names=uid')
        self.server.append('INBOX', mails(1, 11))
        mounted = self.start('names=uid')
        self.assertEqual(mounted.read('INBOX/1.eml'), contents['INBOX/1.eml'])
        self.assertIn(b'Subject: 11', mounted.read('INBOX/11.eml'))
        mounted.unmount()
        self.server.append('INBOX', mails(1, 12))
        mounted = self.start('names=uid')
        self.assertIn(b'Subject: 12', mounted.read('INBOX/12.eml'))
        self.assert_errno(errno.ENOENT, mounted.read, 'INBOX/13.eml')

    def test_new_mail_after_a_while(self):
        """The listing of the mount itself does not stand for later ones."""
        self.fill('names=uid')
        mounted = self.start('names=uid')
        self.assertEqual(len(mounted.listdir('INBOX')), 10)
        self.server.append('INBOX', mails(1, 501))
        self.assertIn('11.eml', mounted.listdir('INBOX'))

    def test_another_mailbox_under_the_name(self):
        """A new UIDVALIDITY: new inodes, and the same bytes only for what is certainly the same message."""
        contents = self.fill('names=uid')
        mounted = self.start('names=uid')
        inode = mounted.stat('Box').st_ino
        mounted.unmount()
        self.recreate('Box', mails(4, 201))
        mounted = self.start('names=uid')
        self.assertNotEqual(mounted.stat('Box').st_ino, inode)
        expected = self.server.messages('Box')
        self.assertEqual(sorted(mounted.listdir('Box')), [f'{uid}.eml' for uid in sorted(expected)])
        for uid, content in expected.items():
            self.assertEqual(mounted.read(f'Box/{uid}.eml'), content)
        self.assertEqual(mounted.read('INBOX/1.eml'), contents['INBOX/1.eml'])

    def recreate(self, mailbox, contents):
        client = self.server.connect()
        mailserver.check(client.delete(mailbox))
        mailserver.check(client.create(mailbox))
        client.logout()
        self.server.append(mailbox, contents)

    def test_the_same_mail_under_a_new_uidvalidity(self):
        self.server.append('Big', mails(20, 301, size=100_000))
        contents = self.fill(mailboxes=['Big'])
        self.recreate('Big', list(reversed(mails(20, 301, size=100_000))))
        with self.proxy.counting() as counts:
            mounted = self.start()
            mounted.listdir('Big')
            self.check(mounted, contents)
        self.assertLess(counts['bytes_down'], 100_000)

    def test_other_names(self):
        """The rule of names changes, bodies stay."""
        contents = self.fill('names=subject')
        with self.proxy.counting() as counts:
            mounted = self.start('names=uid')
            self.assertIn('1.eml', mounted.listdir('INBOX'))
            self.assertEqual(sorted(mounted.contents('INBOX').values()),
                             sorted(content for path, content in contents.items() if path.startswith('INBOX/')))
        self.assertLess(counts['bytes_down'], 2 * OVERHEAD)

    def test_other_names_without_a_line(self):
        contents = self.fill('names=subject')
        self.stop_line()
        mounted = self.start('names=uid')
        self.assertEqual(sorted(mounted.contents('INBOX').values()),
                         sorted(content for path, content in contents.items() if path.startswith('INBOX/')))
        mounted.unmount()
        mounted = self.start('names=subject')
        self.check(mounted, contents)

    def test_names_of_what_came_while_there_were_others(self):
        contents = self.fill('names=subject')
        self.server.append('INBOX', mails(2, 501))
        mounted = self.start('names=uid')
        self.assertEqual(len(mounted.contents('INBOX')), 12)
        mounted.unmount()
        mounted = self.start('names=subject')
        self.assertEqual(len([name for name in mounted.listdir('INBOX') if '.50' in name]), 2)
        self.check(mounted, contents)

    def test_two_mounts_at_once(self):
        first = self.start()
        second = self.start()
        self.assertIn('nothing is kept on disk', second.log())
        self.assertEqual(first.contents('INBOX'), second.contents('INBOX'))
        second.unmount()
        first.unmount()
        third = self.start()
        self.assertNotIn('nothing is kept', third.log())


class TestOffline(RemountCase):
    def test_no_line(self):
        contents = self.fill('names=uid', mailboxes=['INBOX'])
        self.stop_line()
        mounted = self.start('names=uid')
        self.assertIn('showing what is kept', mounted.log())
        self.assertEqual(sorted(mounted.listdir()), ['Box', 'INBOX'])
        self.assertEqual(len(mounted.listdir('INBOX')), 10)
        self.check(mounted, contents)
        self.assertEqual(mounted.status()['state'], 'offline')
        began = time.monotonic()
        self.assert_errno(errno.EHOSTDOWN, mounted.listdir, 'Box')
        self.assertLess(time.monotonic() - began, 2 * mount.SLOWNESS)
        self.start_line()
        self.assertTrue(wait_until(lambda: mounted.status()['state'] == 'online', 30))
        self.assertEqual(len(mounted.listdir('Box')), 5)

    def test_what_was_listed_but_not_read(self):
        mounted = self.start('names=uid')
        mounted.listdir('INBOX')
        mounted.unmount()
        self.stop_line()
        mounted = self.start('names=uid')
        self.assertEqual(len(mounted.files('INBOX')), 10)
        self.assert_errno(errno.EHOSTDOWN, mounted.read, 'INBOX/1.eml')

    def test_asked_for(self):
        contents = self.fill()
        with self.proxy.counting() as counts:
            mounted = self.start('offline', password=None)
            self.check(mounted, contents)
            self.assertEqual(mounted.status()['state'], 'offline')
        self.assertEqual(counts['connections'], 0)

    def test_nothing_known(self):
        status, log = self.new('offline').expect_failure()
        self.assertEqual(status, 1)
        self.assertIn('nothing is kept of', log)
        self.stop_line()
        status, log = self.new().expect_failure()
        self.assertEqual(status, 1)

    def test_a_wrong_password_is_no_line_that_is_down(self):
        self.fill()
        status, log = self.new(password='wrong').expect_failure()
        self.assertEqual(status, 1)
        self.assertNotIn('showing what is kept', log)


class TestKeeping(RemountCase):
    def test_who_may_look(self):
        self.fill()
        for path in [self.folder(), *self.folder().rglob('*')]:
            found = path.lstat()
            self.assertEqual(stat.S_IMODE(found.st_mode), 0o700 if stat.S_ISDIR(found.st_mode) else 0o600, path)

    def test_memory_writes_nothing(self):
        self.fill('cache=memory')
        self.assertEqual(list((self.home / 'cache').rglob('*')), [])

    def forget(self, options='tls=none'):
        return subprocess.run([mount.PROGRAM, '--forget', '-o', options,
                               self.server.url('alice', 'none', self.proxy.port)], capture_output=True, text=True,
                              env={**os.environ, 'XDG_CACHE_HOME': str(self.home / 'cache')}, timeout=30)

    def test_forget(self):
        self.fill()
        mounted = self.start()
        done = self.forget()
        self.assertEqual(done.returncode, 1)
        self.assertIn('mount', done.stderr)
        mounted.unmount()
        done = self.forget('tls=none,cache=memory')
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        self.assertEqual(list((self.home / 'cache/imapfs').iterdir()), [])
        self.assertEqual(self.forget().returncode, 1)

    def test_a_folder_that_others_may_read(self):
        self.fill()
        self.folder().chmod(0o755)
        mounted = self.start()
        self.assertIn('nothing is kept on disk', mounted.log())
        self.assertEqual(len(mounted.contents('INBOX')), 10)

    def test_a_full_disk(self):
        if os.getuid():
            self.skipTest('needs root, for a file system of its own')
        cache = self.home / 'cache'
        cache.mkdir(exist_ok=True)
        subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=300k,mode=700', 'none', str(cache)], check=True)
        self.addCleanup(subprocess.run, ['umount', '-l', str(cache)], check=True)
        self.server.append('Big', mails(20, 301, size=100_000))
        expected = sorted(self.server.messages('Big').values())
        for _ in range(2):
            mounted = self.start()
            self.assertEqual(sorted(mounted.contents('Big').values()), expected)
            mounted.unmount()

    def test_damage(self):
        """Whatever becomes of the files, what is read is what the server has."""
        self.server.append('Big', mails(8, 301, size=200_000))
        contents = self.fill(mailboxes=['INBOX', 'Box', 'Big'])
        chance, other_chance = random.Random(1), random.Random(2)
        for i in range(12 if mount.SLOWNESS < 2 else 4):
            with self.subTest(i=i):
                for path in sorted(self.folder().rglob('*')):
                    of_journal = path.name.startswith('journal.')
                    dice = other_chance if of_journal else chance
                    if path.is_file() and path.name != 'lock' and dice.random() < 0.5:
                        damage(path, dice)
                mounted = self.start()
                mounted.expect(r'journal\.sqlite')  # changes may have been in it, so that is a warning
                self.check(mounted, contents)
                mounted.unmount()

    def test_killed_while_filling(self):
        self.server.append('Big', mails(8, 301, size=200_000))
        chance = random.Random(2)
        contents = self.fill(mailboxes=['INBOX', 'Box', 'Big'])
        for i in range(int(os.environ.get('IMAPFS_TEST_KILLS', '10' if mount.SLOWNESS < 2 else '3'))):
            with self.subTest(i=i):
                if chance.random() < 0.3:
                    shutil.rmtree(self.folder())
                mounted = self.start()
                reader = mounted.background('cat */*.eml > /dev/null')
                time.sleep(chance.random() * 0.4 * mount.SLOWNESS)
                mounted.kill()
                reader.finish()
                mounted = self.start()
                self.check(mounted, contents)
                mounted.unmount()


def damage(path, chance):
    size = path.stat().st_size
    kind = chance.randrange(4)
    if kind == 0:
        path.unlink()
    elif kind == 1:
        os.truncate(path, chance.randrange(size + 1))
    else:
        with open(path, 'r+b') as file:
            for _ in range(chance.randrange(1, 20)):
                file.seek(chance.randrange(max(size, 1)))
                file.write(bytes([chance.randrange(256)]))


class TestFetch(RemountCase):
    def setUp(self):
        super().setUp()
        self.server.append('Tree/Deep', mails(30, 301, size=150_000))

    def fetch(self, *paths):
        return subprocess.run([mount.PROGRAM, '--fetch', *map(str, paths)], capture_output=True, text=True,
                              timeout=60 * mount.SLOWNESS)

    def test_a_subtree(self):
        mounted = self.start('names=uid')
        done = self.fetch(mounted.path / 'Tree', mounted.path / 'Box')
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        self.assertEqual(done.stdout, '35 messages fetched, 0 were here already\n')
        with self.proxy.counting() as counts:
            done = self.fetch(mounted.path / 'Tree')
        self.assertEqual(done.stdout, '0 messages fetched, 30 were here already\n')
        self.assertLess(counts['bytes_down'], OVERHEAD)
        mounted.unmount()
        contents = self.server.messages('Tree/Deep')
        self.stop_line()
        mounted = self.start('names=uid')
        for uid, content in contents.items():
            self.assertEqual(mounted.read(f'Tree/Deep/{uid}.eml'), content)

    def test_interrupted(self):
        mounted = self.start('names=uid')
        fetch = subprocess.Popen([mount.PROGRAM, '--fetch', str(mounted.path / 'Tree')], stdout=subprocess.PIPE)
        time.sleep(0.15)
        fetch.send_signal(signal.SIGINT)
        fetch.communicate(timeout=20)
        done = self.fetch(mounted.path / 'Tree')
        self.assertEqual(done.returncode, 0)
        n_fetched, n_here = (int(word) for word in done.stdout.split() if word.isdigit())
        self.assertEqual(n_fetched + n_here, 30)

    def test_a_cache_that_is_too_small(self):
        self.server.append('Huge', mails(60, 401, size=150_000))
        mounted = self.start('names=uid', 'cache_size=4M')
        done = self.fetch(mounted.path / 'Huge')
        self.assertEqual(done.returncode, 1)
        self.assertIn('no room', done.stderr)

    def test_what_cannot_be_listed(self):
        self.start('names=uid').unmount()
        self.stop_line()
        mounted = self.start('names=uid')
        done = self.fetch(mounted.path / 'Box')
        self.assertEqual(done.returncode, 1)
        self.assertIn('Box: Host is down', done.stderr)

    def test_what_memory_has(self):
        """What the disk once had no room for is put there when it is asked for."""
        mounted = self.start('names=uid', 'cache_size=4M')
        mounted.contents('Tree/Deep')
        done = self.fetch(mounted.path / 'Tree/Deep/1.eml')
        self.assertEqual((done.returncode, done.stderr), (0, ''))

    def test_elsewhere(self):
        done = self.fetch(self.home)
        self.assertEqual(done.returncode, 1)
        self.assertIn('not in a mount of imapfs', done.stderr)
        mounted = self.start('cache=memory')
        done = self.fetch(mounted.path / 'Box')
        self.assertEqual(done.returncode, 1)
        self.assertIn('keeps nothing on disk', done.stderr)


if __name__ == '__main__':
    mount.main()
