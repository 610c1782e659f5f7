#!/usr/bin/python3
"""New files and new versions of messages: what becomes a message, what stays here, and what the writer is told."""

import errno
import os
import re
import time

import fakeserver
import mount
import writing
from writing import crlf, letter

NO_MESSAGE = b'This is a shopping list.\n\nmilk\n'
QUOTA = ('mail_plugins = quota\nprotocol imap {\n  mail_plugins = quota imap_quota\n}\n'
         'plugin {\n  quota = maildir:User quota\n  quota_rule = *:storage=100K\n}\n')
ACL = 'mail_plugins = acl\nprotocol imap {\n  mail_plugins = acl imap_acl\n}\nplugin {\n  acl = vfile\n}\n'


class TestNewFiles(writing.WritingCase):
    def test_line_ends(self):
        mounted = self.start()
        self.write(mounted, 'INBOX/lf.eml', letter(7))
        self.write(mounted, 'INBOX/crlf.eml', crlf(letter(8)))
        self.write(mounted, 'INBOX/mixed.eml', b'Subject: Letter 9\r\n\r\none\ntwo\r\nthree\n\r\n')
        self.write(mounted, 'INBOX/end.eml', b'Subject: Letter 10\n\nno end')
        self.assertEqual(self.held_content('INBOX', 7), crlf(letter(7)))
        self.assertEqual(self.held_content('INBOX', 8), crlf(letter(8)))
        self.assertEqual(self.held_content('INBOX', 9), b'Subject: Letter 9\r\n\r\none\r\ntwo\r\nthree\r\n\r\n')
        self.assertEqual(self.held_content('INBOX', 10), b'Subject: Letter 10\r\n\r\nno end')
        for name, number in (('lf', 7), ('crlf', 8), ('mixed', 9), ('end', 10)):
            content = self.held_content('INBOX', number)
            self.assertEqual(mounted.read(f'INBOX/{name}.eml'), content)
            self.assertEqual(mounted.stat(f'INBOX/{name}.eml').st_size, len(content))

    def test_in_pieces_and_out_of_order(self):
        content = letter(7, size=700_000)

        def write_pieces(path):
            with open(path, 'xb', buffering=0) as file:
                file.truncate(len(content))
                for offset in list(range(0, len(content), 50_000))[::-1]:
                    os.pwrite(file.fileno(), content[offset:offset + 50_000], offset)

        mounted = self.start()
        mount.call(write_pieces, mounted.path / 'INBOX/big.eml')
        self.assertEqual(self.held_content('INBOX', 7), crlf(content))
        self.assertEqual(mounted.read('INBOX/big.eml'), crlf(content))

    def test_is_delivered_once(self):
        """Descriptors that are closed without having written, a second fsync, and a process that forks."""
        def write_often(path):
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL)
            os.write(file, letter(7))
            os.close(os.dup(file))
            os.fsync(file)
            os.fsync(file)
            if os.fork() == 0:
                os._exit(0)
            os.wait()
            os.close(file)

        mounted = self.start()
        mount.call(write_often, mounted.path / 'INBOX/x.eml')
        self.sync(mounted)
        self.assertEqual(self.held('INBOX'), [1, 2, 3, 4, 5, 6, 7])

    def test_time(self):
        mounted = self.start()
        self.write(mounted, 'INBOX/old.eml', letter(7), mtime=1_000_000_000)
        self.assertIn('09-Sep-2001 01:46:40 +0000', self.held_item('INBOX', 7, 'INTERNALDATE'))
        self.assertEqual(mounted.stat('INBOX/old.eml').st_mtime, 1_000_000_000)
        self.write(mounted, 'INBOX/new.eml', letter(8))
        self.assertLess(abs(mounted.stat('INBOX/new.eml').st_mtime - time.time()), 60)

    def test_flags(self):
        """As the mailbox is for drafts, or for what was sent."""
        self.server.create('Drafts', 'Sent')
        mounted = self.start()
        for mailbox in ('Drafts', 'Sent', 'Box'):
            self.write(mounted, f'{mailbox}/x.eml', letter(7))
        self.assertEqual(self.held_flags('Drafts', 7), {'\\Draft', '\\Seen'})
        self.assertEqual(self.held_flags('Sent', 7), {'\\Seen'})
        self.assertEqual(self.held_flags('Box', 7) - {'\\Seen'}, set())

    def test_no_message(self):
        """The writer hears of it, and what is there before stays."""
        mounted = self.start()
        self.assert_errno(errno.EINVAL, self.write, mounted, 'INBOX/list.eml', NO_MESSAGE)
        path = self.path(mounted, 'INBOX', 1)
        self.assert_errno(errno.EINVAL, self.write, mounted, path, NO_MESSAGE)
        self.assertEqual(mounted.read(path), crlf(letter(1)))
        if self.exists(mounted, 'INBOX/list.eml'):
            self.unlink(mounted, 'INBOX/list.eml')
        self.sync(mounted)
        mounted.unmount()
        self.assertEqual(self.held('INBOX'), [1, 2, 3, 4, 5, 6])

    def test_no_message_stays(self):
        """Whoever looks later hears of it as well, for as long as it lies there."""
        mounted = self.start()
        for path in ('Box/list.eml', 'Box/other.eml'):
            self.assert_errno(errno.EINVAL, self.write, mounted, path, NO_MESSAGE)
        for directory in ('Box', ''):
            self.assert_errno(errno.EINVAL, self.sync, mounted, directory)
        self.sync(mounted, 'INBOX')
        for _ in range(2):
            self.assert_errno(errno.EINVAL, self.sync, mounted, 'Box/list.eml')
        for name, start in ('errors', ''), ('pending', 'not sent: '):
            lines = mounted.read(f'.imapfs/{name}').decode().splitlines()
            self.assertEqual([re.search(f'{start}APPEND Box/(\\w+).eml.*not an Internet message', line).group(1)
                              for line in lines], ['list', 'other'])
        self.unlink(mounted, 'Box/list.eml')
        self.write(mounted, 'Box/other.eml', letter(7))
        self.sync(mounted)
        self.assertEqual(mounted.read('.imapfs/pending'), b'')
        self.assertEqual(self.held('Box'), [7, 101, 102, 103])

    def test_an_empty_file(self):
        """touch, then somebody fills it."""
        mounted = self.start()
        mounted.run('touch INBOX/new.eml')
        self.assertEqual(mounted.stat('INBOX/new.eml').st_size, 0)
        self.sync(mounted)
        self.assertEqual(self.held('INBOX'), [1, 2, 3, 4, 5, 6])
        self.write(mounted, 'INBOX/new.eml', letter(7))
        self.assertEqual(self.held('INBOX'), [1, 2, 3, 4, 5, 6, 7])
        mounted.run('touch INBOX/other.eml')
        self.assert_errno(errno.EEXIST, self.write, mounted, 'INBOX/other.eml', mode='xb')
        self.unlink(mounted, 'INBOX/other.eml')
        self.assertFalse(self.exists(mounted, 'INBOX/other.eml'))

    def test_where_there_is_no_mailbox(self):
        mounted = self.start()
        self.assert_errno((errno.EACCES, errno.EPERM), self.write, mounted, 'x.eml', letter(7))


