#!/usr/bin/python3
"""Tests of what the other tests stand on: the mail server, the sample mail, the proxy, the fake server."""

import contextlib
import hashlib
import imaplib
import os
import pathlib
import re
import signal
import socket
import ssl
import tempfile
import threading
import time
import unittest

import fakeserver
import mailserver
import mount
import netproxy
import processes
import samplemail

HELLO = b'Subject: hello\r\nFrom: a@example.org\r\n\r\nworld\r\n'


def secret(client, user='alice'):
    return client.authenticate('PLAIN', lambda _: f'\0{user}\0{mailserver.USERS[user]}'.encode())


class TestDovecot(mount.TimedTestCase):
    def start(self, **options):
        return self.enter(mailserver.Dovecot(**options))

    def tls_client(self, server, host='127.0.0.1'):
        context = ssl.create_default_context(cafile=server.ca_file)
        return imaplib.IMAP4_SSL(host, server.imaps_port, ssl_context=context, timeout=10)

    def test_starts_fast(self):
        begin = time.monotonic()
        self.start()
        self.assertLess(time.monotonic() - begin, 2 * mount.SLOWNESS)

    def test_imaps_by_address_and_name(self):
        server = self.start()
        for host in ('127.0.0.1', 'localhost'):
            self.assertEqual(secret(self.tls_client(server, host))[0], 'OK')

    def test_starttls(self):
        server = self.start()
        client = imaplib.IMAP4(mailserver.STRICT_HOST, server.imap_port, timeout=10)
        self.assertIn('STARTTLS', client.capabilities)
        self.assertIn('LOGINDISABLED', client.capabilities)
        client.starttls(ssl.create_default_context(cafile=server.ca_file))
        self.assertEqual(secret(client)[0], 'OK')

    def test_password_without_tls_only_when_asked(self):
        server = self.start()
        with self.assertRaises(imaplib.IMAP4.error):
            imaplib.IMAP4(mailserver.STRICT_HOST, server.imap_port, timeout=10).login('alice', server.users['alice'])
        for options in ({'plaintext': True}, {'tls': False}):
            with self.subTest(**options):
                server = self.start(**options)
                client = imaplib.IMAP4(mailserver.STRICT_HOST, server.imap_port, timeout=10)
                client.login('alice', server.users['alice'])

    def test_certificates_that_a_client_must_refuse(self):
        for name, reason in (('wronghost', 'mismatch'), ('untrusted', 'self-signed'), ('expired', 'expired')):
            with self.subTest(certificate=name):
                server = self.start(certificate=name)
                with self.assertRaisesRegex(ssl.SSLCertVerificationError, reason):
                    self.tls_client(server)

    def test_only_tls_1_2_and_later(self):
        server = self.start()
        context = ssl.create_default_context(cafile=server.ca_file)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
        with self.assertRaises(OSError):
            imaplib.IMAP4_SSL('127.0.0.1', server.imaps_port, ssl_context=context, timeout=10)

    def test_odd_password(self):
        server = self.start()
        self.assertRegex(server.users['bob'], r'.* .*".*\\.*[^ -~]')
        server.connect('bob').logout()

    def test_delivered_files_and_appended_messages_are_what_the_server_holds(self):
        content = b'Subject: x\n\n8-bit \xff\nno end'
        date = samplemail.datetime.datetime(2025, 3, 4, 5, 6, 7, tzinfo=samplemail.datetime.timezone.utc)
        for mail_format in ('maildir', 'sdbox'):
            for files in (True, False):
                with self.subTest(mail_format=mail_format, files=files):
                    server = self.start(mail_format=mail_format)
                    server.deliver('A/Ünï', [(content, date, 'FS'), (content * 2, date, '')], files=files)
                    expected = [content.replace(b'\n', b'\r\n'), (content * 2).replace(b'\n', b'\r\n')]
                    self.assertEqual(server.messages('A/Ünï'), {1: expected[0], 2: expected[1]})
                    self.assertEqual(server.sizes('A/Ünï'), {1: len(expected[0]), 2: len(expected[1])})
                    self.assertEqual(server.flags('A/Ünï'), {1: {'\\Seen', '\\Flagged'}, 2: set()})
                    dates = [imaplib.Internaldate2tuple(head) for _, head, _ in server.fetch('A/Ünï', 'INTERNALDATE')]
                    self.assertEqual([time.mktime(found) for found in dates], [date.timestamp()] * 2)

    def test_delimiter_prefix_layout(self):
        for options, name in (({'delimiter': '.', 'prefix': 'INBOX.'}, 'INBOX.A.B'), ({'layout': 'fs'}, 'A/b.c')):
            with self.subTest(**options):
                server = self.start(**options)
                server.deliver(name, samplemail.many(3))
                self.assertIn(name, server.mailboxes())
                self.assertEqual(len(server.messages(name)), 3)

    def test_capabilities_can_be_hidden(self):
        server = self.start()
        self.assertEqual(sorted(server.connect().capability()[1][-1].decode().split()), sorted(mailserver.CAPABILITY))
        server = self.start(without=['MOVE', 'LIST-STATUS'])
        words = server.connect().capability()[1][-1].decode().split()
        self.assertIn('UIDPLUS', words)
        self.assertFalse({'MOVE', 'LIST-STATUS'} & set(words))

    def test_compress_and_rawlog(self):
        server = self.start(compress=True, rawlog=True)
        client = server.connect()
        self.assertIn('COMPRESS=DEFLATE', client.capability()[1][-1].decode())
        client.logout()
        self.assertTrue(mount.wait_until(lambda: any(
            b'LOGOUT' in path.read_bytes() for path in (server.directory / 'rawlog').iterdir())))

    def test_frozen_it_is_silent_and_goes_on_afterwards(self):
        server = self.start()
        client = server.connect()
        server.freeze()
        client.sock.settimeout(0.3)
        client.send(b'a NOOP\r\n')
        with self.assertRaises(TimeoutError):
            client.sock.recv(1)
        server.thaw()
        client.sock.settimeout(10)
        self.assertIn(b'a OK', client.sock.recv(1000))

    def test_stop_says_bye_and_start_uses_the_same_ports(self):
        server = self.start()
        ports = server.imap_port, server.imaps_port
        client = server.connect()
        family = server.processes()
        server.stop()
        self.assertIn(b'BYE', client.sock.recv(1000))
        self.assertFalse([pid for pid in family if processes.command_name(pid)])
        with self.assertRaises(ConnectionRefusedError):
            server.connect()
        server.start()
        self.assertEqual(ports, (server.imap_port, server.imaps_port))
        server.connect().logout()

    def test_kill_is_sudden(self):
        server = self.start()
        client = server.connect()
        server.kill()
        self.assertEqual(client.sock.recv(1000), b'')

    def test_never_root_and_all_under_its_directory(self):
        server = self.start()
        for pid in server.processes():
            self.assertNotEqual(os.stat(f'/proc/{pid}').st_uid, 0)
        server.stop()
        server.remove()
        self.assertFalse(server.directory.exists())

    def test_changes_behind_the_back(self):
        server = self.start()
        server.deliver('INBOX', samplemail.many(4))
        server.expunge('INBOX', '2')
        server.store('INBOX', '3', '+FLAGS (\\Flagged)')
        self.assertEqual({uid: '\\Flagged' in flags for uid, flags in server.flags('INBOX').items()},
                         {1: False, 3: True, 4: False})


