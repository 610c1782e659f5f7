/*
 * .imapfs/events: what changes on the server, as it is seen.
 *
 * Each lookup makes a stream, whose text begins with a line that says what is being told; so there
 * is something to read at once, and the file has a size, as tail(1) wants it. From its opening on
 * every event is added. A READ at the end waits, unless the file was opened with O_NONBLOCK (tail
 * sets that, and looks at the growing size instead).
 *
 *     start                read                    end
 *       |--- kept for -------|---- not read yet -----|
 *            those who look back     (MAX_UNREAD at the most; then the number of
 *            (MAX_READ)               those left out is the next event)
 */
#include "events.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>

#include "attributes.h"
#include "node.h"

#define MAX_READ   (64 * 1024)
#define MAX_UNREAD (16 * 1024 * 1024)

typedef struct {
	guint n_open;
	GString *text;
	guint64 start,
		read; /* offsets in the file: of the first byte of text, of the next unread */
	guint64 n_lost;
	struct fuse_pollhandle *poll; /* of who waits for more */
	WaitQueue waiting;
} Stream;

static guint64
end_of(const Stream *stream)
{
	return stream->start + stream->text->len;
}

static Stream *
find(const FileSystem *fs, fuse_ino_t node)
{
	return g_hash_table_lookup(fs->streams, &node);
}

gboolean
events_has(const FileSystem *fs, fuse_ino_t node)
{
	return find(fs, node) != NULL;
}

static void
set_poll(Stream *stream, struct fuse_pollhandle *handle)
{
	if (stream->poll)
		fuse_pollhandle_destroy(stream->poll);
	stream->poll = handle;
}

void
events_stream_free(gpointer data)
{
	Stream *stream = data;

	set_poll(stream, NULL);
	g_string_free(stream->text, TRUE);
	g_free(stream);
}

/* --- lines --- */

static void
append_escape(GString *line, gunichar c)
{
	if (c > 0xffff) /* two surrogates (RFC 8259 7) */
		g_string_append_printf(line, "\\u%04x\\u%04x", 0xd7c0 + (c >> 10),
		                       0xdc00 + (c & 0x3ff));
	else
		g_string_append_printf(line, "\\u%04x", c);
}

/* Lines are read on terminals, and by programs that split them wherever Unicode ends a line: no
 * control, format (bidi), separator or unassigned character is written as it is. */
static gboolean
is_plain(gunichar c)
{
	GUnicodeType type = g_unichar_type(c);

	return g_unichar_isprint(c) && type != G_UNICODE_LINE_SEPARATOR &&
	       type != G_UNICODE_PARAGRAPH_SEPARATOR;
}

static void
append_character(GString *line, gunichar c)
{
	if (c == '"' || c == '\\')
		g_string_append_printf(line, "\\%c", (char)c);
	else if (is_plain(c))
		g_string_append_unichar(line, c);
	else
		append_escape(line, c);
}

/* JSON is UTF-8, and so are names; a byte that is not becomes U+FFFD. */
static void
append_string(GString *line, const char *text)
{
	g_string_append_c(line, '"');
	while (*text) {
		gunichar c = g_utf8_get_char_validated(text, -1);
		gboolean valid = c < G_MAXINT32;

		append_character(line, valid ? c : 0xfffd);
		text = valid ? g_utf8_next_char(text) : text + 1;
	}
	g_string_append_c(line, '"');
}

static void
append_member(GString *line, const char *name, const char *text)
{
	g_string_append_printf(line, ", \"%s\": ", name);
	append_string(line, text);
}

static void
append_flags(GString *line, const char *flags)
{
	g_auto(GStrv) words = g_strsplit(flags, " ", -1);
	const char *separator = "";

	g_string_append(line, ", \"flags\": [");
	for (char **word = words; *word; word++) {
		if (!**word)
			continue;
		g_string_append(line, separator);
		append_string(line, *word);
		separator = ", ";
	}
	g_string_append_c(line, ']');
}

static GString *
line_new(const char *event)
{
	g_autoptr(GDateTime) now = g_date_time_new_now_utc();
	g_autofree char *seconds = g_date_time_format(now, "%Y-%m-%dT%H:%M:%S");
	GString *line = g_string_new(NULL);

	g_string_append_printf(line, "{\"time\": \"%s.%03dZ\", \"event\": \"%s\"", seconds,
	                       g_date_time_get_microsecond(now) / 1000, event);
	return line;
}