class TestNewVersions(writing.WritingCase):
    def setUp(self):
        super().setUp()
        self.mounted = self.start()
        self.file = self.path(self.mounted, 'INBOX', 1)
        self.uid = [uid for uid, content in self.server.messages('INBOX').items() if writing.number_of(content) == 1]

    def check(self, content):
        """The file, and the server, have the new version once, and the old one no more."""
        self.assertEqual(self.mounted.read(self.file), content)
        self.assertEqual(self.mounted.stat(self.file).st_size, len(content))
        self.sync(self.mounted)
        self.assertEqual(self.held('INBOX'), [1, 2, 3, 4, 5, 6])
        self.assertEqual(self.held_content('INBOX', 1), content)
        self.assertEqual(len(self.mounted.listdir('INBOX')), 6)
        self.mounted.unmount()
        self.assertEqual(self.start().read(self.file), content)

    def test_truncated(self):
        self.write(self.mounted, self.file, letter(1, 'another text'))
        self.check(crlf(letter(1, 'another text')))

    def test_in_place(self):
        def change(path):
            with open(path, 'r+b', buffering=0) as file:
                file.seek(file.read().index(b'text'))
                file.write(b'TEXT')

        mount.call(change, self.mounted.path / self.file)
        self.check(crlf(letter(1)).replace(b'text', b'TEXT'))

    def test_appended(self):
        self.mounted.run(f"echo 'one more line' >> '{self.file}'")
        self.check(crlf(letter(1)) + b'one more line\r\n')

    def test_cut(self):
        """An end of line comes to the end, if one is missing."""
        content = crlf(letter(1))[:-4]
        mount.call(os.truncate, self.mounted.path / self.file, len(content))
        self.sync(self.mounted)
        self.assertIn(self.held_content('INBOX', 1), (content, content + b'\r\n'))
        self.check(self.held_content('INBOX', 1))

    def test_twice_without_closing(self):
        def change(path):
            with open(path, 'r+b', buffering=0) as file:
                for text in (b'TEXT', b'Text'):
                    file.seek(crlf(letter(1)).index(b'text'))
                    file.write(text)
                    os.fsync(file.fileno())

        mount.call(change, self.mounted.path / self.file)
        self.check(crlf(letter(1)).replace(b'text', b'Text'))

    def test_flags_stay(self):
        self.write(self.mounted, self.file, letter(1, 'another text'))
        self.sync(self.mounted)
        self.assertIn('\\Flagged', self.held_flags('INBOX', 1))

    def test_opened_and_not_changed(self):
        def look(path):
            with open(path, 'r+b', buffering=0) as file:
                return file.read()

        self.assertEqual(mount.call(look, self.mounted.path / self.file), crlf(letter(1)))
        self.sync(self.mounted)
        self.assertEqual([uid for uid, content in self.server.messages('INBOX').items()
                          if writing.number_of(content) == 1], self.uid)

    def test_renamed_over(self):
        self.write(self.mounted, 'INBOX/.new-version.tmp', letter(1, 'another text'))
        self.rename(self.mounted, 'INBOX/.new-version.tmp', self.file)
        self.check(crlf(letter(1, 'another text')))

    def test_sed(self):
        self.mounted.run(f"sed -i s/text/TEXT/ '{self.file}'")
        self.check(crlf(letter(1)).replace(b'text', b'TEXT'))


