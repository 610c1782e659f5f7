#!/usr/bin/python3
"""Connecting, logging in, mounting, detaching and ending; and one clear sentence where any of that is impossible."""

import base64
import fcntl
import itertools
import os
import pathlib
import pty
import signal
import socket
import stat
import subprocess
import termios
import unittest
import urllib.parse

import fakeserver
import mailserver
import mount
import samplemail
from mount import wait_until

HELLO = b'Subject: hello\r\nFrom: a@example.org\r\n\r\nworld\r\n'
ODD_PASSWORD = mailserver.USERS['bob']


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(('::1', 0))
        return True
    except OSError:
        return False


def session_and_terminal(pid):
    fields = pathlib.Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()
    return int(fields[3]), int(fields[4])


class ConnectingCase(mount.MountTestCase):
    def works(self, target, *options, **keywords):
        """Mounts and looks into INBOX."""
        mounted = self.mount(target, *options, **keywords)
        self.assertIn('INBOX', mounted.listdir())
        self.assertTrue(mounted.listdir('INBOX'))
        return mounted

    def fails(self, words, target, *options, **keywords):
        """Mounting ends with status 1 and one sentence that matches words; nothing is mounted, nobody is left."""
        keywords.setdefault('foreground', False)
        self.says(words, self.new_mount(target, *options, **keywords))

    def says(self, words, failing):
        status, said = failing.expect_failure()
        self.assertRegex(said, words)
        self.assertNotIn('correct horse', said)
        self.assertRegex(said, r'\Aimapfs: [^\n]+\n\Z')
        self.assertEqual(status, 1)
        self.assertIsNone(failing.find_daemon())
        self.assertFalse(mount.is_mounted(failing.path))