class TestSampleMail(mount.TimedTestCase):
    def test_the_same_each_time(self):
        def digest():
            total = hashlib.sha256()
            for mailbox, content, date, flags in samplemail.messages(big_bytes=10_000):
                total.update(repr((mailbox, content, date, flags)).encode())
            return total.hexdigest()
        self.assertEqual(digest(), digest())

    def test_all_of_it_arrives_with_the_sizes_that_the_server_claims(self):
        server = mailserver.Dovecot()
        n_messages = samplemail.deliver(server)
        self.enter(server)
        self.assertGreater(n_messages, 290)
        total = biggest = 0
        for mailbox in server.mailboxes():
            if mailbox in ('Archive', '旅行', '工作'):
                continue  # parents without mail of their own
            contents = server.messages(mailbox)
            self.assertEqual({uid: len(content) for uid, content in contents.items()}, server.sizes(mailbox))
            total += len(contents)
            biggest = max([biggest, *map(len, contents.values())])
        self.assertEqual(total, n_messages)
        self.assertGreaterEqual(biggest, 30_000_000)

    def test_ten_thousand_in_seconds(self):
        server = mailserver.Dovecot()
        begin = time.monotonic()
        server.deliver('Many', samplemail.many(10_000))
        self.enter(server)
        self.assertEqual(len(server.sizes('Many')), 10_000)
        self.assertLess(time.monotonic() - begin, 20 * mount.SLOWNESS)