/* --- adding --- */

static void
wake(Stream *stream)
{
	if (stream->poll)
		fuse_lowlevel_notify_poll(stream->poll);
	set_poll(stream, NULL);
	wait_queue_wake(&stream->waiting, NULL);
}

static void
add_lost(Stream *stream)
{
	GString *line = line_new("lost");

	g_string_append_printf(line, ", \"count\": %" G_GUINT64_FORMAT "}\n", stream->n_lost);
	stream->n_lost = 0;
	g_string_append_len(stream->text, line->str, (gssize)line->len);
	g_string_free(line, TRUE);
}

static void
add(Stream *stream, const GString *line)
{
	if (!stream->n_open)
		return;
	if (stream->n_lost || end_of(stream) - stream->read + line->len > MAX_UNREAD) {
		stream->n_lost++;
		return;
	}
	g_string_append_len(stream->text, line->str, (gssize)line->len);
	wake(stream);
}

/* Takes @line. */
static void
add_to_all(FileSystem *fs, GString *line)
{
	GHashTableIter iter;
	gpointer stream;

	g_string_append(line, "}\n");
	g_hash_table_iter_init(&iter, fs->streams);
	while (g_hash_table_iter_next(&iter, NULL, &stream))
		add(stream, line);
	g_string_free(line, TRUE);
}

/* Below the root of the mount; NULL: it is not there. */
static char *
path_of(const FileSystem *fs, const Mailbox *mailbox)
{
	const Mailbox *root = account_root(fs->account);
	char *path = g_strdup("");

	for (; mailbox && mailbox != root; mailbox = mailbox_parent(mailbox)) {
		char *longer =
			g_strconcat(mailbox_file_name(mailbox), *path ? "/" : "", path, NULL);

		g_free(path);
		path = longer;
	}
	if (!mailbox)
		g_clear_pointer(&path, g_free);
	return path;
}

static void
append_message(GString *line, const char *mailbox, const Message *message)
{
	g_autofree char *path = g_strconcat(mailbox, *mailbox ? "/" : "", message->name, NULL);

	append_member(line, "path", path);
	g_string_append_printf(line, ", \"uid\": %u", message->uid);
	append_flags(line, message->flags);
}

void
events_changed(FileSystem *fs, AccountChange change, const Mailbox *mailbox, const Message *message)
{
	static const char *const names[] = {
		[ACCOUNT_MESSAGE_NEW] = "new",
		[ACCOUNT_MESSAGE_GONE] = "expunged",
		[ACCOUNT_MESSAGE_FLAGS] = "flags",
		[ACCOUNT_MAILBOX_CREATED] = "mailbox-created",
		[ACCOUNT_MAILBOX_GONE] = "mailbox-deleted",
		[ACCOUNT_MAILBOX_CHANGED] = "mailbox-changed",
	};
	g_autofree char *path = NULL;
	GString *line;

	if (!fs->n_streams_open)
		return;
	path = path_of(fs, mailbox);
	if (!path)
		return;
	line = line_new(names[change]);
	append_member(line, "mailbox", path);
	if (message)
		append_message(line, path, message);
	add_to_all(fs, line);
}

static GString *
watching_line(RemoteWatching watching)
{
	static const char *const names[] = {
		[REMOTE_WATCHING_NOTHING] = "nothing",
		[REMOTE_WATCHING_SOME] = "some",
		[REMOTE_WATCHING_ALL] = "all",
	};
	GString *line = line_new("watching");

	append_member(line, "mailboxes", names[watching]);
	return line;
}

void
events_watching(FileSystem *fs, RemoteWatching watching)
{
	fs->watching = watching;
	if (fs->n_streams_open)
		add_to_all(fs, watching_line(watching));
}

/* --- operations --- */