class TestScratchFiles(writing.WritingCase):
    NAMES = ('.x.eml.swp', '.x.eml.swx', 'x.eml~', '4913', '.goutputstream-A1B2C3', 'x.tmp', '#x.eml#', '.#x.eml',
             '.directory', '.DS_Store', 'x.swp')

    def test_stay_here(self):
        self.draw_line()
        mounted = self.start('poll=0')
        mounted.listdir('INBOX')
        mounted.read(self.path(mounted, 'INBOX', 1))
        with self.line.counting() as counts:
            for name in self.NAMES:
                content = letter(7, size=50_000)
                self.write(mounted, f'INBOX/{name}', content)
                self.assertEqual(mounted.read(f'INBOX/{name}'), content)
                self.sync(mounted, f'INBOX/{name}')
                self.rename(mounted, f'INBOX/{name}', f'INBOX/.again-{name}')
                self.rename(mounted, f'INBOX/.again-{name}', f'INBOX/{name}')
        self.assertLess(counts['bytes_up'], 5_000)
        for name in self.NAMES[:3]:
            self.unlink(mounted, f'INBOX/{name}')
            self.assertFalse(self.exists(mounted, f'INBOX/{name}'))
        mounted.unmount()
        self.assertEqual(self.held('INBOX'), [1, 2, 3, 4, 5, 6])
        self.assertEqual(self.shown(self.start(), 'INBOX'), [1, 2, 3, 4, 5, 6])

    def test_become_messages(self):
        mounted = self.start()
        for number, name in enumerate(self.NAMES, 7):
            self.write(mounted, f'INBOX/{name}', letter(number))
            self.rename(mounted, f'INBOX/{name}', f'Box/message-{number}.eml')
            self.assertEqual(mounted.read(f'Box/message-{number}.eml').splitlines(), letter(number).splitlines())
        self.sync(mounted)
        self.assertEqual(self.held('Box'), [*range(7, 7 + len(self.NAMES)), 101, 102, 103])
        self.assertEqual(self.held_content('Box', 7), crlf(letter(7)))

    def test_that_are_no_messages(self):
        mounted = self.start()
        self.write(mounted, 'INBOX/x.tmp', NO_MESSAGE)
        self.assert_errno(errno.EINVAL, self.rename, mounted, 'INBOX/x.tmp', 'INBOX/x.eml')
        self.assert_errno(errno.EINVAL, self.rename, mounted, 'INBOX/x.tmp', self.path(mounted, 'INBOX', 1))
        self.assertEqual(mounted.read('INBOX/x.tmp'), NO_MESSAGE)
        self.sync(mounted)
        self.assertEqual(self.held_content('INBOX', 1), crlf(letter(1)))
        self.assertEqual(self.held('INBOX'), [1, 2, 3, 4, 5, 6])