class EchoServer:
    """Says hello, then answers each line 'N' with N bytes, and 'put N' and N bytes with 'ok'."""

    def __init__(self):
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        try:
            while True:
                sock, _ = self.listener.accept()
                threading.Thread(target=self.serve, args=(sock,), daemon=True).start()
        except OSError:
            pass

    def serve(self, sock):
        with contextlib.suppress(OSError), sock, sock.makefile('rb') as lines:
            sock.sendall(b'hello\n')
            for line in lines:
                if line.startswith(b'put'):
                    lines.read(int(line[4:]))
                    sock.sendall(b'ok\n')
                else:
                    sock.sendall(pattern(int(line)))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def pattern(n_bytes):
    return (b'0123456789abcdefghi' * (n_bytes // 19 + 1))[:n_bytes]


class Client:
    def __init__(self, port):
        self.socket = socket.create_connection(('127.0.0.1', port), timeout=20)
        self.reader = self.socket.makefile('rb')

    def greeting(self):
        return self.reader.readline()

    def send(self, n_bytes):
        self.socket.sendall(b'%d\n' % n_bytes)

    def get(self, n_bytes):
        self.send(n_bytes)
        return self.reader.read(n_bytes)

    def close(self):
        self.reader.close()
        self.socket.close()


class TestProxy(mount.TimedTestCase):
    def connect(self, **options):
        server = self.enter(EchoServer())
        proxy = self.enter(netproxy.Proxy(server.port, **options))
        client = Client(proxy.port)
        self.addCleanup(client.close)
        return proxy, client

    def test_delay_of_the_set_up_and_of_each_round_trip(self):
        begin = time.monotonic()
        proxy, client = self.connect(delay_ms=20)
        self.assertEqual(client.greeting(), b'hello\n')
        self.assertGreaterEqual(time.monotonic() - begin, 0.080)  # SYN, SYN+ACK, ACK, greeting
        begin = time.monotonic()
        client.get(1)
        self.assertGreaterEqual(time.monotonic() - begin, 0.040)

    def test_a_delay_costs_no_throughput(self):
        proxy, client = self.connect(delay_ms=25)
        client.greeting()
        begin = time.monotonic()
        self.assertEqual(client.get(30_000_000), pattern(30_000_000))
        self.assertLess(time.monotonic() - begin, 3 * mount.SLOWNESS)

    def test_counts(self):
        proxy, client = self.connect(delay_ms=20)
        client.greeting()
        for _ in range(3):
            client.get(10)
        with proxy.counting() as counts:  # four requests at once are one round trip
            for _ in range(4):
                client.send(100)
                time.sleep(0.001)
            client.reader.read(400)
        self.assertEqual({name: counts[name] for name in ('turnarounds', 'round_trips', 'bytes_up', 'bytes_down')},
                         {'turnarounds': 1, 'round_trips': 1, 'bytes_up': 16, 'bytes_down': 400})
        stats = proxy.stats()
        self.assertEqual(stats['round_trips'], 4)
        self.assertEqual(stats['connections'], 1)
        self.assertEqual(stats['connection.1.bytes_down'], 6 + 30 + 400)

    def test_rate_is_shared_and_the_queue_short(self):
        proxy, client = self.connect(rate=2_000_000)
        client.greeting()
        other = Client(proxy.port)
        other.greeting()
        begin = time.monotonic()
        other.send(2_000_000)
        time.sleep(0.1)
        client.get(1)
        self.assertLess(time.monotonic() - begin, 0.5)  # not behind the two megabytes of the other
        other.reader.read(2_000_000)
        self.assertAlmostEqual(time.monotonic() - begin, 1, delta=0.3)
        other.close()

    def test_upload_and_bounded_memory(self):
        proxy, client = self.connect(delay_ms=5)
        client.greeting()
        client.socket.sendall(b'put 50000000\n' + bytes(50_000_000))
        self.assertEqual(client.reader.readline(), b'ok\n')
        client.send(200_000_000)  # which nobody reads
        time.sleep(0.5)
        status = pathlib.Path(f'/proc/{proxy.process.pid}/status').read_text()
        self.assertLess(int(re.search(r'VmHWM:\s+(\d+) kB', status).group(1)), 60_000 * mount.SLOWNESS)

    def test_cut(self):
        server = self.enter(EchoServer())
        proxy = self.enter(netproxy.Proxy(server.port, cut_after=(1000, 5000), seed=5))
        lengths = set()
        for _ in range(6):
            client, data = Client(proxy.port), b''
            try:
                client.send(100_000)
                while piece := client.socket.recv(65536):
                    data += piece
            except ConnectionResetError:
                pass
            client.close()
            self.assertEqual(data, (b'hello\n' + pattern(10_000))[:len(data)])
            self.assertTrue(1000 <= len(data) + 7 <= 5000, len(data))
            lengths.add(len(data))
        self.assertGreater(len(lengths), 2)
        self.assertEqual(proxy.stats()['cuts'], 6)

    def test_refused_and_ended(self):
        with netproxy.Proxy(mailserver.free_port(), delay_ms=5) as proxy:
            with self.assertRaises(ConnectionResetError):
                Client(proxy.port).greeting()
        self.assertEqual(proxy.process.returncode, 0)

    def test_half_closed(self):
        proxy, client = self.connect(delay_ms=5)
        client.send(1000)
        client.socket.shutdown(socket.SHUT_WR)
        self.assertEqual(client.reader.read(), b'hello\n' + pattern(1000))

    def test_dovecot_through_it(self):
        server = self.enter(mailserver.Dovecot())
        proxy = self.enter(netproxy.Proxy(server.imaps_port, delay_ms=5))
        context = ssl.create_default_context(cafile=server.ca_file)
        client = imaplib.IMAP4_SSL('127.0.0.1', proxy.port, ssl_context=context, timeout=10)
        self.assertEqual(secret(client)[0], 'OK')


class TestFakeServer(mount.TimedTestCase):
    def client(self, server):
        if server.tls == 'implicit':
            context = ssl.create_default_context(cafile=server.ca_file)
            client = imaplib.IMAP4_SSL('127.0.0.1', server.port, ssl_context=context, timeout=10)
        else:
            client = imaplib.IMAP4('127.0.0.1', server.port, timeout=10)
        if server.tls == 'starttls':
            client.starttls(ssl.create_default_context(cafile=server.ca_file))
        client.login('alice', mailserver.USERS['alice'])
        return client

    def serve(self, mails, **options):
        return self.enter(fakeserver.Imap({'INBOX': mails}, **options))

    def body(self, client, uids='1'):
        return client.uid('FETCH', uids, '(BODY.PEEK[])')[1][0][1]

    def test_script(self):
        def script(connection):
            connection.send('* OK [CAPABILITY IMAP4rev1] hello')
            tag = connection.expect(r'(\S+) CAPABILITY').group(1)
            connection.send('* CAPABILITY IMAP4rev1', f'{tag} OK done')
            connection.expect(r'\S+ NOOP')
            connection.drop()
        with fakeserver.FakeServer(script) as server:
            client = imaplib.IMAP4('127.0.0.1', server.port, timeout=10)
            with self.assertRaises(imaplib.IMAP4.abort):
                client.noop()

    def test_a_script_that_is_not_followed_fails_the_test(self):
        def script(connection):
            connection.send('* OK hello')
            connection.expect('something else')
        with self.assertRaisesRegex(AssertionError, 'something else'):
            with fakeserver.FakeServer(script) as server:
                with self.assertRaises(imaplib.IMAP4.abort):
                    imaplib.IMAP4('127.0.0.1', server.port, timeout=10)

    def test_one_script_for_each_connection(self):
        def say(text):
            return lambda connection: connection.send(text)
        with fakeserver.FakeServer([say('first'), say('rest')]) as server:
            self.assertEqual([Client(server.port).greeting() for _ in range(3)],
                             [b'first\r\n', b'rest\r\n', b'rest\r\n'])

    def test_answers_imaplib_over_every_kind_of_tls(self):
        for tls in (None, 'implicit', 'starttls'):
            with self.subTest(tls=tls):
                client = self.client(self.serve([HELLO, HELLO * 2], tls=tls))
                self.assertEqual(client.list()[1], [b'(\\HasNoChildren) "/" "INBOX"'])
                self.assertEqual(client.select()[1], [b'2'])
                self.assertEqual(self.body(client, '2'), HELLO * 2)
                self.assertEqual(client.uid('FETCH', '1', '(BODY.PEEK[HEADER.FIELDS (SUBJECT)])')[1][0][1],
                                 b'Subject: hello\r\n\r\n')
                self.assertEqual(client.uid('FETCH', '1', '(BODY.PEEK[]<9.5>)')[1][0],
                                 (b'1 (UID 1 BODY[]<9> {5}', b'hello'))

    def test_wrong_password(self):
        with self.assertRaises(imaplib.IMAP4.error):
            self.client(self.serve([], passwords={'alice': 'another'}))

    def test_sizes_lie(self):
        client = self.client(self.serve([fakeserver.Mail(HELLO, claimed_size=5)]))
        client.select()
        self.assertEqual(client.uid('FETCH', '1', '(RFC822.SIZE)')[1], [b'1 (UID 1 RFC822.SIZE 5)'])

    def test_refuse_silent_empty(self):
        client = self.client(self.serve([HELLO] * 3, refuse={1: 'NO [UNAVAILABLE] no'}, silent={2}, empty={3}))
        client.select()
        self.assertEqual(client.uid('FETCH', '1', '(BODY.PEEK[])')[0], 'NO')
        self.assertEqual(client.uid('FETCH', '2', '(BODY.PEEK[])'), ('OK', [None]))
        self.assertEqual(client.uid('FETCH', '3', '(BODY.PEEK[])')[1], [b'3 (UID 3 BODY[] "")'])

    def test_split_and_reversed_items(self):
        client = self.client(self.serve([HELLO], split_lines=True, reverse_items=True))
        client.select()
        self.assertEqual(client.uid('FETCH', '1', '(FLAGS RFC822.SIZE)')[1],
                         [b'1 (FLAGS (\\Seen) UID 1)', b'1 (RFC822.SIZE %d UID 1)' % len(HELLO)])

    def test_cut_in_a_literal_once(self):
        server = self.serve([HELLO], cut_literal=7, cut_times=1)
        client = self.client(server)
        client.select()
        with self.assertRaises(imaplib.IMAP4.abort):
            self.body(client)
        client = self.client(server)
        client.select()
        self.assertEqual(self.body(client), HELLO)
        self.assertEqual(server.count('UID FETCH'), 2)

    def test_trickle_delay_and_unsolicited(self):
        client = self.client(self.serve([HELLO], trickle_bytes=3, delay=0.02,
                                        unsolicited={'UID FETCH': b'* 7 EXISTS\r\n'}))
        client.select()
        self.assertEqual(self.body(client), HELLO)
        self.assertEqual(client.response('EXISTS')[1][-1], b'7')

    def test_stall_leaves_other_connections_alone(self):
        server = self.serve([HELLO])
        client, other = self.client(server), self.client(server)
        other.select()
        server.stall_on.add('NOOP')
        client.sock.settimeout(0.2)
        with self.assertRaises(TimeoutError):
            client.noop()
        self.assertEqual(self.body(other), HELLO)

    def test_changes_are_told(self):
        server = self.serve([HELLO] * 2)
        client = self.client(server)
        client.select()
        server.expunge('INBOX', 1)
        server.add('INBOX', HELLO)
        client.noop()
        self.assertEqual((client.response('EXPUNGE')[1], client.response('EXISTS')[1][-1]), ([b'1'], b'2'))

    def test_idle(self):
        server = self.serve([HELLO])
        client = self.client(server)
        client.select()
        client.send(b'x IDLE\r\n')
        self.assertEqual(client.readline(), b'+ idling\r\n')
        server.add('INBOX', HELLO)
        self.assertEqual(client.readline(), b'* 2 EXISTS\r\n')
        client.send(b'DONE\r\n')
        self.assertEqual(client.readline(), b'x OK done\r\n')

    def test_refuses_connections_when_told(self):
        server = self.serve([HELLO])
        server.stop_listening()
        with self.assertRaises(ConnectionRefusedError):
            Client(server.port)
        server.listen_again()
        self.client(server)


class TestMountHelpers(mount.TimedTestCase):
    def test_call_returns_raises_and_ends_in_time(self):
        self.assertEqual(mount.call(pow, 2, 10), 1024)
        with self.assertRaises(FileNotFoundError):
            mount.call(os.listdir, '/nonexistent')
        with self.assertRaises(mount.CallTimeout):
            mount.call(time.sleep, 100, seconds=0.2)

    def test_call_returns_much(self):
        self.assertEqual(len(mount.call(bytes, 50_000_000)), 50_000_000)

    def test_is_mounted(self):
        self.assertTrue(mount.is_mounted('/proc'))
        with tempfile.TemporaryDirectory() as directory:
            self.assertFalse(mount.is_mounted(directory))

    def test_background_can_be_interrupted(self):
        command = mount.Background('exec sleep 100', '/')
        command.signal(signal.SIGINT)
        self.assertEqual(command.finish()[0], -signal.SIGINT)

    def test_what_counts_as_a_warning(self):
        for line, bad in (('(imapfs:1): GLib-CRITICAL **: x', True), ('** (imapfs:1): WARNING **: y', True),
                          ('==1==ERROR: AddressSanitizer: heap-use-after-free', True), ('a.c:1:2: runtime error: z', True),
                          ('WARNING: ThreadSanitizer: data race', True), ('imapfs: connected', False)):
            with self.subTest(line=line):
                self.assertEqual(bool(mount.WARNINGS.search(line)), bad)


if __name__ == '__main__':
    mount.main()