void
events_lookup(Request *request)
{
	FileSystem *fs = request->fs;
	struct fuse_entry_param entry = {.ino = NODE_SNAPSHOT + fs->n_snapshots++};
	Stream *stream = g_new0(Stream, 1);

	stream->text = watching_line(fs->watching);
	g_string_append(stream->text, "}\n");
	wait_queue_init(&stream->waiting);
	g_hash_table_insert(fs->streams, g_memdup2(&entry.ino, sizeof(entry.ino)), stream);
	attributes_of_control(fs, entry.ino, FALSE, end_of(stream), &entry.attr);
	request_reply_entry(request, &entry);
}

void
events_getattr(Request *request)
{
	struct stat attr;

	attributes_of_control(request->fs, request->node, FALSE,
	                      end_of(find(request->fs, request->node)), &attr);
	request_reply_attr(request, &attr, 0);
}

void
events_open(Request *request)
{
	find(request->fs, request->node)->n_open++;
	request->fs->n_streams_open++;
	request->fi.direct_io = 1;
	request->fi.noflush = 1;
	request_reply_open(request);
}

static void
shrink(Stream *stream)
{
	GString *text = g_string_new_len(stream->text->str, (gssize)stream->text->len);

	g_string_free(stream->text, TRUE);
	stream->text = text;
}

/* What has been read is kept for a while: tail(1) reads backwards. */
static void
trim(Stream *stream)
{
	guint64 surplus = stream->read - stream->start;

	if (surplus < 2 * MAX_READ)
		return;
	g_string_erase(stream->text, 0, (gssize)(surplus - MAX_READ));
	if (stream->text->len < stream->text->allocated_len / 4) /* after a flood */
		shrink(stream);
	stream->start += surplus - MAX_READ;
}

/* What is before @offset has been read, or is not wanted. */
static void
skip_to(Stream *stream, guint64 offset)
{
	stream->read = MAX(stream->read, offset);
	if (stream->read == end_of(stream) && stream->n_lost)
		add_lost(stream);
	trim(stream);
}

static void
read_on(Request *request, Stream *stream, guint64 offset)
{
	gsize n = MIN(request->size, end_of(stream) - offset);
	g_autofree char *bytes = g_memdup2(stream->text->str + (offset - stream->start), n);

	skip_to(stream, offset + n);
	request_reply_buffer(request, bytes, n);
}

static void
await_more(Request *request, Stream *stream)
{
	request->endless = TRUE;
	waiter_park(&request->waiter, &stream->waiting);
	request_go_on(request, CACHE_PARKED, NULL);
}

/* Whoever has gone to the end (lseek) wants only what comes from now on, also from poll(2). */
void
events_read(Request *request)
{
	Stream *stream = find(request->fs, request->node);
	guint64 offset = (guint64)request->offset;

	if (stream && offset >= end_of(stream))
		skip_to(stream, end_of(stream));
	if (!stream)
		request_reply_errno(request, ESTALE);
	else if (offset < stream->start) /* no more to be had */
		request_reply_errno(request, ESPIPE);
	else if (offset < end_of(stream))
		read_on(request, stream, offset);
	else if (request->fi.flags & O_NONBLOCK)
		request_reply_errno(request, EAGAIN);
	else
		await_more(request, stream);
}

void
events_release(FileSystem *fs, fuse_ino_t node)
{
	Stream *stream = find(fs, node);

	stream->n_open--;
	fs->n_streams_open--;
}

void
events_end(FileSystem *fs)
{
	fs->n_streams_open = 0;
	g_hash_table_remove_all(fs->streams);
}

void
events_forget(FileSystem *fs, fuse_ino_t node)
{
	const Stream *stream = find(fs, node);

	if (stream) /* whoever gave up opening it never closes it */
		fs->n_streams_open -= stream->n_open;
	g_hash_table_remove(fs->streams, &node);
}

void
events_poll(fuse_req_t req, fuse_ino_t node, struct fuse_pollhandle *handle)
{
	FileSystem *fs = fuse_req_userdata(req);
	Stream *stream = find(fs, node);
	gboolean ready = !stream || stream->read < end_of(stream);

	if (stream && handle)
		set_poll(stream, handle);
	else if (handle)
		fuse_pollhandle_destroy(handle);
	fuse_reply_poll(req,
	                (ready ? POLLIN | POLLRDNORM : 0) | (stream ? 0 : POLLOUT | POLLWRNORM));
}