class TestWaiting(writing.WritingCase):
    """150 ms one way: what does not wait for the server is told from what does."""

    DELAY_MS = 150

    def setUp(self):
        super().setUp()
        self.draw_line(delay_ms=self.DELAY_MS)

    def seconds(self, function, *arguments, **keywords):
        began = time.monotonic()
        function(*arguments, **keywords)
        return time.monotonic() - began

    def test_write_behind(self):
        mounted = self.start()
        paths = {number: self.path(mounted, 'INBOX', number) for number in (1, 2)}
        self.assertEqual(self.shown(mounted, 'Box'), [101, 102, 103])
        for function, *arguments in ((self.unlink, paths[1]), (self.rename, paths[2], 'Box/x.eml'), (self.mkdir, 'New')):
            self.assertLess(self.seconds(function, mounted, *arguments), 0.4 * mount.SLOWNESS)
        self.assertGreater(self.seconds(self.sync, mounted, 'INBOX'), 0.2)
        self.assertEqual((self.held('INBOX'), self.held('Box')), ([3, 4, 5, 6], [2, 101, 102, 103]))
        self.sync(mounted)
        self.assertIn('New', self.server.mailboxes())

    def test_close_waits(self):
        mounted = self.start()
        mounted.listdir('INBOX')
        self.assertGreater(self.seconds(self.write, mounted, 'INBOX/x.eml', letter(7)), 0.25)
        self.assertEqual(self.held('INBOX'), [1, 2, 3, 4, 5, 6, 7])

    def test_fsync_of_a_file(self):
        def write_and_wait(path):
            with open(path, 'wb', buffering=0) as file:
                file.write(letter(7))
                os.fsync(file.fileno())
                return self.held('INBOX')

        mounted = self.start('writeback')
        self.assertEqual(mount.call(write_and_wait, mounted.path / 'INBOX/x.eml'), [1, 2, 3, 4, 5, 6, 7])

    def test_writeback(self):
        mounted = self.start('writeback')
        mounted.listdir('INBOX')
        self.assertLess(self.seconds(self.write, mounted, 'INBOX/x.eml', letter(7)), 0.4 * mount.SLOWNESS)
        self.assertEqual(mounted.read('INBOX/x.eml').splitlines(), letter(7).splitlines())
        self.sync(mounted, 'INBOX')
        self.assertEqual(self.held_content('INBOX', 7), crlf(letter(7)))
        self.assert_errno(errno.EINVAL, self.write, mounted, 'INBOX/no.eml', NO_MESSAGE)

    def test_writeback_and_kill(self):
        mounted = self.start('writeback')
        mounted.listdir('INBOX')
        self.write(mounted, 'INBOX/x.eml', letter(7))
        mounted.kill()
        mounted = self.start('writeback')
        self.sync(mounted)
        self.assertEqual(self.held('INBOX'), [1, 2, 3, 4, 5, 6, 7])
        self.assertEqual(mounted.read('INBOX/x.eml'), crlf(letter(7)))

    def test_sync(self):
        mounted = self.start('sync')
        self.unlink(mounted, self.path(mounted, 'INBOX', 1))
        self.assertEqual(self.held('INBOX'), [2, 3, 4, 5, 6])
        self.rename(mounted, self.path(mounted, 'INBOX', 2), 'Box/x.eml')
        self.assertEqual((self.held('INBOX'), self.held('Box')), ([3, 4, 5, 6], [2, 101, 102, 103]))
        self.mkdir(mounted, 'New')
        self.assertIn('New', self.server.mailboxes())
        self.rename(mounted, 'New', 'Newer')
        self.assertIn('Newer', self.server.mailboxes())
        self.rmdir(mounted, 'Newer')
        self.assertNotIn('Newer', self.server.mailboxes())

    def test_sync_of_the_mount(self):
        mounted = self.start()
        self.unlink(mounted, self.path(mounted, 'INBOX', 1))
        mounted.run('sync .')
        self.assertEqual(self.held('INBOX'), [2, 3, 4, 5, 6])

    def test_unmount_waits(self):
        mounted = self.start()
        mounted.run('rm INBOX/*Letter-[1-4].* && mkdir New && mv Box/*.eml New/')
        mounted.unmount()
        self.assertEqual((self.held('INBOX'), self.held('Box'), self.held('New')), ([5, 6], [], [101, 102, 103]))