class TestSecurity(ConnectingCase):
    """TLS or not, and whose certificate."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        listen = f'listen = 127.0.0.1, {mailserver.STRICT_HOST}' + (', ::1' if has_ipv6() else '')
        server = mailserver.Dovecot(extra=listen)
        server.deliver('INBOX', samplemail.many(3))
        cls.server = cls.enterClassContext(server)

    def test_tls_from_the_first_byte(self):
        self.assertRegex(self.works(self.server).status()['tls'], r'^TLSv1\.[23]$')

    def test_starttls(self):
        url = self.server.url(tls='starttls', host=mailserver.STRICT_HOST)  # there it is LOGINDISABLED before
        mounted = self.works(url, ca_file=self.server.ca_file, arguments=['-d'])
        self.assertRegex(mounted.status()['tls'], r'^TLSv1\.[23]$')
        self.assertRegex(mounted.log(), r'\A(?:[^>]*\n)?[^>\n]* > \S+ STARTTLS\n')
        self.works(url, 'tls=starttls', ca_file=self.server.ca_file)

    def test_plain_to_loopback(self):
        server = mailserver.Dovecot(tls=False)
        server.deliver('INBOX', samplemail.many(1))
        self.enter(server)
        self.assertRegex(self.works(server).status().get('tls', 'none'), 'none|no')
        self.works(server.url(host='localhost'), 'tls=none')

    def test_plain_to_anywhere_else_is_refused(self):
        self.fails('another machine', 'imap://alice@192.0.2.1', 'tls=none')
        self.fails('another machine', 'imap://alice@localhost.example.org', 'tls=none')

    def test_address_and_name_are_checked_against_the_certificate(self):
        hosts = ['127.0.0.1', '127.0.0.2', 'localhost'] + (['[::1]'] if has_ipv6() else [])
        for host, tls in itertools.product(hosts, ('implicit', 'starttls')):
            with self.subTest(host=host, tls=tls):
                self.works(self.server.url(tls=tls, host=host), ca_file=self.server.ca_file)

    def test_certificate_of_another_host(self):
        server = self.enter(mailserver.Dovecot(certificate='wronghost'))
        for host, tls in itertools.product(('127.0.0.1', 'localhost'), ('implicit', 'starttls')):
            with self.subTest(host=host, tls=tls):
                words = f'certificate of {host} cannot be trusted: (IP address|[Hh]ost ?name) mismatch'
                self.fails(words, server.url(tls=tls, host=host), ca_file=server.ca_file)

    def test_certificate_of_an_unknown_authority(self):
        server = self.enter(mailserver.Dovecot(certificate='untrusted'))
        self.fails('certificate of 127.0.0.1 cannot be trusted: .*self.signed', server)
        self.fails('certificate of 127.0.0.1 cannot be trusted', self.server.url())  # with the system's store

    def test_certificate_that_has_expired(self):
        server = self.enter(mailserver.Dovecot(certificate='expired'))
        self.fails('certificate of 127.0.0.1 cannot be trusted: .*expired', server)

    def test_server_without_starttls(self):
        server = self.enter(mailserver.Dovecot(tls=False))
        self.fails('127.0.0.1 offers no STARTTLS', server.url(tls='starttls'))
        self.fails('no TLS connection to 127.0.0.1', f'imaps://alice@127.0.0.1:{server.imap_port}')

    def test_preauth_cannot_prevent_starttls(self):
        server = self.enter(fakeserver.Imap({'INBOX': [HELLO]}, greeting='* PREAUTH welcome'))
        self.fails('PREAUTH', server.url())
        self.assertEqual(server.commands, [])

    def test_what_was_injected_before_tls_ends_it(self):
        server = fakeserver.Imap({'INBOX': [HELLO]}, tls='starttls', starttls_extra=b'* CAPABILITY IMAP4rev1\r\n')
        self.fails('tampering', self.enter(server))

    def test_no_password_where_login_is_disabled(self):
        server = self.enter(mailserver.Dovecot())
        self.fails('no way to log in', server.url(tls='none', host=mailserver.STRICT_HOST), 'tls=none')
        self.assertNotIn('Login', server.log())


class TestServers(ConnectingCase):
    """What goes wrong on the other side."""

    def test_unknown_host(self):
        self.fails('no-such-host.invalid', 'imaps://alice@no-such-host.invalid')

    def test_connection_refused(self):
        port = mailserver.free_port()
        self.fails(f'cannot connect to 127.0.0.1 port {port}: .*refused', f'imaps://alice@127.0.0.1:{port}')
        self.fails('refused', f'imaps://alice@127.0.0.1:{port}', foreground=True)

    def test_no_imap_server(self):
        for greeting, words in (('220 mail.example.org ESMTP ready', '127.0.0.1'), ('HTTP/1.1 400 Bad', '127.0.0.1'),
                                ('* BYE Too many connections', r'^imapfs: (?!.*BYE.*BYE).*Too many')):
            with self.subTest(greeting=greeting):
                server = self.enter(fakeserver.FakeServer(lambda client: (client.send(greeting), client.stall())))
                self.fails(words, server.url(), 'tls=none', 'timeout=5')

    def test_connection_closed_at_once(self):
        server = self.enter(fakeserver.FakeServer(lambda client: client.drop()))
        self.fails('connection to 127.0.0.1 lost: closed by the server', server.url(), 'tls=none')

    def test_server_that_says_nothing(self):
        server = self.enter(fakeserver.FakeServer(lambda client: client.stall()))
        for tls in ('tls=none', 'tls=starttls'):
            self.fails('no answer from 127.0.0.1', server.url(), tls, 'timeout=1')

    def test_killed_while_it_waits_for_the_server(self):
        for foreground, number in itertools.product((True, False), (signal.SIGTERM, signal.SIGINT, signal.SIGKILL)):
            with self.subTest(foreground=foreground, signal=number):
                server = self.enter(fakeserver.FakeServer(lambda client: client.stall()))
                waiting = self.new_mount(server.url(), 'tls=none', foreground=foreground)
                waiting.spawn()
                self.assertTrue(wait_until(lambda: server.connections))
                waiting.process.send_signal(number)
                self.assertNotEqual(waiting.process.wait(10), 0)
                self.assertTrue(wait_until(lambda: waiting.find_daemon() is None))


class TestLogin(ConnectingCase):
    """Who, with which password, and from where."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        server = mailserver.Dovecot(plaintext=True)
        for user in server.users:
            server.deliver('INBOX', samplemail.many(2), user)
        server.deliver('Archive/2025/R&D "100%" für', samplemail.many(5))
        cls.server = cls.enterClassContext(server)

    def test_wrong_password_and_unknown_user(self):
        for tls in ('implicit', 'starttls', 'none'):
            with self.subTest(tls=tls):
                options = ('tls=none',) if tls == 'none' else ()
                words = '127.0.0.1 does not let alice in: .*Authentication failed'
                self.fails(words, self.server, *options, tls=tls, password='wrong')
        self.fails('does not let nobody in', self.server, user='nobody', password='x')
        self.fails('does not let alice in', self.server, password='wrong', foreground=True)

    def test_password_from_everywhere(self):
        for user, how in itertools.product(self.server.users, ('file', 'fd', 'command')):
            with self.subTest(user=user, how=how):
                self.works(self.server, user=user, password_by=how)

    def test_odd_password_by_every_command(self):
        """AUTHENTICATE with and without an initial response, and LOGIN with literals."""
        capabilities = fakeserver.Imap.capabilities
        for how, words, mechanism in (('SASL-IR', capabilities, True), ('no SASL-IR', 'IMAP4rev1', True),
                                      ('LOGIN', 'IMAP4rev1', False), ('LOGIN, LITERAL+', 'IMAP4rev1 LITERAL+', False)):
            with self.subTest(how=how):
                server = fakeserver.Imap({'INBOX': [HELLO]}, capabilities=words)
                if not mechanism:
                    server.capability_list = lambda client, words=words: words
                mounted = self.works(self.enter(server), user='bob', arguments=['-d'])
                self.assert_no_secret(mounted.log(), 'bob', ODD_PASSWORD)
                self.assertEqual(server.errors, [])

    def test_password_sources_that_do_not_work(self):
        for words, option, env in (
                ('password_file /nonexistent: No such file', 'password_file=/nonexistent', {}),
                ('password_file /dev/null: is neither', 'password_file=/dev/null', {}),
                (f'password_file {os.path.realpath(__file__)}: is open to other users', f'password_file={__file__}', {}),
                ('password_command: exited with status 3', 'password_command=exit 3', {}),
                ('password_command: .*empty', 'password_command=true', {}),
                ('IMAPFS_PASSWORD_FD', 'rw', {'IMAPFS_PASSWORD_FD': '99'}),
                ('IMAPFS_PASSWORD_FD', 'rw', {'IMAPFS_PASSWORD_FD': 'x'})):
            with self.subTest(words=words):
                self.fails(words, self.server, option, env=env, password_by=None)

    def test_no_terminal_to_ask_at(self):
        failing = self.new_mount(self.server, password_by=None)
        done = subprocess.run(failing.command(), env=failing.env, start_new_session=True, capture_output=True, timeout=20)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, rb'\Aimapfs: there is no terminal [^\n]*\n\Z')

    def spawn_on_terminal(self, mounting):
        """Starts it with a terminal of its own; returns the other end of that."""
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        mount.live_mounts.add(mounting)
        mounting.process = subprocess.Popen(
            mounting.command(), env=mounting.env, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(theirs)
        return ours

    def answer(self, terminal, password):
        """Waits for the question, checks that nothing typed is shown, answers; returns what was shown until the end."""
        shown = os.read(terminal, 1000).decode()
        self.assertRegex(shown, r'\APassword of \w+ at 127\.0\.0\.1: \Z')
        self.assertFalse(termios.tcgetattr(terminal)[3] & termios.ECHO)
        os.write(terminal, password.encode() + b'\n')
        shown = ''
        try:
            while piece := os.read(terminal, 1000):
                shown += piece.decode()
        except OSError:  # EIO: nobody holds the terminal any more
            pass
        return shown

    def test_password_from_the_terminal_and_no_terminal_afterwards(self):
        for user, password in self.server.users.items():
            mounted = self.new_mount(self.server, user=user, password_by=None, foreground=False)
            terminal = self.spawn_on_terminal(mounted)
            self.assertEqual(self.answer(terminal, password).strip(), '')
            self.assertEqual(mounted.process.wait(20), 0)
            mounted.pid = mounted.find_daemon()
            self.assertIn('INBOX', mounted.listdir())
            self.assertEqual(session_and_terminal(mounted.pid), (mounted.pid, 0))
            mounted.unmount()

    def test_wrong_password_at_the_terminal(self):
        failing = self.new_mount(self.server, password_by=None, foreground=False)
        said = self.answer(self.spawn_on_terminal(failing), 'wrong').strip()
        self.assertRegex(said, r'\Aimapfs: 127\.0\.0\.1 does not let alice in[^\n]*\Z')
        self.assertEqual(failing.process.wait(20), 1)

    def assert_no_secret(self, log, user, password):
        self.assertRegex(log, r'> \S+ (AUTHENTICATE|LOGIN)')
        forms = [password, password.encode('unicode_escape').decode()]
        forms += [base64.b64encode(text.encode()).decode().rstrip('=') for text in
                  (password, f'\0{user}\0{password}', f'{user}\0{user}\0{password}')]
        for form in forms:
            self.assertNotIn(form, log)
        for word in password.split():
            if len(word) > 3:
                self.assertNotIn(word, log)

    def test_log_has_the_protocol_but_not_the_password(self):
        for user, password in self.server.users.items():
            for tls in ('implicit', 'none'):
                mounted = self.works(self.server, user=user, tls=tls, arguments=['-d'])
                self.assertRegex(mounted.log(), r'< \* OK .*Dovecot')
                self.assertRegex(mounted.log(), r'> \S+ LIST ""')
                self.assert_no_secret(mounted.log(), user, password)
        quiet = self.works(self.server, arguments=['-v'])
        self.assertRegex(quiet.log(), r'(?m)mounted imaps://alice@127\.0\.0\.1:\d+ on ')
        self.assertNotIn('LIST ""', quiet.log())
        self.assertEqual(self.works(self.server).log(), '')

    def test_mount_of_a_subtree(self):
        url = self.server.url()
        name = 'R&D "100%25" für'
        for path, entries in (('Archive', ['2025']), ('Archive/2025/', [name]), ('Archive/2025', [name])):
            self.assertEqual(self.mount(f'{url}/{path}', ca_file=self.server.ca_file).listdir(), entries)
        inner = urllib.parse.quote(f'Archive/2025/{name}')
        mounted = self.mount(f'{url}/{inner}', ca_file=self.server.ca_file)
        messages = self.server.messages('Archive/2025/R&D "100%" für')
        self.assertEqual(sorted(mounted.contents().values()), sorted(messages.values()))
        self.assertEqual(mounted.status()['mounted'].rpartition(':')[2].partition('/')[2], inner)

    def test_no_such_mailbox_in_the_url(self):
        for path in ('Nowhere', 'Archive/1999', 'INBOX/INBOX', 'archive'):
            with self.subTest(path=path):
                self.fails(f'no mailbox "{path}"', f'{self.server.url()}/{path}', ca_file=self.server.ca_file)

    def test_account_of_the_configuration_file(self):
        secret = self.server.directory / 'alice-secret'
        secret.write_text('correct horse\n')
        secret.chmod(0o600)
        config = (f'[work]\nurl={self.server.url()}/Archive\nca_file={self.server.ca_file}\nro=true\nnames=uid\n'
                  f'password_command=cat {secret}\n\n[broken]\nurl={self.server.url()}\ncolour=red\n')
        mounted = self.mount('work', password_by=None, config=config)
        self.assertEqual(sorted(mounted.listdir('2025/R&D "100%25" für')), [f'{uid}.eml' for uid in range(1, 6)])
        self.assertEqual(stat.S_IMODE(mounted.stat('2025').st_mode), 0o500)
        mounted = self.mount('work', 'names=subject', password_by=None, config=config)  # the command line wins
        self.assertNotIn('1.eml', mounted.listdir('2025/R&D "100%25" für'))
        self.fails('colour', 'broken', password_by=None, config=config)
        self.fails('nowhere', 'nowhere', password_by=None, config=config)

    def test_detached_it_returns_when_all_is_ready_and_ends_with_the_mount(self):
        for end in ('unmount', 'terminate'):
            with self.subTest(end=end):
                mounted = self.new_mount(self.server, foreground=False)
                mounted.start()
                self.assertIn('INBOX', os.listdir(mounted.path))
                process = pathlib.Path(f'/proc/{mounted.pid}')
                self.assertEqual(session_and_terminal(mounted.pid), (mounted.pid, 0))
                self.assertEqual({os.readlink(process / 'fd' / str(fd)) for fd in range(3)}, {'/dev/null'})
                self.assertEqual(os.readlink(process / 'cwd'), '/')
                getattr(mounted, end)()
                self.assertIsNone(mounted.find_daemon())
                self.assertFalse(mount.is_mounted(mounted.path))
                self.assertEqual(mounted.log(), '')
        mounted = self.works(self.server)  # and with -f
        mounted.terminate()
        self.assertEqual(mounted.process.returncode, 0)

    @unittest.skipUnless(os.geteuid() == 0, 'only root may call mount')
    def test_mount_command_and_fstab(self):
        """In a mount namespace, where imapfs is installed in /usr/local/bin: mount(8) ignores $PATH."""
        ready = self.new_mount(self.server)
        programs = ready.directory / 'bin'
        programs.mkdir()
        (programs / 'imapfs').symlink_to(mount.PROGRAM)
        options = ','.join(ready.options + ['ro', 'nosuid', 'noauto', 'nofail', '_netdev', 'x-systemd.automount'])
        table = ready.directory / 'fstab'
        table.write_text(f'{ready.url} {ready.path} fuse.imapfs {options} 0 0\n')
        script = """mount --bind "$1" /usr/local/bin
                    mount -t fuse.imapfs -o "$2" "$3" "$4"; ls "$4"; findmnt -no FSTYPE,OPTIONS "$4"; umount "$4"
                    mount -T "$5" --target "$4"; ls "$4"; umount "$4" """
        done = subprocess.run(['unshare', '--mount', 'sh', '-ec', script, 'sh', programs, options, ready.url, ready.path,
                               table], env=ready.env, capture_output=True, text=True, timeout=20)
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        self.assertRegex(done.stdout, r'(?s)\AArchive\nINBOX\nfuse.imapfs\s+ro,nosuid,nodev.*\nArchive\nINBOX\n\Z')
        self.assertTrue(wait_until(lambda: ready.find_daemon() is None))


class TestOptions(ConnectingCase):
    """What is wrong before anybody is asked; the port of the URL must not matter."""

    def test_bad_options_and_urls(self):
        """A few; the table of all of them is in test-options.c."""
        url = 'imaps://alice@127.0.0.1:9'
        for option, words in (('names=foo', 'names=foo: must be one of'), ('nmes=uid', "unknown option 'nmes'.*'names'"),
                              ('memory=5', 'memory=5: '), ('connections=11', 'connections=11: .*1 to 10'),
                              ('timeout=0', 'timeout=0: .*1 to 3600'), ('tls=none', 'imaps://'), ('cache_size=1M', 'cache_size=1M: '),
                              ('ca_file=/nonexistent', '/nonexistent: No such file'), ('password=secret', 'password')):
            with self.subTest(option=option):
                self.fails(words, url, option)
        for url, words in (('http://example.org', 'imaps://'), ('imaps://alice:secret@example.org', 'contains a password'),
                           ('imaps://', 'host'), ('imaps://a@b/x;UIDVALIDITY=1', '%3B'), ('imaps://a@b/50%', '%25')):
            with self.subTest(url=url):
                self.fails(words, url)

    def test_bad_mount_points(self):
        url = 'imaps://alice@127.0.0.1:9'
        missing, file = [self.new_mount(url, foreground=False) for _ in range(2)]
        missing.path.rmdir()
        self.says('mount point .*/mnt: No such file', missing)
        file.path.rmdir()
        file.path.write_text('')
        self.says('mount point .*/mnt: Not a directory', file)

    def test_mounted_already(self):
        """A second mount on top would hide the first one."""
        mounted = self.mount(self.enter(mailserver.Dovecot()))
        done = subprocess.run([mount.PROGRAM, '-o', ','.join(mounted.options), mounted.url, mounted.path], timeout=30,
                              capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (1, ''))
        self.assertRegex(done.stderr, 'mount point .*/mnt: an account is mounted there already')

    def test_help_and_version(self):
        for argument, words in (('-h', 'memory='), ('--help', 'URL'), ('-V', 'imapfs '), ('--version', 'imapfs ')):
            self.assertIn(words, subprocess.check_output([mount.PROGRAM, argument], text=True))


if __name__ == '__main__':
    mount.main()