class TestQuota(writing.WritingCase):
    server_options = {'extra': QUOTA}

    def test_full(self):
        mounted = self.start()
        self.write(mounted, 'INBOX/small.eml', letter(7, size=60_000))
        self.assert_errno(errno.EDQUOT, self.write, mounted, 'INBOX/large.eml', letter(8, size=60_000))
        path = self.path(mounted, 'INBOX', 1)
        self.assert_errno(errno.EDQUOT, self.write, mounted, path, letter(1, size=60_000))
        self.assertEqual(self.held_content('INBOX', 1), crlf(letter(1)))
        self.assertEqual(mounted.read(path), crlf(letter(1)))
        self.assertEqual(self.held('INBOX'), [1, 2, 3, 4, 5, 6, 7])
        if self.exists(mounted, 'INBOX/large.eml'):
            self.unlink(mounted, 'INBOX/large.eml')

    def test_room_is_made_first(self):
        """What is sent together passes nothing that makes room for it."""
        self.draw_line()
        mounted = self.start('writeback')
        for mailbox in ('INBOX', 'Box'):
            mounted.listdir(mailbox)
        self.write(mounted, 'INBOX/large.eml', letter(7, size=70_000))
        self.sync(mounted, 'INBOX')
        self.stop_line()
        self.write(mounted, 'Box/8.eml', letter(8))
        self.write(mounted, 'INBOX/large.eml', letter(9))
        self.write(mounted, 'Box/10.eml', letter(10, size=60_000))
        self.start_line()
        self.online(mounted)
        self.sync(mounted)
        self.assertEqual((self.held('INBOX'), self.held('Box')), ([1, 2, 3, 4, 5, 6, 9], [8, 10, 101, 102, 103]))

    def test_full_later(self):
        """With writeback nobody waits for the verdict: it is told, and what was written is not thrown away."""
        mounted = self.start('writeback')
        self.write(mounted, 'INBOX/small.eml', letter(7, size=60_000))
        self.write(mounted, 'INBOX/large.eml', letter(8, size=60_000))
        self.assert_errno(errno.EDQUOT, self.sync, mounted, 'INBOX')
        self.sync(mounted, 'INBOX')  # said once
        self.assertIn('large.eml', mounted.read('.imapfs/errors').decode())
        self.assertEqual(self.held('INBOX'), [1, 2, 3, 4, 5, 6, 7])
        mounted.expect('large.eml')
        mounted.unmount()
        mounted = self.start('writeback')
        self.assertIn('large.eml', mounted.read('.imapfs/errors').decode() + mounted.read('.imapfs/pending').decode())


class TestRights(writing.WritingCase):
    server_options = {'extra': ACL}

    def test_a_mailbox_to_read(self):
        """Nothing goes from it or comes to it."""
        self.server.stop()
        access = self.server.maildir('Box') / 'dovecot-acl'
        access.write_text('owner lrs\n')
        access.chmod(0o644)
        self.server.own(access)
        self.server.start()
        refused = errno.EACCES, errno.EROFS
        mounted = self.start('sync')
        path = self.path(mounted, 'Box', 101)
        self.assert_errno(refused, self.unlink, mounted, path)
        self.assert_errno(refused, self.rename, mounted, path, 'INBOX/x.eml')
        self.assert_errno(refused, self.rename, mounted, self.path(mounted, 'INBOX', 1), 'Box/x.eml')
        self.assert_errno(refused, self.write, mounted, 'Box/x.eml', letter(7))
        self.assertEqual(self.shown(mounted, 'Box'), [101, 102, 103])
        self.assertEqual(self.shown(mounted, 'INBOX'), [1, 2, 3, 4, 5, 6])
        self.assertEqual((self.held('INBOX'), self.held('Box')), ([1, 2, 3, 4, 5, 6], [101, 102, 103]))
        mounted.expect('.')


class TestRefusals(mount.MountTestCase):
    """By a server that does nothing wrong but refuse."""

    assert_errno = writing.WritingCase.assert_errno

    def serve(self, **attributes):
        self.server = self.enter(fakeserver.Imap({'INBOX': [crlf(letter(1)), crlf(letter(2))], 'Box': []}, **attributes))
        self.mounted = self.mount(self.server, 'names=uid')
        self.mounted.expect('.')
        self.assertEqual(sorted(self.mounted.listdir('INBOX')), ['1.eml', '2.eml'])

    def write(self, path, *pieces):
        mount.call(writing.write_file, self.mounted.path / path, *pieces)

    def sync(self, path='.'):
        mount.call(writing.fsync_path, self.mounted.path / path)

    def test_too_big_by_the_limit(self):
        self.serve(capabilities=fakeserver.Imap.capabilities + ' APPENDLIMIT=2000')
        self.write('Box/small.eml', letter(7))
        self.assert_errno(errno.EFBIG, self.write, 'Box/large.eml', letter(8, size=10_000))
        self.assertEqual(len(self.server.mailboxes['Box'].mails), 1)

    def test_too_big_by_the_answer(self):
        self.serve()
        self.server.replies['APPEND'] = 'NO [TOOBIG] Too big for me'
        self.assert_errno(errno.EFBIG, self.write, 'Box/large.eml', letter(8, size=10_000))
        self.assertEqual(len(self.server.mailboxes['Box'].mails), 0)

    def check_refused_later(self, number, *commands):
        """The file is back, and everybody who should know is told, the fsync once."""
        self.assert_errno(number, self.sync, 'INBOX')
        self.sync('INBOX')
        self.assertEqual(sorted(self.mounted.listdir('INBOX')), ['1.eml', '2.eml'])
        self.assertEqual(self.mounted.read('INBOX/1.eml'), crlf(letter(1)))
        errors = self.mounted.read('.imapfs/errors').decode()
        line, = errors.splitlines()
        self.assertIn('INBOX', line)
        self.assertIn('because I say so', line)
        self.assertRegex(line, '|'.join(commands))
        self.assertIn('because I say so', self.mounted.log())

    def test_remove(self):
        self.serve()
        self.server.replies['UID STORE'] = 'NO [NOPERM] because I say so'
        mount.call(os.unlink, self.mounted.path / 'INBOX/1.eml')
        self.check_refused_later(errno.EACCES, 'STORE', 'EXPUNGE', 'remove')

    def test_move(self):
        self.serve()
        self.server.replies['UID MOVE'] = 'NO [OVERQUOTA] because I say so'
        mount.call(os.rename, self.mounted.path / 'INBOX/1.eml', self.mounted.path / 'Box/x.eml')
        self.check_refused_later(errno.EDQUOT, 'MOVE', 'move')
        self.assertEqual(self.mounted.listdir('Box'), [])

    def test_mkdir(self):
        self.serve()
        self.server.replies['CREATE'] = 'NO [CANNOT] because I say so'
        mount.call(os.mkdir, self.mounted.path / 'New')
        with self.assertRaises(OSError):
            self.sync()
        self.assertNotIn('New', self.mounted.listdir())
        self.assertRegex(self.mounted.read('.imapfs/errors').decode(), 'New.*because I say so')

    def test_what_hangs_on_it(self):
        """A mailbox that cannot be made takes nothing with it."""
        self.serve()
        self.server.replies['CREATE'] = 'NO [CANNOT] because I say so'
        mount.call(os.mkdir, self.mounted.path / 'New')
        with self.assertRaises(OSError):
            mount.call(os.rename, self.mounted.path / 'INBOX/1.eml', self.mounted.path / 'New/1.eml')
            self.sync()
        self.assertTrue(mount.wait_until(lambda: sorted(self.mounted.listdir('INBOX')) == ['1.eml', '2.eml']))
        self.assertEqual(sorted(self.server.mailboxes['INBOX'].mails), [1, 2])

    def test_a_server_without_literal_plus(self):
        self.serve(capabilities=fakeserver.Imap.capabilities.replace('LITERAL+', '').replace('MOVE', ''))
        self.write('Box/x.eml', letter(7))
        mount.call(os.rename, self.mounted.path / 'INBOX/1.eml', self.mounted.path / 'Box/1.eml')
        self.sync()
        self.assertEqual([mail.content for mail in self.server.mailboxes['Box'].mails.values()],
                         [crlf(letter(7)), crlf(letter(1))])
        self.assertEqual(list(self.server.mailboxes['INBOX'].mails), [2])
        self.assertFalse([name for _, name, _ in self.server.commands if re.fullmatch('EXPUNGE|CLOSE', name)])


if __name__ == '__main__':
    mount.main()
